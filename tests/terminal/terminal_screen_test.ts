// Terminal with line editing: what is on the screen while lines are typed and printed, and what it leaves behind.

import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor, withTimeout } from "../testing/waiting.ts";
import { chatOf, CTRL_D, ENTER, LEFT, pasted, take, TerminalFixture } from "../testing/terminal_fixture.ts";

Deno.test("Terminal sets raw mode and bracketed paste, and restores both with the screen", pure, async () => {
  const fixture = new TerminalFixture();
  const { screen, terminal } = fixture;
  const line = take(linesOf(terminal));
  fixture.type("hol");
  await terminal.print("uno");
  await fixture.expect("uno", "> hol|");
  assertEquals([screen.modes, screen.listeners, screen.isBracketedPaste], [[true], 1, true]);
  assertEquals(screen.kittyModes, 1);
  assertEquals([terminal.hasLineEditor, terminal.isTty], [true, true]);
  await fixture[Symbol.asyncDispose]();
  assertEquals(await line, undefined);
  await fixture.expect("uno", "|");
  assertEquals([screen.modes, screen.listeners, screen.isBracketedPaste], [[true, false], 0, false]);
  assertEquals(screen.kittyModes, 0);
  terminal.restoreNow();
  assertEquals(screen.writtenNow, "");
});

Deno.test("Terminal.lines() takes CR, LF or both for the end of a line", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  await fixture.typeAndExpect("uno\r\ndos\ntres\r\rcuatro", "> cuatro|");
  assertEquals(fixture.said, ["uno", "dos", "tres", ""]);
});

Deno.test("Terminal.lines() ends at Ctrl-D on an empty line, and not before", pure, async () => {
  await using fixture = new TerminalFixture();
  const first = take(linesOf(fixture.terminal));
  await fixture.typeAndExpect(`h${LEFT}${CTRL_D}`, "> |");
  assertEquals(fixture.terminal.hasNoAnswers, false);
  fixture.type(CTRL_D);
  assertEquals(await first, undefined);
  fixture.type(`x${ENTER}${pasted("y\n")}`); // ignored
  await flushTasks();
  assertEquals(fixture.terminal.hasNoAnswers, true);
});

Deno.test("Terminal.print() prints above a partial answer, and keeps the cursor", pure, async () => {
  await using fixture = new TerminalFixture();
  const answer = fixture.terminal.ask("Nick");
  fixture.type(`aa${LEFT}`);
  await fixture.terminal.print("beto: uno");
  await fixture.expect("beto: uno", "Nick: a|a");
  fixture.type(`n${ENTER}`);
  assertEquals(await answer, "ana");
});

Deno.test("Terminal.print() wraps lines between words on a screen, and not at a pipe", pure, async () => {
  const line = "beto: una línea que no cabe en una fila de cuarenta columnas";
  await using fixture = new TerminalFixture();
  await fixture.terminal.print(line, "dos");
  const rows = ["beto: una línea que no cabe en una fila", "  de cuarenta columnas", "dos"];
  assertEquals((await fixture.newOutput()).slice(0, 3), rows);
  assertEquals(fixture.terminal.columns, 40);
  await using script = new FakeUser();
  await script.terminal.print(line, "dos");
  assertEquals(script.output, `${line}\ndos\n`);
});

Deno.test("Terminal writes all changes in one write once the screen has taken the last", pure, async () => {
  const writes: string[] = [];
  const ready: (() => void)[] = [];
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: (bytes) => {
      writes.push(new TextDecoder().decode(bytes));
      return new Promise((resolve) => ready.push(() => resolve(bytes.length)));
    },
    isTty: true,
    tty: new FakeScreen(),
  }, systemClock);
  chatOf(terminal);
  await flushTasks();
  const prints = Array.from({ length: 100 }, (_, index) => terminal.print(`line ${index}`));
  await flushTasks();
  assertEquals(writes.length, 1);
  ready.shift()!();
  await flushTasks();
  assertEquals(writes.length, 2);
  assertEquals(writes[1]!.split("> ").length, 2); // one prompt
  assertEquals(writes[1]!.split("\n").length, 101);
  ready.shift()!();
  await Promise.all(prints);
  setTimeout(() => ready.shift()!()); // for the write at the end
});

Deno.test("Terminal.setStatus() shows lines above the chat prompt, and above no other", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  const { terminal } = fixture;
  fixture.type("hol");
  await flushTasks();
  terminal.setStatus(["… uno", "… dos"]);
  await fixture.expect("… uno", "… dos", "> hol|");
  await terminal.print("beto: tres");
  await fixture.expect("beto: tres", "… uno", "… dos", "> hol|");
  const answer = terminal.ask("Nick");
  await fixture.expect("beto: tres", "Nick: |");
  fixture.type(`ana${ENTER}`);
  await answer;
  await fixture.expect("beto: tres", "Nick: ana", "… uno", "… dos", "> hol|");
  terminal.setStatus(["… dos"]);
  await fixture.expect("beto: tres", "Nick: ana", "… dos", "> hol|");
  terminal.setStatus([]);
  await fixture.expect("beto: tres", "Nick: ana", "> hol|");
});

Deno.test("Terminal.setPrompt() replaces the chat prompt, if it differs", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  chatOf(terminal);
  fixture.type("hol");
  await flushTasks();
  terminal.setPrompt("(sin conexión) > ");
  await fixture.expect("(sin conexión) > hol|");
  const before = fixture.writes;
  terminal.setPrompt("(sin conexión) > ");
  terminal.setStatus([]);
  await flushTasks();
  assertEquals(fixture.writes, before);
});

