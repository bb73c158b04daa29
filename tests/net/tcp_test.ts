// Dialling by address and by name, listening and accepting, and why they fail.

import dns from "node:dns/promises";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectError, ListenError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import {
  acceptConnections,
  connectError,
  connectErrorCode,
  dial,
  isDnsFailure,
  listen,
  listenError,
  listenErrorCode,
  timedOut,
} from "../../lib/net/tcp.ts";
import { addressOf, freeAddress, LOOPBACK, UNKNOWN_NAME } from "../testing/addresses.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

const loopback = { permissions: { net: [LOOPBACK] } };

const patient = { signal: new AbortController().signal };
/** More than Deno lets wait by default. */
const MANY = 600;

/** The code of a failed dial, once its details are checked. */
async function failure(server: Address): Promise<string> {
  const { code, details } = await assertRejects(
    () => withTimeout(dial(server, patient), "a failure"),
    ConnectError,
  );
  assertEquals([details.server, details.host], [formatAddress(server), server.host]);
  return code;
}

Deno.test("connectError() and listenError() ask for the interface of a link-local address", pure, () => {
  const invalid = Object.assign(new TypeError("Invalid argument (os error 22)"), { code: "EINVAL" });
  const unknown = new Error("failed to lookup address information: Name or service not known");
  for (const [host, cause] of [["fe80::1", invalid], ["fe80::1%nope", unknown]] as const) {
    const error = connectError(cause, { host, port: 5_000 });
    const why = "add an interface of this machine to the address, such as fe80::1%eth0";
    const text = `Cannot reach [${host}]:5000: check the address and the network (${why}).`;
    assertEquals([error.code, errorText(error, "en")], ["unreachable", text]);
  }
  assertEquals(
    errorText(listenError(invalid, { host: "fe80::1", port: 5_000 }), "es"),
    "No se puede escuchar en fe80::1, puerto 5000: " +
      "añada una interfaz de este equipo a la dirección, por ejemplo fe80::1%eth0. Elija otra dirección o puerto.",
  );
  const zoned = listenError(invalid, { host: "fe80::1%eth0", port: 5_000 });
  assertEquals(zoned.details.systemReason, "address-unfit");
});

/** Has `Deno.connect()` do what this says of a host. */
function fakeConnect(
  connectTo: (host: string | undefined, options: Deno.ConnectOptions) => Promise<Deno.TcpConn>,
): Disposable {
  const { connect } = Deno;
  Deno.connect = ((options: Deno.ConnectOptions) => connectTo(options.hostname, options)) as never;
  return { [Symbol.dispose]: () => void (Deno.connect = connect) };
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

Deno.test("dial() fails with refused where no server listens", async () => {
  assertEquals(await failure(freeAddress()), "refused");
});

Deno.test("dial() keeps the interface of a link-local address, which no socket reports", async () => {
  using _ = fakeConnect((host) => {
    const isWhole = host === "fe80::1%eth0";
    return Promise.reject(isWhole ? new Deno.errors.ConnectionRefused() : new TypeError("os error 22"));
  });
  const dialling = dial({ host: "fe80::1%eth0", port: 5_000 }, { ...patient, ip: "fe80::1" });
  assertEquals((await assertRejects(() => dialling, ConnectError)).code, "refused");
});

Deno.test("dial() fails with name-unknown", async () => {
  assertEquals(await failure({ host: UNKNOWN_NAME, port: 5_000 }), "name-unknown");
});

Deno.test("dial() fails with unreachable or network-away, as the system has it", async () => {
  const code = await failure({ host: "255.255.255.255", port: 5_000 }); // no TCP goes to all machines at once
  assert(["network-away", "unreachable"].includes(code), code);
});

Deno.test("dial() fails with no-answer after `dialTimeoutMs`, and closes a connection that comes late", async () => {
  const connecting = Promise.withResolvers<never>();
  using _ = fakeConnect(() => connecting.promise); // a machine that is gone
  const server = freeAddress();
  const dialling = dial(server, { ...patient, dialTimeoutMs: 20 });
  const { code, details } = await assertRejects(() => withTimeout(dialling, "a failure"), ConnectError);
  assertEquals([code, details], ["no-answer", {
    host: LOOPBACK,
    server: formatAddress(server),
    seconds: 0.02,
  }]);
  const closed = Promise.withResolvers<void>();
  connecting.resolve({ close: closed.resolve } as never);
  await withTimeout(closed.promise, "the late connection to be closed");
});

Deno.test("dial() closes a connection that is there just when the dial is given up", async () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { connect } = Deno;
  const ending = new AbortController();
  using _ = fakeConnect(async (_, { signal, ...options }) => {
    const conn = await connect(options);
    ending.abort(new Error("given up"));
    signal!.throwIfAborted(); // as Deno 2.9 does
    return conn;
  });
  await assertRejects(() => dial(addressOf(listener), ending), Error, "given up");
  using peer = await listener.accept();
  assertEquals(await withTimeout(peer.read(new Uint8Array(1)), "the connection to be closed"), null);
});

