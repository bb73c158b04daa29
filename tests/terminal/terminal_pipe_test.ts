// Terminal without line editing: a user or a script at a pipe, and a keyboard that the system echoes.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { getEventListeners } from "node:events";
import { systemClock } from "../../lib/base/time.ts";
import { InputError } from "../../lib/errors.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";
import { take } from "../testing/terminal_fixture.ts";

Deno.test("Terminal.ask() prints prompts and answers at a pipe", pure, async () => {
  await using user = new FakeUser();
  user.type(" ana \n\n  \n\n");
  assertEquals(await user.terminal.ask("Nick"), "ana");
  assertEquals(await user.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await user.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await user.terminal.ask("Nick"), "");
  assertEquals(user.output, "Nick:  ana \nPuerto [5000]:\nPuerto [5000]:   \nNick:\n");
});

Deno.test("Terminal.ask() prints the answer of a pipe without its control characters", pure, async () => {
  await using user = new FakeUser();
  user.type("ana\x1b[31m\n");
  assertEquals(await user.terminal.ask("Nick"), "ana\x1b[31m");
  assertEquals(user.output, "Nick: ana␛[31m\n");
});

/** The question of the prompt that had no answer. */
async function unanswered(answer: Promise<string>): Promise<unknown> {
  const { code, details } = await assertRejects(() => answer, InputError);
  assertEquals(code, "input-ended");
  return details.question;
}

Deno.test("Terminal.ask() takes the end of a pipe for the fallback, if there is one", pure, async () => {
  await using user = new FakeUser();
  user.endInput();
  const { terminal } = user;
  assertEquals(await terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await unanswered(terminal.ask("Nick")), "Nick");
  assertEquals(await unanswered(terminal.ask("Puerto", { fallback: "5000", isRetry: true })), "Puerto");
  assertEquals(user.output, "Puerto [5000]:\nNick:\nPuerto [5000]:\n");
});

Deno.test("Terminal.ask() fails at the end of a keyboard, also with a fallback", pure, async () => {
  await using user = new FakeUser({ isTty: true });
  user.endInput();
  assertEquals(await unanswered(user.terminal.ask("Puerto", { fallback: "5000" })), "Puerto");
});

Deno.test("Terminal.ask() prints what is typed at a keyboard only if it was typed ahead", pure, async () => {
  await using user = new FakeUser({ isTty: true });
  const answer = user.terminal.ask("Nick");
  await user.waitForOutput("Nick:");
  user.type("ana\nbea\n");
  assertEquals(await answer, "ana");
  assertEquals(await user.terminal.ask("Amiga"), "bea");
  assertEquals(user.output, "Nick:\nAmiga: bea\n");
});

Deno.test("Terminal.ask() prints no line break where the system echoes Enter", pure, async () => {
  await using user = new FakeUser({ isTty: true, isSystemEcho: true });
  for (const answer of ["ana", ""]) {
    const asked = user.terminal.ask("Nick", { fallback: "eva" });
    await user.until((output) => output.endsWith("Nick [eva]: "), "a question");
    user.type(`${answer}\n`);
    assertEquals(await asked, answer || "eva");
  }
  user.type("beto\n");
  await flushTasks();
  assertEquals(await user.terminal.ask("Nick"), "beto");
  user.endInput();
  await unanswered(user.terminal.ask("Puerto"));
  assertEquals(user.output, "Nick [eva]: Nick [eva]: Nick: beto\nPuerto: \n");
});

Deno.test("Terminal.ask() rejects with its signal's reason, and leaves the next line", pure, async () => {
  await using user = new FakeUser();
  const [ending, reason] = [new AbortController(), new Error("enough")];
  const answer = user.terminal.ask("Nick", { signal: ending.signal });
  answer.catch(() => {});
  await user.waitForOutput("Nick:");
  await flushTasks();
  ending.abort(reason);
  assertStrictEquals(await assertRejects(() => answer, Error), reason);
  const late = user.terminal.ask("Nick", { signal: ending.signal });
  assertStrictEquals(await assertRejects(() => late, Error), reason);
  user.type("hola\n");
  await flushTasks();
  assertEquals(await take(linesOf(user.terminal)), "hola");
});

Deno.test("Terminal.ask() leaves no listener at its signal", pure, async () => {
  await using user = new FakeUser();
  const { signal } = new AbortController();
  user.type("ana\n");
  await user.terminal.ask("Nick", { signal });
  assertEquals(getEventListeners(signal, "abort"), []);
});

Deno.test("Terminal.ask() prints no secret, and does not trim it", pure, async () => {
  await using user = new FakeUser();
  user.type(" dos palabras \n");
  assertEquals(await user.terminal.ask("Contraseña", { isSecret: true }), " dos palabras ");
  assertEquals(user.output, "Contraseña:\n");
});

Deno.test("Terminal.canHideInput is false only for a keyboard that the system echoes", async () => {
  await using script = new FakeUser();
  await using user = new FakeUser({ isTty: true });
  assertEquals([script.terminal.canHideInput, user.terminal.canHideInput], [true, false]);
});

