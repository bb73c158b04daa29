// Whether somebody gets the nick that they ask for. Pure.

import { InputError, ProtocolError } from "../errors.ts";
import type { Members } from "./state.ts";
import { parseNick } from "../text/nick.ts";

/** The nick of `session`, who asks for `raw`.
 * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
export function claimNick(raw: string, sessionId: bigint, members: Members): string {
  const nick = nickOf(raw);
  const rival = members.nickConflict(nick, sessionId);
  if (!rival) return nick;
  throw new ProtocolError(rival, { nick });
}

/** What a person would be told who typed it, as peers are told. */
function nickOf(raw: string): string {
  try {
    return parseNick(raw);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const code = cause.code === "nick-mixed" ? cause.code : "nick-invalid";
    throw new ProtocolError(code, cause.details, { cause });
  }
}
