// Terminal: what becomes of pasted blocks.

import { assertEquals } from "@std/assert";
import { flushTasks } from "../testing/waiting.ts";
import {
  chatOf,
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
  await using fixture = new TerminalFixture();
  const said = chatOf(fixture.terminal, PROMPTING);
  fixture.type(`ante fin${LEFT}${LEFT}${LEFT}${LEFT}${pasted("s uno\r\n/quit\n\n  cuatro\rcin")}`);
  assertEquals(await fixture.newOutput(), ["> cin| fin"]);
  assertEquals(said, ["antes uno", "{/quit}", "{}", "{  cuatro}"]);
  fixture.type(`${ENTER}${pasted("a\nb\n")}${UP}`);
  assertEquals(await fixture.newOutput(), ["> cin fin|"]);
  assertEquals(said.slice(4), ["cin fin", "{a}", "{b}"]);
  fixture.type(UP);
  assertEquals(await fixture.newOutput(), ["> antes uno|"]);
});

Deno.test("Terminal waits for Enter after one pasted line", pure, async () => {
  await using fixture = new TerminalFixture();
  const said = chatOf(fixture.terminal, PROMPTING);
  fixture.type(`${pasted("uno")} ${pasted("dos\n")}`);
  assertEquals([await fixture.newOutput(), said], [["> uno dos|"], []]);
});

Deno.test("Terminal keeps a block that is not sent in the history, with spaces for tabs", pure, async () => {
  await using fixture = new TerminalFixture();
  chatOf(fixture.terminal, PROMPTING);
  fixture.type(`${pasted("a\tb\n".repeat(11))}n${ENTER}${UP}`);
  assertEquals((await fixture.newOutput()).at(-1), "> a b|");
});

Deno.test("Terminal asks once before it sends a block of more than ten lines", pure, async () => {
  const block = Array.from({ length: 11 }, (_, index) => `${index}`);
  await using fixture = new TerminalFixture();
  const said = chatOf(fixture.terminal, PROMPTING);
  fixture.type(`hola${pasted(`${block.join("\n")}\n`)}`);
  assertEquals(await fixture.newOutput(), ["¿11? |"]);
  await fixture.terminal.print("beto: uno");
  assertEquals(await fixture.newOutput(), ["beto: uno", "¿11? |"]);
  fixture.type(`n${ENTER}`);
  assertEquals(await fixture.newOutput(), ["beto: uno", "¿11? n", "11 kept", "> hola|"]);
  assertEquals(said, []);
  fixture.type(`${UP}${UP}`);
  assertEquals((await fixture.newOutput()).at(-1), "> 9|");
  fixture.type(`${DOWN}${DOWN}`);
  assertEquals((await fixture.newOutput()).at(-1), "> hola|");
  fixture.type(`${pasted(block.join("\n"))}s${ENTER}`);
  assertEquals(await fixture.newOutput(), ["beto: uno", "¿11? n", "11 kept", "¿11? s", "> 10|"]);
  assertEquals(said, ["hola0", ...block.slice(1, -1).map((line) => `{${line}}`)]);
  fixture.type(UP);
  assertEquals((await fixture.newOutput()).at(-1), "> hola0|");
  fixture.type(`${CTRL_U}${pasted(block.slice(1).join("\n"))}`);
  assertEquals((await fixture.newOutput()).at(-1), "> 10|");
});

Deno.test("Terminal takes up to three pasted lines for answers to prompts", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const said = chatOf(terminal, PROMPTING);
  fixture.type("hol");
  await flushTasks();
  const answers = terminal.exclusive(
    async () => [await terminal.ask("Servidor"), await terminal.ask("Puerto")],
  );
  fixture.type(`a${pasted("1\n2\n3\n4\n")}`);
  assertEquals(await fixture.newOutput(), ["Servidor: a|"]);
  fixture.type(pasted("ula\n5001\na"));
  assertEquals(await answers, ["aula", "5001"]);
  assertEquals(await fixture.newOutput(), ["Servidor: aula", "Puerto: 5001", "¿4? |"]);
  fixture.type(`s${ENTER}`);
  assertEquals((await fixture.newOutput()).at(-1), "> a|");
  assertEquals(said, ["hol1", "{2}", "{3}", "{4}"]);
});

Deno.test("Terminal.ask() puts the confirmation of a block aside", pure, async () => {
  await using fixture = new TerminalFixture();
  const { terminal } = fixture;
  const said = chatOf(terminal, PROMPTING);
  fixture.type(pasted("x\n".repeat(11)));
  fixture.type("s");
  assertEquals(await fixture.newOutput(), ["¿11? s|"]);
  const answer = terminal.ask("Puerto");
  assertEquals(await fixture.newOutput(), ["Puerto: |"]);
  fixture.type(`5001${ENTER}`);
  assertEquals(await answer, "5001");
  assertEquals(await fixture.newOutput(), ["Puerto: 5001", "¿11? s|"]);
  fixture.type(ENTER);
  await fixture.newOutput();
  assertEquals(said.length, 11);
});
