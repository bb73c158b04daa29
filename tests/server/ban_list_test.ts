// Which addresses a server does not let in.

import { assert, assertEquals } from "@std/assert";
import { BanList } from "../../lib/server/connection_limiter.ts";

const pure = { permissions: "none" } as const;

Deno.test("BanList bans an address until its ban expires, and no other", pure, () => {
  const bans = new BanList({ maxBans: 1_000 });
  bans.add("10.0.0.7", 5_000);
  assertEquals([0, 4_999, 5_000].map((nowMs) => bans.has("10.0.0.7", nowMs)), [true, true, false]);
  assert(!bans.has("10.0.0.8", 0));
});

Deno.test("BanList replaces an earlier ban of an address", pure, () => {
  const bans = new BanList({ maxBans: 1_000 });
  bans.add("10.0.0.7", 5_000);
  bans.add("10.0.0.7", 0);
  assert(!bans.has("10.0.0.7", 0));
});

Deno.test("BanList counts no ban that was removed", pure, () => {
  const bans = new BanList({ maxBans: 2 });
  for (const address of ["a", "b"]) bans.add(address, 1);
  for (const address of ["c", "b"]) bans.remove(address);
  bans.add("d", 1);
  assertEquals(["a", "b", "c", "d"].map((address) => bans.has(address, 0)), [true, false, false, true]);
});

Deno.test("BanList drops the oldest ban when it is full", pure, () => {
  const bans = new BanList({ maxBans: 2 });
  for (const address of ["a", "b", "a", "c"]) bans.add(address, 1);
  assertEquals(["a", "b", "c"].map((address) => bans.has(address, 0)), [true, false, true]);
});
