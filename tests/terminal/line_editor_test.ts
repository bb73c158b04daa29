// What keys do to a line.

import { assertEquals } from "@std/assert";
import type { Key } from "../../lib/terminal/keys.ts";
import {
  type Completer,
  LineEditor,
  MAX_HISTORY_LINES,
  MAX_LINE_UNITS,
} from "../../lib/terminal/line_editor.ts";

const pure = { permissions: "none" } as const;

/** A key as people write it: `C-a`, `M-left`, `S-tab`, or what it types. */
function keyOf(name: string): Key {
  const [, modifiers, plain] = /^((?:[CMS]-)*)(.+)$/.exec(name)!;
  if (!modifiers && [...plain!].length === 1) return { name: plain, text: plain };
  return {
    name: plain,
    ctrl: modifiers!.includes("C-"),
    meta: modifiers!.includes("M-"),
    shift: modifiers!.includes("S-"),
  };
}

/** The line with a bar for the cursor. */
function shown({ text, cursor }: LineEditor): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

/** What keys make of a line whose cursor is where the bar is. */
function after(line: string, ...keys: string[]): string {
  const [before, behind] = line.split("|");
  const editor = new LineEditor();
  editor.insert(before! + behind!);
  while (editor.cursor > before!.length) editor.press({ name: "left" });
  for (const key of keys) editor.press(keyOf(key));
  return shown(editor);
}

for (
  const [line, keys, expected] of [
    ["|", "h o l a", "hola|"],
    ["ho|la", "left x", "hx|ola"],
    ["ho|la", "right right right", "hola|"],
    ["ho|la", "C-b", "h|ola"],
    ["ho|la", "C-f", "hol|a"],
    ["|hola", "left", "|hola"],
    ["ho|la", "home", "|hola"],
    ["ho|la", "C-a", "|hola"],
    ["ho|la", "end", "hola|"],
    ["ho|la", "C-e", "hola|"],
    ["uno, dos tres|", "C-left", "uno, dos |tres"],
    ["uno, dos |tres", "M-b", "uno, |dos tres"],
    ["uno, |dos", "M-left", "|uno, dos"],
    ["|uno, dos", "C-right", "uno|, dos"],
    ["uno|, dos tres", "M-f", "uno, dos| tres"],
    ["uno, dos| ñandú_2!", "M-right", "uno, dos ñandú_2|!"],
    ["ho|la", "backspace", "h|la"],
    ["|hola", "backspace", "|hola"],
    ["ho|la", "delete", "ho|a"],
    ["ho|la", "C-d", "ho|a"],
    ["hola|", "delete", "hola|"],
    ["ho|la", "C-k", "ho|"],
    ["ho|la", "C-u", "|la"],
    ["ve a http://x.y/z |ya", "C-w", "ve a |ya"],
    ["ve a x.y|ya", "M-backspace", "ve a x.|ya"],
    ["ve |a x.y", "M-d", "ve | x.y"],
    ["ve |a x.y", "C-delete", "ve | x.y"],
    ["uno dos|", "C-w C-y C-y", "uno dosdos|"],
    ["uno dos tres|", "C-w C-w C-a C-y", "dos tres|uno "],
    ["|uno dos tres", "M-d M-d C-e C-y", " tresuno dos|"],
    ["uno dos|", "C-w x C-w C-y", "uno x|"],
    ["uno |dos", "C-k C-u C-y", "uno dos|"],
    ["uno|", "C-u C-k C-y", "uno|"],
    ["uno dos|", "C-w right C-k C-y", "uno dos|"],
    ["uno|", "C-q", "uno|"],
    ["uno|", "M-x", "uno|"],
    ["uno|", "f5", "uno|"],
    ["uno|", "escape", "uno|"],
  ] as const
) {
  Deno.test(`Where the line is ${line}, ${keys} leads to ${expected}`, pure, () => {
    assertEquals(after(line, ...keys.split(" ")), expected);
  });
}

