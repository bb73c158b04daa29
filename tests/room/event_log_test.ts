// The event log, with segments so small that the tests reach every edge of them.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  ALL_ENTRIES,
  type Cursor,
  type EventLog,
  type EventLogConfig,
  type ReaderId,
} from "../../lib/room/event_log.ts";
import { newEventLog } from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;

const SAID = 0x82;
const JOINED = 0x87;
/** Three segments of two frames each. */
const SMALL = { segmentBytes: 12, retainedBytes: 36 };

/** A frame of six bytes whose body is its mark. */
function frame(mark: number, type = SAID): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0, 0, 0, 2, type, mark);
}

/** The mark of each entry is its `seq`, and its time is ten times that. */
function logOf(count: number, config = SMALL): EventLog {
  const log = newEventLog(config);
  grow(log, count);
  return log;
}

function grow(log: EventLog, count: number): void {
  for (let i = 0; i < count; i++) log.append(frame(log.head), log.head * 10);
}

function logWithTimes(times: number[]): EventLog {
  const log = newEventLog(SMALL);
  for (const timeMs of times) log.append(frame(log.head), timeMs);
  return log;
}

function logWithTypes(types: number[]): EventLog {
  const log = newEventLog(SMALL);
  for (const type of types) log.append(frame(log.head, type), 0);
  return log;
}

/** Marks of everything from the cursor on. */
function rest(cursor: Cursor): number[] {
  const marks: number[] = [];
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (let at = 0; at < slice.length; at += 6) marks.push(slice[at + 5]!);
  }
  return marks;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("EventLog.append() numbers entries from 0", pure, () => {
  const log = newEventLog();
  assertEquals([log.tail, log.head], [0, 0]);
  log.append(frame(7), 0);
  assertEquals([log.tail, log.head], [0, 1]);
});

Deno.test("EventLog.append() copies the frame", pure, () => {
  const log = newEventLog();
  const mine = frame(7);
  log.append(mine, 0);
  mine.fill(0);
  assertEquals(rest(log.cursorAt(0)), [7]);
});

Deno.test(
  "EventLog.append() drops the oldest segment once the others hold `retainedBytes`",
  pure,
  () => {
    const tails = range(1, 12).map((count) => logOf(count).tail);
    assertEquals(tails, [0, 0, 0, 0, 0, 0, 2, 2, 4, 4, 6]);
  },
);

Deno.test(
  "EventLog.append() accepts a frame longer than a segment, and counts its full length",
  pure,
  () => {
    const log = logOf(1);
    const long = new Uint8Array(37).fill(SAID);
    log.append(long, 10);
    assertEquals([log.tail, log.head], [1, 2]);
    assertEquals(log.cursorAt(1).take(), long);
    // It alone holds `retainedBytes`: it is dropped once three small segments hold as much.
    grow(log, 4);
    assertEquals(log.tail, 1);
    grow(log, 1);
    assertEquals(log.tail, 2);
  },
);

Deno.test("EventLog retains 16 MiB by default", pure, () => {
  const log = newEventLog();
  const kibibyte = new Uint8Array(1_024);
  for (let i = 0; i < 16_384; i++) log.append(kibibyte, 0);
  assertEquals(log.tail, 0);
  log.append(kibibyte, 0);
  assertEquals(log.tail, 256);
});

Deno.test("EventLog.cursorAt() begins at any entry that is retained", pure, () => {
  const log = logOf(9);
  for (const seq of range(log.tail, log.head)) assertEquals(rest(log.cursorAt(seq)), range(seq, 9));
});

Deno.test(
  "EventLog.cursorAt() begins at the oldest entry instead of one that is not retained",
  pure,
  () => {
    assertEquals(rest(logOf(9).cursorAt(3)), range(4, 9));
  },
);

Deno.test("EventLog.cursorAt() at the head or beyond reads the next entry", pure, () => {
  for (const count of range(0, 4)) {
    const log = logOf(count);
    const cursors = [log.cursorAt(count), log.cursorAt(count + 5)];
    grow(log, 1);
    assertEquals(cursors.map(rest), [[count], [count]]);
  }
});

Deno.test("EventLog.seqSince() finds the first entry appended at a time or later", pure, () => {
  const log = logWithTimes([10, 20, 20, 20, 30]);
  const found = [-Infinity, 9, 10, 11, 20, 21, 30].map((timeMs) => log.seqSince(timeMs));
  assertEquals(found, [0, 0, 0, 1, 1, 4, 4]);
});

Deno.test("EventLog.seqSince() finds the head when no entry is as recent", pure, () => {
  assertEquals(logWithTimes([10, 20, 30]).seqSince(31), 3);
  assertEquals(newEventLog().seqSince(0), 0);
  const log = newEventLog({ segmentBytes: 1 });
  log.append(frame(0), 10);
  assertEquals([log.seqSince(10), log.seqSince(11)], [0, 1]);
});

