// The error classes of the project. Each error has a stable `code`; what to do next is decided by class
// and code, never by the message.

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

/** Base of all errors that the project throws on purpose. */
export class ChatError<Code extends string = string> extends Error {
  override readonly name: string = "ChatError";
  /** Stable, for programs. */
  readonly code: Code;
  /** What the sentence for a person fills in. */
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options: ErrorOptions & { details?: ErrorDetails } = {}) {
    super(message, options);
    this.code = code;
    this.details = options.details ?? {};
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
