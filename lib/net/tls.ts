// Opens a connection over TLS: to a server that an authority vouches for, or whose own certificate somebody
// judges by its fingerprint.

import type { ConnectionOptions, TLSSocket } from "node:tls";
import { type Address, formatAddress } from "./address.ts";
import { dial, type DialOptions } from "./tcp.ts";
import { type ConnectCode, ConnectError } from "../errors.ts";
import { isReset } from "../client/recovery.ts";
import { fingerprint, toPem } from "./fingerprint.ts";
import type { Socket } from "./socket.ts";
import { TcpStream, TlsSocket } from "./tls_socket.ts";

/** What a server must show: a certificate with its name or address in it that these authorities (PEM) vouch for,
 * and nobody else; or one that vouches for itself, whose fingerprint `verify` lets pass by not throwing. */
export type TlsRequirement = { readonly ca: string } | { readonly verify: (fingerprint: string) => void };

/** Connects to a server by TLS, once it has proved that it is the right one.
 * @throws {ConnectError} as `dial` does, and `not-a-chat-server`, `not-tls`, `tls-failed`, `certificate-refused`,
 * `certificate-unfit` or `certificate-expired`; what `verify` throws; the signal's reason */
export async function dialTls(
  server: Address,
  { tlsRequirement, ...options }: DialOptions & { tlsRequirement: TlsRequirement },
): Promise<Socket> {
  try {
    if ("ca" in tlsRequirement) {
      return await connectTls(server, options, { ca: tlsRequirement.ca, host: server.host });
    }
    // What is shown here is not believed, and nothing is said: whether the server has the key to it shows on the
    // connection behind, on which this very certificate is the only authority, and its name is of no account.
    const pem = await fetchPeerCertificate(server, options);
    tlsRequirement.verify(fingerprint(pem));
    return await connectTls(server, options, { ca: pem, checkServerIdentity: () => undefined });
  } catch (cause) {
    const { signal } = options;
    if (signal.aborted) throw signal.reason;
    throw cause instanceof Error && "code" in cause && !(cause instanceof ConnectError)
      ? tlsError(server, cause)
      : cause;
  }
}

async function connectTls(server: Address, how: DialOptions, options: ConnectionOptions): Promise<Socket> {
  const { stream, tls } = await handshake(server, how, { ...options, rejectUnauthorized: true });
  return new TlsSocket(stream, tls);
}

/** The certificate that a server shows to anybody, in PEM. */
async function fetchPeerCertificate(server: Address, how: DialOptions): Promise<string> {
  const { tls } = await handshake(server, how, { rejectUnauthorized: false });
  const { raw, subject, issuer, valid_to: end } = tls.getPeerCertificate();
  tls.destroy();
  const isOwn = JSON.stringify(subject) === JSON.stringify(issuer);
  if (!isOwn) throw connectError("certificate-unfit", server);
  if (Date.parse(end) < Date.now()) throw connectError("certificate-expired", server);
  return toPem(raw);
}

async function handshake(
  server: Address,
  how: DialOptions,
  options: ConnectionOptions,
): Promise<{ stream: TcpStream; tls: TLSSocket }> {
  const conn = await dial(server, how);
  const { signal } = how;
  // Only who speaks TLS waits for it to load.
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = new TcpStream(conn);
  const tls = connect({ ...options, socket: stream });
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  tls.once("secureConnect", resolve);
  tls.on("error", reject);
  tls.once("close", () => reject(Object.assign(new Error("The server hung up"), { code: "ECONNRESET" })));
  try {
    await promise;
    return { stream, tls };
  } catch (error) {
    tls.destroy();
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Codes of Node and OpenSSL for what is wrong with a certificate. */
const CERTIFICATE_CODE = /CERT|VERIFY|SIGNATURE/;

function tlsError(server: Address, cause: Error & { code?: unknown }): ConnectError {
  const { message: reason } = cause;
  const code = `${cause.code}`;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return connectError("not-tls", server, { cause });
  // As who hangs up without TLS: a server that is just killed, or not quite there yet, shakes no hand either.
  if (isReset(cause)) return connectError("not-a-chat-server", server, { cause });
  const isAboutCertificate = CERTIFICATE_CODE.test(code);
  return connectError(isAboutCertificate ? "certificate-refused" : "tls-failed", server, { cause, reason });
}

function connectError(
  code: ConnectCode,
  server: Address,
  { cause, reason = "" }: { cause?: unknown; reason?: string } = {},
): ConnectError {
  const details = { server: formatAddress(server), reason };
  return new ConnectError(code, details, { cause });
}
