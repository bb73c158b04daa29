// A person or a script at a pipe sees plain lines, and its questions are answered line by line.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { InputError } from "../../lib/errors.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";
import { take } from "../testing/terminal_fixture.ts";

const pure = { permissions: "none" } as const;

Deno.test("Terminal.ask() shows question and answer to a pipe", pure, async () => {
  await using person = new FakeUser();
  person.type(" ana \n");
  assertEquals(await person.terminal.ask("Nick"), "ana");
  assertEquals(person.output, "Nick:  ana \n");
});

Deno.test("Terminal.ask() takes an empty answer for what it offers", pure, async () => {
  await using person = new FakeUser();
  person.type("\n  \n\n");
  assertEquals(await person.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await person.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await person.terminal.ask("Nick"), "");
  assertEquals(person.output, "Puerto [5000]:\nPuerto [5000]:   \nNick:\n");
});

/** The question that had no answer. */
async function unanswered(answer: Promise<string>): Promise<unknown> {
  const { code, details } = await assertRejects(() => answer, InputError);
  assertEquals(code, "input-ended");
  return details.question;
}

Deno.test("Terminal.ask() takes what it offers where a pipe ends, and else fails", pure, async () => {
  await using person = new FakeUser();
  person.endInput();
  assertEquals(await person.terminal.ask("Puerto", { fallback: "5000" }), "5000");
  assertEquals(await unanswered(person.terminal.ask("Nick")), "Nick");
  assertEquals(
    await unanswered(person.terminal.ask("Puerto", { fallback: "5000", isRetry: true })),
    "Puerto",
  );
  assertEquals(person.output, "Puerto [5000]:\nNick:\nPuerto [5000]:\n");
});

Deno.test("Terminal.ask() takes the end of a keyboard for no answer", pure, async () => {
  await using person = new FakeUser({ isTty: true });
  person.endInput();
  assertEquals(await unanswered(person.terminal.ask("Puerto", { fallback: "5000" })), "Puerto");
});

Deno.test("Terminal.ask() does not repeat what a keyboard shows by itself", pure, async () => {
  await using person = new FakeUser({ isTty: true });
  const answer = person.terminal.ask("Nick");
  await person.waitForOutput("Nick:");
  person.type("ana\n");
  assertEquals(await answer, "ana");
  assertEquals(person.output, "Nick:\n");
});

Deno.test("Terminal.ask() leaves no empty line where the Enter of the answer is seen", pure, async () => {
  await using person = new FakeUser({ isTty: true, isSystemEcho: true });
  for (const answer of ["ana", ""]) {
    const asked = person.terminal.ask("Nick", { fallback: "eva" });
    await person.until((output) => output.endsWith("Nick [eva]: "), "a question");
    person.type(`${answer}\n`);
    assertEquals(await asked, answer || "eva");
  }
  person.type("beto\n");
  await flushTasks();
  assertEquals(await person.terminal.ask("Nick"), "beto");
  person.endInput();
  await unanswered(person.terminal.ask("Puerto"));
  assertEquals(person.output, "Nick [eva]: Nick [eva]: Nick: beto\nPuerto: \n");
});

Deno.test(
  "Terminal.ask() gives up with its signal's reason, and leaves the next line alone",
  pure,
  async () => {
    await using person = new FakeUser();
    const [ending, reason] = [new AbortController(), new Error("enough")];
    const answer = person.terminal.ask("Nick", { signal: ending.signal });
    answer.catch(() => {});
    ending.abort(reason);
    assertStrictEquals(await assertRejects(() => answer, Error), reason);
    const late = person.terminal.ask("Nick", { signal: ending.signal });
    assertStrictEquals(await assertRejects(() => late, Error), reason);
    person.type("hola\n");
    assertEquals(await take(linesOf(person.terminal)), "hola");
  },
);

