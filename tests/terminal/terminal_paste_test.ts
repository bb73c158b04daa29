// Terminal: what becomes of pasted blocks.

import { assertEquals } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { promptUntilValid } from "../../lib/terminal/prompt.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor, withTimeout } from "../testing/waiting.ts";
import {
  chatOf,
  CTRL_C,
  CTRL_U,
  DOWN,
  ENTER,
  LEFT,
  pasted,
  PROMPTING,
  TerminalFixture,
  UP,
} from "../testing/terminal_fixture.ts";

Deno.test("Terminal sends a pasted block line by line, around what was typed", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  await fixture.typeAndExpect(
    `ante fin${LEFT}${LEFT}${LEFT}${LEFT}${pasted("s uno\r\n/quit\n\n  cuatro\rcin")}`,
    "> cin| fin",
  );
  assertEquals(fixture.said, ["antes uno", "{/quit}", "{}", "{  cuatro}"]);
  await fixture.typeAndExpect(`${ENTER}${pasted("a\nb\n")}${UP}`, "> cin fin|");
  assertEquals(fixture.said.slice(4), ["cin fin", "{a}", "{b}"]);
  await fixture.typeAndExpect(UP, "> antes uno|");
});

Deno.test("Terminal makes one line of a block in a command, and waits for Enter", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  await fixture.typeAndExpect(
    `  /msg beto a: ${pasted("uno\ndos\ntres\n")}`,
    ">   /msg beto a: uno dos tres |",
  );
  assertEquals(fixture.said, []);
});

Deno.test("Terminal waits for Enter after one pasted line", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  fixture.type(`${pasted("uno")} ${pasted("dos\n")}`);
  assertEquals([await fixture.newOutput(), fixture.said], [["> uno dos|"], []]);
});

for (
  const [first, rest, said, line] of [
    ["uno\n", "/quit\ntres\n", ["{uno}", "{/quit}", "{tres}"], "> x|"],
    ["salir\n", "dos\ntres", ["{salir}", "{dos}"], "> tresx|"],
    ["/quit\n", "dos\ntres\n", [], "> /quitdos tres x|"],
    ["uno\n", "", [], "> unox|"],
  ] as const
) {
  const title = `Terminal keeps ${
    JSON.stringify([first, rest])
  } apart, a block that pauses, and runs nothing`;
  Deno.test(title, pure, async () => {
    await using fixture = new TerminalFixture({ chat: PROMPTING });
    fixture.type(`\x1b[200~${first}`);
    await waitFor(() => fixture.output.includes(first.trim()), "the first line");
    await fixture.typeAndExpectLast(`${rest}\x1b[201~x`, line);
    assertEquals(fixture.said, [...said]);
  });
}

Deno.test("Terminal keeps a block that is not sent in the history, with spaces for tabs", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  await fixture.typeAndExpectLast(`${pasted("a\tb\n".repeat(11))}n${ENTER}${UP}`, "> a b|");
});

Deno.test("Terminal asks again whether to send a block after neither yes nor no", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  const block = pasted("a\n".repeat(11));
  await fixture.typeAndExpect(`${block}quizás${ENTER}`, "¿11? quizás", "¿11? |");
  await fixture.typeAndExpect(`s${ENTER}`, "¿11? quizás", "¿11? s", "> |");
  assertEquals(fixture.said.length, 11);
  await fixture.typeAndExpectLast(`${block}quizás${ENTER}${ENTER}`, "> |");
  assertEquals(fixture.said.length, 11);
});

Deno.test("Terminal asks once before it sends a block of more than ten lines", pure, async () => {
  const block = Array.from({ length: 11 }, (_, index) => `${index}`);
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  await fixture.typeAndExpect(`hola${pasted(`${block.join("\n")}\n`)}`, "¿11? |");
  await fixture.terminal.print("beto: uno");
  await fixture.expect("beto: uno", "¿11? |");
  await fixture.typeAndExpect(`n${ENTER}`, "beto: uno", "¿11? n", "11 kept", "> hola|");
  assertEquals(fixture.said, []);
  await fixture.typeAndExpectLast(`${UP}${UP}`, "> 9|");
  await fixture.typeAndExpectLast(`${DOWN}${DOWN}`, "> hola|");
  await fixture.typeAndExpect(
    `${pasted(block.join("\n"))}s${ENTER}`,
    "beto: uno",
    "¿11? n",
    "11 kept",
    "¿11? s",
    "> 10|",
  );
  assertEquals(fixture.said, ["hola0", ...block.slice(1, -1).map((line) => `{${line}}`)]);
  await fixture.typeAndExpectLast(UP, "> hola0|");
  await fixture.typeAndExpectLast(`${CTRL_U}${pasted(block.slice(1).join("\n"))}`, "> 10|");
});

