// JsonRenderer: everything that a program says as objects, and docs/chat.schema.json, which describes them.

import { assertEquals } from "@std/assert";
import schema from "../../docs/chat.schema.json" with { type: "json" };
import { InputError, ServerError } from "../../lib/errors.ts";
import { ENGLISH } from "../../lib/i18n/en.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { RoomEvent, Said, Welcome } from "../../lib/protocol/frames.ts";
import { JsonRenderer, NO_SEQ } from "../../lib/render/json.ts";
import { parseLines } from "../testing/json_lines.ts";
import { pure, reading } from "../testing/test_options.ts";

const renderer = new JsonRenderer();
const t = translator("en");
const nowMs = Date.UTC(2026, 10, 29, 7, 0, 1);
const time = '"time":"2026-11-29T07:00:01.000Z"';
const head = { seq: 5, timeMs: nowMs };
const ana = { nick: "ana", sessionId: 0xabcn };
const address = "192.168.1.7";
const who = '"nick":"ana","sessionId":"0000000000000abc"';
const from = `${who},"address":"192.168.1.7"`;
const said: Said = { type: "said", ...head, ...ana, clientSeq: 3, redelivered: false, text: "hola" };

const ENTRIES: readonly (readonly [RoomEvent, string])[] = [
  [said, `${who},"clientSeq":3,"text":"hola","private":false,"action":false,"redelivered":false`],
  [
    { ...said, redelivered: true, action: true, to: { ...ana, nick: "beto" } },
    `${who},"clientSeq":3,"text":"hola","private":true,"action":true,"redelivered":true,` +
    '"to":{"nick":"beto","sessionId":"0000000000000abc"}',
  ],
  [{ type: "joined", ...head, ...ana, address, rejoined: true }, `${from},"rejoined":true`],
  [{ type: "left", ...head, ...ana, address, connectionLost: true }, `${from},"reason":"connection-lost"`],
  [
    { type: "left", ...head, ...ana, address, connectionLost: false, kicked: true },
    `${from},"reason":"kicked"`,
  ],
  [{ type: "left", ...head, ...ana, address, connectionLost: false }, `${from},"reason":"left"`],
  [{ type: "renamed", ...head, ...ana, oldNick: "anita" }, `${who},"oldNick":"anita"`],
  [{ type: "announced", ...head, text: "a las 18:00" }, '"text":"a las 18:00"'],
  [{ type: "backups", ...head, backups: ["b:5000"] }, '"backups":["b:5000"]'],
];

for (const [event, fields] of ENTRIES) {
  Deno.test(`JsonRenderer.entry() of ${event.type} has ${fields.slice(0, 120)}`, pure, () => {
    const line = renderer.entry(event);
    assertEquals(line, `{"type":"${event.type}","seq":5,${time},${fields}}`);
    parseLines(`${line}\n`);
    const history = renderer.entry(event, { precedesRun: true });
    assertEquals(history, `${line.slice(0, -1)},"history":true}`);
    parseLines(`${history}\n`);
  });
}

const members = [{ ...ana, address, sinceMs: nowMs }];
const memberFields = `[{${from},"since":"2026-11-29T07:00:01.000Z"}]`;
const welcome = { ...ana, members, memberCount: 9, backups: ["b:5000"] } as unknown as Welcome;
const kicked = t.error(new ServerError("kicked", { reason: "spam" }));
const unknownNick = t.error(new InputError("nick-unknown", { nick: "eva" }));

