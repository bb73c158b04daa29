// The certificate that a server shows: one that is given, or one that it makes at its first start and keeps.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { fingerprint } from "./fingerprint.ts";
import { readStateFile, readUserFile, writeStateFile } from "../base/files.ts";

/** How long before its end a certificate is worth a warning, in ms. */
export const EXPIRY_WARNING_MS = 30 * 86_400_000;
/** Key and certificate in one file, so that they are always of one pair. */
const FILE_NAME = "server.pem";

/** The first certificate, and the first key, of a text of PEM (RFC 7468). */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;
const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----/;

/** What a server needs to speak TLS. */
export interface ServerCertificate {
  /** PEM: the certificate, and others that vouch for it. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly fingerprint: string;
  /** When it ends, ms since 1970 UTC. */
  readonly expiresMs: number;
  /** The file that it is in. */
  readonly path: string;
}

/** The certificate in a file that a person named, and its key.
 * @throws {InputError} `file-unreadable` or `certificate-invalid` */
export async function loadCertificate(certPath: string, keyPath: string): Promise<ServerCertificate> {
  return parseCertificate({ cert: await readUserFile(certPath), key: await readUserFile(keyPath) }, certPath);
}

/** The certificate that is kept in a folder, made if there is none.
 * @throws {InputError} `file-unreadable`, `file-unwritable` or `certificate-invalid` */
export async function loadOrCreateCertificate(folder: string, nowMs: number): Promise<ServerCertificate> {
  const path = join(folder, FILE_NAME);
  let pem = await readStateFile(path);
  if (pem === undefined) {
    const { makeSelfSigned } = await import("./self_signed.ts");
    await writeStateFile(path, await makeSelfSigned(nowMs), { isNew: true });
    pem = await readUserFile(path); // of whoever was first
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
