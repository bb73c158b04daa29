// Which servers of a room count as gone, by their ids or addresses: those that had no lease for a while, however often
// one looked. Pure: monotonic times in ms come in as parameters.

/** How long a server must have had no lease, in ms: after an evening without NATS all have to renew theirs first. */
export const SUSPECT_MS = 5_000;

/** What is known of servers without a lease. */
export class FailureDetector<Id> {
  readonly #suspectMs: number;
  /** Since when. */
  readonly #startedMs = new Map<Id, number>();

  constructor({ suspectMs = SUSPECT_MS }: { suspectMs?: number } = {}) {
    this.#suspectMs = suspectMs;
  }

  /** Somebody looked. Returns who of `servers` is gone. */
  update(
    servers: Iterable<Id>,
    { living, nowMs }: { living: { has(server: Id): boolean }; nowMs: number },
  ): Id[] {
    const absent = new Set([...servers].filter((server) => !living.has(server)));
    for (const server of this.#startedMs.keys()) if (!absent.has(server)) this.#startedMs.delete(server);
    const gone: Id[] = [];
    for (const server of absent) {
      const startedMs = this.#startedMs.get(server) ?? nowMs;
      this.#startedMs.set(server, startedMs);
      if (nowMs - startedMs >= this.#suspectMs) gone.push(server);
    }
    return gone;
  }

  /** Nobody could look: who did not renew a lease may not have been able to either. */
  reset(): void {
    this.#startedMs.clear();
  }
}
