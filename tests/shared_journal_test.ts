// The journal of a room with many servers, on a store in memory that loses things.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../lib/clock.ts";
import { NatsError } from "../lib/errors.ts";
import { concat } from "@std/bytes/concat";
import { decodeBlock, encodeBlockHead, encodeProposal } from "../lib/nats_block.ts";
import { decodeCheckpoint, encodeCheckpoint, isMark } from "../lib/nats_checkpoint.ts";
import type { Joined, Proposal, Said } from "../lib/protocol.ts";
import { SharedJournal, type SharedJournalOptions } from "../lib/shared_journal.ts";
import { FakeLog, FakeStore } from "./fake_store.ts";
import { settle, until } from "./support.ts";

const now = systemClock();

function said(session: bigint, n: number): Proposal {
  return { type: "said", timeMs: 5, session, n, late: false, nick: "ana", text: `t${n}` };
}

function joined(session: bigint, home: bigint): Proposal {
  const who = { nick: `u${session}`, address: "::1" };
  return { type: "joined", timeMs: 5, session, back: false, ...who, home };
}

function encodeBlock(server: bigint, entry: Proposal, number = 1): Uint8Array {
  return concat([encodeBlockHead({ server, number }), encodeProposal(entry)]);
}

/** A server that follows a log. */
class Follower implements AsyncDisposable {
  readonly journal: SharedJournal;
  readonly taken: { entry: Proposal; seq: number; isForeign: boolean | undefined }[] = [];
  readonly store: FakeStore;
  readonly news: (boolean | NatsError)[];

  readonly past: readonly Proposal[];

  private constructor(journal: SharedJournal, store: FakeStore, news: Follower["news"]) {
    this.past = journal.past;
    this.journal = journal;
    this.store = store;
    this.news = news;
    journal.follow(
      (entry, seq, _at, isForeign) => this.taken.push({ entry, seq, isForeign }),
      () => queueMicrotask(() => journal.settle()),
    );
  }

  static async open(log: FakeLog, home: bigint, options: Partial<SharedJournalOptions> = {}) {
    const store = new FakeStore(log);
    const news: Follower["news"] = [];
    const journal = await SharedJournal.open(store, {
      home,
      instance: 100n + home,
      clock: systemClock,
      onAway: (isAway) => news.push(isAway),
      onBroken: (error) => news.push(error),
      openingMs: 0,
      ...options,
    });
    return new Follower(journal, store, news);
  }

  say(...entries: Proposal[]): void {
    for (const entry of entries) this.journal.propose(entry);
  }

