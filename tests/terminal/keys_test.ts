// KeyDecoder: keys and pasted blocks, however the input is cut into chunks.

import { assertEquals } from "@std/assert";
import { KeyDecoder, withoutAnswers } from "../../lib/terminal/keys.ts";
import { InputRecorder } from "../testing/input_recorder.ts";
import { pure } from "../testing/test_options.ts";
import { waitFor } from "../testing/waiting.ts";

function decode(...chunks: string[]): string {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  for (const chunk of chunks) decoder.push(chunk);
  return listener.heard.join("");
}

const DECODED: Record<string, Record<string, string>> = {
  "text, and keys as terminals send them": {
    "aÑ漢👩 ": "aÑ漢👩 ",
    "\r\n\x7f\x08": "<return><enter><backspace><backspace>",
    "\x01\x17\x1bb": "<C-a><C-w><M-b>",
    "\x1b[A\x1b[1;5D\x1bOF\x1b[3~\x1b[Z": "<up><C-left><end><delete><S-tab>",
    "\x1b[[A\x1b[3$\x1b[5^\x1bOP\x1bO5P\x1b\x1b[A\x1bé":
      "<f1><S-delete><C-pageup><f1><C-f1><up><M-undefined>",
    "\x1b[1;129H\x1b[1;133D\x1b[1;72A": "<home><C-left><C-M-S-up>", // Num Lock is no modifier
  },
  "text after what is no sequence": { "\x1b[é\x1bO\x01\x1b[3\r!\x1b[12\x1b[Dx": "é<C-a><return>!<left>x" },
  "pasted blocks": {
    "a\x1b[200~uno\r\ndos\t\x1b[A\x1b[201~b\x1b[D": "a{uno\r\ndos\t\x1b[A}b<left>",
    "\x1b[200~a\x1b[201~\x1b[200~\x1b[201~": "{a}{}",
  },
  "keys and a paste with 8-bit controls": {
    "\x9bA\x8fF\x9b200~uno\r\x1b[201~\x9b201~\x9bD": "<up><end>{uno\r\x1b[201~}<left>",
  },
  "all controls in a pasted block as data": {
    "\x1b[200~uno\x9b201~\r\x9d\x1b[201~b": "{uno\x9b201~\r\x9d}b",
    "\x1b[200~hola \x03\ntouch PWNED\n\x04\x1a\x1b]\x1b[201~\x03":
      "{hola \x03\ntouch PWNED\n\x04\x1a\x1b]}<C-c>",
  },
  "text after an answer that breaks off, as typed after Alt+]": {
    "\x1b]hola\rx\x1bPadiós\x1b[D": "<M-undefined>hola<return>x<M-S-p>adiós<left>",
  },
};
for (const [what, cases] of Object.entries(DECODED)) {
  Deno.test(`KeyDecoder decodes ${what}`, pure, () => {
    for (const [sent, heard] of Object.entries(cases)) {
      for (let at = 0; at <= sent.length; at++) {
        // Half a surrogate pair never comes: readKeys() decodes UTF-8.
        if (/[\udc00-\udfff]/.test(sent.charAt(at))) continue;
        assertEquals(decode(sent.slice(0, at), sent.slice(at)), heard, `${JSON.stringify(sent)} at ${at}`);
      }
      assertEquals(decode(...sent), heard);
    }
  });
}

const IGNORED = {
  "a mouse in SGR mode": "\x1b[<0;12;34M\x1b[<0;12;34m",
  "a mouse in X10 mode": "\x1b[M !!\x1b[M#\u00e1~",
  "a mouse of rxvt": "\x1b[32;12;34M",
  "device attributes": "\x1b[?62;22c\x1b[>1;10;0c",
  "a mode": "\x1b[?2026;2$y\x1b[4;1$y",
  "kitty's flags": "\x1b[?5u",
  "the end of no block": "\x1b[201~",
  "the terminal's size": "\x1b[8;24;80t",
  "unknown sequences": "\x1b[1;2;3;4z\x1b[=5w\x1b[u",
  "keys of kitty's protocol and of xterm's modifyOtherKeys": "\x1b[97;5u\x1b[57417u\x1b[1;1:3A\x1b[27;5;97~",
  "colours (OSC)": "\x1b]11;rgb:1717/1717/1717\x1b\\\x1b]4;1;rgb:cdcd/0000/0000\x07",
  "the title (OSC)": "\x1b]lbash — ñ\x1b\\",
  "its name and settings (DCS)": "\x1bP>|XTerm(390)\x1b\\\x1bP1$r0m\x1b\\\x1b\x1bP0+r\x1b\\",
  "all of these with 8-bit controls":
    "\x9d11;rgb:0/0/0\x9c\x9d4;1;x\x07\x9b?62;22c\x90>|XTerm\x9c\x9fG\x9c\x9ex\x9c\x98x\x9c",
  "kitty's images (APC), PM and SOS": "\x1b_Gi=31;OK\x1b\\\x1b^x\x1b\\\x1bXx\x07",
};
for (const [name, report] of Object.entries(IGNORED)) {
  Deno.test(`KeyDecoder ignores reports of ${name}`, pure, () => {
    for (let at = 0; at <= report.length; at++) {
      assertEquals(decode(`a${report.slice(0, at)}`, `${report.slice(at)}b`), "ab", `${at}`);
    }
  });
}

