// Some seconds of chaos with real servers and clients, and whether what makes and judges it does as it says.
// `deno task chaos` goes on for as long as one likes.

import { assert, assertEquals } from "@std/assert";
import { startServer } from "../testing/test_server.ts";
import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import type { Said, Say } from "../../lib/protocol/frames.ts";
import { join, makeHello, type Peer } from "../testing/raw_peer.ts";
import { Random } from "../testing/random.ts";
import { Ledger } from "../../tools/chaos/ledger.ts";
import { type Network, placeOf, Proxy, type Weather } from "../../tools/chaos/proxy.ts";
import { runChaos } from "../../tools/chaos/run.ts";
import { CLIENTS, roundOf } from "../../tools/chaos/schedule.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

Deno.test("Servers die and freeze, connections break anywhere: nothing is lost or shown twice", async () => {
  const { problems, story, tally } = await runChaos({ seed: 1, durationMs: 10_000 });
  assertEquals(problems, [], story.join("\n"));
  assert(tally.rounds > 0, Deno.inspect(tally));
});

Deno.test(
  "A server that keeps its room dies again and again: what was read back is shown by all",
  writing,
  async () => {
    await using folder = new TestFolder();
    const { problems, story, tally } = await runChaos({ seed: 2, durationMs: 6_000, folder: folder.path });
    assertEquals(problems, [], story.join("\n"));
    assert(tally.rounds > 0, Deno.inspect(tally));
  },
);

const pure = { permissions: "none" } as const;

Deno.test("A seed gives the same rounds again, and no two of them are alike", pure, () => {
  const rounds = Array.from({ length: 20 }, (_, number) => JSON.stringify(roundOf(5, number)));
  assertEquals(Array.from({ length: 20 }, (_, number) => JSON.stringify(roundOf(5, number))), rounds);
  assertEquals(new Set(rounds).size, 20);
});

Deno.test("Nobody says more in a round than a client keeps", pure, () => {
  for (let number = 0; number < 100; number++) {
    const said = new Array(CLIENTS.all).fill(0);
    for (const step of roundOf(1, number).steps) if (step.what === "say") said[step.client] += step.count;
    assert(Math.max(...said) < MAX_OUTBOX_MESSAGES, `${said}`);
  }
});

/** A ledger where ana and beto are in, ana has said three things, and a server has a console. */
function ledgerOfThree() {
  const ledger = new Ledger();
  for (const name of ["ana", "beto"]) {
    ledger.addClient(name);
    ledger.entered(name);
  }
  ledger.addConsole("server");
  const texts = [1, 2, 3].map(() => ledger.say("ana"));
  const show = (reader: string, ...numbers: number[]) => {
    for (const n of numbers) ledger.show(reader, { nick: "ana", text: texts[n - 1]! });
  };
  const read = (reader: string, clientSeq: number, changes: Partial<Said> = {}) =>
    ledger.read(reader, 7n, {
      ...{
        type: "said",
        seq: clientSeq,
        timeMs: clientSeq,
        sessionId: 1n,
        clientSeq,
        redelivered: false,
        nick: "ana",
        text: texts[clientSeq - 1]!,
      },
      ...changes,
    });
  const faults = () => ledger.problems.map(({ fault }) => fault);
  return { ledger, texts, show, read, faults };
}

Deno.test(
  "The ledger has nothing against each message once and in order, on clients and consoles",
  pure,
  () => {
    const { ledger, show, read, faults } = ledgerOfThree();
    for (const n of [1, 2, 3]) read("ana", n);
    show("beto", 1, 2, 3);
    show("server", 1, 2, 3);
    assertEquals(faults(), []);
    assertEquals([...ledger.lacking(["ana", "beto", "server"], ["ana"])], []);
    assertEquals(ledger.counts, { messages: 3, deliveries: 6, printed: 3 });
  },
);

