// Through which connection each member is in, and when those are gone who have lost theirs. Knows nothing of what
// anybody says.

import type { Clock, Instant } from "../base/time.ts";
import type { Connection } from "../net/connection.ts";
import { ProtocolError } from "../errors.ts";
import { wireReason } from "../i18n/translate.ts";
import type { Member } from "../room/state.ts";
import { encodeServer, encodeWelcome } from "../protocol/frames.ts";
import type { JoinResult, Room } from "../room/room.ts";

/** What guests need. */
interface SessionsOptions {
  readonly room: Room;
  readonly clock: Clock;
  /** Called when there is something to write. */
  readonly onReady: () => void;
}

/** Those who are in through this server. */
export class Sessions implements Disposable {
  readonly #options: SessionsOptions;
  readonly #connections = new Map<Member, Connection>();
  readonly #members = new Map<Connection, Member>();
  #expiryTimer: ReturnType<typeof setTimeout> | undefined;
  /** Those who were told that what they say waits, and not that it does so no more. */
  readonly #stalledNotified = new WeakSet<Connection>();
  #isClosed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#scheduleExpiry((now) => options.room.disconnectAll(now));
  }

  /** Who is in through a connection. */
  memberOf(connection: Connection): Member | undefined {
    return this.#members.get(connection);
  }

  /** Lets somebody in, who may be in through another connection: it is ended. */
  attach(
    { welcome, membersBytes, cursor, member }: JoinResult,
    connection: Connection,
  ): void {
    // Nobody's business but the peer's: somebody who was lost is back before anyone noticed.
    this.detach(member)?.end(errorFrame(new ProtocolError("replaced")));
    this.#connections.set(member, connection);
    this.#members.set(connection, member);
    connection.startHeartbeat();
    connection.send(encodeWelcome(welcome, { membersBytes: membersBytes.length }));
    connection.send(membersBytes);
    connection.stream(cursor);
  }

  /** Somebody's connection, which is not theirs any more. */
  detach(member: Member): Connection | undefined {
    const connection = this.#connections.get(member);
    this.#connections.delete(member);
    if (connection) this.#members.delete(connection);
    return connection;
  }

  /** Somebody has lost their connection, and has the grace to come back. */
  disconnect(member: Member): void {
    this.detach(member);
    this.#scheduleExpiry((now) => this.#options.room.disconnect(member, now));
  }

  /** Throws somebody out, who reads why. */
  kick(member: Member, error: ProtocolError): void {
    const connection = this.detach(member);
    this.#options.room.kick(member, this.#options.clock());
    connection?.end(errorFrame(error));
    this.#options.onReady();
  }

  /** Somebody is not in through this server any more, by the doing of another one. Who is here all the same, and was
   * not thrown out, comes back in. */
  onTakenOver(member: Member, { isKicked }: { isKicked: boolean }): void {
    this.detach(member)?.end(isKicked ? errorFrame(new ProtocolError("kicked")) : BYE_FRAME);
  }

  /** Tells everybody that what they say waits, and then that it does so no more, each of them once. */
  broadcastStalled({ isResolved }: { isResolved: boolean }): void {
    const frame = encodeServer({ type: "stalled", resolved: isResolved });
    for (const connection of this.#members.keys()) {
      if (this.#stalledNotified.has(connection) !== isResolved) continue;
      if (isResolved) this.#stalledNotified.delete(connection);
      else this.#stalledNotified.add(connection);
      connection.send(frame);
    }
  }

  /** Announces the departure of those whose grace is over, now and whenever one is. */
  expireGrace(): void {
    this.#scheduleExpiry((now) => this.#options.room.expire(now));
  }

  /** Whoever is lost from now on is so because the server ends. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#expiryTimer);
  }

  /** `expire` returns when there will be something to announce, on the monotonic clock. */
  #scheduleExpiry(expireGrace: (now: Instant) => number): void {
    if (this.#isClosed) return;
    const now = this.#options.clock();
    const nextMs = expireGrace(now);
    clearTimeout(this.#expiryTimer);
    this.#options.onReady();
    if (nextMs === Infinity) return;
    this.#expiryTimer = setTimeout(() => this.expireGrace(), nextMs - now.monotonicMs);
  }
}

/** The frame that ends a connection in peace. */
export const BYE_FRAME = encodeServer({ type: "bye" });

/** The frame that tells a peer why it is not served any more. */
export function errorFrame(error: ProtocolError): Uint8Array<ArrayBuffer> {
  return encodeServer({ type: "error", code: error.code, reason: wireReason(error) });
}
