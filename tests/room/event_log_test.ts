// The event log, with segments so small that the tests reach every edge of them.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ALL_ENTRIES, type Cursor, type EventLog, type EventLogConfig } from "../../lib/room/event_log.ts";
import { newEventLog } from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

const [SAID, JOINED, NOOP] = [0x82, 0x87, 0x89];
const [ANA, BETO, EVA] = [1n, 2n, 3n];
/** Three segments of two frames each. */
const SMALL = { segmentBytes: 12, retainedBytes: 36 };

/** A frame of six bytes whose body is its mark. */
function frame(mark: number, type = SAID): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0, 0, 0, 2, type, mark);
}

/** The mark of each entry is its `seq`, and its time is ten times that; `privateSeqs` are for ana and beto. */
function logOf(
  count: number,
  { privateSeqs = [], ...config }: Partial<EventLogConfig> & { privateSeqs?: number[] } = SMALL,
): EventLog {
  const log = newEventLog(config, (seq) => frame(seq, NOOP));
  for (let seq = 0; seq < count; seq++) {
    log.append(frame(seq), seq * 10, privateSeqs.includes(seq) ? { audience: [ANA, BETO] } : {});
  }
  return log;
}

function grow(log: EventLog, count: number): void {
  for (let i = 0; i < count; i++) log.append(frame(log.head), log.head * 10);
}

/** Marks of everything from the cursor on; a placeholder's is negative. */
function rest(cursor: Cursor): number[] {
  const marks: number[] = [];
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (let at = 0; at < slice.length; at += 6) {
      marks.push(slice[at + 4] === NOOP ? -slice[at + 5]! : slice[at + 5]!);
    }
  }
  return marks;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("EventLog.append() numbers entries from 0, and copies the frame", pure, () => {
  const log = newEventLog();
  assertEquals([log.tail, log.head], [0, 0]);
  const mine = frame(7);
  log.append(mine, 0);
  mine.fill(0);
  assertEquals([log.tail, log.head, rest(log.cursorAt(0))], [0, 1, [7]]);
});

Deno.test("EventLog.append() drops the oldest segment once the others hold `retainedBytes`", pure, () => {
  assertEquals(range(1, 12).map((count) => logOf(count).tail), [0, 0, 0, 0, 0, 0, 2, 2, 4, 4, 6]);
});

Deno.test("EventLog.append() accepts a frame longer than a segment, and counts its full length", pure, () => {
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
});

Deno.test("EventLog retains 16 MiB by default", pure, () => {
  const log = newEventLog();
  const kibibyte = new Uint8Array(1_024);
  for (let i = 0; i < 16_384; i++) log.append(kibibyte, 0);
  assertEquals(log.tail, 0);
  log.append(kibibyte, 0);
  assertEquals(log.tail, 256);
});

Deno.test("EventLog.cursorAt() begins at the entry, or at the oldest one that is retained", pure, () => {
  for (const seq of range(0, 9)) {
    const cursor = logOf(9).cursorAt(seq);
    assertEquals(cursor.seq, Math.max(seq, 4));
    assertEquals(rest(cursor), range(Math.max(seq, 4), 9));
  }
});

Deno.test("EventLog.cursorAt() at the head or beyond reads the next entry", pure, () => {
  for (const count of range(0, 4)) {
    const log = logOf(count);
    const cursors = [log.cursorAt(count), log.cursorAt(count + 5)];
    assertEquals(cursors.map(({ seq }) => seq), [count, count]);
    grow(log, 1);
    assertEquals(cursors.map(rest), [[count], [count]]);
  }
});

Deno.test("EventLog.seqSince() finds the first entry appended at a time or later, or the head", pure, () => {
  const log = newEventLog(SMALL);
  for (const timeMs of [10, 20, 20, 20, 30]) log.append(frame(log.head), timeMs);
  const found = [-Infinity, 9, 10, 11, 20, 21, 30, 31].map((timeMs) => log.seqSince(timeMs));
  assertEquals(found, [0, 0, 0, 1, 1, 4, 4, 5]);
  assertEquals([newEventLog().seqSince(0), logOf(9).seqSince(0)], [0, 4]);
  assertEquals([10, 11].map((timeMs) => logOf(2, { segmentBytes: 1 }).seqSince(timeMs)), [1, 2]);
});

Deno.test("EventLog.seqOfNthLast() counts back the entries of one type, or finds the head", pure, () => {
  const log = newEventLog(SMALL);
  for (const type of [SAID, JOINED, SAID, JOINED, SAID, JOINED]) log.append(frame(log.head, type), 0);
  assertEquals([0, 1, 2, 3, 4].map((count) => log.seqOfNthLast(count, SAID)), [6, 4, 2, 0, 0]);
  assertEquals([newEventLog(), logOf(3)].map((it) => it.seqOfNthLast(1, JOINED)), [0, 3]);
  assertEquals(logOf(9).seqOfNthLast(100, SAID), 4);
});

Deno.test("EventLog.countSince() counts the entries of one type from a time on", pure, () => {
  const log = newEventLog(SMALL);
  for (const [i, type] of [SAID, JOINED, SAID, SAID, SAID].entries()) {
    log.append(frame(log.head, type), 10 * i);
  }
  assertEquals([0, 1, 20, 21, 40, 41].map((timeMs) => log.countSince(timeMs, SAID)), [4, 3, 3, 2, 1, 0]);
  assertEquals(newEventLog().countSince(0, SAID), 0);
});

