import { assertEquals } from "@std/assert";
import { clusterConfig } from "../testing/cluster_node.ts";
import { FailureDetector } from "../../lib/cluster/membership.ts";

const pure = { permissions: "none" } as const;

const A = 1n, B = 2n;
const only = (...ids: bigint[]) => new Set(ids);

Deno.test("A node is down once it has had no lease for long enough, and stays so", pure, () => {
  const detector = new FailureDetector<bigint>(100);
  const update = (nowMs: number) => detector.update([A, B, A], { living: only(B), nowMs });
  assertEquals([update(0), update(99), update(100), update(150)], [[], [], [A], [A]]);
});

Deno.test("A node that has a lease again must lose it for as long again", pure, () => {
  const detector = new FailureDetector<bigint>(100);
  const update = (nowMs: number, ...living: bigint[]) =>
    detector.update([A], { living: only(...living), nowMs });
  assertEquals([update(0), update(90, A), update(110), update(209), update(210)], [[], [], [], [], [A]]);
});

Deno.test("A node that could not read the leases does not know how long another was down", pure, () => {
  const detector = new FailureDetector<bigint>(100);
  const update = (nowMs: number) => detector.update([A], { living: only(), nowMs });
  update(0);
  detector.reset();
  assertEquals([update(100), update(199), update(200)], [[], [], [A]]);
});

Deno.test("A node without members is not watched", pure, () => {
  const detector = new FailureDetector<bigint>(100);
  const update = (servers: bigint[], nowMs: number) => detector.update(servers, { living: only(), nowMs });
  update([A], 0);
  assertEquals([update([], 100), update([A], 150), update([A], 250)], [[], [], [A]]);
});

Deno.test("A node is down after five seconds without a lease, unless told otherwise", pure, () => {
  const detector = new FailureDetector<bigint>(clusterConfig().suspectMs);
  const update = (nowMs: number) => detector.update([A], { living: only(), nowMs });
  assertEquals([update(0), update(4_999), update(5_000)], [[], [], [A]]);
});
