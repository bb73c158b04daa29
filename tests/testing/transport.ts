// The transport of hostile peers and their victims: plain TCP, or TLS with `--tls`.

import type { Address } from "../../lib/net/address.ts";
import { dial } from "../../lib/net/tcp.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";

/** How a client and a server connect. */
export interface Transport {
  /** Dials a server. */
  readonly dial: (server: Address, options: { signal: AbortSignal }) => Promise<Socket>;
  /** The server's socket of an accepted connection. */
  readonly wrapTls?: (conn: Deno.TcpConn) => Socket;
  /** The authority that vouches for the server, in PEM. */
  readonly ca?: string;
  /** The server's reply to clients that do not speak TLS. */
  readonly refusal?: Uint8Array;
}

const REFUSAL = new TextEncoder().encode("TLS only");

export const TCP: Transport = Deno.args.includes("--tls") ? await tlsWire("127.0.0.1") : { dial };

/** TLS, with a new authority that vouches for a server at an IP address. */
export async function tlsWire(ip: string): Promise<Required<Transport>> {
  // Lazy: only tests over TLS wait for these.
  const { caSignedPair } = await import("./certificates.ts");
  const { dialTls } = await import("../../lib/net/tls.ts");
  const { tlsServer } = await import("../../lib/net/tls_server.ts");
  const { ca, cert, key } = await caSignedPair(ip);
  return {
    dial: (server, { signal }) => dialTls(server, { signal, tlsRequirement: { ca } }),
    wrapTls: await tlsServer({ cert, key, plaintextReply: () => REFUSAL }),
    ca,
    refusal: REFUSAL,
  };
}

/** The first bytes of a TLS client. */
export async function clientHello({ dial }: Transport): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ending = new AbortController();
  const dialling = dial({ host: "127.0.0.1", port: listener.addr.port }, ending).catch(() => {});
  using conn = await listener.accept();
  const hello = await firstOf(conn);
  ending.abort();
  await dialling;
  return hello;
}

/** A TLS server's answer to a client's first bytes. */
export async function serverHello(
  { host, port }: Address,
  hello: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  using conn = await Deno.connect({ hostname: host, port });
  await conn.write(hello);
  return await firstOf(conn);
}

async function firstOf(conn: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(16_384);
  return buffer.slice(0, await conn.read(buffer) ?? 0);
}