const MISTAKES: [what: string, numbers: number[], fault: string][] = [
  ["the same message twice", [1, 2, 2], "shown twice"],
  ["an older message again", [1, 2, 3, 1], "shown twice"],
  ["a message and not the one before it", [1, 3], "lost"],
  ["not the first message", [2], "lost"],
];
for (const [what, numbers, fault] of MISTAKES) {
  for (const reader of ["beto", "server"]) {
    Deno.test(`The ledger finds that ${reader} shows ${what}`, pure, () => {
      const { show, faults } = ledgerOfThree();
      show(reader, ...numbers);
      assertEquals(faults(), [fault]);
    });
  }
}

Deno.test("The ledger knows who has not shown what was said last", pure, () => {
  const { ledger, show } = ledgerOfThree();
  show("beto", 1, 2);
  assertEquals([...ledger.lacking(["beto", "server"], ["ana", "beto"])], [
    "beto has shown ana.2 and not ana.3",
    "server has shown ana.0 and not ana.3",
  ]);
});

Deno.test("The ledger asks of nobody what was said before they came, of all what came after", pure, () => {
  const { ledger, show, faults } = ledgerOfThree();
  ledger.addClient("celia");
  ledger.entered("celia");
  assertEquals([...ledger.lacking(["celia"], ["ana", "beto"])], []);
  ledger.say("beto");
  ledger.entered("celia"); // again, after a failure
  assertEquals([...ledger.lacking(["celia"], ["ana", "beto"])], ["celia has shown beto.0 and not beto.1"]);
  show("celia", 2, 3);
  assertEquals(faults(), []);
  show("celia", 1);
  assertEquals(faults(), ["shown out of order"]);
});

Deno.test("The ledger asks of a console all that was said in its round", pure, () => {
  const { ledger, texts, show, faults } = ledgerOfThree();
  ledger.beginRound();
  texts.push(ledger.say("ana"), ledger.say("ana"));
  ledger.addConsole("one");
  show("one", 4, 5);
  assertEquals(faults(), []);
  ledger.addConsole("other");
  show("other", 5);
  assertEquals(faults(), ["lost"]);
});

Deno.test("The ledger finds words that nobody said", pure, () => {
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

Deno.test("The ledger finds a wrong number, a wrong time, and an order that others do not see", pure, () => {
  for (const changes of [{ clientSeq: 2 }, { timeMs: 9, redelivered: true }, { seq: 8 }]) {
    const { read, faults } = ledgerOfThree();
    read("ana", 1);
    read("ana", 2, { seq: 8 });
    read("beto", 1, changes);
    assertEquals(faults(), ["garbled"], Deno.inspect(changes));
  }
});

/** Two people in a room behind a proxy. */
async function inBadHands(
  act: (all: { proxy: Proxy; weather: Network["weather"]; ana: Peer; beto: Peer }) => Promise<void>,
) {
  await using server = startServer({ room: { graceMs: 0 } });
  const network: Network = { random: new Random(1), weather: new Map() };
  await using proxy = await Proxy.open(server.address, network);
  using ana = (await join(proxy.address, makeHello("ana"))).peer;
  using beto = (await join(proxy.address, makeHello("beto"))).peer;
  await ana.expect("joined");
  await act({ proxy, weather: network.weather, ana, beto });
}

const TEXT = "x".repeat(2_000);
const never = { signal: new AbortController().signal };

function say(text: string): Say {
  return { type: "say", clientSeq: 1, timeMs: 0, text };
}

/** Whether the connection of a peer is cut before another message comes. */
async function isCut(peer: Peer): Promise<boolean> {
  try {
    await peer.receive();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionReset;
  }
}

/** What still comes to a peer whose connection is cut. */
async function bytesUntilCut({ conn }: Peer): Promise<Uint8Array> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(4_096);
  try {
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      bytes.push(...buffer.subarray(0, count));
    }
    throw new Error("The connection was ended, not cut");
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    return new Uint8Array(bytes);
  }
}

const WEATHERS: Weather[] = [
  { kind: "slices", amount: 3 },
  { kind: "delay", amount: 30 },
  { kind: "throttle", amount: 20_000 },
];
for (const weather of WEATHERS) {
  Deno.test(`A proxy changes nothing in what comes as ${weather.kind}`, () =>
    inBadHands(async ({ weather: all, ana, beto }) => {
      for (const way of ["up", "down"] as const) all.set(placeOf("ana", way), weather);
      const startedMs = performance.now();
      await ana.send(say(TEXT));
      assertEquals((await beto.expect("said")).text, TEXT);
      assertEquals((await ana.expect("said")).text, TEXT);
      const leastMs = { slices: 0, delay: 60, throttle: 180 }[weather.kind as "delay"];
      assert(performance.now() - startedMs >= leastMs);
    }));
}

