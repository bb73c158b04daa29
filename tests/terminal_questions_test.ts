// What questions do to the line that somebody types at a screen, and where secrets are shown.

import { assertEquals, assertRejects } from "@std/assert";
import { parseAddress } from "../lib/address.ts";
import { prompt } from "../lib/questions.ts";
import { FakeScreen } from "./fake_screen.ts";
import { linesOf, Person } from "./person.ts";
import { settle, soon } from "./support.ts";
import { ASKING, chatOf, CTRL_C, ENTER, LEFT, pasted, TAB, take, Typist, UP } from "./typist.ts";

const pure = { permissions: "none" } as const;

Deno.test("Terminal.ask() leaves question and answer on the screen", pure, async () => {
  await using typist = new Typist();
  const answer = typist.terminal.ask("Puerto", { fallback: "5000" });
  assertEquals(await typist.look(), ["Puerto [5000]: |"]);
  typist.types("5001");
  assertEquals(await typist.look(), ["Puerto [5000]: 5001|"]);
  typist.types(ENTER);
  assertEquals(await answer, "5001");
  assertEquals(await typist.look(), ["Puerto [5000]: 5001", "|"]);
});

Deno.test("Terminal.ask() puts aside what is being typed, and gives it back", pure, async () => {
  await using typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  assertEquals(await typist.look(), ["> hol|"]);
  const answer = typist.terminal.ask("Puerto", { fallback: "5000" });
  assertEquals(await typist.look(), ["Puerto [5000]: |"]);
  await typist.terminal.print("uno");
  assertEquals(await typist.look(), ["uno", "Puerto [5000]: |"]);
  typist.types(`5001${ENTER}`);
  assertEquals(await answer, "5001");
  assertEquals(await typist.look(), ["uno", "Puerto [5000]: 5001", "> hol|"]);
  typist.types(`a${ENTER}`);
  assertEquals(await line, "hola");
});

Deno.test("A question is broken between words before it is answered as it is afterwards", pure, async () => {
  await using typist = new Typist();
  const answer = typist.terminal.ask("Nuevo servidor (IP o nombre)", { fallback: "127.0.0.1" });
  const rows = ["Nuevo servidor (IP o nombre)", "  [127.0.0.1]: "];
  assertEquals(await typist.look(), [rows[0], `${rows[1]}|`]);
  typist.types("aula");
  assertEquals(await typist.look(), [rows[0], `${rows[1]}aula|`]);
  typist.types(ENTER);
  assertEquals(await answer, "aula");
  assertEquals((await typist.look()).slice(0, 2), [rows[0], `${rows[1]}aula`]);
});

Deno.test("Terminal.ask() gives the line back when it gives up", pure, async () => {
  await using typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  await settle();
  const ending = new AbortController();
  const answer = typist.terminal.ask("Nick", { signal: ending.signal });
  typist.types("a"); // before they saw that it is about something else
  await settle();
  ending.abort();
  await answer.catch(() => {});
  assertEquals((await typist.look()).at(-1), "> hola|");
  typist.types(ENTER);
  assertEquals(await line, "hola");
});

/** A clock that stands still until a test moves it, and somebody who has paused after 10 ms of it. */
class SlowTypist extends Typist {
  readonly time: { monotonicMs: number };

  constructor({ pauseMs = 10 } = {}) {
    const time = { wallMs: 0, monotonicMs: 0 };
    super({ typing: { clock: () => ({ ...time }), pauseMs } });
    this.time = time;
  }
}

Deno.test("A question waits for the line that somebody is in the middle of, until Enter", pure, async () => {
  await using typist = new SlowTypist();
  const { terminal } = typist;
  const said = chatOf(terminal);
  typist.types("ho");
  await settle();
  const answer = terminal.ask("Servidor");
  assertEquals(await typist.look(), ["> ho|"]);
  await new Promise((resolve) => setTimeout(resolve, 30)); // its clock stands still
  typist.types("la");
  assertEquals(await typist.look(), ["> hola|"]);
  typist.types(ENTER);
  assertEquals(await typist.look(), ["Servidor: |"]);
  assertEquals(said, ["hola"]);
  typist.types(`aula${ENTER}`);
  assertEquals(await soon(answer, "an answer"), "aula");
});

Deno.test(
  "A question waits for a line no longer than until they pause, and gives it back",
  pure,
  async () => {
    await using typist = new SlowTypist();
    const { terminal, time } = typist;
    const said = chatOf(terminal);
    typist.types("hol");
    await settle();
    time.monotonicMs = 9;
    const answer = terminal.ask("Servidor");
    typist.types(LEFT);
    assertEquals(await typist.look(), ["> ho|l"]);
    time.monotonicMs = 18;
    await settle(30);
    assertEquals(await typist.look(), ["> ho|l"]);
    time.monotonicMs = 19;
    await typist.sees("Servidor: ");
    typist.types(`aula${ENTER}`);
    assertEquals(await answer, "aula");
    assertEquals(await typist.look(), ["Servidor: aula", "> ho|l"]);
    assertEquals(said, []);
  },
);

Deno.test(
  "A question is asked at once of somebody who types nothing, or did so a while ago",
  pure,
  async () => {
    await using typist = new SlowTypist();
    const { terminal, time } = typist;
    chatOf(terminal);
    typist.types("x\x7f");
    await settle();
    const first = terminal.ask("Servidor");
    assertEquals(await typist.look(), ["Servidor: |"]);
    typist.types(ENTER);
    await first;
    typist.types("hol");
    await settle();
    time.monotonicMs = 10;
    const second = terminal.ask("Puerto");
    assertEquals((await typist.look()).at(-1), "Puerto: |");
    typist.types(ENTER);
    await second;
    let isBegun = false;
    const third = terminal.dialogue(() => Promise.resolve(isBegun = true));
    assertEquals(isBegun, true); // a pipe is never read meanwhile
    await third;
  },
);

