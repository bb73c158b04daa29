// A server's side of TLS: its certificate, and accepting clients. Apart from tls.ts to keep the library behind
// self_signed.ts out of the client's executable.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { CERTIFICATE, readStateFile, readUserFile, writeStateFile } from "../base/files.ts";
import { errorMessage, InputError } from "../errors.ts";
import { fingerprint } from "./tls.ts";
import { type Socket, TcpStream, TlsSocket } from "./tls_socket.ts";

/** How long before its expiry a certificate is worth a warning, in ms. */
export const EXPIRY_WARNING_MS = 30 * 86_400_000;
/** The first private key in a text in PEM (RFC 7468). */
const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----/;
/** A key with a passphrase: PKCS #8, or as OpenSSL wrote it before. */
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
/** First byte of a TLS handshake (RFC 8446, section 5.1). */
const HANDSHAKE = 22;

export interface ServerCertificate {
  /** PEM, perhaps with a chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly fingerprint: string;
  /** In ms since 1970 UTC. */
  readonly startsMs: number;
  readonly expiresMs: number;
  readonly path: string;
  /** This start has made it. */
  readonly isNew?: boolean;
}

/** @throws as `readUserFile` does
 * @throws {InputError} `certificate-invalid`, `key-encrypted` or `certificate-unusable` */
export async function loadCertificate(
  certPath: string,
  keyPath: string,
  signal?: AbortSignal,
): Promise<ServerCertificate> {
  const pair = { cert: await readUserFile(certPath, signal), key: await readUserFile(keyPath, signal) };
  const certificate = parseCertificate(pair, certPath, keyPath);
  await tryHandshake(pair).catch((cause) => {
    throw new InputError("certificate-unusable", { path: certPath, reason: errorMessage(cause) }, { cause });
  });
  return certificate;
}

/** Reads the certificate in a folder; makes a self-signed one if there is none.
 * @throws {InputError} `file-unreadable`, `file-unwritable` or `certificate-invalid` */
export async function loadOrCreateCertificate(folder: string, nowMs: number): Promise<ServerCertificate> {
  const path = join(folder, "server.pem"); // key and certificate, so that they always fit
  const old = await readStateFile(path);
  if (old !== undefined) return parseCertificate({ cert: old, key: old }, path);
  const { makeSelfSigned } = await import("./self_signed.ts");
  const made = await makeSelfSigned(nowMs);
  await writeStateFile(path, made, { isNew: true });
  const pem = await readUserFile(path); // another process may have written it first
  return { ...parseCertificate({ cert: pem, key: pem }, path), isNew: pem === made };
}

function parseCertificate(
  pair: { cert: string; key: string },
  path: string,
  keyPath = path,
): ServerCertificate {
  try {
    const [own] = CERTIFICATE.exec(pair.cert) ?? [""];
    const [key] = KEY.exec(pair.key) ?? [""];
    const certificate = new X509Certificate(own);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new RangeError("Cannot use the key");
    const [startsMs, expiresMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
    return { ...pair, fingerprint: fingerprint(own), startsMs, expiresMs, path };
  } catch (cause) {
    if (ENCRYPTED_KEY.test(pair.key)) throw new InputError("key-encrypted", { path: keyPath }, { cause });
    throw new InputError("certificate-invalid", { path }, { cause });
  }
}

/** One end of a pipe in memory. */
class PipeEnd extends Duplex {
  other: Duplex | undefined;

  override _read(): void {}

  override _write(bytes: Uint8Array, _encoding: string, done: () => void): void {
    this.other?.push(bytes);
    done();
  }
}

/** A handshake with ourselves: the TLS library refuses keys that OpenSSL takes, such as secp256k1 and RSA of 1,024 bits.
 * @throws {Error} of the TLS library */
async function tryHandshake(pair: { cert: string; key: string }): Promise<void> {
  const { connect, createSecureContext, TLSSocket } = await import("node:tls");
  const [near, far] = [new PipeEnd(), new PipeEnd()];
  [near.other, far.other] = [far, near];
  const server = new TLSSocket(near, { isServer: true, secureContext: createSecureContext(pair) });
  const client = connect({ socket: far, rejectUnauthorized: false });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.once("secureConnect", resolve);
  for (const socket of [client, server]) socket.on("error", reject);
  try {
    await promise;
  } finally {
    client.destroy();
    server.destroy();
  }
}

/** Makes the function that wraps accepted connections in TLS. Each handshake happens while its socket is read. A client
 * that does not speak TLS gets `plaintextReply`, made from its first bytes.
 * @throws {Error} if the key does not fit the certificate */
export async function tlsServer(
  { cert, key, plaintextReply }: {
    cert: string;
    key: string;
    plaintextReply: (first: Uint8Array, local: Deno.NetAddr) => Uint8Array;
  },
): Promise<(conn: Deno.TcpConn) => Socket> {
  // Loaded here, so that a server without TLS does not wait for it.
  const { createSecureContext, TLSSocket } = await import("node:tls");
  const secureContext = createSecureContext({ cert, key });
  return (conn) => {
    const stream = new TcpStream(conn, (first) => {
      if (first[0] === HANDSHAKE) return true;
      conn.write(plaintextReply(first, conn.localAddr)).then(() => conn.closeWrite()).catch(() => {}); // gone already
      return false;
    });
    const options = { isServer: true, secureContext, allowHalfOpen: true };
    return new TlsSocket(stream, new TLSSocket(stream, options));
  };
}
