// Every error of the project by class and code, and what errors of the system mean. Code decides by class and code, never
// by the message; the sentences for people are in i18n/.

/** Codes that travel in ERROR frames. docs/PROTOCOL.md says when each is sent. */
export const WIRE_CODES = [
  "frame-too-long",
  "frame-malformed",
  "frame-unknown",
  "frame-unexpected",
  "version-unsupported",
  "frame-late",
  "counter-backwards",
  "hello-late",
  "room-full",
  "store-away",
  "address-crowded",
  "entering-too-often",
  "nick-invalid",
  "nick-mixed",
  "nick-taken",
  "nick-lookalike",
  "password-needed",
  "password-wrong",
  "tls-unexpected",
  "tls-needed",
  "text-invalid",
  "replaced",
  "kicked",
  "banned",
  "too-slow",
  "silent",
] as const;

/** A code that travels in an ERROR frame. */
export type WireCode = typeof WIRE_CODES[number];

/** Why no chat could be had at an address. */
export type ConnectCode =
  | "name-unknown"
  | "refused"
  | "unreachable"
  | "network-away"
  | "no-answer"
  | "not-a-chat-server"
  | "not-tls"
  | "tls-failed"
  | "certificate-refused"
  | "certificate-unfit"
  | "certificate-expired"
  | "certificate-unknown"
  | "certificate-changed"
  | "certificate-other";

/** Why a server could not listen at an address. */
export type ListenCode =
  | "port-in-use"
  | "port-privileged"
  | "address-not-local"
  | "listen-failed"
  | "accept-failed";

/** Why a room cannot be kept in NATS. */
export type NatsCode =
  | "nats-unreachable"
  | "nats-refused"
  | "nats-forbidden"
  | "nats-tls"
  | "nats-no-jetstream"
  | "nats-full"
  | "nats-other-stream"
  | "nats-stream-gone"
  | "nats-log-cut"
  | "nats-log-back"
  | "nats-unread"
  | "nats-newer";

/** Why an established connection ended against our will. */
export type ConnectionLostCode = "closing" | "closed" | "broken" | "silent" | "garbled";

/** Why nothing can be stored for the moment. */
export type StoreCode = "disk-full" | "disk-failed";

/** What a person gave that cannot be used. */
export type InputCode =
  | "port-invalid"
  | "address-invalid"
  | "ip-invalid"
  | "minutes-invalid"
  | "backups-full"
  | "backup-unknown"
  | "backup-serves"
  | "backup-is-self"
  | "pattern-invalid"
  | "choice-invalid"
  | "nick-invalid"
  | "nick-mixed"
  | "text-too-long"
  | "flag-unknown"
  | "flag-value-missing"
  | "flag-value-invalid"
  | "argument-unexpected"
  | "command-unknown"
  | "command-mistyped"
  | "args-missing"
  | "args-extra"
  | "flag-alone"
  | "flags-contrary"
  | "no-folder"
  | "tls-lacking"
  | "password-empty"
  | "password-too-long"
  | "file-unreadable"
  | "file-unwritable"
  | "fingerprint-invalid"
  | "nats-url-invalid"
  | "nats-creds-invalid"
  | "room-invalid"
  | "certificate-invalid"
  | "data-busy"
  | "data-newer"
  | "data-damaged"
  | "data-unusable"
  | "answer-unclear"
  | "answer-is-talk"
  | "input-ended";

/** Values that a sentence about an error needs, by placeholder name. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** Base of all errors that the project throws on purpose. The sentence for a person is in the catalogues: `message` is
 * for logs. */
export class ChatError<Code extends string = string> extends Error {
  override readonly name: string = "ChatError";
  /** Stable, for programs. */
  readonly code: Code;
  /** What the sentence for a person fills in. */
  readonly details: ErrorDetails;

  constructor(code: Code, details: ErrorDetails = {}, options?: ErrorOptions) {
    const values = Object.entries(details).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    super(`${code}${values.join("")}`, options);
    this.code = code;
    this.details = details;
  }
}

/** A person gave something that cannot be used: a flag, an answer, a line. */
export class InputError extends ChatError<InputCode> {
  override readonly name = "InputError";
}

/** A peer broke a rule of docs/PROTOCOL.md, or was refused by one; the code is what ERROR carries. */
export class ProtocolError extends ChatError<WireCode> {
  override readonly name = "ProtocolError";
}

