// Renderer: nothing that a peer sends reaches a terminal as anything but printable text, and none of it looks like a
// line of the program's own. For every code point, random Unicode, and strings that have broken other programs.

import { assert, assertEquals } from "@std/assert";
import { ServerError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { RoomEvent } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer, PREFIXES, type Renderer } from "../../lib/render/renderer.ts";
import { loadWidths } from "../../lib/terminal/graphemes.ts";
import { toCells, width, wrapWords } from "../../lib/terminal/layout.ts";
import naughty from "../data/naughty-strings.json" with { type: "json" };
import { Random } from "../testing/random.ts";
import { pure } from "../testing/test_options.ts";

await loadWidths();

const plain = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });
const json = makeRenderer({ ...DEFAULT_DISPLAY, isJson: true }, { language: "es", hasColors: false });
const colored = makeRenderer(DEFAULT_DISPLAY, { language: "en", hasColors: true });
const AT = { seq: 0, timeMs: 0, sessionId: 1n };
const SAID = { ...AT, type: "said", nick: "eva", clientSeq: 1, redelivered: false, text: "hola" } as const;

/** All lines that a renderer makes of a string, wherever a peer may put it. */
function linesOf(renderer: Renderer, text: string): string[] {
  const said = { ...SAID, nick: text, text };
  const events: RoomEvent[] = [
    said,
    { ...said, redelivered: true, action: true },
    { ...said, to: { sessionId: 2n, nick: text } },
    { ...AT, type: "joined", rejoined: false, nick: text, address: text },
    { ...AT, type: "left", connectionLost: true, nick: text, address: text },
    { ...AT, type: "renamed", oldNick: text, nick: text },
    { type: "announced", seq: 0, timeMs: 0, text },
    { type: "backups", seq: 0, timeMs: 0, backups: [text, text] },
  ];
  const report = translator("es").error(new ServerError(text, { nick: text, reason: text }));
  return [
    ...events.map((event) => renderer.entry(event, { reader: { sessionId: 9n, nick: text } })),
    ...events.map((event) => renderer.entry(event, { isHistory: true })),
    ...renderer.members(report, [{ sessionId: 1n, nick: text, address: text, sinceMs: 0 }], 0),
    ...renderer.notice(report, 0, [report]),
    ...renderer.loss(report, 0),
  ];
}

/** What a terminal obeys, or what breaks a line or turns it round. */
const CONTROL =
  // deno-lint-ignore no-control-regex -- these are the very characters to find
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;
// deno-lint-ignore no-control-regex -- what the program itself puts there
const COLOR = /\u001b\[[\d;]*m/g;

function assertHarmless(text: string): void {
  for (const line of [...linesOf(plain, text), ...linesOf(json, text)]) {
    assert(!CONTROL.test(line), JSON.stringify(line));
  }
  for (const line of linesOf(colored, text)) {
    assert(!CONTROL.test(line.replaceAll(COLOR, "")), JSON.stringify(line));
  }
}

const CONTROLS = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code))
  .filter((char) => CONTROL.test(char));
const random = new Random(6);
/** With halves of surrogate pairs among them. */
const RANDOM = Array.from({ length: 2_000 }, () => {
  const units = Array.from(
    { length: random.below(40) },
    () => random.below(random.pick([0x100, 0x3000, 0x10000])),
  );
  return String.fromCharCode(...units);
});
const INPUTS = { "a control": CONTROLS, "a random string": RANDOM, "a naughty string": naughty };
for (const [what, texts] of Object.entries(INPUTS)) {
  Deno.test(`Renderer shows nothing of ${what} as a control, wherever a peer puts it`, pure, () => {
    assert(texts.length > 500);
    for (const text of texts) assertHarmless(text);
  });
}

Deno.test("Renderer.entry() makes no line of a nick or a text that could pass for another kind", pure, () => {
  const marks = Object.values(PREFIXES);
  const names = [
    ...marks,
    ...marks.map((mark) => `${mark} ana`),
    ...["[2026-11-22 13:45:07] ana", "ana: hola", "ana →", " ana", ""],
  ];
  const stamp = plain.formatTime(0);
  for (const nick of names) assertEquals(plain.entry({ ...SAID, nick }), `[${stamp}] ?: hola`);
  for (const text of [...names, ...marks.map((mark) => `\n[${stamp}] ${mark} ana`)]) {
    const line = plain.entry({ ...SAID, text });
    assertEquals([line.startsWith(`[${stamp}] eva: `), line.includes("\n")], [true, false]);
    assert(plain.entry({ ...SAID, text, action: true }).startsWith(`[${stamp}] ${PREFIXES.action} eva `));
  }
});

Deno.test("Renderer.entry() begins no row of a text like a line, however narrow the screen", pure, () => {
  const texts = [...naughty, ...RANDOM, `${"x".repeat(40)}[20:44]\xa0!\xa0eva`, "─".repeat(200)];
  for (const text of texts) {
    const line = colored.entry({ ...SAID, text });
    for (const columns of [10, 30, 60]) {
      for (const [index, row] of wrapWords(line, columns).split("\n").entries()) {
        const isWhole = width(toCells(row)) <= columns || row.includes("://");
        assert(
          isWhole && (index === 0 || row === "" || row.startsWith("  ")),
          JSON.stringify([columns, row]),
        );
      }
    }
  }
});

Deno.test("Renderer.entry() fills in no placeholder that a peer sends", pure, () => {
  const line = plain.entry({ ...AT, type: "joined", rejoined: false, nick: "eva", address: "{nick}" });
  assert(line.endsWith("eva ({nick}) se ha conectado"), line);
});
