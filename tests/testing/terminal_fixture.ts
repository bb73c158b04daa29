// A person who types at a screen and looks at it: their keys, what they paste, and the chat that they type for.

import type { ChatOptions } from "../../lib/terminal/input_router.ts";
import type { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeScreen, type FakeScreenOptions } from "./fake_screen.ts";
import { FakeUser, type Typing } from "./fake_user.ts";
import { flushTasks, withTimeout } from "./waiting.ts";

/** The next line; undefined at the end. */
export async function take(lines: AsyncGenerator<string>): Promise<string | undefined> {
  return (await withTimeout(lines.next(), "a line")).value;
}

/** A person who types at a screen and sees it. */
export class TerminalFixture extends FakeUser {
  readonly screen: FakeScreen;
  #readUpTo = 0;

  constructor(options?: FakeScreenOptions & { readonly typing?: Typing }) {
    const screen = new FakeScreen(options);
    super({ isTty: true, tty: screen, typing: options?.typing });
    this.screen = screen;
  }

  /** What the screen shows when all that is due has happened. */
  async newOutput(): Promise<string[]> {
    await flushTasks();
    const text = this.output.slice(this.#readUpTo);
    this.#readUpTo = this.output.length;
    return this.screen.show(text);
  }
}

/** What a terminal sends for keys. */
export const [ENTER, LEFT, UP, DOWN, TAB] = ["\r", "\x1b[D", "\x1b[A", "\x1b[B", "\t"];
/** What it sends for keys that are held down together with Ctrl. */
export const [CTRL_C, CTRL_D, CTRL_U] = ["\x03", "\x04", "\x15"];

/** What a terminal sends when somebody pastes. */
export function pasted(text: string): string {
  return `\x1b[200~${text}\x1b[201~`;
}

/** A chat that asks before it sends a long block. */
export const PROMPTING: ChatOptions = {
  confirmPaste: {
    question: (count) => `¿${count}? `,
    isYes: (answer) => answer === "s",
    notSentText: (count) => `${count} kept`,
  },
};

/** Collects the lines of a chat, those that are to be sent as they are in braces. */
export function chatOf(terminal: Terminal, options?: ChatOptions): string[] {
  const said: string[] = [];
  (async () => {
    for await (const { text, isPasted } of terminal.lines("> ", options)) {
      said.push(isPasted ? `{${text}}` : text);
    }
  })();
  return said;
}
