// The encoded member list, whose memory the clients share.

import { assert, assertEquals } from "@std/assert";
import { LENGTH_BYTES } from "../../lib/codec.ts";
import {
  encodeWelcome,
  MAX_BACKUP_BYTES,
  MAX_BACKUPS,
  MAX_NICK_BYTES,
  MAX_SERVER_FRAME_BYTES,
  type MemberInfo,
} from "../../lib/protocol/frames.ts";
import { MAX_MEMBERS_BYTES, MemberListCache } from "../../lib/room/welcome.ts";
import { welcomeTo } from "../testing/raw_peer.ts";
import { membersOf } from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

function member(index: number): MemberInfo {
  return { sessionId: BigInt(index), nick: `nick${index}`, address: "192.168.1.7", sinceMs: index };
}

function members(count: number): MemberInfo[] {
  return Array.from({ length: count }, (_, index) => member(index));
}

/** A cache to which members were added. */
function cacheOf(count: number): MemberListCache {
  const cache = new MemberListCache();
  for (const one of members(count)) cache.add(one);
  return cache;
}

/** Decodes a list as a client does. */
function read(membersBytes: Uint8Array<ArrayBuffer>): readonly MemberInfo[] {
  return membersOf({ welcome: welcomeTo("ana"), membersBytes });
}

Deno.test("MemberListCache.encode() lists the members added, in order", pure, () => {
  for (const count of [0, 100]) assertEquals(read(cacheOf(count).encode([])), members(count));
});

Deno.test("MemberListCache.encode() never changes bytes that it gave out", pure, () => {
  const cache = new MemberListCache();
  const lists = members(100).map((one) => {
    cache.add(one);
    return cache.encode([]);
  });
  cache.invalidate();
  cache.encode([member(7)]);
  for (const [index, list] of lists.entries()) assertEquals(read(list), members(index + 1));
});

Deno.test("MemberListCache.encode() gives the same memory to clients that join in a row", pure, () => {
  const cache = cacheOf(100);
  const list = cache.encode([]);
  cache.add(member(100));
  assertEquals(cache.encode([]).buffer === list.buffer, true);
});

Deno.test("MemberListCache.invalidate() makes encode() start anew", pure, () => {
  const cache = cacheOf(3);
  cache.invalidate();
  cache.add(member(3)); // ignored: the next encode() starts anew
  const left = [member(0), member(2), member(3)];
  assertEquals(read(cache.encode(left)), left);
  cache.add(member(4));
  assertEquals(read(cache.encode([])), [...left, member(4)]);
});

Deno.test("MemberListCache.encode() lists as many members as fit into WELCOME", pure, () => {
  const list = cacheOf(2_000).encode([]);
  assert(list.length <= MAX_MEMBERS_BYTES && list.length > MAX_MEMBERS_BYTES - 64);
  assertEquals(read(list), members(read(list).length));
});

Deno.test("MAX_MEMBERS_BYTES fit into WELCOME behind the longest header", pure, () => {
  const backups = Array(MAX_BACKUPS).fill("x".repeat(MAX_BACKUP_BYTES));
  const welcome = { ...welcomeTo("x".repeat(MAX_NICK_BYTES)), backups };
  const header = encodeWelcome(welcome, { membersBytes: MAX_MEMBERS_BYTES });
  assert(header.length - LENGTH_BYTES + MAX_MEMBERS_BYTES <= MAX_SERVER_FRAME_BYTES);
});
