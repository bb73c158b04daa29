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
  CTRL_D,
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

Deno.test("promptUntilValid() makes no draft of what is not for the chat when it ends", pure, async () => {
  for (
    const [keys, row, parse] of [
      [`Ana María${ENTER}`, "Nick: Ana María", parseNick], // given back to be edited
      [`aula${ENTER}10.9`, "Nick: 10.9", undefined], // half an address, while an answer is looked up
    ] as const
  ) {
    await using fixture = new TerminalFixture({ chat: ANSWERING });
    const { terminal } = fixture;
    const [ending, ended] = [new AbortController(), Promise.withResolvers<string>()];
    const prompt = {
      text: "Nick",
      parse: parse ?? (() => ended.promise),
      isEdited: true,
      signal: ending.signal,
    };
    const answer = terminal.exclusive(() => promptUntilValid({ terminal, language: "es" }, prompt));
    await flushTasks();
    fixture.type(keys);
    await flushTasks();
    ending.abort();
    ended.resolve("");
    await answer;
    const rows = await fixture.newOutput();
    assertEquals([rows.includes(row), rows.at(-1)], [true, "> |"]);
  }
});

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