Deno.test("KeyDecoder makes keys without text of reports of the focus", pure, () => {
  const report = "\x1b[I\x1b[O";
  for (let at = 0; at <= report.length; at++) {
    const heard = decode(`a${report.slice(0, at)}`, `${report.slice(at)}b`);
    assertEquals(heard, "a<focus-in><focus-out>b", `${at}`);
  }
});

Deno.test("KeyDecoder splits a block of more than 1 Mi units, and loses nothing", pure, () => {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  const text = "x".repeat(1 << 20);
  for (const part of ["\x1b[200~", text, "y\x1b[20", "1~z"]) decoder.push(part);
  assertEquals(listener.heard.map((part) => part.length), [text.length + 3, 2, 1]);
  assertEquals(listener.heard.join("").replaceAll(/x+/g, ""), "{y}{}z");
});

Deno.test("KeyDecoder takes a tab for text only in an unmarked paste of several lines", pure, () => {
  assertEquals(decode("an\t", "\thola, b\t!\r"), "an<tab><tab>hola, b<tab>!<return>");
  assertEquals(decode("\ta\r\n\tb"), "\ta<return><enter>\tb");
});

/** A decoder that has delivered Escape as a key, after which `rest` comes. */
async function afterEscape(...rest: string[]): Promise<string> {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  decoder.push("\x1b");
  assertEquals(listener.heard, []);
  await waitFor(() => listener.heard.length > 0, "Escape");
  assertEquals(listener.heard.splice(0), ["<escape>"]);
  for (const chunk of rest) decoder.push(chunk);
  return listener.heard.join("");
}

const AFTER_ESCAPE: [chunks: string[], heard: string][] = [
  [["b"], "b"],
  [["[200~uno\ndos\x1b[201~", "[A"], "{uno\ndos}[A"],
  [["[2", "00~uno\x1b[201~", "[A"], "{uno}[A"],
  [["[", "200~uno\nquit\r\x1b[201~", "[A"], "{uno\nquit\r}[A"],
  [["[", "2", "0", "0", "~", "uno\x1b[201~"], "{uno}"],
  [["[", "20", "h", "[A"], "[20h[A"],
  [["[", "A", "2"], "[A2"],
  [["[?62;22c", "[A"], "[A"],
  [["]11;rgb:0/0/0\x9c", "[A"], "[A"],
  [["[A", "[A"], "<up>[A"],
  [["[1;5D", "[A"], "<C-left>[A"],
  [["[3~", "[A"], "<delete>[A"],
  [["[<0;5;5M", "[A"], "[A"],
  ...["[A sí", "[x] hecho", "[1]"].map((text): [string[], string] => [[text, "[A"], `${text}[A`]),
];
for (const [chunks, heard] of AFTER_ESCAPE) {
  const title = `KeyDecoder decodes ${JSON.stringify(chunks)} after a late Escape as ${
    JSON.stringify(heard)
  }`;
  Deno.test(title, pure, async () => assertEquals(await afterEscape(...chunks), heard));
}

Deno.test("KeyDecoder waits longer for the rest of a sequence than for that of Escape", pure, async () => {
  await Promise.all([2, 3, 5].map(async (length) => {
    const listener = new InputRecorder();
    using decoder = new KeyDecoder(listener);
    decoder.push("a\x1b");
    decoder.push("\x1b[200~".slice(1, length));
    assertEquals(await afterEscape(), "");
    await new Promise((resolve) => setTimeout(resolve, 120));
    decoder.push(`${"\x1b[200~".slice(length)}uno\ndos\x1b[201~b`);
    assertEquals(listener.heard, ["a", "{uno\ndos}", "b"]);
  }));
});

