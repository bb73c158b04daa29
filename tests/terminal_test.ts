// A person at a pipe sees plain lines; a person at a screen sees it whole, whatever comes while they type.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { parseAddress } from "../lib/address.ts";
import type { ChatOptions } from "../lib/desks.ts";
import { InputError } from "../lib/errors.ts";
import { askFor } from "../lib/questions.ts";
import { Terminal, type TerminalOptions } from "../lib/terminal.ts";
import { FakeScreen, type FakeScreenOptions } from "./fake_screen.ts";
import { linesOf, Person, settle, soon } from "./support.ts";

const pure = { permissions: "none" } as const;

async function take(lines: AsyncGenerator<string>): Promise<string | undefined> {
  return (await soon(lines.next(), "a line")).value;
}

Deno.test("Terminal.ask() shows question and answer to a pipe", pure, async () => {
  await using person = new Person();
  person.types(" ana \n");
  assertEquals(await person.terminal.ask("Nick"), "ana");
  assertEquals(person.output, "Nick:  ana \n");
});

Deno.test("Terminal.ask() takes an empty answer for what it offers", pure, async () => {
  await using person = new Person();
  person.types("\n  \n\n");
  assertEquals(await person.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await person.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await person.terminal.ask("Nick"), "");
  assertEquals(person.output, "Puerto [5000]:\nPuerto [5000]:   \nNick:\n");
});

/** The question that had no answer. */
async function unanswered(answer: Promise<string>): Promise<unknown> {
  const { code, details } = await assertRejects(() => answer, InputError);
  assertEquals(code, "input-ended");
  return details.question;
}

Deno.test("Terminal.ask() takes what it offers where a pipe ends, and else fails", pure, async () => {
  await using person = new Person();
  person.ends();
  assertEquals(await person.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await unanswered(person.terminal.ask("Nick")), "Nick");
  assertEquals(
    await unanswered(person.terminal.ask("Puerto", { fallback: "5000", isAgain: true })),
    "Puerto",
  );
  assertEquals(person.output, "Puerto [5000]:\nNick:\nPuerto [5000]:\n");
});

Deno.test("Terminal.ask() takes the end of a keyboard for no answer", pure, async () => {
  await using person = new Person({ isKeyboard: true });
  person.ends();
  assertEquals(await unanswered(person.terminal.ask("Puerto", { fallback: "5000" })), "Puerto");
});

Deno.test("Terminal.ask() does not repeat what a keyboard shows by itself", pure, async () => {
  await using person = new Person({ isKeyboard: true });
  const answer = person.terminal.ask("Nick");
  await person.sees("Nick:");
  person.types("ana\n");
  assertEquals(await answer, "ana");
  assertEquals(person.output, "Nick:\n");
});

Deno.test("Terminal.ask() leaves no empty line where the Enter of the answer is seen", pure, async () => {
  await using person = new Person({ isKeyboard: true, isEchoed: true });
  for (const answer of ["ana", ""]) {
    const asked = person.terminal.ask("Nick", { fallback: "eva" });
    await person.until((output) => output.endsWith("Nick [eva]: "), "a question");
    person.types(`${answer}\n`);
    assertEquals(await asked, answer || "eva");
  }
  person.types("beto\n");
  await settle();
  assertEquals(await person.terminal.ask("Nick"), "beto");
  person.ends();
  await unanswered(person.terminal.ask("Puerto"));
  assertEquals(person.output, "Nick [eva]: Nick [eva]: Nick: beto\nPuerto: \n");
});

Deno.test(
  "Terminal.ask() gives up with its signal's reason, and leaves the next line alone",
  pure,
  async () => {
    await using person = new Person();
    const [ending, reason] = [new AbortController(), new Error("enough")];
    const answer = person.terminal.ask("Nick", { signal: ending.signal });
    answer.catch(() => {});
    ending.abort(reason);
    assertStrictEquals(await assertRejects(() => answer, Error), reason);
    const late = person.terminal.ask("Nick", { signal: ending.signal });
    assertStrictEquals(await assertRejects(() => late, Error), reason);
    person.types("hola\n");
    assertEquals(await take(linesOf(person.terminal)), "hola");
  },
);

