// Prints the room's events and notices to the operator's terminal, at its own pace: the room never waits for it. Events
// that the log drops before they are printed are skipped.

import type { Clock } from "../base/time.ts";
import { splitFrames } from "../codec.ts";
import type { Translate } from "../i18n/translate.ts";
import type { LogConsumer } from "../net/connection_manager.ts";
import { decodeServer, type LogEntry, type MemberInfo } from "../protocol/frames.ts";
import type { Renderer } from "../render/renderer.ts";
import { ALL_ENTRIES, type Cursor, type EventLog } from "../room/event_log.ts";
import type { Terminal } from "../terminal/terminal.ts";

const MAX_QUEUED_NOTICES = 100;

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

  /** Prints a notice with the time, unless too many wait. */
  print(text: string): void {
    const timeMs = this.#clock().wallMs;
    if (this.#notices.length < MAX_QUEUED_NOTICES) {
      this.#notices.push(...this.#renderer.dateSeparator(timeMs), this.#renderer.notice(text, timeMs));
    }
    this.flush();
  }

  flush(): void {
    this.#printing ??= this.#printAll().finally(() => this.#printing = undefined);
  }

  async drained(): Promise<void> {
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
        lines.push(...renderer.dateSeparator(event.timeMs), renderer.entry(event));
      }
      if (lines.length > 0) await this.#terminal.print(...lines);
      else if (slice.length === 0) return;
    }
  }

  #skipToTail({ seq }: Cursor, { log, members }: LogSource): string {
    this.#renderer.setMembers(members);
    this.#cursor = log.cursorAt(log.tail, ALL_ENTRIES);
    return this.#gapText(log.tail - seq);
  }

  #gapText(count: number): string {
    return this.#renderer.notice(this.#t("output.skipped", { count }), this.#clock().wallMs);
  }
}
