// Terminal: what becomes of pasted blocks.

import { assertEquals } from "@std/assert";
import { flushTasks } from "../testing/waiting.ts";
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

const pure = { permissions: "none" } as const;

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

Deno.test(
  "Terminal makes one line of a block that is pasted into a command, and waits for Enter",
  pure,
  async () => {
    await using fixture = new TerminalFixture({ chat: PROMPTING });
    await fixture.typeAndExpect(
      `/msg beto a: ${pasted("uno\ndos\ntres\n")}`,
      "> /msg beto a: uno dos tres |",
    );
    assertEquals(fixture.said, []);
  },
);

Deno.test("Terminal waits for Enter after one pasted line", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  fixture.type(`${pasted("uno")} ${pasted("dos\n")}`);
  assertEquals([await fixture.newOutput(), fixture.said], [["> uno dos|"], []]);
});

Deno.test("Terminal keeps a block that is not sent in the history, with spaces for tabs", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  await fixture.typeAndExpectLast(`${pasted("a\tb\n".repeat(11))}n${ENTER}${UP}`, "> a b|");
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

Deno.test("Terminal takes up to three pasted lines for answers to prompts", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  const { terminal } = fixture;
  fixture.type("hol");
  await flushTasks();
  const answers = terminal.exclusive(
    async () => [await terminal.ask("Servidor"), await terminal.ask("Puerto")],
  );
  await fixture.typeAndExpect(`a${pasted("1\n2\n3\n4\n")}`, "Servidor: a|");
  fixture.type(pasted("ula\n5001\na"));
  assertEquals(await answers, ["aula", "5001"]);
  await fixture.expect("Servidor: aula", "Puerto: 5001", "¿4? |");
  await fixture.typeAndExpectLast(`s${ENTER}`, "> a|");
  assertEquals(fixture.said, ["hol1", "{2}", "{3}", "{4}"]);
});

Deno.test(
  "Terminal takes what is left of a pasted answer for text, and asks if it is long",
  pure,
  async () => {
    for (const [count, said] of [[2, ["{/quit}", "{/quit}"]], [11, []]] as const) {
      await using fixture = new TerminalFixture();
      const nick = fixture.terminal.ask("Nick");
      fixture.type(pasted(`ana\n${"/quit\n".repeat(count)}`));
      assertEquals(await nick, "ana");
      const lines = chatOf(fixture.terminal, PROMPTING);
      await fixture.typeAndExpectLast("x", count === 11 ? "¿11? x|" : "> x|");
      assertEquals<readonly string[]>(lines, said);
    }
  },
);

Deno.test("Terminal drops what follows a pasted secret", pure, async () => {
  await using fixture = new TerminalFixture({ chat: PROMPTING });
  const { terminal } = fixture;
  const answer = terminal.exclusive(() => terminal.ask("Contraseña", { isSecret: true }));
  await flushTasks();
  fixture.type(pasted("secreto\notro\nmás"));
  assertEquals(await answer, "secreto");
  await fixture.typeAndExpectLast("x", "> x|");
  assertEquals(fixture.said, []);
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

Deno.test(
  "Terminal sends a line that Ctrl-R has found, searches for what is pasted, and sends no other",
  pure,
  async () => {
    await using fixture = new TerminalFixture({ chat: PROMPTING });
    fixture.type(`uno${ENTER}dos${ENTER}`);
    await fixture.typeAndExpectLast(`hol\x12${pasted("un")}`, "(un) uno|");
    await fixture.typeAndExpectLast(ENTER, "> |");
    await fixture.typeAndExpectLast(`hol\x12z${ENTER}`, "> hol|");
    assertEquals(fixture.said, ["uno", "dos", "uno"]);
  },
);
