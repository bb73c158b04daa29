// Whether the user sees what is printed: by reports of the focus, and by keys where a terminal reports nothing.

import type { Clock } from "../base/time.ts";
import type { Key } from "./keys.ts";

/** How long after the last key the user counts as away, in ms, if the terminal does not report the focus. */
export const IDLE_MS = 120_000;

export class FocusTracker {
  /** Called whenever the window gets the focus, or a key is pressed. */
  onFocus = () => {};
  readonly #clock: Clock;
  /** Undefined while the terminal has reported nothing of the focus. */
  #hasFocus: boolean | undefined;
  #activeMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#activeMs = clock().monotonicMs;
  }

  get hasFocus(): boolean {
    return this.#hasFocus ?? this.#clock().monotonicMs - this.#activeMs < IDLE_MS;
  }

  /** To be called with each key. Returns whether it is but a report of the focus. */
  takeReport({ name }: Key): boolean {
    if (name === "focus-out") this.#hasFocus = false;
    else if (name === "focus-in") this.#hasFocus = true;
    // A key says that the user is here, even if a report was lost.
    else if (this.#hasFocus !== undefined) this.#hasFocus = true;
    if (name !== "focus-out") this.recordInput();
    return name === "focus-in" || name === "focus-out";
  }

  recordInput(): void {
    this.#activeMs = this.#clock().monotonicMs;
    this.onFocus();
  }
}