Deno.test(
  "Terminal takes the first pasted line for the answer, and the rest for messages",
  pure,
  async () => {
    await using fixture = new TerminalFixture({ chat: PROMPTING });
    const { terminal } = fixture;
    fixture.type("hol");
    await flushTasks();
    const answer = terminal.ask("Servidor");
    await fixture.typeAndExpect(`a${pasted("\r\nula\r5001\n\n  ana\n")}`, "Servidor: aula|");
    fixture.type(ENTER);
    assertEquals(await answer, "aula");
    await fixture.expect("Servidor: aula", "> hol 5001 ↵   ana|");
    assertEquals(fixture.said, []);
    terminal.releaseDraft();
    await fixture.typeAndExpectLast(ENTER, "> |");
    assertEquals(fixture.said, ["hol 5001", "{  ana}"]);
  },
);

Deno.test("Terminal makes no public message of what is pasted for a command", pure, async () => {
  for (
    const [typed, keys, line] of [
      ["/msg beto a:", pasted("uno\ndos\ntres\n"), "/msg beto a: uno dos tres"],
      ["", `/msg beto a:${pasted("uno\ndos\n")}`, "/msg beto a:uno dos"],
      ["", pasted("/msg beto uno\n"), "/msg beto uno"],
    ] as const
  ) {
    await using fixture = new TerminalFixture({ chat: PROMPTING });
    const { terminal } = fixture;
    fixture.type(typed);
    await flushTasks();
    const parse = () => {
      throw new InputError("answer-is-talk");
    };
    const ending = new AbortController();
    const prompt = { text: "Servidor", parse, signal: ending.signal };
    const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
    await flushTasks();
    fixture.type(`${keys}${ENTER}`);
    await flushTasks();
    ending.abort();
    await answer;
    terminal.releaseDraft();
    fixture.type(ENTER);
    await flushTasks();
    assertEquals(fixture.said, [line]);
  }
});

Deno.test("promptUntilValid() ends by a pasted quit at Enter alone", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  const { terminal } = fixture;
  const prompt = {
    text: "Servidor",
    parse: (answer: string) => answer,
    isQuit: (text: string) => text === "quit",
  };
  const answer = promptUntilValid({ terminal, language: "es" }, prompt);
  await fixture.typeAndExpect(pasted("\nquit\r\n"), "Servidor: quit|");
  await fixture.typeAndExpect(pasted("quit\n"), "Servidor: quit|");
  fixture.type(ENTER);
  assertEquals(await withTimeout(answer, "the prompt to end"), undefined);
});

const SECRET_PASTES: Record<string, string[]> = {
  "one paste": ["secreto\nuno\ndos\n"],
  "two pastes": ["secreto\n", "uno\ndos"],
  "two pastes, though it is like a command": ["/secreto\n", "uno\ndos"],
  "three pastes": ["secreto\r\n", "uno\n", "dos\n"],
};
for (const [name, pastes] of Object.entries(SECRET_PASTES)) {
  Deno.test(`Terminal makes a draft of what follows a secret in ${name}`, pure, async () => {
    await using fixture = new TerminalFixture();
    const answer = fixture.terminal.ask("Contraseña", { isSecret: true });
    await fixture.typeAndExpect(pastes.map(pasted).join(""), "Contraseña: |");
    fixture.type(ENTER);
    assertEquals(await withTimeout(answer, "an answer"), pastes[0]!.split(/\r?\n/, 1)[0]);
    const said = chatOf(fixture.terminal, PROMPTING);
    await fixture.expect("Contraseña:", "> uno ↵ dos|");
    assertEquals(said, []);
  });
}

Deno.test("Terminal makes a draft of blocks that come before the chat", pure, async () => {
  await using fixture = new TerminalFixture();
  fixture.type(`${pasted("/quit\nuno\n")}${pasted("dos\ntres\n")}`);
  await flushTasks();
  const said = chatOf(fixture.terminal, PROMPTING);
  await fixture.expect("> /quit ↵ uno ↵ dos ↵ tres|");
  assertEquals(said, []);
});

