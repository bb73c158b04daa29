// TerminalFixture: a user who types at a screen, and what it shows.

import { assertEquals } from "@std/assert";
import type { ChatOptions } from "../../lib/terminal/input_router.ts";
import type { Terminal } from "../../lib/terminal/terminal.ts";
import { FakeScreen, type FakeScreenOptions } from "./fake_screen.ts";
import { FakeUser, type Typing } from "./fake_user.ts";
import { flushTasks, withTimeout } from "./waiting.ts";

/** The next line; undefined at the end. */
export async function take(lines: AsyncGenerator<string>): Promise<string | undefined> {
  return (await withTimeout(lines.next(), "a line")).value;
}

interface TerminalFixtureOptions extends FakeScreenOptions {
  readonly typing?: Typing;
  /** Begins a chat. */
  readonly chat?: ChatOptions;
}

/** A user at a terminal with line editing. */
export class TerminalFixture extends FakeUser {
  readonly screen: FakeScreen;
  /** The lines of the chat, pasted ones in braces. */
  readonly said: string[] = [];
  #readUpTo = 0;

  constructor(options?: TerminalFixtureOptions) {
    const screen = new FakeScreen(options);
    super({ isTty: true, setRaw: screen.setRaw, tty: screen, typing: options?.typing });
    this.screen = screen;
    if (options?.chat) this.said = chatOf(this.terminal, options.chat);
  }

  /** Types keys, and checks what the screen shows then, with a bar for the cursor. */
  async typeAndExpect(keys: string, ...rows: readonly string[]): Promise<void> {
    this.type(keys);
    await this.expect(...rows);
  }

  /** Types keys, and checks the last row of the screen. */
  async typeAndExpectLast(keys: string, row: string): Promise<void> {
    this.type(keys);
    assertEquals((await this.newOutput()).at(-1), row);
  }

  /** Checks what the screen shows when all that is due has happened. */
  async expect(...rows: readonly string[]): Promise<void> {
    assertEquals(await this.newOutput(), rows);
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
/** What a terminal sends for keys with Ctrl. */
export const [CTRL_C, CTRL_D, CTRL_U] = ["\x03", "\x04", "\x15"];

/** What a terminal sends for a paste. */
export function pasted(text: string): string {
  return `\x1b[200~${text}\x1b[201~`;
}

/** A chat that asks before it sends a long block. */
export const PROMPTING: ChatOptions = {
  confirmPaste: {
    question: (count) => `¿${count}? `,
    isYes: (answer) => answer === "s" || (["", "n"].includes(answer) ? false : undefined),
    notSentText: (count) => `${count} kept`,
  },
};

/** A chat whose prompts ask for an IP address. */
export const ANSWERING: ChatOptions = {
  isPartOfAnswer: (text) => /^[\d.:]+$/.test(text),
  isMostOfAnswer: (text) => /^\d+\.\d+\.[\d.:]+$/.test(text),
};

/** Collects the lines of a chat, pasted ones in braces. */
export function chatOf(terminal: Terminal, options?: ChatOptions): string[] {
  const said: string[] = [];
  (async () => {
    for await (const { text, isPasted } of terminal.lines("> ", options)) {
      said.push(isPasted ? `{${text}}` : text);
    }
  })();
  return said;
}
