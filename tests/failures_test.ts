// What broke a conversation off, as the errors that decide what comes next.

import { assertEquals } from "@std/assert";
import { LostError } from "../lib/errors.ts";
import { failureOf } from "../lib/failures.ts";

const pure = { permissions: "none" } as const;

const server = { host: "10.0.0.7", port: 5_000 };

function broken(code?: string): LostError {
  return new LostError("broken", "why", { cause: Object.assign(new Error("why"), { code }) });
}

Deno.test(
  "failureOf() takes who hangs up before WELCOME for no server of this chat, however that is told",
  pure,
  () => {
    const ends = [new LostError("closed", "why"), ...["ECONNRESET", "ECONNABORTED", "EPIPE"].map(broken)];
    for (const cause of ends) {
      const { name, code, details } = failureOf(cause, { server, wasIn: false });
      assertEquals([name, code, details], ["ConnectError", "not-a-chat-server", { server: "10.0.0.7:5000" }]);
      assertEquals(failureOf(cause, { server, wasIn: true }), cause);
    }
  },
);

Deno.test(
  "failureOf() tells that a connection broke before WELCOME for which no peer is to blame",
  pure,
  () => {
    for (const cause of [broken(), broken("ENETDOWN"), new LostError("broken", "why")]) {
      assertEquals(failureOf(cause, { server, wasIn: false }), cause);
    }
  },
);
