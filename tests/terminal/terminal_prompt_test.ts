// Terminal with line editing: prompts while a line is being typed, and prompts for secrets.

import { assertEquals, assertRejects } from "@std/assert";
import { parseAddress } from "../../lib/net/address.ts";
import { promptUntilValid } from "../../lib/terminal/terminal.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";
import {
  chatOf,
  CTRL_C,
  ENTER,
  LEFT,
  pasted,
  PROMPTING,
  TAB,
  take,
  TerminalFixture,
  UP,
} from "../testing/terminal_fixture.ts";

const pure = { permissions: "none" } as const;

Deno.test("Terminal.ask() leaves the prompt with its answer on the screen", pure, async () => {
  await using fixture = new TerminalFixture();
  const answer = fixture.terminal.ask("Puerto", { fallback: "5000" });
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: |"]);
  fixture.type("5001");
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: 5001|"]);
  fixture.type(ENTER);
  assertEquals(await answer, "5001");
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: 5001", "|"]);
});

Deno.test("Terminal.ask() wraps the prompt between words, before and after the answer", pure, async () => {
  await using fixture = new TerminalFixture();
  const answer = fixture.terminal.ask("Nuevo servidor (IP o nombre)", { fallback: "127.0.0.1" });
  const rows = ["Nuevo servidor (IP o nombre)", "  [127.0.0.1]: "];
  assertEquals(await fixture.newOutput(), [rows[0], `${rows[1]}|`]);
  fixture.type("aula");
  assertEquals(await fixture.newOutput(), [rows[0], `${rows[1]}aula|`]);
  fixture.type(ENTER);
  assertEquals(await answer, "aula");
  assertEquals((await fixture.newOutput()).slice(0, 2), [rows[0], `${rows[1]}aula`]);
});

Deno.test(
  "Terminal.exclusive() sets the chat line aside until all its prompts are answered",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const { terminal } = fixture;
    const line = take(linesOf(terminal));
    fixture.type("hol");
    assertEquals(await fixture.newOutput(), ["> hol|"]);
    const between = Promise.withResolvers<void>();
    const answers = terminal.exclusive(async () => {
      const host = await terminal.ask("Servidor");
      await between.promise;
      return [host, await terminal.ask("Puerto")];
    });
    assertEquals(await fixture.newOutput(), ["Servidor: |"]);
    await terminal.print("uno");
    fixture.type(`aula${ENTER}`);
    assertEquals(await fixture.newOutput(), ["uno", "Servidor: aula", "|"]);
    between.resolve();
    assertEquals(await fixture.newOutput(), ["uno", "Servidor: aula", "Puerto: |"]);
    fixture.type(`5001${ENTER}`);
    assertEquals(await answers, ["aula", "5001"]);
    assertEquals(await fixture.newOutput(), ["uno", "Servidor: aula", "Puerto: 5001", "> hol|"]);
    fixture.type(`a${ENTER}`);
    assertEquals(await line, "hola");
  },
);

Deno.test(
  "Terminal.ask() moves what was typed into the chat line when its signal is aborted",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const line = take(linesOf(fixture.terminal));
    fixture.type("hol");
    await flushTasks();
    const ending = new AbortController();
    const answer = fixture.terminal.ask("Nick", { signal: ending.signal });
    fixture.type("a");
    await flushTasks();
    ending.abort();
    await answer.catch(() => {});
    assertEquals((await fixture.newOutput()).at(-1), "> hola|");
    fixture.type(ENTER);
    assertEquals(await line, "hola");
  },
);

/** A terminal whose clock stands still until a test sets it, with 10 ms until its user counts as idle. */
class SlowTerminalFixture extends TerminalFixture {
  readonly time: { monotonicMs: number };

  constructor({ idleMs = 10 } = {}) {
    const time = { wallMs: 0, monotonicMs: 0 };
    super({ typing: { clock: () => ({ ...time }), idleMs } });
    this.time = time;
  }
}

Deno.test("Terminal.ask() waits for Enter while a chat line is typed", pure, async () => {
  await using fixture = new SlowTerminalFixture();
  const { terminal } = fixture;
  const said = chatOf(terminal);
  fixture.type("ho");
  await flushTasks();
  const answer = terminal.ask("Servidor");
  assertEquals(await fixture.newOutput(), ["> ho|"]);
  await new Promise((resolve) => setTimeout(resolve, 30)); // its clock stands still
  fixture.type("la");
  assertEquals(await fixture.newOutput(), ["> hola|"]);
  fixture.type(ENTER);
  assertEquals(await fixture.newOutput(), ["Servidor: |"]);
  assertEquals(said, ["hola"]);
  fixture.type(`aula${ENTER}`);
  assertEquals(await withTimeout(answer, "an answer"), "aula");
});

Deno.test("Terminal.ask() interrupts a chat line once the user is idle, and restores it", pure, async () => {
  await using fixture = new SlowTerminalFixture();
  const { terminal, time } = fixture;
  const said = chatOf(terminal);
  fixture.type("hol");
  await flushTasks();
  time.monotonicMs = 9;
  const answer = terminal.ask("Servidor");
  fixture.type(LEFT);
  assertEquals(await fixture.newOutput(), ["> ho|l"]);
  time.monotonicMs = 18;
  await flushTasks(30);
  assertEquals(await fixture.newOutput(), ["> ho|l"]);
  time.monotonicMs = 19;
  await fixture.waitForOutput("Servidor: ");
  fixture.type(`aula${ENTER}`);
  assertEquals(await answer, "aula");
  assertEquals(await fixture.newOutput(), ["Servidor: aula", "> ho|l"]);
  assertEquals(said, []);
});

