// Why a client is not, or no longer, on a server: from what it was told, or what went wrong, to an error, and what
// that says of the server. Knows nothing of where to go instead.

import { type Address, formatAddress } from "../net/address.ts";
import {
  type ChatError,
  ConnectError,
  ConnectionLostError,
  type ErrorDetails,
  isReset,
  ProtocolError,
  ServerError,
  type WireCode,
} from "../errors.ts";
import type { ErrorFrame, Rejected, ServerMessage } from "../protocol/frames.ts";

/** Why a client is not, or no longer, on a server. */
export type DisconnectError = ConnectError | ServerError | ConnectionLostError;

/** What a message means that ends the conversation, or is out of place in it. */
export function closeReason(message: ServerMessage): Error {
  if (message.type === "bye") return new ConnectionLostError("closing");
  if (message.type === "error") return serverError(message);
  return new ProtocolError("frame-unexpected");
}

/** What a server does not do, and why; `details` are for people. */
export function serverError({ code, reason }: ErrorFrame | Rejected, details?: ErrorDetails): ServerError {
  return new ServerError(code, { ...details, reason });
}

/** What it means that nothing was heard of a server. Who was stopped meanwhile, slept, or did not read cannot say that
 * it was the server that was silent. */
export function idleError({ hasListened }: { hasListened: boolean }): ConnectionLostError {
  return new ConnectionLostError(hasListened ? "silent" : "broken");
}

/** What broke a conversation off, in the terms of those who must decide what next. */
export function toDisconnect(
  cause: unknown,
  { server: address, wasJoined }: { server: Address; wasJoined: boolean },
): DisconnectError {
  if (cause instanceof ConnectError || cause instanceof ServerError) return cause;
  if (cause instanceof ProtocolError) {
    if (cause.code === "version-unsupported") return new ServerError(cause.code, {}, { cause });
    if (wasJoined) {
      return new ConnectionLostError("garbled", {}, { cause });
    }
  }
  if (cause instanceof ProtocolError || (!wasJoined && isPeerClosed(cause))) {
    const server = formatAddress(address);
    return new ConnectError("not-a-chat-server", { server }, { cause });
  }
  if (cause instanceof ConnectionLostError) return cause;
  throw cause;
}

function isPeerClosed(cause: unknown): boolean {
  return cause instanceof ConnectionLostError && (cause.code === "closed" || isReset(cause.cause));
}

/** Whether whoever runs a server does not want the client: it must not come back by itself. */
export function fatal(error: ChatError): boolean {
  return error instanceof ServerError && ["kicked", "banned"].includes(error.code);
}

/** Whether one side says that the other breaks the rules, or somebody else has the client's place: it would be the
 * same the next time. */
export function protocolFault(error: ChatError): boolean {
  if (error.cause instanceof ProtocolError) return true;
  return error instanceof ServerError && VIOLATIONS.has(error.code);
}

const VIOLATIONS: ReadonlySet<string> = new Set<WireCode>([
  ...["frame-too-long", "frame-malformed", "frame-unknown", "frame-unexpected"] as const,
  ...["version-unsupported", "counter-backwards", "text-invalid", "replaced"] as const,
]);

/** Whether the connection ended in a way that says nothing of the server, or the server itself ended it for
 * something that will be otherwise on the next one. */
export function transient(error: ChatError): boolean {
  if (error instanceof ConnectionLostError) return error.code === "closed" || error.code === "broken";
  return error instanceof ServerError && CUTS.has(error.code);
}

const CUTS: ReadonlySet<string> = new Set<WireCode>(["frame-late", "too-slow", "silent"]);

/** Whether nothing was heard of a server: it hangs, or the network on the way to it was gone for long. */
export function isSilence(error: ChatError): boolean {
  return error instanceof ConnectionLostError && error.code === "silent";
}

/** Whether the system of this machine knows no way to a server, which says nothing of that. */
export function isNetworkAway(error: ChatError): boolean {
  return error instanceof ConnectError && error.code === "network-away";
}

/** Whether a dial came to nothing without a word of the server: this machine found no network, no way or no name. */
export function localNetwork(error: ChatError): boolean {
  return error instanceof ConnectError &&
    ["network-away", "unreachable", "name-unknown"].includes(error.code);
}

/** Whether another nick would do. */
export function isAboutNick(error: ChatError): boolean {
  return error instanceof ServerError && error.code.startsWith("nick-");
}
