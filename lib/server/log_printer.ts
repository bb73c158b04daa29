// Prints the room's events and notices to the operator's terminal, at its own pace: the room never waits for it. Events
// that the log drops before they are printed are skipped.

import type { Clock } from "../base/time.ts";
import { splitFrames } from "../codec.ts";
import type { Message, Translate } from "../i18n/translate.ts";
import type { LogConsumer } from "../net/connection_manager.ts";
import {
  decodeServer,
  type LogEntry,
  type MemberInfo,
  type RoomEvent,
  type Said,
} from "../protocol/frames.ts";
import { NO_SEQ } from "../render/json.ts";
import type { Renderer } from "../render/renderer.ts";
import { ALL_ENTRIES, type Cursor, type EventLog } from "../room/event_log.ts";
import type { Terminal } from "../terminal/terminal.ts";

const MAX_QUEUED_NOTICES = 100;
/** In a terminal, more messages that a member sends again share one line. */
const MAX_RESENT_LINES = 3;
/** How long the first of them waits for more, in ms: a client may mark all that it says as sent again. */
const RESENT_DELAY_MS = 500;

/** A `ChatServer`. */
interface LogSource {
  readonly log: EventLog;
  readonly startHead: number;
  readonly members: Iterable<MemberInfo>;
  addConsumer(consumer: LogConsumer): void;
}

export class LogPrinter implements LogConsumer {
  readonly #terminal: Terminal;
  readonly #renderer: Renderer;
  readonly #t: Translate;
  readonly #clock: Clock;
  #source: LogSource | undefined;
  #cursor: Cursor | undefined;
  #printing: Promise<void> | undefined;
  readonly #notices: string[] = [];
  /** Messages sent again that wait for more of them, by session. */
  readonly #resent = new Map<bigint, Said[]>();
  #resentTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    { terminal, renderer, t }: { terminal: Terminal; renderer: Renderer; t: Translate },
    clock: Clock,
  ) {
    this.#terminal = terminal;
    this.#renderer = renderer;
    this.#t = t;
    this.#clock = clock;
    terminal.gapText = (count) => this.#gapText(count);
  }

  /** Prints the events since the server's start. */
  attach(source: LogSource): void {
    this.#source = source;
    this.#renderer.setMembers(source.members);
    this.#cursor = source.log.cursorAt(source.startHead, ALL_ENTRIES);
    source.addConsumer(this);
  }

  /** Prints that a member is back, of which the log says nothing. */
  printReturn({ sessionId, nick, address }: MemberInfo): void {
    const timeMs = this.#clock().wallMs;
    const event = { type: "joined", seq: NO_SEQ, timeMs, sessionId, rejoined: true, nick, address } as const;
    this.#queue(timeMs, [this.#renderer.entry(event)]);
  }

  /** Prints a notice with the time, unless too many wait. */
  print(message: Message): void {
    const timeMs = this.#clock().wallMs;
    this.#queue(timeMs, this.#renderer.notice(message, timeMs));
  }

  #queue(timeMs: number, lines: readonly string[]): void {
    if (this.#notices.length < MAX_QUEUED_NOTICES) {
      this.#notices.push(...this.#renderer.dateSeparator(timeMs), ...lines);
    }
    this.flush();
  }

  flush(): void {
    this.#printing ??= this.#printAll().finally(() => this.#printing = undefined);
  }

  async drained(): Promise<void> {
    this.flush();
    await this.#printing;
    this.#queueResent();
    this.flush();
    await this.#printing;
  }

  async #printAll(): Promise<void> {
    const renderer = this.#renderer;
    for (;;) {
      const lines = this.#notices.splice(0);
      if (this.#cursor?.hasFallenBehind) lines.push(this.#skipToTail(this.#cursor, this.#source!));
      const slice = this.#cursor?.take() ?? new Uint8Array();
      for (const frame of splitFrames(slice)) {
        const event = decodeServer(frame) as LogEntry;
        if (event.type === "noop") continue;
        renderer.follow(event);
        if (this.#holdBack(event)) continue;
        if ("sessionId" in event) lines.push(...this.#takeResent(event.sessionId));
        lines.push(...renderer.dateSeparator(event.timeMs), renderer.entry(event));
      }
      if (lines.length > 0) await this.#terminal.print(...lines);
      else if (slice.length === 0) return;
    }
  }

  /** Every message stands on a line of its own in a pipe or file. */
  #holdBack(event: RoomEvent): boolean {
    if (!this.#terminal.hasLineEditor || event.type !== "said" || !event.redelivered) return false;
    const held = this.#resent.get(event.sessionId);
    if (held) held.push(event);
    else this.#resent.set(event.sessionId, [event]);
    this.#resentTimer ??= setTimeout(() => {
      this.#queueResent();
      this.flush();
    }, RESENT_DELAY_MS);
    return true;
  }

  #queueResent(): void {
    clearTimeout(this.#resentTimer);
    this.#resentTimer = undefined;
    for (const sessionId of this.#resent.keys()) this.#notices.push(...this.#takeResent(sessionId));
  }

  #takeResent(sessionId: bigint): string[] {
    const renderer = this.#renderer;
    const held = this.#resent.get(sessionId);
    if (!held) return [];
    this.#resent.delete(sessionId);
    if (held.length > MAX_RESENT_LINES) {
      return [...renderer.dateSeparator(held.at(-1)!.timeMs), renderer.resent(held)];
    }
    return held.flatMap((event) => [...renderer.dateSeparator(event.timeMs), renderer.entry(event)]);
  }

  #skipToTail({ seq }: Cursor, { log, members }: LogSource): string {
    this.#renderer.setMembers(members);
    this.#cursor = log.cursorAt(log.tail, ALL_ENTRIES);
    return this.#gapText(log.tail - seq);
  }

  #gapText(count: number): string {
    return this.#renderer.skipped(this.#t.message("output.skipped", { count }), this.#clock().wallMs);
  }
}
