// chat-server with a password or a certificate: whom it lets in, and what it tells its admin.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/main.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { selfSignedPair } from "../testing/certificates.ts";
import { rejections, SECRET, startServerWithPassword } from "../testing/client_fixture.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { RunningServer } from "../testing/running_server.ts";
import { dialPeer, join, makeHello } from "../testing/raw_peer.ts";
import { pipeWithoutWriter, TestFolder, writing } from "../testing/test_folder.ts";

/** What chat-server prints. */
async function startOutput(...flags: string[]): Promise<string> {
  await using server = await RunningServer.start(flags);
  assert(server.operator.hasGivenUpFiles);
  return await server.quit();
}

Deno.test("ClientHandler lets in with the password alone, and reports wrong ones", async () => {
  const { codes, onReject } = rejections();
  await using server = startServerWithPassword({ onReject });
  for (
    const [password, code] of [["", "password-needed"], ["otra", "password-wrong"], [
      `${SECRET} `,
      "password-wrong",
    ]]
  ) {
    using peer = await dialPeer(server.address);
    await peer.send(makeHello("ana", { password }));
    assertEquals<unknown>((await peer.receiveAll()).map((message) => "code" in message && message.code), [
      code,
    ]);
  }
  using _ = await join(server.address, makeHello("ana", { password: SECRET }));
  // A client that is asked for the password is not reported.
  assertEquals(codes, ["password-wrong", "password-wrong"]);
});

const onPosix = { ignore: writing.ignore || Deno.build.os === "windows" };

Deno.test("chat-server says how to hide a --password-file that others can read", onPosix, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("password", SECRET);
  for (const [mode, isTold] of [[0o644, true], [0o600, false]] as const) {
    await Deno.chmod(path, mode);
    const output = await startOutput("--password-file", path);
    assertEquals(output.includes(`: chmod 600 '${path}'\n`), isTold);
  }
});

Deno.test("chat-server says that other machines see a password without TLS", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("password", SECRET);
  const localAddresses = [{ address: "10.0.0.7", name: "eth0" }];
  const starts: [flags: string[], isTold: boolean][] = [
    [["--host", "0.0.0.0", "--password-file", path], true],
    [["--password-file", path], false],
    [["--host", "0.0.0.0", "--password-file", path, "--tls-auto", "--tls-dir", folder.path], false],
    [["--host", "0.0.0.0"], false],
  ];
  for (const [flags, isTold] of starts) {
    await using server = await RunningServer.start([...flags, "--no-announce"], { localAddresses });
    const output = await server.quit();
    assertEquals([flags, output.includes("sin cifrar")], [flags, isTold]);
  }
});

Deno.test("chat-server tells once that its certificate is new", writing, async () => {
  await using folder = new TestFolder();
  for (const isTold of [true, false]) {
    const output = await startOutput("--tls-auto", "--tls-dir", folder.path);
    assertEquals(output.includes(`Certificado nuevo en ${folder.path}/server.pem: `), isTold);
  }
});

Deno.test("chat-server ends at a signal while it waits for a file that is a pipe", async () => {
  using _ = pipeWithoutWriter("pipe");
  for (const flags of [["--password-file", "pipe"], ["--tls-cert", "pipe", "--tls-key", "key"]]) {
    await using admin = new FakeUser();
    const status = admin.run(serve, "--host", LOOPBACK, "--port", String(freeAddress().port), ...flags);
    admin.terminate();
    await assertRejects(() => status, DOMException); // of the signal
  }
});

Deno.test("chat-server refuses files without a password or a certificate", writing, async () => {
  await using folder = new TestFolder();
  const [own, other] = [await selfSignedPair(), await selfSignedPair()];
  const cert = await folder.file("cert", own.cert);
  const cases: [string, string[]][] = [
    ["password-file-empty", ["--password-file", await folder.file("empty", "\n")]],
    ["certificate-invalid", ["--tls-cert", cert, "--tls-key", await folder.file("key", "hola")]],
    ["certificate-invalid", ["--tls-cert", cert, "--tls-key", await folder.file("other", other.key)]],
    ["no-folder", ["--tls-auto"]],
    ["tls-lacking", ["--tls-auto", "--tls-dir", folder.path]],
    ["tls-lacking", ["--tls-cert", "cert", "--tls-key", "key"]],
  ];
  for (const [code, flags] of cases) {
    const runtime = code === "tls-lacking" ? "Deno 2.6.10, here" : undefined;
    await using admin = new FakeUser({ runtime });
    const where = ["--host", LOOPBACK, "--port", String(freeAddress().port)];
    const error = await assertRejects(() => admin.run(serve, ...where, ...flags), InputError);
    assertEquals([error.code, admin.output], [code, ""]);
  }
});
