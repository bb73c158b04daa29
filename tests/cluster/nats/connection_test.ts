// Connecting to NATS: how long a NATS that starts is waited for, and what every failure is called.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectNats,
  NATS_TIMEOUTS,
  NatsModuleError,
  startWait,
  tlsIdentityCheck,
  toNatsError,
} from "../../../lib/cluster/nats/connection.ts";
import { LOOPBACK } from "../../testing/addresses.ts";
import { apiError } from "../../testing/fake_jetstream.ts";
import { type FakeAnswer, FakeNats } from "../../testing/fake_nats.ts";
import { waitFor } from "../../testing/waiting.ts";

const READY = { type: "io.nats.jetstream.api.v1.account_info_response", streams: 0 };
/** Long enough for a busy machine: no test waits that long. */
const PATIENT = {
  connectMs: 60_000,
  requestMs: 60_000,
  startupMs: 60_000,
  noJetStreamMs: 60_000,
  retryMs: 1,
};

/** The error of connecting to an address. */
async function connectError(address: string, timeouts = PATIENT): Promise<NatsModuleError> {
  const connecting = connectNats({ servers: [address], isTls: false }, startWait(undefined, timeouts));
  const error = await connecting.then(({ nc }) => nc.close(), (error) => error);
  assert(error instanceof Error && error.name === "NatsModuleError", Deno.inspect(error));
  return error as NatsModuleError;
}

const STARTING: readonly [state: string, answer: FakeAnswer][] = [
  ["does not subscribe to JetStream's subjects yet", "no-responders"],
  ["says that JetStream is not enabled", apiError(10_076)],
  ["says that JetStream is not enabled for the account", apiError(10_039)],
  ["has no leader", apiError(10_008)],
  ["does not answer", undefined],
];

for (const [state, answer] of STARTING) {
  const timeouts = { ...PATIENT, requestMs: answer ? PATIENT.requestMs : 20 };

  Deno.test(`connectNats() waits for a NATS that ${state}`, async () => {
    using nats = new FakeNats();
    nats.answer = () => nats.subjects.length > 2 ? READY : answer;
    const config = { servers: [nats.address], isTls: false };
    const { nc } = await connectNats(config, startWait(undefined, timeouts));
    assert(nats.subjects.length >= 3);
    await nc.close();
  });

  Deno.test(`connectNats() gives up on a NATS that ${state}, after startupMs`, async () => {
    using nats = new FakeNats({ answer: () => answer });
    const startMs = performance.now();
    const { code } = await connectError(nats.address, { ...timeouts, startupMs: 50 });
    assertEquals(code, /has no leader|not answer/.test(state) ? "nats-unreachable" : "nats-no-jetstream");
    assert(performance.now() - startMs >= 50);
  });
}

Deno.test("connectNats() waits noJetStreamMs for a NATS whose configuration has no JetStream", async () => {
  using nats = new FakeNats({ info: { jetstream: false }, answer: () => "no-responders" });
  const startMs = performance.now();
  const { code } = await connectError(nats.address, { ...PATIENT, noJetStreamMs: 50 });
  assertEquals(code, "nats-no-jetstream");
  assert(performance.now() - startMs >= 50);
});

Deno.test("NATS_TIMEOUTS: 5 s for a connection, 30 s for a NATS that starts", () => {
  assertEquals(NATS_TIMEOUTS, {
    connectMs: 5_000,
    requestMs: 5_000,
    startupMs: 30_000,
    noJetStreamMs: 5_000,
    retryMs: 250,
  });
});

Deno.test("connectNats() fails at once where nothing listens", async () => {
  const nats = new FakeNats();
  nats[Symbol.dispose]();
  const { code, details } = await connectError(nats.address);
  assertEquals([code, details.servers], ["nats-unreachable", nats.address]);
});

/** An address where another program sends each client a text, or hangs up. */
function otherProgram(text: string | undefined): Disposable & { address: string } {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const sockets: Deno.TcpConn[] = [];
  void (async () => {
    for await (const socket of listener) {
      if (text === undefined) socket.close();
      else {
        sockets.push(socket);
        await socket.write(new TextEncoder().encode(text));
      }
    }
  })();
  return {
    address: `${LOOPBACK}:${listener.addr.port}`,
    [Symbol.dispose]: () => [listener, ...sockets].forEach((resource) => resource.close()),
  };
}

for (
  const [what, text] of [["sends something else than INFO", "SSH-2.0-x\r\n"], [
    "hangs up",
    undefined,
  ]] as const
) {
  Deno.test(`connectNats() fails at once where a program ${what}`, async () => {
    using other = otherProgram(text);
    const { code, details } = await connectError(other.address);
    assertEquals([code, details.systemReason], ["nats-unreachable", "not-nats"]);
  });
}

Deno.test("connectNats() fails after connectMs where a program says nothing", async () => {
  using silent = otherProgram("");
  const { code, cause } = await connectError(silent.address, { ...PATIENT, connectMs: 100 });
  assertEquals([code, (cause as Error).name], ["nats-unreachable", "TimeoutError"]);
});

