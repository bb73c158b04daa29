// Where those of a room can go when a server falls: what people name and withdraw, and the servers that serve the same
// room. Pure.

import type { Instant } from "./clock.ts";
import { InputError } from "./errors.ts";
import { backupOrder, isSameSet, withoutRemoved } from "./fold.ts";
import type { CommitLog } from "./journal.ts";
import type { Members } from "./members.ts";
import { MAX_BACKUPS, type ProposedEvent } from "./protocol.ts";

/** The backups of a room, as `host:port`. */
export class RoomBackups {
  readonly #journal: CommitLog;
  readonly #members: Members;
  /** Of which this server was told at its start, and that were not withdrawn since. */
  #own: readonly string[] = [];

  constructor(journal: CommitLog, members: Members) {
    this.#journal = journal;
    this.#members = members;
  }

  /** This server is told of these at its start. */
  begin(own: readonly string[]): void {
    this.#own = [...own];
  }

  /** For somebody who comes. Where a room has many servers, those who lose one are not all to go to the same. */
  for(sessionId: bigint): readonly string[] {
    const first = Number(sessionId % BigInt(Math.max(1, this.serving.length)));
    return backupOrder(this.#members, { own: this.#own, first });
  }

  /** The servers that serve the same room, as clients were told. */
  get serving(): readonly string[] {
    return this.#members.serving?.backups ?? [];
  }

  /** Tells everybody of one more.
   * @throws {InputError} `backups-full` */
  add(backup: string, now: Instant): void {
    if (new Set([...this.#own, ...this.#members.named, backup]).size > MAX_BACKUPS) {
      throw new InputError("backups-full", "Cannot add a backup", { details: { max: MAX_BACKUPS } });
    }
    // What others have named is there: said again, it would undo a withdrawal that is on its way.
    this.#propose({ backups: [...new Set([...this.#own, backup])] }, now);
  }

  /** Tells everybody of one less, whatever its certificate.
   * @throws {InputError} `backup-serves` or `backup-unknown` */
  remove(server: string, now: Instant): void {
    const withdrawn = `-${server}`;
    const isAmong = (backups: readonly string[]) =>
      withoutRemoved(backups, [withdrawn]).length < backups.length;
    const isServing = isAmong(this.serving);
    if (isServing || !isAmong([...this.#own, ...this.#members.named])) {
      const code = isServing ? "backup-serves" : "backup-unknown";
      throw new InputError(code, `Cannot withdraw ${server}`, { details: { server } });
    }
    this.#own = withoutRemoved(this.#own, [withdrawn]); // at once: what is proposed next must not name it
    this.#propose({ backups: [...this.#own.slice(0, MAX_BACKUPS - 1), withdrawn] }, now);
  }

  /** Where there are many servers, what one was told of at its start is for the clients of all. */
  share(now: Instant): void {
    const isNews = this.#own.some((backup) => !this.#members.named.includes(backup));
    if (isNews) this.#propose({ backups: this.#own }, now);
  }

  /** The servers that serve the same room are at these addresses: clients may go there as well, and to no others. */
  learn(addresses: readonly string[], now: Instant): void {
    const backups = addresses.slice(0, MAX_BACKUPS);
    const isAlone = this.serving.length === 0 && backups.length < 2;
    if (isAlone || isSameSet(backups, this.serving)) return;
    this.#propose({ backups, nodeId: this.#journal.nodeId }, now);
  }

  /** An entry of the room has happened. */
  note(entry: ProposedEvent): void {
    if (entry.type === "backups") this.#own = withoutRemoved(this.#own, entry.backups);
  }

  #propose(entry: { backups: readonly string[]; nodeId?: bigint }, now: Instant): void {
    this.#journal.propose({ type: "backups", timeMs: now.wallMs, ...entry }, now);
  }
}
