// Certificates for tests, made when they are needed.

import "reflect-metadata";
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { makeSelfSigned } from "../../lib/net/self_signed.ts";

const DAY_MS = 86_400_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate and its key, in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate as servers make it themselves. */
export async function selfSignedPair(nowMs = Date.now()): Promise<CertificatePair> {
  const pem = await makeSelfSigned(nowMs);
  return { cert: pem, key: pem };
}

/** An authority, and a certificate that it signs for an IP address. That is valid now, unless `from` and `to` say else. */
export async function caSignedPair(
  ip: string,
  { from = Date.now() - DAY_MS, to = Date.now() + DAY_MS } = {},
): Promise<CertificatePair & { readonly ca: string; readonly caKey: string }> {
  const [keys, caKeys] = [await generate(), await generate()];
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...{ ...validity(Date.now() - DAY_MS, Date.now() + DAY_MS), keys: caKeys, name: "CN=authority" },
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true), namesOf("dns", "authority.invalid")],
  });
  const certificate = await X509CertificateGenerator.create({
    ...{ ...validity(from, to), publicKey: keys.publicKey, signingKey: caKeys.privateKey },
    ...{ subject: "CN=chat", issuer: ca.subject, extensions: [namesOf("ip", ip)] },
    signingAlgorithm: ALGORITHM,
  });
  return {
    cert: certificate.toString("pem"),
    key: await toPem(keys.privateKey),
    ca: ca.toString("pem"),
    caKey: await toPem(caKeys.privateKey),
  };
}

/** A certificate that signs itself and is valid in this time. */
export async function datedPair(from: number, to: number): Promise<CertificatePair> {
  const keys = await generate();
  const how = { ...validity(from, to), keys, name: "CN=chat", signingAlgorithm: ALGORITHM };
  const certificate = await X509CertificateGenerator.createSelfSigned(how);
  return { cert: certificate.toString("pem"), key: await toPem(keys.privateKey) };
}

function validity(from: number, to: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(from), notAfter: new Date(to) };
}

function generate(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

function namesOf(type: "dns" | "ip", value: string): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension([{ type, value }]);
}

async function toPem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}
