// The panes of the demo as rows of a terminal.

import { assertEquals } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";
import { type Frame, layOutFrame, MIN_SIZE, type Pane } from "../../tools/panes.ts";
import { toCells, width } from "../../lib/terminal/layout.ts";

const plain = (text: string) => text;

function pane(title: string, options: Partial<Pane> = {}): Pane {
  return {
    title,
    state: "on",
    stateTheme: plain,
    theme: plain,
    lines: [],
    lineTheme: () => plain,
    ...options,
  };
}

function frame(panes: Frame["panes"], caption = "● ana talks"): Frame {
  return { heading: "The chat", panes, caption, captionTheme: plain, hint: "Ctrl-C: quit" };
}

function rowsOf(frame: Frame, size: { columns: number; rows: number }): string[] {
  return layOutFrame(frame, size).map((row) => stripAnsiCode(row).trimEnd());
}

Deno.test("layOutFrame() draws four boxes, each with the last lines of its program", () => {
  const lines = [
    "[10:00:00] ana: one",
    "[10:00:01] beto: a message that is wrapped",
    "[10:00:02] ana: three",
  ];
  const input = { prompt: "ana>", text: "typing" };
  const panes = [
    pane("server A · 127.0.0.1:5000", { lines, state: "✗ kill -9", killed: "✗ kill -9" }),
    pane("server B · 127.0.0.1:5001"),
    pane("ana", { lines, input }),
    pane("beto", { lines }),
  ] as const;
  assertEquals(rowsOf(frame(panes), MIN_SIZE), [
    " The chat",
    "╭─ server A ──── ✗ kill -9 ─╮ ╭─ server B ──────────── on ─╮",
    "│     wrapped               │ │                            │",
    "│ [10:00:02] ana: three     │ │                            │",
    "│ ✗ kill -9                 │ │                            │",
    "╰───────────────────────────╯ ╰────────────────────────────╯",
    "╭─ ana ──────────────── on ─╮ ╭─ beto ──────────────── on ─╮",
    "│ [10:00:00] ana: one       │ │ [10:00:00] ana: one        │",
    "│ [10:00:01] beto: a        │ │ [10:00:01] beto: a message │",
    "│     message that is       │ │     that is wrapped        │",
    "│     wrapped               │ │ [10:00:02] ana: three      │",
    "│ [10:00:02] ana: three     │ │                            │",
    "│ ana> typing               │ │                            │",
    "╰───────────────────────────╯ ╰────────────────────────────╯",
    "",
    " ● ana talks                                   Ctrl-C: quit",
  ]);
  assertEquals(
    rowsOf(frame(panes), { columns: 90, rows: 16 })[1],
    [
      "╭─ server A · 127.0.0.1:5000 ── ✗ kill -9 ─╮",
      "╭─ server B · 127.0.0.1:5001 ────────── on ─╮",
    ].join(" "),
  );
});

Deno.test("layOutFrame() fills every size exactly, also with words and captions that do not fit", () => {
  const lines = [
    "https://example.org/".padEnd(200, "a"),
    "[10:00:00] ana: 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
  ];
  const input = { prompt: "(2 unconfirmed) ana>", text: "x".repeat(300) };
  const long = { prompt: "(offline, 2 unconfirmed) a nick that takes the row>", text: "x" };
  const panes = [
    pane("A".repeat(99)),
    pane("B"),
    pane("ana", { lines, input }),
    pane("beto", { lines, input: long }),
  ] as const;
  for (const columns of [60, 61, 80, 133]) {
    for (const rows of [16, 17, 50]) {
      for (const caption of ["short", "long ".repeat(40)]) {
        const drawn = layOutFrame(frame(panes, caption), { columns, rows });
        assertEquals(drawn.map((row) => width(toCells(row))), Array(rows).fill(columns));
      }
    }
  }
});
