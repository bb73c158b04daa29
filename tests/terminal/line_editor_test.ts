// LineEditor: what keys make of a line; completeWord(): what Tab makes of a word.

import { assertEquals } from "@std/assert";
import type { Key } from "../../lib/terminal/keys.ts";
import {
  type Completer,
  completeWord,
  LineEditor,
  MAX_HISTORY_LINES,
  MAX_LINE_UNITS,
} from "../../lib/terminal/line_editor.ts";
import { pure } from "../testing/test_options.ts";

/** A key in Emacs notation: `C-a`, `M-left`, `S-tab`, or the text that it types. */
function keyOf(name: string): Key {
  const [, modifiers, plain] = /^((?:[CMS]-)*)([^]+)$/.exec(name)!;
  if (!modifiers && [...plain!].length === 1) return { name: plain, text: plain };
  return {
    name: plain,
    ctrl: modifiers!.includes("C-"),
    meta: modifiers!.includes("M-"),
    shift: modifiers!.includes("S-"),
  };
}

/** An editor whose cursor is where the bar is in the line. */
function editorOf(line: string, complete: Completer = () => undefined): LineEditor {
  const [before, behind = ""] = line.split("|");
  const editor = new LineEditor(complete);
  editor.insert(before!);
  const { cursor } = editor;
  editor.insert(behind);
  while (editor.cursor > cursor) editor.press({ name: "left" });
  return editor;
}

/** The line with a bar for the cursor. */
function shown({ text, cursor }: LineEditor): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

/** The line after each of some keys. */
function press(editor: LineEditor, ...keys: readonly string[]): string[] {
  return keys.map((key) => {
    editor.press(keyOf(key));
    return shown(editor);
  });
}

for (
  const [line, keys, expected] of [
    ["|", "h o l a", "hola|"],
    ["ho|la", "left x", "hx|ola"],
    ["ho|la", "left / C-b", "h|ola"],
    ["ho|la", "right / C-f", "hol|a"],
    ["ho|la", "right right right", "hola|"],
    ["|hola", "left / backspace / C-w / M-b", "|hola"],
    ["ho|la", "home / C-a", "|hola"],
    ["ho|la", "end / C-e", "hola|"],
    ["uno, dos |tres", "C-left / M-left / M-b", "uno, |dos tres"],
    ["uno, dos tres|", "M-b", "uno, dos |tres"],
    ["uno|, dos tres", "C-right / M-right / M-f", "uno, dos| tres"],
    ["uno, dos| ñandú_2!", "M-f", "uno, dos ñandú_2|!"],
    ["ho|la", "backspace", "h|la"],
    ["ho|la", "delete / C-d", "ho|a"],
    ["hola|", "delete / M-d / C-k", "hola|"],
    ["ho|la", "C-k", "ho|"],
    ["ho|la", "C-u", "|la"],
    ["ve a http://x.y/z |ya", "C-w", "ve a |ya"],
    ["ve a x.y|ya", "M-backspace", "ve a x.|ya"],
    ["ve |a x.y", "M-d / C-delete", "ve | x.y"],
    ["uno dos|", "C-w C-y C-y", "uno dosdos|"],
    ["uno dos tres|", "C-w C-w C-a C-y", "dos tres|uno "],
    ["|uno dos tres", "M-d M-d C-e C-y", " tresuno dos|"],
    ["uno dos|", "C-w x C-w C-y", "uno x|"],
    ["uno |dos", "C-k C-u C-y", "uno dos|"],
    ["uno|", "C-u C-k C-y", "uno|"],
    ["uno dos|", "C-w right C-k C-y", "uno dos|"],
    ["uno|", "C-q M-x f5 escape", "uno|"],
  ] as const
) {
  Deno.test(`LineEditor.press() of ${keys} makes ${expected} of ${line}`, pure, () => {
    for (const typed of keys.split(" / ")) {
      assertEquals(press(editorOf(line), ...typed.split(" ")).at(-1), expected, typed);
    }
  });
}

