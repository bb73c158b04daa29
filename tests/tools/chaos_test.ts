// What `deno task chaos` plans, how its proxy breaks connections, and which faults its ledger finds.

import { assert, assertEquals } from "@std/assert";
import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import type { LogEntry, Said } from "../../lib/protocol/frames.ts";
import { Ledger } from "../../tools/chaos/ledger.ts";
import {
  type CutPoint,
  FaultProxy,
  type Impairment,
  linkKey,
  type Network,
} from "../../tools/chaos/proxy.ts";
import { CLIENTS, roundOf } from "../../tools/chaos/schedule.ts";
import { Random } from "../testing/random.ts";
import {
  dialPeer,
  FakeServer,
  join,
  makeHello,
  makeSaid,
  type Peer,
  say,
  welcomeTo,
} from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";
import { startServer } from "../testing/test_server.ts";

Deno.test("roundOf() gives each seed and number the same steps, other numbers others", pure, () => {
  const rounds = Array.from({ length: 20 }, (_, number) => JSON.stringify(roundOf(5, number)));
  assertEquals(Array.from({ length: 20 }, (_, number) => JSON.stringify(roundOf(5, number))), rounds);
  assertEquals(new Set(rounds).size, 20);
});

Deno.test("roundOf() plans fewer messages of a client than its outbox retains", pure, () => {
  for (let number = 0; number < 100; number++) {
    const said = new Array(CLIENTS.all).fill(0);
    for (const step of roundOf(1, number).steps) if (step.type === "say") said[step.client] += step.count;
    assert(Math.max(...said) < MAX_OUTBOX_MESSAGES, `${said}`);
  }
});

/** A ledger where ana and beto have joined, ana has sent three messages, and a server has a console. */
function ledgerOfThree(options: { isStored?: boolean; isShared?: boolean } = {}) {
  const ledger = new Ledger(options);
  for (const name of ["ana", "beto"]) {
    ledger.addClient(name);
    ledger.onJoined(name);
  }
  ledger.addConsole("server");
  const texts = [1, 2, 3].map(() => ledger.send("ana"));
  const show = (reader: string, ...numbers: number[]) => {
    for (const n of numbers) ledger.show(reader, { nick: "ana", text: texts[n - 1]! });
  };
  const entry = (clientSeq: number, changes: Partial<Said> = {}) =>
    makeSaid("ana", {
      ...{ seq: clientSeq, timeMs: clientSeq, clientSeq, text: texts[clientSeq - 1]! },
      ...changes,
    });
  const read = (reader: string, clientSeq: number, changes: Partial<Said> = {}) =>
    ledger.read(reader, entry(clientSeq, changes));
  const faults = () => ledger.problems.map(({ fault }) => fault);
  return { ledger, texts, show, entry, read, faults };
}

Deno.test("Ledger accepts each message once and in order, from clients and consoles", pure, () => {
  const { ledger, show, read, faults } = ledgerOfThree();
  for (const n of [1, 2, 3]) read("ana", n);
  show("beto", 1, 2, 3);
  show("server", 1, 2, 3);
  assertEquals(faults(), []);
  assertEquals([...ledger.missing(["ana", "beto", "server"], ["ana"])], []);
  assertEquals(ledger.counts, { messages: 3, deliveries: 6, printed: 3 });
});

const MISTAKES: [numbers: number[], fault: string][] = [
  [[1, 2, 2], "shown twice"],
  [[1, 2, 3, 1], "shown twice"],
  [[1, 3], "lost"],
  [[2], "lost"],
];
for (const [numbers, fault] of MISTAKES) {
  for (const reader of ["beto", "server"]) {
    Deno.test(`Ledger.show() reports "${fault}" if ${reader} shows the messages ${numbers}`, pure, () => {
      const { show, faults } = ledgerOfThree();
      show(reader, ...numbers);
      assertEquals(faults(), [fault]);
    });
  }
}

Deno.test("Ledger.missing() lists readers that have not shown the last message of a sender", pure, () => {
  const { ledger, show, faults } = ledgerOfThree();
  show("beto", 1, 2);
  ledger.addClient("celia");
  ledger.onJoined("celia");
  assertEquals([...ledger.missing(["beto", "server", "celia"], ["ana", "beto"])], [
    "beto has shown ana.2 and not ana.3",
    "server has shown ana.0 and not ana.3",
  ]);
  ledger.send("beto");
  ledger.onJoined("celia"); // again, after a failure
  assertEquals([...ledger.missing(["celia"], ["ana", "beto"])], ["celia has shown beto.0 and not beto.1"]);
  show("celia", 2, 3);
  assertEquals(faults(), []);
  show("celia", 1);
  assertEquals(faults(), ["shown out of order"]);
});

