// Opens a connection over TLS: to a server that an authority vouches for, or whose own certificate somebody
// judges by its fingerprint.

import type { PeerCertificate } from "node:tls";
import { type Address, formatAddress } from "./address.ts";
import { dial } from "./dial.ts";
import { type ConnectCode, ConnectError } from "./errors.ts";
import { fingerprintOf, pemOf } from "./fingerprint.ts";

/** What a server must show: a certificate of an authority's (PEM) that has its name or address in it, or one of
 * its own whose fingerprint `judge` lets pass by not throwing. */
export type Proof = { readonly ca: string } | { readonly judge: (fingerprint: string) => void };

/** Connects to a server by TLS, once it has proved that it is the right one.
 * @throws {ConnectError} as `dial` does, and `not-tls`, `tls-failed`, `certificate-refused` or
 * `certificate-unfit`; what `judge` throws; the signal's reason */
export async function dialSecurely(
  server: Address,
  { signal, proof }: { signal: AbortSignal; proof: Proof },
): Promise<Deno.TlsConn> {
  const conn = await dial(server, { signal });
  using open = new DisposableStack();
  const release = open.adopt(conn, closeQuietly);
  try {
    const anchor = "ca" in proof
      ? { caCerts: [proof.ca], hostname: server.host }
      : await pin(release, { server, signal, judge: proof.judge });
    conn.setNoDelay(true);
    const secured = open.adopt(await Deno.startTls(conn, anchor), closeQuietly);
    await shake(secured, signal);
    open.move();
    return secured;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw cause instanceof ConnectError ? cause : failureOf(server, cause);
  }
}

/** Whom to take for the server. Its certificate is read on a connection of its own, on which nothing is said and
 * nothing believed: whether the server has the key to it shows when it proves it on the other one, where this
 * very certificate is the only one that counts for its name. */
async function pin(
  { remoteAddr }: Deno.TcpConn,
  { server, signal, judge }: {
    server: Address;
    signal: AbortSignal;
    judge: (fingerprint: string) => void;
  },
): Promise<{ caCerts: string[]; hostname: string }> {
  const { raw, ca, subject, issuer, subjectaltname } = await shownCertificate(remoteAddr, signal);
  const pem = pemOf(raw);
  judge(fingerprintOf(pem));
  const hostname = /^DNS:([\w.-]+)/.exec(subjectaltname ?? "")?.[1] ??
    (subjectaltname?.startsWith("IP Address:") ? server.host : undefined);
  const isOwn = !ca && JSON.stringify(subject) === JSON.stringify(issuer);
  if (!isOwn || hostname === undefined) throw connectError("certificate-unfit", server);
  return { caCerts: [pem], hostname };
}

/** The certificate that a server shows to anybody. */
async function shownCertificate(
  { hostname, port }: Deno.NetAddr,
  signal: AbortSignal,
): Promise<PeerCertificate> {
  // Only who needs it waits for it to load.
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  const socket = connect({ host: hostname, port, rejectUnauthorized: false });
  socket.on("error", reject);
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate()));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

async function shake(conn: Deno.TlsConn, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  const shaking = conn.handshake();
  shaking.catch(() => {}); // whoever has given up does not wait for it
  try {
    await Promise.race([shaking, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It has become another connection, or is closed.
  }
}

/** What Deno says of a handshake comes as a message, in the words of rustls. */
function failureOf(server: Address, cause: unknown): ConnectError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (reason.includes("InvalidContentType")) return connectError("not-tls", server, { cause });
  const [, why] = /invalid peer certificate: (.*)/.exec(reason) ?? [];
  if (why !== undefined) return connectError("certificate-refused", server, { cause, reason: why });
  return connectError("tls-failed", server, { cause, reason });
}

function connectError(
  code: ConnectCode,
  server: Address,
  { cause, reason = "" }: { cause?: unknown; reason?: string } = {},
): ConnectError {
  const details = { server: formatAddress(server), reason };
  return new ConnectError(code, `Cannot speak TLS with ${details.server}: ${reason || code}`, {
    cause,
    details,
  });
}
