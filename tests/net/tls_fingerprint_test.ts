import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { fingerprint, toPem } from "../../lib/net/tls.ts";
import { parseFingerprint } from "../../lib/net/address.ts";

function test(name: string, body: () => void): void {
  Deno.test(name, { permissions: "none" }, body);
}

/** SHA-256 of "abc" (FIPS 180-4), in base64. */
const ABC = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const der = new TextEncoder().encode("abc");

test("fingerprint() is SHA-256 of the certificate's bytes, as SSH writes it", () => {
  assertEquals(fingerprint(toPem(der)), ABC);
});

test("fingerprint() takes the first certificate of a text, whatever stands around it", () => {
  const other = toPem(new Uint8Array(300));
  const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  assertEquals(fingerprint(`${key}\r\n${toPem(der)}${other}`), ABC);
  assertThrows(() => fingerprint(key), RangeError);
});

test("toPem() breaks lines after 64 characters", () => {
  const lines = toPem(new Uint8Array(50)).split("\n");
  assertEquals(lines.map(({ length }) => length), [27, 64, 4, 25, 0]);
});

test("parseFingerprint() takes what fingerprint() gives, with spaces around it", () => {
  assertEquals(parseFingerprint(` ${ABC}\n`), ABC);
});

test("parseFingerprint() refuses what no certificate can have", () => {
  const wrong = [
    "",
    "SHA256:",
    ABC.slice(0, -1),
    `${ABC}A`,
    ABC.replace("ung", "ug"),
    ABC.slice(7),
    ABC.replace("SHA256", "SHA1"),
    `${ABC.slice(0, -1)}1`, // two bits more than 256
    "9F:86:D0",
  ];
  for (const text of wrong) {
    const { code } = assertThrows(() => parseFingerprint(text), InputError);
    assertEquals(code, "fingerprint-invalid");
  }
});
