// A server's side of TLS: makes sockets that speak it of the connections that come.

import type { Socket } from "./socket.ts";
import { TcpStream, TlsSocket } from "./tls_socket.ts";

/** A handshake begins with this byte (RFC 8446, section 5.1). */
const HANDSHAKE = 22;

/** What a server shows. */
interface TlsServerOptions {
  /** In PEM. */
  readonly cert: string;
  /** In PEM. */
  readonly key: string;
  /** What to say, in plain text, to those who do not speak TLS. */
  readonly plaintextReply: Uint8Array;
}

/** Makes TLS of connections; each shakes hands while it is read from.
 * @throws {Error} if certificate and key are no pair */
export async function tlsServer(
  { cert, key, plaintextReply }: TlsServerOptions,
): Promise<(conn: Deno.TcpConn) => Socket> {
  // Only who speaks TLS waits for it to load.
  const { createSecureContext, TLSSocket } = await import("node:tls");
  const secureContext = createSecureContext({ cert, key });
  return (conn) => {
    const stream = new TcpStream(conn, ([first]) => {
      if (first === HANDSHAKE) return true;
      conn.write(plaintextReply).then(() => conn.closeWrite()).catch(() => {}); // gone already
      return false;
    });
    const options = { isServer: true, secureContext, allowHalfOpen: true };
    return new TlsSocket(stream, new TLSSocket(stream, options));
  };
}