Deno.test("LineEditor.press() moves over and deletes whole graphemes", pure, () => {
  for (const char of ["👩‍👩‍👧", "🇪🇸", "e\u0301", "👍🏽", "❤️", "각", "1️⃣", "नि"]) {
    const line = `a${char}b|`;
    assertEquals(press(editorOf(line), "left", "backspace").at(-1), "a|b", char);
    assertEquals(press(editorOf(line), "left", "left", "delete").at(-1), "a|b", char);
    assertEquals(press(editorOf(line), "home", "right", "right").at(-1), `a${char}|b`, char);
  }
});

Deno.test("LineEditor.press() types no text with Ctrl or Alt", pure, () => {
  const editor = new LineEditor();
  for (const modifiers of [{ ctrl: true }, { meta: true }]) {
    editor.press({ name: "q", text: "q", ...modifiers });
  }
  assertEquals(editor.text, "");
});

Deno.test("LineEditor.insert() inserts what will be sent: printable, with spaces for tabs", pure, () => {
  const editor = editorOf("a\tb\x1b[2Jc\u202ed");
  assertEquals(editor.text, "a b␛[2Jc�d");
  const indented = editorOf("\t");
  indented.insert("  \tx");
  assertEquals(indented.text, " ".repeat(8) + "x");
  press(indented, "home", " ", "\t");
  assertEquals(shown(indented), `${" ".repeat(4)}|${" ".repeat(8)}x`);
});

Deno.test("LineEditor.press() takes a flag of tags by code points, and shows directions", pure, () => {
  const flag = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
  const editor = new LineEditor();
  for (const text of [...flag, "\u200f"]) editor.press({ name: undefined, text });
  editor.insert(`${flag}\u{e0041}`);
  assertEquals(editor.text, `${flag}\ufffd${flag}\ufffd`);
});

Deno.test("LineEditor.insert() drops what would make the line too long", pure, () => {
  const editor = editorOf("x".repeat(MAX_LINE_UNITS - 1));
  editor.insert("abc");
  assertEquals(editor.text.length, MAX_LINE_UNITS);
  assertEquals(editor.submit().at(-1), "a");
  assertEquals(shown(editor), "|");
});

Deno.test("LineEditor.insert() separates two kills", pure, () => {
  const editor = editorOf("uno");
  press(editor, "C-w");
  editor.insert("dos");
  assertEquals(press(editor, "C-w", "C-y").at(-1), "dos|");
});

Deno.test("LineEditor.submitBeforeCursor() leaves the rest in the line", pure, () => {
  const editor = editorOf("uno|dos");
  assertEquals([editor.submitBeforeCursor(), shown(editor)], ["uno", "|dos"]);
});

Deno.test("LineEditor.addToHistory() ignores blank lines and repetitions; Up and Down browse", pure, () => {
  const editor = new LineEditor();
  for (const line of ["uno", "dos", "dos", " ", "tres"]) editor.addToHistory(line);
  editor.insert("cua");
  assertEquals(
    press(editor, "up", "up", "C-p", "up", "down", "C-n", "down", "down"),
    ["tres|", "dos|", "uno|", "uno|", "dos|", "tres|", "cua|", "cua|"],
  );
});

Deno.test("LineEditor keeps edited lines of the history until a line is submitted", pure, () => {
  const editor = new LineEditor();
  for (const line of ["uno", "dos"]) editor.addToHistory(line);
  editor.insert("cua");
  assertEquals(
    press(editor, "up", "x", "up", "y", "down", "down", "up", "up"),
    ["dos|", "dosx|", "uno|", "unoy|", "dosx|", "cua|", "dosx|", "unoy|"],
  );
  assertEquals(editor.submit(), "unoy");
  assertEquals(press(editor, "up"), ["dos|"]);
});

