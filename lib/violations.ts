// Why a server does not serve a connection, as it tells the other side.

import { ProtocolError } from "./errors.ts";
import type { PasswordCheck } from "./password.ts";
import type { ClientMessage } from "./protocol.ts";

/** A frame that has no place there. */
export function unexpected({ type }: ClientMessage): ProtocolError {
  return new ProtocolError(
    "frame-unexpected",
    `Cannot take ${type.toUpperCase()} here: HELLO comes first, and once`,
  );
}

/** Somebody comes from an address that is not let in. */
export function isBanned(address: string): ProtocolError {
  return new ProtocolError("banned", `Cannot let anybody in from ${address} for now`);
}

/** Lets nobody pass who does not know the password.
 * @throws {ProtocolError} `password-needed` or `password-wrong` */
export function checkPassword(given: string, password: PasswordCheck): void {
  if (password.matches(given)) return;
  throw given === ""
    ? new ProtocolError("password-needed", "Cannot let anybody in without the password")
    : new ProtocolError("password-wrong", "Cannot let anybody in with another password");
}

/** A peer that does not say HELLO, does not answer, or does not read. */
export function givenUp(why: "ungreeted" | "silent" | "too-slow"): ProtocolError {
  switch (why) {
    case "ungreeted":
      return new ProtocolError("hello-late", "Cannot wait any longer for HELLO");
    case "silent":
      return new ProtocolError("silent", "Cannot keep the connection: nothing came for too long");
    case "too-slow":
      return new ProtocolError("too-slow", "Cannot keep the connection: what the room says is not read");
  }
}

/** A peer speaks in plain text where TLS is spoken. */
export function isPlain(): ProtocolError {
  return new ProtocolError("tls-needed", "Cannot speak without TLS here");
}

/** What a peer did wrong, and nothing else if it began with TLS: its first frame is a handshake, type 22 of a version
 * that begins with 3 (RFC 8446, section 5.1). */
export function unlessTls(error: ProtocolError): ProtocolError {
  const isTls = error.code === "frame-too-long" && Number(error.details.length) >>> 16 === 0x1603;
  if (!isTls) return error;
  return new ProtocolError("tls-unexpected", "Cannot speak TLS: this server was started without it");
}
