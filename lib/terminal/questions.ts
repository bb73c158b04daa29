// Asks a person until the answer can be used.

import { isQuit } from "../client/commands.ts";
import { InputError } from "../errors.ts";
import { errorText, type Language } from "../i18n/translate.ts";
import type { AskOptions, Terminal } from "./terminal.ts";

/** A question whose answer `parse` understands, or throws {@linkcode InputError} about. */
interface Prompt<Answer> extends AskOptions {
  readonly text: string;
  readonly parse: (answer: string) => Answer;
}

/** The answer; undefined if the person wants to leave instead.
 * @throws {InputError} if a pipe ends without an answer that can be used */
export async function prompt<Answer>(
  { terminal, language }: { terminal: Terminal; language: Language },
  { text, parse, signal, ...options }: Prompt<Answer>,
): Promise<Answer | undefined> {
  for (;;) {
    let answer = "";
    try {
      answer = await terminal.ask(text, { ...options, signal });
      // A password may be any word.
      return isQuit(answer) && !options.isSecret ? undefined : parse(answer);
    } catch (error) {
      if (signal?.aborted || (terminal.isTty && terminal.hasEnded)) return undefined;
      if (!(error instanceof InputError) || terminal.hasEnded) throw error;
      await terminal.print(errorText(error, language));
      // Several words are no answer to any question: somebody typed on when it came between.
      const isTalk = error.code === "answer-is-talk" || answer.includes(" ");
      if (isTalk && !options.isSecret) terminal.restore(answer);
    }
  }
}