Deno.test("EventLog.seqSince() finds the oldest entry instead of one that is not retained", pure, () => {
  assertEquals(logOf(9).seqSince(0), 4);
});

Deno.test("EventLog.seqOfNthLast() counts back the entries of one type", pure, () => {
  const log = logWithTypes([SAID, JOINED, SAID, JOINED, SAID, JOINED]);
  assertEquals([0, 1, 2, 3, 4].map((count) => log.seqOfNthLast(count, SAID)), [6, 4, 2, 0, 0]);
});

Deno.test("EventLog.seqOfNthLast() finds the head when there is no entry of that type", pure, () => {
  assertEquals(newEventLog().seqOfNthLast(1, SAID), 0);
  assertEquals(logWithTypes([JOINED, JOINED, JOINED]).seqOfNthLast(1, SAID), 3);
});

Deno.test("EventLog.seqOfNthLast() does not go back beyond the oldest entry", pure, () => {
  assertEquals(logOf(9).seqOfNthLast(100, SAID), 4);
});

Deno.test("Cursor.take() gives the frames of a segment as one slice, byte for byte", pure, () => {
  const cursor = logOf(3).cursorAt(0);
  assertEquals(cursor.take(), Uint8Array.of(0, 0, 0, 2, 0x82, 0, 0, 0, 0, 2, 0x82, 1));
  assertEquals(cursor.take(), Uint8Array.of(0, 0, 0, 2, 0x82, 2));
  assertEquals(cursor.take(), undefined);
});

Deno.test(
  "Cursor.take() gives every frame once, whatever the segment size and the time of the call",
  pure,
  () => {
    for (const segmentBytes of range(1, 20)) {
      for (const pace of range(1, 5)) {
        const log = newEventLog({ segmentBytes });
        const cursor = log.cursorAt(0);
        const read = range(0, 4).flatMap(() => {
          grow(log, pace);
          return rest(cursor);
        });
        assertEquals(read, range(0, 4 * pace));
      }
    }
  },
);

Deno.test("Cursor.take() gives all readers the same memory", pure, () => {
  const log = logOf(1);
  const buffer = log.cursorAt(0).take()!.buffer;
  assertStrictEquals(log.cursorAt(0).take()!.buffer, buffer);
});

Deno.test("Cursor.take() gives a slice that does not change as the log grows", pure, () => {
  const log = logOf(1);
  const slice = log.cursorAt(0).take()!;
  grow(log, 20);
  assertEquals(slice, frame(0));
});

Deno.test("Cursor.seq is that of the next entry", pure, () => {
  const log = logOf(3);
  assertEquals([1, 2, 3, 9].map((seq) => log.cursorAt(seq).seq), [1, 2, 3, 3]);
  const cursor = log.cursorAt(0);
  const seqs = range(0, 3).map(() => {
    cursor.take();
    return cursor.seq;
  });
  assertEquals(seqs, [2, 3, 3]);
  assertEquals(logOf(9).cursorAt(0).seq, 4);
});

Deno.test("Cursor.isAtEnd is right at the edges of segments, too", pure, () => {
  const log = newEventLog(SMALL);
  const cursor = log.cursorAt(0);
  assert(cursor.isAtEnd);
  for (const _ of range(0, 5)) {
    grow(log, 1);
    assert(!cursor.isAtEnd);
    cursor.take();
    assert(cursor.isAtEnd);
  }
});

Deno.test("Cursor.hasFallenBehind once its next entry is not retained", pure, () => {
  for (const seq of range(0, 6)) {
    const log = logOf(6);
    const cursor = log.cursorAt(seq);
    while (log.head < 14) {
      assertEquals(cursor.hasFallenBehind, log.tail > seq, `seq ${seq}, tail ${log.tail}`);
      grow(log, 1);
    }
  }
});

Deno.test(
  "Cursor.hasFallenBehind is false for a reader that has read all dropped segments",
  pure,
  () => {
    const log = logOf(2);
    const cursor = log.cursorAt(0);
    cursor.take();
    grow(log, 6);
    assertEquals(log.tail, 2);
    assert(!cursor.hasFallenBehind);
    assertEquals(rest(cursor), range(2, 8));
  },
);

Deno.test(
  "Cursor.take() gives a reader that has fallen behind the rest of its segment, and nothing after the gap",
  pure,
  () => {
    const log = logOf(6);
    const cursor = log.cursorAt(1);
    grow(log, 6);
    assertEquals(log.tail, 6);
    assertEquals(rest(cursor), [1]);
    assert(cursor.hasFallenBehind);
  },
);