Deno.test("Terminal.lines() gives line after line, however they are cut and ended", pure, async () => {
  await using person = new FakeUser();
  for (const byte of new TextEncoder().encode("uno\ndós\r\n\nthe last")) {
    person.type(new Uint8Array([byte]));
  }
  person.endInput();
  const lines: string[] = [];
  for await (const line of linesOf(person.terminal)) lines.push(line);
  assertEquals(lines, ["uno", "dós", "", "the last"]);
  assertEquals(person.output, "");
});

Deno.test("Terminal.lines() leaves its line to a question that is asked meanwhile", pure, async () => {
  await using person = new FakeUser();
  const lines = linesOf(person.terminal);
  const first = take(lines);
  const answer = person.terminal.ask("Nick");
  person.type("ana\nhola\n");
  assertEquals(await answer, "ana");
  assertEquals(await first, "hola");
});

Deno.test("Terminal.exclusive() holds questions together that belong together", pure, async () => {
  await using person = new FakeUser();
  const line = take(linesOf(person.terminal));
  const answers = person.terminal.exclusive(async () => {
    const host = await person.terminal.ask("Servidor");
    await flushTasks(); // what is typed now is no chat
    return [host, await person.terminal.ask("Puerto")];
  });
  person.type("aula\n5001\nhola\n");
  assertEquals(await answers, ["aula", "5001"]);
  assertEquals(await line, "hola");
});

Deno.test(
  "Terminal keeps lines that nobody waits for yet, and has ended when they can be no answers any more",
  pure,
  async () => {
    await using person = new FakeUser();
    person.type("uno\ndos\n");
    person.endInput();
    await flushTasks();
    const lines = linesOf(person.terminal);
    assertEquals(person.terminal.hasEnded, false);
    for (const line of ["uno", "dos"]) {
      assertEquals(await take(lines), line);
      assertEquals(person.terminal.hasEnded, true);
    }
    assertEquals(await take(lines), undefined);
  },
);

Deno.test("Terminal lets a pipe wait that has more than anybody reads", pure, async () => {
  let [piped, read] = [0, 0];
  await using terminal = new Terminal({
    input: new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(`${"x".repeat(4_000)}${piped++}\n`)),
    }),
    write: () => Promise.resolve(),
    isTty: false,
  }, systemClock);
  await flushTasks(60);
  assert(piped < 200, `${piped} lines were taken`);
  for await (const line of linesOf(terminal)) {
    assertEquals(line.slice(4_000), String(read++));
    if (read === 1_000) break;
  }
});

Deno.test("Terminal.print() writes its lines at once, before it is fulfilled", pure, async () => {
  const writes: string[] = [];
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: async (bytes) => {
      await flushTasks();
      writes.push(new TextDecoder().decode(bytes));
    },
    isTty: false,
  }, systemClock);
  await terminal.print("uno", "dos");
  assertEquals(writes, ["uno\ndos\n"]);
  await terminal.print("tres");
  assertEquals(writes, ["uno\ndos\n", "tres\n"]);
});

Deno.test("Terminal is interrupted when nobody reads what it writes", pure, async () => {
  await using terminal = new Terminal({
    input: new ReadableStream(),
    write: () => Promise.reject(new Deno.errors.BrokenPipe("closed")),
    isTty: false,
  }, systemClock);
  const interrupted = new Promise((resolve) => terminal.interruptSignal.addEventListener("abort", resolve));
  await withTimeout(terminal.print("hola"), "print to go on");
  await withTimeout(interrupted, "the interruption");
});

Deno.test("Terminal.setStatus() shows a pipe nothing", pure, async () => {
  await using person = new FakeUser();
  person.terminal.setStatus(["… uno"]);
  await person.terminal.print("dos");
  assertEquals(person.output, "dos\n");
});

Deno.test("A secret is asked for without being shown, and taken as it is", pure, async () => {
  await using person = new FakeUser();
  person.type(" dos palabras \n");
  assertEquals(await person.terminal.ask("Contraseña", { isSecret: true }), " dos palabras ");
  assertEquals(person.output, "Contraseña:\n");
});
