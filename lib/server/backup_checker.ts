// Whether the backups of a room answer, and show the certificate that clients expect, as messages for the console.

import { Deadline, delay } from "../base/time.ts";
import { ConnectError, ProtocolError } from "../errors.ts";
import type { Message, Translate } from "../i18n/translate.ts";
import { type Backup, formatAddress, parseBackup, shortFingerprint } from "../net/address.ts";
import { exchange } from "../net/exchange.ts";
import { dial, timedOut } from "../net/tcp.ts";
import { dialTls } from "../net/tls.ts";
import { encodeClient, MAX_SERVER_FRAME_BYTES } from "../protocol/frames.ts";

/** For a whole probe, the name included, in ms. */
const MAX_PROBE_MS = 5_000;
/** For the connection, and then for the answer, in ms. */
const ANSWER_MS = 2_000;
const PROBE = encodeClient({ type: "probe" });
/** A backup that fails is told after two probes. */
const RECHECK_MS = 10_000;

type Failure =
  | "name-unknown"
  | "refused"
  | "no-answer"
  | "not-a-chat-server"
  | "not-tls"
  | "certificate-other"
  | "certificate-invalid";

/** Codes of errors that are failures too. */
const SAME_CODES: readonly string[] = ["name-unknown", "refused", "not-tls", "certificate-other"];

export class BackupChecker implements Disposable {
  /** Called when a backup no longer answers, or answers again. */
  onChange: (state: Message) => void = () => {};
  /** Whether an address is still one of the backups. */
  isBackup: (backup: string) => boolean = () => true;
  readonly #t: Translate;
  readonly #canTls: boolean;
  readonly #recheckMs: number;
  readonly #ending = new AbortController();
  /** Backups that are probed again and again. */
  readonly #watched = new Set<string>();

  /** Without `canTls`, of old runtimes, certificates are not compared. */
  constructor(t: Translate, { canTls = true, recheckMs = RECHECK_MS } = {}) {
    this.#t = t;
    this.#canTls = canTls;
    this.#recheckMs = recheckMs;
  }

  /** The state of a backup, `host:port[#fingerprint]`; undefined if the server is closed meanwhile. From then on changes
   * are told. */
  async stateOf(text: string): Promise<Message | undefined> {
    const backup = parseBackup(text);
    const failure = await this.#failureOf(backup);
    if (this.#ending.signal.aborted) return undefined;
    void this.#watch(text, failure);
    return this.#state(backup, failure);
  }

  async #watch(text: string, first: Failure | undefined): Promise<void> {
    if (this.#watched.has(text)) return;
    this.#watched.add(text);
    const backup = parseBackup(text);
    const { signal } = this.#ending;
    let [told, last] = [first, first];
    for (;;) {
      await delay(this.#recheckMs, signal);
      const failure = this.isBackup(text) ? await this.#failureOf(backup) : undefined;
      if (signal.aborted || !this.isBackup(text)) break;
      // One probe may fail because of the network.
      if (failure !== told && (!failure || failure === last)) {
        this.onChange(this.#state(backup, told = failure));
      }
      last = failure;
    }
    this.#watched.delete(text);
  }

  #state({ server, fingerprint }: Backup, failure: Failure | undefined): Message {
    const values = { server: formatAddress(server), ...(fingerprint !== undefined && { fingerprint }) };
    const address = values.server;
    const shown = fingerprint === undefined ? address : `${address} (${shortFingerprint(fingerprint)})`;
    if (!failure) return { ...this.#t.message("backup.answers", { server: shown }), values };
    const message = this.#t.message("backup.fails", { server: shown, why: this.#t(`backup.${failure}`) });
    return { ...message, values: { ...values, why: failure } };
  }

  [Symbol.dispose](): void {
    this.#ending.abort();
  }

  /** Undefined if a server of this chat answers. One with TLS does too: with ERROR, in plain text. With a fingerprint it
   * must show that certificate. */
  async #failureOf({ server, fingerprint }: Backup): Promise<Failure | undefined> {
    const error = timedOut(server, MAX_PROBE_MS);
    using deadline = new Deadline(MAX_PROBE_MS, { error, outer: this.#ending.signal });
    const { signal } = deadline;
    const verify = (shown: string) => {
      if (shown !== fingerprint) throw new ConnectError("certificate-other", {});
    };
    try {
      const dialOptions = { signal, dialTimeoutMs: ANSWER_MS, answerTimeoutMs: ANSWER_MS };
      const socket = fingerprint === undefined || !this.#canTls
        ? await dial(server, dialOptions)
        : await dialTls(server, { ...dialOptions, tlsRequirement: { verify } });
      const options = { maxFrameBytes: MAX_SERVER_FRAME_BYTES, answerTimeoutMs: ANSWER_MS, signal };
      const frame = await exchange(socket, PROBE, options);
      return frame === undefined || frame === "cut" ? "no-answer" : undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return "not-a-chat-server";
      const code = error instanceof ConnectError ? error.code : "no-answer";
      if (SAME_CODES.includes(code)) return code as Failure;
      return code.startsWith("certificate-") ? "certificate-invalid" : "no-answer";
    }
  }
}
