// Prints the room's events and notices to the operator's terminal, at its own pace. A terminal may skip events; for a
// file or a pipe, the room waits a moment.

import { type Clock, withTimeout } from "../base/time.ts";
import { splitFrames } from "../codec.ts";
import type { Translate } from "../i18n/translate.ts";
import type { LogConsumer } from "../net/connection_manager.ts";
import { decodeServer, type LogEntry } from "../protocol/frames.ts";
import type { Renderer } from "../render/renderer.ts";
import { ALL_ENTRIES, type Cursor, type EventLog } from "../room/event_log.ts";
import type { Terminal } from "../terminal/terminal.ts";

const MAX_QUEUED_NOTICES = 100;

export interface LogPrinterConfig {
  /** How far a file or pipe may lag before the room waits for it, in bytes of the log. */
  readonly maxLagBytes: number;
  /** How long the room waits then, in ms: shorter than `pingTimeoutMs`, so that `| less` disconnects no client. */
  readonly maxWaitMs: number;
}

/** A `ChatServer`. */
interface LogSource {
  readonly log: EventLog;
  readonly startHead: number;
  addConsumer(consumer: LogConsumer): void;
}

export class LogPrinter implements LogConsumer {
  readonly #terminal: Terminal;
  readonly #renderer: Renderer;
  readonly #t: Translate;
  readonly #config: LogPrinterConfig;
  readonly #clock: Clock;
  #log: EventLog | undefined;
  #cursor: Cursor | undefined;
  #printing: Promise<void> | undefined;
  #backPressure: Promise<void> | undefined;
  /** The room has waited for `maxWaitMs`, and waits no more until everything is printed. */
  #hasGivenUp = false;
  readonly #notices: string[] = [];

  constructor(
    { terminal, renderer, t }: { terminal: Terminal; renderer: Renderer; t: Translate },
    config: LogPrinterConfig,
    clock: Clock,
  ) {
    this.#terminal = terminal;
    this.#renderer = renderer;
    this.#t = t;
    this.#config = config;
    this.#clock = clock;
  }

  /** Prints the events since the server's start. */
  attach(source: LogSource): void {
    this.#log = source.log;
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
    this.#printing ??= this.#printAll().finally(() => {
      this.#printing = undefined;
      this.#hasGivenUp = false;
    });
  }

  backPressure(): Promise<void> | undefined {
    if (this.#terminal.hasLineEditor || this.#hasGivenUp || !this.#cursor) return undefined;
    if (this.#cursor.lagBytes < this.#config.maxLagBytes) return undefined;
    return this.#backPressure ??= this.#catchUp().finally(() => this.#backPressure = undefined);
  }

  async drained(): Promise<void> {
    this.flush();
    await this.#printing;
  }

  async #catchUp(): Promise<void> {
    this.flush();
    const printing = this.#printing!;
    await withTimeout(this.#config.maxWaitMs, printing);
    this.#hasGivenUp = this.#printing === printing;
  }

  async #printAll(): Promise<void> {
    const renderer = this.#renderer;
    for (;;) {
      const lines = this.#notices.splice(0);
      if (this.#cursor?.hasFallenBehind) lines.push(this.#skipToTail(this.#cursor, this.#log!));
      const slice = this.#cursor?.take() ?? new Uint8Array();
      for (const frame of splitFrames(slice)) {
        const event = decodeServer(frame) as LogEntry;
        if (event.type === "noop") continue;
        lines.push(...renderer.dateSeparator(event.timeMs), renderer.entry(event));
      }
      if (lines.length > 0) await this.#terminal.print(...lines);
      else if (slice.length === 0) return;
    }
  }

  /** Returns the line that tells how many events are skipped. */
  #skipToTail({ seq }: Cursor, log: EventLog): string {
    this.#cursor = log.cursorAt(log.tail, ALL_ENTRIES);
    return this.#renderer.notice(this.#t("server.skipped", { count: log.tail - seq }), this.#clock().wallMs);
  }
}
