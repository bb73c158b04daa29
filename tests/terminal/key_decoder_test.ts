// Keys and pasted blocks, however they are cut into pieces.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Key, KeyDecoder, readKeys, readLines } from "../../lib/terminal/keys.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

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

Deno.test("What goes wrong in what a key does is not taken for the end of the input", pure, async () => {
  const fault = new RangeError("no such cursor");
  const { promise: told, resolve } = Promise.withResolvers<unknown>();
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    resolve(event.reason);
  };
  addEventListener("unhandledrejection", note);
  const listener = new Heard();
  listener.onKey = () => {
    throw fault;
  };
  using _ = readKeys(ReadableStream.from([new Uint8Array([97])]), listener);
  assertStrictEquals(await withTimeout(told, "the fault to be told"), fault);
  removeEventListener("unhandledrejection", note);
  assertEquals(listener.heard, []);
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

/** A keyboard of which Escape has come, and nothing else for a while. */
async function afterEscape(): Promise<{ listener: Heard; decoder: KeyDecoder }> {
  const listener = new Heard();
  const decoder = new KeyDecoder(listener);
  decoder.push("\x1b");
  await withTimeout(
    (async () => {
      while (listener.heard.length === 0) await flushTasks();
    })(),
    "Escape",
  );
  assertEquals(listener.heard.splice(0), ["<escape>"]);
  return { listener, decoder };
}

Deno.test("Escape is a key, after a moment", pure, async () => {
  const { listener, decoder: escaped } = await afterEscape();
  using decoder = escaped;
  decoder.push("b");
  assertEquals(listener.heard, ["b"]);
});

Deno.test(
  "What a slow link tore off behind Escape is no text, be it a block, a key or a mouse",
  pure,
  async () => {
    const rests = {
      "[200~uno\ndos\x1b[201~": "{uno\ndos}",
      "[2": "",
      "[A": "<up>",
      "[1;5D": "<C-left>",
      "[3~": "<delete>",
      "[<0;5;5M": "",
      "[": "[",
      "[A sí": "[A sí",
      "[x] hecho": "[x] hecho",
      "[1]": "[1]",
    };
    for (const [rest, heard] of Object.entries(rests)) {
      const { listener, decoder: escaped } = await afterEscape();
      using decoder = escaped;
      decoder.push(rest);
      assertEquals(listener.heard.join(""), heard, rest);
      if (rest === "[2") decoder.push("00~uno\x1b[201~");
      decoder.push("[A");
      assertEquals(listener.heard.join("").slice(heard.length), rest === "[2" ? "{uno}[A" : "[A");
    }
  },
);

Deno.test(
  "A mark that is torn behind more than Escape stays one for longer than Escape waits",
  pure,
  async () => {
    await Promise.all([2, 3, 5].map(async (length) => {
      const listener = new Heard();
      using decoder = new KeyDecoder(listener);
      decoder.push(`a${"\x1b[200~".slice(0, length)}`);
      await new Promise((resolve) => setTimeout(resolve, 120));
      decoder.push(`${"\x1b[200~".slice(length)}uno\ndos\x1b[201~b`);
      assertEquals(listener.heard, ["a", "{uno\ndos}", "b"]);
    }));
  },
);

Deno.test("What has no rest is nothing, after a while", pure, async () => {
  const listener = new Heard();
  using decoder = new KeyDecoder(listener);
  decoder.sequenceTimeoutMs = 5;
  decoder.push("\x1b[20");
  await new Promise((resolve) => setTimeout(resolve, 50));
  decoder.push("0~");
  assertEquals(listener.heard.join(""), "0~");
});

Deno.test(
  "Nothing that a terminal tells of itself or a mouse is typed, wherever it is cut into pieces",
  pure,
  () => {
    const reports = {
      "a mouse in SGR": "\x1b[<0;12;34M\x1b[<0;12;34m",
      "a mouse of old": "\x1b[M !!\x1b[M#\u00e1~",
      "a mouse of rxvt": "\x1b[32;12;34M",
      "what it is": "\x1b[?62;22c\x1b[>1;10;0c",
      "a mode": "\x1b[?2026;2$y\x1b[4;1$y",
      "which keys it knows": "\x1b[?5u",
      "a stray end of a block": "\x1b[201~",
      "its size": "\x1b[8;24;80t",
      "what nobody knows": "\x1b[1;2;3;4z\x1b[=5w\x1b[u",
      "a release": "\x1b[97;1:3u\x1b[1;1:3A\x1b[3;1:3~",
      "keys of the window manager": "\x1b[97;9u\x1b[57444u\x1b[57358u",
    };
    for (const [name, report] of Object.entries(reports)) {
      for (let at = 0; at <= report.length; at++) {
        assertEquals(decode(`a${report.slice(0, at)}`, `${report.slice(at)}b`), "ab", `${name}: ${at}`);
      }
    }
  },
);

Deno.test("Keys of kitty's protocol are keys, wherever they are cut into pieces", pure, () => {
  const keys = {
    "\x1b[97u\x1b[97;1:1u\x1b[97;1:2u": "aaa",
    "\x1b[97;2u\x1b[97:65;2u\x1b[49:33;2u\x1b[225;2u": "AA!Á",
    "\x1b[97;65u\x1b[97;66u": "Aa",
    "\x1b[97;;97:776u\x1b[128104u\x1b[32u": "a\u0308👨 ",
    "\x1b[97;5u\x1b[99;5u\x1b[119;69u\x1b[98;3u\x1b[98;33u": "<C-a><C-c><C-w><M-b><M-b>",
    "\x1b[13u\x1b[13;2u\x1b[9u\x1b[9;2u\x1b[127u\x1b[127;3u\x1b[27u":
      "<return><S-return><tab><S-tab><backspace><M-backspace><escape>",
    "\x1b[57399u\x1b[57408u\x1b[57414u\x1b[57417u\x1b[57426u": "09<return><left><delete>",
    "\x1b[1;1:1A\x1b[1;5:2D\x1b[3;1:1~\x1b[1;129H\x1b[1;133D": "<up><C-left><delete><home><C-left>",
    "\x1b[27;5;97~\x1b[27;2;13~\x1b[27;2;65~\x1b[27;1;97~": "<C-a><S-return>Aa",
    "\x1b\x1b[97u\x1b\x1b[13u": "<M-a><M-return>",
    "\x1b[55296u\x1b[1114112u\x1b[1u\x1b[99999999999999999999u": "",
  };
  for (const [sent, heard] of Object.entries(keys)) {
    assertEquals(decode(sent), heard);
    assertEquals(decode(...sent), heard);
  }
});

Deno.test("Keys of odd terminals are keys as ever", pure, () => {
  assertEquals(
    decode("\x1b[[A\x1b[3$\x1b[5^\x1bOP\x1bO5P\x1b\x1b[A\x1bé"),
    [
      "<f1><S-delete><C-pageup><f1><C-f1><up>",
      "<M-undefined>",
    ].join(""),
  );
});

Deno.test("What is no sequence takes no text with it", pure, () => {
  assertEquals(decode("\x1b[é\x1bO\x01\x1b[3\r!\x1b[12\x1b[Dx"), "é<C-a><return>!<left>x");
});

Deno.test("A character may come in pieces, and a keyboard may end", pure, async () => {
  const listener = new Heard();
  using _ = readKeys(
    ReadableStream.from([...new TextEncoder().encode("é漢")].map((byte) => Uint8Array.of(byte))),
    listener,
  );
  await withTimeout(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["é", "漢", "end"]);
});

Deno.test("A keyboard that breaks has ended", pure, async () => {
  const listener = new Heard();
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error("gone")),
  });
  using _ = readKeys(broken, listener);
  await withTimeout(listener.ended.promise, "the end");
  const lines = new Heard();
  const pipe = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error("gone")) });
  using __ = readLines(pipe, lines);
  await withTimeout(lines.ended.promise, "the end");
});

Deno.test("A pipe gives lines, the last one without its end", pure, async () => {
  const listener = new Heard();
  using _ = readLines(ReadableStream.from([new TextEncoder().encode("uno\r\ndos\n\ntres")]), listener);
  await withTimeout(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["uno", "dos", "", "tres", "end"]);
});