Deno.test("Terminal.lines() gives lines, however they are cut into chunks and ended", pure, async () => {
  await using user = new FakeUser();
  for (const byte of new TextEncoder().encode("uno\ndós\r\n\nthe last")) user.type(Uint8Array.of(byte));
  user.endInput();
  assertEquals(await Array.fromAsync(linesOf(user.terminal)), ["uno", "dós", "", "the last"]);
  assertEquals(user.output, "");
});

Deno.test("Terminal.hasNoAnswers is true once no line is left that could be an answer", pure, async () => {
  await using user = new FakeUser();
  user.type("uno\ndos\n");
  user.endInput();
  await flushTasks();
  const lines = linesOf(user.terminal);
  assertEquals(user.terminal.hasNoAnswers, false);
  for (const line of ["uno", "dos"]) {
    assertEquals(await take(lines), line);
    assertEquals(user.terminal.hasNoAnswers, true);
  }
  assertEquals(await take(lines), undefined);
});

Deno.test("Terminal pauses a pipe that has more lines than are read", pure, async () => {
  let [piped, read] = [0, 0];
  await using terminal = new Terminal({
    input: new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(`${"x".repeat(4_000)}${piped++}\n`)),
    }),
    write: (bytes) => Promise.resolve(bytes.length),
    isTty: false,
  }, systemClock);
  await flushTasks(60);
  assert(piped < 200, `${piped} lines were taken`);
  for await (const line of linesOf(terminal)) {
    assertEquals(line.slice(4_000), String(read++));
    if (read === 1_000) break;
  }
});

Deno.test("Terminal.print() is fulfilled when its lines are written", pure, async () => {
  const writes: string[] = [];
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: async (bytes) => {
      await flushTasks();
      writes.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
    isTty: false,
  }, systemClock);
  await terminal.print("uno", "dos");
  assertEquals(writes, ["uno\ndos\n"]);
  await terminal.print();
  await terminal.print("tres");
  assertEquals(writes, ["uno\ndos\n", "tres\n"]);
});

Deno.test("Terminal.interruptSignal is aborted when the output is closed", pure, async () => {
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: () => Promise.reject(new Deno.errors.BrokenPipe("closed")),
    isTty: false,
  }, systemClock);
  await withTimeout(terminal.print("hola"), "print() to go on");
  assertEquals([terminal.interruptSignal.aborted, terminal.isOutputClosed], [true, true]);
});

Deno.test("Terminal reads what follows Ctrl-D without line editing before it ends", pure, async () => {
  const read: string[] = [];
  const rest = ["salir\n", "rm\n"];
  const terminal = new Terminal({
    input: ReadableStream.from([]),
    rest: ReadableStream.from((function* () {
      for (const text of rest) {
        read.push(text);
        yield new TextEncoder().encode(text);
      }
    })()),
    write: (bytes) => Promise.resolve(bytes.length),
    isTty: true,
  }, systemClock);
  await flushTasks();
  await terminal[Symbol.asyncDispose]();
  assertEquals(read, rest);
});

Deno.test("Terminal shows no status, prompt or bell at a pipe, and clears nothing", pure, async () => {
  await using user = new FakeUser();
  user.terminal.setStatus(["… uno"]);
  user.terminal.setPrompt("? ");
  user.terminal.bell();
  user.terminal.clear();
  user.terminal.restoreNow();
  await user.terminal.print("dos");
  assertEquals([user.output, user.terminal.columns], ["dos\n", undefined]);
});

for (const isTty of [true, false]) {
  const title = isTty
    ? "types nothing of what a terminal without line editing answers"
    : "changes no line of a pipe";
  Deno.test(`Terminal ${title}`, pure, async () => {
    await using user = new FakeUser({ isTty });
    const [answer, line] = [
      "\x1b]11;rgb:0/0/0\x1b\\\x1b[12;40R\x1b[?62;22c\x1bOA",
      take(linesOf(user.terminal)),
    ];
    user.type(`ab${answer}c\n`);
    assertEquals(await line, isTty ? "abc" : `ab${answer}c`);
  });
}

for (const [rest, isAtOnce] of [["", true], ["touch PWNED\n", false]] as const) {
  const title = `Terminal ends ${isAtOnce ? "at once" : "after a pause"} if ${
    JSON.stringify(rest)
  } follows the last line`;
  Deno.test(title, pure, async () => {
    const user = new FakeUser({ isTty: true });
    const { terminal } = user;
    const lines = linesOf(terminal);
    user.type(`quit\n${rest}`);
    assertEquals(await take(lines), "quit");
    await lines.return(undefined);
    let isLate = false;
    const timer = setTimeout(() => isLate = true, 600);
    await terminal[Symbol.asyncDispose]();
    clearTimeout(timer);
    assertEquals(isLate, !isAtOnce);
  });
}
