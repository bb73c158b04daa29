// Terminal with line editing: prompts while a line is being typed, and prompts for secrets.

import { assertEquals, assertRejects } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { parseNick } from "../../lib/text/nick.ts";
import { promptUntilValid } from "../../lib/terminal/prompt.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";
import {
  ANSWERING,
  chatOf,
  CTRL_C,
  CTRL_D,
  CTRL_U,
  ENTER,
  LEFT,
  take,
  TerminalFixture,
  UP,
} from "../testing/terminal_fixture.ts";

Deno.test("Terminal.ask() wraps the prompt between words, before and after the answer", pure, async () => {
  await using fixture = new TerminalFixture();
  const answer = fixture.terminal.ask("Nuevo servidor (IP o nombre)", { fallback: "127.0.0.1" });
  const rows = ["Nuevo servidor (IP o nombre)", "  [127.0.0.1]: "] as const;
  await fixture.expect(rows[0], `${rows[1]}|`);
  await fixture.typeAndExpect("aula", rows[0], `${rows[1]}aula|`);
  fixture.type(ENTER);
  assertEquals(await answer, "aula");
  await fixture.expect(rows[0], `${rows[1]}aula`, "|");
});

Deno.test("Terminal.exclusive() sets the chat line aside until it ends", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const line = take(linesOf(terminal));
  await fixture.typeAndExpect("hol", "> hol|");
  const between = Promise.withResolvers<void>();
  const answers = terminal.exclusive(async () => {
    const host = await terminal.ask("Servidor");
    await between.promise;
    return [host, await terminal.ask("Puerto")];
  });
  await fixture.expect("Servidor: |");
  await terminal.print("uno");
  await fixture.typeAndExpect(`aula${ENTER}`, "uno", "Servidor: aula", "|");
  between.resolve();
  await fixture.expect("uno", "Servidor: aula", "Puerto: |");
  fixture.type(`5001${ENTER}`);
  assertEquals(await answers, ["aula", "5001"]);
  await fixture.expect("uno", "Servidor: aula", "Puerto: 5001", "> hol|");
  fixture.type(`a${ENTER}`);
  assertEquals(await line, "hola");
});

Deno.test("Terminal.ask() moves its partial answer to the chat when it is aborted", pure, async () => {
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
  assertEquals((await fixture.newOutput()).at(-1), "> hol a|");
  fixture.terminal.releaseDraft();
  fixture.type(ENTER);
  assertEquals(await line, "hol a");
});

Deno.test(
  "Terminal keeps an address from the chat if its question goes away while it is typed",
  pure,
  async () => {
    await using fixture = new SlowTerminalFixture({ graceMs: 1_000, chat: ANSWERING });
    const { terminal, time } = fixture;
    const rest = ".2.2:5000";
    for (const isJoined of [false, true]) {
      const ending = new AbortController();
      const answer = terminal.ask("Servidor", { signal: ending.signal });
      await flushTasks();
      time.monotonicMs += 1_000;
      fixture.type("10.99");
      await flushTasks();
      ending.abort();
      await answer.catch(() => {});
      assertEquals((await fixture.newOutput()).slice(-2), ["Servidor: 10.99", "> |"]);
      if (isJoined) terminal.releaseDraft();
      for (const key of `${rest}${ENTER}`) {
        time.monotonicMs += 900;
        fixture.type(key);
        await flushTasks();
      }
      assertEquals((await fixture.newOutput()).at(-1), `> ${rest}|`);
      assertEquals(fixture.said, []);
      await fixture.typeAndExpectLast(`${CTRL_U}${UP}`, "> |");
    }
    fixture.type(`42 o 43${ENTER}`);
    await flushTasks();
    assertEquals(fixture.said, ["42 o 43"]);
  },
);

Deno.test("Terminal.ask() keeps no address as a draft that was typed before its question", pure, async () => {
  for (const [typed, draft] of [["10.99.2.2:5000", ""], ["12:30", "12:30"], ["son 1.2.3.4", "son 1.2.3.4"]]) {
    await using fixture = new SlowTerminalFixture({ idleMs: 0, chat: ANSWERING });
    fixture.type(typed!);
    await flushTasks();
    const answer = fixture.terminal.ask("Servidor");
    await flushTasks();
    fixture.type(`aula${ENTER}`);
    assertEquals(await answer, "aula");
    assertEquals((await fixture.newOutput()).at(-1), `> ${draft}|`);
    await fixture.typeAndExpectLast(`${CTRL_U}${UP}`, draft === "" ? `> ${typed}|` : "> |");
  }
});

/** A terminal whose clock stands still until a test sets it, with 10 ms until its user counts as idle. */
class SlowTerminalFixture extends TerminalFixture {
  readonly time: { monotonicMs: number };