Deno.test("Ledger.missing() lists echoed messages of clients that have gone, for a stored room", pure, () => {
  for (const isStored of [true, false]) {
    const { ledger, read } = ledgerOfThree({ isStored });
    for (const n of [1, 2]) read("ana", n);
    const missing = isStored ? ["beto has shown ana.0 and not ana.2"] : [];
    assertEquals([...ledger.missing(["beto"], [])], missing);
  }
});

Deno.test("Ledger has a console show all messages of its round", pure, () => {
  const { ledger, texts, show, faults } = ledgerOfThree();
  ledger.beginRound();
  texts.push(ledger.send("ana"), ledger.send("ana"));
  ledger.addConsole("one");
  show("one", 4, 5);
  assertEquals(faults(), []);
  ledger.addConsole("other");
  show("other", 5);
  assertEquals(faults(), ["lost"]);
});

Deno.test("Ledger.show() reports texts that no client sent", pure, () => {
  const { ledger, texts, faults } = ledgerOfThree();
  const wrong = [
    { nick: "beto", text: texts[0]! },
    { nick: "ana", text: texts[0]!.slice(0, -1) },
    { nick: "ana", text: texts[0]!.replace(".1", ".4") },
    { nick: "dora", text: "dora.1 año" },
  ];
  for (const shown of wrong) ledger.show("beto", shown);
  assertEquals(faults(), wrong.map(() => "garbled"));
});

Deno.test("Ledger.read() reports a wrong clientSeq, and a time that the sender has not read", pure, () => {
  for (const changes of [{ clientSeq: 2 }, { timeMs: 9, redelivered: true }]) {
    const { read, faults } = ledgerOfThree();
    read("ana", 1);
    read("beto", 1, changes);
    assertEquals(faults(), ["garbled"], Deno.inspect(changes));
  }
});

Deno.test("Ledger.onLogEntry() reports a duplicate, a NOOP for one, and a log that differs", pure, () => {
  const noop: LogEntry = { type: "noop", seq: 2 };
  const { entry } = ledgerOfThree();
  const cases: [entries: LogEntry[], faults: string[], isShared?: boolean][] = [
    [[entry(1), entry(2), entry(1)], []],
    [[entry(1), entry(1, { seq: 2 })], ["accepted twice"]],
    [[entry(1), entry(2, { seq: 1 })], ["garbled"]],
    [[entry(1), noop], ["accepted twice"]],
    [[entry(1), noop], [], true], // another server may have committed it
  ];
  for (const [entries, expected, isShared] of cases) {
    const { ledger, faults } = ledgerOfThree({ isShared });
    for (const logEntry of entries) ledger.onLogEntry(7n, logEntry);
    ledger.onLogEntry(8n, entry(1, { seq: 9 }));
    assertEquals(faults(), expected);
  }
});

interface ProxyFixture {
  readonly proxy: FaultProxy;
  readonly network: Network;
  readonly entries: LogEntry[];
  readonly ana: Peer;
  readonly beto: Peer;
}

/** Two clients of a server behind a proxy. */
async function withProxy(act: (fixture: ProxyFixture) => Promise<void>) {
  await using server = startServer({ room: { graceMs: 0 } });
  const entries: LogEntry[] = [];
  const network: Network = {
    random: new Random(1),
    impairments: new Map(),
    lastEchoes: new Map(),
    onEntry: (_, entry) => entries.push(entry),
  };
  await using proxy = new FaultProxy(server.address, network);
  await proxy.listening;
  using ana = await join(proxy.address, makeHello("ana"));
  using beto = await join(proxy.address, makeHello("beto"));
  await ana.expect("joined");
  await act({ proxy, network, entries, ana, beto });
}

const TEXT = "x".repeat(2_000);
const never = new AbortController().signal;

/** The bytes that a peer still gets until its connection is reset. */
async function bytesUntilReset({ conn }: Peer): Promise<number> {
  const buffer = new Uint8Array(4_096);
  let bytes = 0;
  try {
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) bytes += count;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return bytes;
    throw error;
  }
  throw new Error("The connection was closed, not reset");
}

const IMPAIRMENTS: [impairment: Impairment, leastMs: number][] = [
  [{ kind: "slices", amount: 3 }, 0],
  [{ kind: "latency", amount: 30 }, 60],
  [{ kind: "bandwidth", amount: 20_000 }, 180],
];
for (const [impairment, leastMs] of IMPAIRMENTS) {
  Deno.test(`FaultProxy changes no message with ${impairment.kind}, and takes at least ${leastMs} ms`, () =>
    withProxy(async ({ network, ana, beto }) => {
      for (const direction of ["up", "down"] as const) {
        network.impairments.set(linkKey("ana", direction), impairment);
      }
      const startedMs = performance.now();
      await ana.send(say(1, TEXT));
      assertEquals((await beto.expect("said")).text, TEXT);
      assertEquals((await ana.expect("said")).text, TEXT);
      assert(performance.now() - startedMs >= leastMs);
    }));
}

