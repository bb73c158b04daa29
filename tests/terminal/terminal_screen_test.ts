// A person at a screen sees it whole, whatever comes while they type, and gets it back as it was.

import { assertEquals } from "@std/assert";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeScreen } from "./fake_screen.ts";
import { FakeUser, linesOf } from "../fake_user.ts";
import { flushMacrotasks } from "../support.ts";
import { chatOf, CTRL_C, CTRL_D, ENTER, LEFT, take, TerminalFixture } from "./terminal_fixture.ts";

const pure = { permissions: "none" } as const;

Deno.test("Terminal has the keyboard to itself until it is disposed of", pure, async () => {
  const typist = new TerminalFixture();
  const { screen, terminal } = typist;
  assertEquals([screen.modes, screen.listeners], [[true], 1]);
  assertEquals([terminal.hasLineEditor, terminal.isTty], [true, true]);
  await typist[Symbol.asyncDispose]();
  assertEquals([screen.modes.at(-1), screen.listeners], [false, 0]);
});

Deno.test(
  "Terminal.typed() takes the line off the screen: it will come back as a message",
  pure,
  async () => {
    await using typist = new TerminalFixture();
    const lines = linesOf(typist.terminal);
    const first = take(lines);
    typist.type("hola");
    assertEquals(await typist.newOutput(), ["> hola|"]);
    typist.type(ENTER);
    assertEquals(await first, "hola");
    assertEquals(await typist.newOutput(), ["> |"]);
    const second = take(lines);
    assertEquals(await typist.newOutput(), ["> |"]);
    typist.type(`adiós${ENTER}`);
    assertEquals(await second, "adiós");
  },
);

Deno.test("Terminal.print() prints above the line that is being typed", pure, async () => {
  await using typist = new TerminalFixture();
  const line = take(linesOf(typist.terminal));
  typist.type("hol");
  await typist.terminal.print("beto: uno", "beto: dos");
  assertEquals(await typist.newOutput(), ["beto: uno", "beto: dos", "> hol|"]);
  typist.type("a");
  await typist.terminal.print("beto: tres");
  assertEquals(await typist.newOutput(), ["beto: uno", "beto: dos", "beto: tres", "> hola|"]);
  typist.type(ENTER);
  assertEquals(await line, "hola");
  assertEquals(await typist.newOutput(), ["beto: uno", "beto: dos", "beto: tres", "> |"]);
});

Deno.test(
  "Terminal.print() breaks lines between words on a screen, and leaves a pipe's whole",
  pure,
  async () => {
    const line = "beto: una línea que no cabe en una fila de cuarenta columnas";
    await using typist = new TerminalFixture();
    await typist.terminal.print(line, "dos");
    const rows = ["beto: una línea que no cabe en una fila", "  de cuarenta columnas", "dos"];
    assertEquals((await typist.newOutput()).slice(0, 3), rows);
    assertEquals(typist.terminal.columns, 40);
    await using script = new FakeUser();
    await script.terminal.print(line, "dos");
    assertEquals([script.output, script.terminal.columns], [`${line}\ndos\n`, undefined]);
  },
);

Deno.test(
  "Terminal.print() prints above a question too, and leaves the cursor where it was",
  pure,
  async () => {
    await using typist = new TerminalFixture();
    const answer = typist.terminal.ask("Nick");
    typist.type(`aa${LEFT}`);
    await typist.terminal.print("beto: uno");
    assertEquals(await typist.newOutput(), ["beto: uno", "Nick: a|a"]);
    typist.type(`n${ENTER}`);
    assertEquals(await answer, "ana");
  },
);

Deno.test(
  "Terminal.print() prints above all rows of a long line, and the line goes when it is entered",
  pure,
  async () => {
    for (const length of [8, 9, 17, 18, 19]) {
      await using typist = new TerminalFixture({ columns: 10 });
      const line = take(linesOf(typist.terminal));
      const text = "abcdefghijklmnopqrstuvwxyz".slice(0, length);
      typist.type(text);
      const rows = [`> ${text.slice(0, 8)}`, text.slice(8, 18), text.slice(18)];
      await typist.terminal.print("uno");
      await typist.terminal.print("dos");
      const shown = (await typist.newOutput()).map((row) => row.replace("|", ""));
      assertEquals(shown.filter((row) => row !== ""), ["uno", "dos", ...rows.filter((row) => row !== "")]);
      typist.type(ENTER);
      assertEquals(await line, text);
      assertEquals(await typist.newOutput(), ["uno", "dos", "> |"]);
    }
  },
);

