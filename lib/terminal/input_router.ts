// Who gets what is typed or pasted: a question, the chat, or the question whether a pasted block is to be sent.
// Pure: knows neither keys nor screens.

import { LineQueue, type TypedLine } from "./desk.ts";
import type { Completer } from "./line_editor.ts";
import { expandTabs } from "../text/text.ts";

/** How lines are typed for the chat. */
export interface ChatOptions {
  /** Asks about a pasted block with so many lines, if they are too many to be sent unasked. */
  readonly confirmPaste?: {
    readonly question: (count: number) => string;
    readonly isYes: (answer: string) => boolean;
    /** What is said of so many lines that are not sent. */
    readonly notSentText: (count: number) => string;
  };
  readonly complete?: Completer;
}

/** Most lines of a pasted block that are sent unasked. */
export const MAX_UNCONFIRMED_LINES = 10;
/** Most lines of a pasted block that are taken for answers: server, port, nick. */
const MAX_PASTED_REPLIES = 3;

/** The desk for answers, the one for the chat, and which of them is open. */
export class InputRouter {
  readonly promptQueue = new LineQueue();
  readonly chatQueue = new LineQueue((before) => this.#chatOptions.complete?.(before));
  /** Whether a pasted block is to be sent. */
  readonly #pasteConfirmQueue = new LineQueue();
  readonly #print: (line: string) => void;
  #chatOptions: ChatOptions = {};
  /** A pasted block that waits for consent. */
  #pastedBlock: readonly string[] | undefined;
  /** Dialogues that are going on, one within the other: while there are any, no line is for the chat. */
  #exclusiveDepth = 0;
  /** Whether lines are for the chat when there is no dialogue. */
  #isChatting = false;
  #hasEnded = false;

  /** `print` gets a question with its answer: both stay to be seen. */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Where what is typed now goes to. */
  get activeQueue(): LineQueue {
    if (this.#exclusiveDepth > 0 || !this.#isChatting) return this.promptQueue;
    return this.#pastedBlock ? this.#pasteConfirmQueue : this.chatQueue;
  }

  /** Whether a question waits for its answer, or somebody may say something. */
  get isActive(): boolean {
    return !this.#hasEnded && (this.activeQueue !== this.promptQueue || this.promptQueue.hasWaiter);
  }

  /** Whether a line was begun that is no answer to a question of a dialogue. */
  get hasPartialLine(): boolean {
    return !this.#hasEnded && this.activeQueue !== this.promptQueue && this.activeQueue.editor.text !== "";
  }

  /** Whether nothing more is typed. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** From now on what is typed is for the chat. */
  beginChat(options: ChatOptions): void {
    this.#chatOptions = options;
    this.#isChatting = true;
  }

  /** From now on what is typed is for nobody but questions. */
  endChat(): void {
    this.#isChatting = false;
  }

  /** From now on what is typed is for questions. */
  beginExclusive(): void {
    this.#exclusiveDepth++;
  }

  /** Ends what was begun last. */
  endExclusive(): void {
    this.#exclusiveDepth--;
  }

  /** Puts text that was meant for the chat into the line that is being typed there. */
  restore(text: string): void {
    const { editor } = this.chatQueue;
    if (!this.#isChatting) return;
    // The line that a block is pasted into must not change meanwhile: what it is given would be sent with it.
    if (this.#pastedBlock) editor.addToHistory(text);
    else editor.insertWord(text); // more may be given back, or typed
  }

  /** Takes the line that is being edited. */
  enter(): void {
    const queue = this.activeQueue;
    const seen = queue.prompt + queue.visible.text;
    const text = queue.editor.submit();
    if (queue === this.#pasteConfirmQueue) return this.#onPasteConfirmed(text);
    // A question and its answer stay; what is said will come back as a message.
    if (queue === this.promptQueue && queue.hasWaiter) this.#print(seen);
    if (queue === this.chatQueue) queue.editor.addToHistory(text);
    queue.deliver({ text, isPasted: false });
  }

  /** Takes a pasted block: into the line that is being edited, for answers, or to be sent line by line. */
  paste(text: string): void {
    const lines = text.split(/\r\n|\r|\n/);
    const queue = this.activeQueue;
    const count = lines.length - (lines.at(-1) === "" ? 1 : 0);
    const isForChat = this.#isChatting && (queue !== this.promptQueue || count > MAX_PASTED_REPLIES);
    if (queue === this.#pasteConfirmQueue || (isForChat && this.#pastedBlock)) {
      queue.editor.insert(lines.join(" "));
    } else if (isForChat && count > 1) this.#pasteBlock(lines, count);
    else if (isForChat) queue.editor.insert(lines[0]!);
    else {
      // As if it was typed: one answer after another.
      for (const [index, line] of lines.entries()) {
        this.activeQueue.editor.insert(line);
        if (index === lines.length - 1) break;
        this.enter();
        this.serve();
      }
    }
  }

  /** The next line for a desk; undefined if there is none to come. */
  next(queue: LineQueue): Promise<TypedLine | undefined> {
    const line = queue.next();
    this.serve();
    return line;
  }

  /** Gives what was read ahead to whoever waits for a line. */
  serve(): void {
    const queue = this.activeQueue;
    if (queue === this.chatQueue) {
      // What no question took is for the chat; a question never gets what was typed for the chat.
      queue.typeAhead.push(...this.promptQueue.typeAhead.splice(0));
      const unfinished = this.promptQueue.editor.submit();
      if (unfinished !== "") queue.editor.insert(unfinished);
    }
    queue.dispatch({ hasEnded: this.#hasEnded });
  }

  /** Nothing more is typed. */
  end(): void {
    this.#hasEnded = true;
    this.#pastedBlock = undefined;
    this.serve();
  }

  /** Sends lines that were pasted, the last of them as far as it goes: at once, or when there is no question any
   * more and the person has agreed. */
  #pasteBlock(lines: readonly string[], count: number): void {
    const { confirmPaste } = this.#chatOptions;
    const isShort = count <= MAX_UNCONFIRMED_LINES && this.activeQueue === this.chatQueue;
    if (!confirmPaste || isShort) return this.#send(lines);
    this.#pastedBlock = lines;
    this.#pasteConfirmQueue.prompt = confirmPaste.question(count);
  }

  #onPasteConfirmed(answer: string): void {
    const lines = this.#pastedBlock ?? [];
    const { confirmPaste } = this.#chatOptions;
    this.#pastedBlock = undefined;
    this.#print(this.#pasteConfirmQueue.prompt + answer);
    if (confirmPaste?.isYes(answer)) return this.#send(lines);
    // They may be nowhere else any more.
    const notSentText = lines.map(expandTabs).filter((line) => line.trim() !== "");
    for (const line of notSentText) this.chatQueue.editor.addToHistory(line);
    if (confirmPaste) this.#print(confirmPaste.notSentText(notSentText.length));
  }

  #send(lines: readonly string[]): void {
    const { editor } = this.chatQueue;
    const [first, ...others] = lines;
    const last = others.pop() ?? "";
    const isBegun = editor.cursor > 0;
    editor.insert(first!);
    const text = editor.submitBeforeCursor();
    if (isBegun) editor.addToHistory(text);
    this.chatQueue.deliver({ text, isPasted: !isBegun });
    for (const text of others) this.chatQueue.deliver({ text, isPasted: true });
    editor.insert(last);
  }
}
