// What Tab makes of a word: a command at the beginning of a line, else the nick of somebody in the room.

import type { Completion } from "./line_editor.ts";

/** What there is to choose from. */
interface Completable {
  readonly nicks: readonly string[];
  /** With their slashes. */
  readonly commands: readonly string[];
}

/** What the end of `before` may become: a nick that begins a line speaks to somebody. */
export function completionOf(before: string, { nicks, commands }: Completable): Completion | undefined {
  const word = /\S*$/.exec(before)![0];
  if (word === "") return undefined;
  const from = before.length - word.length;
  if (from === 0 && word.startsWith("/")) {
    return { from, choices: beginningWith(word, commands).map((command) => `${command} `) };
  }
  const end = from === 0 ? ": " : " ";
  return { from, choices: beginningWith(word, nicks).map((nick) => nick + end) };
}

function beginningWith(word: string, names: readonly string[]): string[] {
  const begin = folded(word);
  return names.filter((name) => folded(name).startsWith(begin)).sort((a, b) => a.localeCompare(b));
}

/** Without capitals and accents: who types in a hurry leaves them out. */
function folded(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}
