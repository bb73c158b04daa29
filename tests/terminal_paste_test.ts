// What becomes of blocks that are pasted at a screen.

import { assertEquals } from "@std/assert";
import { settle } from "./support.ts";
import { ASKING, chatOf, CTRL_U, DOWN, ENTER, LEFT, pasted, Typist, UP } from "./typist.ts";

const pure = { permissions: "none" } as const;

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
