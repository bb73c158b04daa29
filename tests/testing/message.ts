// A sentence of a program in no language.

import type { Message } from "../../lib/i18n/translate.ts";

export function messageOf(text: string): Message {
  return { text, code: "test", values: {} };
}