Deno.test("Terminal.clear() and Ctrl-L leave only the input on the screen", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  fixture.type("hol");
  await fixture.terminal.print("uno");
  fixture.terminal.clear();
  await fixture.expect("> hol|");
  await fixture.terminal.print("dos");
  await fixture.typeAndExpect("\x0c", "> hol|");
});

Deno.test("Terminal.bell() writes BEL", pure, async () => {
  await using fixture = new TerminalFixture();
  await flushTasks();
  const { length } = fixture.output;
  fixture.terminal.bell();
  await flushTasks();
  assertEquals(fixture.output.slice(length), "\x07");
});

Deno.test("Terminal.setTitle() gives the window a title until the end", pure, async () => {
  const fixture = new TerminalFixture({ chat: {} });
  const { screen, terminal } = fixture;
  terminal.setTitle("uno");
  terminal.setTitle("dos");
  await fixture.expect("> |");
  assertEquals([screen.titles, screen.isFocusReported], [["dos", "bash"], true]);
  screen.titles[0] = "sh";
  screen.resumeProcess();
  await fixture.expect("> |");
  assertEquals(screen.titles, ["dos", "bash"]);
  await fixture[Symbol.asyncDispose]();
  await fixture.expect("|");
  assertEquals([screen.titles, screen.isFocusReported], [["bash"], false]);
});

Deno.test("Terminal.setTitle() and notify() write nothing that a terminal would show", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  fixture.screen.hasTitle = false;
  fixture.terminal.setTitle("uno");
  fixture.terminal.notify("dos");
  await fixture.newOutput();
  assert(!fixture.output.includes("\x1b]") && !fixture.output.includes("t"), JSON.stringify(fixture.output));
});

Deno.test("Terminal writes several rows as one update, and a row without", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  await fixture.newOutput();
  let { length } = fixture.output;
  await fixture.typeAndExpect("hola", "> hola|");
  assertEquals(fixture.output.slice(length), "hola");
  length = fixture.output.length;
  await fixture.terminal.print("uno");
  assertEquals(fixture.output.slice(length), "\x1b[?2026h\x1b[2G\x1b[J\r\x1b[Kuno\n> hola\x1b[?2026l");
});

Deno.test("Terminal.restoreNow() erases the input and ends all modes in one write", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  const { terminal, screen } = fixture;
  fixture.type("hol");
  terminal.setTitle("chat");
  await fixture.newOutput();
  terminal.restoreNow();
  assertEquals(screen.show(screen.writtenNow), ["|"]);
  assertEquals([screen.isBracketedPaste, screen.isFocusReported, screen.titles], [false, false, ["bash"]]);
  const { writes } = fixture;
  await withTimeout(terminal.print("uno"), "print() to go on");
  assertEquals(fixture.writes, writes);
});

Deno.test("Terminal.restoreNow() writes nothing while the terminal takes nothing", pure, async () => {
  const screen = new FakeScreen();
  const write = () => new Promise<number>(() => {});
  const terminal = new Terminal(
    { input: new ReadableStream(), write, isTty: true, setRaw: screen.setRaw, tty: screen },
    systemClock,
  );
  await flushTasks();
  terminal.restoreNow();
  assertEquals([screen.writtenNow, screen.modes], ["", [true]]);
});

Deno.test("Terminal draws the input again for a new size, and when the process resumes", pure, async () => {
  await using fixture = new TerminalFixture({ columns: 6, chat: {} });
  const { screen } = fixture;
  await fixture.typeAndExpect("una línea", "> una", "línea|");
  screen.resize(40);
  await fixture.expect("> una línea|");
  screen.resize(6);
  await fixture.expect("> una", "línea|");
  screen.isBracketedPaste = false;
  screen.write("\n$ fg\n");
  screen.resumeProcess();
  await fixture.expect("> una", "línea", "$ fg", "> una", "línea|");
  assertEquals([screen.modes, screen.isBracketedPaste], [[true, true], true]);
});

/** A terminal whose size is never certain, with an input of one row that 8 columns rewrap. */
async function unsettledFixture(): Promise<TerminalFixture> {
  const fixture = new TerminalFixture({ chat: {} });
  fixture.screen.settleMs = 3_600_000;
  fixture.type("una línea larga");
  await fixture.newOutput();
  return fixture;
}

Deno.test("Terminal holds output back while a narrower size may not last", pure, async () => {
  await using fixture = await unsettledFixture();
  const { length } = fixture.output;
  fixture.screen.resize(8);
  void fixture.terminal.print("uno");
  await flushTasks();
  assertEquals(fixture.output.slice(length), "");
  fixture.screen.resize(40);
  await flushTasks();
  assertEquals(
    fixture.output.slice(length),
    "\x1b[?2026h\x1b[2G\x1b[J\r\x1b[Kuno\n> una línea larga\x1b[?2026l",
  );
});

Deno.test("Terminal erases no printed line while its size goes on changing", pure, async () => {
  await using fixture = await unsettledFixture();
  const { length } = fixture.output;
  await waitFor(() => {
    fixture.screen.resize(8);
    return fixture.output.length > length;
  });
  assert(fixture.output.slice(length).startsWith("\x1b[?2026h\x1b[2G\x1b[J\r\x1b[K> una lí\n"));
  // Ends the wait that the last change of size has begun, for the write at the end.
  fixture.screen.settleMs = 0;
  fixture.screen.resize(8);
});

Deno.test("Terminal shows a line once if no shell wrote while the process was stopped", pure, async () => {
  await using fixture = new TerminalFixture({ chat: {} });
  const { screen, terminal } = fixture;
  fixture.type("una");
  await fixture.newOutput();
  screen.resumeProcess();
  await fixture.expect("> una|");
  screen.resumeProcess();
  await terminal.print("Se perdió la conexión"); // in the same write
  await fixture.expect("Se perdió la conexión", "> una|");
});