Deno.test("Terminal makes no command of a draft that was pasted, unless it is edited", pure, async () => {
  for (const [key, sent] of [[ENTER, ["{/quit}", "{uno}"]], [CTRL_C, []]] as const) {
    await using fixture = new TerminalFixture({ typing: { idleMs: 0, graceMs: 0 } });
    fixture.type(pasted("/quit\nuno\n"));
    await flushTasks();
    const said = chatOf(fixture.terminal, PROMPTING);
    fixture.terminal.releaseDraft();
    await fixture.typeAndExpect(key, "> |");
    fixture.type(`/quit${ENTER}`); // the same, but typed
    await flushTasks();
    assertEquals(said, [...sent, "/quit"]);
  }
});

for (
  const [what, enters, draft] of [
    ["is none", ENTER, "> hol hello there ↵ /quit ↵ five|"],
    ["was deleted", CTRL_U, "> hol /quit ↵ five|"],
    ["was not entered", "", "> hol hello there ↵ /quit ↵ five|"],
    ["was edited, and is none", `!${ENTER}`, "> hol hello there! ↵ /quit ↵ five|"],
  ]
) {
  Deno.test(`Terminal keeps the order of a paste if the answer in it ${what}`, pure, async () => {
    await using fixture = new TerminalFixture({ chat: PROMPTING });
    const { terminal } = fixture;
    fixture.type("hol");
    await flushTasks();
    const ending = new AbortController();
    const parse = () => {
      throw new InputError("answer-is-talk");
    };
    const prompt = { text: "Servidor", parse, signal: ending.signal };
    const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
    await flushTasks();
    fixture.type(pasted("hello there\n/quit\nfive\n") + enters);
    await flushTasks();
    ending.abort();
    await answer;
    assertEquals((await fixture.newOutput()).at(-1), draft);
  });
}

Deno.test("Terminal keeps a draft that was pasted at a prompt from an Enter too many", pure, async () => {
  await using fixture = new TerminalFixture({ typing: { idleMs: 0, graceMs: 60_000 } });
  const { terminal } = fixture;
  const answer = terminal.ask("Nick");
  fixture.type(`${pasted("ana\nuno\n")}${ENTER}`);
  assertEquals(await answer, "ana");
  const said = chatOf(terminal, PROMPTING);
  terminal.releaseDraft();
  await fixture.typeAndExpect(ENTER, "Nick: ana", "> uno|");
  assertEquals(said, []);
  fixture.type(` y dos${ENTER}`);
  await flushTasks();
  assertEquals(said, ["uno y dos"]);
});

Deno.test("Terminal takes a pasted line for the next answer, and more after it if edited", pure, async () => {
  await using fixture = new TerminalFixture();
  fixture.type(pasted("10.0.0."));
  await flushTasks();
  const answer = fixture.terminal.ask("Servidor");
  await fixture.typeAndExpect(pasted("70\n"), "Servidor: 10.0.0.70|");
  fixture.type(`\x7f${pasted("7\n")}${ENTER}`);
  assertEquals(await withTimeout(answer, "an answer"), "10.0.0.77");
});

Deno.test("Terminal.ask() puts the confirmation of a block aside", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  const { terminal } = fixture;
  fixture.type(pasted("x\n".repeat(11)));
  await fixture.typeAndExpect("s", "¿11? s|");
  const answer = terminal.ask("Puerto");
  await fixture.expect("Puerto: |");
  fixture.type(`5001${ENTER}`);
  assertEquals(await answer, "5001");
  await fixture.expect("Puerto: 5001", "¿11? s|");
  fixture.type(ENTER);
  await fixture.newOutput();
  assertEquals(fixture.said.length, 11);
});

Deno.test("Terminal takes Ctrl-C for a no to a pasted block, and then for the end", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  const { interruptSignal } = fixture.terminal;
  fixture.type(pasted("uno\n".repeat(100)));
  await fixture.newOutput();
  await fixture.typeAndExpectLast(CTRL_C, "> |");
  assertEquals([fixture.said, interruptSignal.aborted], [[], false]);
  fixture.type(CTRL_C);
  await flushTasks();
  assertEquals(interruptSignal.aborted, true);
});

Deno.test("Terminal sends what Ctrl-R has found, and searches for what is pasted", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  fixture.type(`uno${ENTER}dos${ENTER}`);
  await fixture.typeAndExpectLast(`hol\x12${pasted("un")}`, "(un) uno|");
  await fixture.typeAndExpectLast(ENTER, "> |");
  await fixture.typeAndExpectLast(`hol\x12z${ENTER}`, "> hol|");
  assertEquals(fixture.said, ["uno", "dos", "uno"]);
});
