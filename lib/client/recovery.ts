// Why a client failed to join a server or lost it, and what the client does next: one table of error codes.

import { type Address, formatAddress } from "../net/address.ts";
import {
  type ConnectCode,
  ConnectError,
  type ConnectionLostCode,
  ConnectionLostError,
  type ErrorDetails,
  isReset,
  ProtocolError,
  ServerError,
  type WireCode,
} from "../errors.ts";
import type { ServerMessage } from "../protocol/frames.ts";
import type { ReturnFailure } from "./failover.ts";
import { BACKOFF_MAX_MS } from "./server_pool.ts";

export type DisconnectError = ConnectError | ServerError | ConnectionLostError;

export type RecoveryAction =
  | typeof AUTH_ACTIONS[number]
  /** Dial the same server once more: perhaps only the connection broke. */
  | "redial"
  /** Go to the next server: with `--auto` the next one in the pool, otherwise the one that the user names. */
  | "next"
  /** As "next", but offer the user the same server again: no other one would do better. */
  | "stay"
  | "askNick"
  /** One side broke the protocol, and would again: as "next", and never return to this server. */
  | "exclude"
  /** The client is not wanted: end. */
  | "giveUp";

/** What {@linkcode AuthPrompter} does. If the client is then still denied, it goes to the next server. */
export const AUTH_ACTIONS = [
  "askPassword",
  "askTrust",
  /** Dial the same server again with TLS. */
  "upgradeTls",
  /** Ask whether to forget the certificate of a server that no longer speaks TLS. */
  "askForget",
  /** Show the fingerprint that was expected and the one that the server has. */
  "warnMismatch",
  /** No answer of the user would prove who the server is. */
  "deny",
] as const;

/** What the failure of a dial shows about the server. */
type ServerStatus =
  | "alive"
  | "down"
  /** The server is down, or this machine has no route to it. */
  | "unreachable"
  /** This machine has no network. */
  | "unknown";

interface Recovery {
  readonly action: RecoveryAction;
  readonly serverStatus: ServerStatus;
  /** The server fell silent instead of closing the connection: it may hang, and still accept connections. */
  readonly mayHang?: true;
  /** {@linkcode AuthPrompter} reports the error. */
  readonly hasOwnReport?: true;
}

/** By class and code of the error. */
export const RECOVERY = {
  ConnectError: {
    "name-unknown": { action: "next", serverStatus: "unreachable" },
    "refused": { action: "next", serverStatus: "down" },
    "unreachable": { action: "next", serverStatus: "unreachable" },
    "network-away": { action: "stay", serverStatus: "unknown" },
    "no-answer": { action: "next", serverStatus: "down" },
    "name-late": { action: "next", serverStatus: "down" },
    "no-welcome": { action: "next", serverStatus: "down" },
    "not-a-chat-server": { action: "redial", serverStatus: "down" },
    "not-tls": { action: "deny", serverStatus: "alive" },
    "tls-gone": { action: "askForget", serverStatus: "alive" },
    "tls-failed": { action: "deny", serverStatus: "alive" },
    "certificate-refused": { action: "deny", serverStatus: "alive" },
    "certificate-unfit": { action: "deny", serverStatus: "alive" },
    "certificate-early": { action: "deny", serverStatus: "alive" },
    "certificate-expired": { action: "deny", serverStatus: "alive" },
    "certificate-unknown": { action: "askTrust", serverStatus: "alive", hasOwnReport: true },
    "certificate-changed": { action: "warnMismatch", serverStatus: "alive", hasOwnReport: true },
    "certificate-other": { action: "warnMismatch", serverStatus: "alive", hasOwnReport: true },
  },
  ConnectionLostError: {
    "closing": { action: "next", serverStatus: "down" },
    "closed": { action: "redial", serverStatus: "down" },
    "broken": { action: "redial", serverStatus: "down" },
    "silent": { action: "redial", serverStatus: "down", mayHang: true },
    "garbled": { action: "exclude", serverStatus: "down" },
  },
  ServerError: {
    "frame-too-long": { action: "exclude", serverStatus: "alive" },
    "frame-malformed": { action: "exclude", serverStatus: "alive" },
    "frame-unknown": { action: "exclude", serverStatus: "alive" },
    "frame-unexpected": { action: "exclude", serverStatus: "alive" },
    "version-unsupported": { action: "exclude", serverStatus: "alive" },
    "frame-late": { action: "redial", serverStatus: "alive" },
    "counter-backwards": { action: "exclude", serverStatus: "alive" },
    "hello-late": { action: "next", serverStatus: "alive" },
    "room-full": { action: "next", serverStatus: "alive" },
    "store-away": { action: "stay", serverStatus: "alive" },
    "address-crowded": { action: "next", serverStatus: "alive" },
    "entering-too-often": { action: "next", serverStatus: "alive" },
    "nick-invalid": { action: "askNick", serverStatus: "alive" },
    "nick-mixed": { action: "askNick", serverStatus: "alive" },
    "nick-taken": { action: "askNick", serverStatus: "alive" },
    "nick-lookalike": { action: "askNick", serverStatus: "alive" },
    "password-needed": { action: "askPassword", serverStatus: "alive", hasOwnReport: true },
    "password-wrong": { action: "askPassword", serverStatus: "alive" },
    "tls-unexpected": { action: "next", serverStatus: "alive" },
    "tls-needed": { action: "upgradeTls", serverStatus: "alive" },
    "text-invalid": { action: "exclude", serverStatus: "alive" },
    // By an older HELLO of this client that came late, or by a copy of this process.
    "replaced": { action: "redial", serverStatus: "alive" },
    "kicked": { action: "giveUp", serverStatus: "alive" },
    "banned": { action: "giveUp", serverStatus: "alive" },
    "too-slow": { action: "redial", serverStatus: "alive" },
    "silent": { action: "redial", serverStatus: "alive" },
  },
} satisfies {
  readonly ConnectError: Readonly<Record<ConnectCode, Recovery>>;
  readonly ConnectionLostError: Readonly<Record<ConnectionLostCode, Recovery>>;
  readonly ServerError: Readonly<Record<WireCode, Recovery>>;
};

