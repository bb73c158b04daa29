// Makes a certificate and its key. Loaded only where one has to be made: the library behind it is bigger than
// the whole program.

import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** The name in the certificates that are made here. Nobody else vouches for it: RFC 2606, section 2. */
export const CERTIFICATE_NAME = "chat.invalid";
/** How long a certificate holds, in ms: changing it costs everyone who trusts it a question. */
export const VALID_MS = 10 * 365 * 86_400_000;
/** How far behind a clock may be that is to find it valid, in ms. */
const CLOCK_MARGIN_MS = 86_400_000;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A key (PKCS #8) and a certificate that it signs for itself, both in PEM. `nowMs` is in ms since 1970 UTC. */
export async function makeSelfSigned(nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    name: "CN=chat",
    notBefore: new Date(nowMs - CLOCK_MARGIN_MS),
    notAfter: new Date(nowMs + VALID_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      // As somebody's authority it could not be pinned: a verifier takes none of these for a server's own.
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: "dns", value: CERTIFICATE_NAME }]),
    ],
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return `${key}\n${certificate.toString("pem")}\n`;
}
