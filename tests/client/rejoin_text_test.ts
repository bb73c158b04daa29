// The line at a screen after a loss: one for what was sent again and for what is missing.

import { assertEquals } from "@std/assert";
import { rejoinText } from "../../lib/client/rejoin_text.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { Say } from "../../lib/protocol/frames.ts";

const where = { server: "10.0.0.6:5000", names: "ana, beto" };
const WHOLE = { truncatedCount: 0, mayLack: undefined };

/** Own messages that the server lacked: some that another server had confirmed, then some that none had. */
function messages(ackedCount: number, unackedCount: number): Say[] {
  return Array.from({ length: ackedCount + unackedCount }, (_, index) => {
    return { type: "say", clientSeq: index + 1, timeMs: index < ackedCount ? 1 : 0, text: "hola" };
  });
}

const CASES: [acked: number, unacked: number, es: string, en: string][] = [
  [0, 0, "No falta ningún mensaje.", "No message is missing."],
  [
    1,
    0,
    "Se envió de nuevo un mensaje; no falta ninguno.",
    "One message was sent again; none is missing.",
  ],
  [
    3,
    0,
    "Se enviaron de nuevo 3 mensajes; no falta ninguno.",
    "3 messages were sent again; none is missing.",
  ],
  [
    3,
    1,
    "Se envió el mensaje que estaba sin confirmar; no falta ninguno.",
    "The unconfirmed message was sent; none is missing.",
  ],
  [
    3,
    2,
    "Se enviaron los 2 mensajes que estaban sin confirmar; no falta ninguno.",
    "The 2 unconfirmed messages were sent; none is missing.",
  ],
];

Deno.test("rejoinText() counts the unconfirmed messages, of which the user knows, or else all", () => {
  for (const [acked, unacked, es, en] of CASES) {
    const joined = { ...WHOLE, resent: messages(acked, unacked) };
    const before = [
      "Conectado a 10.0.0.6:5000. En línea: ana, beto.",
      "Connected to 10.0.0.6:5000. Online: ana, beto.",
    ];
    assertEquals(rejoinText(translator("es"), joined, where), `${before[0]} ${es}`);
    assertEquals(rejoinText(translator("en"), joined, where), `${before[1]} ${en}`);
  }
});

Deno.test("rejoinText() says in the same line what is missing", () => {
  const t = translator("en");
  const online = "Connected to 10.0.0.6:5000. Online: ana, beto.";
  const away = "Messages from another server may be missing: you were offline for over 120 s.";
  assertEquals(
    rejoinText(t, { resent: messages(2, 0), truncatedCount: 0, mayLack: "any" }, where),
    `${online} 2 messages were sent again. ${away}`,
  );
  assertEquals(
    rejoinText(t, { resent: [], truncatedCount: 0, mayLack: "of-departed" }, where),
    `${online} Messages of members who have left meanwhile may be missing.`,
  );
  assertEquals(
    rejoinText(t, { resent: [], truncatedCount: 6, mayLack: undefined }, where),
    `${online} Missing lines: 6. The server no longer keeps them.`,
  );
});
