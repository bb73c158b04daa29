// Joining a server with a password, with a real server and a real client on sockets.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { serve } from "../../lib/server/main.ts";
import {
  flagsFor,
  newUser,
  NOON,
  rejections,
  SECRET,
  startServer,
  withPassword,
} from "../testing/auth_fixture.ts";
import { dialPeer, FakeServer, join, makeHello } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { freeAddress } from "../testing/addresses.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

Deno.test("A server with a password accepts those clients that send it", async () => {
  const { told, onReject } = rejections();
  await using server = await withPassword({ onReject });
  for (
    const [password, code] of [
      ["", "password-needed"],
      ["otra", "password-wrong"],
      [`${SECRET} `, "password-wrong"],
    ] as const
  ) {
    using peer = await dialPeer(server.address);
    await peer.send(makeHello("ana", { password }));
    assertEquals((await peer.receiveAll()).map((message) => "code" in message && message.code), [code]);
  }
  using peer = (await join(server.address, makeHello("ana", { password: SECRET }))).peer;
  await peer.send({ type: "bye" });
  // A client that is asked for the password is not worth a line.
  assertEquals(told, ["password-wrong", "password-wrong"]);
});

Deno.test({
  name: "A server says that others can read its password, and how to change that",
  ignore: writing.ignore || Deno.build.os === "windows",
  fn: async () => {
    await using folder = new TestFolder();
    const path = await folder.file("password", SECRET);
    for (const [mode, line] of [[0o644, `con chmod 600 '${path}'\n`], [0o600, ""]] as const) {
      await Deno.chmod(path, mode);
      await using user = newUser();
      const { host, port } = freeAddress();
      const status = user.run(serve, "--host", host, "--port", String(port), "--password-file", path);
      await user.waitForOutput("Escuchando");
      user.terminate();
      assertEquals(await status, 0);
      assertEquals(user.output.slice(0, user.output.indexOf("Escuchando")).endsWith(line), true);
      assertEquals(user.output.includes("chmod"), line !== "");
    }
  },
});

Deno.test("A server without a password accepts a client that sends one", async () => {
  await using server = await startServer();
  using _ = (await join(server.address, makeHello("ana", { password: "cualquiera" }))).peer;
});

Deno.test("A client sends its password only to a server that has asked for it", writing, async () => {
  const passwords: string[] = [];
  await using folder = new TestFolder();
  await using fake = new FakeServer(async (client, visit) => {
    passwords.push((await client.expect("hello")).password);
    if (visit === 0) await client.send({ type: "error", code: "password-needed", reason: "" });
    else await client.send({ type: "error", code: "banned", reason: "" });
  });
  await using user = newUser();
  const file = await folder.file("password", `${SECRET}\n`);
  assertEquals(await user.run(runClient, ...flagsFor(fake.address, "--password-file", file)), 1);
  assertEquals(passwords, ["", SECRET]);
  assert(!user.output.includes("contraseña"), user.output);
});

Deno.test("The password of --password-file is sent without a notice", writing, async () => {
  await using server = await withPassword();
  await using folder = new TestFolder();
  await using user = newUser();
  user.type("hola\n");
  user.endInput();
  const file = await folder.file("password", `${SECRET}\r\nnot this\n`);
  assertEquals(
    await user.run(runClient, ...flagsFor(server.address, "--password-file", file, "--auto")),
    0,
  );
  assertEquals(user.output.split("\n")[0]!.split(".")[0], "Conectado a 127");
  assert(!user.output.includes(SECRET));
  assert(user.hasGivenUpFiles);
});

Deno.test("A pipe is asked for the password, which is not shown; a wrong one is asked for again", async () => {
  await using server = await withPassword();
  await using user = newUser();
  user.type(`salir\n\n${SECRET}\nhola\n`);
  user.endInput();
  assertEquals(await user.run(runClient, ...flagsFor(server.address)), 0);
  const where = formatAddress(server.address);
  assertEquals(
    user.output,
    `Contraseña:
No se pudo entrar en ${where}: la contraseña no es correcta.
Contraseña:
La contraseña está vacía: escríbala en la primera línea.
Contraseña:
Conectado a ${where}. En línea: ana. Escriba "salir" para terminar.
[${NOON}] ana: hola
`,
  );
});

Deno.test("A client without a user to ask gives up with the reason", async () => {
  await using server = await withPassword();
  for (const more of [["--auto"], []]) {
    await using user = newUser();
    user.endInput();
    assertEquals(await user.run(runClient, ...flagsFor(server.address, ...more)), 1);
    assertStringIncludes(user.output, "pide una contraseña");
    assertStringIncludes(user.output, "--password-file");
  }
});

Deno.test("A typed password is not on the screen, nor in later output", async () => {
  await using server = await withPassword();
  await using user = newUser({ atScreen: true });
  const status = user.run(runClient, ...flagsFor(server.address));
  await user.waitForOutput("Contraseña:");
  user.type("ábrete");
  user.type(" sésamo\r");
  await user.waitForOutput("Conectado");
  user.type("salir\r");
  assertEquals(await status, 0);
  for (const part of ["ábrete", "sésamo", "sés"]) assert(!user.output.includes(part), user.output);
});

Deno.test("A client does not ask for a password where the system echoes input", async () => {
  await using server = await withPassword();
  await using user = new FakeUser({ isTty: true });
  const status = user.run(runClient, ...flagsFor(server.address));
  await user.waitForOutput("--password-file");
  user.terminate();
  assertEquals(await status, 0);
  assert(!user.output.includes("Contraseña:"));
});

Deno.test(
  "After a failover, a configured backup gets the password without a prompt, another server does not",
  writing,
  async () => {
    const asked: string[] = [];
    await using folder = new TestFolder();
    const file = await folder.file("password", SECRET);
    await using stranger = new FakeServer(async (client) => {
      asked.push((await client.expect("hello")).password);
      await client.send({ type: "error", code: "password-needed", reason: "" });
    });
    await using second = await withPassword();
    await using first = await withPassword({ backups: [formatAddress(second.address)] });
    await using user = newUser();
    const status = user.run(runClient, ...flagsFor(first.address, "--password-file", file));
    await user.waitForOutput(`Conectado a ${formatAddress(first.address)}`);
    await first.close();
    await user.waitForOutput("Nuevo servidor");
    user.type(`${formatAddress(second.address)}\n`);
    await user.waitForOutput(`Conectado a ${formatAddress(second.address)}`);
    await second.close();
    user.type(`${formatAddress(stranger.address)}\n`);
    await user.until((output) => output.includes("Contraseña:"), "the question");
    assertEquals(asked, [""]);
    user.type("\n");
    user.endInput();
    assertEquals(await status, 0); // all that was said had arrived
    assertEquals(asked, [""]);
  },
);
