// A person at a screen sees it whole, whatever comes while they type, and gets it back as it was.

import { assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { flushTasks } from "../testing/waiting.ts";
import { chatOf, CTRL_C, CTRL_D, ENTER, LEFT, take, TerminalFixture } from "../testing/terminal_fixture.ts";

const pure = { permissions: "none" } as const;

Deno.test("Terminal has the keyboard to itself until it is disposed of", pure, async () => {
  const fixture = new TerminalFixture();
  const { screen, terminal } = fixture;
  assertEquals([screen.modes, screen.listeners], [[true], 1]);
  assertEquals([terminal.hasLineEditor, terminal.isTty], [true, true]);
  await fixture[Symbol.asyncDispose]();
  assertEquals([screen.modes.at(-1), screen.listeners], [false, 0]);
});

Deno.test(
  "Terminal.lines() takes the line off the screen: it will come back as a message",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const lines = linesOf(fixture.terminal);
    const first = take(lines);
    fixture.type("hola");
    assertEquals(await fixture.newOutput(), ["> hola|"]);
    fixture.type(ENTER);
    assertEquals(await first, "hola");
    assertEquals(await fixture.newOutput(), ["> |"]);
    const second = take(lines);
    assertEquals(await fixture.newOutput(), ["> |"]);
    fixture.type(`adiós${ENTER}`);
    assertEquals(await second, "adiós");
  },
);

Deno.test("Terminal.print() prints above the line that is being typed", pure, async () => {
  await using fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  await fixture.terminal.print("beto: uno", "beto: dos");
  assertEquals(await fixture.newOutput(), ["beto: uno", "beto: dos", "> hol|"]);
  fixture.type("a");
  await fixture.terminal.print("beto: tres");
  assertEquals(await fixture.newOutput(), ["beto: uno", "beto: dos", "beto: tres", "> hola|"]);
  fixture.type(ENTER);
  assertEquals(await line, "hola");
  assertEquals(await fixture.newOutput(), ["beto: uno", "beto: dos", "beto: tres", "> |"]);
});

Deno.test(
  "Terminal.print() breaks lines between words on a screen, and leaves a pipe's whole",
  pure,
  async () => {
    const line = "beto: una línea que no cabe en una fila de cuarenta columnas";
    await using fixture = new TerminalFixture();
    await fixture.terminal.print(line, "dos");
    const rows = ["beto: una línea que no cabe en una fila", "  de cuarenta columnas", "dos"];
    assertEquals((await fixture.newOutput()).slice(0, 3), rows);
    assertEquals(fixture.terminal.columns, 40);
    await using script = new FakeUser();
    await script.terminal.print(line, "dos");
    assertEquals([script.output, script.terminal.columns], [`${line}\ndos\n`, undefined]);
  },
);

Deno.test(
  "Terminal.print() prints above a question too, and leaves the cursor where it was",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const answer = fixture.terminal.ask("Nick");
    fixture.type(`aa${LEFT}`);
    await fixture.terminal.print("beto: uno");
    assertEquals(await fixture.newOutput(), ["beto: uno", "Nick: a|a"]);
    fixture.type(`n${ENTER}`);
    assertEquals(await answer, "ana");
  },
);

Deno.test(
  "Terminal.print() prints above all rows of a long line, and the line goes when it is entered",
  pure,
  async () => {
    for (const length of [8, 9, 17, 18, 19]) {
      await using fixture = new TerminalFixture({ columns: 10 });
      const line = take(linesOf(fixture.terminal));
      const text = "abcdefghijklmnopqrstuvwxyz".slice(0, length);
      fixture.type(text);
      const rows = [`> ${text.slice(0, 8)}`, text.slice(8, 18), text.slice(18)];
      await fixture.terminal.print("uno");
      await fixture.terminal.print("dos");
      const shown = (await fixture.newOutput()).map((row) => row.replace("|", ""));
      assertEquals(shown.filter((row) => row !== ""), ["uno", "dos", ...rows.filter((row) => row !== "")]);
      fixture.type(ENTER);
      assertEquals(await line, text);
      assertEquals(await fixture.newOutput(), ["uno", "dos", "> |"]);
    }
  },
);

