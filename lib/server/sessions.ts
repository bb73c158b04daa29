// Which connection each member of this server is on, and when the grace of those without one ends.

import type { Clock, Instant } from "../base/time.ts";
import { ProtocolError } from "../errors.ts";
import { wireReason } from "../i18n/translate.ts";
import type { Connection } from "../net/connection.ts";
import type { ConnectionManager } from "../net/connection_manager.ts";
import { encodeServer, encodeWelcome } from "../protocol/frames.ts";
import type { JoinResult, Room } from "../room/room.ts";
import type { Member } from "../room/state.ts";

type Flushable = Pick<ConnectionManager, "scheduleFlush">;

export class Sessions implements Disposable {
  readonly #room: Room;
  readonly #manager: Flushable;
  readonly #clock: Clock;
  readonly #connectionOf = new Map<Member, Connection>();
  readonly #memberOf = new Map<Connection, Member>();
  /** Connections that had a STALLED, and not yet the one that resolves it. */
  readonly #stalledNotified = new WeakSet<Connection>();
  /** Members that the room has from an earlier start. */
  readonly #restored: WeakSet<Member>;
  #expiryTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** Members that the room has from an earlier start have the grace to reconnect. */
  constructor({ room, manager }: { room: Room; manager: Flushable }, clock: Clock) {
    this.#room = room;
    this.#manager = manager;
    this.#clock = clock;
    this.#restored = new WeakSet(room.members);
    const now = clock();
    this.#armExpiry(room.disconnect(room.members, now), now);
  }

  /** Undefined also for a connection that another one has replaced. */
  memberOf(connection: Connection): Member | undefined {
    return this.#memberOf.get(connection);
  }

  /** Number of members here that were heard since a monotonic time. */
  heardCount(sinceMs: number): number {
    return Iterator.from(this.#memberOf.keys()).filter(({ lastReceivedMs }) => lastReceivedMs >= sinceMs)
      .toArray().length;
  }

  /** Whether a member has not been here since this start; true once. */
  takeRestored(member: Member): boolean {
    return this.#restored.delete(member);
  }

  /** Returns the connection that this one replaces. */
  attach(
    { welcome, membersBytes, cursor, member }: JoinResult,
    connection: Connection,
  ): Connection | undefined {
    const replaced = this.detach(member);
    replaced?.end(errorFrame(new ProtocolError("replaced")));
    this.#connectionOf.set(member, connection);
    this.#memberOf.set(connection, member);
    connection.startHeartbeat();
    connection.send(encodeWelcome(welcome, { membersBytes: membersBytes.length }));
    connection.send(membersBytes);
    connection.stream(cursor);
    return replaced;
  }

  detach(member: Member): Connection | undefined {
    const connection = this.#connectionOf.get(member);
    this.#connectionOf.delete(member);
    if (connection) this.#memberOf.delete(connection);
    return connection;
  }

  disconnect(member: Member): void {
    this.detach(member);
    const now = this.#clock();
    if (!this.#isClosed) this.#armExpiry(this.#room.disconnect([member], now), now);
  }

  kick(member: Member, error: ProtocolError): void {
    const connection = this.detach(member);
    this.#room.kick(member, this.#clock());
    connection?.end(errorFrame(error));
    this.#manager.scheduleFlush();
  }

  /** Another node took this member over, or kicked it. BYE has a client that is still here reconnect; ERROR does not. */
  onTakenOver(member: Member, { isKicked }: { isKicked: boolean }): void {
    this.detach(member)?.end(isKicked ? errorFrame(new ProtocolError("kicked")) : BYE_FRAME);
  }

  /** Sends each member one STALLED, and one more when it is resolved. */
  broadcastStalled({ isResolved }: { isResolved: boolean }): void {
    const frame = encodeServer({ type: "stalled", resolved: isResolved });
    for (const connection of this.#memberOf.keys()) {
      if (this.#stalledNotified.has(connection) !== isResolved) continue;
      if (isResolved) this.#stalledNotified.delete(connection);
      else this.#stalledNotified.add(connection);
      connection.send(frame);
    }
  }

  /** Removes the members whose grace has ended, now and whenever that of the next one ends. */
  expireGrace(): void {
    const now = this.#clock();
    if (!this.#isClosed) this.#armExpiry(this.#room.expire(now), now);
  }

  /** From now on no member expires: their connections close because the server does. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#expiryTimer);
  }

  /** `nextMs` is the monotonic time at which the next grace ends. */
  #armExpiry(nextMs: number, { monotonicMs }: Instant): void {
    clearTimeout(this.#expiryTimer);
    this.#manager.scheduleFlush();
    if (nextMs < Infinity) this.#expiryTimer = setTimeout(() => this.expireGrace(), nextMs - monotonicMs);
  }
}

export const BYE_FRAME = encodeServer({ type: "bye" });

export function errorFrame(error: ProtocolError): Uint8Array<ArrayBuffer> {
  return encodeServer({ type: "error", code: error.code, reason: wireReason(error) });
}
