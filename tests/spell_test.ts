// What comes and goes is told of as one thing.

import { assertEquals } from "@std/assert";
import { OutageNotifier } from "../lib/spell.ts";
import { until } from "./support.ts";

Deno.test("A bad spell is told of at once, its end when it has been over for a while", async () => {
  const told: string[] = [];
  let again = 0;
  using spell = new OutageNotifier({
    tell: (text, { isOver, isAgain }) => {
      if (isAgain) again++;
      else told.push(`${text} ${isOver}`);
    },
    overMs: 50,
  });
  // However often it comes and goes.
  for (let i = 0; i < 5; i++) {
    spell.note(false, "bad");
    spell.note(true, "good");
  }
  assertEquals([told, again], [["bad false"], 4]);
  await until(() => told.length > 1);
  spell.note(false, "bad");
  spell.note(false, "worse");
  spell.note(true, "good");
  spell.note(false, "worse");
  await new Promise((resolve) => setTimeout(resolve, 60));
  spell.note(true, "good");
  await until(() => told.length > 4);
  assertEquals(told, ["bad false", "good true", "bad false", "worse false", "good true"]);
});
