// Why a client failed to join a server or lost it, and what the table says to do next.

import { assertEquals } from "@std/assert";
import {
  type ConnectCode,
  ConnectError,
  type ConnectionLostCode,
  ConnectionLostError,
  ProtocolError,
  ServerError,
  WIRE_CODES,
} from "../../lib/errors.ts";
import { RECOVERY, recoveryFor, toDisconnect } from "../../lib/client/recovery.ts";

const pure = { permissions: "none" } as const;

const server = { host: "10.0.0.7", port: 5_000 };

function broken(code?: string): ConnectionLostError {
  return new ConnectionLostError("broken", {}, { cause: Object.assign(new Error("why"), { code }) });
}

Deno.test(
  "toDisconnect() takes who hangs up before WELCOME for no server of this chat, however that is told",
  pure,
  () => {
    const ends = [
      new ConnectionLostError("closed"),
      ...["ECONNRESET", "ECONNABORTED", "EPIPE"].map(broken),
    ];
    for (const cause of ends) {
      const { name, code, details } = toDisconnect(cause, { server, wasJoined: false });
      assertEquals([name, code, details], ["ConnectError", "not-a-chat-server", { server: "10.0.0.7:5000" }]);
      assertEquals(toDisconnect(cause, { server, wasJoined: true }), cause);
    }
  },
);

Deno.test(
  "toDisconnect() tells that a connection broke before WELCOME for which no peer is to blame",
  pure,
  () => {
    for (const cause of [broken(), broken("ENETDOWN"), new ConnectionLostError("broken")]) {
      assertEquals(toDisconnect(cause, { server, wasJoined: false }), cause);
    }
  },
);

/** The compiler fails if a code is missing. */
const CONNECT_CODES: Readonly<Record<ConnectCode, true>> = {
  "name-unknown": true,
  "refused": true,
  "unreachable": true,
  "network-away": true,
  "no-answer": true,
  "not-a-chat-server": true,
  "not-tls": true,
  "tls-failed": true,
  "certificate-refused": true,
  "certificate-unfit": true,
  "certificate-expired": true,
  "certificate-unknown": true,
  "certificate-changed": true,
  "certificate-other": true,
};
const CONNECTION_LOST_CODES: Readonly<Record<ConnectionLostCode, true>> = {
  "closing": true,
  "closed": true,
  "broken": true,
  "silent": true,
  "garbled": true,
};

Deno.test("RECOVERY has a row for every code of every class, and no other", pure, () => {
  assertEquals(Object.keys(RECOVERY.ServerError).sort(), WIRE_CODES.toSorted());
  assertEquals(Object.keys(RECOVERY.ConnectError).sort(), Object.keys(CONNECT_CODES).sort());
  assertEquals(Object.keys(RECOVERY.ConnectionLostError).sort(), Object.keys(CONNECTION_LOST_CODES).sort());
});

Deno.test("recoveryFor() finds the row by class and code", pure, () => {
  assertEquals(recoveryFor(new ConnectionLostError("silent")), RECOVERY.ConnectionLostError.silent);
  assertEquals(recoveryFor(new ServerError("silent")), RECOVERY.ServerError.silent);
  assertEquals(recoveryFor(new ConnectError("refused")), RECOVERY.ConnectError.refused);
});

Deno.test("recoveryFor() goes to the next server at a code that is not in the table", pure, () => {
  for (const code of ["of-the-future", "certificate-unknown", "constructor", "__proto__", ""]) {
    assertEquals(recoveryFor(new ServerError(code)), { action: "next", serverStatus: "alive" });
  }
  assertEquals(recoveryFor(new ServerError("nick-of-the-future")).action, "askNick");
});

Deno.test("recoveryFor() excludes a server that broke the protocol, whatever the code", pure, () => {
  const cause = new ProtocolError("frame-malformed");
  for (const code of Object.keys(CONNECT_CODES) as ConnectCode[]) {
    assertEquals(recoveryFor(new ConnectError(code, {}, { cause })).action, "exclude");
  }
});