Deno.test("Terminal.exclusive() begins at once without a partial line, or one left alone", pure, async () => {
  await using fixture = new SlowTerminalFixture();
  const { terminal, time } = fixture;
  chatOf(terminal);
  fixture.type("x\x7f");
  await flushTasks();
  const first = terminal.ask("Servidor");
  assertEquals(await fixture.newOutput(), ["Servidor: |"]);
  fixture.type(ENTER);
  await first;
  fixture.type("hol");
  await flushTasks();
  time.monotonicMs = 10;
  const second = terminal.ask("Puerto");
  assertEquals((await fixture.newOutput()).at(-1), "Puerto: |");
  fixture.type(ENTER);
  await second;
  let isBegun = false;
  const third = terminal.exclusive(() => Promise.resolve(isBegun = true));
  assertEquals(isBegun, true); // in the same turn: a pipe is not read on
  await third;
});

for (const end of [CTRL_C, "its signal"]) {
  const title = `Terminal.ask() stops waiting for a chat line at ${end === CTRL_C ? "Ctrl-C" : end}`;
  Deno.test(title, pure, async () => {
    await using fixture = new SlowTerminalFixture({ idleMs: 60_000 });
    const { terminal, terminal: { interruptSignal } } = fixture;
    chatOf(terminal);
    fixture.type("hol");
    await flushTasks();
    const ending = new AbortController();
    interruptSignal.addEventListener("abort", () => ending.abort(interruptSignal.reason));
    const answer = terminal.ask("Servidor", { signal: ending.signal });
    answer.catch(() => {});
    await flushTasks();
    if (end === CTRL_C) fixture.type(end);
    else ending.abort(new Error("enough"));
    await withTimeout(assertRejects(() => answer, Error), "the prompt to end");
    assertEquals((await fixture.newOutput()).at(-1), "> hol|");
  });
}

Deno.test("Terminal.exclusive() waits for the confirmation of a pasted block", pure, async () => {
  await using fixture = new SlowTerminalFixture();
  const { terminal } = fixture;
  const said = chatOf(terminal, PROMPTING);
  fixture.type(pasted("x\n".repeat(11)));
  fixture.type("s");
  await flushTasks();
  const answer = terminal.exclusive(
    async () => [await terminal.ask("Servidor"), await terminal.ask("Puerto")],
  );
  assertEquals(await fixture.newOutput(), ["¿11? s|"]);
  fixture.type(ENTER);
  assertEquals(await fixture.newOutput(), ["¿11? s", "Servidor: |"]);
  fixture.type(`aula${ENTER}5001${ENTER}`);
  assertEquals(await answer, ["aula", "5001"]);
  await flushTasks();
  assertEquals(said.length, 11);
});

Deno.test("promptUntilValid() restores an answer of several words to the chat line", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const line = take(linesOf(terminal));
  fixture.type("hola a");
  await flushTasks();
  const prompt = { text: "Servidor", parse: parseAddress, fallback: "aula" };
  const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
  await flushTasks();
  fixture.type(`todos los demás${ENTER}`);
  await flushTasks();
  fixture.type(ENTER);
  assertEquals((await answer)?.host, "aula");
  assertEquals((await fixture.newOutput()).at(-1), "> hola a todos los demás |");
  fixture.type(ENTER);
  assertEquals(await line, "hola a todos los demás ");
});

Deno.test("Terminal keeps chat lines in the history, and no answers", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  chatOf(terminal);
  fixture.type(`uno${ENTER}`);
  await flushTasks();
  const answer = terminal.ask("Puerto");
  fixture.type(`${UP}5001${ENTER}`);
  assertEquals(await answer, "5001");
  fixture.type(UP);
  assertEquals((await fixture.newOutput()).at(-1), "> uno|");
});

Deno.test("Terminal completes chat lines, and no answers", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const answer = terminal.ask("Nick");
  fixture.type(`an${TAB}`);
  assertEquals(await fixture.newOutput(), ["Nick: an|"]);
  fixture.type(ENTER);
  await answer;
  chatOf(terminal, { complete: () => ({ from: 0, choices: ["ana: "] }) });
  fixture.type("an");
  await flushTasks();
  fixture.type(TAB);
  assertEquals((await fixture.newOutput()).at(-1), "> ana: |");
});

Deno.test("Terminal.ask() shows no secret, be it complete, typed ahead or given up", pure, async () => {
  const screen = new FakeScreen();
  await using user = new FakeUser({ isTty: true, tty: screen });
  const { terminal } = user;
  assertEquals(terminal.canHideInput, true);
  const secret = terminal.ask("Contraseña", { isSecret: true });
  user.type("abre\r");
  assertEquals(await secret, "abre");
  user.type("abre\r");
  await flushTasks();
  assertEquals(await terminal.ask("Contraseña", { isSecret: true }), "abre");
  const [ending, lines] = [new AbortController(), linesOf(terminal)];
  const given = terminal.ask("Contraseña", { isSecret: true, signal: ending.signal });
  user.type("abr");
  await flushTasks();
  ending.abort(new Error("enough"));
  await assertRejects(() => given, Error);
  const line = take(lines);
  user.type("hola\r");
  assertEquals(await line, "hola");
  assertEquals(screen.show(user.output).join("\n").includes("abr"), false);
});