  get words(): string[] {
    return this.taken.map(({ entry, seq }) => {
      const { session, n } = entry as Said;
      return `${seq}:${entry.type === "said" ? `${session}.${n}` : `${entry.type} ${session}`}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal.close();
  }
}

Deno.test("All servers are given all entries in one order, numbered from 0 without a gap", async () => {
  const log = new FakeLog();
  await using one = await Follower.open(log, 1n);
  await using other = await Follower.open(log, 2n);
  assertEquals([one.journal.instance, other.journal.instance], [101n, 101n]);
  for (let n = 1; n <= 50; n++) {
    one.say(said(1n, n));
    other.say(said(2n, n));
    if (n % 7 === 0) await Promise.resolve();
  }
  await until(() => one.taken.length === 100 && other.taken.length === 100);
  assertEquals(one.words, other.words);
  assertEquals(one.taken.map(({ seq }) => seq), Array.from({ length: 100 }, (_, seq) => seq));
  const own = one.taken.filter(({ isForeign }) => !isForeign);
  assertEquals(own.map(({ entry }) => (entry as Said).n), Array.from({ length: 50 }, (_, i) => i + 1));
  assert(own.every(({ entry }) => (entry as Said).session === 1n));
  assert(log.stored.length < 60, "what is proposed at once is one block");
});

Deno.test("Of two servers that begin a room at once, one does", async () => {
  const log = new FakeLog();
  const [one, other] = await Promise.all([Follower.open(log, 1n), Follower.open(log, 2n)]);
  assertEquals(one.journal.instance, other.journal.instance);
  assertEquals(log.stored.length, 1);
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

Deno.test("What was lost on its way is tried again, before what came after it", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  log.troubles.push("lost", "lost");
  server.say(said(1n, 1));
  await until(() => log.appends >= 2);
  server.say(said(1n, 2));
  await until(() => server.taken.length === 2);
  assertEquals(server.words, ["0:1.1", "1:1.2"]);
  assertEquals(log.appends, 5); // that of the checkpoint, three of the first block, one of the second
});

Deno.test("What is stored though nobody says so is not waited for, and there once", async () => {
  for (const remembersIds of [true, false]) {
    const log = new FakeLog();
    log.remembersIds = remembersIds;
    await using server = await Follower.open(log, 1n, { awayMs: 60_000 });
    log.troubles.push("unsaid");
    server.say(said(1n, 1));
    await until(() => server.taken.length === 1);
    server.say(said(1n, 2));
    await until(() => server.taken.length === 2);
    assertEquals(server.words, ["0:1.1", "1:1.2"]);
  }
});

Deno.test("What has come back is stored, though nobody will ever say so", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n, { awayMs: 60_000 });
  log.troubles.push("unsaid");
  log.isDown = true;
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  await server.journal.close({ patienceMs: 60_000 });
  assertEquals(log.appends, 2);
});

Deno.test("One of the servers writes a checkpoint when one is due", async () => {
  const log = new FakeLog();
  await using one = await Follower.open(log, 1n, { checkpointEntries: 5 });
  await using other = await Follower.open(log, 2n, { checkpointEntries: 5 });
  one.say(...[1, 2, 3, 4, 5].map((n) => said(1n, n)));
  await until(() => log.stored.length === 3);
  other.say(said(2n, 1));
  await until(() => one.taken.length === 6 && other.taken.length === 6);
  assertEquals(log.stored.map(({ isCheckpoint }) => isCheckpoint), [true, false, true, false]);
});

Deno.test("A block that is stored twice counts once, on all servers, however late", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  const { bytes } = log.stored.at(-1)!;
  server.say(said(1n, 2));
  await until(() => server.taken.length === 2);
  log.put(bytes);
  server.say(said(1n, 3));
  await until(() => server.taken.length === 3);
  await using later = await Follower.open(log, 2n);
  assertEquals([server.words, later.words], [["0:1.1", "1:1.2", "2:1.3"], ["0:1.1", "1:1.2", "2:1.3"]]);
});

Deno.test("A store that is away is told of once, and when it is back everything comes", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n, { awayMs: 20, maxWaitingBytes: 150 });
  log.isDown = true;
  server.say(said(1n, 1));
  assertEquals([server.journal.isAway, server.journal.isStuck], [false, false]);
  await until(() => server.news.length > 0);
  assertEquals(server.journal.isAway, true);
  server.say(said(1n, 2), said(1n, 3), said(1n, 4));
  assertEquals(server.journal.isStuck, true);
  log.isDown = false;
  await until(() => server.taken.length === 4);
  await until(() => !server.journal.isAway);
  assertEquals([server.words, server.news], [["0:1.1", "1:1.2", "2:1.3", "3:1.4"], [true, false]]);
  assertEquals([server.journal.isAway, server.journal.isStuck], [false, false]);
});

Deno.test("A store that takes something now and then is away until it has all that waited", async () => {
  const log = new FakeLog();
  const told: [boolean, number][] = [];
  await using server = await Follower.open(log, 1n, {
    awayMs: 5,
    onAway: (isAway) => told.push([isAway, log.stored.length]),
  });
  server.store.maxBytes = 400;
  log.troubles.push("lost", "none", "lost", "none", "none", "lost", "none");
  server.say(...Array.from({ length: 20 }, (_, i) => said(1n, i + 1)));
  await until(() => server.taken.length === 20 && told.length > 1);
  assertEquals(told, [[true, 1], [false, 6]]);
});

Deno.test("Who goes on talking does not keep a store away that is back", async () => {
  const log = new FakeLog();
  const told: [boolean, number][] = [];
  await using server = await Follower.open(log, 1n, {
    awayMs: 5,
    onAway: (isAway) => told.push([isAway, log.appends]),
  });
  log.troubles.push("lost");
  const { append } = server.store;
  server.store.append = (...job) => {
    if (log.appends < 100) server.say(said(1n, log.appends));
    return append.apply(server.store, job);
  };
  server.say(said(1n, 1));
  await until(() => log.appends >= 100);
  assertEquals(told, [[true, 2], [false, 4]]);
});

Deno.test("Blocks are no longer than the store takes", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  server.store.maxBytes = 400;
  server.say(...Array.from({ length: 20 }, (_, i) => said(1n, i + 1)));
  await until(() => server.taken.length === 20);
  assert(log.stored.slice(1).every(({ bytes }) => bytes.length <= 250));
  assertEquals(decodeBlock(log.stored[1]!.bytes).entries.length, 4);
});

Deno.test("A server that starts has what the others have, also of what is forgotten", async () => {
  const log = new FakeLog();
  await using first = await Follower.open(log, 1n, { checkpointEntries: 6 });
  const isCheckpointed = () => log.stored.filter(({ isCheckpoint }) => isCheckpoint).length > 1;
  first.say(joined(7n, 1n), said(7n, 9), { type: "backups", timeMs: 1, backups: ["a:1"] });
  first.say({ type: "backups", timeMs: 1, backups: ["b:2"], home: 1n }, joined(8n, 1n), said(8n, 3));
  await until(isCheckpointed);
  log.put(log.stored[1]!.bytes); // a second time, and counted before
  first.say(said(7n, 10));
  await until(() => first.taken.length === 7);
  log.first = log.stored.findLastIndex(({ isCheckpoint }) => isCheckpoint) + 1;
  await using later = await Follower.open(log, 2n);
  assertEquals([later.journal.instance, later.journal.firstSeq], [101n, 6]);
  assertEquals(later.words, ["6:7.10"]);
  assertEquals(later.taken[0]!.isForeign, true);
  const { past } = later;
  assertEquals([past.length > 0, later.journal.past], [true, []]);
  assertEquals(past.filter(({ type }) => type === "joined").map((entry) => (entry as Joined).session), [
    7n,
    8n,
  ]);
  assertEquals(past.filter(({ type }) => type === "joined").map(({ home }) => home), [1n, 1n]);
  assertEquals(past.filter(({ type }) => type === "said").map((entry) => (entry as Said).n), [9, 3]);
  assertEquals(past.filter(({ type }) => type === "backups"), [
    { type: "backups", timeMs: 0, backups: ["a:1"] },
    { type: "backups", timeMs: 0, backups: ["b:2"], home: 1n },
  ]);
  // It goes on counting where the others are, and drops what they have dropped.
  log.put(log.stored.at(-1)!.bytes);
  later.say(said(8n, 4));
  await until(() => first.taken.length === 8 && later.taken.length === 2);
  assertEquals([first.words.at(-1), later.words.at(-1)], ["7:8.4", "7:8.4"]);
});

Deno.test("A checkpoint with something missing behind it is of no use, a later one is", async () => {
  const log = new FakeLog();
  const checkpoint = (position: number, seq: number) =>
    encodeCheckpoint({ instance: 3n, position, seq, numbers: new Map(), past: [] });
  for (let i = 0; i < 5; i++) log.put(new Uint8Array());
  log.put(checkpoint(2, 10), { isCheckpoint: true });
  log.put(checkpoint(6, 20), { isCheckpoint: true });
  log.first = 5;
  {
    await using server = await Follower.open(log, 1n);
    assertEquals([server.journal.instance, server.journal.firstSeq], [3n, 20]);
  }
  // If there is no later one, an earlier one does.
  for (let i = 0; i < 40; i++) log.put(new Uint8Array(1_000_000));
  log.put(checkpoint(0, 0), { isCheckpoint: true });
  await using server = await Follower.open(log, 1n);
  assertEquals(server.journal.firstSeq, 20);
});

Deno.test("Of a long past a server reads the end alone", async () => {
  const log = new FakeLog();
  await using writer = await Follower.open(log, 1n, { checkpointEntries: 100 });
  const long = { ...said(1n, 1), text: "x".repeat(60_000) } as Proposal;
  for (let n = 1; n <= 400; n++) writer.say({ ...long, n } as Proposal);
  await until(() => writer.taken.length === 400);
  await until(() => log.stored.filter(({ isCheckpoint }) => isCheckpoint).length >= 3);
  await using later = await Follower.open(log, 2n);
  assert(later.journal.firstSeq > 0, `${later.journal.firstSeq}`);
  assertEquals(later.taken.at(-1)?.seq, 399);
});

Deno.test("A checkpoint is written once an hour though nothing happens, and not more often", async () => {
  const log = new FakeLog();
  let wallMs = log.timeMs;
  await using server = await Follower.open(log, 1n, { clock: () => ({ wallMs, tickMs: performance.now() }) });
  server.journal.keepFresh();
  wallMs += 3_599_999;
  server.journal.keepFresh();
  await until(() => true);
  assertEquals(log.stored.length, 1);
  wallMs += 1;
  server.journal.keepFresh();
  await until(() => log.stored.length === 2);
  assertEquals(decodeCheckpoint(log.stored[1]!.bytes).seq, 0);
});

Deno.test("A log of which a part is missing ends it, and so does one that is gone for long", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  log.put(new Uint8Array(), { isGap: true });
  await until(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-log-cut");
  const gone = new FakeLog();
  await using other = await Follower.open(gone, 1n, { goneMs: 300, awayMs: 60_000 });
  gone.isGone = true;
  other.say(said(1n, 1));
  await until(() => other.news.length > 0);
  assertEquals((other.news[0] as NatsError).code, "nats-stream-gone");
});

Deno.test("A store that comes back before that is not gone", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n, { goneMs: 60_000 });
  log.isGone = true;
  server.say(said(1n, 1));
  await until(() => log.appends >= 3);
  log.isGone = false;
  await until(() => server.taken.length === 1);
  assertEquals(server.news, []);
});

Deno.test("Closing waits for what was said, and not forever", async () => {
  const log = new FakeLog();
  const server = await Follower.open(log, 1n);
  log.troubles.push("lost");
  server.say(said(1n, 1));
  await server.journal.close({ patienceMs: 10_000 });
  assertEquals(log.stored.length, 2);
  const stuck = await Follower.open(log, 2n, { awayMs: 5 });
  log.isDown = true;
  stuck.say(said(1n, 2));
  await stuck.journal.close({ patienceMs: 300 });
  await until(() => stuck.news.length > 0);
  assertEquals(stuck.news, [true]);
  assertEquals(log.stored.length, 2);
});

Deno.test("A store that cannot be read ends the start, after a while", async () => {
  const log = new FakeLog();
  const store = new FakeStore(log);
  store.state = () => Promise.reject(new Error("no"));
  const options = { home: 1n, instance: 2n, clock: systemClock, openingMs: 0 };
  await assertRejects(() => SharedJournal.open(store, options), Error, "no");
});

Deno.test("A server that starts while a part of the log is forgotten tries again, and not forever", async () => {
  for (const isMended of [true, false]) {
    const log = new FakeLog();
    await using first = await Follower.open(log, 1n);
    first.say(said(1n, 1));
    await until(() => first.taken.length === 1);
    const [, stored] = log.stored;
    log.stored[1] = { ...stored!, isGap: true };
    const opening = Follower.open(log, 2n, { openingMs: isMended ? 60_000 : 0 });
    if (isMended) {
      setTimeout(() => log.stored[1] = stored!, 1);
      await using server = await opening;
      assertEquals([server.words, server.news], [["0:1.1"], []]);
    } else assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-log-cut");
  }
});

Deno.test("Entries of the past have their age on the clocks of this process", async () => {
  const log = new FakeLog();
  log.timeMs = now.wallMs - 60_000;
  await using first = await Follower.open(log, 1n);
  first.say(said(1n, 1));
  await until(() => first.taken.length === 1);
  const journal = await SharedJournal.open(new FakeStore(log), {
    ...{ home: 2n, instance: 2n },
    clock: () => ({ wallMs: now.wallMs, tickMs: 1_000_000 }),
  });
  const moments: number[] = [];
  journal.follow((_entry, _seq, { tickMs }) => moments.push(tickMs), () => {});
  assertEquals(moments, [940_000]);
  await journal.close();
});

Deno.test("What is no block makes nothing, and one of a later version ends the server", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0, 0, 0, 9, 0x40], [0xff, 0xff, 0xff, 0xff, 0x40]]) {
    log.put(new Uint8Array(junk));
  }
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  assertEquals([server.words, server.news], [["0:1.1"], []]);
  const newer = log.stored.at(-1)!.bytes.slice();
  newer[5]!++;
  log.put(newer);
  await until(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-newer");
});

Deno.test("What comes behind a block of a later version is given to nobody, its numbers are others; nor is anything stored", async () => {
  const log = new FakeLog();
  await using writer = await Follower.open(log, 1n);
  await using server = await Follower.open(log, 2n);
  for (const n of [1, 2]) {
    writer.say(said(1n, n));
    await until(() => server.taken.length === n);
  }
  const last = log.stored.at(-1)!.bytes;
  const [newer, next] = [last.slice(), last.slice()];
  newer[5]!++;
  next[17]!++; // the number of the block
  assertEquals(decodeBlock(next).number, 3);
  log.put(newer);
  log.put(next);
  await until(() => server.news.length > 0);
  server.say(said(2n, 1));
  await settle();
  server.journal.settle();
  assertEquals(log.stored.length, 5);
  assertEquals(server.words, ["0:1.1", "1:1.2"]);
});

Deno.test("What is no checkpoint makes nothing, and one of a later version ends the server, or its start", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0xff, 0xff, 0xff, 0xff, 0x50]]) {
    log.put(new Uint8Array(junk), { isCheckpoint: true });
  }
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  {
    await using other = await Follower.open(log, 2n);
    assertEquals([other.words, other.journal.instance], [["0:1.1"], 101n]);
    await using last = await Follower.open(onlyFrom(log, 2), 3n);
    assertEquals(last.journal.instance, 103n);
  }
  const newer = log.stored[0]!.bytes.slice();
  newer[5]!++;
  log.put(newer, { isCheckpoint: true });
  await until(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-newer");
  const error = await assertRejects(() => Follower.open(log, 4n, { openingMs: 60_000 }), NatsError);
  assertEquals(error.code, "nats-newer");
});

Deno.test("A checkpoint of what the store has lost since is of no use", async () => {
  const log = new FakeLog();
  await using writer = await Follower.open(log, 1n);
  writer.say(said(1n, 1));
  await until(() => writer.taken.length === 1);
  const lost = { instance: 101n, position: 9, seq: 8, numbers: new Map([[1n, 1]]), past: [] };
  log.put(encodeCheckpoint(lost), { isCheckpoint: true });
  await using server = await Follower.open(onlyLast(log), 2n);
  assertEquals([server.journal.firstSeq, server.words], [0, ["0:1.1"]]);
});

/** A log of which a server that starts finds the last checkpoint first. */
function onlyLast(log: FakeLog): FakeLog {
  for (let i = 0; i < 8; i++) log.put(new Uint8Array(4_000_000));
  return log;
}

/** What is left of a log when what lies before a position is forgotten. */
function onlyFrom({ stored }: FakeLog, first: number): FakeLog {
  const log = new FakeLog();
  log.stored.push(...stored);
  log.first = first;
  return log;
}

/** A room of which the store has lost the last of three messages, as a power cut does. */
async function cutShort(): Promise<{ log: FakeLog; server: Follower }> {
  const log = new FakeLog();
  const server = await Follower.open(log, 1n);
  for (let n = 1; n <= 3; n++) {
    server.say(said(1n, n));
    await until(() => server.taken.length === n);
  }
  log.stored.length--;
  return { log, server };
}

Deno.test("A store that has lost the end of the log is found out by the next block, or by looking", async () => {
  for (const isSpeaking of [true, false]) {
    const { log, server } = await cutShort();
    log.remembersIds = false;
    if (isSpeaking) server.say(said(1n, 4));
    else for (let count = 0; count < 3; count++) await server.journal.check();
    await until(() => server.news.length > 0);
    assertEquals((server.news[0] as NatsError).code, "nats-log-back");
    await server.journal.close();
    await using later = await Follower.open(log, 2n);
    assert(later.journal.instance !== server.journal.instance);
    assertEquals(later.words.slice(0, 2), ["0:1.1", "1:1.2"]);
    await using last = await Follower.open(log, 3n);
    assertEquals(last.journal.instance, later.journal.instance);
  }
});

Deno.test("A store that has lost the end of the log and grown since is found out when it is read again", async () => {
  for (const isOther of [true, false]) {
    const { log, server } = await cutShort();
    const [first, last] = [log.stored.at(-1)!, server.taken.length + 1];
    if (isOther) log.timeMs += 5_000;
    // What another server says that knows nothing of what was there.
    log.put(first.bytes);
    log.put(encodeBlock(9n, said(9n, 1)));
    // A reader that begins anew is given again the last that it had.
    server.store.rereadFrom(last);
    await until(() => isOther ? server.news.length > 0 : server.taken.length === 4);
    const codes = server.news.map((error) => (error as NatsError).code);
    assertEquals([codes, server.taken.length], isOther ? [["nats-log-back"], 3] : [[], 4]);
    // All others are to know.
    assertEquals(log.stored.filter(({ isCheckpoint }) => isCheckpoint).length, isOther ? 2 : 1);
    await server.journal.close();
  }
});

Deno.test("A store that has less than it said is asked again, and not forever", async () => {
  for (const isMended of [true, false]) {
    const log = new FakeLog();
    await using first = await Follower.open(log, 1n);
    first.say(said(1n, 1));
    await until(() => first.taken.length === 1);
    const store = new FakeStore(log);
    const { state } = store;
    let asked = 0;
    store.state = async () => {
      const truth = await state.call(store);
      return asked++ === 0 || !isMended ? { ...truth, last: truth.last + 3 } : truth;
    };
    const options = { home: 2n, instance: 2n, clock: systemClock, readingMs: 20, backMs: 20 };
    const opening = SharedJournal.open(store, { ...options, openingMs: isMended ? 60_000 : 0 });
    if (isMended) await (await opening).close();
    else assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-unread");
    store.close();
  }
});

Deno.test("A reader that gives nothing to a server that starts is made anew", async () => {
  const log = new FakeLog();
  await using first = await Follower.open(log, 1n);
  first.say(said(1n, 1));
  await until(() => first.taken.length === 1);
  const store = new FakeStore(log);
  const { read } = store;
  const { promise: isAnew, resolve } = Promise.withResolvers<void>();
  store.reread = resolve;
  store.read = async function* (from) {
    await isAnew;
    yield* read.call(store, from);
  };
  const options = { home: 2n, instance: 2n, clock: systemClock, readingMs: 50, backMs: 50, openingMs: 1_000 };
  await (await SharedJournal.open(store, options)).close();
  store.close();
});

Deno.test("Other servers learn from one that the end of the log was lost", async () => {
  const { log, server } = await cutShort();
  await using other = await Follower.open(log, 2n);
  log.remembersIds = false;
  server.say(said(1n, 4));
  await until(() => other.news.length > 0);
  assertEquals((other.news[0] as NatsError).code, "nats-log-back");
  // One of them marks it: who has begun anew by now need not do so again.
  await until(() => server.news.length > 0);
  assertEquals(log.stored.filter(({ isCheckpoint }) => isCheckpoint).length, 2);
  await server.journal.close();
});

Deno.test("A store that knows too little once has lost nothing", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  const { bytes } = log.stored.pop()!;
  await server.journal.check();
  await server.journal.check();
  log.put(bytes);
  await server.journal.check();
  log.stored.length--;
  await server.journal.check();
  assertEquals(server.news, []);
});

Deno.test("A checkpoint too long to be stored is told of, and again when it has doubled; nothing is forgotten meanwhile", async () => {
  const log = new FakeLog();
  const told: number[] = [];
  await using server = await Follower.open(log, 1n, {
    checkpointEntries: 2,
    onOversized: (bytes) => told.push(bytes),
  });
  server.store.maxBytes = 400;
  const come = async (from: bigint, to: bigint) => {
    for (let n = from; n <= to; n++) {
      server.say(joined(n, 1n));
      await until(() => server.taken.length === Number(n));
    }
  };
  const checkpoints = () => log.stored.filter(({ isCheckpoint }) => isCheckpoint);
  await come(1n, 4n);
  assertEquals([told, log.keepsAll], [[], false]);
  await come(5n, 20n);
  assert(told.length === 2 && told[0]! > 400 && told[1]! >= 2 * told[0]!, `${told}`);
  assert(checkpoints().length > 1 && checkpoints().every(({ bytes }) => bytes.length <= 400));
  assertEquals(log.keepsAll, true);
  // Somebody has raised what is too long.
  server.store.maxBytes = 100_000;
  await come(21n, 22n);
  await until(() => !log.keepsAll);
  assertEquals(decodeCheckpoint(checkpoints().at(-1)!.bytes).past.length, 22);
});

Deno.test("A checkpoint that is too long by the time that it can be stored is told of, and given up", async () => {
  const log = new FakeLog();
  const told: number[] = [];
  await using server = await Follower.open(log, 1n, {
    checkpointEntries: 1,
    awayMs: 5,
    onOversized: (bytes) => told.push(bytes),
  });
  const { append } = server.store;
  // Nothing that is longer than what the store takes is ever stored.
  server.store.append = (bytes, job) =>
    bytes.length > server.store.maxBytes
      ? Promise.reject(new Error("max"))
      : append.call(server.store, bytes, job);
  log.troubles.push("none", "lost");
  server.say(...Array.from({ length: 20 }, (_, n) => joined(BigInt(n + 1), 1n)));
  await until(() => log.appends === 3); // the room's beginning, the block, and the checkpoint in vain
  await until(() => server.journal.isAway);
  server.store.maxBytes = 400;
  await until(() => !server.journal.isAway);
  server.say(said(1n, 1));
  await until(() => server.taken.length === 21);
  assert(told.length === 1 && told[0]! > 400, `${told}`);
  assertEquals(log.stored.map(({ isCheckpoint }) => isCheckpoint), [true, false, false]);
});

Deno.test("A block that is too long by the time that it can be stored is stored in parts, and nothing is lost", async () => {
  for (const trouble of ["lost", "unsaid"] as const) {
    const log = new FakeLog();
    await using server = await Follower.open(log, 1n, { maxWaitingBytes: 1 });
    const { wake } = log;
    log.wake = () => {}; // nobody sees that it is stored
    log.troubles.push(trouble);
    server.say(...Array.from({ length: 20 }, (_, n) => said(1n, n + 1)));
    await until(() => log.appends === 2);
    server.store.maxBytes = 400;
    await until(() => log.appends > 3);
    log.wake = wake;
    server.say(said(1n, 21));
    await until(() => server.words.at(-1)?.endsWith(":1.21") === true);
    const numbers = server.taken.map(({ entry }) => (entry as Said).n);
    const all = Array.from({ length: 21 }, (_, n) => n + 1);
    assertEquals([...new Set(numbers)], all);
    if (trouble === "lost") assertEquals(numbers, all);
    await until(() => !server.journal.isStuck);
  }
});

Deno.test("A checkpoint too long is not made anew for every block", async () => {
  const log = new FakeLog();
  let asked = 0;
  await using server = await Follower.open(log, 1n, { checkpointEntries: 10 });
  Object.defineProperty(server.store, "maxBytes", { get: () => (asked++, 300) });
  for (let n = 1n; n <= 40n; n++) {
    server.say(joined(n, 1n));
    await until(() => server.taken.length === Number(n));
  }
  // Each block asks once, and each checkpoint.
  assertEquals(asked, 44);
});

Deno.test("What comes at once with a block of a later version, and behind it, is given to nobody either", async () => {
  const log = new FakeLog();
  await using writer = await Follower.open(log, 1n);
  const options = { home: 2n, instance: 102n, clock: systemClock, openingMs: 0 };
  const journal = await SharedJournal.open(new FakeStore(log), options);
  const taken: number[] = [];
  let came = 0;
  journal.follow((_entry, seq) => taken.push(seq), () => came++);
  writer.say(said(1n, 1));
  await until(() => came === 1);
  const last = log.stored.at(-1)!.bytes;
  const [newer, next] = [last.slice(), last.slice()];
  newer[5]!++;
  next[17]!++; // the number of the block
  for (const bytes of [newer, next]) log.put(bytes);
  await until(() => came === 3);
  journal.settle();
  assertEquals(taken, [0]);
  await journal.close();
});

Deno.test("A store that knows too little now and then, and all in between, has lost nothing", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  for (let time = 0; time < 4; time++) {
    const { bytes } = log.stored.pop()!;
    await server.journal.check();
    log.put(bytes);
    await server.journal.check();
  }
  assertEquals(server.news, []);
});

Deno.test("A block of any of many servers counts once, though others were stored since", async () => {
  const log = new FakeLog();
  await using one = await Follower.open(log, 1n);
  await using other = await Follower.open(log, 2n);
  await using third = await Follower.open(log, 3n);
  for (const [index, server] of [one, other, third].entries()) {
    server.say(said(BigInt(index + 1), 1));
    await until(() => third.taken.length === index + 1);
  }
  const blocks = log.stored.filter(({ isCheckpoint }) => !isCheckpoint);
  for (const { bytes } of blocks) log.put(bytes);
  one.say(said(1n, 2));
  await until(() => third.taken.length === 4);
  assertEquals(third.words, ["0:1.1", "1:2.1", "2:3.1", "3:1.2"]);
});

Deno.test("Times never go back, nor beyond now, whatever the clock of the store says", async () => {
  const log = new FakeLog();
  await using writer = await Follower.open(log, 1n);
  const clock = () => ({ wallMs: 1_000_000, tickMs: 50_000 });
  const journal = await SharedJournal.open(new FakeStore(log), {
    home: 2n,
    instance: 102n,
    clock,
    openingMs: 0,
  });
  const ticksMs: number[] = [];
  journal.follow(
    (_entry, _seq, { tickMs }) => ticksMs.push(tickMs),
    () => queueMicrotask(() => journal.settle()),
  );
  for (const [n, timeMs] of [990_000, 980_000, 995_000, 1_005_000].entries()) {
    log.timeMs = timeMs;
    writer.say(said(1n, n + 1));
    await until(() => ticksMs.length === n + 1);
  }
  assertEquals(ticksMs, [40_000, 40_000, 45_000, 50_000]);
  await journal.close();
});

Deno.test("The last of 256 servers are known by their numbers, whoever was heard of first", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n, { checkpointEntries: 302 });
  for (let id = 2n; id <= 300n; id++) {
    log.put(encodeBlock(id, said(id, 1)));
    if (id === 200n) log.put(encodeBlock(2n, said(2n, 2), 2));
  }
  await until(() => server.taken.length === 300);
  server.say(said(1n, 1), said(1n, 2));
  await until(() => log.stored.at(-1)!.isCheckpoint);
  const { numbers } = decodeCheckpoint(log.stored.at(-1)!.bytes);
  const latest = Array.from({ length: 254 }, (_, index) => BigInt(index + 47));
  assertEquals([...numbers.keys()].sort((a, b) => Number(a - b)), [1n, 2n, ...latest]);
  assertEquals([numbers.get(2n), numbers.get(47n)], [2, 1]);
});

Deno.test("A checkpoint of another instance, by a server that has missed a mark, has the log marked anew", async () => {
  const log = new FakeLog();
  await using server = await Follower.open(log, 1n);
  server.say(said(1n, 1));
  await until(() => server.taken.length === 1);
  const other = { instance: 7n, position: 2, seq: 1, numbers: new Map(), past: [] };
  log.put(encodeCheckpoint(other), { isCheckpoint: true });
  await until(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-log-back");
  const mark = decodeCheckpoint(log.stored.at(-1)!.bytes);
  assert(mark.instance !== 7n && mark.instance !== 101n && isMark(mark));
});

/** A server that looks what has come when it is told to, and not before. */
async function openSlow(log: FakeLog, options: Partial<SharedJournalOptions> = {}) {
  const store = new FakeStore(log);
  const news: NatsError[] = [];
  const journal = await SharedJournal.open(store, {
    ...{ home: 1n, instance: 101n, clock: systemClock, onBroken: (error) => news.push(error), ...options },
  });
  const taken: number[] = [];
  journal.follow((_entry, seq) => taken.push(seq), () => {});
  return { journal, store, taken, news };
}

Deno.test("What has come and nobody has looked at yet is not taken for lost when it is said to be stored", async () => {
  const log = new FakeLog();
  const { journal, store, taken, news } = await openSlow(log);
  const { append } = store;
  store.append = async (...job) => {
    const position = await append.apply(store, job);
    await settle(); // it comes before that is said
    return position;
  };
  journal.propose(said(1n, 1));
  await until(() => taken.length === 1);
  assertEquals([news, log.stored.length], [[], 2]);
  await journal.close();
});

Deno.test("Who closes looks what has come meanwhile, though nobody else does", async () => {
  const log = new FakeLog();
  const { journal, taken } = await openSlow(log);
  log.troubles.push("unsaid");
  log.isDown = true;
  journal.propose(said(1n, 1));
  await journal.close({ patienceMs: 60_000 });
  assertEquals([taken, journal.past], [[0], []]);
});

Deno.test("What is stored and does not come is asked for again, and nothing else", async () => {
  const log = new FakeLog();
  const { journal, taken } = await openSlow(log, { backMs: 5 });
  journal.propose(said(1n, 1));
  await until(() => (journal.settle(), taken.length === 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(log.rereads, 0);
  const { wake } = log;
  log.wake = () => {};
  journal.propose(said(1n, 2));
  await until(() => log.rereads === 1);
  log.wake = wake;
  wake.call(log);
  await until(() => (journal.settle(), taken.length === 2));
  await journal.close();
});

/** A log with so many entries. */
async function logOf(count: number): Promise<FakeLog> {
  const log = new FakeLog();
  await using writer = await Follower.open(log, 9n);
  for (let n = 1; n <= count; n++) {
    writer.say(said(1n, n));
    await until(() => writer.taken.length === n);
  }
  return log;
}

Deno.test("A store that gives little at a time to a server that starts is not given up", async () => {
  const log = await logOf(3);
  const store = new FakeStore(log);
  const { read } = store;
  let [asked, isAsked] = [0, Promise.withResolvers<void>()];
  store.reread = () => {
    if (++asked % 2 === 0) isAsked.resolve();
  };
  store.read = async function* (from) {
    for await (const stored of read.call(store, from)) {
      await isAsked.promise;
      isAsked = Promise.withResolvers();
      yield stored;
    }
  };
  const options = {
    ...{ home: 1n, instance: 101n, clock: systemClock },
    backMs: 10,
    readingMs: 30,
    openingMs: 0,
  };
  await (await SharedJournal.open(store, options)).close();
  assertEquals(asked, 8); // twice for each
});

Deno.test("A server that reads another end than there was while it starts begins again, and reads no more of before", async () => {
  const log = await logOf(2);
  const store = new FakeStore(log);
  const { read } = store;
  let [reads, ended] = [0, 0];
  store.read = async function* (from) {
    const isFirst = ++reads === 1;
    try {
      for await (const stored of read.call(store, from)) {
        yield stored;
        if (isFirst) yield { ...stored, timeMs: stored.timeMs + 1 };
      }
    } finally {
      ended++;
    }
  };
  const options = { home: 1n, instance: 101n, clock: systemClock, openingMs: 60_000 };
  const journal = await SharedJournal.open(store, options);
  const taken: number[] = [];
  journal.follow((_entry, seq) => taken.push(seq), () => {});
  assertEquals([taken, reads, ended, log.stored.length], [[0, 1], 2, 1, 3]);
  await journal.close();
});

Deno.test("A server that has given a start up does not go on reading for it", async () => {
  const log = await logOf(1);
  const store = new FakeStore(log);
  const { state, read } = store;
  let ended = 0;
  store.state = async () => ({ ...await state.call(store), last: 99 });
  store.read = async function* (from) {
    try {
      yield* read.call(store, from);
    } finally {
      ended++;
    }
  };
  const options = {
    ...{ home: 1n, instance: 101n, clock: systemClock },
    backMs: 5,
    readingMs: 5,
    openingMs: 0,
  };
  await assertRejects(() => SharedJournal.open(store, options), NatsError);
  log.put(new Uint8Array());
  await until(() => ended === 1);
});
