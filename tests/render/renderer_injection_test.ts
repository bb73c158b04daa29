// Nothing that a peer sends reaches a terminal as anything but printable text, and none of it looks like a line of
// the program's own: for every code point, random Unicode, and strings that have broken other programs.

import { assert, assertEquals } from "@std/assert";
import { ServerError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import type { RoomEvent } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer, PREFIXES, type Renderer } from "../../lib/render/renderer.ts";
import { printable } from "../../lib/text/text.ts";
import { printableNick } from "../../lib/text/nick.ts";
import { Random } from "../testing/random.ts";
import naughty from "../data/naughty-strings.json" with { type: "json" };

const pure = { permissions: "none" } as const;

const plain = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });
const painted = makeRenderer(DEFAULT_DISPLAY, { language: "en", hasColors: true });

/** All that a renderer makes of a string, wherever a peer may put it. */
function linesOf(renderer: Renderer, text: string): string[] {
  const what = { seq: 0, timeMs: 0, sessionId: 1n, nick: text };
  const said = { ...what, type: "said", clientSeq: 1, redelivered: false, text } as const;
  const events: RoomEvent[] = [
    said,
    { ...said, redelivered: true, action: true },
    { ...said, to: { sessionId: 2n, nick: text } },
    { ...what, type: "joined", rejoined: false, address: text },
    { ...what, type: "left", connectionLost: true, address: text },
    { ...what, type: "renamed", oldNick: text },
    { type: "announced", seq: 0, timeMs: 0, text },
    { type: "backups", seq: 0, timeMs: 0, backups: [text, text] },
  ];
  return [
    ...events.map((event) => renderer.entry(event, { reader: text })),
    ...events.map((event) => renderer.entry(event, { isHistory: true })),
    renderer.member({ sessionId: 1n, nick: text, address: text, sinceMs: 0 }),
    renderer.notice(
      errorText(new ServerError(text, { nick: text, reason: text }), "es"),
      0,
    ),
  ];
}

/** What a terminal obeys, or what breaks or turns round a line. */
const CONTROL =
  // deno-lint-ignore no-control-regex -- these are the very characters to find
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;
// deno-lint-ignore no-control-regex -- what the program itself puts there
const COLOUR = /\u001b\[[\d;]*m/g;

function assertHarmless(text: string): void {
  for (const line of linesOf(plain, text)) assert(!CONTROL.test(line), JSON.stringify(line));
  for (const line of linesOf(painted, text)) {
    assert(!CONTROL.test(line.replaceAll(COLOUR, "")), JSON.stringify(line));
  }
}

Deno.test("No code point reaches a screen as a control, be it in a text or in a nick", pure, () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    const text = `a${String.fromCodePoint(code)}b`;
    if (CONTROL.test(printable(text) + printableNick(text))) throw new Error(JSON.stringify(text));
  }
});

Deno.test("No control reaches a screen, wherever a peer puts it", pure, () => {
  const codes = Array.from({ length: 0x1_0000 }, (_, code) => code);
  const controls = codes.map((code) => String.fromCharCode(code)).filter((char) => CONTROL.test(char));
  assert(controls.length > 2_048);
  for (const char of controls) assertHarmless(char);
});

Deno.test("No random string reaches a screen as a control", pure, () => {
  const random = new Random(6);
  for (let run = 0; run < 2_000; run++) {
    const units = Array.from({ length: random.below(40) }, () => {
      const range = random.pick([0x100, 0x3000, 0x10000]); // halves of pairs among them
      return String.fromCharCode(random.below(range));
    });
    assertHarmless(units.join(""));
  }
});

Deno.test("No string that has broken other programs reaches a screen as a control", pure, () => {
  assert(naughty.length > 500);
  for (const text of naughty) assertHarmless(text);
});

Deno.test("Terminal sequences in all their forms become text that can be read", pure, () => {
  const sequences = {
    "\u001b[2J": "␛[2J",
    "\u001b]0;title\u0007": "␛]0;title␇",
    "\u001b]52;c;aGk=\u001b\\": "␛]52;c;aGk=␛\\",
    "\u001bP$q\u001b\\": "␛P$q␛\\",
    "\u001b[200~": "␛[200~",
    "\u009b31m": "\ufffd31m",
    "\u009d0;x\u009c": "\ufffd0;x\ufffd",
    "a\u0008b": "a␈b",
    "a\rb": "a␍b",
    "\u000e\u000f": "␎␏",
  };
  for (const [sequence, text] of Object.entries(sequences)) {
    assertEquals(printable(sequence), text);
    assertHarmless(sequence);
  }
});

Deno.test(
  "Every line begins with a time, and a mark or a name without one: no text can pass for another line",
  pure,
  () => {
    const marks = Object.values(PREFIXES);
    const names = [
      ...marks,
      ...marks.map((mark) => `${mark} ana`),
      "[2026-11-22 13:45:07] ana",
      "ana: hola",
      "ana →",
      " ana",
    ];
    const stamp = plain.formatTime(0);
    for (const nick of names) {
      const said = {
        type: "said",
        seq: 0,
        timeMs: 0,
        sessionId: 1n,
        clientSeq: 1,
        redelivered: false,
        nick,
        text: "hola",
      } as const;
      assertEquals(plain.entry(said), `[${stamp}] ?: hola`);
    }
    for (const text of [...names, ...marks.map((mark) => `\n[${stamp}] ${mark} ana`)]) {
      const said = {
        type: "said",
        seq: 0,
        timeMs: 0,
        sessionId: 1n,
        clientSeq: 1,
        redelivered: false,
        nick: "eva",
        text,
      } as const;
      assert(plain.entry(said).startsWith(`[${stamp}] eva: `));
      assertEquals(plain.entry(said).split("\n").length, 1);
      assert(plain.entry({ ...said, action: true }).startsWith(`[${stamp}] ${PREFIXES.action} eva `));
    }
  },
);

Deno.test("A peer's text fills in no placeholder of a sentence", pure, () => {
  const line = plain.entry({
    type: "joined",
    seq: 0,
    timeMs: 0,
    sessionId: 1n,
    rejoined: false,
    nick: "eva",
    address: "{nick}",
  });
  assert(line.endsWith("eva ({nick}) se ha conectado"), line);
});
