// BackupChecker: which backups of a server answer, and with which certificate.

import { assertEquals } from "@std/assert";
import { translator } from "../../lib/i18n/translate.ts";
import { formatAddress } from "../../lib/net/address.ts";
import { BackupChecker } from "../../lib/server/backup_checker.ts";
import { freeAddress, UNKNOWN_NAME } from "../testing/addresses.ts";
import { FakeServer } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { encodeServer } from "../../lib/protocol/frames.ts";
import { selfSignedPair } from "../testing/certificates.ts";
import { fingerprint } from "../../lib/net/tls.ts";
import { tlsServer } from "../../lib/net/tls_server.ts";

Deno.test("BackupChecker.stateOf() finds servers that answer, whatever they answer", async () => {
  using checker = new BackupChecker(translator("es"));
  await using server = startServer();
  const address = formatAddress(server.address);
  assertEquals((await checker.stateOf(address))?.text, `✓ ${address} responde`);
  await using older = new FakeServer((client) =>
    client.send({ type: "error", code: "frame-unknown", reason: "" })
  );
  assertEquals(
    (await checker.stateOf(formatAddress(older.address)))?.text,
    `✓ ${formatAddress(older.address)} responde`,
  );
});

Deno.test("BackupChecker.stateOf() tells why a server does not answer", async () => {
  using checker = new BackupChecker(translator("es"));
  const unused = formatAddress(freeAddress());
  assertEquals((await checker.stateOf(unused))?.text, `✗ ${unused}: ahí no escucha ningún servidor`);
  const unknown = `${UNKNOWN_NAME}:5000`;
  assertEquals((await checker.stateOf(unknown))?.text, `✗ ${unknown}: no se encontró el nombre`);
  await using ended = new FakeServer(() => Promise.resolve());
  const silent = formatAddress(ended.address);
  assertEquals((await checker.stateOf(silent))?.text, `✗ ${silent}: no responde`);
  await using other = new FakeServer((client) => client.send(new TextEncoder().encode("220 mail\r\n")));
  const mail = formatAddress(other.address);
  assertEquals(
    (await checker.stateOf(mail))?.text,
    `✗ ${mail}: ahí responde otro programa, no un servidor de chat`,
  );
});

Deno.test("BackupChecker.stateOf() says nothing once the checker is disposed of", async () => {
  const checker = new BackupChecker(translator("es"));
  await using server = new FakeServer(async (client) => {
    await client.expect("probe");
    checker[Symbol.dispose]();
    await client.receiveAll();
  });
  assertEquals(await checker.stateOf(formatAddress(server.address)), undefined);
  assertEquals(await checker.stateOf(formatAddress(server.address)), undefined);
});

Deno.test("BackupChecker.stateOf() compares the certificate with the fingerprint of the backup", async () => {
  using checker = new BackupChecker(translator("es"));
  const pair = await selfSignedPair();
  const wrapTls = await tlsServer({
    ...pair,
    plaintextReply: () => encodeServer({ type: "error", code: "tls-needed", reason: "" }),
  });
  await using server = startServer({ credentials: { wrapTls } });
  await using plain = startServer();
  const print = fingerprint(pair.cert);
  const other = fingerprint((await selfSignedPair()).cert);
  const [address, plainAddress] = [formatAddress(server.address), formatAddress(plain.address)];
  const stateOf = async (backup: string) => {
    const { text, values } = (await checker.stateOf(backup))!;
    return [text, values];
  };
  const [short, shortOther] = [print, other].map((each) => `(${each.slice(0, 15)}…)`);
  assertEquals(await stateOf(`${address}#${print}`), [
    `✓ ${address} ${short} responde`,
    { server: address, fingerprint: print },
  ]);
  assertEquals(await stateOf(`${address}#${other}`), [
    `✗ ${address} ${shortOther}: su certificado no es el esperado`,
    { server: address, fingerprint: other, why: "certificate-other" },
  ]);
  assertEquals(await stateOf(`${plainAddress}#${print}`), [
    `✗ ${plainAddress} ${short}: no usa TLS`,
    { server: plainAddress, fingerprint: print, why: "not-tls" },
  ]);
  using old = new BackupChecker(translator("es"), { canTls: false });
  assertEquals((await old.stateOf(`${address}#${other}`))?.text, `✓ ${address} ${shortOther} responde`);
});

Deno.test("BackupChecker reports a backup that fails twice, and one that answers again", async () => {
  using checker = new BackupChecker(translator("es"), { recheckMs: 1 });
  const changes: string[] = [];
  let change = Promise.withResolvers<void>();
  checker.onChange = ({ text }) => {
    changes.push(text);
    change.resolve();
    change = Promise.withResolvers();
  };
  const removed = formatAddress(freeAddress());
  checker.isBackup = (backup) => backup !== removed;
  const address = freeAddress();
  const backup = formatAddress(address);
  for (const each of [backup, backup, removed]) {
    assertEquals((await checker.stateOf(each))?.text, `✗ ${each}: ahí no escucha ningún servidor`);
  }
  {
    const { promise } = change;
    await using _server = startServer({ listen: address });
    await promise;
  }
  const fails = `✗ ${backup}: ahí no escucha ningún servidor`;
  while (changes.length < 2) await change.promise;
  assertEquals(changes, [`✓ ${backup} responde`, fails]);
});
