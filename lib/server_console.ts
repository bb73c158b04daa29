// What the person who runs a server sees: every entry of the log, as a line. A reader like any other: it has
// its own cursor and its own pace.

import type { ChatServer } from "./chat_server.ts";
import { framesOf } from "./codec.ts";
import type { Sentences } from "./i18n.ts";
import { decodeServer, type LogEntry } from "./protocol.ts";
import type { Renderer } from "./render.ts";
import type { Cursor, RoomLog } from "./room_log.ts";
import type { Terminal } from "./terminal.ts";

/** What a console needs. */
export interface ServerConsoleOptions {
  readonly terminal: Terminal;
  readonly renderer: Renderer;
  readonly sentences: Sentences;
  readonly wallMs: () => number;
}

/** Prints the log of a server. */
export class ServerConsole {
  readonly #log: RoomLog;
  readonly #options: ServerConsoleOptions;
  #cursor: Cursor;
  #printing: Promise<void> | undefined;

  constructor(server: ChatServer, options: ServerConsoleOptions) {
    this.#log = server.log;
    this.#options = options;
    this.#cursor = this.#log.cursorAt(0);
    server.addReader(this);
  }

  /** Begins to print what is new, unless it still prints. */
  flush(): void {
    this.#printing ??= this.#printAll().finally(() => this.#printing = undefined);
  }

  /** Fulfilled when everything is printed. */
  async drained(): Promise<void> {
    this.flush();
    await this.#printing;
  }

  async #printAll(): Promise<void> {
    const { terminal, renderer } = this.#options;
    for (;;) {
      if (this.#cursor.isLost) await this.#skip();
      const slice = this.#cursor.take();
      if (!slice) return;
      const lines: string[] = [];
      for (const frame of framesOf(slice)) lines.push(renderer.entry(decodeServer(frame) as LogEntry));
      await terminal.print(...lines);
    }
  }

  async #skip(): Promise<void> {
    const { terminal, renderer, sentences, wallMs } = this.#options;
    const count = this.#log.tail - this.#cursor.seq;
    this.#cursor = this.#log.cursorAt(this.#log.tail);
    await terminal.print(renderer.notice(sentences("server.skipped", { count }), wallMs()));
  }
}
