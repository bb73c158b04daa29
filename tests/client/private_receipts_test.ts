// Private messages that may be unread: when their sender is told, and what.

import { assertEquals } from "@std/assert";
import { MemberList } from "../../lib/client/member_list.ts";
import { PrivateReceipts } from "../../lib/client/private_receipts.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { Joined, Left, RoomEvent, Said, Say } from "../../lib/protocol/frames.ts";
import { makeSaid } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";

const OLD = { sessionId: 2n, nick: "beto", address: "::1" };
const NEW = { ...OLD, sessionId: 3n };
const base = { seq: 0, timeMs: 0 };
const UNREAD = 'beto is not here: "hola" may not have reached them. If they return, ask.';
const OTHER =
  'Another client has the nick beto now, and did not get "hola". If it is the same person, repeat it.';

function said(changes: Partial<Said> = {}): Said {
  const message = { seq: 0, clientSeq: 1, text: "hola", to: { sessionId: OLD.sessionId, nick: "beto" } };
  return makeSaid("ana", { ...message, ...changes });
}

function joined(member: typeof OLD, timeMs = 0): Joined {
  return { ...base, ...member, type: "joined", rejoined: false, timeMs };
}

function left(member: typeof OLD, changes: Partial<Left> = {}): Left {
  return { ...base, ...member, type: "left", connectionLost: false, ...changes };
}

/** What ana is told of these entries of one server after another, if she knows no member at first. */
function told(...servers: (readonly RoomEvent[])[]): string[] {
  const resent = [{ type: "say", clientSeq: 1, timeMs: 1, text: "hola" } as const];
  return toldBy(servers.map((entries, index) => ({ logId: BigInt(index), resent, entries })));
}

/** What ana is told of the entries after one WELCOME after another. */
function toldBy(
  connections: {
    logId: bigint;
    resent: readonly Say[];
    members?: (typeof OLD)[];
    entries?: readonly RoomEvent[];
  }[],
): string[] {
  const members = new MemberList({ maxMembers: 10 });
  const receipts = new PrivateReceipts(said().sessionId, members, translator("en"));
  for (const { logId, resent, members: listed = [], entries = [] } of connections) {
    members.replace(listed.map((member) => ({ ...member, sinceMs: 0 })));
    receipts.onWelcome({ logId }, resent);
    for (const entry of entries) {
      members.apply(entry);
      receipts.onEntry(entry);
    }
  }
  return receipts.take().map(({ text }) => text);
}

const CASES: Record<string, [expected: string[], ...servers: RoomEvent[][]]> = {
  "of a recipient who is not in the room": [[UNREAD], [said()]],
  "of a recipient who left before": [[UNREAD], [joined(OLD), left(OLD), said()]],
  "of a recipient whose nick another session has": [[OTHER], [joined(NEW), said()]],
  "of a recipient who is lost within 18.5 s, once": [
    [UNREAD],
    [
      joined(OLD),
      said({ text: "uno" }),
      said(),
      left(OLD, { connectionLost: true, timeMs: 18_500 }),
      joined(NEW),
    ],
  ],
  "of a recipient who is replaced on the next server, once": [
    [OTHER],
    [joined(OLD), said({ text: "uno" }), said()],
    [joined(NEW, 120_000), left(NEW), joined(NEW)],
  ],
  "of no recipient who is lost later": [
    [],
    [joined(OLD), said(), left(OLD, { connectionLost: true, timeMs: 18_501 }), joined(NEW)],
  ],
  "of a recipient who is lost long after the message, which was sent again": [
    [UNREAD],
    [joined(OLD), said({ redelivered: true }), left(OLD, { connectionLost: true, timeMs: 60_000 })],
  ],
  "of no recipient who is lost and returns": [
    [],
    [joined(OLD), said(), left(OLD, { connectionLost: true }), joined(OLD)],
  ],
  "of a recipient with an impossible nick, which it shows as ?": [
    [UNREAD.replace("beto", "?")],
    [said({ to: { sessionId: OLD.sessionId, nick: "[root] !" } })],
  ],
  "of no recipient who leaves": [[], [joined(OLD), said(), left(OLD), joined(NEW)]],
  "of no recipient who follows to the next server": [[], [joined(OLD), said()], [joined(OLD)]],
  "of no recipient who is replaced late": [[], [joined(OLD), said()], [joined(NEW, 120_001)]],
  "of no public message, nor of one of another sender": [[], [
    said({ to: undefined }),
    said({ sessionId: 9n }),
  ]],
};
for (const [what, [expected, ...servers]] of Object.entries(CASES)) {
  Deno.test(`PrivateReceipts tells ${what}`, pure, () => assertEquals(told(...servers), expected));
}

Deno.test("PrivateReceipts shortens the message, and tells of it once", pure, () => {
  const receipts = new PrivateReceipts(said().sessionId, new MemberList({ maxMembers: 1 }), translator("es"));
  receipts.onEntry(said({ text: "a".repeat(41) }));
  assertEquals(receipts.take().map(({ text }) => text), [
    `beto no está aquí: quizá no le haya llegado "${"a".repeat(39)}…". Si vuelve, pregúntele.`,
  ]);
  assertEquals(receipts.take(), []);
});

Deno.test(
  "PrivateReceipts.onWelcome() keeps the messages of a room that a redial leads back to",
  pure,
  () => {
    const before = { logId: 7n, resent: [], entries: [joined(OLD), said()] };
    const again = { logId: 7n, resent: [] };
    // The server may have been away for a while.
    const lost = left(OLD, { connectionLost: true, timeMs: 60_000 });
    assertEquals(toldBy([before, { ...again, members: [OLD], entries: [lost] }]), [UNREAD]);
    assertEquals(toldBy([before, { ...again, members: [NEW] }]), [OTHER]);
    assertEquals(toldBy([before, { ...again, logId: 8n, members: [OLD], entries: [lost] }]), []);
  },
);