Deno.test("A character is what people see as one, however many code points it has", pure, () => {
  for (const char of ["👩‍👩‍👧", "🇪🇸", "e\u0301", "👍🏽", "❤️", "각", "1️⃣", "नि"]) {
    const line = `a${char}b|`;
    assertEquals(after(line, "left", "backspace"), "a|b", char);
    assertEquals(after(line, "left", "left", "delete"), "a|b", char);
    assertEquals(after(line, "home", "right", "right"), `a${char}|b`, char);
  }
});

Deno.test("What is inserted is shown as it will be sent", pure, () => {
  const editor = new LineEditor();
  editor.insert("a\tb\x1b[2Jc\u202ed");
  assertEquals(editor.text, "a b␛[2Jc�d");
});

Deno.test("Tabs that indent a line lead to every fourth column, however they come into it", pure, () => {
  const editor = new LineEditor();
  editor.insert("\t");
  editor.insert("  \tx");
  assertEquals(editor.text, " ".repeat(8) + "x");
  editor.press({ name: "home" });
  for (const text of [" ", "\t"]) editor.press({ text });
  assertEquals([editor.text, editor.cursor], [" ".repeat(12) + "x", 4]);
});

Deno.test("A line does not grow without end", pure, () => {
  const editor = new LineEditor();
  editor.insert("x".repeat(MAX_LINE_UNITS - 1));
  editor.insert("abc");
  assertEquals(editor.text.length, MAX_LINE_UNITS);
  assertEquals(editor.submit().at(-1), "a");
  assertEquals(shown(editor), "|");
});

Deno.test("Up and Down bring back what was remembered, and what was being typed", pure, () => {
  const editor = new LineEditor();
  for (const line of ["uno", "dos", "dos", " ", "tres"]) editor.addToHistory(line);
  editor.insert("cua");
  const seen = ["up", "up", "C-p", "up", "down", "C-n", "down", "down"].map((name) => {
    editor.press(keyOf(name));
    return shown(editor);
  });
  assertEquals(seen, ["tres|", "dos|", "uno|", "uno|", "dos|", "tres|", "cua|", "cua|"]);
  editor.press(keyOf("up"));
  editor.press(keyOf("x"));
  assertEquals(editor.submit(), "tresx");
  editor.press(keyOf("up"));
  assertEquals(shown(editor), "tres|");
});

Deno.test(
  "What was changed in a line that was brought back is there on coming back to it, until one is taken",
  pure,
  () => {
    const editor = new LineEditor();
    for (const line of ["uno", "dos"]) editor.addToHistory(line);
    editor.insert("cua");
    const seen = ["up", "x", "up", "y", "down", "down", "up", "up"].map((name) => {
      editor.press(keyOf(name));
      return shown(editor);
    });
    assertEquals(seen, ["dos|", "dosx|", "uno|", "unoy|", "dosx|", "cua|", "dosx|", "unoy|"]);
    assertEquals(editor.submit(), "unoy");
    editor.press(keyOf("up"));
    assertEquals(shown(editor), "dos|");
  },
);

Deno.test("Only so many lines can be brought back", pure, () => {
  const editor = new LineEditor();
  for (let n = 0; n <= MAX_HISTORY_LINES; n++) editor.addToHistory(`line ${n}`);
  for (let n = 0; n <= MAX_HISTORY_LINES; n++) editor.press(keyOf("up"));
  assertEquals(editor.text, "line 1");
});

Deno.test("The text before the cursor can be taken alone", pure, () => {
  const editor = new LineEditor();
  editor.insert("unodos");
  for (let n = 0; n < 3; n++) editor.press(keyOf("left"));
  assertEquals(editor.submitBeforeCursor(), "uno");
  assertEquals(shown(editor), "|dos");
});

