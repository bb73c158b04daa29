import { assertEquals } from "@std/assert";
import { FailureDetector } from "../../lib/cluster/absences.ts";

const pure = { permissions: "none" } as const;

const A = 1n, B = 2n;
const only = (...servers: bigint[]) => new Set(servers);

Deno.test("A server is gone once it has had no lease for long enough, and stays so", pure, () => {
  const detector = new FailureDetector({ suspectMs: 100 });
  const note = (nowMs: number) => detector.update([A, B, A], { living: only(B), nowMs });
  assertEquals([note(0), note(99), note(100), note(150)], [[], [], [A], [A]]);
});

Deno.test("A server that has a lease again must lose it for as long again", pure, () => {
  const detector = new FailureDetector({ suspectMs: 100 });
  const note = (nowMs: number, ...living: bigint[]) =>
    detector.update([A], { living: only(...living), nowMs });
  assertEquals([note(0), note(90, A), note(110), note(209), note(210)], [[], [], [], [], [A]]);
});

Deno.test("Who could not look does not know how long a server was gone", pure, () => {
  const detector = new FailureDetector({ suspectMs: 100 });
  const note = (nowMs: number) => detector.update([A], { living: only(), nowMs });
  note(0);
  detector.reset();
  assertEquals([note(100), note(199), note(200)], [[], [], [A]]);
});

Deno.test("A server through which nobody is in is none of anybody's business", pure, () => {
  const detector = new FailureDetector({ suspectMs: 100 });
  const note = (servers: bigint[], nowMs: number) => detector.update(servers, { living: only(), nowMs });
  note([A], 0);
  assertEquals([note([], 100), note([A], 150), note([A], 250)], [[], [], [A]]);
});

Deno.test("A server is gone after five seconds without a lease, unless told otherwise", pure, () => {
  const detector = new FailureDetector();
  const note = (nowMs: number) => detector.update([A], { living: only(), nowMs });
  assertEquals([note(0), note(4_999), note(5_000)], [[], [], [A]]);
});
