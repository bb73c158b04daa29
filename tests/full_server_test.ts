// Who comes back to a server that has room for nobody else.

import { assertEquals } from "@std/assert";
import { ChatError } from "../lib/errors.ts";
import { dialPeer, helloOf } from "./peers.ts";
import { enterAs, startServer } from "./running_server.ts";
import { StagedJournal } from "./staged_journal.ts";
import { until } from "./support.ts";

Deno.test("Who was given up has their place for as long as that connection takes it", async () => {
  const codes: string[] = [];
  await using server = startServer({
    maxClients: 1,
    pingMs: 50,
    deadMs: 300,
    onRefused: (_, error) => void codes.push(error instanceof ChatError ? error.code : error.message),
  });
  using broken = (await enterAs("ana", server)).peer; // answers no PING, and does not hang up
  await until(() => codes.includes("silent"), "the server to give them up");
  using beto = await dialPeer(server.address);
  await beto.say(helloOf("beto"));
  assertEquals((await beto.expect("error")).code, "room-full");
  using _ana = (await enterAs("ana", server)).peer;
  assertEquals((await broken.rest()).at(-1)?.type, "error");
});

Deno.test("Who has said who they are is not late because the server waits for its disk", async () => {
  const journal = new StagedJournal();
  await using server = startServer({ journal, maxClients: 1, crowdedMs: 200, comingMs: 600 });
  using _broken = (await enterAs("ana", server)).peer;
  journal.isStuck = true;
  const coming = enterAs("ana", server);
  coming.catch(() => {}); // until it is waited for
  using silent = await dialPeer(server.address);
  assertEquals((await silent.expect("error")).code, "room-full");
  journal.isStuck = false;
  using _ana = (await coming).peer;
});