const IP = "192.0.2.7";
const NAMED = { host: UNKNOWN_NAME, port: 5_000 };
const KNOWN = { ...patient, ip: IP, dialTimeoutMs: 60_000 };

Deno.test("dial() takes the IP address where the server was last, or its name: what connects first", async () => {
  const conn = {} as Deno.TcpConn;
  for (const place of [IP, UNKNOWN_NAME]) {
    using _ = fakeConnect((host) => host === place ? Promise.resolve(conn) : new Promise(() => {}));
    assertStrictEquals(await dial(NAMED, KNOWN), conn);
  }
});

Deno.test("dial() takes a refusal by the known IP address for an answer, and none by the name", async () => {
  const conn = {} as Deno.TcpConn;
  const refusal = new Deno.errors.ConnectionRefused();
  {
    using _ = fakeConnect((host) => host === IP ? Promise.reject(refusal) : new Promise(() => {}));
    const { code, details } = await assertRejects(() => dial(NAMED, KNOWN), ConnectError);
    assertEquals([code, details.server], ["refused", formatAddress(NAMED)]);
  }
  const late = Promise.withResolvers<Deno.TcpConn>();
  using _ = fakeConnect((host) => host === IP ? late.promise : Promise.reject(refusal));
  const dialling = dial(NAMED, KNOWN);
  await flushTasks();
  late.resolve(conn);
  assertStrictEquals(await dialling, conn);
});

Deno.test("dial() takes the connection by name if the known IP address refuses: the server has moved", async () => {
  const conn = {} as Deno.TcpConn;
  for (const { dialTimeoutMs, ...known } of [KNOWN, { ...KNOWN, dialTimeoutMs: undefined }]) {
    const late = Promise.withResolvers<Deno.TcpConn>();
    using _ = fakeConnect((host) =>
      host === IP ? Promise.reject(new Deno.errors.ConnectionRefused()) : late.promise
    );
    const dialling = dial(NAMED, { ...known, ...(dialTimeoutMs && { dialTimeoutMs }) });
    await flushTasks();
    late.resolve(conn);
    assertStrictEquals(await dialling, conn);
  }
});

Deno.test("dial() begins `dialTimeoutMs` of a name when it is found", async () => {
  using _ = fakeConnect(() => new Promise(() => {}));
  const { lookup } = dns;
  const found = Promise.withResolvers<never>();
  dns.lookup = (() => found.promise) as never;
  try {
    const dialling = dial(NAMED, { ...patient, dialTimeoutMs: 0 });
    const first = Promise.race([dialling.catch(() => "late"), flushTasks(20).then(() => "waiting")]);
    assertEquals(await first, "waiting");
    found.reject(new Error("not found"));
    assertEquals((await assertRejects(() => dialling, ConnectError)).code, "no-answer");
  } finally {
    dns.lookup = lookup;
  }
});

