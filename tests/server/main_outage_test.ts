// Outages of the commit log, as the operator sees them.

import { assertEquals } from "@std/assert";
import { OutageNotifier } from "../../lib/server/main.ts";
import { waitFor } from "../testing/waiting.ts";

Deno.test("OutageNotifier reports an outage at once, and its end after a while", async () => {
  const told: string[] = [];
  let again = 0;
  let printed = "";
  const log = { print: (text: string) => printed = text };
  using notifier = new OutageNotifier(log, { outageClearMs: 50 });
  notifier.onReport = ({ isResolved }) => {
    if (printed === "") again++;
    else told.push(`${printed} ${isResolved}`);
    printed = "";
  };
  // However often it comes and goes.
  for (let i = 0; i < 5; i++) {
    notifier.start("bad");
    notifier.end("good");
  }
  assertEquals([told, again], [["bad false"], 4]);
  await waitFor(() => told.length > 1);
  notifier.start("bad");
  notifier.start("worse");
  notifier.end("good");
  notifier.start("worse");
  await new Promise((resolve) => setTimeout(resolve, 60));
  notifier.end("good");
  await waitFor(() => told.length > 4);
  assertEquals(told, ["bad false", "good true", "bad false", "worse false", "good true"]);
});
