// Entries of the log as lines. The tests say local times, so that they hold in every zone.

import { assertEquals } from "@std/assert";
import { translator } from "../../lib/i18n/translate.ts";
import type { Joined, Left, Said } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, isMentioned, makeRenderer, Renderer } from "../../lib/render/renderer.ts";
import { Timestamps } from "../../lib/render/timestamps.ts";

const pure = { permissions: "none" } as const;

const TIME = "2026-11-22 13:45:07";

function ms(time = TIME): number {
  return new Date(time).getTime();
}

function said(changes: Partial<Said> = {}): Said {
  return {
    type: "said",
    seq: 0,
    timeMs: ms(),
    sessionId: 1n,
    clientSeq: 1,
    redelivered: false,
    nick: "ana",
    text: "hola",
    ...changes,
  };
}

const WHO = { seq: 0, timeMs: ms(), sessionId: 1n, nick: "ana", address: "192.168.1.7" };

function joined(changes: Partial<Joined> = {}): Joined {
  return { type: "joined", rejoined: false, ...WHO, ...changes };
}

function left(changes: Partial<Left> = {}): Left {
  return { type: "left", connectionLost: false, ...WHO, ...changes };
}

/** A renderer in Spanish. */
function renderer(): Renderer {
  return makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });
}

Deno.test("Renderer.entry() shows a message with date, time and nick", pure, () => {
  assertEquals(renderer().entry(said()), `[${TIME}] ana: hola`);
});

Deno.test(
  "Renderer.entry() marks what was said before the reader came, and what was sent again",
  pure,
  () => {
    assertEquals(renderer().entry(said(), { isHistory: true }), `[${TIME}] ~ ana: hola`);
    assertEquals(renderer().entry(said({ redelivered: true })), `[${TIME}] + ana: hola`);
    assertEquals(renderer().entry(said({ redelivered: true }), { isHistory: true }), `[${TIME}] ~ ana: hola`);
  },
);

Deno.test("Renderer.entry() tells comings and goings apart, with the IP", pure, () => {
  const spanish = renderer();
  assertEquals(spanish.entry(joined()), `[${TIME}] * ana (192.168.1.7) se ha conectado`);
  assertEquals(spanish.entry(joined({ rejoined: true })), `[${TIME}] * ana (192.168.1.7) se ha reconectado`);
  assertEquals(spanish.entry(left()), `[${TIME}] * ana (192.168.1.7) se ha desconectado`);
  assertEquals(
    spanish.entry(left({ connectionLost: true })),
    `[${TIME}] * ana (192.168.1.7) ha perdido la conexión`,
  );
  const english = makeRenderer(DEFAULT_DISPLAY, { language: "en", hasColors: false });
  assertEquals(
    english.entry(left({ connectionLost: true })),
    `[${TIME}] * ana (192.168.1.7) has lost the connection`,
  );
});

Deno.test("Renderer.notice() marks what the program itself says", pure, () => {
  assertEquals(renderer().notice("algo", ms()), `[${TIME}] ! algo`);
});

Deno.test("Renderer lets nothing of a peer reach the screen but what can be seen", pure, () => {
  const [dirty, clean] = ["a\x1b[2J\n\u202e\x9bb", "a␛[2J␊��b"];
  const spanish = renderer();
  const lines = [
    spanish.entry(said({ nick: dirty })),
    spanish.entry(said({ text: dirty })),
    spanish.entry(said({ text: dirty }), { reader: "eva" }),
    spanish.entry(joined({ nick: dirty })),
    spanish.entry(left({ address: dirty })),
    spanish.notice(dirty, ms()),
  ];
  assertEquals(lines, [
    `[${TIME}] ?: hola`,
    `[${TIME}] ana: ${clean}`,
    `[${TIME}] ana: ${clean}`,
    `[${TIME}] * ? (192.168.1.7) se ha conectado`,
    `[${TIME}] * ana (${clean}) se ha desconectado`,
    `[${TIME}] ! ${clean}`,
  ]);
});

Deno.test("Renderer takes no nick for a line of the program's own, nor for an event", pure, () => {
  for (
    const nick of [
      "! Se perdió la conexión",
      "* beto (10.0.0.7) se ha desconectado",
      "~ ana",
      "+",
      "… ana",
      "",
    ]
  ) {
    assertEquals(renderer().entry(said({ nick })), `[${TIME}] ?: hola`);
  }
});

const AT = { seq: 0, timeMs: ms() };
const BETO = { sessionId: 2n, nick: "beto" };

Deno.test("Renderer.entry() tells what is private, and what is done, from what is said", pure, () => {
  const spanish = renderer();
  assertEquals(spanish.entry(said({ to: BETO })), `[${TIME}] @ ana → beto: hola`);
  assertEquals(spanish.entry(said({ action: true, text: "saluda" })), `[${TIME}] • ana saluda`);
  assertEquals(
    spanish.entry(said({ action: true, to: BETO, redelivered: true, text: "saluda" })),
    `[${TIME}] + • @ ana → beto saluda`,
  );
  assertEquals(
    spanish.entry(said({ to: { sessionId: 2n, nick: "a\x1bb" } })),
    `[${TIME}] @ ana → ?: hola`,
  );
});

