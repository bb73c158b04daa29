// TLS on real sockets: which certificates are accepted, and which error the others give.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ConnectError } from "../../lib/errors.ts";
import { dialTls, fingerprint, type TlsRequirement } from "../../lib/net/tls.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import { caSignedPair, type CertificatePair, selfSignedPair } from "../testing/certificates.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";

const own = await selfSignedPair();
const vouched = await caSignedPair(LOOPBACK);

/** Types of messages in a handshake (RFC 8446, section 4). */
const [SERVER_HELLO, CERTIFICATE] = [2, 11];
/** What a record of a handshake begins with, if it is as long as it may be. */
const RECORD_HEADER = [22, 3, 3, 0x40, 0];

/** A listener that says a byte to everyone who gets through, and forgets them. */
class Greeter implements AsyncDisposable {
  readonly address: Address;
  /** Connections that came. */
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
      // Closed by what was done with it.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await withTimeout(this.#serving, "the listener to end");
  }
}

/** Says a byte, and waits for the other side to end. */
async function sayHello(conn: Deno.Conn): Promise<void> {
  await conn.write(Uint8Array.of(7));
  while (await conn.read(new Uint8Array(1_000)) !== null);
}

/** Trusts whatever is shown, and notes it. */
class Credulous {
  readonly seen: string[] = [];
  readonly verify = (fingerprint: string) => void this.seen.push(fingerprint);
}

function dialIt(
  server: Address,
  tlsRequirement: TlsRequirement,
  signal = new AbortController().signal,
): Promise<Socket> {
  return withTimeout(dialTls(server, { signal, tlsRequirement }), "TLS to be spoken");
}

async function failure(server: Address, proof: TlsRequirement): Promise<ConnectError> {
  return await assertRejects(() => dialIt(server, proof), ConnectError);
}

async function hello(conn: Socket): Promise<number> {
  const bytes = new Uint8Array(1);
  await conn.read(bytes);
  return bytes[0]!;
}

Deno.test("A certificate that is judged well is spoken to", async () => {
  await using server = new Greeter(own);
  const proof = new Credulous();
  const conn = await dialIt(server.address, proof);
  assertEquals(await hello(conn), 7);
  conn.close();
  assertEquals(proof.seen, [fingerprint(own.cert)]);
});

Deno.test("What the judge throws is thrown, and nothing was said to the server", async () => {
  let heard = 0;
  await using server = new Greeter(own, async (conn) => {
    heard += await conn.read(new Uint8Array(1_000)) ?? 0;
  });
  const error = new ConnectError("certificate-unknown");
  const verify = () => {
    throw error;
  };
  assertEquals(await failure(server.address, { verify }), error);
  assertEquals(heard, 0);
});

Deno.test("A server that shows one certificate and then has another does not get through", async () => {
  // The first connection is let through to the true server, as somebody in the middle would to be judged well.
  const other = await selfSignedPair();
  await using truth = new Greeter(own);
  await using impostor = new Greeter(other);
  await using middle = new Greeter(undefined, async (conn, count) => {
    const target = count === 1 ? truth : impostor;
    const next = await Deno.connect({ hostname: target.address.host, port: target.address.port });
    const ends = [conn.readable.pipeTo(next.writable), next.readable.pipeTo(conn.writable)];
    await Promise.allSettled(ends);
  });
  const proof = new Credulous();
  const { code } = await failure(middle.address, proof);
  assertEquals([code, proof.seen], ["certificate-refused", [fingerprint(own.cert)]]);
});

Deno.test("An authority vouches for an address, and for no other name", async () => {
  await using server = new Greeter(vouched);
  const conn = await dialIt(server.address, { ca: vouched.ca });
  assertEquals(await hello(conn), 7);
  conn.close();
  const { code, details } = await failure({ ...server.address, host: "localhost" }, { ca: vouched.ca });
  assertEquals(code, "certificate-refused");
  assert(`${details.reason}`.includes("localhost"));
});

Deno.test("Another authority's word counts for nothing", async () => {
  await using server = new Greeter(vouched);
  const { code } = await failure(server.address, { ca: (await caSignedPair(LOOPBACK)).ca });
  assertEquals(code, "certificate-refused");
});

Deno.test("A certificate that an authority signs cannot be remembered", async () => {
  await using server = new Greeter(vouched);
  assertEquals((await failure(server.address, new Credulous())).code, "certificate-unfit");
});

