// Asks until an answer is valid.

import { InputError } from "../errors.ts";
import { errorText, type Language } from "../i18n/translate.ts";
import type { AskOptions, Terminal } from "./terminal.ts";

/** What prompts use: `language` is that of the errors about answers. */
export interface PromptDeps {
  readonly terminal: Terminal;
  readonly language: Language;
}

interface Prompt<Answer> extends AskOptions {
  /** A function if the question changes from one try to the next. */
  readonly text: string | (() => string);
  /** @throws {InputError} if the answer is invalid */
  readonly parse: (answer: string) => Answer | Promise<Answer>;
  /** Whether an answer means that the user wants to leave. */
  readonly isQuit?: (answer: string) => boolean;
  /** A pipe has one answer: its next line may be meant for the chat. */
  readonly isOnceForPipe?: boolean;
  /** An invalid answer stays in the line, to be edited. */
  readonly isEdited?: boolean;
}

/** Of answers that may have a blank before the port. */
const ADDRESS_ERRORS = ["address-invalid", "name-unknown", "port-invalid"];

/** Asks until `parse` accepts the answer. Returns undefined if the user wants to leave.
 * @throws {InputError} if a pipe ends without a valid answer, or has one answer and that is invalid */
export async function promptUntilValid<Answer>(
  { terminal, language }: PromptDeps,
  { text, parse, isQuit, isOnceForPipe = false, isEdited = false, ...options }: Prompt<Answer>,
): Promise<Answer | undefined> {
  let hasToldOfDraft = false;
  for (;;) {
    let answer = "";
    try {
      answer = await terminal.ask(typeof text === "string" ? text : text(), options);
      return isQuit?.(answer) ? undefined : await parse(answer);
    } catch (error) {
      const isSaid = error instanceof InputError && error.code === "answer-to-chat";
      if (isSaid) terminal.sayAnswer();
      if (options.signal?.aborted || (terminal.isTty && terminal.hasNoAnswers)) return undefined;
      if (!(error instanceof InputError) || (terminal.hasNoAnswers && !isSaid)) throw error;
      if (isOnceForPipe && !terminal.isTty) throw error;
      // An answer of several words is a chat line that the prompt interrupted.
      const isForChat = error.code === "answer-is-talk" ||
        (!isEdited && answer.includes(" ") && !ADDRESS_ERRORS.includes(error.code));
      if (isEdited || (isForChat && !options.isSecret)) terminal.restore(answer, { isForChat });
      // The draft is in sight: only a single word may be a surprise there.
      const isKnown = hasToldOfDraft && error.code === "answer-is-talk" && answer.includes(" ");
      if (!isKnown) await terminal.print(errorText(error, language));
      hasToldOfDraft ||= error.code === "answer-is-talk";
    }
  }
}