Deno.test("dial() fails with name-late if the time runs out before the name is found", async () => {
  using _ = fakeConnect(() => new Promise(() => {}));
  const { lookup } = dns;
  const server = { host: "late.invalid", port: 5_000 };
  for (const [code, isFound] of [["name-late", false], ["no-answer", true]] as const) {
    const checked = Promise.withResolvers<void>();
    dns.lookup = ((host: string) => {
      if (host === server.host) checked.resolve();
      return isFound ? Promise.resolve() : new Promise(() => {});
    }) as never;
    try {
      const ending = new AbortController();
      const dialling = dial(server, ending).catch((error) => error);
      await checked.promise;
      await flushTasks();
      ending.abort(timedOut(server, 5_000));
      const error = await dialling;
      assertEquals([error.code, error.details.host, error.details.seconds], [code, server.host, 5]);
    } finally {
      dns.lookup = lookup;
    }
  }
});

Deno.test("dial() throws the reason of its signal", async () => {
  const reason = new Error("enough");
  const error = await assertRejects(() => dial(freeAddress(), { signal: AbortSignal.abort(reason) }), Error);
  assertStrictEquals(error, reason);
});

function systemError(code: string): Error {
  return Object.assign(new Error("Not to be read (os error 1)"), { code });
}

const onLinux = new Error("failed to lookup address information: Name or service not known");
const onWindows = Object.assign(new Error("Host not found. (os error 11001)"), { code: "ENOENT" });
const hostDown = new Error("Host is down (os error 64)"); // on macOS; Deno has no code for it
const noFile = new Deno.errors.NotFound("No such file or directory (os error 2)");

Deno.test("isDnsFailure() knows the error of each system, and no other error", pure, () => {
  assertEquals([onLinux, onWindows].map(isDnsFailure), [true, true]);
  assertEquals([systemError("EHOSTUNREACH"), hostDown, noFile].map(isDnsFailure), [false, false, false]);
});

const CONNECT_ERRORS: [host: string, cause: Error, code: string][] = [
  ["10.0.0.7", systemError("ENETUNREACH"), "network-away"],
  ["2001:db8::7", systemError("ENETDOWN"), "network-away"],
  ["10.0.0.7", systemError("EHOSTUNREACH"), "unreachable"],
  ["2001:db8::7", systemError("ETIMEDOUT"), "unreachable"],
  ["aula.uni.es", systemError("ENETUNREACH"), "unreachable"], // the name may have other addresses
  ["aula.uni.es", onLinux, "name-unknown"],
  ["10.0.0.7", new Deno.errors.ConnectionRefused(), "refused"],
];

Deno.test("connectErrorCode() tells a machine without a network from a host that is not there", pure, () => {
  for (const [host, cause, code] of CONNECT_ERRORS) {
    assertEquals(connectErrorCode(cause, { host, port: 5_000 }), code, `${host}: ${cause}`);
  }
});

const LISTEN_ERRORS: [cause: Error, port: number, code: string][] = [
  [new Deno.errors.AddrInUse(), 5_000, "port-in-use"],
  [new Deno.errors.PermissionDenied(), 1_023, "port-privileged"],
  [new Deno.errors.PermissionDenied(), 1_024, "listen-failed"],
  [new Deno.errors.AddrNotAvailable(), 5_000, "address-not-local"],
  [onLinux, 5_000, "address-not-local"],
  [hostDown, 5_000, "listen-failed"],
];

Deno.test("listen() says of what cannot be a name that this machine has no such address", () => {
  const error = assertThrows(() => listen({ host: "*", port: 5_000 }), ListenError);
  assertEquals(error.code, "address-not-local");
});

Deno.test("listenErrorCode() tells a used port, a privileged one and a foreign address apart", pure, () => {
  for (const [cause, port, code] of LISTEN_ERRORS) {
    assertEquals(listenErrorCode(cause, port), code, `${cause}`);
  }
});

