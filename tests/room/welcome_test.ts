// The list of people that everybody who comes is given, in memory that they share.

import { assert, assertEquals } from "@std/assert";
import { MAX_MEMBERS_BYTES, MemberListCache } from "../../lib/room/welcome.ts";
import { LENGTH_BYTES, splitFrames } from "../../lib/codec.ts";
import {
  decodeServer,
  encodeWelcome,
  MAX_BACKUP_BYTES,
  MAX_BACKUPS,
  MAX_NICK_BYTES,
  MAX_SERVER_FRAME_BYTES,
  type MemberInfo,
} from "../../lib/protocol/frames.ts";

const pure = { permissions: "none" } as const;

function person(index: number): MemberInfo {
  return { sessionId: BigInt(index), nick: `nick${index}`, address: "192.168.1.7", sinceMs: index };
}

function people(count: number): MemberInfo[] {
  return Array.from({ length: count }, (_, index) => person(index));
}

/** The people of a list, as a client reads them. */
function read(online: Uint8Array): readonly MemberInfo[] {
  const head = encodeWelcome({
    type: "welcome",
    version: 1,
    sessionId: 1n,
    logId: 2n,
    nick: "ana",
    lastClientSeq: 0,
    startSeq: 0,
    head: 0,
    backups: [],
    memberCount: 0,
  }, { membersBytes: online.length });
  const bytes = new Uint8Array(head.length + online.length);
  bytes.set(head);
  bytes.set(online, head.length);
  const message = decodeServer([...splitFrames(bytes)][0]!);
  assert(message.type === "welcome");
  return message.members;
}

Deno.test("Attendance lists those who came, in order", pure, () => {
  const memberListCache = new MemberListCache();
  assertEquals(read(memberListCache.encode([])), []);
  for (const one of people(100)) memberListCache.add(one);
  assertEquals(read(memberListCache.encode(people(100))), people(100));
});

Deno.test("Attendance never changes a list that it gave", pure, () => {
  const memberListCache = new MemberListCache();
  const lists: Uint8Array[] = [];
  for (const one of people(100)) {
    memberListCache.add(one);
    lists.push(memberListCache.encode([]));
  }
  memberListCache.invalidate();
  memberListCache.encode([person(7)]);
  for (const [index, list] of lists.entries()) assertEquals(read(list), people(index + 1));
});

Deno.test("Attendance gives the same memory to all who come in a row", pure, () => {
  const memberListCache = new MemberListCache();
  for (const one of people(100)) memberListCache.add(one);
  const list = memberListCache.encode([]);
  memberListCache.add(person(100));
  assertEquals(memberListCache.encode([]).buffer === list.buffer, true);
});

Deno.test("Attendance makes its list anew once somebody left", pure, () => {
  const memberListCache = new MemberListCache();
  for (const one of people(3)) memberListCache.add(one);
  memberListCache.invalidate();
  memberListCache.add(person(3)); // among those of whom the list will be made
  const left = [person(0), person(2), person(3)];
  assertEquals(read(memberListCache.encode(left)), left);
  memberListCache.add(person(4));
  assertEquals(read(memberListCache.encode([])), [...left, person(4)]);
});

Deno.test("Attendance lists no more people than fit into WELCOME", pure, () => {
  const memberListCache = new MemberListCache();
  for (const one of people(2_000)) memberListCache.add(one);
  const list = memberListCache.encode([]);
  assert(list.length <= MAX_MEMBERS_BYTES && list.length > MAX_MEMBERS_BYTES - 64);
  const count = read(list).length;
  assertEquals(read(list), people(count));
});

Deno.test("The longest list fits into WELCOME behind the longest of all that stands before it", pure, () => {
  const head = encodeWelcome({
    ...{ type: "welcome", version: 1, sessionId: 1n, logId: 2n, nick: "x".repeat(MAX_NICK_BYTES) },
    ...{ lastClientSeq: 0, startSeq: 0, head: 0, memberCount: 0 },
    backups: Array(MAX_BACKUPS).fill("x".repeat(MAX_BACKUP_BYTES)),
  }, { membersBytes: MAX_MEMBERS_BYTES });
  assert(head.length - LENGTH_BYTES + MAX_MEMBERS_BYTES <= MAX_SERVER_FRAME_BYTES);
});
