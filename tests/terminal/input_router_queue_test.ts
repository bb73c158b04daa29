// Lines in a queue, and the reader that waits for them.

import { assertEquals } from "@std/assert";
import { InputRouter } from "../../lib/terminal/input_router.ts";
import { withTimeout } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

function line(text: string) {
  return { text, isPasted: false };
}

Deno.test(
  "A queue gives each line once, whether it came before it was waited for or after",
  pure,
  async () => {
    const queue = new InputRouter(() => {}).promptQueue;
    for (const text of ["uno", "dos"]) queue.deliver(line(text));
    const first = queue.next();
    assertEquals(queue.hasWaiter, true);
    queue.resolveWait();
    assertEquals(queue.hasWaiter, false);
    assertEquals(await withTimeout(first, "a line"), line("uno"));
    const second = queue.next();
    queue.deliver(line("tres"));
    assertEquals(await withTimeout(second, "a line"), line("dos"));
    assertEquals(queue.typeAhead, [line("tres")]);
  },
);

Deno.test("A queue says that nothing more comes only when all was read", pure, async () => {
  const queue = new InputRouter(() => {}).promptQueue;
  queue.deliver(line("uno"));
  const [first] = [queue.next(), queue.resolveWait({ hasEnded: true })];
  assertEquals(await withTimeout(first, "a line"), line("uno"));
  const [second] = [queue.next(), queue.resolveWait({ hasEnded: true })];
  assertEquals(await withTimeout(second, "the end"), undefined);
});

Deno.test("A queue keeps the line for the next if who waited gave up", pure, async () => {
  const queue = new InputRouter(() => {}).promptQueue;
  void queue.next();
  queue.cancelWait();
  queue.deliver(line("uno"));
  const [next] = [queue.next(), queue.resolveWait()];
  assertEquals(await withTimeout(next, "a line"), line("uno"));
});

Deno.test(
  "A queue shows nothing of what is secret, nor how long it is, and gives it all the same",
  pure,
  async () => {
    const queue = new InputRouter(() => {}).promptQueue;
    queue.editor.insert("ábrete");
    assertEquals([queue.visible.text, queue.visible.cursor], ["ábrete", 6]);
    queue.isSecret = true;
    assertEquals([queue.visible.text, queue.visible.cursor], ["", 0]);
    queue.deliver(line(queue.editor.submit()));
    const [next] = [queue.next(), queue.resolveWait()];
    assertEquals(await withTimeout(next, "a line"), line("ábrete"));
  },
);
