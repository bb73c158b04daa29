// Changes of people that are on their way, and who waits for them. Knows nothing of what changes.

/** At most one change of each person is on its way: one comes after the other. */
export class InFlightChanges {
  /** Who waits, by session. */
  readonly #waiting = new Map<bigint, (() => void)[]>();

  /** A change of this person is on its way. */
  start(sessionId: bigint): void {
    this.#waiting.set(sessionId, []);
  }

  /** Whether one is; `again` is called when it is not any more. */
  waitFor(sessionId: bigint, again?: () => void): boolean {
    const waiting = this.#waiting.get(sessionId);
    if (waiting && again) waiting.push(again);
    return waiting !== undefined;
  }

  /** It is there, whatever came of it. */
  finish(sessionId: bigint): void {
    const waiting = this.#waiting.get(sessionId) ?? [];
    this.#waiting.delete(sessionId);
    for (const again of waiting) again();
  }
}