Deno.test("Terminal.print() prints above a line of wide characters", pure, async () => {
  for (const text of ["日本語日本語日本語", "a日本語日本語日本語", "日本語日a", "日本語日本語日本語日本"]) {
    await using fixture = new TerminalFixture({ columns: 10 });
    const line = take(linesOf(fixture.terminal));
    for (const char of text) fixture.type(char);
    await fixture.terminal.print("uno");
    await fixture.terminal.print("dos");
    const shown = (await fixture.newOutput()).join("").replace("|", "");
    assertEquals(shown, `unodos> ${text}`);
    fixture.type(ENTER);
    assertEquals(await line, text);
    assertEquals(await fixture.newOutput(), ["uno", "dos", "> |"]);
  }
});

Deno.test("Terminal.print() is one write: nothing is seen half done", pure, async () => {
  await using fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  await fixture.newOutput();
  const before = fixture.writes;
  await fixture.terminal.print("uno", "dos");
  assertEquals(await fixture.newOutput(), ["uno", "dos", "> hol|"]);
  assertEquals(fixture.writes, before + 1);
  fixture.type(ENTER);
  await line;
});

Deno.test("Terminal.setStatus() keeps lines above the chat until others replace them", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const lines = linesOf(terminal);
  const first = take(lines);
  fixture.type("hol");
  await flushTasks();
  terminal.setStatus(["… uno", "… dos"]);
  assertEquals(await fixture.newOutput(), ["… uno", "… dos", "> hol|"]);
  await terminal.print("beto: tres");
  assertEquals(await fixture.newOutput(), ["beto: tres", "… uno", "… dos", "> hol|"]);
  const answer = terminal.ask("Nick");
  assertEquals(await fixture.newOutput(), ["beto: tres", "Nick: |"]);
  fixture.type(`ana${ENTER}`);
  await answer;
  assertEquals(await fixture.newOutput(), ["beto: tres", "Nick: ana", "… uno", "… dos", "> hol|"]);
  terminal.setStatus(["… dos"]);
  assertEquals(await fixture.newOutput(), ["beto: tres", "Nick: ana", "… dos", "> hol|"]);
  fixture.type(`a${ENTER}`);
  assertEquals(await first, "hola");
  const second = take(lines);
  assertEquals((await fixture.newOutput()).slice(0, 2), ["beto: tres", "Nick: ana"]);
  terminal.setStatus([]);
  assertEquals(await fixture.newOutput(), ["beto: tres", "Nick: ana", "> |"]);
  fixture.type(ENTER);
  await second;
});

Deno.test("Terminal is interrupted by Ctrl-C, whatever is being typed", pure, async () => {
  await using fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  await flushTasks();
  assertEquals(fixture.terminal.interruptSignal.aborted, false);
  fixture.type(CTRL_C);
  await flushTasks();
  assertEquals(fixture.terminal.interruptSignal.aborted, true);
  fixture.type(ENTER);
  await line;
});

Deno.test("Terminal ends by Ctrl-D on an empty line", pure, async () => {
  await using fixture = new TerminalFixture();
  const lines = linesOf(fixture.terminal);
  const first = take(lines);
  await flushTasks();
  fixture.type(CTRL_D);
  assertEquals(await first, undefined);
  assertEquals(fixture.terminal.hasEnded, true);
});

Deno.test("Terminal leaves no prompt on the screen behind", pure, async () => {
  const fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  await fixture.terminal.print("uno");
  assertEquals(await fixture.newOutput(), ["uno", "> hol|"]);
  await fixture[Symbol.asyncDispose]();
  assertEquals(await line, undefined);
  assertEquals(await fixture.newOutput(), ["uno", "|"]);
});