/** A server of a later version may send codes that are not in the table. */
export function recoveryFor({ name, code, cause }: DisconnectError): Recovery {
  const rows: Readonly<Record<string, Recovery>> = RECOVERY[name];
  const row: Recovery = Object.hasOwn(rows, code)
    ? rows[code]!
    : { action: code.startsWith("nick-") ? "askNick" : "next", serverStatus: "alive" };
  return cause instanceof ProtocolError ? { ...row, action: "exclude" } : row;
}

/** A wait may mend a full room, a store that cannot write, or a nick that a dead connection holds. */
export function returnFailure(error: DisconnectError): ReturnFailure {
  const { action, serverStatus } = recoveryFor(error);
  if (action !== "exclude" && serverStatus !== "alive") return "unreached";
  const mayPass = action === "next" || action === "stay" || action === "redial" || action === "askNick";
  return mayPass ? "refused" : "barred";
}

/** Whether the client has redialled a lost server, and it was down. The system of a process that was just killed may
 * still accept a connection, and break it at once. */
export function hasRedialFailed(
  { target, error, wasJoined }: {
    readonly target: { readonly dialTimeoutMs?: number };
    readonly error: DisconnectError;
    readonly wasJoined: boolean;
  },
): boolean {
  const { serverStatus } = recoveryFor(error);
  return !wasJoined && target.dialTimeoutMs !== undefined &&
    (serverStatus === "down" || serverStatus === "unreachable");
}

/** Redialling once avoids a split: a client whose connection alone broke must not leave the other members. A connection
 * that breaks before WELCOME says no more of the server than one that breaks later. One that breaks soon after a redial is
 * not redialled, unless a HELLO of ours replaced it that had overtaken on its way (found by the simulator): the server
 * lives. `isAsked`: a script without `--auto` is asked after a loss while it still has answers. */
export function shouldRedial(
  { target, wasJoined, connectedForMs, error }: {
    readonly target: { readonly isRedial?: boolean };
    readonly error: DisconnectError;
    readonly wasJoined: boolean;
    readonly connectedForMs: number;
  },
  { isAsked }: { isAsked: boolean },
): boolean {
  if (recoveryFor(error).action !== "redial") return false;
  if (!wasJoined) return !target.isRedial && error.code === "not-a-chat-server";
  const isRepeated = target.isRedial && connectedForMs < BACKOFF_MAX_MS && error.code !== "replaced";
  return !isRepeated && !isAsked;
}

/** The error of a message that ends the conversation or is out of place in it. */
export function closeReason(message: ServerMessage, details?: ErrorDetails): Error {
  if (message.type === "bye") return new ConnectionLostError("closing");
  if (message.type === "error") return new ServerError(message.code, { ...details, reason: message.reason });
  return new ProtocolError("frame-unexpected");
}

/** The error with which a dial failed or a connection ended. A peer that closes the connection before WELCOME,
 * twice, or breaks the protocol, is no chat server. Which error a killed server causes is chance: an end, a reset, or a
 * broken pipe. All read the same.
 * @throws `cause`, if it is a bug */
export function toDisconnect(
  cause: unknown,
  { server: address, wasJoined }: { server: Address; wasJoined: boolean },
): DisconnectError {
  if (cause instanceof ConnectError || cause instanceof ServerError) return cause;
  if (cause instanceof ProtocolError) {
    if (cause.code === "version-unsupported") return new ServerError(cause.code, {}, { cause });
    if (wasJoined) return new ConnectionLostError("garbled", {}, { cause });
  }
  const isPeerClosed = cause instanceof ConnectionLostError &&
    (cause.code === "closed" || isReset(cause.cause));
  if (cause instanceof ProtocolError || (isPeerClosed && !wasJoined)) {
    return new ConnectError("not-a-chat-server", { server: formatAddress(address) }, { cause });
  }
  if (isPeerClosed) return new ConnectionLostError("closed", {}, { cause });
  if (cause instanceof ConnectionLostError) return cause;
  throw cause;
}
