// Why a server does not serve a connection, as it tells the other side.

import { ProtocolError } from "./errors.ts";
import type { ClientMessage } from "./protocol.ts";

/** A frame that has no place there. */
export function unexpected({ type }: ClientMessage): ProtocolError {
  return new ProtocolError(
    "frame-unexpected",
    `Cannot take ${type.toUpperCase()} here: HELLO comes first, and once`,
  );
}

/** A message that is not above the one before it. */
export function isBackwards(n: number, last: number): ProtocolError {
  return new ProtocolError("counter-backwards", `Cannot take message ${n} after ${last}`);
}

/** Somebody comes from an address that is not let in. */
export function isBanned(address: string): ProtocolError {
  return new ProtocolError("banned", `Cannot let anybody in from ${address} for now`);
}

/** A peer that does not say HELLO, does not answer, does not read, or does not end a frame. */
export function givenUp(why: "ungreeted" | "silent" | "too-slow" | "frame-late"): ProtocolError {
  switch (why) {
    case "ungreeted":
      return new ProtocolError("hello-late", "Cannot wait any longer for HELLO");
    case "silent":
      return new ProtocolError("silent", "Cannot keep the connection: nothing came for too long");
    case "too-slow":
      return new ProtocolError("too-slow", "Cannot keep the connection: what the room says is not read");
    case "frame-late":
      return new ProtocolError("frame-late", "Cannot wait any longer for the rest of a frame");
  }
}