Deno.test("A question waits for no line if nobody is to be asked any more", pure, async () => {
  for (const end of [CTRL_C, "signal"]) {
    await using typist = new SlowTypist({ pauseMs: 60_000 });
    const { terminal } = typist;
    chatOf(terminal);
    typist.types("hol");
    await settle();
    const ending = new AbortController();
    terminal.interrupted.addEventListener("abort", () => ending.abort(terminal.interrupted.reason));
    const answer = terminal.ask("Servidor", { signal: ending.signal });
    answer.catch(() => {});
    await settle();
    if (end === "signal") ending.abort(new Error("enough"));
    else typist.types(end);
    await soon(assertRejects(() => answer, Error), "the question to be given up");
    assertEquals((await typist.look()).at(-1), "> hol|");
  }
});

Deno.test("A question waits for the answer whether a block is to be sent", pure, async () => {
  await using typist = new SlowTypist();
  const { terminal } = typist;
  const said = chatOf(terminal, ASKING);
  typist.types(pasted("x\n".repeat(11)));
  typist.types("s");
  await settle();
  const answer = terminal.dialogue(
    async () => [await terminal.ask("Servidor"), await terminal.ask("Puerto")],
  );
  assertEquals(await typist.look(), ["¿11? s|"]);
  typist.types(ENTER);
  assertEquals(await typist.look(), ["¿11? s", "Servidor: |"]);
  typist.types(`aula${ENTER}5001${ENTER}`);
  assertEquals(await answer, ["aula", "5001"]);
  await settle();
  assertEquals(said.length, 11);
});

Deno.test("Terminal.dialogue() does not show the chat between two questions", pure, async () => {
  await using typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  await settle();
  const { terminal } = typist;
  const between = Promise.withResolvers<void>();
  const talk = terminal.dialogue(async () => {
    const host = await terminal.ask("Servidor");
    await between.promise;
    return [host, await terminal.ask("Puerto")];
  });
  await settle();
  typist.types(`aula${ENTER}`);
  assertEquals(await typist.look(), ["Servidor: aula", "|"]);
  between.resolve();
  assertEquals(await typist.look(), ["Servidor: aula", "Puerto: |"]);
  typist.types(`5001${ENTER}`);
  assertEquals(await talk, ["aula", "5001"]);
  assertEquals(await typist.look(), ["Servidor: aula", "Puerto: 5001", "> hol|"]);
  typist.types(ENTER);
  assertEquals(await line, "hol");
});

Deno.test(
  "Words that are no answer to a question go back to the line in which they were begun",
  pure,
  async () => {
    await using typist = new Typist();
    const { terminal } = typist;
    const line = take(linesOf(terminal));
    typist.types("hola a");
    await settle();
    const asked = { text: "Servidor", parse: parseAddress, fallback: "aula" };
    const answer = terminal.dialogue(() => prompt({ terminal, language: "es" }, asked));
    await settle();
    typist.types(`todos los demás${ENTER}`);
    await settle();
    typist.types(ENTER);
    assertEquals((await answer)?.host, "aula");
    assertEquals((await typist.look()).at(-1), "> hola a todos los demás |");
    typist.types(ENTER);
    assertEquals(await line, "hola a todos los demás ");
  },
);

Deno.test("Terminal brings back what was said, and no answers to questions", pure, async () => {
  await using typist = new Typist();
  const { terminal } = typist;
  chatOf(terminal);
  typist.types(`uno${ENTER}`);
  await settle();
  const answer = terminal.ask("Puerto");
  typist.types(`${UP}5001${ENTER}`);
  assertEquals(await answer, "5001");
  typist.types(UP);
  assertEquals((await typist.look()).at(-1), "> uno|");
});

Deno.test("Terminal completes what is typed for the chat, and nothing else", pure, async () => {
  await using typist = new Typist();
  const { terminal } = typist;
  const answer = terminal.ask("Nick");
  typist.types(`an${TAB}`);
  assertEquals(await typist.look(), ["Nick: an|"]);
  typist.types(ENTER);
  await answer;
  chatOf(terminal, { complete: () => ({ from: 0, choices: ["ana: "] }) });
  typist.types("an");
  await settle();
  typist.types(TAB);
  assertEquals((await typist.look()).at(-1), "> ana: |");
});

Deno.test("A secret on a screen leaves no trace, be it whole, typed ahead or given up", pure, async () => {
  const screen = new FakeScreen();
  await using person = new Person({ isKeyboard: true, tty: screen });
  const { terminal } = person;
  assertEquals([terminal.hidesSecrets, new Person().terminal.hidesSecrets], [true, true]);
  const whole = terminal.ask("Contraseña", { isSecret: true });
  person.types("abre\r");
  assertEquals(await whole, "abre");
  person.types("abre\r");
  await settle();
  assertEquals(await terminal.ask("Contraseña", { isSecret: true }), "abre");
  const [ending, lines] = [new AbortController(), linesOf(terminal)];
  const given = terminal.ask("Contraseña", { isSecret: true, signal: ending.signal });
  person.types("abr");
  await settle();
  ending.abort(new Error("enough"));
  await assertRejects(() => given, Error);
  const line = take(lines);
  person.types("hola\r");
  assertEquals(await line, "hola");
  assertEquals(screen.show(person.output).join("\n").includes("abr"), false);
});

Deno.test("Where the system shows what is typed, a secret is not safe", pure, async () => {
  await using person = new Person({ isKeyboard: true });
  assertEquals(person.terminal.hidesSecrets, false);
});
