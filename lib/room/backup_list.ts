// Where those of a room can go when a server falls: what people name and withdraw, and the servers that serve the same
// room. Pure.

import type { Instant } from "../base/time.ts";
import { InputError } from "../errors.ts";
import { backupOrder, isSameSet, withoutRemoved } from "./fold.ts";
import type { CommitLog } from "./commit_log.ts";
import type { Members } from "./state.ts";
import { MAX_BACKUPS, type ProposedEvent } from "../protocol/frames.ts";

/** The backups of a room, as `host:port`. */
export class RoomBackups {
  readonly #commitLog: CommitLog;
  readonly #members: Members;
  /** Of which this server was told at its start, and that were not withdrawn since. */
  #ownBackups: readonly string[] = [];

  constructor(commitLog: CommitLog, members: Members) {
    this.#commitLog = commitLog;
    this.#members = members;
  }

  /** This server is told of these at its start. */
  setOwn(own: readonly string[]): void {
    this.#ownBackups = [...own];
  }

  /** For somebody who comes. Where a room has many servers, those who lose one are not all to go to the same. */
  forSession(sessionId: bigint): readonly string[] {
    const first = Number(sessionId % BigInt(Math.max(1, this.clusterServers.length)));
    return backupOrder(this.#members, { own: this.#ownBackups, first });
  }

  /** The servers that serve the same room, as clients were told. */
  get clusterServers(): readonly string[] {
    return this.#members.clusterServers?.backups ?? [];
  }

  /** Tells everybody of one more.
   * @throws {InputError} `backups-full` */
  add(backup: string, now: Instant): void {
    if (new Set([...this.#ownBackups, ...this.#members.configuredBackups, backup]).size > MAX_BACKUPS) {
      throw new InputError("backups-full", { max: MAX_BACKUPS });
    }
    // What others have named is there: said again, it would undo a withdrawal that is on its way.
    this.#propose({ backups: [...new Set([...this.#ownBackups, backup])] }, now);
  }

  /** Tells everybody of one less, whatever its certificate.
   * @throws {InputError} `backup-serves` or `backup-unknown` */
  remove(server: string, now: Instant): void {
    const removed = `-${server}`;
    const isAmong = (backups: readonly string[]) =>
      withoutRemoved(backups, [removed]).length < backups.length;
    const isServing = isAmong(this.clusterServers);
    if (isServing || !isAmong([...this.#ownBackups, ...this.#members.configuredBackups])) {
      const code = isServing ? "backup-serves" : "backup-unknown";
      throw new InputError(code, { server });
    }
    this.#ownBackups = withoutRemoved(this.#ownBackups, [removed]); // at once: what is proposed next must not name it
    this.#propose({ backups: [...this.#ownBackups.slice(0, MAX_BACKUPS - 1), removed] }, now);
  }

  /** Where there are many servers, what one was told of at its start is for the clients of all. */
  publishOwn(now: Instant): void {
    const isNews = this.#ownBackups.some((backup) => !this.#members.configuredBackups.includes(backup));
    if (isNews) this.#propose({ backups: this.#ownBackups }, now);
  }

  /** The servers that serve the same room are at these addresses: clients may go there as well, and to no others. */
  setCluster(addresses: readonly string[], now: Instant): void {
    const backups = addresses.slice(0, MAX_BACKUPS);
    const isAlone = this.clusterServers.length === 0 && backups.length < 2;
    if (isAlone || isSameSet(backups, this.clusterServers)) return;
    this.#propose({ backups, nodeId: this.#commitLog.nodeId }, now);
  }

  /** An entry of the room has happened. */
  onCommitted(entry: ProposedEvent): void {
    if (entry.type === "backups") this.#ownBackups = withoutRemoved(this.#ownBackups, entry.backups);
  }

  #propose(entry: { backups: readonly string[]; nodeId?: bigint }, now: Instant): void {
    this.#commitLog.propose({ type: "backups", timeMs: now.wallMs, ...entry }, now);
  }
}