const [ANA, BETO, EVA] = [1n, 2n, 3n];

/** Like {@linkcode logOf}; the entries of `privateSeqs` are for ana and beto. */
function logWithPrivate(
  count: number,
  privateSeqs: number[],
  config: Partial<EventLogConfig> = SMALL,
): EventLog {
  const log = newEventLog(config, (seq) => Uint8Array.of(0, 0, 0, 2, NOOP, seq));
  for (let seq = 0; seq < count; seq++) {
    log.append(frame(seq), seq, privateSeqs.includes(seq) ? { audience: [ANA, BETO] } : {});
  }
  return log;
}

const NOOP = 0x89;

/** The marks that a reader gets from `seq` on; a placeholder counts negative. */
function readBy(reader: ReaderId, log: EventLog, seq = 0): number[] {
  const cursor = log.cursorAt(seq, reader);
  const marks: number[] = [];
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (let at = 0; at < slice.length; at += 6) {
      marks.push(slice[at + 4] === NOOP ? -slice[at + 5]! : slice[at + 5]!);
    }
  }
  assertEquals(cursor.seq, log.head);
  return marks;
}

Deno.test(
  "Cursor.take() gives an entry with an audience to that, and to others its placeholder",
  pure,
  () => {
    const log = logWithPrivate(6, [1, 4]);
    for (const reader of [ANA, BETO, ALL_ENTRIES] as const) assertEquals(readBy(reader, log), range(0, 6));
    for (const reader of [EVA, undefined]) assertEquals(readBy(reader, log), [0, -1, 2, 3, -4, 5]);
  },
);

Deno.test(
  "Cursor.take() gives every frame or its placeholder once, wherever the private ones are and reading begins",
  pure,
  () => {
    for (const segmentBytes of [6, 12, 18, 30, 1_000]) {
      for (const privateSeqs of [[0], [6], [1, 2], [0, 3, 6], range(0, 7), [2, 4, 5]]) {
        const log = logWithPrivate(7, privateSeqs, { segmentBytes });
        for (const seq of range(0, 8)) {
          const expected = range(seq, 7).map((seq) => privateSeqs.includes(seq) ? -seq : seq);
          assertEquals(readBy(EVA, log, seq), expected);
          assertEquals(readBy(BETO, log, seq), range(seq, 7));
        }
      }
    }
  },
);

Deno.test("Cursor.take() reads on after private entries as the log grows", pure, () => {
  const log = logWithPrivate(0, []);
  const [eva, ana] = [log.cursorAt(0, EVA), log.cursorAt(0, ANA)];
  for (const seq of range(0, 9)) {
    log.append(frame(seq), seq, seq % 3 === 0 ? {} : { audience: [ANA] });
    assertEquals(eva.take()!.at(4), seq % 3 === 0 ? SAID : NOOP);
    assertEquals(ana.take()!.at(4), SAID);
    assert(eva.isAtEnd && ana.isAtEnd);
  }
});

Deno.test(
  "Cursor.take() copies only the frames around a private entry, in one piece",
  pure,
  () => {
    const log = newEventLog({}, () => frame(9, NOOP));
    const long = (mark: number) => new Uint8Array(20_000).fill(mark);
    log.append(long(1), 0);
    log.append(frame(2), 0);
    log.append(frame(3), 0, { audience: [ANA] });
    log.append(frame(4), 0);
    log.append(long(5), 0, { audience: [ANA] });
    log.append(long(6), 0);
    const shared = log.cursorAt(0).take()!.buffer;
    const eva = log.cursorAt(0, EVA);
    const first = eva.take()!;
    assertEquals([first.length, first.buffer === shared], [20_006, true]);
    const second = eva.take()!;
    assertEquals(second, Uint8Array.of(...frame(9, NOOP), ...frame(4), ...frame(9, NOOP)));
    const third = eva.take()!;
    assertEquals([third, third.buffer === shared], [long(6), true]);
    assertEquals(eva.take(), undefined);
    const ana = log.cursorAt(0, ANA).take()!;
    assertEquals([ana.length, ana.buffer === shared], [60_018, true]);
  },
);

Deno.test("EventLog.seqOfNthLast() does not count private entries", pure, () => {
  const log = logWithPrivate(6, [1, 4, 5]);
  assertEquals([1, 2, 3, 9].map((count) => log.seqOfNthLast(count, SAID)), [3, 2, 0, 0]);
});

Deno.test("Cursor.lagBytes counts the bytes still to read, from any position", pure, () => {
  const log = logOf(5);
  const behind = range(0, 6).map((seq) => log.cursorAt(seq).lagBytes);
  assertEquals(behind, [30, 24, 18, 12, 6, 0]);
});
