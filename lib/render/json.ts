// `--json`: everything that a program says as objects, one a line. docs/JSON.md is their schema.

import type { Message } from "../i18n/translate.ts";
import type { MemberInfo, RoomEvent, Said, Welcome } from "../protocol/frames.ts";
import { printableNick } from "../text/nick.ts";
import { LAST_DATE_MS } from "./timestamps.ts";

/** Characters that a terminal could obey or hide. JSON can name each by its code: nothing is lost. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The `seq` of an event that stands in no log. */
export const NO_SEQ = -1;

/** An object on one line that is safe for a terminal. */
function jsonLine(value: object): string {
  return JSON.stringify(value).replace(
    UNPRINTABLE,
    (char) => char.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** Does for programs what `LineRenderer` does for people. Lines are objects, codes are of no language. */
export class JsonRenderer {
  setMembers(): void {}

  follow(): void {}

  /** The same in a client, at a server's console and in an export, but for the mark of history. Only what precedes the
   * run has it: a program has not had what a later join brings, and may have to answer it. */
  entry(event: RoomEvent, { precedesRun = false }: { precedesRun?: boolean } = {}): string {
    return jsonLine({ ...entryObject(event), ...precedesRun && { history: true } });
  }

  presenceBatch(batch: readonly RoomEvent[]): string {
    return this.#entries(batch);
  }

  resent(batch: readonly Said[]): string {
    return this.#entries(batch);
  }

  dateSeparator(): readonly string[] {
    return [];
  }

  notice(message: Message, timeMs: number, list: readonly (Message | string)[] = []): string[] {
    const items = list.map((item) => typeof item === "string" ? item.trim() : messageFields(item));
    return [
      jsonLine({
        ...head(message.isError ? "error" : "notice", timeMs),
        ...messageFields(message),
        ...items.length > 0 && { list: items },
      }),
    ];
  }

  skipped(message: Message, timeMs: number): string {
    return jsonLine({ ...head("skipped", timeMs), ...messageFields(message) });
  }

  loss(message: Message, timeMs: number): string[] {
    return [jsonLine({ ...head("lost", timeMs), ...messageFields(message) })];
  }

  unreadRule(): readonly string[] {
    return [];
  }

  reply(message: Message, timeMs: number, list?: readonly (Message | string)[]): string[] {
    return this.notice(message, timeMs, list);
  }

  members(message: Message, members: Iterable<MemberInfo>, timeMs: number): string[] {
    const list = [...members].map(memberFields);
    return [jsonLine({ ...head("members", timeMs), members: list, ...messageFields(message) })];
  }

  line(message: Message, timeMs: number): string {
    return this.notice(message, timeMs)[0]!;
  }

  connected(
    text: string,
    { server, welcome, resentCount }: { server: string; welcome: Welcome; resentCount: number },
    timeMs: number,
  ): string {
    const { memberCount, backups } = welcome;
    return jsonLine({
      ...head("connected", timeMs),
      server,
      ...person(welcome),
      members: welcome.members.map(memberFields),
      memberCount,
      backups,
      resent: resentCount,
      message: text,
    });
  }

  nick(nick: string): string {
    return printableNick(nick);
  }

  formatTime(timeMs: number): string {
    return isoTime(timeMs);
  }

  #entries(events: readonly RoomEvent[]): string {
    return events.map((event) => this.entry(event)).join("\n");
  }
}

function entryObject(event: RoomEvent): Readonly<Record<string, unknown>> {
  const { type, seq, timeMs } = event;
  const start = { type, ...seq !== NO_SEQ && { seq }, time: isoTime(timeMs) };
  switch (event.type) {
    case "said":
      return {
        ...start,
        ...person(event),
        clientSeq: event.clientSeq,
        text: event.text,
        private: event.to !== undefined,
        ...moreOfSaid(event),
      };
    case "joined":
      return { ...start, ...person(event), address: event.address, rejoined: event.rejoined };
    case "left":
      return { ...start, ...person(event), address: event.address, reason: leaveReason(event) };
    case "renamed":
      return { ...start, ...person(event), oldNick: event.oldNick };
    case "announced":
      return { ...start, text: event.text };
    case "backups":
      return { ...start, backups: event.backups };
  }
}

function head(type: string, timeMs: number) {
  return { type, time: isoTime(timeMs) };
}

function messageFields({ code, values, text }: Message) {
  return { code, ...values, message: text };
}

function isoTime(timeMs: number): string {
  return new Date(Math.min(timeMs, LAST_DATE_MS)).toISOString();
}

function person({ nick, sessionId }: { nick: string; sessionId: bigint }) {
  return { nick, sessionId: sessionId.toString(16).padStart(16, "0") };
}

function memberFields(member: MemberInfo) {
  return { ...person(member), address: member.address, since: isoTime(member.sinceMs) };
}

function moreOfSaid({ action = false, redelivered, to }: Said) {
  return { action, redelivered, ...to && { to: person(to) } };
}

function leaveReason({ kicked, connectionLost }: { kicked?: boolean; connectionLost: boolean }): string {
  return kicked ? "kicked" : connectionLost ? "connection-lost" : "left";
}
