// entryObject() and jsonLine(): what scripts read.

import { assertEquals } from "@std/assert";
import type { RoomEvent } from "../../lib/protocol/frames.ts";
import { entryObject, jsonLine } from "../../lib/render/json.ts";

const head = { seq: 5, timeMs: Date.UTC(2026, 10, 29, 7, 0, 1) };
const ana = { nick: "ana", sessionId: 0xabcn };
const address = "192.168.1.7";

const CASES: readonly (readonly [RoomEvent, string])[] = [
  [
    { type: "said", ...head, ...ana, clientSeq: 1, redelivered: false, text: "hola" },
    '"nick":"ana","sessionId":"0000000000000abc","text":"hola","private":false,"action":false,"redelivered":false',
  ],
  [
    {
      type: "said",
      ...head,
      ...ana,
      clientSeq: 1,
      redelivered: true,
      action: true,
      to: { ...ana, nick: "beto" },
      text: "x",
    },
    '"nick":"ana","sessionId":"0000000000000abc","text":"x","private":true,"action":true,"redelivered":true,' +
    '"to":{"nick":"beto","sessionId":"0000000000000abc"}',
  ],
  [
    { type: "joined", ...head, ...ana, address, rejoined: true },
    '"nick":"ana","sessionId":"0000000000000abc","address":"192.168.1.7","rejoined":true',
  ],
  [
    { type: "left", ...head, ...ana, address, connectionLost: true },
    '"nick":"ana","sessionId":"0000000000000abc","address":"192.168.1.7","reason":"connection-lost"',
  ],
  [
    { type: "left", ...head, ...ana, address, connectionLost: false, kicked: true },
    '"nick":"ana","sessionId":"0000000000000abc","address":"192.168.1.7","reason":"kicked"',
  ],
  [
    { type: "renamed", ...head, ...ana, oldNick: "anita" },
    '"nick":"ana","sessionId":"0000000000000abc","oldNick":"anita"',
  ],
  [{ type: "announced", ...head, text: "a las 18:00" }, '"text":"a las 18:00"'],
  [{ type: "backups", ...head, backups: ["b:5000"] }, '"backups":["b:5000"]'],
];

for (const [event, fields] of CASES) {
  Deno.test(`entryObject() of ${event.type} has ${fields.slice(0, 60)}…`, () => {
    const start = `{"type":"${event.type}","seq":5,"time":"2026-11-29T07:00:01.000Z",`;
    assertEquals(jsonLine(entryObject(event)), `${start}${fields}}`);
  });
}

Deno.test("jsonLine() escapes what a terminal could obey or hide, and loses nothing", () => {
  const text = 'ñ 😀 "\\ \x1b[2J \x9b \u202e \u2028 \u{e0041}';
  const line = jsonLine({ text });
  assertEquals(line, String.raw`{"text":"ñ 😀 \"\\ \u001b[2J \u009b \u202e \u2028 \udb40\udc41"}`);
  assertEquals(JSON.parse(line), { text });
});