Deno.test(
  "Terminal.setPrompt() changes what stands before the line, and draws nothing twice",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const { terminal } = fixture;
    chatOf(terminal);
    fixture.type("hol");
    await flushTasks();
    terminal.setPrompt("(sin conexión) > ");
    assertEquals(await fixture.newOutput(), ["(sin conexión) > hol|"]);
    const before = fixture.writes;
    terminal.setPrompt("(sin conexión) > ");
    terminal.setStatus([]);
    await flushTasks();
    assertEquals(fixture.writes, before);
  },
);

Deno.test("Terminal draws as often as the screen takes it, whatever happens meanwhile", pure, async () => {
  const writes: string[] = [];
  const ready: (() => void)[] = [];
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: (bytes) => {
      writes.push(new TextDecoder().decode(bytes));
      return new Promise((resolve) => ready.push(resolve));
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
  setTimeout(() => ready.shift()!()); // it is disposed of
});

Deno.test("Terminal.clear() leaves nothing but the line that is being typed", pure, async () => {
  await using fixture = new TerminalFixture();
  chatOf(fixture.terminal);
  fixture.type("hol");
  await fixture.terminal.print("uno");
  fixture.terminal.clear();
  assertEquals(await fixture.newOutput(), ["> hol|"]);
  await fixture.terminal.print("dos");
  fixture.type("\x0c"); // Ctrl-L
  assertEquals(await fixture.newOutput(), ["> hol|"]);
});

Deno.test(
  "Terminal.restoreNow() gives all back at once, and only if the terminal takes it",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const { terminal, screen } = fixture;
    chatOf(terminal);
    fixture.type("hol");
    await fixture.newOutput();
    assertEquals(screen.isBracketedPaste, true);
    terminal.restoreNow();
    assertEquals(screen.show(screen.writtenNow), ["|"]);
    assertEquals(screen.isBracketedPaste, false);
    const stuck = new FakeScreen();
    const other = new Terminal({
      input: new ReadableStream(),
      write: () => new Promise(() => {}),
      isTty: true,
      tty: stuck,
    }, systemClock);
    await flushTasks();
    other.restoreNow();
    assertEquals([stuck.writtenNow, stuck.modes], ["", [true]]);
  },
);

Deno.test("Terminal draws anew for a new size, and when it goes on after a stop", pure, async () => {
  await using fixture = new TerminalFixture();
  const { screen } = fixture;
  chatOf(fixture.terminal);
  fixture.type("una línea");
  assertEquals(await fixture.newOutput(), ["> una línea|"]);
  screen.resize(6);
  assertEquals(await fixture.newOutput(), ["> una", "línea|"]);
  screen.write("\n$ fg\n");
  screen.resumeProcess();
  assertEquals(await fixture.newOutput(), ["> una", "línea", "$ fg", "> una", "línea|"]);
  assertEquals(screen.modes, [true, true]);
});

Deno.test("Terminal shows a line once after a stop of which no shell took notice", pure, async () => {
  await using fixture = new TerminalFixture();
  const { screen, terminal } = fixture;
  chatOf(terminal);
  fixture.type("una");
  await fixture.newOutput();
  screen.resumeProcess();
  assertEquals(await fixture.newOutput(), ["> una|"]);
  screen.resumeProcess();
  await terminal.print("Se perdió la conexión"); // both at once
  assertEquals(await fixture.newOutput(), ["Se perdió la conexión", "> una|"]);
});

Deno.test("Terminal takes lines however they end", pure, async () => {
  await using fixture = new TerminalFixture();
  const said = chatOf(fixture.terminal);
  fixture.type("uno\r\ndos\ntres\r\rcuatro");
  assertEquals(await fixture.newOutput(), ["> cuatro|"]);
  assertEquals(said, ["uno", "dos", "tres", ""]);
});
