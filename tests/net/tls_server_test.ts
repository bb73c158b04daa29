// Certificates of servers: made, kept, and loaded.

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { InputError } from "../../lib/errors.ts";
import { parseFingerprint } from "../../lib/net/address.ts";
import { fingerprint } from "../../lib/net/tls.ts";
import { loadCertificate, loadOrCreateCertificate } from "../../lib/net/tls_server.ts";
import { CERTIFICATE_NAME, makeSelfSigned, VALID_MS } from "../../lib/net/self_signed.ts";
import { caSignedPair } from "../testing/certificates.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { tlsWire } from "../testing/transport.ts";

const NOW_MS = Date.parse("2026-11-22T13:45:07Z");

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, InputError)).code;
}

Deno.test("makeSelfSigned() makes a certificate for ten years and a reserved name, and no authority", async () => {
  const pem = await makeSelfSigned(NOW_MS);
  const certificate = new X509Certificate(pem.slice(pem.indexOf("-----BEGIN CERTIFICATE")));
  assertEquals(certificate.subjectAltName, `DNS:${CERTIFICATE_NAME}`);
  assertEquals(certificate.ca, false);
  assertEquals(certificate.validToDate.getTime(), Math.floor((NOW_MS + VALID_MS) / 1_000) * 1_000);
});

Deno.test("makeSelfSigned() makes a certificate that right clocks accept, though this one is wrong", async () => {
  for (const nowMs of [0, Date.UTC(2040, 0)]) {
    const pem = await makeSelfSigned(nowMs);
    const { validFromDate, validToDate } = new X509Certificate(
      pem.slice(pem.indexOf("-----BEGIN CERTIFICATE")),
    );
    assert(validFromDate.getTime() < NOW_MS && validToDate.getTime() > NOW_MS + VALID_MS / 2);
  }
});

