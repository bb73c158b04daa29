// Who gets what is typed. What becomes of pasted blocks is in terminal_paste_test.ts, as people see it.

import { assertEquals } from "@std/assert";
import { InputRouter, MAX_UNCONFIRMED_LINES } from "../lib/desks.ts";
import { soon } from "./support.ts";

const pure = { permissions: "none" } as const;

Deno.test("Lines are for questions until a chat begins, and while there is a dialogue", pure, () => {
  const desks = new InputRouter(() => {});
  assertEquals(desks.open, desks.answers);
  desks.beginChat({});
  assertEquals(desks.open, desks.chat);
  desks.beginExclusive();
  desks.beginExclusive();
  desks.endExclusive();
  assertEquals(desks.open, desks.answers);
  desks.endExclusive();
  assertEquals(desks.open, desks.chat);
  desks.endChat();
  assertEquals(desks.open, desks.answers);
});

Deno.test("Desks are in use while a question waits, and while there is a chat, until the end", pure, () => {
  const desks = new InputRouter(() => {});
  assertEquals(desks.isActive, false);
  void desks.next(desks.answers);
  assertEquals(desks.isActive, true);
  desks.answers.giveUp();
  desks.beginChat({});
  assertEquals(desks.isActive, true);
  desks.end();
  assertEquals([desks.isActive, desks.hasEnded], [false, true]);
});

Deno.test("Somebody is in the middle of a line who has begun one that is no answer", pure, () => {
  const desks = new InputRouter(() => {});
  desks.answers.editor.insert("aula");
  assertEquals(desks.hasPartialLine, false);
  desks.answers.editor.take();
  desks.beginChat({});
  assertEquals(desks.hasPartialLine, false);
  desks.chat.editor.insert("h");
  assertEquals(desks.hasPartialLine, true);
  desks.beginExclusive();
  assertEquals(desks.hasPartialLine, false);
  desks.endExclusive();
  desks.end();
  assertEquals(desks.hasPartialLine, false);
});

Deno.test(
  "What no question took is for the chat, and what was begun in answer to one goes on there",
  pure,
  async () => {
    const desks = new InputRouter(() => {});
    desks.answers.editor.insert("hola");
    desks.enter();
    desks.answers.editor.insert("¿qué");
    desks.beginChat({});
    assertEquals(await desks.next(desks.chat), { text: "hola", isPasted: false });
    assertEquals([desks.answers.editor.text, desks.chat.editor.text], ["", "¿qué"]);
  },
);

Deno.test(
  "A question stays with its answer, but only if there is one; what is said does not",
  pure,
  async () => {
    const kept: string[] = [];
    const desks = new InputRouter((line) => kept.push(line));
    desks.answers.prompt = "Nick: ";
    desks.answers.editor.insert("eva");
    desks.enter();
    assertEquals(kept, []);
    await desks.next(desks.answers);
    const answer = desks.next(desks.answers);
    desks.answers.editor.insert("ana");
    desks.enter();
    assertEquals([await answer, kept], [{ text: "ana", isPasted: false }, ["Nick: ana"]]);
    desks.answers.editor.press({ name: "up" });
    assertEquals(desks.answers.editor.text, "");
    desks.beginChat({});
    desks.chat.editor.insert("hola");
    desks.enter();
    assertEquals(kept.length, 1);
  },
);

Deno.test("What is given back goes to the line that is typed for the chat, if there is one", pure, () => {
  const desks = new InputRouter(() => {});
  desks.deliverSynced("hola");
  assertEquals(desks.chat.editor.text, "");
  desks.beginChat({});
  for (const words of ["hola", "¿estáis?"]) desks.deliverSynced(words);
  assertEquals(desks.chat.editor.text, "hola ¿estáis? ");
});

Deno.test(
  "A block that waits for consent is not lost to one that is pasted during a dialogue",
  pure,
  async () => {
    const desks = new InputRouter(() => {});
    desks.beginChat({
      confirmPaste: {
        question: (count) => `${count}?`,
        isYes: (answer) => answer === "s",
        kept: (count) => `${count} kept`,
      },
    });
    const block = (text: string) => `${text}\n`.repeat(MAX_UNCONFIRMED_LINES + 1);
    desks.paste(block("uno"));
    desks.beginExclusive();
    desks.paste(block("dos"));
    desks.endExclusive();
    desks.open.editor.take();
    desks.open.editor.insert("s");
    desks.enter();
    const texts: string[] = [];
    for (let i = 0; i <= MAX_UNCONFIRMED_LINES; i++) texts.push((await desks.next(desks.chat))!.text);
    assertEquals(new Set(texts), new Set(["uno"]));
  },
);

Deno.test(
  "A block that waits when nothing more is typed is not sent, and keeps nobody waiting",
  pure,
  async () => {
    const desks = new InputRouter(() => {});
    desks.beginChat({
      confirmPaste: { question: (count) => `${count}?`, isYes: () => true, kept: () => "" },
    });
    desks.paste("uno\n".repeat(MAX_UNCONFIRMED_LINES + 1));
    const next = desks.next(desks.chat);
    desks.end();
    assertEquals(await soon(next, "the end"), undefined);
  },
);

Deno.test(
  "A block that is pasted before what is typed is sent as it is, and only its end joins that",
  pure,
  async () => {
    const desks = new InputRouter(() => {});
    desks.beginChat({});
    desks.chat.editor.insert("abc");
    desks.chat.editor.press({ name: "home" });
    desks.paste("/uno\ndos ");
    assertEquals(await desks.next(desks.chat), { text: "/uno", isPasted: true });
    assertEquals(desks.chat.editor.text, "dos abc");
  },
);

Deno.test(
  "What is given back while a block waits goes into the history, not out with the block",
  pure,
  async () => {
    const shown: string[] = [];
    const desks = new InputRouter((line) => shown.push(line));
    const isYes = (answer: string) => answer === "s";
    desks.beginChat({
      confirmPaste: { question: (count) => `${count}?`, isYes, kept: (count) => `${count} kept` },
    });
    const block = Array.from({ length: MAX_UNCONFIRMED_LINES + 1 }, (_, index) => `${index}:\tx`);
    desks.paste(`${block.join("\n")}\n`);
    desks.deliverSynced("words");
    desks.open.editor.insert("n");
    desks.enter();
    assertEquals(shown.at(-1), `${block.length} kept`);
    assertEquals(desks.chat.editor.text, "");
    desks.paste(`${block.join("\n")}\n`);
    desks.deliverSynced("words");
    desks.open.editor.insert("s");
    desks.enter();
    assertEquals((await desks.next(desks.chat))?.text, "0: x");
  },
);
