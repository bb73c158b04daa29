// Terminal with line editing: a chat line that a prompt sets aside, and who gets the keys meanwhile.

import { assertEquals, assertRejects } from "@std/assert";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";
import {
  ANSWERING,
  chatOf,
  CTRL_C,
  CTRL_U,
  ENTER,
  LEFT,
  pasted,
  TerminalFixture,
  UP,
} from "../testing/terminal_fixture.ts";

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
    await fixture.typeAndExpectLast(UP, draft === "" ? `Servidor: ${typed}|` : "Servidor: |");
    fixture.type(`${CTRL_U}aula${ENTER}`);
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

/** The question is answered, at 1,010 ms. */
async function answeredFixture(draft: string) {
  const { fixture, answer } = await draftFixture(draft);
  fixture.time.monotonicMs = 1_010;
  fixture.type(`aula${ENTER}`);
  await answer;
  return fixture;
}

Deno.test(
  "Terminal.ask() after an answer takes keys at once, unless the user chats again",
  pure,
  async () => {
    await using fixture = await answeredFixture("hol");
    const { terminal, time } = fixture;
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

for (
  const [typed, after1s, answer, draft] of [
    ["127.0", ".0.1", "127.0.0.1", ""],
    ["aula", ":5000", "aula:5000", ""],
    [`10.0.0.7:5000${ENTER}`, "", "10.0.0.7:5000", ""],
    [pasted("10.0.0.7\n"), "", "10.0.0.7", ""],
    [`hola${ENTER}`, "aula", "aula", "hola ↵ "],
    [`hola${ENTER}qué`, "aula", "aula", "hola ↵ qué"],
    [pasted("hola"), "aula", "aula", "hola"],
  ] as const
) {
  const title = JSON.stringify(typed).slice(1, -1);
  Deno.test(`Terminal.ask() takes "${title}" of its first second as answer or draft`, pure, async () => {
    await using fixture = new SlowTerminalFixture({ graceMs: 1_000, chat: ANSWERING });
    const given = fixture.terminal.ask("Servidor");
    await flushTasks();
    fixture.time.monotonicMs = 900;
    fixture.type(typed);
    await flushTasks();
    fixture.time.monotonicMs = 1_000;
    fixture.type(`${after1s}${ENTER}`);
    assertEquals(await withTimeout(given, "an answer"), answer);
    await flushTasks();
    assertEquals((await fixture.newOutput()).at(-1), `> ${draft}|`);
    assertEquals(fixture.said, []);
  });
}

for (
  const [draft, typed] of [["", "sol"], ["hol", "sol"], ["", pasted("sol")], ["hol", pasted("sol")]] as const
) {
  const how = `${typed === "sol" ? "typed" : "pasted"} in its first second${draft && ", behind a draft"}`;
  Deno.test(`Terminal.ask() keeps a secret hidden that is ${how}`, pure, async () => {
    await using fixture = new SlowTerminalFixture({ graceMs: 1_000, idleMs: 0, chat: ANSWERING });
    fixture.type(draft);
    await flushTasks();
    const given = fixture.terminal.ask("Contraseña", { isSecret: true });
    await fixture.typeAndExpect(`${typed}${ENTER}`, "Contraseña: |");
    fixture.time.monotonicMs = 1_000;
    fixture.type(`ución${ENTER}`);
    assertEquals(await withTimeout(given, "an answer"), "solución");
    await flushTasks();
    assertEquals((await fixture.newOutput()).at(-1), `> ${draft}|`);
  });
}

Deno.test("Terminal.ask() neither shows nor says a secret whose question goes away", pure, async () => {
  await using fixture = new SlowTerminalFixture({ graceMs: 1_000, chat: {} });
  const { terminal, time } = fixture;
  await flushTasks();
  const over = new AbortController();
  const given = terminal.ask("Contraseña", { isSecret: true, signal: over.signal });
  await fixture.typeAndExpect("sol", "Contraseña: |");
  over.abort();
  await given.catch(() => {});
  for (const [nowMs, rest] of [[999, "uc"], [1_998, pasted("ión")], [2_997, ENTER]] as const) {
    time.monotonicMs = nowMs;
    await fixture.typeAndExpect(rest, "> |");
  }
  time.monotonicMs = 3_997;
  await fixture.typeAndExpect(`hola${ENTER}`, "> |");
  assertEquals(fixture.said, ["hola"]);
});

Deno.test("Terminal.releaseDraft() lets Enter send a draft after 1 s without Enter", pure, async () => {
  await using fixture = await answeredFixture("hol");
  const { terminal, time } = fixture;
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
  await using fixture = await answeredFixture("hol");
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
