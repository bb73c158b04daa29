// An end to waiting. Knows nothing of what is waited for.

import { setTimeout as delay } from "node:timers/promises";

/** Waits for something, but no longer than so many ms: what has not come then may still come.
 * @throws what it rejects with by then */
export async function withTimeout(ms: number, awaited: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([awaited, delay(ms, undefined, done).catch(() => {})]);
  } finally {
    done.abort();
  }
}

/** Ends once, with an error: after a time, or with an outer signal, unless it is disposed of before. */
export class Deadline implements Disposable {
  readonly #ending = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #outer: AbortSignal;
  readonly #end: () => void;

  constructor(ms: number, { error, outer }: { error: Error; outer: AbortSignal }) {
    this.#end = () => this.#ending.abort(error);
    this.#timer = setTimeout(this.#end, ms);
    this.#outer = outer;
    outer.addEventListener("abort", this.#end);
  }

  /** Aborted with the error. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#end);
  }
}
