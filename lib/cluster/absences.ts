// Which servers of a room count as gone, by their ids or addresses: those that had no lease for a while, however often
// one looked. Pure: monotonic times in ms come in as parameters.

/** How long a server must have had no lease, in ms: after an evening without NATS all have to renew theirs first. */
const SUSPECT_MS = 5_000;

/** What is known of servers without a lease. */
export class FailureDetector<Id> {
  readonly #suspectMs: number;
  /** Since when. */
  readonly #sinceMs = new Map<Id, number>();

  constructor({ suspectMs = SUSPECT_MS }: { suspectMs?: number } = {}) {
    this.#suspectMs = suspectMs;
  }

  /** Somebody looked. Returns who of `servers` is gone. */
  update(
    servers: Iterable<Id>,
    { living, nowMs }: { living: { has(server: Id): boolean }; nowMs: number },
  ): Id[] {
    const absent = new Set([...servers].filter((server) => !living.has(server)));
    for (const server of this.#sinceMs.keys()) if (!absent.has(server)) this.#sinceMs.delete(server);
    const gone: Id[] = [];
    for (const server of absent) {
      const sinceMs = this.#sinceMs.get(server) ?? nowMs;
      this.#sinceMs.set(server, sinceMs);
      if (nowMs - sinceMs >= this.#suspectMs) gone.push(server);
    }
    return gone;
  }

  /** Nobody could look: who did not renew a lease may not have been able to either. */
  reset(): void {
    this.#sinceMs.clear();
  }
}