/** By its name, what a line is, and what makes it. */
const OTHERS: Record<string, [line: string, lines: string | readonly string[]]> = {
  "notice() of a message": [
    `{"type":"notice",${time},"code":"join-wait","server":"a:1","seconds":60,` +
    '"message":"Too many joins to a:1 from here: retrying in 60 s."}',
    renderer.notice(t.message("client.join-wait", { server: "a:1", seconds: 60 }), nowMs),
  ],
  "reply() of a message with a list": [
    `{"type":"notice",${time},"code":"backups","message":"Backup servers:",` +
    '"list":["/help",{"code":"backup-answers","server":"a:1","message":"✓ a:1 answers"}]}',
    renderer.reply(t.message("server.backups"), nowMs, [
      "  /help",
      t.message("backup.answers", { server: "a:1" }),
    ]),
  ],
  "reply() of an error": [
    `{"type":"error",${time},"code":"nick-unknown","nick":"eva",` +
    '"message":"No member has the nick \\"eva\\": /who shows who is online."}',
    renderer.reply(unknownNick, nowMs),
  ],
  "line() of a message": [
    `{"type":"notice",${time},"code":"closed","message":"Server closed."}`,
    renderer.line(t.message("server.closed"), nowMs),
  ],
  "loss() of an error": [
    `{"type":"lost",${time},"code":"kicked","reason":"spam","server":"a:1","message":"You were kicked: spam"}`,
    renderer.loss({ ...kicked, values: { ...kicked.values, server: "a:1" } }, nowMs),
  ],
  "skipped() of a count": [
    `{"type":"skipped",${time},"code":"skipped","count":7,` +
    '"message":"Missing lines here: up to 7. They could not be written in time."}',
    renderer.skipped(t.message("output.skipped", { count: 7 }), nowMs),
  ],
  "members() of a room": [
    `{"type":"members",${time},"members":${memberFields},"code":"who-online","count":1,"message":"Online: 1."}`,
    renderer.members(t.message("who.online", { count: 1 }), members, nowMs),
  ],
  "connected() of a WELCOME": [
    `{"type":"connected",${time},"server":"a:1",${who},"members":${memberFields},"memberCount":9,` +
    '"backups":["b:5000"],"resent":2,"message":"Connected"}',
    renderer.connected("Connected", { server: "a:1", welcome, resentCount: 2 }, nowMs),
  ],
};

for (const [what, [expected, lines]] of Object.entries(OTHERS)) {
  Deno.test(`JsonRenderer.${what} is one object`, pure, () => {
    const line = [lines].flat().join("\n");
    assertEquals(line, expected);
    parseLines(`${line}\n`);
  });
}

Deno.test("JsonRenderer.entry() has no seq for an event that stands in no log", pure, () => {
  const line = renderer.entry({ type: "joined", ...head, seq: NO_SEQ, ...ana, address, rejoined: true });
  assertEquals(line, `{"type":"joined",${time},${from},"rejoined":true}`);
  parseLines(`${line}\n`);
});

Deno.test("JsonRenderer.entry() takes every time that a peer can send", pure, () => {
  const line = renderer.entry({ ...said, timeMs: Number.MAX_SAFE_INTEGER });
  assertEquals(JSON.parse(line).time, "+275760-09-13T00:00:00.000Z");
});

Deno.test("JsonRenderer.entry() escapes what a terminal could obey or hide, and loses nothing", pure, () => {
  const text = 'ñ 😀 "\\ \x1b[2J \x9b \u202e \u2028 \ud800 \u{e0041}';
  const line = renderer.entry({ ...said, text });
  const escaped = String.raw`"text":"ñ 😀 \"\\ \u001b[2J \u009b \u202e \u2028 \ud800 \udb40\udc41"`;
  assertEquals(line.includes(escaped), true, line);
  assertEquals(JSON.parse(line).text, text);
});

Deno.test("JsonRenderer has a line for each event of a batch", pure, () => {
  const batch = [said, { ...said, clientSeq: 4 }];
  const lines = batch.map((event) => renderer.entry(event)).join("\n");
  assertEquals([renderer.resent(batch), renderer.presenceBatch(batch)], [lines, lines]);
});

/** Codes of messages that are no notices of their own, but in a list, of another type, or for people alone. */
const NO_NOTICES = [
  ...["fingerprint-expected", "fingerprint-now", "skipped", "truncated", "who-online", "who-stale"],
  ...["commands", "leaving", "paste-not-sent", "pasted"],
];
const root = new URL("../../", import.meta.url);

/** The source of every file in a folder. */
function* sourcesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* sourcesIn(`${folder}${name}/`);
    else yield Deno.readTextFileSync(new URL(`${folder}${name}`, root));
  }
}

Deno.test("docs/chat.schema.json names the codes of all notices, and no other", reading, () => {
  const message = t.message as (key: string, values: unknown) => { code: string };
  const codeOf = (key: string) => message(key, {}).code;
  const named: readonly string[] = schema.$defs.notice.properties.code.enum;
  const printed = [...sourcesIn("lib/")].flatMap((source) =>
    [...source.matchAll(/\.message\(\s*"([\w.-]+)"/g)].map(([, key]) => codeOf(key!))
  ).filter((code) => !NO_NOTICES.includes(code));
  assertEquals(printed.filter((code) => !named.includes(code)), []);
  const codes = new Set(Object.keys(ENGLISH).map(codeOf));
  assertEquals(named.filter((code) => !codes.has(code)), []);
});