const complete: Completer = (before) => {
  const from = before.lastIndexOf(" ") + 1;
  return before.endsWith("?")
    ? undefined
    : { from, choices: before.endsWith("!") ? [] : ["ana ", "andrea "] };
};

Deno.test("Tab goes through what a word may become, either way, and around", pure, () => {
  const editor = new LineEditor(complete);
  editor.insert("hola an");
  const seen = ["tab", "tab", "tab", "S-tab", "x", "tab"].map((name) => {
    editor.press(keyOf(name));
    return shown(editor);
  });
  assertEquals(seen, [
    "hola ana |",
    "hola andrea |",
    "hola ana |",
    "hola andrea |",
    "hola andrea x|",
    "hola andrea ana |",
  ]);
  const other = new LineEditor(complete);
  other.insert("a");
  other.press(keyOf("S-tab"));
  assertEquals(shown(other), "andrea |");
});

Deno.test("Tab leaves alone what is behind the cursor, and a line with nothing to become", pure, () => {
  const editor = new LineEditor(complete);
  editor.insert("an y tú?");
  for (let n = 0; n < 6; n++) editor.press(keyOf("left"));
  editor.press(keyOf("tab"));
  assertEquals(shown(editor), "ana | y tú?");
  editor.press(keyOf("end"));
  editor.press(keyOf("tab"));
  editor.press(keyOf("!"));
  editor.press(keyOf("tab"));
  assertEquals(shown(editor), "ana  y tú?!|");
});

Deno.test("A key that goes with Ctrl or Alt types nothing, whatever the terminal says of it", pure, () => {
  const editor = new LineEditor();
  for (const modifiers of [{ ctrl: true }, { meta: true }]) {
    editor.press({ name: "q", text: "q", ...modifiers });
  }
  assertEquals(editor.text, "");
});

Deno.test("What is pasted parts two cuts", pure, () => {
  const editor = new LineEditor();
  editor.insert("uno");
  editor.press(keyOf("C-w"));
  editor.insert("dos");
  for (const key of ["C-w", "C-y"]) editor.press(keyOf(key));
  assertEquals(shown(editor), "dos|");
});

Deno.test("Tab begins anew behind what was pasted, and in the next line", pure, () => {
  const editor = new LineEditor(complete);
  editor.insert("a");
  editor.press(keyOf("tab"));
  editor.insert("b");
  editor.press(keyOf("tab"));
  assertEquals(shown(editor), "ana ana |");
  assertEquals(editor.submit(), "ana ana ");
  editor.press(keyOf("tab"));
  assertEquals(shown(editor), "ana |");
});

Deno.test(
  "LineEditor keeps words that it is given one blank apart from what is there, and from what follows",
  pure,
  () => {
    for (
      const [line, expected, keys, typed] of [
        ["|", "sin nadie |", "ya", "sin nadie ya|"],
        ["|", "sin nadie |", " ya", "sin nadie ya|"],
        ["|", "sin nadie |", "  y", "sin nadie  y|"],
        ["hola|", "hola sin nadie |", "y", "hola sin nadie y|"],
        ["hola |", "hola sin nadie |", " y", "hola sin nadie y|"],
        ["|hola", "sin nadie |hola", "y", "sin nadie y|hola"],
        ["uno| dos", "uno sin nadie |dos", " y", "uno sin nadie y|dos"],
      ] as const
    ) {
      const [before, behind] = line.split("|");
      const editor = new LineEditor();
      editor.insert(before! + behind!);
      while (editor.cursor > before!.length) editor.press({ name: "left" });
      editor.insertWord("sin nadie");
      assertEquals(shown(editor), expected);
      for (const text of keys) editor.press({ text });
      assertEquals(shown(editor), typed);
    }
  },
);

Deno.test("LineEditor takes a blank that begins another line than the words it was given", pure, () => {
  const editor = new LineEditor();
  editor.insertWord("sin nadie");
  editor.submit();
  editor.press({ name: "space", text: " " });
  assertEquals(shown(editor), " |");
});
