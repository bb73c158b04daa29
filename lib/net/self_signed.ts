// Makes a self-signed certificate. Loaded only when one is missing: the library behind it is larger than the program.

import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** Reserved by RFC 2606, section 2, so that no authority signs a certificate for it. */
export const CERTIFICATE_NAME = "chat.invalid";
/** Validity, in ms. A new certificate costs each client that pinned the old one a question. */
export const VALID_MS = 10 * 365 * 86_400_000;
/** No clock that is right shows less. The certificate must be valid by right clocks, whatever this machine's says. */
const EARLIEST_MS = Date.UTC(2026, 0);
/** Clocks of clients may be behind. */
const VALID_FROM = new Date(Date.UTC(2020, 0));

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Returns a private key (PKCS #8), then its certificate, in PEM. `nowMs` is in ms since 1970 UTC. */
export async function makeSelfSigned(nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    name: "CN=chat",
    notBefore: VALID_FROM,
    notAfter: new Date(Math.max(nowMs, EARLIEST_MS) + VALID_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      // As an authority it could not be pinned: verifiers refuse an authority as a server's own certificate.
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: "dns", value: CERTIFICATE_NAME }]),
    ],
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return `${key}\n${certificate.toString("pem")}\n`;
}