  constructor({ idleMs = 10, graceMs = 0, chat = {} } = {}) {
    const time = { wallMs: 0, monotonicMs: 0 };
    super({ chat, typing: { clock: () => ({ ...time }), idleMs, graceMs } });
    this.time = time;
  }
}

Deno.test("Terminal.ask() waits for Enter while a chat line is typed", pure, async () => {
  await using fixture = new SlowTerminalFixture({ chat: {} });
  const { terminal } = fixture;
  fixture.type("ho");
  await flushTasks();
  const answer = terminal.ask("Servidor");
  await fixture.expect("> ho|");
  await new Promise((resolve) => setTimeout(resolve, 30)); // its clock stands still
  await fixture.typeAndExpect("la", "> hola|");
  await fixture.typeAndExpect(ENTER, "Servidor: |");
  assertEquals(fixture.said, ["hola"]);
  fixture.type(`aula${ENTER}`);
  assertEquals(await withTimeout(answer, "an answer"), "aula");
});

Deno.test("Terminal.ask() interrupts a chat line once the user is idle, and restores it", pure, async () => {
  await using fixture = new SlowTerminalFixture({ chat: {} });
  const { terminal, time } = fixture;
  fixture.type("hol");
  await flushTasks();
  time.monotonicMs = 9;
  const answer = terminal.ask("Servidor");
  await fixture.typeAndExpect(LEFT, "> ho|l");
  time.monotonicMs = 18;
  await flushTasks(30);
  await fixture.expect("> ho|l");
  time.monotonicMs = 19;
  await fixture.waitForOutput("Servidor: ");
  fixture.type(`aula${ENTER}`);
  assertEquals(await answer, "aula");
  await fixture.expect("Servidor: aula", "> ho|l");
  assertEquals(fixture.said, []);
});

