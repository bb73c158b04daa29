// InputRouter: which queue gets a line. terminal_paste_test.ts shows pasted blocks at a terminal.

import { assertEquals } from "@std/assert";
import { InputRouter, MAX_UNCONFIRMED_LINES } from "../../lib/terminal/input_router.ts";
import { ANSWERING, PROMPTING } from "../testing/terminal_fixture.ts";
import { pure } from "../testing/test_options.ts";
import { withTimeout } from "../testing/waiting.ts";

/** A router, and the lines that it prints. */
function newRouter(): { router: InputRouter; printed: string[] } {
  const printed: string[] = [];
  return { router: new InputRouter((line) => printed.push(line)), printed };
}

/** Types a line for the active queue. */
function enter(router: InputRouter, text: string): void {
  router.activeQueue.editor.insert(text);
  router.enter();
}

/** The text of the next line for the chat. */
async function nextChatLine(router: InputRouter): Promise<string | undefined> {
  return (await withTimeout(router.next(router.chatQueue), "a line"))?.text;
}

Deno.test("InputRouter.hasPartialLine tells of a chat line that was begun, not of an answer", pure, () => {
  const { router } = newRouter();
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
  router.beginChat(PROMPTING);
  router.paste("x\n".repeat(MAX_UNCONFIRMED_LINES + 1));
  assertEquals(router.hasPartialLine, false);
  router.activeQueue.editor.insert("s");
  assertEquals(router.hasPartialLine, true);
  router.end();
  assertEquals(router.hasPartialLine, false);
});

Deno.test("InputRouter keeps chat lines in the history, and completes them, but no answers", pure, () => {
  const { router } = newRouter();
  const { promptQueue: { editor: answer }, chatQueue: { editor: chat } } = router;
  enter(router, "eva");
  answer.press({ name: "up" });
  answer.press({ name: "tab" });
  assertEquals(answer.text, "");
  router.beginChat({ complete: () => ({ from: 0, choices: ["ana: "] }) });
  enter(router, "hola");
  chat.press({ name: "up" });
  assertEquals(chat.submit(), "hola");
  chat.press({ name: "tab" });
  assertEquals(chat.text, "ana: ");
});

Deno.test("InputRouter.pasteDraft() keeps lines apart, except in a command", pure, async () => {
  const { router } = newRouter();
  router.beginChat({});
  const { editor } = router.chatQueue;
  for (const text of ["hola", "¿estáis?", "a\n/quit\n", "b\n\n\tc"]) router.pasteDraft(text);
  assertEquals(editor.text, "hola ¿estáis? a ↵ /quit ↵ b ↵     c");
  enter(router, "!"); // what is not edited is as pasted
  const lines: unknown[] = [];
  for (let n = 0; n < 4; n++) lines.push(await withTimeout(router.next(router.chatQueue), "a line"));
  assertEquals(lines, [
    { text: "hola ¿estáis? a", isPasted: false },
    { text: "/quit", isPasted: true },
    { text: "b", isPasted: true },
    { text: "    c!", isPasted: false },
  ]);
  editor.insert("/msg eva a: ");
  for (const text of ["uno\ndos\n", "tres\ncuatro\n"]) router.pasteDraft(text);
  assertEquals(editor.text, "/msg eva a: uno dos tres cuatro");
});

Deno.test("InputRouter.paste() goes on with the last line of a draft that holds several", pure, async () => {
  const { router } = newRouter();
  router.beginChat({});
  for (const line of ["hola", "/msg eva a:"]) router.restoreLine(line);
  router.paste(" uno\ndos\n");
  assertEquals(router.chatQueue.editor.text, "hola ↵ /msg eva a: uno dos ");
  enter(router, "");
  for (const line of ["hola", "vale"]) router.restoreLine(line);
  router.paste(" uno\ndos\n");
  for (const line of ["hola", "/msg eva a: uno dos ", "hola", "vale uno", "dos"]) {
    assertEquals(await nextChatLine(router), line);
  }
});

for (
  const [what, before, expected] of [
    ["ends a line of a draft that holds several", "hola", ["hola1", "2", "/msg eva a:", "{/quit}", "{vale}"]],
    ["adds to a command within a draft", "/msg eva a:", ["hola", "/msg eva a:1 2", "{/quit}", "{vale}"]],
  ] as const
) {
  Deno.test(`InputRouter.paste() ${what}`, pure, async () => {
    const { router } = newRouter();
    router.beginChat({});
    for (const line of ["hola", "/msg eva a:"]) router.restoreLine(line);
    router.pasteDraft("/quit\nvale\n");
    const { editor } = router.chatQueue;
    while (!editor.text.slice(0, editor.cursor).endsWith(before)) editor.press({ name: "left" });
    router.paste("1\n2");
    enter(router, "");
    const lines: string[] = [];
    while (router.typeAheadCount > 0) {
      const line = await withTimeout(router.next(router.chatQueue), "a line");
      lines.push(line!.isPasted ? `{${line!.text}}` : line!.text);
    }
    assertEquals<unknown>(lines, expected);
  });
}

Deno.test("InputRouter.restoreLine() drops the line without a chat", pure, () => {
  const { router } = newRouter();
  router.restoreLine("hola");
  assertEquals(router.chatQueue.editor.text, "");
});

