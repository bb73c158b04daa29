// Dialling over TLS on real sockets: which certificates are accepted, and which error the others give. Fingerprints.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ConnectError, InputError, systemReason } from "../../lib/errors.ts";
import { checkTlsSupport, dialTls, fingerprint, type TlsRequirement, toPem } from "../../lib/net/tls.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import { caSignedPair, type CertificatePair, datedPair, selfSignedPair } from "../testing/certificates.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";

const own = await selfSignedPair();
const signed = await caSignedPair(LOOPBACK);

/** Types of messages in a handshake (RFC 8446, section 4). */
const [SERVER_HELLO, CERTIFICATE] = [2, 11];
/** What a record of a handshake begins with, if it is as long as it may be. */
const RECORD_HEADER = [22, 3, 3, 0x40, 0];

/** A listener that sends a byte to each client, over TLS with a certificate. */
class GreetingServer implements AsyncDisposable {
  readonly address: Address;
  /** Connections accepted. */
  count = 0;
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #serving: Promise<void>;

  constructor(
    pair?: CertificatePair,
    greet: (conn: Deno.Conn, count: number) => Promise<unknown> = sayHello,
  ) {
    const where = { hostname: LOOPBACK, port: 0 };
    this.#listener = pair ? Deno.listenTls({ ...where, cert: pair.cert, key: pair.key }) : Deno.listen(where);
    const { hostname, port } = this.#listener.addr;
    this.address = { host: hostname, port };
    this.#serving = this.#serve(greet);
  }

  async #serve(greet: (conn: Deno.Conn, count: number) => Promise<unknown>): Promise<void> {
    const greetings: Promise<void>[] = [];
    for (;;) {
      const conn = await this.#listener.accept().catch(() => undefined);
      if (!conn) break;
      greetings.push(this.#greet(conn, greet(conn, ++this.count)));
    }
    await Promise.all(greetings);
  }

  async #greet(conn: Deno.Conn, greeting: Promise<unknown>): Promise<void> {
    await greeting.catch(() => {});
    try {
      conn.close();
    } catch {
      // Closed already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await withTimeout(this.#serving, "the listener to end");
  }
}

/** Sends a byte, and waits for the client to end. */
async function sayHello(conn: Deno.Conn): Promise<void> {
  await conn.write(Uint8Array.of(7));
  while (await conn.read(new Uint8Array(1_000)) !== null);
}

/** Accepts any fingerprint, and records it. */
class TrustAll {
  readonly seen: string[] = [];
  readonly verify = (fingerprint: string) => void this.seen.push(fingerprint);
}

function dialIt(
  server: Address,
  tlsRequirement: TlsRequirement,
  signal = new AbortController().signal,
): Promise<Socket> {
  return withTimeout(dialTls(server, { signal, tlsRequirement }), "the handshake");
}

async function failure(server: Address, requirement: TlsRequirement): Promise<ConnectError> {
  return await assertRejects(() => dialIt(server, requirement), ConnectError);
}

async function hello(conn: Socket): Promise<number> {
  const bytes = new Uint8Array(1);
  await conn.read(bytes);
  return bytes[0]!;
}

Deno.test("dialTls() connects to a self-signed certificate that `verify` accepts", async () => {
  await using server = new GreetingServer(own);
  const requirement = new TrustAll();
  const conn = await dialIt(server.address, requirement);
  assertEquals(await hello(conn), 7);
  conn.close();
  assertEquals(requirement.seen, [fingerprint(own.cert)]);
});

Deno.test("dialTls() throws what `verify` throws, and has sent nothing", async () => {
  let heard = 0;
  await using server = new GreetingServer(own, async (conn) => {
    heard += await conn.read(new Uint8Array(1_000)) ?? 0;
  });
  const error = new ConnectError("certificate-unknown");
  const verify = () => {
    throw error;
  };
  assertEquals(await failure(server.address, { verify }), error);
  assertEquals(heard, 0);
});