Deno.test("A certificate that signs itself can be remembered, also if it could sign others", async () => {
  await using server = new Greeter({ cert: vouched.ca, key: vouched.caKey });
  const conn = await dialIt(server.address, new Credulous());
  assertEquals(await hello(conn), 7);
  conn.close();
});

Deno.test("A certificate that has ended is refused, however well it is known", async () => {
  await using server = new Greeter(await selfSignedPair(Date.parse("2001-01-01")));
  assertEquals((await failure(server.address, new Credulous())).code, "certificate-expired");
});

Deno.test("A server that does not speak TLS is told from one that speaks it badly", async () => {
  await using plain = new Greeter(undefined, async (conn) => {
    await conn.read(new Uint8Array(1_000));
    await conn.write(new TextEncoder().encode("SSH-2.0-somebody\r\n"));
  });
  for (const proof of [new Credulous(), { ca: vouched.ca }]) {
    assertEquals((await failure(plain.address, proof)).code, "not-tls");
  }
  await using mute = new Greeter(undefined, async (conn) => void await conn.read(new Uint8Array(1_000)));
  for (const proof of [new Credulous(), { ca: vouched.ca }]) {
    assertEquals((await failure(mute.address, proof)).code, "not-a-chat-server");
  }
  await using wrong = new Greeter(undefined, async (conn) => {
    await conn.read(new Uint8Array(1_000));
    await conn.write(Uint8Array.of(21, 3, 3, 0, 2, 2, 40)); // alert: handshake_failure (RFC 8446, section 6)
  });
  for (const proof of [new Credulous(), { ca: vouched.ca }]) {
    assertEquals((await failure(wrong.address, proof)).code, "tls-failed");
  }
});

Deno.test("Where nobody listens, that is the error", async () => {
  const { code } = await failure(freeAddress(), new Credulous());
  assertEquals(code, "refused");
});

Deno.test("Whoever does not answer is given up with the signal's reason", async () => {
  for (const proof of [new Credulous(), { ca: vouched.ca }]) {
    const ending = new AbortController();
    const reason = new Error("enough");
    await using silent = new Greeter(undefined, async (conn) => {
      await conn.read(new Uint8Array(1_000));
      ending.abort(reason);
      while (await conn.read(new Uint8Array(1_000)) !== null);
    });
    const error = await assertRejects(() => dialIt(silent.address, proof, ending.signal), Error);
    assertEquals(error, reason);
  }
});

Deno.test("A server that is there has its time for TLS, however soon it had to be there", async () => {
  await using server = new Greeter(own);
  await using distant = new Greeter(undefined, async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    using there = await Deno.connect({ hostname: LOOPBACK, port: server.address.port });
    await Promise.all([
      conn.readable.pipeTo(there.writable, { preventClose: true }),
      there.readable.pipeTo(conn.writable, { preventClose: true }),
    ]);
  });
  const { signal } = new AbortController();
  const dialling = dialTls(distant.address, { signal, dialTimeoutMs: 200, tlsRequirement: new Credulous() });
  const conn = await withTimeout(dialling, "TLS to be spoken");
  conn.close();
});

Deno.test("When the other side ends, that is the end of what can be read, and no error", async () => {
  await using server = new Greeter(own, async (conn) => {
    await conn.write(Uint8Array.of(7));
    await conn.closeWrite();
    while (await conn.read(new Uint8Array(1_000)) !== null);
  });
  const conn = await dialIt(server.address, new Credulous());
  const bytes = new Uint8Array(100);
  assertEquals([await conn.read(bytes), bytes[0]], [1, 7]);
  assertEquals(await withTimeout(conn.read(bytes), "the end"), null);
  await conn.closeWrite();
  conn.close();
});

Deno.test("A handshake of 16 MiB, as that of a huge certificate, is not listened to", async () => {
  for (const type of [SERVER_HELLO, CERTIFICATE]) {
    let sent = 0;
    await using endless = new Greeter(undefined, async (conn) => {
      await conn.read(new Uint8Array(1_000));
      const record = new Uint8Array(RECORD_HEADER.length + 0x4000);
      record.set([...RECORD_HEADER, type, 0xff, 0xff, 0xff]);
      for (sent = 0; sent < 0x1_000000; record.fill(0, RECORD_HEADER.length)) {
        sent += await conn.write(record);
      }
    });
    const { code } = await failure(endless.address, { ca: vouched.ca });
    assert(["not-tls", "tls-failed"].includes(code), code);
    assert(sent < 0x1_000000, `${sent}`);
  }
});