Deno.test(
  "Renderer.entry() tells who was kicked, who has a new nick, and what the server says",
  pure,
  () => {
    const spanish = renderer();
    assertEquals(spanish.entry(left({ kicked: true })), `[${TIME}] * Se ha expulsado a ana (192.168.1.7)`);
    const renamed = { type: "renamed", ...AT, sessionId: 1n, oldNick: "ana", nick: "anita" } as const;
    assertEquals(spanish.entry(renamed), `[${TIME}] * ana se llama ahora anita`);
    assertEquals(spanish.entry({ ...renamed, oldNick: "\n", nick: "* x" }), `[${TIME}] * ? se llama ahora ?`);
    const announced = { type: "announced", ...AT, text: "\x1b[2Jadiós" } as const;
    assertEquals(spanish.entry(announced), `[${TIME}] # El servidor dice: ␛[2Jadiós`);
    assertEquals(spanish.entry(announced, { isHistory: true }), `[${TIME}] ~ # El servidor dice: ␛[2Jadiós`);
    const backups = { type: "backups", ...AT, backups: ["a:1", "b\x07:2#SHA256:c"] } as const;
    assertEquals(spanish.entry(backups), `[${TIME}] * Servidores de reserva: a:1, b␇:2`);
    assertEquals(spanish.entry({ ...backups, backups: [] }), `[${TIME}] * Ya no hay servidores de reserva`);
  },
);

Deno.test("Renderer.reply() is marked as the program's own, and has a list below it as it is", pure, () => {
  assertEquals(renderer().reply("nada\x1b"), ["! nada␛"]);
  assertEquals(renderer().reply("Órdenes:", ["  /a"]), ["! Órdenes:", "  /a"]);
});

Deno.test("Renderer.member() shows IP and since when", pure, () => {
  const person = { sessionId: 1n, nick: "ana", address: "a\x1b", sinceMs: ms() };
  assertEquals(renderer().member(person), `  ana (a␛), desde ${TIME}`);
});

Deno.test("Renderer paints times, nicks and what names the reader, and nothing else", pure, () => {
  const painted = new Renderer(translator("es"), {
    time: (text) => `t${text}`,
    nick: (nick, sessionId) => `<${nick} ${sessionId}>`,
    mention: (word) => `!${word}!`,
  }, new Timestamps("es", DEFAULT_DISPLAY));
  const time = `t[${TIME}]`;
  assertEquals(
    painted.entry(said({ to: BETO, text: "Beto, betos -beto@BETO" }), { reader: "beto" }),
    `${time} @ <ana 1> → <beto 2>: !Beto!, betos -beto@!BETO!`,
  );
  assertEquals(painted.entry(said({ text: "beto" })), `${time} <ana 1>: beto`);
  assertEquals(painted.entry(joined()), `${time} * <ana 1> (192.168.1.7) se ha conectado`);
  assertEquals(painted.notice("beto", ms()), `${time} ! beto`);
  painted.dateSeparator(ms());
  assertEquals(painted.dateSeparator(ms("2026-11-23 00:00")), ["t--- lunes, 23 de noviembre de 2026 ---"]);
});

Deno.test("isMentioned() finds a nick as a word of its own, in any case", pure, () => {
  for (const text of ["ana", "¡ANA!", "hola, ana: ven", "@Ana", "(ana)"]) {
    assertEquals([text, isMentioned(text, "Ana")], [text, true]);
  }
  for (const text of ["", "anita", "ana-2", "_ana", "mañana", "ana\u0301"]) {
    assertEquals([text, isMentioned(text, "ana")], [text, false]);
  }
});

Deno.test("Renderer.presenceBatch() names several who came or went, with the time of the last", pure, () => {
  const batch = ["ana", "beto", "ana", "x y"].map((nick, index) =>
    joined({ nick, sessionId: BigInt(nick.length), timeMs: ms() - 3_000 + index * 1_000 })
  );
  assertEquals(renderer().presenceBatch(batch), `[${TIME}] * 2 se han conectado: ?, beto`);
});

Deno.test(
  "Renderer.presenceBatch() tells of one person as of any other, and of very many by some names",
  pure,
  () => {
    assertEquals(
      renderer().presenceBatch([left({ connectionLost: true })]),
      renderer().entry(left({ connectionLost: true })),
    );
    const many = Array.from({ length: 33 }, (_, n) => left({ nick: `n${n}`, sessionId: BigInt(n) }));
    const line = renderer().presenceBatch(many);
    assertEquals(line.includes("* 33 se han desconectado: n0, n1, "), true);
    assertEquals(line.endsWith(", n29 y 3 más"), true);
    assertEquals(renderer().presenceBatch(many.slice(0, 30)).endsWith(", n28, n29"), true);
  },
);
