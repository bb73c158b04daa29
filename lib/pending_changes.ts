// Changes of people that are on their way, and who waits for them. Knows nothing of what changes.

/** At most one change of each person is on its way: one comes after the other. */
export class InFlightChanges {
  /** Who waits, by session. */
  readonly #waiting = new Map<bigint, (() => void)[]>();

  /** A change of this person is on its way. */
  begin(session: bigint): void {
    this.#waiting.set(session, []);
  }

  /** Whether one is; `again` is called when it is not any more. */
  has(session: bigint, again?: () => void): boolean {
    const waiting = this.#waiting.get(session);
    if (waiting && again) waiting.push(again);
    return waiting !== undefined;
  }

  /** It is there, whatever came of it. */
  end(session: bigint): void {
    const waiting = this.#waiting.get(session) ?? [];
    this.#waiting.delete(session);
    for (const again of waiting) again();
  }
}
