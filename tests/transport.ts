// What hostile peers and their victims speak by: plain TCP, or TLS where a test or a tool is given --tls.

import type { Address } from "../lib/net/address.ts";
import { dial } from "../lib/net/tcp.ts";
import type { Socket } from "../lib/net/tls_socket.ts";

/** How two ends come to speak. */
export interface Transport {
  /** Opens a connection, as clients do. */
  readonly dial: (server: Address, options: { signal: AbortSignal }) => Promise<Socket>;
  /** A server's side of a connection that came. */
  readonly wrapTls?: (conn: Deno.TcpConn) => Socket;
  /** The authority that vouches for the server, in PEM. */
  readonly ca?: string;
  /** What the server says to those who do not speak TLS. */
  readonly refusal?: Uint8Array;
}

const REFUSAL = new TextEncoder().encode("TLS only");

export const TCP: Transport = Deno.args.includes("--tls") ? await tlsWire("127.0.0.1") : { dial };

/** TLS, with a new authority that vouches for a server at an IP address. */
export async function tlsWire(ip: string): Promise<Required<Transport>> {
  // Only who speaks TLS waits for these to load.
  const { caSignedPair } = await import("./net/certificates.ts");
  const { dialTls } = await import("../lib/net/tls.ts");
  const { tlsServer } = await import("../lib/net/tls_server.ts");
  const { ca, cert, key } = await caSignedPair(ip);
  return {
    dial: (server, { signal }) => dialTls(server, { signal, tlsRequirement: { ca } }),
    wrapTls: await tlsServer({ cert, key, plaintextReply: REFUSAL }),
    ca,
    refusal: REFUSAL,
  };
}

/** The first bytes that a client of TLS says. */
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

/** What a server of TLS answers to a client's first bytes. */
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
