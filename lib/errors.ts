// Every error of the project by class and code, and what the system's errors mean.

/** What the sentence for an error fills in, by placeholder. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** Base class of all errors that are thrown on purpose. Code decides by class and `code`, never by `message`, which is
 * for logs. `errorText()` in i18n/ makes the sentence that users read. */
export class ChatError<Code extends string = string> extends Error {
  override readonly name: string = "ChatError";
  readonly code: Code;
  readonly details: ErrorDetails;

  constructor(code: Code, details: ErrorDetails = {}, options?: ErrorOptions) {
    const values = Object.entries(details).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    super(`${code}${values.join("")}`, options);
    this.code = code;
    this.details = details;
  }
}

/** The message of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The codes of ERROR frames. docs/PROTOCOL.md says when each is sent. */
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

export type WireCode = typeof WIRE_CODES[number];

/** A peer broke the protocol, or this side rejects it. A server sends the code in an ERROR frame. */
export class ProtocolError extends ChatError<WireCode> {
  override readonly name = "ProtocolError";
}

/** A web browser, or another client of HTTP, came to a server. */
export class HttpRequestError extends ChatError<"http-request"> {
  override readonly name = "HttpRequestError";

  constructor() {
    super("http-request");
  }
}

/** The server sent ERROR or REJECTED. The code is the server's and may be unknown. */
export class ServerError extends ChatError {
  override readonly name = "ServerError";
}

export type ConnectCode =
  | "name-unknown"
  | "refused"
  | "unreachable"
  | "network-away"
  // Out of time: when a name is looked up, then in the connection, then before WELCOME.
  | "name-late"
  | "no-answer"
  | "no-welcome"
  | "not-a-chat-server"
  | "not-tls"
  | "tls-gone"
  | "tls-failed"
  | "certificate-refused"
  | "certificate-unfit"
  | "certificate-expired"
  | "certificate-early"
  | "certificate-unknown"
  | "certificate-changed"
  | "certificate-other";

/** The client could not connect to a server. */
export class ConnectError extends ChatError<ConnectCode> {
  override readonly name = "ConnectError";
}

export type ConnectionLostCode = "closing" | "closed" | "broken" | "silent" | "garbled";

/** An established connection was lost. */
export class ConnectionLostError extends ChatError<ConnectionLostCode> {
  override readonly name = "ConnectionLostError";
}

export type ListenCode =
  | "port-in-use"
  | "port-privileged"
  | "address-not-local"
  | "listen-failed"
  | "accept-failed";

/** A server could not listen or accept. */
export class ListenError extends ChatError<ListenCode> {
  override readonly name = "ListenError";
}

export type InputCode =
  // Addresses, and the failover servers of a room.
  | "port-invalid"
  | "address-invalid"
  | "address-link-local"
  | "ip-invalid"
  | "ip-not-banned"
  | "fingerprint-invalid"
  | "backups-full"
  | "backup-unknown"
  | "backup-serves"
  | "backup-is-self"
  // Nicks, messages, passwords.
  | "nick-invalid"
  | "nick-mixed"
  | "nick-unknown"
  | "nick-mistyped"
  | "text-too-long"
  | "password-empty"
  | "password-file-empty"
  | "password-too-long"
  // Flags.
  | "flag-unknown"
  | "flag-mistyped"
  | "flag-value-missing"
  | "flag-value-invalid"
  | "time-invalid"
  | "flag-alone"
  | "flags-contrary"
  | "argument-unexpected"
  | "nats-url-invalid"
  | "nats-creds-invalid"
  | "room-invalid"
  | "tls-lacking"
  | "no-folder"
  | "server-not-known"
  | "config-line"
  // Files.
  | "file-unreadable"
  | "file-too-large"
  | "file-not-text"
  | "file-unwritable"
  | "authority-invalid"
  | "certificate-invalid"
  | "certificate-unusable"
  | "key-encrypted"
  | "data-busy"
  | "data-newer"
  | "data-damaged"
  | "data-unusable"
  // Commands and answers.
  | "command-unknown"
  | "command-mistyped"
  | "command-of-console"
  | "args-missing"
  | "args-extra"
  | "request-invalid"
  | "minutes-invalid"
  | "pattern-invalid"
  | "choice-invalid"
  | "answer-unclear"
  | "answer-is-talk"
  | "answer-not-sent"
  | "answer-to-chat"
  | "name-unknown"
  | "input-ended";

/** The user gave something invalid: a flag, a file, an answer, a command. */
export class InputError extends ChatError<InputCode> {
  override readonly name = "InputError";
}

export type StoreCode =
  | "disk-full"
  | "disk-failed"
  | "disk-full-at-start"
  | "data-gone"
  | "copy-unwritable"
  | "export-cut";

/** Standard output cannot be written. */
export class OutputError extends ChatError<"output-failed"> {
  override readonly name = "OutputError";
}

