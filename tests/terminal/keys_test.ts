// What control sequences mean. What becomes of them when they come in pieces is in key_decoder_test.ts.

import { assertEquals } from "@std/assert";
import { type Key, parseSequence } from "../../lib/terminal/keys.ts";

const pure = { permissions: "none" } as const;

/** What a key of kitty's protocol types. */
function typed(code: string): string | undefined {
  return (parseSequence(`\x1b[${code}u`) as Key | undefined)?.text;
}

Deno.test("Shift and Caps Lock make capitals, both together do not", pure, () => {
  assertEquals(["97", "97;2", "97;65", "97;66"].map(typed), ["a", "A", "A", "a"]);
});

Deno.test("Shift gives what stands above a digit, whether Caps Lock is on or not", pure, () => {
  assertEquals(["49:33", "49:33;2", "49:33;65", "49:33;66"].map(typed), ["1", "!", "1", "!"]);
});

Deno.test("Keys of window managers and keys that are let go mean nothing", pure, () => {
  for (const code of ["97;9", "97;17", "97;1:3", "57416", "57424;1:3"]) {
    assertEquals(parseSequence(`\x1b[${code}u`), undefined);
  }
});
