// Lines and those who wait for them.

import { assertEquals } from "@std/assert";
import { LineQueue } from "../../lib/terminal/desk.ts";
import { withTimeout } from "../support.ts";

const pure = { permissions: "none" } as const;

function line(text: string) {
  return { text, isPasted: false };
}

Deno.test(
  "A desk gives each line once, whether it came before it was waited for or after",
  pure,
  async () => {
    const desk = new LineQueue();
    for (const text of ["uno", "dos"]) desk.deliver(line(text));
    const first = desk.next();
    assertEquals(desk.hasWaiter, true);
    desk.dispatch();
    assertEquals(desk.hasWaiter, false);
    assertEquals(await withTimeout(first, "a line"), line("uno"));
    const second = desk.next();
    desk.deliver(line("tres"));
    assertEquals(await withTimeout(second, "a line"), line("dos"));
    assertEquals(desk.typeAhead, [line("tres")]);
  },
);

Deno.test("A desk says that nothing more comes only when all was read", pure, async () => {
  const desk = new LineQueue();
  desk.deliver(line("uno"));
  const [first] = [desk.next(), desk.dispatch({ hasEnded: true })];
  assertEquals(await withTimeout(first, "a line"), line("uno"));
  const [second] = [desk.next(), desk.dispatch({ hasEnded: true })];
  assertEquals(await withTimeout(second, "the end"), undefined);
});

Deno.test("A desk keeps the line for the next if who waited gave up", pure, async () => {
  const desk = new LineQueue();
  void desk.next();
  desk.cancelWait();
  desk.deliver(line("uno"));
  const [next] = [desk.next(), desk.dispatch()];
  assertEquals(await withTimeout(next, "a line"), line("uno"));
});

Deno.test(
  "A desk shows nothing of what is secret, nor how long it is, and gives it all the same",
  pure,
  async () => {
    const desk = new LineQueue();
    desk.editor.insert("ábrete");
    assertEquals([desk.visible.text, desk.visible.cursor], ["ábrete", 6]);
    desk.isSecret = true;
    assertEquals([desk.visible.text, desk.visible.cursor], ["", 0]);
    desk.deliver(line(desk.editor.submit()));
    const [next] = [desk.next(), desk.dispatch()];
    assertEquals(await withTimeout(next, "a line"), line("ábrete"));
  },
);
