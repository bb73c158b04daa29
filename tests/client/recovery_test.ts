// What broke a conversation off, as the errors that decide what comes next.

import { assertEquals } from "@std/assert";
import { ConnectionLostError } from "../../lib/errors.ts";
import { toDisconnect } from "../../lib/client/recovery.ts";

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
