// A prompt while a line is being typed, and prompts for secrets.

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

Deno.test("Terminal.ask() leaves question and answer on the screen", pure, async () => {
  await using fixture = new TerminalFixture();
  const answer = fixture.terminal.ask("Puerto", { fallback: "5000" });
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: |"]);
  fixture.type("5001");
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: 5001|"]);
  fixture.type(ENTER);
  assertEquals(await answer, "5001");
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: 5001", "|"]);
});

Deno.test("Terminal.ask() puts aside what is being typed, and gives it back", pure, async () => {
  await using fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  assertEquals(await fixture.newOutput(), ["> hol|"]);
  const answer = fixture.terminal.ask("Puerto", { fallback: "5000" });
  assertEquals(await fixture.newOutput(), ["Puerto [5000]: |"]);
  await fixture.terminal.print("uno");
  assertEquals(await fixture.newOutput(), ["uno", "Puerto [5000]: |"]);
  fixture.type(`5001${ENTER}`);
  assertEquals(await answer, "5001");
  assertEquals(await fixture.newOutput(), ["uno", "Puerto [5000]: 5001", "> hol|"]);
  fixture.type(`a${ENTER}`);
  assertEquals(await line, "hola");
});

Deno.test("A question is broken between words before it is answered as it is afterwards", pure, async () => {
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

Deno.test("Terminal.ask() gives the line back when it gives up", pure, async () => {
  await using fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  await flushTasks();
  const ending = new AbortController();
  const answer = fixture.terminal.ask("Nick", { signal: ending.signal });
  fixture.type("a"); // before they saw that it is about something else
  await flushTasks();
  ending.abort();
  await answer.catch(() => {});
  assertEquals((await fixture.newOutput()).at(-1), "> hola|");
  fixture.type(ENTER);
  assertEquals(await line, "hola");
});

/** A clock that stands still until a test moves it, and somebody who has paused after 10 ms of it. */
class SlowTerminalFixture extends TerminalFixture {
  readonly time: { monotonicMs: number };

  constructor({ idleMs = 10 } = {}) {
    const time = { wallMs: 0, monotonicMs: 0 };
    super({ typing: { clock: () => ({ ...time }), idleMs } });
    this.time = time;
  }
}

Deno.test("A question waits for the line that somebody is in the middle of, until Enter", pure, async () => {
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

Deno.test(
  "A question waits for a line no longer than until they pause, and gives it back",
  pure,
  async () => {
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
  },
);

Deno.test(
  "A question is asked at once of somebody who types nothing, or did so a while ago",
  pure,
  async () => {
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
    assertEquals(isBegun, true); // a pipe is never read meanwhile
    await third;
  },
);

Deno.test("A question waits for no line if nobody is to be asked any more", pure, async () => {
  for (const end of [CTRL_C, "signal"]) {
    await using fixture = new SlowTerminalFixture({ idleMs: 60_000 });
    const { terminal } = fixture;
    chatOf(terminal);
    fixture.type("hol");
    await flushTasks();
    const ending = new AbortController();
    terminal.interruptSignal.addEventListener("abort", () => ending.abort(terminal.interruptSignal.reason));
    const answer = terminal.ask("Servidor", { signal: ending.signal });
    answer.catch(() => {});
    await flushTasks();
    if (end === "signal") ending.abort(new Error("enough"));
    else fixture.type(end);
    await withTimeout(assertRejects(() => answer, Error), "the question to be given up");
    assertEquals((await fixture.newOutput()).at(-1), "> hol|");
  }
});

Deno.test("A question waits for the answer whether a block is to be sent", pure, async () => {
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

Deno.test("Terminal.exclusive() does not show the chat between two questions", pure, async () => {
  await using fixture = new TerminalFixture();
  const line = take(linesOf(fixture.terminal));
  fixture.type("hol");
  await flushTasks();
  const { terminal } = fixture;
  const between = Promise.withResolvers<void>();
  const talk = terminal.exclusive(async () => {
    const host = await terminal.ask("Servidor");
    await between.promise;
    return [host, await terminal.ask("Puerto")];
  });
  await flushTasks();
  fixture.type(`aula${ENTER}`);
  assertEquals(await fixture.newOutput(), ["Servidor: aula", "|"]);
  between.resolve();
  assertEquals(await fixture.newOutput(), ["Servidor: aula", "Puerto: |"]);
  fixture.type(`5001${ENTER}`);
  assertEquals(await talk, ["aula", "5001"]);
  assertEquals(await fixture.newOutput(), ["Servidor: aula", "Puerto: 5001", "> hol|"]);
  fixture.type(ENTER);
  assertEquals(await line, "hol");
});

Deno.test(
  "Words that are no answer to a question go back to the line in which they were begun",
  pure,
  async () => {
    await using fixture = new TerminalFixture();
    const { terminal } = fixture;
    const line = take(linesOf(terminal));
    fixture.type("hola a");
    await flushTasks();
    const asked = { text: "Servidor", parse: parseAddress, fallback: "aula" };
    const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, asked));
    await flushTasks();
    fixture.type(`todos los demás${ENTER}`);
    await flushTasks();
    fixture.type(ENTER);
    assertEquals((await answer)?.host, "aula");
    assertEquals((await fixture.newOutput()).at(-1), "> hola a todos los demás |");
    fixture.type(ENTER);
    assertEquals(await line, "hola a todos los demás ");
  },
);

Deno.test("Terminal brings back what was said, and no answers to questions", pure, async () => {
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

Deno.test("Terminal completes what is typed for the chat, and nothing else", pure, async () => {
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

Deno.test("A secret on a screen leaves no trace, be it complete, typed ahead or given up", pure, async () => {
  const screen = new FakeScreen();
  await using person = new FakeUser({ isTty: true, tty: screen });
  const { terminal } = person;
  assertEquals([terminal.canHideInput, new FakeUser().terminal.canHideInput], [true, true]);
  const secret = terminal.ask("Contraseña", { isSecret: true });
  person.type("abre\r");
  assertEquals(await secret, "abre");
  person.type("abre\r");
  await flushTasks();
  assertEquals(await terminal.ask("Contraseña", { isSecret: true }), "abre");
  const [ending, lines] = [new AbortController(), linesOf(terminal)];
  const given = terminal.ask("Contraseña", { isSecret: true, signal: ending.signal });
  person.type("abr");
  await flushTasks();
  ending.abort(new Error("enough"));
  await assertRejects(() => given, Error);
  const line = take(lines);
  person.type("hola\r");
  assertEquals(await line, "hola");
  assertEquals(screen.show(person.output).join("\n").includes("abr"), false);
});

Deno.test("Where the system shows what is typed, a secret is not safe", pure, async () => {
  await using person = new FakeUser({ isTty: true });
  assertEquals(person.terminal.canHideInput, false);
});
