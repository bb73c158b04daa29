// The password of a room: what can be one, and whether another is the same. Pure.

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { InputError } from "../errors.ts";

/** Longest password, in bytes of UTF-8. */
export const MAX_PASSWORD_BYTES = 256;

/** The password in the text of a file, or in an answer: its first line.
 * @throws {InputError} `password-empty` or `password-too-long` */
export function parsePassword(text: string): string {
  const password = text.split(/\r?\n/, 1)[0]!;
  if (password === "") throw new InputError("password-empty");
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new InputError("password-too-long", { max: MAX_PASSWORD_BYTES });
  }
  return password;
}

/** Knows a password again without keeping it. */
export class PasswordVerifier {
  readonly #digest: Buffer;

  constructor(password: string) {
    this.#digest = digestOf(password);
  }

  /** Whether this is the password; takes as long for any other of the same length. */
  matches(password: string): boolean {
    return timingSafeEqual(this.#digest, digestOf(password));
  }
}

function digestOf(password: string): Buffer {
  return createHash("sha256").update(password).digest();
}
