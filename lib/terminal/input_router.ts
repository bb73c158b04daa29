// Routes typed and pasted lines to a prompt, to the chat, or to the confirmation of a long paste.

import { expandTabs } from "../text/text.ts";
import { DraftLines, endsInCommand, type PastedAnswer } from "./draft_lines.ts";
import type { Completer } from "./line_editor.ts";
import { LineQueue, type TypedLine } from "./line_queue.ts";

export interface ChatOptions {
  /** Asks before a pasted block of more than {@linkcode MAX_UNCONFIRMED_LINES} lines is sent. */
  readonly confirmPaste?: {
    readonly question: (count: number) => string;
    /** Undefined for what is neither yes nor no: it is asked again. */
    readonly isYes: (answer: string) => boolean | undefined;
    /** Reports how many lines were not sent. */
    readonly notSentText: (count: number) => string;
  };
  /** Whether a text can be nothing but part of an answer to a prompt that interrupts the chat. */
  readonly isPartOfAnswer?: (text: string) => boolean;
  /** Whether a text is so much of such an answer that it was not meant for the chat. */
  readonly isMostOfAnswer?: (text: string) => boolean;
  readonly complete?: Completer;
  /** What a prompt shows above it of the chat line that it interrupts. */
  readonly draftText?: (text: string) => string;
  /** What stands before a line of the history that Ctrl-R has found. */
  readonly searchPrompt?: (search: { readonly query: string; readonly isFound: boolean }) => string;
  /** Whether Ctrl-C in an empty line only ends the input, as Ctrl-D does: a second Ctrl-C ends the program. */
  readonly endsInputFirst?: () => boolean;
}

/** Longest pasted block that is sent without confirmation, in lines. */
export const MAX_UNCONFIRMED_LINES = 10;

const LINE_BREAK = /\r\n|\r|\n/;

