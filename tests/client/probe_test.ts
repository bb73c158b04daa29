// PROBE from a client: which servers live.

import { assert, assertEquals } from "@std/assert";
import { probe } from "../../lib/client/probe.ts";
import type { Address } from "../../lib/net/address.ts";
import { freeAddress } from "../testing/addresses.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { enterAs, FakeServer } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { TCP } from "../testing/transport.ts";
import { waitFor } from "../testing/waiting.ts";

function answerOf(
  server: Address,
  {
    signal = new AbortController().signal,
    answerTimeoutMs = 5_000,
    onDown = (): unknown => assert(false, "It refuses"),
  } = {},
) {
  return probe(server, { signal, answerTimeoutMs, onDown }, TCP.dial);
}

Deno.test("probe() tells the log of a server and how many it has heard, and leaves nothing behind", async () => {
  await using server = startServer({ commitLog: new DelayedCommitLog({ logId: 7n, entries: [] }) });
  using _ana = await enterAs("ana", server);
  const { logId, heardCount } = (await answerOf(server.address))!;
  assertEquals([logId, heardCount], [7n, 1]);
  await waitFor(() => server.stats.connectionCount === 1, "the probe's connection to close");
});

Deno.test("probe() of a server that does not know PROBE finds that it lives", async () => {
  await using server = new FakeServer((client) =>
    client.send({ type: "error", code: "frame-unknown", reason: "" })
  );
  assertEquals(await answerOf(server.address), {});
});

Deno.test("probe() finds no server that refuses, hangs up, says garbage, or only accepts", async () => {
  let refusals = 0;
  assertEquals(await answerOf(freeAddress(), { onDown: () => refusals++ }), undefined);
  assertEquals(refusals, 1);
  const ends: ConstructorParameters<typeof FakeServer>[0][] = [
    () => Promise.resolve(),
    (client) => client.send(new Uint8Array([0, 0, 0, 0])),
    (client) => client.receiveAll(),
  ];
  for (const serve of ends) {
    await using server = new FakeServer(serve);
    assertEquals(await answerOf(server.address, { answerTimeoutMs: 30 }), undefined);
  }
});

Deno.test("probe() asks once more after a connection that ended without an answer", async () => {
  let count = 0;
  await using server = new FakeServer(async (client) => {
    await client.expect("probe");
    if (++count > 1) await client.send({ type: "error", code: "frame-unknown", reason: "" });
  });
  assertEquals(await answerOf(server.address), {});
});

Deno.test("probe() ends when its signal is aborted", async () => {
  const ending = new AbortController();
  await using server = new FakeServer(async (client) => {
    await client.expect("probe");
    ending.abort();
    await client.receiveAll();
  });
  assertEquals(await answerOf(server.address, ending), undefined);
  assertEquals(await answerOf(server.address, ending), undefined);
});
