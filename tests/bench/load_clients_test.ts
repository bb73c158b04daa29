// The clients of the load generator: what they count, and that they check that each message reaches each client once.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay, LoadClients } from "../../bench/load_clients.ts";
import { RawClient } from "../../bench/raw_client.ts";
import { startServer } from "../testing/test_server.ts";
import {
  type ClientMessage,
  decodeClient,
  encodeServer,
  SERVER_FRAMES,
  type ServerMessage,
} from "../../lib/protocol/frames.ts";
import { FakeServer, makeSaid, RawPeer, welcomeTo } from "../testing/raw_peer.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";

const said = (text: string) => makeSaid("ana", { seq: 0, clientSeq: 1, text });

/** Connects a client to a server that sends these messages in pieces of so many bytes. */
async function counted(messages: readonly ServerMessage[], pieceBytes: number) {
  const bytes = messages.flatMap((message) => [...encodeServer(message)]);
  const lost = Promise.withResolvers<Error>();
  let answers = 0;
  await using server = new FakeServer(async (client) => {
    await client.expect("hello");
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await client.send(Uint8Array.from(bytes.slice(at, at + pieceBytes)));
      await delay(0); // or the system joins the pieces
    }
    const pings = messages.filter(({ type }) => type === "ping").length;
    while (answers < pings) {
      await client.expect("pong");
      answers++;
    }
  });
  const { port } = server.address;
  using client = await RawClient.dial({ port, index: 0, readBytes: 40, onLost: lost.resolve });
  const error = await withTimeout(lost.promise, "the server to end");
  return { client, answers, error };
}

const MESSAGES: ServerMessage[] = [
  welcomeTo("ana"),
  said("x".repeat(100)),
  said(""),
  { type: "ping", head: 1 },
  said("ñ"),
  { type: "ping", head: 1 },
];
for (const pieceBytes of [1, 2, 3, 5, 7, 1_000]) {
  Deno.test(`RawClient counts frames that come in pieces of ${pieceBytes} bytes`, async () => {
    const { client, answers } = await counted(MESSAGES, pieceBytes);
    const counts = [SERVER_FRAMES.welcome.code, SERVER_FRAMES.said.code, SERVER_FRAMES.ping.code].map((
      type,
    ) => client.counts[type]);
    assertEquals([counts, answers, client.received], [[1, 3, 2], 2, 3]);
    assertEquals(client.counts.reduce((sum, count) => sum + count), 6);
    assertEquals(client.bytesRead, MESSAGES.reduce((sum, message) => sum + encodeServer(message).length, 0));
  });
}

Deno.test("RawClient reports why the server refuses it", async () => {
  const { error } = await counted([{ type: "error", code: "nick-taken", reason: "Cannot" }], 1_000);
  assertEquals(error.message, "Cannot stay with the server: Cannot");
});

/** Two conversations on a real server. */
async function talk(senders: number, window: number) {
  await using server = startServer();
  using batch = await LoadClients.open({ port: server.address.port, size: 5, atOnce: 2 });
  const hearsMore = (count: number) => batch.waitUntil("to hear more", ({ received }) => received > count);
  const first = await batch.runConversation({ senders, window, waitUntil: hearsMore(2 * window) });
  const second = await batch.runConversation({
    senders,
    window,
    waitUntil: hearsMore(first.messages + 3 * window),
  });
  const said = batch.clients.map(({ received }) => received);
  await batch.leave();
  return { first, second, said, head: server.log.head };
}

for (const [senders, window] of [[1, 1], [1, 100], [4, 3], [4, 100]] as const) {
  Deno.test(`LoadClients with ${senders} senders and ${window} messages in flight counts what the log has`, async () => {
    const { first, second, said, head } = await talk(senders, window);
    assert(first.messages > window && second.messages > window, `${first.messages} ${second.messages}`);
    assertEquals([first.deliveries, second.deliveries], [first.messages * 5, second.messages * 5]);
    // Load clients that join two at a time read a message after the first four.
    const settling = [2, 2, 1, 1, 0];
    assertEquals(said, settling.map((count) => first.messages + second.messages + count));
    assertEquals(head, said[0]! + 10);
    assert(first.p50Ms > 0 && first.p50Ms <= first.p99Ms, Deno.inspect(first));
  });
}

/** A server that sends each message `copies[i]` times to its i-th client. */
class UnfairServer implements Disposable {
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #clients: RawPeer<ClientMessage, ServerMessage>[] = [];
  readonly #copies: readonly number[];

  constructor(copies: readonly number[]) {
    this.#copies = copies;
    this.#accept().catch(() => {}); // the end of the test
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const client of this.#clients) client[Symbol.dispose]();
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const client = new RawPeer(conn, { encode: encodeServer, decode: decodeClient });
      this.#clients.push(client);
      await client.expect("hello");
      await client.send(welcomeTo("ana"));
      this.#serve(client).catch(() => {});
    }
  }

  async #serve(client: RawPeer<ClientMessage, ServerMessage>): Promise<void> {
    for (;;) {
      const { text } = await client.expect("say");
      for (const [index, copies] of this.#copies.entries()) {
        await this.#clients[index]!.send(...new Array(copies).fill(said(text)));
      }
    }
  }
}

const UNFAIR: [copies: number[], error: string][] = [
  [[1, 1, 0], "1 of 3 clients still wait for a message"],
  [[1, 2, 1], "repeats messages"],
];
for (const [copies, error] of UNFAIR) {
  Deno.test(`LoadClients reports a server that sends its clients ${copies} copies`, async () => {
    using server = new UnfairServer(copies);
    using batch = await LoadClients.open({ port: server.port, size: 3 });
    const talk = batch.runConversation({ senders: 1, window: 1, waitUntil: delay(50), drainMs: 50 });
    await assertRejects(() => talk, Error, error);
  });
}

Deno.test("LoadClients fails when one of its clients is disconnected", async () => {
  using batch = await (async () => {
    await using server = startServer({ timeouts: { shutdownMs: 10 } });
    return await LoadClients.open({ port: server.address.port, size: 2 });
  })();
  const never = new Promise<void>(() => {});
  const talk = batch.runConversation({ senders: 1, window: 1, waitUntil: never });
  await assertRejects(
    () => withTimeout(talk, "the clients to fail"),
    Error,
    "the server has ended the connection",
  );
});