Deno.test("listen() fails with port-in-use", loopback, () => {
  using taken = listen({ host: LOOPBACK, port: 0 });
  const { port } = taken.addr;
  const { code, details } = assertThrows(() => listen({ host: LOOPBACK, port }), ListenError);
  assertEquals([code, details.host, details.port], ["port-in-use", LOOPBACK, port]);
});

Deno.test({
  name: "listen() lets a whole room wait to be accepted",
  // Other systems hold fewer than this, whatever backlog they are asked for.
  ignore: Deno.build.os !== "linux",
  ...loopback,
  fn: async () => {
    using listener = listen({ host: LOOPBACK, port: 0 });
    const { port } = listener.addr;
    const dialling = Array.from({ length: MANY }, () => Deno.connect({ hostname: LOOPBACK, port }));
    const conns = await withTimeout(Promise.all(dialling), "all connections");
    for (const conn of conns) conn.close();
    assertEquals(conns.length, MANY);
  },
});

Deno.test("acceptConnections() takes no more than `rate`, and loses no connection", async () => {
  using listener = listen({ host: LOOPBACK, port: 0 });
  const { host: hostname, port } = addressOf(listener);
  const clients = await Promise.all(Array.from({ length: 12 }, () => Deno.connect({ hostname, port })));
  const beganMs = performance.now();
  let count = 0;
  const rate = { burst: 4, perSecond: 40 };
  for await (const conn of acceptConnections(listener, { onError: () => {}, rate })) {
    conn.close();
    if (++count === clients.length) break;
  }
  for (const client of clients) client.close();
  // Eight beyond the burst, less what rounding may give.
  assert(performance.now() - beganMs >= 150);
});

Deno.test("acceptConnections() ends with the listener, also while it waits for the rate", async () => {
  const listener = listen({ host: LOOPBACK, port: 0 });
  const { host: hostname, port } = addressOf(listener);
  using _one = await Deno.connect({ hostname, port });
  using _two = await Deno.connect({ hostname, port });
  const rate = { burst: 1, perSecond: 20 };
  const connections = acceptConnections(listener, { onError: () => {}, rate });
  (await connections.next()).value!.close();
  const next = connections.next();
  listener.close();
  assertEquals((await next).done, true);
});

/** Accepts what a script says: one connection, or an error. */
async function acceptScript(script: readonly (Error | "connection")[]) {
  const reported: unknown[] = [];
  let calls = 0;
  const accept = () => {
    const step = script[calls++] ?? new Deno.errors.BadResource("closed");
    return step === "connection" ? Promise.resolve({} as Deno.TcpConn) : Promise.reject(step);
  };
  const beganMs = performance.now();
  let accepted = 0;
  const onError = ({ code, cause }: ListenError) => reported.push([code, cause]);
  for await (const _ of acceptConnections({ accept }, { rate: { burst: 99, perSecond: 99 }, onError })) {
    accepted++;
  }
  return { reported, accepted, calls, ms: performance.now() - beganMs };
}

Deno.test("acceptConnections() pauses after each failure, and reports a series of failures once", async () => {
  const noFiles = new Error("Too many open files (os error 24)");
  const again = new Error("Too many open files again (os error 24)");
  const { reported, accepted, calls, ms } = await acceptScript([
    ...["connection", noFiles, noFiles, noFiles, "connection", again, "connection"] as const,
  ]);
  assertEquals([accepted, calls], [3, 8]);
  assertEquals(reported, [["accept-failed", noFiles], ["accept-failed", again]]);
  assert(ms >= 4 * 50 - 5, `${ms} ms`); // a timer may be early by a fraction of a millisecond
});

Deno.test("acceptConnections() does not report clients that hung up before the accept", async () => {
  const { reported, accepted } = await acceptScript([
    ...[new Deno.errors.NotConnected(), new Deno.errors.ConnectionAborted(), "connection"] as const,
  ]);
  assertEquals([reported, accepted], [[], 1]);
});