Deno.test("KeyDecoder drops an incomplete sequence after its timeout", pure, async () => {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  decoder.sequenceTimeoutMs = 5;
  decoder.push("\x1b[20");
  await new Promise((resolve) => setTimeout(resolve, 50));
  decoder.push("0~");
  assertEquals(listener.heard.join(""), "0~");
});

Deno.test("KeyDecoder types what waited after Escape for the rest of a paste's mark", pure, async () => {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  decoder.sequenceTimeoutMs = 5;
  decoder.push("\x1b");
  await waitFor(() => listener.heard.length > 0, "Escape");
  decoder.push("[2");
  assertEquals(decoder.isIncomplete, true);
  await waitFor(() => listener.heard.length > 1, "the text");
  decoder.push("00~");
  assertEquals(listener.heard.join(""), "<escape>[200~");
});

Deno.test("withoutAnswers() changes nothing but a line with answers", pure, () => {
  for (const line of ["hola \x9d", "\x1b]", "\x9b", "ñ漢"]) assertEquals(withoutAnswers(line), line);
  assertEquals(withoutAnswers("a\x9d11;rgb:0/0/0\x9cb\x9bAc\x1b[Ad"), "abcd");
});

/** A decoder of a block whose end does not come in time, after which these chunks come. */
async function afterLostEnd(block: string, ...chunks: string[]): Promise<string> {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  decoder.pasteTimeoutMs = 101;
  decoder.push(`\x1b[200~${block}`);
  await waitFor(() => listener.heard.length > 0, "the block");
  for (const chunk of chunks) decoder.push(chunk);
  return listener.heard.join("");
}

const AFTER_LOST_END: [chunks: string[], heard: string][] = [
  [["x", "\r", "\x03"], "{uno\x03}x<return><C-c>"],
  [["\x03"], "{uno\x03}<C-c>"],
  [["salir\r"], "{uno\x03}salir<return>"],
  [["\ntouch PWNED\n", "\x03", "\x1b[201~", "x"], "{uno\x03}{\ntouch PWNED\n\x03}x"],
  [["a\x03", "b\x1b[201~"], "{uno\x03}{a\x03b}"],
  [["dos\x1b[201~x"], "{uno\x03}{dos}x"],
  [["x", "dos\x1b[201~"], "{uno\x03}xdos"],
  [["\x1b[200~dos\x1b[201~x"], "{uno\x03}{dos}x"],
];
for (const [chunks, heard] of AFTER_LOST_END) {
  const title = `KeyDecoder decodes ${JSON.stringify(chunks)} after a block without its end as ${
    JSON.stringify(heard)
  }`;
  Deno.test(title, pure, async () => assertEquals(await afterLostEnd("uno\x03", ...chunks), heard));
}

Deno.test("KeyDecoder finds the end of a block that a slow link split", pure, async () => {
  assertEquals(await afterLostEnd("uno\x1b[20", "1~x"), "{uno}{}x");
  assertEquals(await afterLostEnd("uno\x1b[20", "x"), "{uno}x");
  assertEquals(await afterLostEnd("uno\x1b", "[2", "01", "~x"), "{uno}{}x");
});

Deno.test("KeyDecoder takes Ctrl-C after a pause in a block for its end, once", pure, async () => {
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  decoder.pasteTimeoutMs = 3_600_000;
  decoder.push("\x1b[200~uno");
  await new Promise((resolve) => setTimeout(resolve, 150));
  for (const chunk of ["\x03", "x", "\x03"]) decoder.push(chunk);
  assertEquals(listener.heard, ["{uno}", "x", "<C-c>"]);
});

Deno.test("KeyDecoder ignores an answer that a slow link split after its first key", pure, async () => {
  assertEquals(await afterEscape("]11;rgb:0/0/0\x1b\\x", "]1"), "x]1");
  const listener = new InputRecorder();
  using decoder = new KeyDecoder(listener);
  decoder.push("\x1b]");
  await waitFor(() => listener.heard.length > 0, "the key");
  decoder.push("11;rgb:0/0/0\x07x");
  assertEquals(listener.heard, ["<M-undefined>", "x"]);
});
