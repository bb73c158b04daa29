// Which queue gets a typed line. terminal_paste_test.ts shows pasted blocks at a terminal.

import { assertEquals } from "@std/assert";
import { InputRouter, MAX_UNCONFIRMED_LINES } from "../../lib/terminal/input_router.ts";
import { withTimeout } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

Deno.test("Lines are for prompts until a chat begins, and while there are exclusive prompts", pure, () => {
  const router = new InputRouter(() => {});
  assertEquals(router.activeQueue, router.promptQueue);
  router.beginChat({});
  assertEquals(router.activeQueue, router.chatQueue);
  router.beginExclusive();
  router.beginExclusive();
  router.endExclusive();
  assertEquals(router.activeQueue, router.promptQueue);
  router.endExclusive();
  assertEquals(router.activeQueue, router.chatQueue);
  router.endChat();
  assertEquals(router.activeQueue, router.promptQueue);
});

Deno.test("The input is active while a prompt waits, and while there is a chat, until the end", pure, () => {
  const router = new InputRouter(() => {});
  assertEquals(router.isActive, false);
  void router.next(router.promptQueue);
  assertEquals(router.isActive, true);
  router.promptQueue.cancelWait();
  router.beginChat({});
  assertEquals(router.isActive, true);
  router.end();
  assertEquals([router.isActive, router.hasEnded], [false, true]);
});

Deno.test("Somebody is in the middle of a line who has begun one that is no answer", pure, () => {
  const router = new InputRouter(() => {});
  router.promptQueue.editor.insert("aula");
  assertEquals(router.hasPartialLine, false);
  router.promptQueue.editor.submit();
  router.beginChat({});
  assertEquals(router.hasPartialLine, false);
  router.chatQueue.editor.insert("h");
  assertEquals(router.hasPartialLine, true);
  router.beginExclusive();
  assertEquals(router.hasPartialLine, false);
  router.endExclusive();
  router.end();
  assertEquals(router.hasPartialLine, false);
});

Deno.test(
  "What no question took is for the chat, and what was begun in answer to one goes on there",
  pure,
  async () => {
    const router = new InputRouter(() => {});
    router.promptQueue.editor.insert("hola");
    router.enter();
    router.promptQueue.editor.insert("¿qué");
    router.beginChat({});
    assertEquals(await router.next(router.chatQueue), { text: "hola", isPasted: false });
    assertEquals([router.promptQueue.editor.text, router.chatQueue.editor.text], ["", "¿qué"]);
  },
);

Deno.test(
  "A question stays with its answer, but only if there is one; what is said does not",
  pure,
  async () => {
    const kept: string[] = [];
    const router = new InputRouter((line) => kept.push(line));
    router.promptQueue.prompt = "Nick: ";
    router.promptQueue.editor.insert("eva");
    router.enter();
    assertEquals(kept, []);
    await router.next(router.promptQueue);
    const answer = router.next(router.promptQueue);
    router.promptQueue.editor.insert("ana");
    router.enter();
    assertEquals([await answer, kept], [{ text: "ana", isPasted: false }, ["Nick: ana"]]);
    router.promptQueue.editor.press({ name: "up" });
    assertEquals(router.promptQueue.editor.text, "");
    router.beginChat({});
    router.chatQueue.editor.insert("hola");
    router.enter();
    assertEquals(kept.length, 1);
  },
);

Deno.test("What is given back goes to the line that is typed for the chat, if there is one", pure, () => {
  const router = new InputRouter(() => {});
  router.restore("hola");
  assertEquals(router.chatQueue.editor.text, "");
  router.beginChat({});
  for (const words of ["hola", "¿estáis?"]) router.restore(words);
  assertEquals(router.chatQueue.editor.text, "hola ¿estáis? ");
});

Deno.test(
  "A block that waits for consent is not lost to one that is pasted between prompts",
  pure,
  async () => {
    const router = new InputRouter(() => {});
    router.beginChat({
      confirmPaste: {
        question: (count) => `${count}?`,
        isYes: (answer) => answer === "s",
        notSentText: (count) => `${count} kept`,
      },
    });
    const block = (text: string) => `${text}\n`.repeat(MAX_UNCONFIRMED_LINES + 1);
    router.paste(block("uno"));
    router.beginExclusive();
    router.paste(block("dos"));
    router.endExclusive();
    router.activeQueue.editor.submit();
    router.activeQueue.editor.insert("s");
    router.enter();
    const texts: string[] = [];
    for (let i = 0; i <= MAX_UNCONFIRMED_LINES; i++) texts.push((await router.next(router.chatQueue))!.text);
    assertEquals(new Set(texts), new Set(["uno"]));
  },
);

Deno.test(
  "A block that waits when nothing more is typed is not sent, and keeps nobody waiting",
  pure,
  async () => {
    const router = new InputRouter(() => {});
    router.beginChat({
      confirmPaste: { question: (count) => `${count}?`, isYes: () => true, notSentText: () => "" },
    });
    router.paste("uno\n".repeat(MAX_UNCONFIRMED_LINES + 1));
    const next = router.next(router.chatQueue);
    router.end();
    assertEquals(await withTimeout(next, "the end"), undefined);
  },
);

Deno.test(
  "A block that is pasted before what is typed is sent as it is, and only its end joins that",
  pure,
  async () => {
    const router = new InputRouter(() => {});
    router.beginChat({});
    router.chatQueue.editor.insert("abc");
    router.chatQueue.editor.press({ name: "home" });
    router.paste("/uno\ndos ");
    assertEquals(await router.next(router.chatQueue), { text: "/uno", isPasted: true });
    assertEquals(router.chatQueue.editor.text, "dos abc");
  },
);

Deno.test(
  "What is given back while a block waits goes into the history, not out with the block",
  pure,
  async () => {
    const shown: string[] = [];
    const router = new InputRouter((line) => shown.push(line));
    const isYes = (answer: string) => answer === "s";
    router.beginChat({
      confirmPaste: { question: (count) => `${count}?`, isYes, notSentText: (count) => `${count} kept` },
    });
    const block = Array.from({ length: MAX_UNCONFIRMED_LINES + 1 }, (_, index) => `${index}:\tx`);
    router.paste(`${block.join("\n")}\n`);
    router.restore("words");
    router.activeQueue.editor.insert("n");
    router.enter();
    assertEquals(shown.at(-1), `${block.length} kept`);
    assertEquals(router.chatQueue.editor.text, "");
    router.paste(`${block.join("\n")}\n`);
    router.restore("words");
    router.activeQueue.editor.insert("s");
    router.enter();
    assertEquals((await router.next(router.chatQueue))?.text, "0: x");
  },
);
