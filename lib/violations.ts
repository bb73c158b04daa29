// Why a server does not serve a connection, as it tells the other side. Made when they are needed: the first error of
// an executable takes 8 ms, for which no start waits.

import { ProtocolError } from "./errors.ts";
import type { ClientMessage } from "./protocol/frames.ts";

/** A frame that has no place there. */
export function frameUnexpected({ type }: ClientMessage): ProtocolError {
  return new ProtocolError(
    "frame-unexpected",
    `Cannot take ${type.toUpperCase()} here: HELLO comes first, and once`,
  );
}

/** A message that is not above the one before it. */
export function counterBackwards(clientSeq: number, last: number): ProtocolError {
  return new ProtocolError("counter-backwards", `Cannot take message ${clientSeq} after ${last}`);
}

/** Somebody comes from an address that is not let in. */
export function addressBanned(address: string): ProtocolError {
  return new ProtocolError("banned", `Cannot let anybody in from ${address} for now`);
}

/** Somebody has said no password, and there is one. */
export function passwordNeeded(): ProtocolError {
  return new ProtocolError("password-needed", "Cannot let anybody in without the password");
}

/** Somebody has said another password. */
export function passwordWrong(): ProtocolError {
  return new ProtocolError("password-wrong", "Cannot let anybody in with another password");
}

/** A peer that does not say HELLO, does not answer, does not read, or does not end a frame. */
export function timeoutError(
  why: "handshake-timeout" | "ping-timeout" | "slow-consumer" | "frame-timeout",
): ProtocolError {
  switch (why) {
    case "handshake-timeout":
      return new ProtocolError("hello-late", "Cannot wait any longer for HELLO");
    case "ping-timeout":
      return new ProtocolError("silent", "Cannot keep the connection: nothing came for too long");
    case "slow-consumer":
      return new ProtocolError("too-slow", "Cannot keep the connection: what the room says is not read");
    case "frame-timeout":
      return new ProtocolError("frame-late", "Cannot wait any longer for the rest of a frame");
  }
}

/** Nobody can come in for now: it could not be kept that they did. */
export function storeUnavailable(): ProtocolError {
  return new ProtocolError("store-away", "Cannot let anybody in for now: nothing can be kept");
}

/** A session has come again through another connection. */
export function sessionReplaced(): ProtocolError {
  return new ProtocolError("replaced", "Cannot serve two connections of one session");
}

/** A peer speaks in plain text where TLS is spoken. */
export function tlsNeeded(): ProtocolError {
  return new ProtocolError("tls-needed", "Cannot speak without TLS here");
}

/** What a peer did wrong, and nothing else if it began with TLS: its first frame is a handshake, type 22 of a version
 * that begins with 3 (RFC 8446, section 5.1). */
export function hintTls(error: ProtocolError): ProtocolError {
  const isTls = error.code === "frame-too-long" && Number(error.details.length) >>> 16 === 0x1603;
  if (!isTls) return error;
  return new ProtocolError("tls-unexpected", "Cannot speak TLS: this server was started without it");
}