/** The commit log cannot be written, for now or at the start. */
export class StoreError extends ChatError<StoreCode> {
  override readonly name = "StoreError";
}

export type NatsCode =
  | "nats-unreachable"
  | "nats-refused"
  | "nats-forbidden"
  | "nats-tls"
  | "nats-no-jetstream"
  | "nats-full"
  | "nats-other-stream"
  | "nats-stream-small"
  | "nats-overlap"
  | "nats-stream-gone"
  | "nats-log-cut"
  | "nats-log-back"
  | "nats-unread"
  | "nats-newer";

/** The room's log in NATS cannot be used. */
export class NatsError extends ChatError<NatsCode> {
  override readonly name = "NatsError";
}

/** Error codes for a peer that has hung up (man 3 errno). Windows, and perhaps others, reports them instead of what
 * the peer sent last if the peer had not read everything. */
const RESET_CODES: readonly unknown[] = ["ECONNRESET", "ECONNABORTED", "EPIPE"];

/** Whether a system error means that the peer has hung up. */
export function isReset(error: unknown): boolean {
  return RESET_CODES.includes((error as { code?: unknown } | undefined)?.code);
}

/** By errno (man 3 errno), or by Node's codes for TLS. */
const REASON_BY_ERRNO = {
  EISDIR: "is-folder",
  ENXIO: "no-file",
  ENOENT: "missing",
  ENOTDIR: "not-folder",
  EEXIST: "not-folder",
  ELOOP: "link-loop",
  ENAMETOOLONG: "name-too-long",
  EACCES: "no-permission",
  EPERM: "no-permission",
  EROFS: "read-only",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EFBIG: "size-limit",
  EIO: "disk-broken",
  ESTALE: "disk-broken",
  EMFILE: "too-many-open",
  ENFILE: "too-many-open",
  ECONNREFUSED: "not-listening",
  ECONNRESET: "broken",
  ENETUNREACH: "no-route",
  ENETDOWN: "no-route",
  EHOSTUNREACH: "no-route",
  EHOSTDOWN: "no-route",
  EADDRNOTAVAIL: "no-address",
  EAFNOSUPPORT: "no-ipv6",
  ENOTFOUND: "name-unknown",
  EAI_AGAIN: "name-unknown",
  ETIMEDOUT: "no-answer",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate-stranger",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate-other-name",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate-stranger",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate-stranger",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate-stranger",
} as const;

/** Errors that Deno gives no code, by how their text begins on Linux or macOS. */
const ERRNO_BY_TEXT = [
  [/^Dis[ck] quota exceeded/, "EDQUOT"],
  [/^File too large/, "EFBIG"],
  [/^Stale (?:NFS )?file handle/, "ESTALE"],
  [/^(?:No such device or address|Device not configured)/, "ENXIO"],
] as const;

/** By SQLite's primary result code (sqlite.org/rescode.html). */
const REASON_BY_SQLITE_CODE = {
  8: "read-only",
  10: "disk-broken",
  13: "no-space",
  14: "folder-closed",
} as const;

/** Reasons that no error code gives: our own errors name them in `details.systemReason`. */
const TRANSLATED_CODES = [
  "is-folder",
  "is-link",
  "no-file",
  "has-names",
  "folder-missing",
  "folder-closed",
  "no-tls",
  "not-nats",
  "zone",
  "address-unfit",
] as const;

/** Why the system failed, where the user can act on it; otherwise the system's own words are shown. The catalogues have a phrase for each. */
export type SystemReason =
  | typeof REASON_BY_ERRNO[keyof typeof REASON_BY_ERRNO]
  | typeof REASON_BY_SQLITE_CODE[keyof typeof REASON_BY_SQLITE_CODE]
  | typeof TRANSLATED_CODES[number];

/** How many errors of a chain of causes are examined. */
const MAX_CAUSES = 8;

/** The reason given by the first error in the chain of causes that has one; undefined if none has. */
export function systemReason(error: unknown): SystemReason | undefined {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const { details, message, name } = cause as Error & { details?: { systemReason?: unknown } };
    const code = (cause as { code?: unknown }).code ??
      ERRNO_BY_TEXT.find(([text]) => text.test(message))?.[1];
    const reason = TRANSLATED_CODES.find((translated) => translated === details?.systemReason) ??
      ownValue(REASON_BY_ERRNO, code) ?? ownValue(REASON_BY_SQLITE_CODE, sqliteResultCode(cause));
    if (reason) return reason;
    if (name === "TimeoutError") return "no-answer";
    // Deno refuses devices and what is in /proc, in words for a developer.
    if (name === "NotCapable") return "no-permission";
    cause = cause.cause;
  }
  return undefined;
}

/** The primary result code of an error of SQLite, without the upper bits that extend it. */
export function sqliteResultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

function ownValue<Values extends object>(values: Values, key: unknown): Values[keyof Values] | undefined {
  return Object.hasOwn(values, key as PropertyKey) ? values[key as keyof Values] : undefined;
}