Deno.test("connectNats() ends its wait when the signal is aborted", async () => {
  using nats = new FakeNats({ answer: () => "no-responders" });
  const ending = new AbortController();
  const connecting = connectNats(
    { servers: [nats.address], isTls: false },
    startWait(ending.signal, PATIENT),
  );
  await waitFor(() => nats.subjects.length > 0);
  ending.abort();
  assertEquals((await assertRejects(() => connecting, Error)).name, "AbortError");
});

const LOGINS = [
  { credentials: { type: "token", token: "t" }, expected: { auth_token: "t" } },
  { credentials: { type: "user", user: "ana", password: "p" }, expected: { user: "ana", pass: "p" } },
  { expected: {} },
] as const;

for (const { expected, ...login } of LOGINS) {
  Deno.test(`connectNats() logs in with ${Object.keys(expected).join(" and ") || "nothing"}`, async () => {
    using nats = new FakeNats();
    nats.answer = () => READY;
    const { nc } = await connectNats({ servers: [nats.address], isTls: false, ...login });
    const { auth_token, user, pass, name } = nats.client;
    assertEquals(JSON.parse(JSON.stringify({ auth_token, user, pass })), expected);
    assertEquals(name, "chat-server");
    await nc.close();
  });
}

Deno.test("connectNats() gives a link that reconnects, however long NATS is away or refuses the login", async () => {
  using nats = new FakeNats();
  nats.answer = () => READY;
  const config = { servers: [nats.address], isTls: false };
  const link = await connectNats(config, startWait(undefined, PATIENT));
  nats.isDown = true;
  nats.disconnect();
  await waitFor(() => nats.connections > 30);
  assertEquals(link.maxBytes, 1_048_576);
  nats.info = { ...nats.info, max_payload: 2_000 };
  nats.refusal = "Authorization Violation";
  nats.isDown = false;
  const { connections } = nats;
  await waitFor(() => nats.connections > connections + 10);
  nats.refusal = undefined;
  let isConnected = false;
  const tryFlush = () => link.nc.flush().then(() => isConnected = true, () => {});
  await waitFor(() => (void tryFlush(), isConnected));
  assertEquals(link.maxBytes, 2_000);
  await link.nc.close();
});

const UNHANDLED = [
  { code: "ECONNRESET", syscall: "read", isPrevented: true },
  { code: "ECONNRESET", syscall: "write", isPrevented: false },
  { code: "EIO", syscall: "read", isPrevented: false },
  { isPrevented: false },
];

for (const { isPrevented, ...codes } of UNHANDLED) {
  const what = "code" in codes ? `${codes.code} of ${codes.syscall}` : "without a code";
  Deno.test(`connection.ts ${isPrevented ? "survives" : "does not hide"} an unhandled error ${what}`, () => {
    const error = Object.assign(new Error("unhandled"), codes);
    const event = new ErrorEvent("error", { error, cancelable: true });
    globalThis.dispatchEvent(event);
    assertEquals(event.defaultPrevented, isPrevented);
  });
}

Deno.test("tlsIdentityCheck() takes a certificate for the address, or for a server of --nats", () => {
  const check = tlsIdentityCheck(["nats.example:4222"]);
  const certificateFor = (name: string) => ({ subject: { CN: "x" }, subjectaltname: name }) as never;
  assertEquals(check("10.0.0.7", certificateFor("DNS:nats.example")), undefined);
  assertEquals(check("10.0.0.7", certificateFor("IP Address:10.0.0.7")), undefined);
  assert(check("10.0.0.7", certificateFor("DNS:other.example")) instanceof Error);
});

const named = (name: string, message: string) => Object.assign(new Error(message), { name });
const CODES = [
  [named("PermissionViolationError", "Permissions Violation for Publish to x"), "nats-forbidden"],
  [named("AuthorizationError", "Authorization Violation"), "nats-refused"],
  [named("UserAuthenticationExpiredError", "User Authentication Expired"), "nats-refused"],
  [named("InvalidCredentialsError", "no"), "nats-refused"],
  [named("Error", "self-signed certificate"), "nats-tls"],
  [named("InvalidArgumentError", "server does not support 'tls'"), "nats-tls"],
  [Object.assign(new Error("no"), { code: 10_047 }), "nats-full"],
  [Object.assign(new Error("no"), { code: 10_065 }), "nats-overlap"],
  [Object.assign(new Error("no"), { code: 10_039 }), "nats-no-jetstream"],
  [named("ConnectionError", "connection refused"), "nats-unreachable"],
  ["thrown text", "nats-unreachable"],
] as const;

for (const [error, code] of CODES) {
  Deno.test(`toNatsError() calls "${error instanceof Error ? error.message : error}" ${code}`, () => {
    const { details, ...found } = toNatsError(error, { servers: ["a:1", "b:2"] });
    assertEquals([found.code, details.servers], [code, "a:1, b:2"]);
    assertEquals(details.systemReason, /does not support/.test(`${error}`) ? "no-tls" : undefined);
  });
}

Deno.test("toNatsError() keeps an error that has a code", () => {
  const error = new NatsModuleError("nats-full", {});
  assertEquals(toNatsError(error, { servers: [] }), error);
});
