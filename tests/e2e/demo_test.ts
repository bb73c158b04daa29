// The demo on real terminals (tmux): its four panes, and what it leaves behind.

import { assertRejects } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { Terminals } from "../testing/tmux.ts";

// CI is a reason not to draw panes.
const DEMO = `CI= ${
  config.tasks.demo.command.replace("$(deno eval -p 'Deno.execPath()')", Deno.execPath())
    .replace(/^deno/, Deno.execPath())
} --lang en`;

Deno.test("demo on a terminal shows the kill in four panes, and leaves the last of them", async () => {
  await using terminals = new Terminals();
  const screen = await terminals.open("demo", { columns: 60, rows: 16 });
  await screen.rememberSettings();
  await screen.enterLine(DEMO);
  await screen.waitForMatch(/─ server A .*─ server B .*[^]*─ ana .*─ beto /);
  await screen.waitForText("│ (2 unconfirmed) ana> ");
  await screen.waitForText("│ ✗ kill -9 ");
  await screen.resize(50);
  await screen.waitForScreen("The four panes need a terminal of 60×16.");
  await screen.resize(80);
  await screen.waitForMatch(/● on B ─╮ .*● on B ─╮$/m);
  await screen.waitForMatch(
    /✗ kill -9 ─╮ .*○ ended ─╮[^]*^Good: each client saw the 15 messages once and in order.*\n\$/m,
  );
  await screen.expectRestoredSettings();
});

Deno.test("demo on a small terminal prints lines, and at Ctrl-C ends its programs", async () => {
  await using terminals = new Terminals();
  const screen = await terminals.open("demo", { columns: 59 });
  await screen.enterLine(DEMO);
  await screen.waitForText("Good: each client saw the 21 messages");
  await screen.resize(100);
  await screen.runCommand("true");
  await screen.rememberSettings();
  await screen.enterLine(DEMO);
  const address = await screen.waitForMatch(/(?<=server A · [\d.]+:)\d+(?=[^]*● on A)/);
  await screen.press("C-c");
  await screen.waitForLastRows("Bad: it was interrupted.", "$");
  await assertRejects(() => Deno.connect({ port: Number(address) }), Deno.errors.ConnectionRefused);
  await screen.expectRestoredSettings();
});
