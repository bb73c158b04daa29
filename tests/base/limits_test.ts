// TokenBucket and LruMap.

import { assert, assertEquals } from "@std/assert";
import { LruMap, TokenBucket } from "../../lib/base/limits.ts";
import { pure } from "../testing/test_options.ts";

function takeAll(bucket: TokenBucket, nowMs: number): number {
  let count = 0;
  while (bucket.take(nowMs)) count++;
  return count;
}

Deno.test("TokenBucket.take() allows the burst at once, then nothing", pure, () => {
  const bucket = new TokenBucket({ burst: 20, perSecond: 5 }, 1_000);
  assertEquals(takeAll(bucket, 1_000), 20);
  assert(!bucket.take(1_199));
});

Deno.test("TokenBucket.take() allows its rate afterwards, and at most the burst at once", pure, () => {
  const bucket = new TokenBucket({ burst: 20, perSecond: 5 }, 0);
  takeAll(bucket, 0);
  assertEquals(takeAll(bucket, 200), 1);
  assertEquals(takeAll(bucket, 1_200), 5);
  assertEquals(takeAll(bucket, 3_600_000), 20);
});

Deno.test("TokenBucket.waitMs() is the time until take() succeeds, at any rate", pure, () => {
  for (const perSecond of [0.5, 1, 3, 5, 7, 1_000]) {
    const bucket = new TokenBucket({ burst: 3, perSecond }, 0);
    assertEquals(bucket.waitMs(0), 0);
    takeAll(bucket, 0);
    assertEquals(bucket.waitMs(0), Math.ceil(1_000 / perSecond));
    assert(bucket.take(bucket.waitMs(0)));
  }
});

Deno.test("TokenBucket.take() always succeeds without a limit", pure, () => {
  const bucket = new TokenBucket({ burst: 1, perSecond: Infinity }, 0);
  for (let i = 0; i < 100; i++) assert(bucket.take(0));
  assertEquals(bucket.waitMs(0), 0);
});

Deno.test("TokenBucket.refund() gives a token back", pure, () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: 1 }, 0);
  takeAll(bucket, 0);
  bucket.refund();
  assertEquals([bucket.waitMs(0), takeAll(bucket, 0)], [0, 1]);
});

Deno.test("LruMap.set() evicts the entry that was set longest ago", pure, () => {
  const map = new LruMap<string, number>(2, [["a", 1], ["b", 2]]);
  map.set("a", 3);
  map.set("a", 4);
  map.set("c", 5);
  assertEquals([...map], [["a", 4], ["c", 5]]);
  map.delete("c");
  map.set("c", 6);
  assertEquals([...map], [["a", 4], ["c", 6]]);
});
