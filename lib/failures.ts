// Why a client is not, or no longer, on a server: from what it was told, or what went wrong, to an error.

import { type Address, formatAddress } from "./address.ts";
import { ConnectError, type ErrorDetails, LostError, ProtocolError, RefusedError } from "./errors.ts";
import type { Refusal, Refused, ServerMessage } from "./protocol.ts";

/** Why a client is not, or no longer, on a server. */
export type Reason = ConnectError | RefusedError | LostError;

/** What a message means that ends the conversation, or is out of place in it. */
export function farewellOf(message: ServerMessage): Error {
  if (message.type === "bye") return new LostError("closing", "The server closes");
  if (message.type === "error") return refusal(message);
  return new ProtocolError("frame-unexpected", `Cannot take ${message.type.toUpperCase()} here`);
}

/** What a server does not do, and why; `details` are for people. */
export function refusal({ code, reason }: Refusal | Refused, details?: ErrorDetails): RefusedError {
  return new RefusedError(code, reason, { details: { ...details, reason } });
}

/** The error of a server that does not answer. */
export function noAnswer(server: Address, answerMs: number): ConnectError {
  const details = { server: formatAddress(server), seconds: answerMs / 1_000 };
  return new ConnectError("no-answer", `Cannot wait any longer for ${details.server}`, { details });
}

/** What it means that nothing was heard of a server. Who was stopped meanwhile, slept, or did not read cannot say that
 * it was the server that was silent. */
export function silence({ hasListened }: { hasListened: boolean }): LostError {
  return new LostError(hasListened ? "silent" : "broken", "Cannot hear the server any more");
}

/** What broke a conversation off, in the terms of those who must decide what next. */
export function failureOf(
  cause: unknown,
  { server: address, wasIn }: { server: Address; wasIn: boolean },
): Reason {
  if (cause instanceof ConnectError || cause instanceof RefusedError) return cause;
  if (cause instanceof ProtocolError) {
    if (cause.code === "version-unsupported") return new RefusedError(cause.code, cause.message, { cause });
    if (wasIn) return new LostError("garbled", "Cannot understand the server any more", { cause });
  }
  if (cause instanceof ProtocolError || (!wasIn && hasHungUp(cause))) {
    const server = formatAddress(address);
    return new ConnectError("not-a-chat-server", `Cannot chat with ${server}`, {
      cause,
      details: { server },
    });
  }
  if (cause instanceof LostError) return cause;
  throw cause;
}

/** How systems tell of a peer that is gone (man 3 errno): if it had something left to read, Windows tells of that
 * rather than of what it said last, and so may others. */
const RESETS: readonly unknown[] = ["ECONNRESET", "ECONNABORTED", "EPIPE"];

function hasHungUp(cause: unknown): boolean {
  if (!(cause instanceof LostError)) return false;
  return cause.code === "closed" || RESETS.includes((cause.cause as { code?: unknown } | undefined)?.code);
}