Deno.test("FaultProxy holds back a message until a stall is over", () =>
  withProxy(async ({ network, ana, beto }) => {
    network.impairments.set(linkKey("ana", "up"), { kind: "stall" });
    await ana.send(say(1, "late"));
    await beto.send(say(1, "soon"));
    assertEquals((await beto.expect("said")).text, "soon");
    network.impairments.clear();
    assertEquals((await beto.expect("said")).text, "late");
  }));

for (const direction of ["up", "down"] as const) {
  Deno.test(`FaultProxy discards what goes ${direction} a blackhole, and cuts the connection after it`, () =>
    withProxy(async ({ proxy, network, ana, beto }) => {
      network.impairments.set(linkKey("ana", direction), { kind: "blackhole" });
      await ana.send(say(1, "to none"));
      if (direction === "down") assertEquals((await beto.expect("said")).nick, "ana");
      await beto.send(say(1, "to all"));
      assertEquals((await beto.expect("said")).nick, "beto");
      if (direction === "up") assertEquals((await ana.expect("said")).nick, "beto");
      network.impairments.clear();
      if (direction === "up") await ana.send(say(1, "after a gap"));
      else proxy.cutTorn();
      assertEquals(await bytesUntilReset(ana), 0);
    }));
}

const CUTS: [point: CutPoint, hasServerMessage: boolean, isCutEarly: (bytes: number) => boolean][] = [
  ["within a frame up", false, (bytes) => bytes === 0],
  ["within a frame down", true, (bytes) => bytes > 0 && bytes < TEXT.length + 100],
  ["before an echo", true, (bytes) => bytes === 0],
];
for (const [point, hasServerMessage, isCutEarly] of CUTS) {
  Deno.test(`FaultProxy.cutAt() cuts a connection ${point}`, () =>
    withProxy(async ({ proxy, entries, ana, beto }) => {
      if (point === "within a frame down") {
        beto[Symbol.dispose]();
        await ana.expect("left");
      }
      const isReached = proxy.cutAt(point, never);
      await ana.send(say(1, TEXT));
      assert(await isReached);
      const bytes = await bytesUntilReset(ana);
      assert(isCutEarly(bytes), `${bytes}`);
      if (point === "before an echo") assertEquals((await beto.expect("said")).text, TEXT);
      assertEquals(entries.length > 0, hasServerMessage);
    }));
}

Deno.test("FaultProxy.cutAt() delivers a message to one client, and cuts all other connections", () =>
  withProxy(async ({ proxy, ana, beto }) => {
    const isReached = proxy.cutAt("after one delivery", never);
    await ana.send(say(1, TEXT));
    assert(await isReached);
    const heard = await Promise.all([ana, beto].map((peer) => peer.receive().catch(() => undefined)));
    assertEquals(heard.map((message) => message?.type).sort(), ["said", undefined]);
  }));

Deno.test("FaultProxy.cutAt() gives up when its signal is aborted", () =>
  withProxy(async ({ proxy, ana }) => {
    const waiting = new AbortController();
    const isReached = proxy.cutAt("within a frame up", waiting.signal);
    waiting.abort();
    assertEquals(await isReached, false);
    await ana.send(say(1, "still here"));
    await ana.expect("said");
  }));

for (const messages of [[], [say(1, TEXT)]]) {
  Deno.test(`FaultProxy.makeHalfOpen() lets the server get ${messages.length} messages and the end later`, () =>
    withProxy(async ({ proxy, ana, beto }) => {
      const startedMs = performance.now();
      const halfOpenMs = 1_000; // far longer than the message takes
      proxy.makeHalfOpen("ana", halfOpenMs);
      await ana.send(...messages);
      await bytesUntilReset(ana);
      for (const { text } of messages) assertEquals((await beto.expect("said")).text, text);
      assertEquals((await beto.expect("left")).nick, "ana");
      assert(performance.now() - startedMs >= halfOpenMs);
    }));
}

Deno.test("FaultProxy repeats the last message that a server has after its next WELCOME", async () => {
  const received: number[] = [];
  await using server = new FakeServer(async (client, visit) => {
    await client.expect("hello");
    await client.send(welcomeTo("ana", { lastClientSeq: visit }));
    const { clientSeq, text } = await client.expect("say");
    received.push(clientSeq);
    await client.send(makeSaid("ana", { seq: 0, clientSeq, text }), { type: "bye" });
  });
  const network = { random: new Random(1), impairments: new Map(), lastEchoes: new Map(), onEntry: () => {} };
  await using proxy = new FaultProxy(server.address, network);
  await proxy.listening;
  for (const messages of [[say(1)], []]) {
    using ana = await dialPeer(proxy.address);
    await ana.send(makeHello("ana"), ...messages);
    await ana.receiveAll();
  }
  assertEquals(received, [1, 1]);
});
