// What an operator is told of outages and of rejected clients.

import { assertEquals, assertMatch } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { OutageNotifier, rejectionLogger } from "../../lib/server/main.ts";
import { messageOf } from "../testing/message.ts";
import { TestClock } from "../testing/test_clock.ts";
import { waitFor } from "../testing/waiting.ts";

Deno.test("OutageNotifier prints each outage once, and its end after outageClearMs without one", async () => {
  const told: string[] = [];
  let repeats = 0;
  let printed = "";
  using notifier = new OutageNotifier({ print: ({ text }) => printed = text }, { outageClearMs: 50 });
  notifier.onReport = ({ isResolved }) => {
    if (printed === "") repeats++;
    else told.push(`${printed} ${isResolved}`);
    printed = "";
  };
  for (let i = 0; i < 5; i++) {
    notifier.start(messageOf("bad"));
    notifier.end(messageOf("good"));
  }
  assertEquals([told, repeats], [["bad false"], 4]);
  assertEquals([notifier.failureCount, notifier.failure], [5, "bad"]);
  await waitFor(() => told.length > 1);
  assertEquals([notifier.failureCount, notifier.failure], [5, undefined]);
  notifier.start(messageOf("bad"));
  notifier.start(messageOf("worse"));
  notifier.end(messageOf("good"));
  notifier.start(messageOf("worse"));
  await new Promise((resolve) => setTimeout(resolve, 60)); // longer than outageClearMs
  assertEquals(told.length, 4);
  notifier.end(messageOf("good"));
  await waitFor(() => told.length > 4);
  assertEquals(told, ["bad false", "good true", "bad false", "worse false", "good true"]);
});

Deno.test("OutageNotifier prints no end of an outage once it is disposed of", async () => {
  const told: string[] = [];
  {
    using notifier = new OutageNotifier({ print: ({ text }) => told.push(text) }, { outageClearMs: 1 });
    notifier.start(messageOf("bad"));
    notifier.end(messageOf("good"));
  }
  await new Promise((resolve) => setTimeout(resolve, 20)); // longer than outageClearMs
  assertEquals(told, ["bad"]);
});

/** The lines of a rejectionLogger(), and a clock. */
function loggedRejections() {
  const clock = new TestClock();
  clock.advanceTo(0);
  const lines: string[] = [];
  const log = rejectionLogger({ print: ({ text }) => lines.push(text) }, {
    clock: clock.now,
    language: "en",
  });
  return { clock, lines, log };
}

Deno.test("rejectionLogger() prints 20 rejections at once, then one a second with the number skipped", () => {
  const { clock, lines, log } = loggedRejections();
  const reject = (count: number) => {
    for (let i = 0; i < count; i++) log({ address: "10.0.0.7" }, new ProtocolError("silent"));
    return lines.splice(0);
  };
  const [line = ""] = reject(1);
  assertMatch(line, /^The connection of 10\.0\.0\.7 was closed: \w+/);
  assertEquals(reject(30), Array(19).fill(line));
  clock.advanceTo(1_000);
  assertEquals(reject(3), ["Closed connections that were not shown: 11.", line]);
  clock.advanceTo(3_000);
  assertEquals(reject(3), ["Closed connections that were not shown: 2.", line, line]);
  clock.advanceTo(60_000);
  assertEquals(reject(2).slice(1), [line, line]);
  assertEquals(reject(1), [line]);
});

Deno.test("rejectionLogger() prints the nick, and where in the program a fault was", () => {
  const { lines, log } = loggedRejections();
  log({ address: "10.0.0.7", nick: "ana" }, new ProtocolError("kicked", { reason: "why" }));
  log({ address: "10.0.0.7" }, new TypeError("a mistake of ours"));
  assertMatch(lines[0]!, /^The connection of ana \(10\.0\.0\.7\) was closed: .*why/);
  assertMatch(lines[1]!, / 10\.0\.0\.7: TypeError: a mistake of ours at .*main_notices_test\.ts:\d+/);
});
