// The encoded member list, whose memory the clients share.

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

function member(index: number): MemberInfo {
  return { sessionId: BigInt(index), nick: `nick${index}`, address: "192.168.1.7", sinceMs: index };
}

function members(count: number): MemberInfo[] {
  return Array.from({ length: count }, (_, index) => member(index));
}

/** Decodes a list as a client does. */
function read(membersBytes: Uint8Array): readonly MemberInfo[] {
  const header = encodeWelcome({
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
  }, { membersBytes: membersBytes.length });
  const bytes = new Uint8Array(header.length + membersBytes.length);
  bytes.set(header);
  bytes.set(membersBytes, header.length);
  const message = decodeServer([...splitFrames(bytes)][0]!);
  assert(message.type === "welcome");
  return message.members;
}

Deno.test("MemberListCache lists the members added, in order", pure, () => {
  const memberListCache = new MemberListCache();
  assertEquals(read(memberListCache.encode([])), []);
  for (const one of members(100)) memberListCache.add(one);
  assertEquals(read(memberListCache.encode(members(100))), members(100));
});

Deno.test("MemberListCache never changes bytes that it gave out", pure, () => {
  const memberListCache = new MemberListCache();
  const lists: Uint8Array[] = [];
  for (const one of members(100)) {
    memberListCache.add(one);
    lists.push(memberListCache.encode([]));
  }
  memberListCache.invalidate();
  memberListCache.encode([member(7)]);
  for (const [index, list] of lists.entries()) assertEquals(read(list), members(index + 1));
});

Deno.test("MemberListCache gives the same memory to clients that join in a row", pure, () => {
  const memberListCache = new MemberListCache();
  for (const one of members(100)) memberListCache.add(one);
  const list = memberListCache.encode([]);
  memberListCache.add(member(100));
  assertEquals(memberListCache.encode([]).buffer === list.buffer, true);
});

Deno.test("MemberListCache encodes a new list after a member left", pure, () => {
  const memberListCache = new MemberListCache();
  for (const one of members(3)) memberListCache.add(one);
  memberListCache.invalidate();
  memberListCache.add(member(3)); // ignored: the next encode() starts anew
  const left = [member(0), member(2), member(3)];
  assertEquals(read(memberListCache.encode(left)), left);
  memberListCache.add(member(4));
  assertEquals(read(memberListCache.encode([])), [...left, member(4)]);
});

Deno.test("MemberListCache lists as many members as fit into WELCOME", pure, () => {
  const memberListCache = new MemberListCache();
  for (const one of members(2_000)) memberListCache.add(one);
  const list = memberListCache.encode([]);
  assert(list.length <= MAX_MEMBERS_BYTES && list.length > MAX_MEMBERS_BYTES - 64);
  const count = read(list).length;
  assertEquals(read(list), members(count));
});

Deno.test("The longest list fits into WELCOME behind the longest header", pure, () => {
  const header = encodeWelcome({
    ...{ type: "welcome", version: 1, sessionId: 1n, logId: 2n, nick: "x".repeat(MAX_NICK_BYTES) },
    ...{ lastClientSeq: 0, startSeq: 0, head: 0, memberCount: 0 },
    backups: Array(MAX_BACKUPS).fill("x".repeat(MAX_BACKUP_BYTES)),
  }, { membersBytes: MAX_MEMBERS_BYTES });
  assert(header.length - LENGTH_BYTES + MAX_MEMBERS_BYTES <= MAX_SERVER_FRAME_BYTES);
});