Deno.test(
  "InputRouter.restoreLine() keeps lines apart, so that Enter sends each as a message",
  pure,
  async () => {
    const { router } = newRouter();
    router.beginChat({});
    const { editor } = router.chatQueue;
    editor.insert("hola");
    router.restoreLine("/msg eva cero");
    assertEquals(editor.text, "hola ↵ /msg eva cero");
    enter(router, "");
    for (const line of ["hola", "/msg eva cero"]) assertEquals(await nextChatLine(router), line);
    editor.insert("hol");
    router.restoreLine("a todos");
    assertEquals(editor.text, "hol a todos");
    router.restoreLine("/msg eva uno");
    router.enterUnseen();
    router.enterUnseen();
    assertEquals(editor.text, "hol a todos ↵ /msg eva uno ↵ ");
    editor.insert("dos");
    router.restoreLine("tres"); // goes on with what was typed, and not entered
    for (const text of ["/msg eva a", "uno"]) { // stands at a question that goes away
      router.promptQueue.editor.insert(text);
      router.dispatch();
    }
    assertEquals(editor.text, "hol a todos ↵ /msg eva uno ↵ dos tres ↵ /msg eva a uno");
    enter(router, "");
    for (const line of ["hol a todos", "/msg eva uno", "dos tres", "/msg eva a uno"]) {
      assertEquals(await nextChatLine(router), line);
    }
    enter(router, "a ↵ b");
    assertEquals(await nextChatLine(router), "a ↵ b");
  },
);

Deno.test(
  "InputRouter.restoreLine() keeps a pasted answer before its rest, behind other lines",
  pure,
  () => {
    for (
      const [line, draft] of [
        ["", "uno ↵ dos ↵ tres"],
        ["hola", "hola ↵ uno ↵ dos ↵ tres"],
        ["/msg eva a:", "/msg eva a: ↵ uno ↵ dos ↵ tres"],
      ] as const
    ) {
      const { router } = newRouter();
      router.beginChat({});
      if (line !== "") router.restoreLine(line);
      router.beginExclusive();
      void router.promptQueue.next();
      router.paste("uno\ndos\ntres\n");
      router.enter();
      router.restoreLine("uno");
      assertEquals(router.chatQueue.editor.text, draft);
    }
  },
);

Deno.test(
  "InputRouter.restoreLine() keeps a command apart that was typed in place of a pasted answer",
  pure,
  () => {
    for (const line of ["hola", "/msg eva a:"]) {
      const { router } = newRouter();
      router.beginChat({});
      router.chatQueue.editor.insert(line);
      router.beginExclusive();
      void router.promptQueue.next();
      router.paste("uno\ndos\n");
      router.promptQueue.editor.clear();
      enter(router, "/msg beto tres");
      router.restoreLine("/msg beto tres");
      assertEquals(router.chatQueue.editor.text, `${line} dos ↵ /msg beto tres`);
    }
  },
);

Deno.test("InputRouter prints a draft above an answer once until it is released", pure, () => {
  const { router, printed } = newRouter();
  router.beginChat({ draftText: (text) => `= ${text}` });
  router.chatQueue.editor.insert("hol");
  const ask = (answer: string) => {
    router.beginExclusive();
    void router.next(router.promptQueue);
    enter(router, answer);
    router.endExclusive();
  };
  ["uno", "dos"].forEach(ask);
  router.chatQueue.editor.insert("a");
  ask("tres");
  router.onReleased();
  ask("cuatro");
  assertEquals(printed, ["= hol", "uno", "dos", "tres", "= hola", "cuatro"]);
});

Deno.test(
  "InputRouter.pasteDraft() does not change the line that a pasted block goes into",
  pure,
  async () => {
    const { router, printed } = newRouter();
    router.beginChat(PROMPTING);
    const block = Array.from({ length: MAX_UNCONFIRMED_LINES + 1 }, (_, index) => `${index}:\tx`);
    for (const answer of ["n", "s"]) {
      router.paste(`${block.join("\n")}\n`);
      router.pasteDraft("words");
      enter(router, answer);
      assertEquals(router.chatQueue.editor.text, "");
    }
    assertEquals(printed, ["¿11? n", "11 kept", "¿11? s"]);
    assertEquals(await nextChatLine(router), "0: x");
  },
);

Deno.test("InputRouter.paste() keeps the block that waits when another one comes", pure, async () => {
  const { router } = newRouter();
  router.beginChat(PROMPTING);
  const block = (text: string) => `${text}\n`.repeat(MAX_UNCONFIRMED_LINES + 1);
  router.paste(block("uno"));
  router.beginExclusive();
  router.paste(block("dos"));
  router.endExclusive();
  router.paste("n\no");
  assertEquals(router.activeQueue.editor.submit(), "n o");
  enter(router, "s");
  for (let n = 0; n <= MAX_UNCONFIRMED_LINES; n++) assertEquals(await nextChatLine(router), "uno");
});

Deno.test("InputRouter.beginExclusive() leaves the line that a pasted block goes into", pure, async () => {
  const { router } = newRouter();
  router.beginChat({ ...PROMPTING, ...ANSWERING });
  router.chatQueue.editor.insert("10.0.0");
  router.paste("x\n".repeat(MAX_UNCONFIRMED_LINES + 1));
  router.beginExclusive();
  router.endExclusive();
  enter(router, "s");
  assertEquals(await nextChatLine(router), "10.0.0x");
});

Deno.test("InputRouter.end() drops the block that waits, and ends the chat's lines", pure, async () => {
  const { router } = newRouter();
  router.beginChat(PROMPTING);
  router.paste("uno\n".repeat(MAX_UNCONFIRMED_LINES + 1));
  const next = nextChatLine(router);
  router.end();
  assertEquals(await next, undefined);
});