Deno.test(`LineEditor.addToHistory() keeps the newest ${MAX_HISTORY_LINES} lines`, pure, () => {
  const editor = new LineEditor();
  for (let n = 0; n <= MAX_HISTORY_LINES; n++) editor.addToHistory(`line ${n}`);
  assertEquals(press(editor, ...Array(MAX_HISTORY_LINES + 1).fill("up")).at(-1), "line 1|");
});

const complete: Completer = (before) => {
  if (before.endsWith("?")) return undefined;
  return { from: before.lastIndexOf(" ") + 1, choices: before.endsWith("!") ? [] : ["ana ", "andrea "] };
};

for (
  const [keys, line, search] of [
    [["C-r"], "sin acabar|", ""],
    [["C-r", "U"], "una más|", "U"],
    [["C-r", "u", "n", "a"], "una más|", "una"],
    [["C-r", "u", "n", "C-r"], "una|", "un"],
    [["C-r", "u", "n", "C-r", "C-r"], "una|", "un"],
    [["C-r", "u", "n", "C-r", "C-s"], "una más|", "un"],
    [["C-r", "u", "n", "C-r", "a", " "], "sin acabar|", "una "],
    [["C-r", "m", "a", "s", "x", "backspace"], "una más|", "mas"],
    [["C-r", "z"], "sin acabar|", "z"],
    [["C-r", "d", "o", "escape"], "sin acabar|", undefined],
    [["C-r", "d", "o", "C-g"], "sin acabar|", undefined],
    [["C-r", "d", "o", "left"], "do|s", undefined],
    [["C-r", "d", "o", "down"], "una más|", undefined],
    [["C-r", "d", "o", "C-g", "C-r", "C-r"], "dos|", "do"],
  ] as const
) {
  Deno.test(`LineEditor.press() of ${keys.join(" ")} searches the history`, pure, () => {
    const editor = new LineEditor(complete);
    for (const entered of ["una", "dos", "una más"]) editor.addToHistory(entered);
    editor.insert("sin acabar");
    for (const key of keys) editor.press(keyOf(key));
    const { text, cursor } = editor.visible;
    assertEquals([shown({ text, cursor } as LineEditor), editor.search?.query], [line, search]);
    if (search !== undefined) assertEquals(editor.text, "sin acabar");
  });
}

Deno.test("LineEditor.press() of Ctrl-R searches an empty history too, but not at a question", pure, () => {
  const [editor, ofQuestion] = [new LineEditor(complete), new LineEditor()];
  for (const key of ["C-r", "x"]) editor.press(keyOf(key));
  assertEquals([editor.search, editor.text], [{ query: "x", isFound: false }, ""]);
  assertEquals([editor.clear(), editor.clear()], [true, false]); // as Ctrl-C does, which ends the program at false
  for (const key of ["C-r", "x"]) ofQuestion.press(keyOf(key));
  assertEquals([ofQuestion.search, ofQuestion.text], [undefined, "x"]);
});

Deno.test("LineEditor.acceptFound() refuses a search that has found nothing", pure, () => {
  const editor = editorOf("x");
  editor.addToHistory("una");
  for (const [query, isFound] of [["u", true], ["z", false], ["", false]] as const) {
    for (const key of ["C-r", ...query]) editor.press(keyOf(key));
    assertEquals(editor.acceptFound(), isFound);
  }
  assertEquals([editor.search, editor.submit()], [undefined, "una"]);
});

Deno.test("LineEditor.clear() leaves a search, then the line, which Ctrl-Y brings back", pure, () => {
  const editor = editorOf("hola");
  editor.addToHistory("una");
  for (const key of ["C-r", "u"]) editor.press(keyOf(key));
  assertEquals([editor.clear(), shown(editor)], [true, "hola|"]);
  assertEquals([editor.clear(), editor.clear(), shown(editor)], [true, false, "|"]);
  editor.press(keyOf("C-y"));
  assertEquals(shown(editor), "hola|");
});

