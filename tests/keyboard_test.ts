// Keys and pasted blocks, however they are cut into pieces.

import { assertEquals } from "@std/assert";
import { KeyDecoder, readKeys, readLines } from "../lib/keyboard.ts";
import type { Key } from "../lib/line_editor.ts";
import { settle, soon } from "./support.ts";

const pure = { permissions: "none" } as const;

/** What was told, a key by its name or what it types, a block in braces. */
class Heard {
  readonly heard: string[] = [];
  readonly ended = Promise.withResolvers<void>();

  onKey({ name, ctrl, meta, shift, text }: Key): void {
    const modifiers = `${ctrl ? "C-" : ""}${meta ? "M-" : ""}${shift && !text ? "S-" : ""}`;
    this.heard.push(text ?? `<${modifiers}${name}>`);
  }

  onPaste(text: string): void {
    this.heard.push(`{${text}}`);
  }

  onLine(line: string): void {
    this.heard.push(line);
  }

  onEnd(): void {
    this.heard.push("end");
    this.ended.resolve();
  }
}

function decode(...texts: string[]): string {
  const listener = new Heard();
  using decoder = new KeyDecoder(listener);
  for (const text of texts) decoder.push(text);
  return listener.heard.join("");
}

Deno.test("Keys are told apart as terminals send them", pure, () => {
  assertEquals(decode("aÑ漢👩 "), "aÑ漢👩 ");
  assertEquals(decode("\r\n\x7f\x08"), "<return><enter><backspace><backspace>");
  assertEquals(decode("\x01\x17\x1bb"), "<C-a><C-w><M-b>");
  assertEquals(decode("\x1b[A\x1b[1;5D\x1bOF\x1b[3~\x1b[Z"), "<up><C-left><end><delete><S-tab>");
});

Deno.test("A block that is pasted is one thing, wherever it is cut into pieces", pure, () => {
  const text = "a\x1b[200~uno\r\ndos\t\x1b[A\x1b[201~b\x1b[D";
  for (let at = 0; at <= text.length; at++) {
    assertEquals(decode(text.slice(0, at), text.slice(at)), "a{uno\r\ndos\t\x1b[A}b<left>", `${at}`);
  }
  assertEquals(decode(...text), "a{uno\r\ndos\t\x1b[A}b<left>");
});

Deno.test("Two blocks are two, and an empty one is one", pure, () => {
  assertEquals(decode("\x1b[200~a\x1b[201~\x1b[200~\x1b[201~"), "{a}{}");
});

Deno.test("A block whose end got lost ends with Ctrl-C", pure, () => {
  assertEquals(decode("\x1b[200~uno", "dos", "\x03", "x"), "{unodos}<C-c>x");
});

Deno.test("A block that is too large comes in pieces, and nothing of it is lost", pure, () => {
  const listener = new Heard();
  using decoder = new KeyDecoder(listener);
  const text = "x".repeat(1 << 20);
  for (const part of ["\x1b[200~", text, "y\x1b[20", "1~z"]) decoder.push(part);
  assertEquals(listener.heard.map((part) => part.length), [text.length + 3, 2, 1]);
  assertEquals(listener.heard.join("").replaceAll(/x+/g, ""), "{y}{}z");
});

Deno.test(
  "A tab is a key, also of somebody who types fast, but text amid lines that come in one piece",
  pure,
  () => {
    assertEquals(decode("an\t", "\thola, b\t!\r"), "an<tab><tab>hola, b<tab>!<return>");
    assertEquals(decode("\ta\r\n\tb"), "\ta<return><enter>\tb");
  },
);

Deno.test("Escape is a key, after a moment", pure, async () => {
  const listener = new Heard();
  using decoder = new KeyDecoder(listener);
  decoder.push("\x1b");
  await soon(
    (async () => {
      while (listener.heard.length === 0) await settle();
    })(),
    "Escape",
  );
  decoder.push("b");
  assertEquals(listener.heard, ["<M-escape>", "b"]);
});

Deno.test("A character may come in pieces, and a keyboard may end", pure, async () => {
  const listener = new Heard();
  using _ = readKeys(
    ReadableStream.from([...new TextEncoder().encode("é漢")].map((byte) => Uint8Array.of(byte))),
    listener,
  );
  await soon(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["é", "漢", "end"]);
});

Deno.test("A keyboard that breaks has ended", pure, async () => {
  const listener = new Heard();
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error("gone")),
  });
  using _ = readKeys(broken, listener);
  await soon(listener.ended.promise, "the end");
  const lines = new Heard();
  const pipe = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error("gone")) });
  using __ = readLines(pipe, lines);
  await soon(lines.ended.promise, "the end");
});

Deno.test("A pipe gives lines, the last one without its end", pure, async () => {
  const listener = new Heard();
  using _ = readLines(ReadableStream.from([new TextEncoder().encode("uno\r\ndos\n\ntres")]), listener);
  await soon(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["uno", "dos", "", "tres", "end"]);
});
