// A session on real sockets: what happens to it on servers that work, fall, refuse, keep silent or rave.

import { assert, assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../lib/address.ts";
import { ChatServer, type ChatServerOptions } from "../lib/chat_server.ts";
import { dial } from "../lib/dial.ts";
import { Mailbox } from "../lib/mailbox.ts";
import type { OutboxOptions } from "../lib/outbox.ts";
import { encodeServer, NEVER_WHOLE_MS, type Said } from "../lib/protocol.ts";
import {
  type Failure,
  type ReadEntry,
  Session,
  type SessionEvent,
  type SessionOptions,
} from "../lib/session.ts";
import { UNLIMITED } from "../lib/token_bucket.ts";
import {
  enter,
  type FakeClient,
  FakeServer,
  freeAddress,
  helloOf,
  LOOPBACK,
  saidBy,
  settle,
  soon,
  TestClock,
  tokenOf,
  UNKNOWN_NAME,
  welcomeTo,
} from "./support.ts";

function startServer(options: Partial<ChatServerOptions> = {}): ChatServer {
  return new ChatServer({ host: LOOPBACK, port: 0, messages: UNLIMITED, ...options });
}

interface TravellerOptions extends Partial<Omit<SessionOptions, "mailbox">> {
  readonly outbox?: OutboxOptions;
  readonly history?: number;
}

/** A session that goes to one server after another, and what happens to it. */
class Traveller implements AsyncDisposable {
  readonly session: Session;
  readonly #nick: string;
  readonly #events: AsyncGenerator<SessionEvent>;
  readonly #read: ReadEntry[] = [];
  #ended: Promise<unknown> | undefined;

  constructor(nick: string, servers: Address[], { outbox, history, ...options }: TravellerOptions = {}) {
    this.#nick = nick;
    const left = [...servers];
    this.session = new Session({
      mailbox: new Mailbox({ token: tokenOf(nick), outbox, history }),
      nextTarget: () => {
        const server = left.shift();
        return Promise.resolve(server && { server, nick });
      },
      ...options,
    });
    this.#events = this.session.run();
  }

  /** What happens next; undefined at the end. */
  async next(): Promise<SessionEvent | undefined> {
    const { value } = await soon(this.#events.next(), `the next event of ${this.#nick}`);
    return value ?? undefined;
  }

  async entered(): Promise<Extract<SessionEvent, { type: "entered" }>> {
    const event = await this.next();
    assert(event?.type === "entered", `expected entered, got ${Deno.inspect(event)}`);
    return event;
  }

  /** The next loss or refusal; what was read before it can be had from {@linkcode lines}. */
  async failed(): Promise<Failure> {
    for (;;) {
      const event = await this.next();
      if (event?.type === "failed") return event.failure;
      assert(event?.type === "read", `expected failed, got ${Deno.inspect(event)}`);
      this.#read.push(...event.entries);
    }
  }

  /** The next `count` messages, as `nick: text`, marked with where they stand unless they are live. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const entry = this.#read.shift();
      if (entry?.entry.type === "said") lines.push(lineOf(entry));
      if (entry) continue;
      const event = await this.next();
      assert(event?.type === "read", `expected read, got ${Deno.inspect(event)}`);
      this.#read.push(...event.entries);
    }
    return lines;
  }

  /** Reads until the session ends. */
  async ended(): Promise<void> {
    for (let event = await this.next(); event; event = await this.next()) { /* it does not matter what */ }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.leave();
    await (this.#ended ??= this.ended());
    this.session[Symbol.dispose]();
  }
}

function lineOf({ entry, place }: ReadEntry): string {
  const line = entry.type === "said"
    ? `${entry.nick}: ${entry.text}`
    : `${"nick" in entry ? entry.nick : ""} ${entry.type}`;
  return place === "live" ? line : `${place} ${line}`;
}

/** Waits until a client has taken in all that it was told. */
async function sync(client: FakeClient): Promise<void> {
  await client.say({ type: "ping", head: 0 });
  await client.expect("pong");
}

Deno.test("Session enters, says, and reads what everyone says", async () => {
  await using server = startServer();
  using beto = (await enter(server.address, helloOf("beto"))).peer;
  await beto.say({ type: "say", n: 1, timeMs: 0, text: "before" });
  await beto.expect("said");
  await using ana = new Traveller("ana", [server.address]);
  const { welcome, missing, server: where } = await ana.entered();
  assertEquals(where, server.address);
  assertEquals(welcome.online.map(({ nick }) => nick), ["beto", "ana"]);
  assertEquals(missing, 0);
  ana.session.say("hola");
  assertEquals(ana.session.pending.length, 1);
  assertEquals(await ana.lines(2), ["history beto: before", "ana: hola"]);
  assertEquals(ana.session.pending.length, 0);
});

Deno.test("Session takes what was said to the next server, which never heard of the first", async () => {
  await using first = startServer();
  await using second = startServer();
  const servers = [first.address, second.address];
  await using ana = new Traveller("ana", servers);
  await using beto = new Traveller("beto", servers);
  await ana.entered();
  await beto.entered();
  ana.session.say("one");
  beto.session.say("two");
  assertEquals((await ana.lines(2)).sort(), ["ana: one", "beto: two"]);
  assertEquals((await beto.lines(2)).sort(), ["ana: one", "beto: two"]);
  const closing = first.close();
  assertEquals((await ana.failed()).error.code, "closing");
  assertEquals((await beto.failed()).error.code, "closing");
  await closing;
  ana.session.say("three"); // between two servers
  await ana.entered();
  await beto.entered();
  ana.session.say("four");
  beto.session.say("five");
  // What was sent again is there for whoever comes only now. Nobody else is shown it twice.
  for (const traveller of [ana, beto]) {
    const lines = (await traveller.lines(3)).map((line) => line.replace("elsewhere ", ""));
    assertEquals(lines.toSorted(), ["ana: four", "ana: three", "beto: five"]);
    assert(lines.indexOf("ana: three") < lines.indexOf("ana: four"));
  }
  const { peer: eva, past } = await enter(second.address, helloOf("eva", { history: 50 }));
  using _ = eva;
  const texts = past.flatMap((entry) => entry.type === "said" ? [entry] : []);
  assertEquals(texts.map(({ text }) => text).sort(), ["five", "four", "one", "three", "two"]);
  const late = texts.filter(({ late }) => late).map(({ text }) => text);
  assertEquals(late.sort(), ["one", "two"]);
});

Deno.test("Session sends again, before anything new, what is pending and what is recent", async () => {
  const timeMs = Date.now() - 60_000;
  await using first = FakeServer.welcoming(async (client) => {
    await client.expect("say");
    await client.expect("say");
    await client.say(saidBy("ana", { seq: 0, n: 1, text: "confirmed", timeMs }));
  });
  await using second = startServer();
  await using ana = new Traveller("ana", [first.address, second.address]);
  await ana.entered();
  ana.session.say("confirmed");
  ana.session.say("unconfirmed");
  assertEquals((await ana.failed()).error.code, "closed");
  assertEquals(await ana.lines(1), ["ana: confirmed"]);
  await ana.entered();
  ana.session.say("new");
  assertEquals(await ana.lines(2), ["ana: unconfirmed", "ana: new"]);
  const { peer: eva, past } = await enter(second.address, helloOf("eva", { history: 50 }));
  using _ = eva;
  const messages = past.flatMap((entry) => entry.type === "said" ? [entry] : []);
  assertEquals(messages.map(({ n, text, late }) => [n, text, late]), [
    [1, "confirmed", true],
    [2, "unconfirmed", false],
    [3, "new", false],
  ]);
  assertEquals(messages[0]!.timeMs, timeMs);
});

Deno.test("Session goes on where it stopped on a server that it comes back to", async () => {
  await using server = startServer({ graceMs: 60_000 });
  await using interlude = new FakeServer(() => Promise.resolve());
  using beto = (await enter(server.address, helloOf("beto"))).peer;
  await using ana = new Traveller("ana", [server.address, interlude.address, server.address]);
  await ana.entered();
  await beto.say({ type: "say", n: 1, timeMs: 0, text: "one" });
  assertEquals(await ana.lines(1), ["beto: one"]);
  // Whoever comes with the same token takes ana's place.
  using _ = (await enter(server.address, helloOf("ana"))).peer;
  assertEquals((await ana.failed()).error.code, "replaced");
  await beto.say({ type: "say", n: 2, timeMs: 0, text: "two" });
  while ((await beto.hear() as Said).n !== 2);
  assertEquals((await ana.failed()).error.code, "not-a-chat-server");
  assertEquals((await ana.entered()).missing, 0);
  assertEquals(await ana.lines(1), ["missed beto: two"]);
});

Deno.test("Session sends again what was recent when the server was last heard, nothing older", async () => {
  for (const [heardMs, expected] of [[150, 2], [50, 1]] as const) {
    const clock = new TestClock();
    clock.tick(0);
    await using first = FakeServer.welcoming(async (client) => {
      await client.expect("say");
      await client.say(saidBy("ana", { seq: 0, n: 1, text: "old" }));
      await sync(client);
      clock.tick(heardMs);
      await sync(client);
      clock.tick(10_000); // the machine slept
    });
    const heard = Promise.withResolvers<number>();
    await using second = FakeServer.welcoming(async (client) =>
      heard.resolve((await client.expect("say")).n)
    );
    const servers = [first.address, second.address];
    await using ana = new Traveller("ana", servers, { clock: clock.now, outbox: { recentMs: 100 } });
    await ana.entered();
    ana.session.say("old");
    await ana.failed();
    ana.session.say("new");
    await ana.entered();
    assertEquals(await soon(heard.promise, "what is sent again"), expected);
  }
});

Deno.test("Session tells each server how long it has been lacking something", async () => {
  const clock = new TestClock();
  clock.tick(0);
  const lacks: number[] = [];
  await using server = new FakeServer(async (client, visit) => {
    lacks.push((await client.expect("hello")).lackMs);
    await client.say(welcomeTo("ana"));
    if (visit > 0) return;
    await sync(client);
    clock.tick(100);
    await sync(client);
    clock.tick(150);
  });
  await using ana = new Traveller("ana", [server.address, server.address], { clock: clock.now });
  await ana.entered();
  await ana.failed();
  await ana.entered();
  assertEquals(lacks, [NEVER_WHOLE_MS, 50]);
});

Deno.test("Session learns from WELCOME that a server has what was not confirmed", async () => {
  await using first = FakeServer.welcoming((client) => client.expect("say"));
  await using second = FakeServer.welcoming((client) => client.rest(), { accepted: 1 });
  await using ana = new Traveller("ana", [first.address, second.address]);
  await ana.entered();
  ana.session.say("hola");
  await ana.failed();
  const settled = ana.session.settled();
  await ana.entered();
  await soon(settled, "nothing to be pending");
  assertEquals(ana.session.pending, []);
});

Deno.test("Session tells how much a server no longer has for it", async () => {
  const nexts = [10, 25];
  await using server = new FakeServer(async (client, visit) => {
    await client.expect("hello");
    await client.say(welcomeTo("ana", { next: nexts[visit]!, head: 30 }));
  });
  await using ana = new Traveller("ana", [server.address, server.address]);
  assertEquals((await ana.entered()).missing, 0);
  await ana.failed();
  assertEquals((await ana.entered()).missing, 15);
});

/** Fails to come in at this address. */
async function failToEnter(server: Address, options?: TravellerOptions): Promise<Failure> {
  await using ana = new Traveller("ana", [server], options);
  const failure = await ana.failed();
  assertEquals(failure.target, { server, nick: "ana" });
  assertEquals(failure.wasIn, false);
  assertEquals(await ana.next(), undefined);
  return failure;
}

Deno.test("Session tells that nobody listens", async () => {
  const server = freeAddress();
  const { error: { name, code, details } } = await failToEnter(server);
  assertEquals([name, code, details.server], ["ConnectError", "refused", formatAddress(server)]);
});

Deno.test("Session tells that a name is unknown", async () => {
  const { error: { name, code, details } } = await failToEnter({ host: UNKNOWN_NAME, port: 5_000 });
  assertEquals([name, code, details.host], ["ConnectError", "name-unknown", UNKNOWN_NAME]);
});

Deno.test("Session tells that a server does not answer", async () => {
  await using server = new FakeServer((client) => client.rest());
  const { error: { name, code, details } } = await failToEnter(server.address, { answerMs: 40 });
  assertEquals([name, code], ["ConnectError", "no-answer"]);
  assertEquals(details, { server: formatAddress(server.address), seconds: 0.04 });
});

Deno.test("Session dials no longer than its target says, and then waits for the answer as always", async () => {
  for (const isOpened of [false, true]) {
    await using server = FakeServer.welcoming((client) => client.rest());
    const target = { server: server.address, nick: "ana", dialMs: 20 };
    const targets = [target];
    await using ana = new Traveller("ana", [], {
      nextTarget: () => Promise.resolve(targets.shift()),
      dial: async (server, { signal }) => {
        const aborted = new Promise<never>((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        if (!isOpened) return await aborted;
        const conn = await dial(server, { signal });
        aborted.catch(() => {});
        return conn;
      },
    });
    if (isOpened) {
      await ana.entered();
      await new Promise((resolve) => setTimeout(resolve, 60)); // nothing ends it now
      ana.session.say("hola");
      assertEquals(ana.session.silenceMs !== undefined, true);
    } else {
      const failure = await ana.failed();
      assertEquals([failure.target, failure.error.code], [target, "no-answer"]);
      assertEquals(failure.error.details.seconds, 0.02);
    }
  }
});

const STRANGERS: [string, (client: FakeClient) => Promise<unknown>][] = [
  ["hangs up", () => Promise.resolve()],
  [
    "talks something else",
    (client) => client.say(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
  ],
  ["keeps talking nonsense", async (client) => {
    for (;;) await client.say(new Uint8Array(65_536).fill(0xff));
  }],
  ["answers with a frame that is no WELCOME", (client) => client.say({ type: "ping", head: 1 })],
  ["answers with a malformed WELCOME", (client) => client.say(new Uint8Array([0, 0, 0, 2, 0x81, 1]))],
];

for (const [what, act] of STRANGERS) {
  Deno.test(`Session tells that a server is none of this chat if it ${what}`, async () => {
    await using server = new FakeServer((client) =>
      client.expect("hello").then(() => act(client)).catch(() => {})
    );
    const { error: { name, code, details } } = await failToEnter(server.address);
    assertEquals([name, code], ["ConnectError", "not-a-chat-server"]);
    assertEquals(details.server, formatAddress(server.address));
  });
}

Deno.test("Session tells why a server does not let it in", async () => {
  await using server = startServer();
  using _ = (await enter(server.address, helloOf("ANA"))).peer;
  const { error: { name, code, message, details } } = await failToEnter(server.address);
  assertEquals([name, code, details], ["RefusedError", "nick-taken", { nick: "ana", reason: message }]);
});

Deno.test("Session tells that a server closes just now", async () => {
  await using server = new FakeServer(async (client) => {
    await client.expect("hello"); // what is closed with something unread is cut off
    await client.say({ type: "bye" });
  });
  const { error: { name, code } } = await failToEnter(server.address);
  assertEquals([name, code], ["LostError", "closing"]);
});

Deno.test("Session tells that a server speaks another version", async () => {
  const bytes = encodeServer(welcomeTo("ana"));
  bytes[5] = 99;
  await using server = new FakeServer(async (client) => {
    await client.expect("hello");
    await client.say(bytes);
  });
  const { error: { name, code } } = await failToEnter(server.address);
  assertEquals([name, code], ["RefusedError", "version-unsupported"]);
});

const LOSSES: [string, string, string, (client: FakeClient) => Promise<unknown>][] = [
  ["LostError", "closing", "says that it closes", (client) => client.say({ type: "bye" })],
  ["LostError", "closed", "ends the connection", () => Promise.resolve()],
  ["LostError", "garbled", "talks nonsense", (client) => client.say(new Uint8Array(8))],
  ["LostError", "garbled", "welcomes it twice", (client) => client.say(welcomeTo("ana"))],
  [
    "RefusedError",
    "too-slow",
    "refuses it",
    (client) => client.say({ type: "error", code: "too-slow", reason: "why" }),
  ],
  [
    "RefusedError",
    "of-the-future",
    "refuses it with a code that nobody knows",
    (client) => client.say({ type: "error", code: "of-the-future", reason: "why" }),
  ],
];

for (const [name, code, what, act] of LOSSES) {
  Deno.test(`Session tells that it lost a server that ${what}`, async () => {
    await using server = FakeServer.welcoming(act);
    await using ana = new Traveller("ana", [server.address]);
    await ana.entered();
    const { wasIn, error } = await ana.failed();
    assertEquals([wasIn, error.name, error.code], [true, name, code]);
    assertEquals(await ana.next(), undefined);
  });
}

Deno.test("Session gives what it read before the nonsense began", async () => {
  const bytes = new Uint8Array([
    ...encodeServer(saidBy("ana", { seq: 0, n: 1, text: "sense", session: 5n })),
    0,
    0,
    0,
    0,
  ]);
  await using server = FakeServer.welcoming((client) => client.say(bytes));
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  assertEquals(await ana.lines(1), ["ana: sense"]);
  assertEquals((await ana.failed()).error.code, "garbled");
});

Deno.test("Session reads a WELCOME that comes byte by byte, and what comes right behind it", async () => {
  await using server = new FakeServer(async (client) => {
    for (const byte of encodeServer(welcomeTo("ana"))) await client.say(new Uint8Array([byte]));
    await client.say(
      new Uint8Array([
        ...encodeServer(saidBy("eva", { seq: 0, n: 1, text: "one" })),
        ...encodeServer(saidBy("eva", { seq: 1, n: 2, text: "two" })),
      ]),
    );
    await client.rest();
  });
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  assertEquals(await ana.lines(2), ["eva: one", "eva: two"]);
});

Deno.test("Session answers each PING, sends its own in silence only, and gives silence up", async () => {
  const clock = new TestClock();
  clock.tick(0);
  const heard: (string | undefined)[] = [];
  await using server = FakeServer.welcoming(async (client) => {
    await sync(client);
    for (const tickMs of [15, 30, 45]) {
      clock.tick(tickMs);
      await client.say({ type: "ping", head: 0 });
      heard.push((await client.hear())?.type);
      await settle(10);
    }
    for (const tickMs of [66, 86]) {
      clock.tick(tickMs);
      heard.push((await client.hear())?.type);
    }
    clock.tick(105);
    heard.push((await client.hear())?.type);
  });
  await using ana = new Traveller("ana", [server.address], { clock: clock.now, pingMs: 20, deadMs: 60 });
  await ana.entered();
  const { wasIn, error } = await ana.failed();
  assertEquals([wasIn, error.name, error.code], [true, "LostError", "silent"]);
  await server[Symbol.asyncDispose]();
  assertEquals(heard, ["pong", "pong", "pong", "ping", "ping", undefined]);
});

Deno.test("Session stays with a server that answers its PINGs", async () => {
  const clock = new TestClock();
  clock.tick(0);
  await using server = FakeServer.welcoming(async (client) => {
    await sync(client);
    for (let tickMs = 20; tickMs <= 200; tickMs += 20) {
      clock.tick(tickMs);
      await client.expect("ping");
      await client.say({ type: "pong" });
      await sync(client);
    }
    await client.say({ type: "bye" });
  });
  await using ana = new Traveller("ana", [server.address], { clock: clock.now, pingMs: 20, deadMs: 60 });
  await ana.entered();
  assertEquals((await ana.failed()).error.code, "closing");
});

Deno.test("Session takes no more than its outbox holds until a server confirms some of it", async () => {
  const confirm = Promise.withResolvers<void>();
  await using server = FakeServer.welcoming(async (client) => {
    await confirm.promise;
    await client.say(
      saidBy("ana", { seq: 0, n: 1, text: "one" }),
      saidBy("ana", { seq: 1, n: 2, text: "two" }),
    );
    await client.rest();
  });
  await using ana = new Traveller("ana", [server.address], { outbox: { maxMessages: 2 } });
  await ana.entered();
  ana.session.say("one");
  assertEquals(ana.session.isFull, false);
  await ana.session.drained();
  ana.session.say("two");
  assertEquals(ana.session.isFull, true);
  const woken: string[] = [];
  const drained = ana.session.drained().then(() => woken.push("drained"));
  const settled = ana.session.settled().then(() => woken.push("settled"));
  assertEquals(woken, []);
  confirm.resolve();
  await ana.lines(2);
  await soon(Promise.all([drained, settled]), "the outbox to be empty");
  assertEquals([ana.session.isFull, ana.session.pending], [false, []]);
});

Deno.test("Session knows how long a server has been silent, and whether it is on one", async () => {
  const clock = new TestClock();
  clock.tick(0);
  await using server = FakeServer.welcoming(async (client) => {
    await client.expect("say");
    await client.say({ type: "pong" });
    await client.expect("say");
  });
  await using ana = new Traveller("ana", [server.address], { clock: clock.now });
  assertEquals(ana.session.silenceMs, undefined);
  await ana.entered();
  clock.tick(3_000);
  assertEquals(ana.session.silenceMs, 3_000);
  ana.session.say("hola");
  while (ana.session.silenceMs !== 0) await ana.next(); // until the PONG
  ana.session.say("adiós");
  await ana.failed();
  assertEquals(ana.session.silenceMs, undefined);
});

Deno.test("Session.leave() tells the server, which tells the others", async () => {
  await using server = startServer();
  using beto = (await enter(server.address, helloOf("beto"))).peer;
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  ana.session.say("adiós");
  ana.session.leave();
  await ana.ended();
  await beto.expect("joined");
  assertEquals((await beto.expect("said")).text, "adiós");
  assertEquals((await beto.expect("left")).lost, false);
});

Deno.test("Session.leave() ends what waits for a server to confirm something", async () => {
  await using server = FakeServer.welcoming((client) => client.rest());
  await using ana = new Traveller("ana", [server.address], { outbox: { maxMessages: 1 } });
  await ana.entered();
  ana.session.say("hola");
  const waiting = Promise.all([ana.session.settled(), ana.session.drained()]);
  ana.session.leave();
  await soon(waiting, "nobody to wait any more");
  assertEquals(ana.session.pending.length, 1);
});

Deno.test("Session.leave() waits no more than 0.5 s for a server that does not answer", async () => {
  const leaving = Promise.withResolvers<void>();
  await using server = FakeServer.welcoming(() => leaving.promise);
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  const before = performance.now();
  ana.session.leave();
  await ana.ended();
  const tookMs = performance.now() - before;
  assert(tookMs > 400 && tookMs < 2_000, `took ${tookMs} ms`);
  leaving.resolve();
});

Deno.test("Session.leave() does not wait for a server that has not let it in", async () => {
  const dialled = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    dialled.resolve();
    await client.rest();
  });
  await using ana = new Traveller("ana", [server.address]);
  const ended = ana.ended();
  await soon(dialled.promise, "the server to be dialled");
  ana.session.leave();
  await ended;
});

Deno.test("Session.leave() ends a choice of where to go", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  await using ana = new Traveller("ana", [], {
    nextTarget: (_, { signal }) => {
      asked.resolve(signal);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
    },
  });
  const ended = ana.ended();
  await asked.promise;
  ana.session.leave();
  await ended;
});

Deno.test("Session tells whoever chooses where to go why it is no longer where it was", async () => {
  const servers = [freeAddress(), freeAddress()];
  const failures: (Failure | undefined)[] = [];
  await using ana = new Traveller("ana", [], {
    nextTarget: (failure) => {
      failures.push(failure);
      const server = servers[failures.length - 1];
      return Promise.resolve(server && { server, nick: "ana" });
    },
  });
  await ana.failed();
  await ana.failed();
  assertEquals(await ana.next(), undefined);
  assertEquals(failures.map((failure) => failure?.target.server), [undefined, ...servers]);
});

Deno.test("Session takes a refusal for an answer only on the server that it asked", async () => {
  const refusal = { type: "refused", code: "nick-taken", about: "eva", reason: "" } as const;
  await using first = FakeServer.welcoming(async (client) => {
    await client.expect("nick");
  });
  await using second = FakeServer.welcoming((client) => client.say(refusal));
  await using ana = new Traveller("ana", [first.address, second.address]);
  await ana.entered();
  assert(ana.session.rename("eva"));
  const { stayedMs, wasIn } = await ana.failed();
  assertEquals([wasIn, stayedMs >= 0], [true, true]);
  await ana.entered();
  assertEquals((await ana.failed()).error.code, "garbled");
});

Deno.test("Session was nowhere for no time at all, and has nobody wait when there is nowhere to go", async () => {
  await using ana = new Traveller("ana", [freeAddress()]);
  ana.session.say("hola");
  const settled = soon(ana.session.settled(), "the session to say that nothing comes");
  assertEquals((await ana.failed()).stayedMs, 0);
  assertEquals(await ana.next(), undefined);
  await settled;
  assertEquals(ana.session.pending.length, 1);
});

Deno.test("Session hangs up on a server that it cannot believe, before it goes anywhere else", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using server = FakeServer.welcoming(async (client) => {
    await client.say(saidBy("beto", { seq: 5, n: 1, text: "hola" }));
    await client.rest();
    hungUp.resolve();
  });
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  assertEquals((await ana.failed()).error.code, "garbled");
  await soon(hungUp.promise, "the client to hang up");
});
