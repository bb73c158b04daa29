// InputRecorder: records what KeyDecoder, readKeys() and readLines() tell their listener.

import type { Key } from "../../lib/terminal/keys.ts";

/** A key is recorded by its name or its text, a pasted block in braces. */
export class InputRecorder {
  readonly heard: string[] = [];
  readonly ended = Promise.withResolvers<void>();

  onKey({ name, ctrl, meta, shift, text }: Key): void {
    const modifiers = `${ctrl ? "C-" : ""}${meta ? "M-" : ""}${shift && !text ? "S-" : ""}`;
    this.heard.push(text ?? `<${modifiers}${name}>`);
  }

  onPaste(text: string): void {
    this.heard.push(`{${text}}`);
  }

  onLine(line: string): void {
    this.heard.push(line);
  }

  onEnd(): void {
    this.heard.push("end");
    this.ended.resolve();
  }
}
