// Entries of the log as lines. The tests say local times, so that they hold in every zone.

import { assertEquals } from "@std/assert";
import { sentencesIn } from "../lib/i18n.ts";
import type { Joined, Left, Said } from "../lib/protocol.ts";
import { Renderer } from "../lib/render.ts";

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
    session: 1n,
    n: 1,
    late: false,
    nick: "ana",
    text: "hola",
    ...changes,
  };
}

const WHO = { seq: 0, timeMs: ms(), session: 1n, nick: "ana", address: "192.168.1.7" };

function joined(changes: Partial<Joined> = {}): Joined {
  return { type: "joined", back: false, ...WHO, ...changes };
}

function left(changes: Partial<Left> = {}): Left {
  return { type: "left", lost: false, ...WHO, ...changes };
}

/** A renderer in Spanish. */
function renderer(): Renderer {
  return new Renderer(sentencesIn("es"));
}

Deno.test("Renderer.entry() shows a message with date, time and nick", pure, () => {
  assertEquals(renderer().entry(said()), `[${TIME}] ana: hola`);
});

Deno.test(
  "Renderer.entry() marks what was said before the reader came, and what was sent again",
  pure,
  () => {
    assertEquals(renderer().entry(said(), { isHistory: true }), `[${TIME}] ~ ana: hola`);
    assertEquals(renderer().entry(said({ late: true })), `[${TIME}] + ana: hola`);
    assertEquals(renderer().entry(said({ late: true }), { isHistory: true }), `[${TIME}] ~ ana: hola`);
  },
);

Deno.test("Renderer.entry() tells comings and goings apart, with the IP", pure, () => {
  const spanish = renderer();
  assertEquals(spanish.entry(joined()), `[${TIME}] * ana (192.168.1.7) se ha conectado`);
  assertEquals(spanish.entry(joined({ back: true })), `[${TIME}] * ana (192.168.1.7) se ha reconectado`);
  assertEquals(spanish.entry(left()), `[${TIME}] * ana (192.168.1.7) se ha desconectado`);
  assertEquals(spanish.entry(left({ lost: true })), `[${TIME}] * ana (192.168.1.7) ha perdido la conexión`);
  const english = new Renderer(sentencesIn("en"));
  assertEquals(english.entry(left({ lost: true })), `[${TIME}] * ana (192.168.1.7) has lost the connection`);
});

Deno.test("Renderer.notice() marks what the program itself says", pure, () => {
  assertEquals(renderer().notice("algo", ms()), `[${TIME}] ! algo`);
});

Deno.test("Renderer gives each moment its own time, within a second and beyond", pure, () => {
  const spanish = renderer();
  const times = ["2026-11-22 13:45:07", "2026-11-22 13:45:08", "2026-11-22 13:45:07", "2026-01-02 03:04:05"];
  for (const time of times) {
    assertEquals(spanish.stamp(ms(time)), time);
    assertEquals(spanish.stamp(ms(time) + 999), time);
  }
});

Deno.test("Renderer lets nothing of a peer reach the screen but what can be seen", pure, () => {
  const [dirty, clean] = ["a\x1b[2J\n\u202e\x9bb", "a␛[2J␊��b"];
  const spanish = renderer();
  const lines = [
    spanish.entry(said({ nick: dirty })),
    spanish.entry(said({ text: dirty })),
    spanish.entry(joined({ nick: dirty })),
    spanish.entry(left({ address: dirty })),
    spanish.notice(dirty, ms()),
  ];
  assertEquals(lines, [
    `[${TIME}] ?: hola`,
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

Deno.test("Renderer shows the last date that there is for times beyond it", pure, () => {
  assertEquals(renderer().stamp(Number.MAX_SAFE_INTEGER), renderer().stamp(8.64e15));
});

Deno.test("Renderer.crowd() names several who came or went, with the time of the last", pure, () => {
  const crowd = ["ana", "beto", "ana", "x y"].map((nick, index) =>
    joined({ nick, session: BigInt(nick.length), timeMs: ms() - 3_000 + index * 1_000 })
  );
  assertEquals(renderer().crowd(crowd), `[${TIME}] * 2 se han conectado: ?, beto`);
});

Deno.test(
  "Renderer.crowd() tells of one person as of any other, and of very many by some names",
  pure,
  () => {
    assertEquals(renderer().crowd([left({ lost: true })]), renderer().entry(left({ lost: true })));
    const many = Array.from({ length: 33 }, (_, n) => left({ nick: `n${n}`, session: BigInt(n) }));
    const line = renderer().crowd(many);
    assertEquals(line.includes("* 33 se han desconectado: n0, n1, "), true);
    assertEquals(line.endsWith(", n29 y 3 más"), true);
    assertEquals(renderer().crowd(many.slice(0, 30)).endsWith(", n28, n29"), true);
  },
);