export class InputRouter {
  readonly promptQueue = new LineQueue();
  readonly chatQueue = new LineQueue((before) => this.#chatOptions?.complete?.(before));
  readonly #pasteConfirmQueue = new LineQueue();
  /** The line that a block is pasted into must not change before the confirmation: it would be sent too. */
  readonly #draft = new DraftLines(this.chatQueue.editor, () => this.#pastedBlock !== undefined);
  readonly #print: (line: string) => void;
  /** Undefined without a chat. */
  #chatOptions: ChatOptions | undefined;
  /** The pasted block that waits for its confirmation. */
  #pastedBlock: readonly string[] | undefined;
  /** How many nested exclusive() calls are running. While there are any, no line goes to the chat. */
  #exclusiveDepth = 0;
  #hasEnded = false;
  /** An answer that a paste has ended with a line break: another paste adds nothing to it. */
  #pastedAnswer: PastedAnswer | undefined;
  /** The same, once it was given. It may turn out to be no answer, and then belongs before the rest of its paste. */
  #givenAnswer: PastedAnswer | undefined;
  /** An invalid answer that is in the line of its question again. */
  #invalidAnswer: string | undefined;
  /** The first line of a block that was pasted into an empty chat line up to its line break: as pasted, and as shown. */
  #cutLine: { readonly text: string; readonly shown: string } | undefined;
  /** The draft that was printed above the first answer, or "", until it is released. */
  #printedDraft: string | undefined;

  /** `print` is given each prompt with its answer, to stay above the input. */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** The queue that typed keys go to. */
  get activeQueue(): LineQueue {
    if (this.#exclusiveDepth > 0 || !this.#chatOptions) return this.promptQueue;
    return this.#pastedBlock ? this.#pasteConfirmQueue : this.chatQueue;
  }

  /** The prompt before the line that is being edited. */
  get shownPrompt(): string {
    const { prompt, editor: { search } } = this.activeQueue;
    if (!search) return prompt;
    return this.#chatOptions?.searchPrompt?.(search) ?? `(${search.query}) `;
  }

  /** Whether there is an input to show. */
  get isActive(): boolean {
    return !this.#hasEnded && (this.activeQueue !== this.promptQueue || this.promptQueue.hasWaiter);
  }

  /** Whether a line has been begun that does not answer a prompt. */
  get hasPartialLine(): boolean {
    return !this.#hasEnded && this.activeQueue !== this.promptQueue && this.activeQueue.editor.text !== "";
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** How many lines no reader has taken. */
  get typeAheadCount(): number {
    return this.promptQueue.typeAhead.length + this.chatQueue.typeAhead.length;
  }

  get isChatting(): boolean {
    return this.#chatOptions !== undefined;
  }

  /** What to show of the chat line while a prompt has set it aside. */
  get draftLines(): string[] {
    const { text } = this.chatQueue.editor;
    const line = text.trim() === "" ? undefined : this.#chatOptions?.draftText?.(text);
    return line === undefined || line === this.#printedDraft ? [] : [line];
  }

  isPartOfAnswer(text: string): boolean {
    return text !== "" && this.#chatOptions?.isPartOfAnswer?.(text) === true;
  }

  beginChat(options: ChatOptions): void {
    this.#chatOptions = options;
  }

  endChat(): void {
    this.#chatOptions = undefined;
  }

  /** To be called when lines reach a server again: after the next loss the same draft is shown anew. */
  onReleased(): void {
    this.#printedDraft = undefined;
  }

  beginExclusive(): void {
    if (this.#exclusiveDepth++ > 0) return;
    this.#givenAnswer = undefined;
    // It was typed before its question has come, and would go to the chat later. A block that waits goes into the line as
    // it is.
    const { editor } = this.chatQueue;
    const isAnswer = !this.#pastedBlock && this.#chatOptions?.isMostOfAnswer?.(editor.text);
    if (isAnswer) this.#remember(editor.submit());
  }

  endExclusive(): void {
    this.#exclusiveDepth--;
  }

  /** Puts an invalid answer back into the line of its question, unless another one was begun. Several words may have been
   * meant for the chat: Up brings them back there. */
  editAnswer(text: string): void {
    const { editor, typeAhead } = this.promptQueue;
    if (typeAhead.length === 0 && editor.text === "") {
      editor.insert(text);
      this.#invalidAnswer = editor.text;
    }
    if (this.#chatOptions && text.includes(" ")) this.chatQueue.editor.addToHistory(text);
  }

  /** Adds a paste that was meant for the chat to the draft. */
  pasteDraft(text: string): void {
    const lines = text.split(LINE_BREAK).filter((line) => line !== "");
    if (lines.length > 1) this.#draft.addPasted(lines);
    else this.#draft.add(lines.join(""));
  }

  /** Puts a whole line that was meant for the chat into the draft: the next one is another message. */
  restoreLine(text: string): void {
    const given = this.#givenAnswer;
    this.#givenAnswer = undefined;
    if (!this.#chatOptions) return;
    this.#draft.addAnswer(text, given);
    this.#draft.markEntered();
  }

  /** Hands the last answer to the chat as it was read, before the next lines of a pipe. */
  sayAnswer(): void {
    if (this.promptQueue.taken) this.chatQueue.deliver(this.promptQueue.taken);
  }

  /** Enter, when the user may not have seen the prompt yet. What can be a message becomes a draft. */
  enterUnseen(): void {
    const { editor, isSecret } = this.promptQueue;
    if (isSecret || this.isPartOfAnswer(editor.text)) return;
    if (editor.text !== "") this.restoreLine(editor.submit());
    this.#draft.endLine();
  }

  /** Clears the line, leaves a search, or answers a confirmation with no. Then ends the chat's input, if that comes first.
   * False if there is nothing of this to do. */
  cancel(queue: LineQueue): boolean {
    if (!this.isActive || queue.isSecret) return false;
    if (queue === this.#pasteConfirmQueue) {
      queue.editor.submit();
      this.#onPasteConfirmed("");
    } else if (!queue.editor.clear()) {
      if (queue !== this.chatQueue || !this.#chatOptions?.endsInputFirst?.()) return false;
      this.end();
    }
    return true;
  }

  /** Submits the line that is being edited. */
  enter(): void {
    const queue = this.activeQueue;
    if (!queue.editor.acceptFound()) return;
    const seen = queue.prompt + queue.visible.text;
    const text = queue.editor.submit();
    [this.#givenAnswer, this.#pastedAnswer, this.#invalidAnswer] = [this.#pastedAnswer, undefined, undefined];
    if (queue === this.#pasteConfirmQueue) return this.#onPasteConfirmed(text);
    // A chat line is not printed here: it comes back from the server.
    if (queue === this.promptQueue && queue.hasWaiter) {
      const [draft] = this.draftLines;
      if (this.#printedDraft === undefined && draft !== undefined) this.#print(draft);
      this.#printedDraft ??= draft ?? "";
      this.#print(seen);
    }
    if (queue !== this.chatQueue) return queue.deliver({ text, isPasted: false });
    this.#deliverDraft(text);
  }

  #deliverDraft(text: string): void {
    for (const line of this.#draft.take(text)) {
      this.#remember(line.text);
      this.chatQueue.deliver(line);
    }
  }

  /** Up brings a line back in the chat, and at a question what can be its answer. */
  #remember(line: string): void {
    this.chatQueue.editor.addToHistory(line);
    if (this.isPartOfAnswer(line)) this.promptQueue.editor.addToHistory(line);
  }

  /** Inserts a pasted block into the line that is being edited, or sends it line by line to the chat. */
  paste(text: string, { isRest }: { isRest: boolean } = { isRest: false }): void {
    const queue = this.activeQueue;
    const cutLine = this.#cutLine;
    this.#cutLine = undefined;
    if (isRest && queue === this.chatQueue && queue.editor.text === cutLine?.shown) {
      queue.editor.submit();
      return this.paste(`${cutLine.text}\n${text}`);
    }
    const lines = text.split(LINE_BREAK);
    if (queue === this.promptQueue) return this.#pasteAnswer(lines);
    const count = lines.length - (lines.at(-1) === "" ? 1 : 0);
    const isInCommand = queue === this.chatQueue && count > 1 && this.#draft.isInCommand;
    if (queue === this.#pasteConfirmQueue || isInCommand) queue.editor.insert(lines.join(" "));
    else if (count > 1) this.#pasteBlock(lines, count);
    else {
      const wasEmpty = queue.editor.text === "";
      queue.editor.press({ text: lines[0]! }); // a search searches for it
      const isCut = wasEmpty && lines.length > 1 && !endsInCommand(lines[0]!);
      if (isCut) this.#cutLine = { text: lines[0]!, shown: queue.editor.text };
    }
  }

  /** Only Enter answers a question: a pasted "quit" must not end the program. What is not of the answer becomes a draft:
   * what follows a password must not be said unseen. */
  #pasteAnswer(lines: readonly string[]): void {
    const { editor, hasWaiter, isSecret } = this.promptQueue;
    const rest = lines.filter((line) => line !== "");
    if (!isSecret && endsInCommand(editor.text)) return editor.insert(rest.join(" "));
    const isComplete = editor.text !== "" && editor.text === this.#pastedAnswer?.text;
    if (!isComplete && (hasWaiter || rest.length < 2)) {
      editor.insert(rest.shift() ?? "");
      if (rest.length > 0) this.#draft.beginLine();
      const restFrom = this.chatQueue.editor.text.length;
      if (lines.length > 1) this.#pastedAnswer = { text: editor.text, restFrom };
    }
    if (rest.length === 0) return;
    if (lines.length > 1) this.#draft.addPasted(rest);
    else this.#draft.add(rest[0]!);
  }

  /** The next line of a queue. Undefined at the end of the input. */
  next(queue: LineQueue): Promise<TypedLine | undefined> {
    const line = queue.next();
    this.dispatch();
    return line;
  }

  /** Hands lines that were typed ahead to the reader that waits for one. */
  dispatch(): void {
    const queue = this.activeQueue;
    if (queue === this.chatQueue) {
      // Lines that no prompt took go to the chat. Chat lines never go to a prompt.
      queue.typeAhead.push(...this.promptQueue.typeAhead.splice(0));
      this.#draft.onChange();
      this.#keepUnfinished(this.promptQueue.editor.submit());
    }
    queue.resolveWait({ hasEnded: this.#hasEnded });
  }

  /** Keeps what stood at a question that is gone. */
  #keepUnfinished(text: string): void {
    const [pasted, invalid] = [this.#pastedAnswer, this.#invalidAnswer];
    [this.#pastedAnswer, this.#invalidAnswer] = [undefined, undefined];
    if (text === "" || text === invalid) return;
    // Half an address is not for the chat: its rest is still being typed.
    if (this.isPartOfAnswer(text)) this.#print(this.promptQueue.prompt + text);
    else this.#draft.addAnswer(text, pasted);
  }

  end(): void {
    this.#hasEnded = true;
    this.#pastedBlock = undefined;
    this.dispatch();
  }

  #pasteBlock(lines: readonly string[], count: number): void {
    const confirmPaste = this.#chatOptions?.confirmPaste;
    if (!confirmPaste || count <= MAX_UNCONFIRMED_LINES) return this.#send(lines);
    this.#pastedBlock = lines;
    this.#pasteConfirmQueue.prompt = confirmPaste.question(count);
  }

  #onPasteConfirmed(answer: string): void {
    const lines = this.#pastedBlock ?? [];
    const confirmPaste = this.#chatOptions?.confirmPaste;
    const isYes = confirmPaste?.isYes(answer);
    this.#print(this.#pasteConfirmQueue.prompt + answer);
    if (confirmPaste && isYes === undefined) return;
    this.#pastedBlock = undefined;
    if (isYes) return this.#send(lines);
    // The history may be the only place left that has them.
    const notSent = lines.map(expandTabs).filter((line) => line.trim() !== "");
    for (const line of notSent) this.chatQueue.editor.addToHistory(line);
    if (confirmPaste) this.#print(confirmPaste.notSentText(notSent.length));
  }

  /** Sends a pasted block at the cursor. Its last line, which has no line break, stays in the editor. */
  #send(lines: readonly string[]): void {
    const { editor } = this.chatQueue;
    const [first, ...others] = lines;
    const last = others.pop() ?? "";
    const isBegun = editor.cursor > 0;
    editor.insert(first!);
    const text = editor.submitBeforeCursor();
    // A first line that was begun by typing counts as typed: it may be a command.
    if (isBegun) this.#deliverDraft(text);
    else this.chatQueue.deliver({ text, isPasted: true });
    for (const text of others) this.chatQueue.deliver({ text, isPasted: true });
    editor.insert(last);
  }
}
