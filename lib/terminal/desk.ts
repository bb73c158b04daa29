// Where typed lines go, a question or the chat: the line that is being edited for it, those that came before
// anybody waited, and who waits. Pure.

import { type Completer, LineEditor } from "./line_editor.ts";

/** A line that was typed. */
export interface TypedLine {
  readonly text: string;
  /** Whether it is part of a pasted block: to be sent as it is. */
  readonly isPasted: boolean;
}

/** Gives lines to whoever waits for them, in order. */
export class LineQueue {
  readonly editor: LineEditor;
  /** Lines that nobody has waited for yet. */
  readonly typeAhead: TypedLine[] = [];
  /** What stands before the line that is being edited. */
  prompt = "";
  /** Whether what is typed must not be seen. */
  isSecret = false;
  #resolve: ((line: TypedLine | undefined) => void) | undefined;

  constructor(complete?: Completer) {
    this.editor = new LineEditor(complete);
  }

  /** What may be seen of the line that is being edited, and where the cursor stands in it. */
  get visible(): { readonly text: string; readonly cursor: number } {
    return this.isSecret ? { text: "", cursor: 0 } : this.editor;
  }

  /** Whether somebody waits. */
  get hasWaiter(): boolean {
    return this.#resolve !== undefined;
  }

  /** The next line; undefined if there is none to come. Nobody else waits from now on. */
  next(): Promise<TypedLine | undefined> {
    const { promise, resolve } = Promise.withResolvers<TypedLine | undefined>();
    this.#resolve = resolve;
    return promise;
  }

  /** Nobody waits any more. */
  cancelWait(): void {
    this.#resolve = undefined;
  }

  /** Takes a line, for whoever waits or will. */
  deliver(line: TypedLine): void {
    this.typeAhead.push(line);
    this.dispatch();
  }

  /** Gives who waits the next line that is there; if none is and none will come, tells them so. */
  dispatch({ hasEnded = false } = {}): void {
    if (!this.#resolve || (this.typeAhead.length === 0 && !hasEnded)) return;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve(this.typeAhead.shift());
  }
}