Deno.test("dialTls() refuses a server that shows one certificate and has the key of another", async () => {
  // An attacker in the middle lets the first connection through to the true server, whose certificate is accepted.
  const other = await selfSignedPair();
  await using truth = new GreetingServer(own);
  await using impostor = new GreetingServer(other);
  await using middle = new GreetingServer(undefined, async (conn, count) => {
    const target = count === 1 ? truth : impostor;
    const next = await Deno.connect({ hostname: target.address.host, port: target.address.port });
    const ends = [conn.readable.pipeTo(next.writable), next.readable.pipeTo(conn.writable)];
    await Promise.allSettled(ends);
  });
  const requirement = new TrustAll();
  const { code } = await failure(middle.address, requirement);
  assertEquals([code, requirement.seen], ["certificate-refused", [fingerprint(own.cert)]]);
});

Deno.test("dialTls() with an authority accepts the certificate's address, and no other name", async () => {
  await using server = new GreetingServer(signed);
  const conn = await dialIt(server.address, { ca: signed.ca });
  assertEquals(await hello(conn), 7);
  conn.close();
  const error = await failure({ ...server.address, host: "localhost" }, { ca: signed.ca });
  assertEquals([error.code, systemReason(error)], ["certificate-refused", "certificate-other-name"]);
});

Deno.test("dialTls() with an authority refuses the certificate of another", async () => {
  await using server = new GreetingServer(signed);
  const { code } = await failure(server.address, { ca: (await caSignedPair(LOOPBACK)).ca });
  assertEquals(code, "certificate-refused");
});

Deno.test("dialTls() without an authority refuses a certificate that is not self-signed", async () => {
  await using server = new GreetingServer(signed);
  assertEquals((await failure(server.address, new TrustAll())).code, "certificate-unfit");
});

Deno.test("dialTls() without an authority connects to a self-signed authority", async () => {
  await using server = new GreetingServer({ cert: signed.ca, key: signed.caKey });
  const conn = await dialIt(server.address, new TrustAll());
  assertEquals(await hello(conn), 7);
  conn.close();
});

const YEAR_MS = 365 * 86_400_000;
const NOW_MS = Date.now();
for (
  const [code, from, to] of [
    ["certificate-expired", NOW_MS - 2 * YEAR_MS, NOW_MS - YEAR_MS],
    ["certificate-early", NOW_MS + YEAR_MS, NOW_MS + 2 * YEAR_MS],
  ] as const
) {
  Deno.test(`dialTls() tells ${code} with this machine's time, for self-signed certificates and others`, async () => {
    const { ca, ...pair } = await caSignedPair(LOOPBACK, { from, to });
    await using server = new GreetingServer(await datedPair(from, to));
    await using other = new GreetingServer(pair);
    for (const failing of [failure(server.address, new TrustAll()), failure(other.address, { ca })]) {
      const { code: told, details } = await failing;
      assertEquals([told, `${details.now}`.length], [code, "2026-11-22 13:45 UTC".length]);
    }
  });
}

const BAD_SERVERS: [code: string, what: string, answer: Uint8Array][] = [
  ["not-tls", "speaks another protocol", new TextEncoder().encode("SSH-2.0-OpenSSH\r\n")],
  ["not-a-chat-server", "hangs up", new Uint8Array()],
  // Alert: handshake_failure (RFC 8446, section 6).
  ["tls-failed", "refuses the handshake", Uint8Array.of(21, 3, 3, 0, 2, 2, 40)],
];

for (const [code, what, answer] of BAD_SERVERS) {
  Deno.test(`dialTls() fails with ${code} if the server ${what}`, async () => {
    await using server = new GreetingServer(undefined, async (conn) => {
      await conn.read(new Uint8Array(1_000));
      if (answer.length > 0) await conn.write(answer);
    });
    for (const requirement of [new TrustAll(), { ca: signed.ca }]) {
      assertEquals((await failure(server.address, requirement)).code, code);
    }
  });
}

