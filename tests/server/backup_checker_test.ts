// BackupChecker: which backups of a server answer.

import { assertEquals } from "@std/assert";
import { translator } from "../../lib/i18n/translate.ts";
import { formatAddress } from "../../lib/net/address.ts";
import { BackupChecker } from "../../lib/server/backup_checker.ts";
import { freeAddress, UNKNOWN_NAME } from "../testing/addresses.ts";
import { FakeServer } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";

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

Deno.test("BackupChecker reports once that a backup answers which did not, while it is one", async () => {
  using checker = new BackupChecker(translator("es"), { recheckMs: 1 });
  const answers: string[] = [];
  const answered = Promise.withResolvers<void>();
  checker.onAnswer = ({ text }) => {
    answers.push(text);
    answered.resolve();
  };
  const removed = formatAddress(freeAddress());
  checker.isBackup = (backup) => backup !== removed;
  const address = freeAddress();
  const backup = formatAddress(address);
  for (const each of [backup, backup, removed]) {
    assertEquals((await checker.stateOf(each))?.text, `✗ ${each}: ahí no escucha ningún servidor`);
  }
  await using _server = startServer({ listen: address });
  await answered.promise;
  assertEquals(answers, [`✓ ${backup} responde`]);
});