Deno.test("Terminal.exclusive() begins at once without a partial line, or one left alone", pure, async () => {
  await using fixture = new SlowTerminalFixture({ chat: {} });
  const { terminal, time } = fixture;
  fixture.type("x\x7f");
  await flushTasks();
  const first = terminal.ask("Servidor");
  await fixture.expect("Servidor: |");
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

/** A chat line is a draft above a question that has come at 10 ms. */
async function draftFixture(draft: string) {
  const fixture = new SlowTerminalFixture({ graceMs: 1_000 });
  fixture.type(draft);
  await flushTasks();
  fixture.time.monotonicMs = 10;
  const answer = fixture.terminal.ask("Servidor");
  await fixture.expect("Servidor: |");
  return { fixture, answer };
}

Deno.test(
  "Terminal.ask() after an answer takes keys at once, unless the user chats again",
  pure,
  async () => {
    const { fixture, answer } = await draftFixture("hol");
    await using _ = fixture;
    const { terminal, time } = fixture;
    time.monotonicMs = 1_010;
    fixture.type(`aula${ENTER}`);
    await answer;
    const trust = terminal.ask("¿Confiar?");
    fixture.type(`sí${ENTER}`);
    assertEquals(await trust, "sí");
    for (const meanwhile of [() => fixture.type("a"), () => terminal.releaseDraft()]) {
      meanwhile();
      await flushTasks();
      time.monotonicMs += 10;
      const next = terminal.ask("Nick");
      fixture.type(`sí${ENTER}`);
      await flushTasks();
      assertEquals((await fixture.newOutput()).at(-1), "Nick: |");
      time.monotonicMs += 1_000;
      fixture.type(ENTER);
      assertEquals(await next, "");
    }
  },
);

Deno.test("Terminal.releaseDraft() lets Enter send a draft after 1 s without Enter", pure, async () => {
  const { fixture, answer } = await draftFixture("hol");
  await using _ = fixture;
  const { terminal, time } = fixture;
  time.monotonicMs = 1_010;
  fixture.type(`aula${ENTER}`);
  await answer;
  const seen = ["Servidor: aula", "> hol|"];
  await fixture.expect(...seen);
  time.monotonicMs = 60_000; // the server has not let the client in yet
  await fixture.typeAndExpect(ENTER, ...seen);
  terminal.releaseDraft();
  for (const nowMs of [60_999, 61_998]) {
    time.monotonicMs = nowMs;
    await fixture.typeAndExpect(ENTER, ...seen);
  }
  assertEquals(fixture.said, []);
  time.monotonicMs = 62_998;
  await fixture.typeAndExpect(ENTER, "Servidor: aula", "> |");
  assertEquals(fixture.said, ["hol"]);
});

Deno.test("Terminal sends a draft that was edited at once", pure, async () => {
  const { fixture, answer } = await draftFixture("hol");
  await using _ = fixture;
  fixture.time.monotonicMs = 1_010;
  fixture.type(`aula${ENTER}`);
  await answer;
  fixture.type(`a${ENTER}`);
  await fixture.expect("Servidor: aula", "> |");
  assertEquals(fixture.said, ["hola"]);
});

Deno.test("Terminal clears a draft by Ctrl-C right after a question has come, then ends", pure, async () => {
  const { fixture, answer } = await draftFixture("hol");
  await using _ = fixture;
  const { terminal: { interruptSignal }, time } = fixture;
  await fixture.typeAndExpect(CTRL_C, "Servidor: |");
  assertEquals(interruptSignal.aborted, false);
  time.monotonicMs = 1_010;
  fixture.type(`aula${ENTER}`);
  assertEquals(await answer, "aula");
  await fixture.expect("Servidor: aula", "> |");
  await fixture.typeAndExpect(CTRL_C, "Servidor: aula", "> |");
  assertEquals(interruptSignal.aborted, true);
});

for (const end of ["Ctrl-C", "its signal"]) {
  Deno.test(`Terminal.ask() stops waiting for a chat line at ${end}`, pure, async () => {
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
    if (end === "Ctrl-C") await fixture.typeAndExpectLast(CTRL_C, "Servidor: |"); // the line is cleared
    if (end === "Ctrl-C") fixture.type(CTRL_C);
    else ending.abort(new Error("enough"));
    await withTimeout(assertRejects(() => answer, Error), "the prompt to end");
    assertEquals((await fixture.newOutput()).at(-1), end === "Ctrl-C" ? "> |" : "> hol|");
  });
}

for (
  const [isSecret, restored, asked] of [
    [false, "hola a todos los demás|", "Nick [ana]: todos los demás"],
    [true, "hola a|", "Nick [ana]: "],
  ] as const
) {
  const title = `promptUntilValid() restores ${
    isSecret ? "no secret" : "an answer of several words"
  } to the chat`;
  Deno.test(title, pure, async () => {
    await using fixture = new TerminalFixture({ chat: {} });
    const { terminal } = fixture;
    fixture.type("hola a");
    await flushTasks();
    const prompt = { text: "Nick", parse: parseNick, fallback: "ana", isSecret };
    const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
    await flushTasks();
    fixture.type(`todos los demás${ENTER}`);
    await flushTasks();
    fixture.type(ENTER);
    assertEquals(await answer, "ana");
    const rows = await fixture.newOutput();
    assertEquals([rows[0], rows.at(-1)], [asked.trimEnd(), `> ${restored}`]);
  });
}

Deno.test(
  "promptUntilValid() gives an invalid nick back to be edited, and keeps words for Up",
  pure,
  async () => {
    for (const isChatting of [false, true]) {
      await using fixture = new TerminalFixture(isChatting ? { chat: {} } : {});
      const { terminal } = fixture;
      const prompt = { text: "Nick", parse: parseNick, isEdited: true };
      const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
      await flushTasks();
      await fixture.typeAndExpectLast(`Ana María${ENTER}`, "Nick: Ana María|");
      await fixture.typeAndExpectLast(`${LEFT.repeat(5)}\x7f-${ENTER}`, isChatting ? "> |" : "|");
      assertEquals(await answer, "Ana-María");
      const said = isChatting ? fixture.said : chatOf(terminal);
      await fixture.typeAndExpectLast(UP, isChatting ? "> Ana María|" : "> |");
      assertEquals(said, []);
    }
  },
);

Deno.test("promptUntilValid() gives no invalid nick back behind another answer", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const prompt = { text: "Nick", parse: parseNick, isEdited: true };
  const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
  fixture.type(`a b${ENTER}ana${ENTER}hol`);
  assertEquals(await answer, "ana");
  chatOf(terminal);
  await fixture.typeAndExpectLast("a", "> hola|");
});

Deno.test("promptUntilValid() ends when the user leaves, at Ctrl-D, or by its signal", pure, async () => {
  const prompt = { text: "Servidor", parse: parseAddress, isQuit: (answer: string) => answer === "quit" };
  for (const keys of [`quit${ENTER}`, CTRL_D]) {
    await using fixture = new TerminalFixture();
    const { terminal } = fixture;
    const answer = promptUntilValid({ terminal, language: "es" }, prompt);
    fixture.type(keys);
    assertEquals(await withTimeout(answer, "the prompt to end"), undefined);
  }
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const signal = AbortSignal.abort();
  assertEquals(await promptUntilValid({ terminal, language: "es" }, { ...prompt, signal }), undefined);
});

Deno.test("promptUntilValid() throws at the end of a pipe without a valid answer", pure, async () => {
  await using user = new FakeUser();
  const { terminal } = user;
  user.type("a b\n");
  user.endInput();
  await flushTasks();
  const answer = promptUntilValid({ terminal, language: "es" }, { text: "Servidor", parse: parseAddress });
  assertEquals((await assertRejects(() => answer, InputError)).code, "address-invalid");
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