Deno.test("loadOrCreateCertificate() makes a certificate once, for its owner alone", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/new/chat`;
  const first = await loadOrCreateCertificate(path, NOW_MS);
  const again = await loadOrCreateCertificate(path, NOW_MS + 1_000);
  assertEquals([{ ...again, isNew: true }, again.isNew], [first, undefined]);
  assertEquals(parseFingerprint(first.fingerprint), first.fingerprint);
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), ["server.pem"]);
  if (Deno.build.os !== "windows") {
    assertEquals((await Deno.stat(`${path}/server.pem`)).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o700);
  }
});

Deno.test("loadOrCreateCertificate() makes one for servers that start at once", writing, async () => {
  await using folder = new TestFolder();
  const all = await Promise.all(
    Array.from({ length: 4 }, () => loadOrCreateCertificate(folder.path, NOW_MS)),
  );
  assertEquals(new Set(all.map(({ fingerprint }) => fingerprint)).size, 1);
  const kept = await loadOrCreateCertificate(folder.path, NOW_MS);
  assertEquals({ ...all[0], isNew: false }, { ...kept, isNew: false });
  assertEquals(all.filter(({ isNew }) => isNew).length, 1);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("makeSelfSigned() makes a new key each time", async () => {
  assertNotEquals(fingerprint(await makeSelfSigned(NOW_MS)), fingerprint(await makeSelfSigned(NOW_MS)));
});

Deno.test("loadCertificate() reads a chain, with its first fingerprint and expiry", writing, async () => {
  await using folder = new TestFolder();
  const { cert, key, ca } = await caSignedPair("127.0.0.1");
  const certPath = await folder.file("cert.pem", `${cert}\n${ca}`);
  const given = await loadCertificate(certPath, await folder.file("key.pem", key));
  assertEquals([given.cert, given.key, given.path], [`${cert}\n${ca}`, key, certPath]);
  assertEquals(given.expiresMs, new X509Certificate(cert).validToDate.getTime());
  const alone = await loadCertificate(await folder.file("alone.pem", cert), `${folder.path}/key.pem`);
  assertEquals(alone.fingerprint, given.fingerprint);
});

Deno.test("loadCertificate() refuses what is no certificate or is missing", writing, async () => {
  await using folder = new TestFolder();
  const [none, broken] = [
    await folder.file("none.pem", "hola"),
    await folder.file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
  ];
  assertEquals(await codeOf(loadCertificate(none, none)), "certificate-invalid");
  assertEquals(await codeOf(loadCertificate(broken, none)), "certificate-invalid");
  assertEquals(await codeOf(loadCertificate(`${folder.path}/gone`, none)), "file-unreadable");
  await folder.file("server.pem", "");
  assertEquals(await codeOf(loadOrCreateCertificate(folder.path, NOW_MS)), "certificate-invalid");
  assertEquals(await codeOf(loadOrCreateCertificate(`${none}/chat`, NOW_MS)), "file-unwritable");
});

/** With a key on the curve secp256k1. */
const UNUSABLE = `
-----BEGIN CERTIFICATE-----
MIIBbDCCARKgAwIBAgIULMXj7sK/DgzZLdsPDukGY60kPowwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAgFw0yNjExMjkwMzAxMDNaGA8yMTI2MTEwNTAzMDEwM1ow
DDEKMAgGA1UEAwwBeDBWMBAGByqGSM49AgEGBSuBBAAKA0IABKrWqVdI/G96Zkfe
XCqVeQjbTtrzhGnDKrb/BO1eW9BjLJHeaXFvoAxfvQyti2QzeY9WcTORpCQMT7K9
t5xDIByjUzBRMB0GA1UdDgQWBBRDfuiwfk+12QdP15Y66Okxhx0RVjAfBgNVHSME
GDAWgBRDfuiwfk+12QdP15Y66Okxhx0RVjAPBgNVHRMBAf8EBTADAQH/MAoGCCqG
SM49BAMCA0gAMEUCIFg3VpgfHDXIdadNdCnX14wBRvD3zOM7VnlOIKsCe/ATAiEA
1hx0tsnHb+eiB1jCEbD964HOBe7lKVV/Wx51tlhnyww=
-----END CERTIFICATE-----
-----BEGIN EC PRIVATE KEY-----
MHQCAQEEIOEdq2H8OsPIO88rYtfttauQnQSLZmV02qBva1f5T8GWoAcGBSuBBAAK
oUQDQgAEqtapV0j8b3pmR95cKpV5CNtO2vOEacMqtv8E7V5b0GMskd5pcW+gDF+9
DK2LZDN5j1ZxM5GkJAxPsr23nEMgHA==
-----END EC PRIVATE KEY-----
`;

Deno.test("loadCertificate() refuses a pair that OpenSSL accepts and TLS does not", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("pair.pem", UNUSABLE);
  assertEquals(await codeOf(loadCertificate(path, path)), "certificate-unusable");
});

Deno.test("loadCertificate() names the file of a key that has a passphrase", writing, async () => {
  await using folder = new TestFolder();
  const cert = await folder.file("cert.pem", (await caSignedPair("127.0.0.1")).cert);
  for (
    const [type, header] of [
      ["ENCRYPTED", ""],
      ["EC", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"],
    ]
  ) {
    const pem = `-----BEGIN ${type} PRIVATE KEY-----\n${header}AAAA\n-----END ${type} PRIVATE KEY-----\n`;
    const key = await folder.file("key.pem", pem);
    const error = await assertRejects(() => loadCertificate(cert, key), InputError);
    assertEquals([error.code, error.details.path], ["key-encrypted", key]);
  }
});

Deno.test("loadCertificate() reads files with a byte order mark", writing, async () => {
  await using folder = new TestFolder();
  const { cert, key } = await caSignedPair("127.0.0.1");
  const given = await loadCertificate(
    await folder.file("cert.pem", `\ufeff${cert}`),
    await folder.file("key.pem", `\ufeff${key}`),
  );
  assertEquals([given.cert, given.key], [cert, key]);
});

Deno.test("loadCertificate() refuses the key of another certificate", writing, async () => {
  await using folder = new TestFolder();
  const cert = await folder.file("cert.pem", (await caSignedPair("127.0.0.1")).cert);
  const key = await folder.file("key.pem", (await caSignedPair("127.0.0.1")).key);
  assertEquals(await codeOf(loadCertificate(cert, key)), "certificate-invalid");
});

Deno.test("tlsServer() answers a client without TLS in plain text, and ends without a reset", async () => {
  const { wrapTls, refusal } = await tlsWire(LOOPBACK);
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  using client = await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port });
  await client.write(new Uint8Array(50_000)); // more than the server reads
  const server = wrapTls(await listener.accept());
  const end = server.read(new Uint8Array(10)).catch(() => null);
  const reply = new Uint8Array(100);
  assertEquals(reply.subarray(0, await client.read(reply) ?? 0), refusal);
  assertEquals(await client.read(reply), null);
  assertEquals(await end, null);
  // After a reset this fails, and the reply may be lost.
  assertEquals(await client.write(Uint8Array.of(1)), 1);
  server.close();
});