/** The server answered with an ERROR frame. The code is the peer's word: any string is possible. */
export class ServerError extends ChatError {
  override readonly name = "ServerError";
}

/** No chat could be had at an address. */
export class ConnectError extends ChatError<ConnectCode> {
  override readonly name = "ConnectError";
}

/** The system did not let a server listen at an address. */
export class ListenError extends ChatError<ListenCode> {
  override readonly name = "ListenError";
}

/** A room cannot be kept in NATS. */
export class NatsError extends ChatError<NatsCode> {
  override readonly name = "NatsError";
}

/** Nothing can be stored for the moment. */
export class StoreError extends ChatError<StoreCode> {
  override readonly name = "StoreError";
}

/** A connection that had been established ended. */
export class ConnectionLostError extends ChatError<ConnectionLostCode> {
  override readonly name = "ConnectionLostError";
}

/** Error codes for a peer that has hung up (man 3 errno). Windows, and perhaps others, reports them instead of what the
 * peer sent last if the peer had not read everything. */
const RESET_CODES: readonly unknown[] = ["ECONNRESET", "ECONNABORTED", "EPIPE"];

/** Whether a system error means that the peer has hung up. */
export function isReset(error: unknown): boolean {
  return RESET_CODES.includes((error as { code?: unknown } | undefined)?.code);
}

/** Codes of errors, of the system's calls (man 3 errno), and of TLS as Node has them. */
const REASON_BY_ERRNO = {
  EISDIR: "is-folder",
  ENOENT: "missing",
  ENOTDIR: "missing",
  EACCES: "no-permission",
  EPERM: "no-permission",
  EROFS: "read-only",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EIO: "disk-broken",
  EMFILE: "too-many-open",
  ENFILE: "too-many-open",
  ECONNREFUSED: "nobody-listens",
  ENOTFOUND: "name-unknown",
  EAI_AGAIN: "name-unknown",
  EHOSTUNREACH: "no-way",
  ENETUNREACH: "no-way",
  ETIMEDOUT: "no-answer",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate-stranger",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate-stranger",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate-stranger",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate-stranger",
  CERT_HAS_EXPIRED: "certificate-over",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate-other",
} as const;

/** SQLite's result codes without their upper bits (sqlite.org/rescode.html). */
const REASON_BY_SQLITE_CODE = {
  8: "read-only",
  10: "disk-broken",
  13: "no-space",
  14: "folder-closed",
  26: "no-database",
} as const;

/** Those that only the code that knows what it was about can tell. */
const TRANSLATED_CODES = [
  "is-folder",
  "folder-missing",
  "folder-closed",
  "foreign",
  "incomplete",
  "garbled",
  "no-tls",
] as const;

/** Why something does not work. */
export type SystemReason =
  | typeof REASON_BY_ERRNO[keyof typeof REASON_BY_ERRNO]
  | typeof REASON_BY_SQLITE_CODE[keyof typeof REASON_BY_SQLITE_CODE]
  | typeof TRANSLATED_CODES[number];

/** What errors may have, of whoever they are. */
interface SystemError extends Error {
  readonly code?: unknown;
  readonly errcode?: unknown;
  readonly details?: { readonly why?: unknown };
}

/** How deep causes are looked into. */
const MAX_CAUSES = 8;

/** Why something does not work: what the error's details say in `why`, or what the first of its causes that is known
 * means; undefined if that is for the words of the error itself. */
export function systemReason(error: unknown): SystemReason | undefined {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const { code, errcode, details, name } = cause as SystemError;
    const told = TRANSLATED_CODES.find((reason) => reason === details?.why);
    const meant = told ?? own(REASON_BY_ERRNO, code) ?? own(REASON_BY_SQLITE_CODE, sqliteResultCode(errcode));
    if (meant) return meant;
    if (name === "TimeoutError") return "no-answer";
    cause = cause.cause;
  }
  return undefined;
}

function sqliteResultCode(errcode: unknown): unknown {
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

function own<Meanings extends object>(
  meanings: Meanings,
  key: unknown,
): Meanings[keyof Meanings] | undefined {
  return Object.hasOwn(meanings, key as PropertyKey) ? meanings[key as keyof Meanings] : undefined;
}
