// Who gets what is typed. What becomes of pasted blocks is in terminal_paste_test.ts, as people see it.

import { assertEquals } from "@std/assert";
import { InputRouter, MAX_UNCONFIRMED_LINES } from "../../lib/terminal/input_router.ts";
import { withTimeout } from "../support.ts";

const pure = { permissions: "none" } as const;

Deno.test("Lines are for questions until a chat begins, and while there is a dialogue", pure, () => {
  const desks = new InputRouter(() => {});
  assertEquals(desks.activeQueue, desks.promptQueue);
  desks.beginChat({});
  assertEquals(desks.activeQueue, desks.chatQueue);
  desks.beginExclusive();
  desks.beginExclusive();
  desks.endExclusive();
  assertEquals(desks.activeQueue, desks.promptQueue);
  desks.endExclusive();
  assertEquals(desks.activeQueue, desks.chatQueue);
  desks.endChat();
  assertEquals(desks.activeQueue, desks.promptQueue);
});

Deno.test("Desks are in use while a question waits, and while there is a chat, until the end", pure, () => {
  const desks = new InputRouter(() => {});
  assertEquals(desks.isActive, false);
  void desks.next(desks.promptQueue);
  assertEquals(desks.isActive, true);
  desks.promptQueue.cancelWait();
  desks.beginChat({});
  assertEquals(desks.isActive, true);
  desks.end();
  assertEquals([desks.isActive, desks.hasEnded], [false, true]);
});

Deno.test("Somebody is in the middle of a line who has begun one that is no answer", pure, () => {
  const desks = new InputRouter(() => {});
  desks.promptQueue.editor.insert("aula");
  assertEquals(desks.hasPartialLine, false);
  desks.promptQueue.editor.submit();
  desks.beginChat({});
  assertEquals(desks.hasPartialLine, false);
  desks.chatQueue.editor.insert("h");
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
    desks.promptQueue.editor.insert("hola");
    desks.enter();
    desks.promptQueue.editor.insert("¿qué");
    desks.beginChat({});
    assertEquals(await desks.next(desks.chatQueue), { text: "hola", isPasted: false });
    assertEquals([desks.promptQueue.editor.text, desks.chatQueue.editor.text], ["", "¿qué"]);
  },
);

Deno.test(
  "A question stays with its answer, but only if there is one; what is said does not",
  pure,
  async () => {
    const kept: string[] = [];
    const desks = new InputRouter((line) => kept.push(line));
    desks.promptQueue.prompt = "Nick: ";
    desks.promptQueue.editor.insert("eva");
    desks.enter();
    assertEquals(kept, []);
    await desks.next(desks.promptQueue);
    const answer = desks.next(desks.promptQueue);
    desks.promptQueue.editor.insert("ana");
    desks.enter();
    assertEquals([await answer, kept], [{ text: "ana", isPasted: false }, ["Nick: ana"]]);
    desks.promptQueue.editor.press({ name: "up" });
    assertEquals(desks.promptQueue.editor.text, "");
    desks.beginChat({});
    desks.chatQueue.editor.insert("hola");
    desks.enter();
    assertEquals(kept.length, 1);
  },
);

Deno.test("What is given back goes to the line that is typed for the chat, if there is one", pure, () => {
  const desks = new InputRouter(() => {});
  desks.restore("hola");
  assertEquals(desks.chatQueue.editor.text, "");
  desks.beginChat({});
  for (const words of ["hola", "¿estáis?"]) desks.restore(words);
  assertEquals(desks.chatQueue.editor.text, "hola ¿estáis? ");
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
        notSentText: (count) => `${count} kept`,
      },
    });
    const block = (text: string) => `${text}\n`.repeat(MAX_UNCONFIRMED_LINES + 1);
    desks.paste(block("uno"));
    desks.beginExclusive();
    desks.paste(block("dos"));
    desks.endExclusive();
    desks.activeQueue.editor.submit();
    desks.activeQueue.editor.insert("s");
    desks.enter();
    const texts: string[] = [];
    for (let i = 0; i <= MAX_UNCONFIRMED_LINES; i++) texts.push((await desks.next(desks.chatQueue))!.text);
    assertEquals(new Set(texts), new Set(["uno"]));
  },
);

Deno.test(
  "A block that waits when nothing more is typed is not sent, and keeps nobody waiting",
  pure,
  async () => {
    const desks = new InputRouter(() => {});
    desks.beginChat({
      confirmPaste: { question: (count) => `${count}?`, isYes: () => true, notSentText: () => "" },
    });
    desks.paste("uno\n".repeat(MAX_UNCONFIRMED_LINES + 1));
    const next = desks.next(desks.chatQueue);
    desks.end();
    assertEquals(await withTimeout(next, "the end"), undefined);
  },
);

Deno.test(
  "A block that is pasted before what is typed is sent as it is, and only its end joins that",
  pure,
  async () => {
    const desks = new InputRouter(() => {});
    desks.beginChat({});
    desks.chatQueue.editor.insert("abc");
    desks.chatQueue.editor.press({ name: "home" });
    desks.paste("/uno\ndos ");
    assertEquals(await desks.next(desks.chatQueue), { text: "/uno", isPasted: true });
    assertEquals(desks.chatQueue.editor.text, "dos abc");
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
      confirmPaste: { question: (count) => `${count}?`, isYes, notSentText: (count) => `${count} kept` },
    });
    const block = Array.from({ length: MAX_UNCONFIRMED_LINES + 1 }, (_, index) => `${index}:\tx`);
    desks.paste(`${block.join("\n")}\n`);
    desks.restore("words");
    desks.activeQueue.editor.insert("n");
    desks.enter();
    assertEquals(shown.at(-1), `${block.length} kept`);
    assertEquals(desks.chatQueue.editor.text, "");
    desks.paste(`${block.join("\n")}\n`);
    desks.restore("words");
    desks.activeQueue.editor.insert("s");
    desks.enter();
    assertEquals((await desks.next(desks.chatQueue))?.text, "0: x");
  },
);
