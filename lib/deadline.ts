// An end to waiting. Knows nothing of what is waited for.

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
