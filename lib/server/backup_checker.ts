// Whether the backups of a room answer, as messages for the console.

import { Deadline } from "../base/time.ts";
import { ConnectError, ProtocolError } from "../errors.ts";
import type { Message, Translate } from "../i18n/translate.ts";
import { type Address, formatAddress, parseBackup } from "../net/address.ts";
import { exchange } from "../net/exchange.ts";
import { dial, timedOut } from "../net/tcp.ts";
import { encodeClient, MAX_SERVER_FRAME_BYTES } from "../protocol/frames.ts";

/** For a whole probe, the name included, in ms. */
const MAX_PROBE_MS = 5_000;
/** For the connection, and then for the answer, in ms. */
const ANSWER_MS = 2_000;
const PROBE = encodeClient({ type: "probe" });

export class BackupChecker implements Disposable {
  readonly #t: Translate;
  readonly #ending = new AbortController();

  constructor(t: Translate) {
    this.#t = t;
  }

  /** The state of a backup, `host:port[#fingerprint]`; undefined if the server is closed meanwhile. */
  async stateOf(backup: string): Promise<Message | undefined> {
    const { server } = parseBackup(backup);
    const failure = await this.#failureOf(server);
    if (this.#ending.signal.aborted) return undefined;
    const shown = { server: formatAddress(server) };
    if (!failure) return this.#t.message("backup.answers", shown);
    const message = this.#t.message("backup.fails", { ...shown, why: this.#t(`backup.${failure}`) });
    return { ...message, values: { ...shown, why: failure } };
  }

  [Symbol.dispose](): void {
    this.#ending.abort();
  }

  /** Undefined if a server of this chat answers. One with TLS does too: with ERROR, in plain text. */
  async #failureOf(
    server: Address,
  ): Promise<"name-unknown" | "refused" | "no-answer" | "not-a-chat-server" | undefined> {
    const error = timedOut(server, MAX_PROBE_MS);
    using deadline = new Deadline(MAX_PROBE_MS, { error, outer: this.#ending.signal });
    const { signal } = deadline;
    try {
      const socket = await dial(server, { signal, dialTimeoutMs: ANSWER_MS });
      const options = { maxFrameBytes: MAX_SERVER_FRAME_BYTES, answerTimeoutMs: ANSWER_MS, signal };
      const frame = await exchange(socket, PROBE, options);
      return frame === undefined || frame === "cut" ? "no-answer" : undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return "not-a-chat-server";
      const code = error instanceof ConnectError ? error.code : undefined;
      return code === "name-unknown" || code === "refused" ? code : "no-answer";
    }
  }
}