Deno.test("dialTls() throws the signal's reason when the server does not answer", async () => {
  for (const requirement of [new TrustAll(), { ca: signed.ca }]) {
    const ending = new AbortController();
    const reason = new Error("enough");
    await using silent = new GreetingServer(undefined, async (conn) => {
      await conn.read(new Uint8Array(1_000));
      ending.abort(reason);
      while (await conn.read(new Uint8Array(1_000)) !== null);
    });
    const error = await assertRejects(() => dialIt(silent.address, requirement, ending.signal), Error);
    assertEquals(error, reason);
  }
});

Deno.test("dialTls() does not count the handshake as dialling", async () => {
  await using server = new GreetingServer(own);
  await using distant = new GreetingServer(undefined, async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    using there = await Deno.connect({ hostname: LOOPBACK, port: server.address.port });
    await Promise.all([
      conn.readable.pipeTo(there.writable, { preventClose: true }),
      there.readable.pipeTo(conn.writable, { preventClose: true }),
    ]);
  });
  const { signal } = new AbortController();
  const dialling = dialTls(distant.address, { signal, dialTimeoutMs: 200, tlsRequirement: new TrustAll() });
  const conn = await withTimeout(dialling, "the handshake");
  conn.close();
});

Deno.test("dialTls() fails with no-welcome if a handshake takes longer than `answerTimeoutMs`", async () => {
  await using frozen = new GreetingServer(undefined, async (conn) => {
    while (await conn.read(new Uint8Array(1_000)) !== null) { /* and says nothing */ }
  });
  const { signal } = new AbortController();
  const options = { signal, answerTimeoutMs: 20, tlsRequirement: new TrustAll() };
  const dialling = withTimeout(dialTls(frozen.address, options), "the end of the dial");
  assertEquals((await assertRejects(() => dialling, ConnectError)).code, "no-welcome");
});

Deno.test("dialTls() gives up a handshake of 16 MiB, such as that of a huge certificate", async () => {
  for (const type of [SERVER_HELLO, CERTIFICATE]) {
    let sent = 0;
    await using endless = new GreetingServer(undefined, async (conn) => {
      await conn.read(new Uint8Array(1_000));
      const record = new Uint8Array(RECORD_HEADER.length + 0x4000);
      record.set([...RECORD_HEADER, type, 0xff, 0xff, 0xff]);
      for (sent = 0; sent < 0x1_000000; record.fill(0, RECORD_HEADER.length)) {
        sent += await conn.write(record);
      }
    });
    const { code } = await failure(endless.address, { ca: signed.ca });
    assert(["not-tls", "tls-failed"].includes(code), code);
    assert(sent < 0x1_000000, `${sent}`);
  }
});

/** SHA-256 of "abc" (FIPS 180-4), in base64. */
const ABC = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const der = new TextEncoder().encode("abc");

Deno.test("fingerprint() is SHA-256 of the first certificate in a text", () => {
  assertEquals(fingerprint(toPem(der)), ABC);
  const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  assertEquals(fingerprint(`${key}\r\n${toPem(der)}${toPem(new Uint8Array(300))}`), ABC);
  assertThrows(() => fingerprint(key), RangeError);
});

Deno.test("toPem() breaks lines after 64 characters", () => {
  const lines = toPem(new Uint8Array(50)).split("\n");
  assertEquals(lines.map(({ length }) => length), [27, 64, 4, 25, 0]);
});

Deno.test("checkTlsSupport() accepts Deno 2.8 and later", () => {
  const runtimes = ["1.46.3", "2.6.10", "2.7.14", "2.8.0", "2.10.1", "3.0.0"].map((it) => `Deno ${it}, here`);
  for (const runtime of runtimes.slice(3)) checkTlsSupport(runtime);
  for (const runtime of runtimes.slice(0, 3)) {
    const { code, details } = assertThrows(() => checkTlsSupport(runtime), InputError);
    assertEquals<unknown>([code, details], ["tls-lacking", { runtime }]);
  }
});