Deno.test("Terminal.print() prints above a line of wide characters", pure, async () => {
  for (const text of ["日本語日本語日本語", "a日本語日本語日本語", "日本語日a", "日本語日本語日本語日本"]) {
    await using typist = new TerminalFixture({ columns: 10 });
    const line = take(linesOf(typist.terminal));
    for (const char of text) typist.type(char);
    await typist.terminal.print("uno");
    await typist.terminal.print("dos");
    const shown = (await typist.newOutput()).join("").replace("|", "");
    assertEquals(shown, `unodos> ${text}`);
    typist.type(ENTER);
    assertEquals(await line, text);
    assertEquals(await typist.newOutput(), ["uno", "dos", "> |"]);
  }
});

Deno.test("Terminal.print() is one write: nothing is seen half done", pure, async () => {
  await using typist = new TerminalFixture();
  const line = take(linesOf(typist.terminal));
  typist.type("hol");
  await typist.newOutput();
  const before = typist.writes;
  await typist.terminal.print("uno", "dos");
  assertEquals(await typist.newOutput(), ["uno", "dos", "> hol|"]);
  assertEquals(typist.writes, before + 1);
  typist.type(ENTER);
  await line;
});

Deno.test("Terminal.setStatus() keeps lines above the chat until others replace them", pure, async () => {
  await using typist = new TerminalFixture();
  const { terminal } = typist;
  const lines = linesOf(terminal);
  const first = take(lines);
  typist.type("hol");
  await flushMacrotasks();
  terminal.setStatus(["… uno", "… dos"]);
  assertEquals(await typist.newOutput(), ["… uno", "… dos", "> hol|"]);
  await terminal.print("beto: tres");
  assertEquals(await typist.newOutput(), ["beto: tres", "… uno", "… dos", "> hol|"]);
  const answer = terminal.ask("Nick");
  assertEquals(await typist.newOutput(), ["beto: tres", "Nick: |"]);
  typist.type(`ana${ENTER}`);
  await answer;
  assertEquals(await typist.newOutput(), ["beto: tres", "Nick: ana", "… uno", "… dos", "> hol|"]);
  terminal.setStatus(["… dos"]);
  assertEquals(await typist.newOutput(), ["beto: tres", "Nick: ana", "… dos", "> hol|"]);
  typist.type(`a${ENTER}`);
  assertEquals(await first, "hola");
  const second = take(lines);
  assertEquals((await typist.newOutput()).slice(0, 2), ["beto: tres", "Nick: ana"]);
  terminal.setStatus([]);
  assertEquals(await typist.newOutput(), ["beto: tres", "Nick: ana", "> |"]);
  typist.type(ENTER);
  await second;
});

Deno.test("Terminal is interrupted by Ctrl-C, whatever is being typed", pure, async () => {
  await using typist = new TerminalFixture();
  const line = take(linesOf(typist.terminal));
  typist.type("hol");
  await flushMacrotasks();
  assertEquals(typist.terminal.interruptSignal.aborted, false);
  typist.type(CTRL_C);
  await flushMacrotasks();
  assertEquals(typist.terminal.interruptSignal.aborted, true);
  typist.type(ENTER);
  await line;
});

Deno.test("Terminal ends by Ctrl-D on an empty line", pure, async () => {
  await using typist = new TerminalFixture();
  const lines = linesOf(typist.terminal);
  const first = take(lines);
  await flushMacrotasks();
  typist.type(CTRL_D);
  assertEquals(await first, undefined);
  assertEquals(typist.terminal.hasEnded, true);
});

