// The lines for one reader: for a prompt, for the chat, or for the confirmation of a paste.

import { type Completer, LineEditor } from "./line_editor.ts";

export interface TypedLine {
  readonly text: string;
  /** Whether the line is part of a pasted block, and so is sent as it is: not as a command. */
  readonly isPasted: boolean;
}

/** Lines that are read ahead of their use. A pipe with more is paused. */
const MAX_READ_AHEAD_LINES = 64;

/** The lines for one reader, in order, and the line that is being edited for it. */
export class LineQueue {
  readonly editor: LineEditor;
  /** Lines that the reader has not asked for yet. */
  readonly typeAhead: TypedLine[] = [];
  prompt = "";
  isSecret = false;
  /** What its reader got last. */
  taken: TypedLine | undefined;
  /** Called with each new line, before its reader gets it. */
  readonly #watchers = new Set<(line: TypedLine) => void>();
  #resolve: ((line: TypedLine | undefined) => void) | undefined;

  constructor(complete?: Completer) {
    this.editor = new LineEditor(complete);
  }

  /** The visible part of the line that is being edited. Nothing of a secret is. */
  get visible(): { readonly text: string; readonly cursor: number } {
    return this.isSecret ? { text: "", cursor: 0 } : this.editor.visible;
  }

  get isFull(): boolean {
    return this.typeAhead.length >= MAX_READ_AHEAD_LINES;
  }

  get hasWaiter(): boolean {
    return this.#resolve !== undefined;
  }

  /** Fulfilled when the next line is wanted, or one that is entered from now on, or when the signal is aborted. The lines
   * stay for the reader. */
  async untilEntered(
    isWanted: (text: string) => boolean,
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    const [next] = this.typeAhead;
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = ({ text }: TypedLine) => isWanted(text) && resolve();
    this.#watchers.add(watch);
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted || (next && isWanted(next.text))) resolve();
    await promise;
    this.#watchers.delete(watch);
  }

  /** Waits for the next line, instead of an earlier call. Undefined at the end of the input. */
  next(): Promise<TypedLine | undefined> {
    const { promise, resolve } = Promise.withResolvers<TypedLine | undefined>();
    this.#resolve = resolve;
    return promise;
  }

  cancelWait(): void {
    this.#resolve = undefined;
  }

  deliver(line: TypedLine): void {
    for (const watch of this.#watchers) watch(line);
    this.typeAhead.push(line);
    this.resolveWait();
  }

  /** Fulfils the waiting next() if there is a line, or if none will come. */
  resolveWait({ hasEnded = false } = {}): void {
    if (!this.#resolve || (this.typeAhead.length === 0 && !hasEnded)) return;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve(this.taken = this.typeAhead.shift());
  }
}
