// Tells people of a bad spell: that it has begun, and that it is over, once it has been for a while. Knows nothing of
// what is bad.

/** How long a spell must be over until that is told, in ms: what comes and goes is one spell. */
const CLEAR_AFTER_MS = 3_000;

/** What a spell needs. */
interface SpellOptions {
  /** Told that it is so, and when it is over; `isRetry`: of the same spell this was told before. */
  readonly tell: (text: string, how: { isResolved: boolean; isRepeat: boolean }) => void;
  readonly clearAfterMs?: number;
}

/** Something bad that comes and goes. */
export class OutageNotifier implements Disposable {
  readonly #options: SpellOptions;
  /** What was told last of the spell of now. */
  #told: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SpellOptions) {
    this.#options = options;
  }

  /** It is so, be it for the first time or again, or is so no more. */
  report(isResolved: boolean, text: string): void {
    clearTimeout(this.#timer);
    if (isResolved) {
      this.#timer = setTimeout(() => this.#end(text), this.#options.clearAfterMs ?? CLEAR_AFTER_MS);
    } else this.#tell(text);
  }

  #tell(text: string): void {
    const isRepeat = this.#told === text;
    this.#told = text;
    this.#options.tell(text, { isResolved: false, isRepeat });
  }

  #end(text: string): void {
    this.#told = undefined;
    this.#options.tell(text, { isResolved: true, isRepeat: false });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
