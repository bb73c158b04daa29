// A clock that a test sets.

import type { Clock } from "../../lib/base/time.ts";

export class TestClock {
  #wallMs: number;
  #monotonicMs: number | undefined;

  /** `time` is the wall time: local, as `2026-11-22 13:45:07`. For `monotonicMs` see {@linkcode advanceTo}. */
  constructor(time = "2026-11-22 13:45:07", monotonicMs?: number) {
    this.#wallMs = msOf(time);
    this.#monotonicMs = monotonicMs;
  }

  set(time: string): void {
    this.#wallMs = msOf(time);
  }

  /** Sets the monotonic time, in ms. Until the first call it is the machine's. */
  advanceTo(monotonicMs: number): void {
    this.#monotonicMs = monotonicMs;
  }

  readonly now: Clock = () => ({ wallMs: this.#wallMs, monotonicMs: this.#monotonicMs ?? performance.now() });
}

/** A local time as `2026-11-22 13:45:07` in ms since 1970 UTC. */
export function msOf(time: string): number {
  return new Date(time).getTime();
}
