// Whether the backups of a room answer, as messages for the console.

import { Deadline, delay } from "../base/time.ts";
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
const RECHECK_MS = 10_000;

type Failure = "name-unknown" | "refused" | "no-answer" | "not-a-chat-server";

export class BackupChecker implements Disposable {
  /** Called when a backup answers that did not. */
  onAnswer: (state: Message) => void = () => {};
  /** Whether an address is still one of the backups. */
  isBackup: (backup: string) => boolean = () => true;
  readonly #t: Translate;
  readonly #recheckMs: number;
  readonly #ending = new AbortController();
  /** Backups that did not answer, and are probed again. */
  readonly #failing = new Set<string>();

  constructor(t: Translate, { recheckMs = RECHECK_MS } = {}) {
    this.#t = t;
    this.#recheckMs = recheckMs;
  }

  /** The state of a backup, `host:port[#fingerprint]`; undefined if the server is closed meanwhile. */
  async stateOf(backup: string): Promise<Message | undefined> {
    const { server } = parseBackup(backup);
    const failure = await this.#failureOf(server);
    if (this.#ending.signal.aborted) return undefined;
    if (failure) void this.#untilAnswer(backup);
    return this.#state(server, failure);
  }

  /** Probes a backup again until it answers. */
  async #untilAnswer(backup: string): Promise<void> {
    if (this.#failing.has(backup)) return;
    this.#failing.add(backup);
    const { server } = parseBackup(backup);
    const { signal } = this.#ending;
    let failure: Failure | undefined;
    do {
      await delay(this.#recheckMs, signal);
      failure = this.isBackup(backup) ? await this.#failureOf(server) : undefined;
    } while (failure && !signal.aborted);
    this.#failing.delete(backup);
    if (this.isBackup(backup) && !signal.aborted) this.onAnswer(this.#state(server, undefined));
  }

  #state(server: Address, failure: Failure | undefined): Message {
    const shown = { server: formatAddress(server) };
    if (!failure) return this.#t.message("backup.answers", shown);
    const message = this.#t.message("backup.fails", { ...shown, why: this.#t(`backup.${failure}`) });
    return { ...message, values: { ...shown, why: failure } };
  }

  [Symbol.dispose](): void {
    this.#ending.abort();
  }

  /** Undefined if a server of this chat answers. One with TLS does too: with ERROR, in plain text. */
  async #failureOf(server: Address): Promise<Failure | undefined> {
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
