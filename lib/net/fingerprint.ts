// Fingerprints of certificates, written as SSH writes those of keys, and certificates as text. Pure.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";

/** 32 bytes in base64 without padding: the last character has four bits of them. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/;

/** The fingerprint of a certificate, the first one in a text of PEM: `SHA256:` and 43 characters.
 * @throws {RangeError} if there is none */
export function fingerprint(pem: string): string {
  const [, base64] = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/.exec(pem) ?? [];
  if (base64 === undefined) throw new RangeError("Cannot find a certificate in the text");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `SHA256:${digest.replace("=", "")}`;
}

/** A certificate in PEM (RFC 7468) from its DER. */
export function toPem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** A fingerprint as a person or a server writes it.
 * @throws {InputError} `fingerprint-invalid` */
export function parseFingerprint(text: string): string {
  const fingerprint = text.trim();
  if (FINGERPRINT.test(fingerprint)) return fingerprint;
  throw new InputError("fingerprint-invalid", { fingerprint: text });
}