Deno.test("Terminal.typed() gives line after line, however they are cut and ended", pure, async () => {
  await using person = new Person();
  for (const byte of new TextEncoder().encode("uno\ndós\r\n\nthe last")) {
    person.types(new Uint8Array([byte]));
  }
  person.ends();
  const lines: string[] = [];
  for await (const line of linesOf(person.terminal)) lines.push(line);
  assertEquals(lines, ["uno", "dós", "", "the last"]);
  assertEquals(person.output, "");
});

Deno.test("Terminal.typed() leaves its line to a question that is asked meanwhile", pure, async () => {
  await using person = new Person();
  const lines = linesOf(person.terminal);
  const first = take(lines);
  const answer = person.terminal.ask("Nick");
  person.types("ana\nhola\n");
  assertEquals(await answer, "ana");
  assertEquals(await first, "hola");
});

Deno.test("Terminal.dialogue() holds questions together that belong together", pure, async () => {
  await using person = new Person();
  const line = take(linesOf(person.terminal));
  const answers = person.terminal.dialogue(async () => {
    const host = await person.terminal.ask("Servidor");
    await settle(); // what is typed now is no chat
    return [host, await person.terminal.ask("Puerto")];
  });
  person.types("aula\n5001\nhola\n");
  assertEquals(await answers, ["aula", "5001"]);
  assertEquals(await line, "hola");
});

Deno.test(
  "Terminal keeps lines that nobody waits for yet, and has not ended before they are read",
  pure,
  async () => {
    await using person = new Person();
    person.types("uno\ndos\n");
    person.ends();
    await settle();
    const lines = linesOf(person.terminal);
    for (const line of ["uno", "dos"]) {
      assertEquals(person.terminal.hasEnded, false);
      assertEquals(await take(lines), line);
    }
    assertEquals(person.terminal.hasEnded, true);
    assertEquals(await take(lines), undefined);
  },
);

Deno.test("Terminal lets a pipe wait that has more than anybody reads", pure, async () => {
  let [piped, read] = [0, 0];
  await using terminal = new Terminal({
    input: new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(`${"x".repeat(4_000)}${piped++}\n`)),
    }),
    write: () => Promise.resolve(),
    isKeyboard: false,
  });
  await settle(60);
  assert(piped < 200, `${piped} lines were taken`);
  for await (const line of linesOf(terminal)) {
    assertEquals(line.slice(4_000), String(read++));
    if (read === 1_000) break;
  }
});

Deno.test("Terminal.print() writes its lines at once, before it is fulfilled", pure, async () => {
  const writes: string[] = [];
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: async (bytes) => {
      await settle();
      writes.push(new TextDecoder().decode(bytes));
    },
    isKeyboard: false,
  });
  await terminal.print("uno", "dos");
  assertEquals(writes, ["uno\ndos\n"]);
  await terminal.print("tres");
  assertEquals(writes, ["uno\ndos\n", "tres\n"]);
});

Deno.test("Terminal is interrupted when nobody reads what it writes", pure, async () => {
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: () => Promise.reject(new Deno.errors.BrokenPipe("closed")),
    isKeyboard: false,
  });
  const interrupted = new Promise((resolve) => terminal.interrupted.addEventListener("abort", resolve));
  await soon(terminal.print("hola"), "print to go on");
  await soon(interrupted, "the interruption");
});

/** A person who types at a screen and sees it. */
class Typist extends Person {
  readonly screen: FakeScreen;
  #seen = 0;

  constructor(options?: FakeScreenOptions & { readonly typing?: TerminalOptions }) {
    const screen = new FakeScreen(options);
    super({ isKeyboard: true, tty: screen, typing: options?.typing });
    this.screen = screen;
  }