Deno.test("EventLog.seqOfNthLast() does not count private entries", pure, () => {
  const log = logOf(6, { ...SMALL, privateSeqs: [1, 4, 5] });
  assertEquals([1, 2, 3, 9].map((count) => log.seqOfNthLast(count, SAID)), [3, 2, 0, 0]);
});

Deno.test("Cursor.take() gives the frames of a segment as one slice, byte for byte", pure, () => {
  const cursor = logOf(3).cursorAt(0);
  assertEquals(cursor.take(), Uint8Array.of(0, 0, 0, 2, 0x82, 0, 0, 0, 0, 2, 0x82, 1));
  assertEquals(cursor.take(), Uint8Array.of(0, 0, 0, 2, 0x82, 2));
  assertEquals(cursor.take(), undefined);
});

Deno.test("Cursor.take() gives every frame once, whatever the segment size and the pace", pure, () => {
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
});

Deno.test("Cursor.take() gives all readers the same memory, which later entries do not change", pure, () => {
  const log = logOf(1);
  const slice = log.cursorAt(0).take()!;
  assertStrictEquals(log.cursorAt(0).take()!.buffer, slice.buffer);
  grow(log, 20);
  assertEquals(slice, frame(0));
});

Deno.test("Cursor.seq and Cursor.head are those of the next entry to read and to append", pure, () => {
  const log = logOf(3);
  const cursor = log.cursorAt(0);
  const seqs = range(0, 3).map(() => {
    cursor.take();
    return [cursor.seq, cursor.head];
  });
  assertEquals(seqs, [[2, 3], [3, 3], [3, 3]]);
});

Deno.test("Cursor.isAtEnd holds when everything is read, at the edges of segments too", pure, () => {
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

Deno.test("Cursor.lagBytes counts the bytes still to read, from any position", pure, () => {
  const log = logOf(5);
  assertEquals(range(0, 6).map((seq) => log.cursorAt(seq).lagBytes), [30, 24, 18, 12, 6, 0]);
});

Deno.test("Cursor.hasFallenBehind holds once its next entry is not retained", pure, () => {
  for (const seq of range(0, 6)) {
    const log = logOf(6);
    const cursor = log.cursorAt(seq);
    while (log.head < 14) {
      assertEquals(cursor.hasFallenBehind, log.tail > seq, `seq ${seq}, tail ${log.tail}`);
      grow(log, 1);
    }
  }
});

Deno.test("Cursor.hasFallenBehind does not hold if all dropped segments were read", pure, () => {
  const log = logOf(2);
  const cursor = log.cursorAt(0);
  cursor.take();
  grow(log, 6);
  assertEquals([log.tail, cursor.hasFallenBehind], [2, false]);
  assertEquals(rest(cursor), range(2, 8));
});

Deno.test("Cursor.take() gives a reader that has fallen behind nothing after the gap", pure, () => {
  const log = logOf(6);
  const cursor = log.cursorAt(1);
  grow(log, 6);
  assertEquals(log.tail, 6);
  assertEquals(rest(cursor), [1]);
  assert(cursor.hasFallenBehind);
});

Deno.test("Cursor.take() gives a private entry to its audience, and to others its placeholder", pure, () => {
  for (const segmentBytes of [6, 12, 18, 30, 1_000]) {
    for (const privateSeqs of [[0], [6], [1, 2], [0, 3, 6], range(0, 7), [2, 4, 5]]) {
      const log = logOf(7, { privateSeqs, segmentBytes });
      for (const seq of range(0, 8)) {
        for (const reader of [ANA, BETO, ALL_ENTRIES, EVA, undefined] as const) {
          const cursor = log.cursorAt(seq, reader);
          const isOther = reader === EVA || reader === undefined;
          assertEquals(rest(cursor), range(seq, 7).map((n) => isOther && privateSeqs.includes(n) ? -n : n));
          assertEquals(cursor.seq, 7);
          assertEquals(cursor.taken, { frames: 7 - seq, bytes: 6 * (7 - seq) });
        }
      }
    }
  }
});

Deno.test("Cursor.take() reads on after private entries as the log grows", pure, () => {
  const log = logOf(0);
  const [eva, ana] = [log.cursorAt(0, EVA), log.cursorAt(0, ANA)];
  for (const seq of range(0, 9)) {
    log.append(frame(seq), seq, seq % 3 === 0 ? {} : { audience: [ANA] });
    assertEquals(eva.take()!.at(4), seq % 3 === 0 ? SAID : NOOP);
    assertEquals(ana.take()!.at(4), SAID);
    assert(eva.isAtEnd && ana.isAtEnd);
  }
});

Deno.test("Cursor.take() copies only the frames around a private entry, in one piece", pure, () => {
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
  assertEquals(eva.take(), Uint8Array.of(...frame(9, NOOP), ...frame(4), ...frame(9, NOOP)));
  const third = eva.take()!;
  assertEquals([third, third.buffer === shared], [long(6), true]);
  assertEquals(eva.take(), undefined);
  assertEquals(eva.taken, { frames: 6, bytes: 20_006 + 18 + 20_000 }); // placeholders are shorter
  const ana = log.cursorAt(0, ANA).take()!;
  assertEquals([ana.length, ana.buffer === shared], [60_018, true]);
});
