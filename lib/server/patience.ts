// Has visitors wait for the journal: nothing more of what they say is read meanwhile, nothing of it is lost, and
// they are not taken for dead; who wants to come in waits for a moment. Knows nothing of what they ask for.

import type { Clock, Instant } from "../base/time.ts";
import type { Connection } from "../net/connection.ts";
import type { CommitLog } from "../room/commit_log.ts";
import { encodeServer } from "../protocol/frames.ts";
import { ProtocolError } from "../errors.ts";

/** How long one wait may be until it is looked how things stand, in ms. */
const COMMIT_POLL_MS = 1_000;
/** How long somebody who wants to come in waits, in ms: then they are told why, before they give up by themselves. */
const COMMIT_WAIT_MS = 3_000;

/** Something that may take its time: returns whether it is done; otherwise `again` is called when it is to be
 * tried again. */
export type Attempt = (now: Instant, again: () => void) => boolean;

/** What patience needs. */
interface PatienceOptions {
  readonly commitLog: CommitLog;
  readonly clock: Clock;
  /** Called when something comes of what somebody asked for who is gone by now. */
  readonly onGone: () => void;
  /** How long somebody who wants to come in waits, in ms. */
  readonly commitWaitMs?: number;
}

/** The patience of a server's visitors. */
export class Patience {
  readonly #options: PatienceOptions;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Makes an attempt. Returns what has to be waited for if it takes its time; that rejects with what later
   * attempts throw. */
  try(attempt: Attempt, connection: Connection): Promise<void> | undefined {
    let isDue = false;
    const again = () => {
      isDue = true;
      connection.resumeReading();
      if (!connection.isOpen) this.#options.onGone();
    };
    if (attempt(this.#options.clock(), again)) return undefined;
    return this.#retry(attempt, connection, () => isDue);
  }

  async #retry(attempt: Attempt, connection: Connection, isDue: () => boolean): Promise<void> {
    const isTooLong = this.#elapsed(connection);
    while (connection.isOpen && !isDue()) {
      if (isTooLong()) throw new ProtocolError("store-away");
      await this.#pause(connection);
    }
    if (connection.isOpen) await this.try(attempt, connection);
    else this.#options.onGone();
  }

  /** Waits until the journal goes on; undefined if it does. Rejects with `store-away`. */
  whileBlocked(connection: Connection): Promise<void> | undefined {
    return this.#options.commitLog.isBlocked ? this.#pauseWhileBlocked(connection) : undefined;
  }

  async #pauseWhileBlocked(connection: Connection): Promise<void> {
    const isTooLong = this.#elapsed(connection);
    while (connection.isOpen && this.#options.commitLog.isBlocked) {
      if (isTooLong()) throw new ProtocolError("store-away");
      await this.#pause(connection);
    }
  }

  /** Whether the peer, from now on, has waited for longer than somebody should who is not in. */
  #elapsed({ heartbeat }: Connection): () => boolean {
    const { clock, commitWaitMs = COMMIT_WAIT_MS } = this.#options;
    const endMs = heartbeat ? Infinity : clock().monotonicMs + commitWaitMs;
    return () => clock().monotonicMs >= endMs;
  }

  async #pause(connection: Connection): Promise<void> {
    const { commitLog, commitWaitMs = COMMIT_WAIT_MS } = this.#options;
    if (!connection.heartbeat) return await connection.pauseReading(Math.min(COMMIT_POLL_MS, commitWaitMs));
    await connection.pauseReading(COMMIT_POLL_MS);
    // Should the peer have asked for a sign of life, this is it.
    if (commitLog.isBlocked) connection.send(PONG);
  }
}

const PONG = encodeServer({ type: "pong" });
