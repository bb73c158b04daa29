// Dials servers over TLS, and checks their certificates and fingerprints.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import { CERTIFICATE } from "../base/files.ts";
import { isAtLeast } from "../base/time.ts";
import { type ConnectCode, ConnectError, InputError, isReset } from "../errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { dial, type DialOptions, inPhase, timedOut } from "./tcp.ts";
import { type Socket, TcpStream, TlsSocket } from "./tls_socket.ts";

/** The first Deno whose node:tls works over an open TCP connection: a server hangs up to 2.7.12, and in 2.6 a client does
 * not get its peer's certificate. */
const MIN_RUNTIME = [2, 8] as const;

/** Codes of Node and OpenSSL. */
const ABOUT_CERTIFICATE = /CERT|VERIFY|SIGNATURE/;

/** Whether the runtime, such as `Deno 2.9.6, aarch64-apple-darwin`, can speak TLS. */
export function hasTlsSupport(runtime: string): boolean {
  return isAtLeast(/^Deno ([\d.]+)/.exec(runtime)![1]!, MIN_RUNTIME);
}

/** @throws {InputError} `tls-lacking` */
export function checkTlsSupport(runtime: string): void {
  if (!hasTlsSupport(runtime)) throw new InputError("tls-lacking", { runtime });
}

/** What the server's certificate must be: signed by an authority in `ca` (PEM) for the server's name or address, or
 * self-signed with a fingerprint that `verify` accepts by not throwing. */
export type TlsRequirement = { readonly ca: string } | { readonly verify: (fingerprint: string) => void };

/** @throws {ConnectError} as `dial` does, and `not-a-chat-server`, `not-tls`, `tls-failed`, `certificate-refused`,
 * `certificate-unfit`, `certificate-early` or `certificate-expired`
 * @throws what `verify` throws, and the signal's reason */
export async function dialTls(
  server: Address,
  { tlsRequirement, ...options }: DialOptions & { tlsRequirement: TlsRequirement },
): Promise<Socket> {
  try {
    if ("ca" in tlsRequirement) {
      return await handshake(server, options, { ca: tlsRequirement.ca, host: server.host }).catch(
        async (error) => {
          // Deno does not tell a wrong date from an unknown authority.
          if (ABOUT_CERTIFICATE.test(error.code)) await fetchPeerCertificate(server, options);
          throw error;
        },
      );
    }
    // The first connection only learns the certificate and sends nothing. The second accepts this certificate as its
    // only authority, whatever its name, and so proves that the server has the key.
    const { raw, subject, issuer } = await fetchPeerCertificate(server, options);
    // Not self-signed.
    if (JSON.stringify(subject) !== JSON.stringify(issuer)) throw connectError("certificate-unfit", server);
    const pem = toPem(raw);
    tlsRequirement.verify(fingerprint(pem));
    return await handshake(server, options, { ca: pem, checkServerIdentity: () => undefined });
  } catch (cause) {
    if (cause instanceof ConnectError) throw cause;
    if (options.signal.aborted) throw options.signal.reason;
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    throw tlsError(server, cause);
  }
}

/** The server's certificate, without any check of trust.
 * @throws {ConnectError} `certificate-early` or `certificate-expired` */
async function fetchPeerCertificate(server: Address, dialOptions: DialOptions): Promise<PeerCertificate> {
  const { tls } = await handshake(server, dialOptions, { rejectUnauthorized: false });
  const certificate = tls.getPeerCertificate();
  tls.destroy();
  const { valid_from: begin, valid_to: end } = certificate;
  if (Date.parse(begin) > Date.now()) throw connectError("certificate-early", server);
  if (Date.parse(end) < Date.now()) throw connectError("certificate-expired", server);
  return certificate;
}

async function handshake(
  server: Address,
  dialOptions: DialOptions,
  tlsOptions: ConnectionOptions,
): Promise<TlsSocket> {
  const conn = await dial(server, dialOptions);
  const { signal, answerTimeoutMs = Infinity } = dialOptions;
  // Loaded here, so that a client without TLS does not wait for it.
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = new TcpStream(conn);
  const tls = connect({ rejectUnauthorized: true, ...tlsOptions, socket: stream });
  const abort = () => reject(inPhase("no-welcome", signal.reason));
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  const late = () => reject(inPhase("no-welcome", timedOut(server, answerTimeoutMs)));
  const timer = answerTimeoutMs < Infinity ? setTimeout(late, answerTimeoutMs) : undefined;
  tls.once("secureConnect", resolve);
  tls.on("error", reject);
  tls.once("close", () => reject(Object.assign(new Error("The server hung up"), { code: "ECONNRESET" })));
  try {
    await promise;
    return new TlsSocket(stream, tls);
  } catch (error) {
    tls.destroy();
    stream.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function tlsError(server: Address, cause: Error & { code?: unknown }): ConnectError {
  const code = `${cause.code}`;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return connectError("not-tls", server, { cause });
  // As without TLS: a server that has just been killed, or only starts, hangs up in the handshake too.
  if (isReset(cause)) return connectError("not-a-chat-server", server, { cause });
  const { message: reason } = cause;
  return connectError(ABOUT_CERTIFICATE.test(code) ? "certificate-refused" : "tls-failed", server, {
    cause,
    reason,
  });
}

function connectError(
  code: ConnectCode,
  server: Address,
  { cause, reason = "" }: { cause?: unknown; reason?: string } = {},
): ConnectError {
  // The clock of a machine without a battery may be wrong.
  const now = new Date().toISOString().replace(/T(.{5}).*/, " $1 UTC");
  return new ConnectError(code, { server: formatAddress(server), reason, now }, { cause });
}

/** The fingerprint of the first certificate in a text in PEM: `SHA256:` and 43 characters of base64.
 * @throws {RangeError} if the text has none */
export function fingerprint(pem: string): string {
  const [, base64] = CERTIFICATE.exec(pem) ?? [];
  if (base64 === undefined) throw new RangeError("Cannot find a certificate in the text");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `SHA256:${digest.replace("=", "")}`;
}

export function toPem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