Deno.test("A proxy holds back what is stalled until that is over", () =>
  inBadHands(async ({ weather, ana, beto }) => {
    weather.set(placeOf("ana", "up"), { kind: "stall" });
    await ana.send(say("late"));
    await beto.send(say("soon"));
    assertEquals((await beto.expect("said")).text, "soon");
    weather.clear();
    assertEquals((await beto.expect("said")).text, "late");
  }));

for (const way of ["up", "down"] as const) {
  Deno.test(`A proxy swallows what goes ${way}, and cuts the connection when that is over`, () =>
    inBadHands(async ({ proxy, weather, ana, beto }) => {
      weather.set(placeOf("ana", way), { kind: "blackhole" });
      await ana.send(say("to nobody"));
      if (way === "down") assertEquals((await beto.expect("said")).nick, "ana");
      await beto.send(say("to all"));
      assertEquals((await beto.expect("said")).nick, "beto");
      if (way === "up") assertEquals((await ana.expect("said")).nick, "beto");
      weather.clear();
      if (way === "up") await ana.send(say("out of nothing"));
      else proxy.mend();
      assert(await isCut(ana));
    }));
}

Deno.test("A proxy cuts a connection within a frame to the server, which never has it", () =>
  inBadHands(async ({ proxy, ana, beto }) => {
    const hasCome = proxy.breaks("within a frame up", never);
    await ana.send(say(TEXT));
    assert(await hasCome);
    assert(await isCut(ana));
    assertEquals((await beto.expect("left")).nick, "ana");
  }));

Deno.test("A proxy cuts a connection within a frame to a client", () =>
  inBadHands(async ({ proxy, ana, beto }) => {
    beto[Symbol.dispose]();
    await ana.expect("left");
    const hasCome = proxy.breaks("within a frame down", never);
    await ana.send(say(TEXT));
    assert(await hasCome);
    const { length } = await bytesUntilCut(ana);
    assert(length > 0 && length < TEXT.length + 100, `${length}`);
  }));

Deno.test("A proxy shows a message to all but its sender, and cuts their connection", () =>
  inBadHands(async ({ proxy, ana, beto }) => {
    const hasCome = proxy.breaks("before a receipt", never);
    await beto.send(say(TEXT));
    assert(await hasCome);
    assertEquals((await ana.expect("said")).text, TEXT);
    assertEquals(await bytesUntilCut(beto), new Uint8Array());
  }));

Deno.test("A proxy shows a message to one person alone, and cuts all other connections", () =>
  inBadHands(async ({ proxy, ana, beto }) => {
    const hasCome = proxy.breaks("after one delivery", never);
    await ana.send(say(TEXT));
    assert(await hasCome);
    const heard = await Promise.all([ana, beto].map((peer) => peer.receive().catch(() => undefined)));
    assertEquals(heard.map((message) => message?.type).sort(), ["said", undefined]);
  }));

Deno.test("A proxy waits no longer for a moment than it is told to", () =>
  inBadHands(async ({ proxy, ana }) => {
    const commitWait = new AbortController();
    const hasCome = proxy.breaks("within a frame up", { signal: commitWait.signal });
    commitWait.abort();
    assertEquals(await hasCome, false);
    await ana.send(say("still here"));
    await ana.expect("said");
  }));

for (const words of [[], [say(TEXT)]]) {
  Deno.test(`A proxy lets a server hear late of a loss, with ${words.length} messages on their way`, () =>
    inBadHands(async ({ proxy, ana, beto }) => {
      const startedMs = performance.now();
      proxy.abandon("ana", 200);
      await ana.send(...words);
      assert(await isCut(ana));
      for (const { text } of words) assertEquals((await beto.expect("said")).text, text);
      assertEquals((await beto.expect("left")).nick, "ana");
      assert(performance.now() - startedMs >= 200);
    }));
}
