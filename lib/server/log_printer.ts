// What the person who runs a server sees: every entry of the log, as a line. A reader like any other: it has
// its own cursor and its own pace. A screen may leave lines out; for a file or a pipe, the room waits a moment.

import type { ChatServer } from "./chat_server.ts";
import { splitFrames } from "../codec.ts";
import type { Translate } from "../i18n/translate.ts";
import { decodeServer, type LogEntry } from "../protocol/frames.ts";
import type { Renderer } from "../render/renderer.ts";
import { ALL_ENTRIES, type Cursor, type EventLog, RETAINED_BYTES } from "../room/event_log.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Most notices that wait for a screen that stands still. */
const MAX_QUEUED_NOTICES = 100;
/** How long the room waits for a file or a pipe, in ms: nobody must be taken for dead because of `| less`. */
const MAX_WAIT_MS = 5_000;

/** Settings of a {@linkcode LogPrinter}. */
export interface LogPrinterConfig {
  /** How far a file or pipe may lag before the room waits for it, in bytes of the log. */
  readonly maxLagBytes: number;
  /** How long the room waits then, in ms. */
  readonly maxWaitMs: number;
}

/** What a console needs. */
export interface LogPrinterOptions {
  readonly terminal: Terminal;
  readonly renderer: Renderer;
  readonly t: Translate;
  readonly wallMs: () => number;
  /** How far a file or a pipe may be behind before the room waits for it, in bytes of the log. */
  readonly maxLagBytes?: number;
  /** How long the room waits then. */
  readonly maxWaitMs?: number;
}

/** Prints the log of a server, and what else there is to tell. */
export class LogPrinter {
  readonly #options: LogPrinterOptions;
  #log: EventLog | undefined;
  #cursor: Cursor | undefined;
  #printing: Promise<void> | undefined;
  /** While the room waits. */
  #catchingUp: Promise<void> | undefined;
  /** The room has waited in vain, and does so no more until everything is printed. */
  #isStuck = false;
  /** What is to be printed besides the log. */
  readonly #notices: string[] = [];

  constructor(options: LogPrinterOptions) {
    this.#options = options;
  }

  /** Shows the log of this server, from when it began to listen. */
  attach(server: ChatServer): void {
    this.#log = server.log;
    this.#cursor = server.log.cursorAt(server.firstSeq, ALL_ENTRIES);
    server.addConsumer(this);
  }

  /** Prints a line with the time, unless more wait already than anybody will read. */
  print(text: string): void {
    const { renderer, wallMs } = this.#options;
    const timeMs = wallMs();
    if (this.#notices.length < MAX_QUEUED_NOTICES) {
      this.#notices.push(...renderer.dateSeparator(timeMs), renderer.notice(text, timeMs));
    }
    this.flush();
  }

  /** Begins to print what is new, unless it still prints. */
  flush(): void {
    this.#printing ??= this.#printAll().finally(() => {
      this.#printing = undefined;
      this.#isStuck = false;
    });
  }

  /** What is to be waited for, unless a screen shows the log or little of it is left to print: nobody says anything
   * meanwhile. */
  catchingUp(): Promise<void> | undefined {
    const { terminal, maxLagBytes = RETAINED_BYTES / 2 } = this.#options;
    if (terminal.hasLineEditor || this.#isStuck || !this.#cursor) return undefined;
    if (this.#cursor.lagBytes < maxLagBytes) return undefined;
    return this.#catchingUp ??= this.#catchUp().finally(() => this.#catchingUp = undefined);
  }

  async #catchUp(): Promise<void> {
    const { promise: timedOut, resolve: giveUp } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#isStuck = true;
      giveUp();
    }, this.#options.maxWaitMs ?? MAX_WAIT_MS);
    this.flush();
    await Promise.race([this.#printing, timedOut]);
    clearTimeout(timer);
  }

  /** Fulfilled when everything is printed. */
  async drained(): Promise<void> {
    this.flush();
    await this.#printing;
  }

  async #printAll(): Promise<void> {
    const { terminal, renderer } = this.#options;
    for (;;) {
      const lines = this.#notices.splice(0);
      if (this.#cursor?.hasFallenBehind) lines.push(this.#skipToTail(this.#cursor, this.#log!));
      const slice = this.#cursor?.take() ?? new Uint8Array();
      for (const frame of splitFrames(slice)) {
        const event = decodeServer(frame) as LogEntry;
        if (event.type === "noop") continue; // it came to nothing
        lines.push(...renderer.dateSeparator(event.timeMs), renderer.entry(event));
      }
      if (lines.length > 0) await terminal.print(...lines);
      else if (slice.length === 0) return;
    }
  }

  /** Goes on with what the log still has. Returns the line that says how much is left out. */
  #skipToTail({ seq }: Cursor, log: EventLog): string {
    const { renderer, t, wallMs } = this.#options;
    this.#cursor = log.cursorAt(log.tail, ALL_ENTRIES);
    return renderer.notice(t("server.skipped", { count: log.tail - seq }), wallMs());
  }
}