Deno.test("LineEditor.press() of Tab cycles through completions, of Shift-Tab back", pure, () => {
  assertEquals(press(editorOf("hola an", complete), "tab", "tab", "tab", "S-tab", "x", "tab"), [
    "hola ana |",
    "hola andrea |",
    "hola ana |",
    "hola andrea |",
    "hola andrea x|",
    "hola andrea ana |",
  ]);
  assertEquals(press(editorOf("a", complete), "S-tab"), ["andrea |"]);
});

Deno.test("LineEditor.press() of Tab leaves what follows the cursor", pure, () => {
  assertEquals(
    press(editorOf("an| y tú?", complete), "tab", "end", "tab", "!", "tab").filter((_, n) => n % 2 === 0),
    ["ana | y tú?", "ana  y tú?|", "ana  y tú?!|"],
  );
});

Deno.test("LineEditor completes anew after insert() and after submit()", pure, () => {
  const editor = editorOf("a", complete);
  press(editor, "tab");
  editor.insert("b");
  assertEquals(press(editor, "tab"), ["ana ana |"]);
  assertEquals(editor.submit(), "ana ana ");
  assertEquals(press(editor, "tab"), ["ana |"]);
});

for (
  const [line, expected] of [
    ["|", "sin nadie|"],
    ["hola|", "hola sin nadie|"],
    ["hola |", "hola sin nadie|"],
    ["|hola", "hola sin nadie|"],
  ] as const
) {
  Deno.test(`LineEditor.insertWord() into ${line} makes ${expected}`, pure, () => {
    const editor = editorOf(line);
    editor.insertWord("sin nadie");
    assertEquals(shown(editor), expected);
  });
}

Deno.test("LineEditor.insertWord() at a position puts spaces around the words", pure, () => {
  for (
    const [at, expected] of [[0, "sin hola nadie|"], [4, "hola sin nadie|"], [
      10,
      "hola nadie sin|",
    ]] as const
  ) {
    const editor = editorOf("hola nadie|");
    editor.insertWord("sin", at);
    assertEquals(shown(editor), expected);
  }
});

for (
  const [before, expected] of [
    ["be", { from: 0, choices: ["beto: "] }],
    ["hola be", { from: 5, choices: ["beto "] }],
    ["/msg be", { from: 5, choices: ["beto "] }],
    ["AN", { from: 0, choices: ["ana: ", "Andrés: "] }],
    ["osc", { from: 0, choices: ["Óscar: "] }],
    ["and\u0301", { from: 0, choices: ["Andrés: "] }],
    ["日", { from: 0, choices: ["日本: "] }],
    ["x", { from: 0, choices: [] }],
    ["/qui", { from: 0, choices: ["/quit ", "/quien "] }],
    ["/", { from: 0, choices: ["/help ", "/quit ", "/quien "] }],
    ["  /qui", { from: 2, choices: ["/quit ", "/quien "] }],
    ["ve a /qui", { from: 5, choices: [] }],
    ["/msg ", { from: 5, choices: ["ana ", "Andrés ", "beto ", "Óscar ", "日本 "] }],
    ["hola @BE", { from: 5, choices: ["@beto "] }],
    ["@be", { from: 0, choices: ["@beto "] }],
    ["", undefined],
    ["hola ", undefined],
    ["/help ", undefined],
  ] as const
) {
  const choices = expected ? expected.choices.map((choice) => `"${choice}"`).join() || "none" : "undefined";
  Deno.test(`completeWord("${before}") gives ${choices}`, pure, () => {
    const nicks = ["Óscar", "ana", "Andrés", "beto", "日本"];
    const words = { nicks, commands: ["/help", "/quit", "/quien"], nickCommands: ["/msg"] };
    assertEquals<unknown>(completeWord(before, words), expected);
  });
}
