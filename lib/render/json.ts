// An event as a JSON object on a line: the schema that scripts read.

import type { RoomEvent, Said } from "../protocol/frames.ts";

/** Characters that a terminal could obey or hide. JSON can name each by its code: nothing is lost. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** An object on one line that is safe for a terminal. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(
    UNPRINTABLE,
    (char) => char.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** An event as the object that `--json` shows. */
export function entryObject(event: RoomEvent): Readonly<Record<string, unknown>> {
  const { type, seq, timeMs } = event;
  const head = { type, seq, time: new Date(timeMs).toISOString() };
  switch (event.type) {
    case "said":
      return {
        ...head,
        ...person(event),
        text: event.text,
        private: event.to !== undefined,
        ...moreOfSaid(event),
      };
    case "joined":
      return { ...head, ...person(event), address: event.address, rejoined: event.rejoined };
    case "left":
      return { ...head, ...person(event), address: event.address, reason: leaveReason(event) };
    case "renamed":
      return { ...head, ...person(event), oldNick: event.oldNick };
    case "announced":
      return { ...head, text: event.text };
    case "backups":
      return { ...head, backups: event.backups };
  }
}

function person({ nick, sessionId }: { nick: string; sessionId: bigint }) {
  return { nick, sessionId: sessionId.toString(16).padStart(16, "0") };
}

function moreOfSaid({ action = false, redelivered, to }: Said) {
  return { action, redelivered, ...to && { to: person(to) } };
}

function leaveReason({ kicked, connectionLost }: { kicked?: boolean; connectionLost: boolean }): string {
  return kicked ? "kicked" : connectionLost ? "connection-lost" : "left";
}