  /** What the screen shows when all that is due has happened. */
  async look(): Promise<string[]> {
    await settle();
    const text = this.output.slice(this.#seen);
    this.#seen = this.output.length;
    return this.screen.show(text);
  }
}

const [ENTER, LEFT, UP, DOWN, TAB] = ["\r", "\x1b[D", "\x1b[A", "\x1b[B", "\t"];
const [CTRL_C, CTRL_D, CTRL_U] = ["\x03", "\x04", "\x15"];

/** What a terminal sends when somebody pastes. */
function pasted(text: string): string {
  return `\x1b[200~${text}\x1b[201~`;
}

const ASKING: ChatOptions = {
  confirmPaste: {
    question: (count) => `¿${count}? `,
    isYes: (answer) => answer === "s",
    kept: (count) => `${count} kept`,
  },
};

/** Collects the lines of a chat, those that are to be sent as they are in braces. */
function chatOf(terminal: Terminal, options?: ChatOptions): string[] {
  const said: string[] = [];
  (async () => {
    for await (const { text, isPasted } of terminal.typed("> ", options)) {
      said.push(isPasted ? `{${text}}` : text);
    }
  })();
  return said;
}

Deno.test("Terminal has the keyboard to itself until it is disposed of", pure, async () => {
  const typist = new Typist();
  const { screen, terminal } = typist;
  assertEquals([screen.modes, screen.listeners], [[true], 1]);
  assertEquals([terminal.isInteractive, terminal.isKeyboard], [true, true]);
  await typist[Symbol.asyncDispose]();
  assertEquals([screen.modes.at(-1), screen.listeners], [false, 0]);
});

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

Deno.test(
  "Terminal.typed() takes the line off the screen: it will come back as a message",
  pure,
  async () => {
    await using typist = new Typist();
    const lines = linesOf(typist.terminal);
    const first = take(lines);
    typist.types("hola");
    assertEquals(await typist.look(), ["> hola|"]);
    typist.types(ENTER);
    assertEquals(await first, "hola");
    assertEquals(await typist.look(), ["> |"]);
    const second = take(lines);
    assertEquals(await typist.look(), ["> |"]);
    typist.types(`adiós${ENTER}`);
    assertEquals(await second, "adiós");
  },
);

Deno.test("Terminal.print() prints above the line that is being typed", pure, async () => {
  await using typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  await typist.terminal.print("beto: uno", "beto: dos");
  assertEquals(await typist.look(), ["beto: uno", "beto: dos", "> hol|"]);
  typist.types("a");
  await typist.terminal.print("beto: tres");
  assertEquals(await typist.look(), ["beto: uno", "beto: dos", "beto: tres", "> hola|"]);
  typist.types(ENTER);
  assertEquals(await line, "hola");
  assertEquals(await typist.look(), ["beto: uno", "beto: dos", "beto: tres", "> |"]);
});

Deno.test(
  "Terminal.print() breaks lines between words on a screen, and leaves a pipe's whole",
  pure,
  async () => {
    const line = "beto: una línea que no cabe en una fila de cuarenta columnas";
    await using typist = new Typist();
    await typist.terminal.print(line, "dos");
    const rows = ["beto: una línea que no cabe en una fila", "  de cuarenta columnas", "dos"];
    assertEquals((await typist.look()).slice(0, 3), rows);
    assertEquals(typist.terminal.columns, 40);
    await using script = new Person();
    await script.terminal.print(line, "dos");
    assertEquals([script.output, script.terminal.columns], [`${line}\ndos\n`, undefined]);
  },
);

Deno.test(
  "Terminal.print() prints above a question too, and leaves the cursor where it was",
  pure,
  async () => {
    await using typist = new Typist();
    const answer = typist.terminal.ask("Nick");
    typist.types(`aa${LEFT}`);
    await typist.terminal.print("beto: uno");
    assertEquals(await typist.look(), ["beto: uno", "Nick: a|a"]);
    typist.types(`n${ENTER}`);
    assertEquals(await answer, "ana");
  },
);

Deno.test(
  "Terminal.print() prints above all rows of a long line, and the line goes when it is entered",
  pure,
  async () => {
    for (const length of [8, 9, 17, 18, 19]) {
      await using typist = new Typist({ columns: 10 });
      const line = take(linesOf(typist.terminal));
      const text = "abcdefghijklmnopqrstuvwxyz".slice(0, length);
      typist.types(text);
      const rows = [`> ${text.slice(0, 8)}`, text.slice(8, 18), text.slice(18)];
      await typist.terminal.print("uno");
      await typist.terminal.print("dos");
      const shown = (await typist.look()).map((row) => row.replace("|", ""));
      assertEquals(shown.filter((row) => row !== ""), ["uno", "dos", ...rows.filter((row) => row !== "")]);
      typist.types(ENTER);
      assertEquals(await line, text);
      assertEquals(await typist.look(), ["uno", "dos", "> |"]);
    }
  },
);

Deno.test("Terminal.print() prints above a line of wide characters", pure, async () => {
  for (const text of ["日本語日本語日本語", "a日本語日本語日本語", "日本語日a", "日本語日本語日本語日本"]) {
    await using typist = new Typist({ columns: 10 });
    const line = take(linesOf(typist.terminal));
    for (const char of text) typist.types(char);
    await typist.terminal.print("uno");
    await typist.terminal.print("dos");
    const shown = (await typist.look()).join("").replace("|", "");
    assertEquals(shown, `unodos> ${text}`);
    typist.types(ENTER);
    assertEquals(await line, text);
    assertEquals(await typist.look(), ["uno", "dos", "> |"]);
  }
});

Deno.test("Terminal.print() is one write: nothing is seen half done", pure, async () => {
  await using typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  await typist.look();
  const before = typist.writes;
  await typist.terminal.print("uno", "dos");
  assertEquals(await typist.look(), ["uno", "dos", "> hol|"]);
  assertEquals(typist.writes, before + 1);
  typist.types(ENTER);
  await line;
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
  readonly time: { tickMs: number };

  constructor({ pauseMs = 10 } = {}) {
    const time = { wallMs: 0, tickMs: 0 };
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
    time.tickMs = 9;
    const answer = terminal.ask("Servidor");
    typist.types(LEFT);
    assertEquals(await typist.look(), ["> ho|l"]);
    time.tickMs = 18;
    await settle(30);
    assertEquals(await typist.look(), ["> ho|l"]);
    time.tickMs = 19;
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
    time.tickMs = 10;
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
    const answer = terminal.dialogue(() => askFor({ terminal, language: "es" }, asked));
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

Deno.test("Terminal.showStatus() keeps lines above the chat until others replace them", pure, async () => {
  await using typist = new Typist();
  const { terminal } = typist;
  const lines = linesOf(terminal);
  const first = take(lines);
  typist.types("hol");
  await settle();
  terminal.showStatus(["… uno", "… dos"]);
  assertEquals(await typist.look(), ["… uno", "… dos", "> hol|"]);
  await terminal.print("beto: tres");
  assertEquals(await typist.look(), ["beto: tres", "… uno", "… dos", "> hol|"]);
  const answer = terminal.ask("Nick");
  assertEquals(await typist.look(), ["beto: tres", "Nick: |"]);
  typist.types(`ana${ENTER}`);
  await answer;
  assertEquals(await typist.look(), ["beto: tres", "Nick: ana", "… uno", "… dos", "> hol|"]);
  terminal.showStatus(["… dos"]);
  assertEquals(await typist.look(), ["beto: tres", "Nick: ana", "… dos", "> hol|"]);
  typist.types(`a${ENTER}`);
  assertEquals(await first, "hola");
  const second = take(lines);
  assertEquals((await typist.look()).slice(0, 2), ["beto: tres", "Nick: ana"]);
  terminal.showStatus([]);
  assertEquals(await typist.look(), ["beto: tres", "Nick: ana", "> |"]);
  typist.types(ENTER);
  await second;
});

Deno.test("Terminal.showStatus() shows a pipe nothing", pure, async () => {
  await using person = new Person();
  person.terminal.showStatus(["… uno"]);
  await person.terminal.print("dos");
  assertEquals(person.output, "dos\n");
});

Deno.test("Terminal is interrupted by Ctrl-C, whatever is being typed", pure, async () => {
  await using typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  await settle();
  assertEquals(typist.terminal.interrupted.aborted, false);
  typist.types(CTRL_C);
  await settle();
  assertEquals(typist.terminal.interrupted.aborted, true);
  typist.types(ENTER);
  await line;
});

Deno.test("Terminal ends by Ctrl-D on an empty line", pure, async () => {
  await using typist = new Typist();
  const lines = linesOf(typist.terminal);
  const first = take(lines);
  await settle();
  typist.types(CTRL_D);
  assertEquals(await first, undefined);
  assertEquals(typist.terminal.hasEnded, true);
});

Deno.test("Terminal leaves no prompt on the screen behind", pure, async () => {
  const typist = new Typist();
  const line = take(linesOf(typist.terminal));
  typist.types("hol");
  await typist.terminal.print("uno");
  assertEquals(await typist.look(), ["uno", "> hol|"]);
  await typist[Symbol.asyncDispose]();
  assertEquals(await line, undefined);
  assertEquals(await typist.look(), ["uno", "|"]);
});

Deno.test("Terminal sends a pasted block line by line, around what was being typed", pure, async () => {
  await using typist = new Typist();
  const said = chatOf(typist.terminal, ASKING);
  typist.types(`ante fin${LEFT}${LEFT}${LEFT}${LEFT}${pasted("s uno\r\n/quit\n\n  cuatro\rcin")}`);
  assertEquals(await typist.look(), ["> cin| fin"]);
  assertEquals(said, ["antes uno", "{/quit}", "{}", "{  cuatro}"]);
  typist.types(`${ENTER}${pasted("a\nb\n")}${UP}`);
  assertEquals(await typist.look(), ["> cin fin|"]);
  assertEquals(said.slice(4), ["cin fin", "{a}", "{b}"]);
  typist.types(UP);
  assertEquals(await typist.look(), ["> antes uno|"]);
});

Deno.test(
  "Terminal waits for Enter after one line that was pasted, with its end or without",
  pure,
  async () => {
    await using typist = new Typist();
    const said = chatOf(typist.terminal, ASKING);
    typist.types(`${pasted("uno")} ${pasted("dos\n")}`);
    assertEquals(await typist.look(), ["> uno dos|"]);
    assertEquals(said, []);
  },
);

Deno.test(
  "Terminal gives lines of a block that is not sent back with blanks for their tabs",
  pure,
  async () => {
    await using typist = new Typist();
    chatOf(typist.terminal, ASKING);
    typist.types(`${pasted("a\tb\n".repeat(11))}n${ENTER}${UP}`);
    assertEquals((await typist.look()).at(-1), "> a b|");
  },
);

Deno.test("Terminal asks once about a block of more than ten lines", pure, async () => {
  const block = Array.from({ length: 11 }, (_, index) => `${index}`);
  await using typist = new Typist();
  const said = chatOf(typist.terminal, ASKING);
  typist.types(`hola${pasted(`${block.join("\n")}\n`)}`);
  assertEquals(await typist.look(), ["¿11? |"]);
  await typist.terminal.print("beto: uno");
  assertEquals(await typist.look(), ["beto: uno", "¿11? |"]);
  typist.types(`n${ENTER}`);
  assertEquals(await typist.look(), ["beto: uno", "¿11? n", "11 kept", "> hola|"]);
  assertEquals(said, []);
  // What is not sent is not lost.
  typist.types(`${UP}${UP}`);
  assertEquals((await typist.look()).at(-1), "> 9|");
  typist.types(`${DOWN}${DOWN}`);
  assertEquals((await typist.look()).at(-1), "> hola|");
  typist.types(`${pasted(block.join("\n"))}s${ENTER}`);
  assertEquals(await typist.look(), ["beto: uno", "¿11? n", "11 kept", "¿11? s", "> 10|"]);
  assertEquals(said, ["hola0", ...block.slice(1, -1).map((line) => `{${line}}`)]);
  typist.types(UP);
  assertEquals((await typist.look()).at(-1), "> hola0|");
  typist.types(`${CTRL_U}${pasted(block.slice(1).join("\n"))}`);
  assertEquals((await typist.look()).at(-1), "> 10|");
});

Deno.test(
  "Terminal asks about a block later if a question is open, and takes few lines for answers",
  pure,
  async () => {
    await using typist = new Typist();
    const { terminal } = typist;
    const said = chatOf(terminal, ASKING);
    typist.types("hol");
    await settle();
    const answers = terminal.dialogue(
      async () => [await terminal.ask("Servidor"), await terminal.ask("Puerto")],
    );
    typist.types(`a${pasted("1\n2\n3\n4\n")}`);
    assertEquals(await typist.look(), ["Servidor: a|"]);
    typist.types(pasted("ula\n5001\na"));
    assertEquals(await answers, ["aula", "5001"]);
    assertEquals(await typist.look(), ["Servidor: aula", "Puerto: 5001", "¿4? |"]);
    typist.types(`s${ENTER}`);
    assertEquals((await typist.look()).at(-1), "> a|");
    assertEquals(said, ["hol1", "{2}", "{3}", "{4}"]);
  },
);

Deno.test("Terminal puts a block aside for a question that is asked meanwhile", pure, async () => {
  await using typist = new Typist();
  const { terminal } = typist;
  const said = chatOf(terminal, ASKING);
  typist.types(pasted("x\n".repeat(11)));
  typist.types("s");
  assertEquals(await typist.look(), ["¿11? s|"]);
  const answer = terminal.ask("Puerto");
  assertEquals(await typist.look(), ["Puerto: |"]);
  typist.types(`5001${ENTER}`);
  assertEquals(await answer, "5001");
  assertEquals(await typist.look(), ["Puerto: 5001", "¿11? s|"]);
  typist.types(ENTER);
  await typist.look();
  assertEquals(said.length, 11);
});

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

Deno.test(
  "Terminal.showPrompt() changes what stands before the line, and draws nothing twice",
  pure,
  async () => {
    await using typist = new Typist();
    const { terminal } = typist;
    chatOf(terminal);
    typist.types("hol");
    await settle();
    terminal.showPrompt("(sin conexión) > ");
    assertEquals(await typist.look(), ["(sin conexión) > hol|"]);
    const before = typist.writes;
    terminal.showPrompt("(sin conexión) > ");
    terminal.showStatus([]);
    await settle();
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
    isKeyboard: true,
    tty: new FakeScreen(),
  });
  chatOf(terminal);
  await settle();
  const prints = Array.from({ length: 100 }, (_, index) => terminal.print(`line ${index}`));
  await settle();
  assertEquals(writes.length, 1);
  ready.shift()!();
  await settle();
  assertEquals(writes.length, 2);
  assertEquals(writes[1]!.split("> ").length, 2); // one prompt
  assertEquals(writes[1]!.split("\n").length, 101);
  ready.shift()!();
  await Promise.all(prints);
  setTimeout(() => ready.shift()!()); // it is disposed of
});

Deno.test("Terminal.clear() leaves nothing but the line that is being typed", pure, async () => {
  await using typist = new Typist();
  chatOf(typist.terminal);
  typist.types("hol");
  await typist.terminal.print("uno");
  typist.terminal.clear();
  assertEquals(await typist.look(), ["> hol|"]);
  await typist.terminal.print("dos");
  typist.types("\x0c"); // Ctrl-L
  assertEquals(await typist.look(), ["> hol|"]);
});

Deno.test("Terminal.abandon() gives all back at once, and only if the terminal takes it", pure, async () => {
  await using typist = new Typist();
  const { terminal, screen } = typist;
  chatOf(terminal);
  typist.types("hol");
  await typist.look();
  assertEquals(screen.isMarkingPastes, true);
  terminal.abandon();
  assertEquals(screen.show(screen.writtenNow), ["|"]);
  assertEquals(screen.isMarkingPastes, false);
  const stuck = new FakeScreen();
  const other = new Terminal({
    input: new ReadableStream(),
    write: () => new Promise(() => {}),
    isKeyboard: true,
    tty: stuck,
  });
  await settle();
  other.abandon();
  assertEquals([stuck.writtenNow, stuck.modes], ["", [true]]);
});

Deno.test("Terminal stops marking pastes when it is disposed of", pure, async () => {
  const typist = new Typist();
  await typist.look();
  assertEquals(typist.screen.isMarkingPastes, true);
  await typist[Symbol.asyncDispose]();
  await typist.look();
  assertEquals(typist.screen.isMarkingPastes, false);
  typist.terminal.abandon();
  assertEquals(typist.screen.writtenNow, "");
});

Deno.test("Terminal draws anew for a new size, and when it goes on after a stop", pure, async () => {
  await using typist = new Typist();
  const { screen } = typist;
  chatOf(typist.terminal);
  typist.types("una línea");
  assertEquals(await typist.look(), ["> una línea|"]);
  screen.becomes(6);
  assertEquals(await typist.look(), ["> una", "línea|"]);
  screen.write("\n$ fg\n");
  screen.goesOn();
  assertEquals(await typist.look(), ["> una", "línea", "$ fg", "> una", "línea|"]);
  assertEquals(screen.modes, [true, true]);
});

Deno.test("Terminal takes lines however they end", pure, async () => {
  await using typist = new Typist();
  const said = chatOf(typist.terminal);
  typist.types("uno\r\ndos\ntres\r\rcuatro");
  assertEquals(await typist.look(), ["> cuatro|"]);
  assertEquals(said, ["uno", "dos", "tres", ""]);
});

Deno.test("A secret is asked for without being shown, and taken as it is", pure, async () => {
  await using person = new Person();
  person.types(" dos palabras \n");
  assertEquals(await person.terminal.ask("Contraseña", { isSecret: true }), " dos palabras ");
  assertEquals(person.output, "Contraseña:\n");
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
