// Connecting by address and by name, and why that fails.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { connectErrorCode, dial, isDnsFailure } from "../../lib/net/tcp.ts";
import { ConnectError } from "../../lib/errors.ts";
import { freeAddress, LOOPBACK, UNKNOWN_NAME } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";

const patient = { signal: new AbortController().signal };

/** The code of what goes wrong, once its details are checked. */
async function failure(server: Address): Promise<string> {
  const { code, details } = await assertRejects(
    () => withTimeout(dial(server, patient), "a failure"),
    ConnectError,
  );
  assertEquals([details.server, details.host], [formatAddress(server), server.host]);
  return code;
}

for (const host of [LOOPBACK, "localhost"]) {
  Deno.test(`dial() connects to ${host}`, async () => {
    using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    const { port } = listener.addr;
    using conn = await dial({ host, port }, patient);
    using accepted = await listener.accept();
    assertEquals(conn.remoteAddr, { transport: "tcp", hostname: LOOPBACK, port });
    assertEquals(accepted.remoteAddr, conn.localAddr);
  });
}

Deno.test("dial() tells that nobody listens", async () => {
  assertEquals(await failure(freeAddress()), "refused");
});

Deno.test("dial() tells that there is no such name", async () => {
  assertEquals(await failure({ host: UNKNOWN_NAME, port: 5_000 }), "name-unknown");
});

Deno.test(
  "isDnsFailure() knows how each system says it, and what else they say",
  { permissions: "none" },
  () => {
    const onLinux = new Error("failed to lookup address information: Name or service not known");
    const onWindows = Object.assign(new Error("Host not found. (os error 11001)"), { code: "ENOENT" });
    const noRoute = Object.assign(new Error("No route to host (os error 113)"), { code: "EHOSTUNREACH" });
    const hostDown = new Error("Host is down (os error 64)"); // on macOS; Deno has no code for it
    const noFile = new Deno.errors.NotFound("No such file or directory (os error 2)");
    assertEquals([onLinux, onWindows].map(isDnsFailure), [true, true]);
    assertEquals([noRoute, hostDown, noFile].map(isDnsFailure), [false, false, false]);
  },
);

Deno.test("dial() tells that an address cannot be reached", async () => {
  // No TCP goes to everybody at once.
  const code = await failure({ host: "255.255.255.255", port: 5_000 });
  assert(["network-away", "unreachable"].includes(code), code); // as the system has it
});

Deno.test("connectErrorCode() tells a machine without a network from a host that is not there", {
  permissions: "none",
}, () => {
  const codes = ["ENETUNREACH", "ENETDOWN", "EHOSTUNREACH", "ETIMEDOUT"];
  const errors = codes.map((code) => Object.assign(new Error(`Not to be read (os error 1)`), { code }));
  for (const host of ["10.0.0.7", "2001:db8::7"]) {
    assertEquals(errors.map((error) => connectErrorCode(error, { host, port: 5_000 })), [
      ...["network-away", "network-away"],
      ...["unreachable", "unreachable"],
    ]);
  }
  // A name has other addresses, of which the error does not tell.
  assertEquals(connectErrorCode(errors[0], { host: "aula.uni.es", port: 5_000 }), "unreachable");
});

Deno.test("dial() waits no longer than it is told for somebody to be there", async () => {
  const { connect } = Deno;
  Deno.connect = () => new Promise<never>(() => {}); // a machine that is gone
  try {
    const server = freeAddress();
    const options = { ...patient, dialTimeoutMs: 20 };
    const { code, details } = await assertRejects(
      () => withTimeout(dial(server, options), "a failure"),
      ConnectError,
    );
    assertEquals([code, details], ["no-answer", { server: formatAddress(server), seconds: 0.02 }]);
  } finally {
    Deno.connect = connect;
  }
});

Deno.test("dial() gives up when its signal says so, with the signal's reason", async () => {
  const reason = new Error("enough");
  const error = await assertRejects(() => dial(freeAddress(), { signal: AbortSignal.abort(reason) }), Error);
  assertStrictEquals(error, reason);
});
