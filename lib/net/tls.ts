// TLS: dials servers, accepts clients, and handles certificates and their fingerprints.

import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { readStateFile, readUserFile, writeStateFile } from "../base/files.ts";
import { isAtLeast } from "../base/time.ts";
import { type ConnectCode, ConnectError, InputError, isReset } from "../errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { dial, type DialOptions } from "./tcp.ts";
import { type Socket, TcpStream, TlsSocket } from "./tls_socket.ts";

/** Older releases cannot: node:tls hangs when it serves over an open connection (up to 2.7.12), and does not know the
 * peer's certificate there (2.6). */
const MIN_RUNTIME = [2, 8] as const;

/** Checks that the runtime, such as `Deno 2.9.6, x86_64`, can speak TLS.
 * @throws {InputError} `tls-lacking` */
export function checkTlsSupport(runtime: string): void {
  if (isAtLeast(/^Deno ([\d.]+)/.exec(runtime)![1]!, MIN_RUNTIME)) return;
  throw new InputError("tls-lacking", { runtime });
}

/** What the server's certificate must be: signed by an authority in `ca` (PEM) for the server's name or address, or
 * self-signed with a fingerprint that `verify` accepts by not throwing. */
export type TlsRequirement = { readonly ca: string } | { readonly verify: (fingerprint: string) => void };

/** Connects and checks the server's certificate.
 * @throws {ConnectError} as `dial` does, and `not-a-chat-server`, `not-tls`, `tls-failed`, `certificate-refused`,
 * `certificate-unfit` or `certificate-expired`
 * @throws what `verify` throws, and the signal's reason */
export async function dialTls(
  server: Address,
  { tlsRequirement, ...options }: DialOptions & { tlsRequirement: TlsRequirement },
): Promise<Socket> {
  try {
    if ("ca" in tlsRequirement) {
      return await connectTls(server, options, { ca: tlsRequirement.ca, host: server.host });
    }
    // The first connection only learns the certificate and sends nothing. The second accepts this certificate as its
    // only authority, whatever its name, and so proves that the server has the key.
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

async function connectTls(
  server: Address,
  dialOptions: DialOptions,
  tlsOptions: ConnectionOptions,
): Promise<Socket> {
  const { stream, tls } = await handshake(server, dialOptions, { ...tlsOptions, rejectUnauthorized: true });
  return new TlsSocket(stream, tls);
}

/** The server's self-signed certificate in PEM, without any check of trust. */
async function fetchPeerCertificate(server: Address, dialOptions: DialOptions): Promise<string> {
  const { tls } = await handshake(server, dialOptions, { rejectUnauthorized: false });
  const { raw, subject, issuer, valid_to: end } = tls.getPeerCertificate();
  tls.destroy();
  const isSelfSigned = JSON.stringify(subject) === JSON.stringify(issuer);
  if (!isSelfSigned) throw connectError("certificate-unfit", server);
  if (Date.parse(end) < Date.now()) throw connectError("certificate-expired", server);
  return toPem(raw);
}

async function handshake(
  server: Address,
  dialOptions: DialOptions,
  tlsOptions: ConnectionOptions,
): Promise<{ stream: TcpStream; tls: TLSSocket }> {
  const conn = await dial(server, dialOptions);
  const { signal } = dialOptions;
  // Loaded here, so that a client without TLS does not wait for it.
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = new TcpStream(conn);
  const tls = connect({ ...tlsOptions, socket: stream });
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

/** Matches the codes of Node and OpenSSL for a bad certificate. */
const CERTIFICATE_CODE = /CERT|VERIFY|SIGNATURE/;

function tlsError(server: Address, cause: Error & { code?: unknown }): ConnectError {
  const code = `${cause.code}`;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return connectError("not-tls", server, { cause });
  // As without TLS: a server that has just been killed, or only starts, hangs up in the handshake too.
  if (isReset(cause)) return connectError("not-a-chat-server", server, { cause });
  const isAboutCertificate = CERTIFICATE_CODE.test(code);
  const { message: reason } = cause;
  return connectError(isAboutCertificate ? "certificate-refused" : "tls-failed", server, { cause, reason });
}

function connectError(
  code: ConnectCode,
  server: Address,
  { cause, reason = "" }: { cause?: unknown; reason?: string } = {},
): ConnectError {
  return new ConnectError(code, { server: formatAddress(server), reason }, { cause });
}

/** First byte of a TLS handshake (RFC 8446, section 5.1). */
const HANDSHAKE = 22;

interface TlsServerOptions {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Sent to a client that does not speak TLS. */
  readonly plaintextReply: Uint8Array;
}

/** Makes the function that wraps accepted connections in TLS. Each handshake happens while its socket is read.
 * @throws {Error} if the key does not fit the certificate */
export async function tlsServer(
  { cert, key, plaintextReply }: TlsServerOptions,
): Promise<(conn: Deno.TcpConn) => Socket> {
  // Loaded here, so that a server without TLS does not wait for it.
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

/** How long before its expiry a certificate is worth a warning, in ms. */
export const EXPIRY_WARNING_MS = 30 * 86_400_000;
/** Key and certificate share a file, so that they always fit. */
const FILE_NAME = "server.pem";

/** The first certificate, and the first key, of a text in PEM (RFC 7468). */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/;
const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----/;

export interface ServerCertificate {
  /** PEM: the certificate, perhaps followed by its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly fingerprint: string;
  /** In ms since 1970 UTC. */
  readonly expiresMs: number;
  /** The file of the certificate. */
  readonly path: string;
}

/** Reads a certificate and its key from files that the user named.
 * @throws {InputError} `file-unreadable` or `certificate-invalid` */
export async function loadCertificate(certPath: string, keyPath: string): Promise<ServerCertificate> {
  return parseCertificate({ cert: await readUserFile(certPath), key: await readUserFile(keyPath) }, certPath);
}

/** Reads the certificate in a folder; makes a self-signed one if there is none.
 * @throws {InputError} `file-unreadable`, `file-unwritable` or `certificate-invalid` */
export async function loadOrCreateCertificate(folder: string, nowMs: number): Promise<ServerCertificate> {
  const path = join(folder, FILE_NAME);
  let pem = await readStateFile(path);
  if (pem === undefined) {
    const { makeSelfSigned } = await import("./self_signed.ts");
    await writeStateFile(path, await makeSelfSigned(nowMs), { isNew: true });
    pem = await readUserFile(path); // another process may have written it first
  }
  return parseCertificate({ cert: pem, key: pem }, path);
}

function parseCertificate(pair: { cert: string; key: string }, path: string): ServerCertificate {
  try {
    const [own] = CERTIFICATE.exec(pair.cert) ?? [""];
    const [key] = KEY.exec(pair.key) ?? [""];
    const certificate = new X509Certificate(own);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new RangeError("Cannot use the key");
    return { ...pair, fingerprint: fingerprint(own), expiresMs: certificate.validToDate.getTime(), path };
  } catch (cause) {
    throw new InputError("certificate-invalid", { path }, { cause });
  }
}

/** The fingerprint of the first certificate in a text in PEM: `SHA256:` and 43 characters of base64.
 * @throws {RangeError} if the text has none */
export function fingerprint(pem: string): string {
  const [, base64] = CERTIFICATE.exec(pem) ?? [];
  if (base64 === undefined) throw new RangeError("Cannot find a certificate in the text");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `SHA256:${digest.replace("=", "")}`;
}

/** PEM (RFC 7468) of a certificate in DER. */
export function toPem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