Deno.test("Terminal leaves no prompt on the screen behind", pure, async () => {
  const typist = new TerminalFixture();
  const line = take(linesOf(typist.terminal));
  typist.type("hol");
  await typist.terminal.print("uno");
  assertEquals(await typist.newOutput(), ["uno", "> hol|"]);
  await typist[Symbol.asyncDispose]();
  assertEquals(await line, undefined);
  assertEquals(await typist.newOutput(), ["uno", "|"]);
});

Deno.test(
  "Terminal.setPrompt() changes what stands before the line, and draws nothing twice",
  pure,
  async () => {
    await using typist = new TerminalFixture();
    const { terminal } = typist;
    chatOf(terminal);
    typist.type("hol");
    await flushMacrotasks();
    terminal.setPrompt("(sin conexión) > ");
    assertEquals(await typist.newOutput(), ["(sin conexión) > hol|"]);
    const before = typist.writes;
    terminal.setPrompt("(sin conexión) > ");
    terminal.setStatus([]);
    await flushMacrotasks();
    assertEquals(typist.writes, before);
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
  });
  chatOf(terminal);
  await flushMacrotasks();
  const prints = Array.from({ length: 100 }, (_, index) => terminal.print(`line ${index}`));
  await flushMacrotasks();
  assertEquals(writes.length, 1);
  ready.shift()!();
  await flushMacrotasks();
  assertEquals(writes.length, 2);
  assertEquals(writes[1]!.split("> ").length, 2); // one prompt
  assertEquals(writes[1]!.split("\n").length, 101);
  ready.shift()!();
  await Promise.all(prints);
  setTimeout(() => ready.shift()!()); // it is disposed of
});

Deno.test("Terminal.clear() leaves nothing but the line that is being typed", pure, async () => {
  await using typist = new TerminalFixture();
  chatOf(typist.terminal);
  typist.type("hol");
  await typist.terminal.print("uno");
  typist.terminal.clear();
  assertEquals(await typist.newOutput(), ["> hol|"]);
  await typist.terminal.print("dos");
  typist.type("\x0c"); // Ctrl-L
  assertEquals(await typist.newOutput(), ["> hol|"]);
});

Deno.test("Terminal.abandon() gives all back at once, and only if the terminal takes it", pure, async () => {
  await using typist = new TerminalFixture();
  const { terminal, screen } = typist;
  chatOf(terminal);
  typist.type("hol");
  await typist.newOutput();
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
  });
  await flushMacrotasks();
  other.restoreNow();
  assertEquals([stuck.writtenNow, stuck.modes], ["", [true]]);
});

Deno.test("Terminal draws anew for a new size, and when it goes on after a stop", pure, async () => {
  await using typist = new TerminalFixture();
  const { screen } = typist;
  chatOf(typist.terminal);
  typist.type("una línea");
  assertEquals(await typist.newOutput(), ["> una línea|"]);
  screen.resize(6);
  assertEquals(await typist.newOutput(), ["> una", "línea|"]);
  screen.write("\n$ fg\n");
  screen.resumeProcess();
  assertEquals(await typist.newOutput(), ["> una", "línea", "$ fg", "> una", "línea|"]);
  assertEquals(screen.modes, [true, true]);
});

Deno.test("Terminal shows a line once after a stop of which no shell took notice", pure, async () => {
  await using typist = new TerminalFixture();
  const { screen, terminal } = typist;
  chatOf(terminal);
  typist.type("una");
  await typist.newOutput();
  screen.resumeProcess();
  assertEquals(await typist.newOutput(), ["> una|"]);
  screen.resumeProcess();
  await terminal.print("Se perdió la conexión"); // both at once
  assertEquals(await typist.newOutput(), ["Se perdió la conexión", "> una|"]);
});

Deno.test("Terminal takes lines however they end", pure, async () => {
  await using typist = new TerminalFixture();
  const said = chatOf(typist.terminal);
  typist.type("uno\r\ndos\ntres\r\rcuatro");
  assertEquals(await typist.newOutput(), ["> cuatro|"]);
  assertEquals(said, ["uno", "dos", "tres", ""]);
});
