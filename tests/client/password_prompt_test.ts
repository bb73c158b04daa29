// Getting in where a password is asked for, a real server and a real client on real sockets.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { serve } from "../../lib/server/main.ts";
import { flagsFor, newUser, NOON, rejections, SECRET, startServer, withPassword } from "./auth_fixture.ts";
import { dialPeer, FakeServer, join, makeHello } from "../raw_peer.ts";
import { FakeUser } from "../fake_user.ts";
import { freeAddress } from "../support.ts";
import { TestFolder, writing } from "../test_folder.ts";

Deno.test("A server with a password lets in who knows it, and nobody else", async () => {
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
  // That somebody was asked is not worth a line.
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
      await using person = newUser();
      const { host, port } = freeAddress();
      const status = person.run(serve, "--host", host, "--port", String(port), "--password-file", path);
      await person.waitForOutput("Escuchando");
      person.terminate();
      assertEquals(await status, 0);
      assertEquals(person.output.slice(0, person.output.indexOf("Escuchando")).endsWith(line), true);
      assertEquals(person.output.includes("chmod"), line !== "");
    }
  },
});

Deno.test("A server without a password lets in who gives one", async () => {
  await using server = await startServer();
  using _ = (await join(server.address, makeHello("ana", { password: "cualquiera" }))).peer;
});

Deno.test("A client says its password only to a server that has asked for it", writing, async () => {
  const passwords: string[] = [];
  await using folder = new TestFolder();
  await using fake = new FakeServer(async (client, visit) => {
    passwords.push((await client.expect("hello")).password);
    if (visit === 0) await client.send({ type: "error", code: "password-needed", reason: "" });
    else await client.send({ type: "error", code: "banned", reason: "" });
  });
  await using person = newUser();
  const file = await folder.file("password", `${SECRET}\n`);
  assertEquals(await person.run(runClient, ...flagsFor(fake.address, "--password-file", file)), 1);
  assertEquals(passwords, ["", SECRET]);
  assert(!person.output.includes("contraseña"), person.output);
});

Deno.test("The password in a file opens the door without a word about it", writing, async () => {
  await using server = await withPassword();
  await using folder = new TestFolder();
  await using person = newUser();
  person.type("hola\n");
  person.endInput();
  const file = await folder.file("password", `${SECRET}\r\nnot this\n`);
  assertEquals(
    await person.run(runClient, ...flagsFor(server.address, "--password-file", file, "--auto")),
    0,
  );
  assertEquals(person.output.split("\n")[0]!.split(".")[0], "Conectado a 127");
  assert(!person.output.includes(SECRET));
  assert(person.hasGivenUpFiles);
});

Deno.test("A pipe is asked for the password, which is not shown; a wrong one is asked for again", async () => {
  await using server = await withPassword();
  await using person = newUser();
  person.type(`salir\n\n${SECRET}\nhola\n`);
  person.endInput();
  assertEquals(await person.run(runClient, ...flagsFor(server.address)), 0);
  const where = formatAddress(server.address);
  assertEquals(
    person.output,
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

Deno.test("A client that nobody can answer for gives up with the reason", async () => {
  await using server = await withPassword();
  for (const more of [["--auto"], []]) {
    await using person = newUser();
    person.endInput();
    assertEquals(await person.run(runClient, ...flagsFor(server.address, ...more)), 1);
    assertStringIncludes(person.output, "pide una contraseña");
    assertStringIncludes(person.output, "--password-file");
  }
});

Deno.test("What is typed for a password is not on the screen, nor in what follows", async () => {
  await using server = await withPassword();
  await using person = newUser({ atScreen: true });
  const status = person.run(runClient, ...flagsFor(server.address));
  await person.waitForOutput("Contraseña:");
  person.type("ábrete");
  person.type(" sésamo\r");
  await person.waitForOutput("Conectado");
  person.type("salir\r");
  assertEquals(await status, 0);
  for (const part of ["ábrete", "sésamo", "sés"]) assert(!person.output.includes(part), person.output);
});

Deno.test("Where the system shows what is typed, no password is asked for", async () => {
  await using server = await withPassword();
  await using person = new FakeUser({ isTty: true });
  const status = person.run(runClient, ...flagsFor(server.address));
  await person.waitForOutput("--password-file");
  person.terminate();
  assertEquals(await status, 0);
  assert(!person.output.includes("Contraseña:"));
});

Deno.test(
  "After a fall, a backup that was named gets the password unasked; another server does not",
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
    await using person = newUser();
    const status = person.run(runClient, ...flagsFor(first.address, "--password-file", file));
    await person.waitForOutput(`Conectado a ${formatAddress(first.address)}`);
    await first.close();
    await person.waitForOutput("Nuevo servidor");
    person.type(`${formatAddress(second.address)}\n`);
    await person.waitForOutput(`Conectado a ${formatAddress(second.address)}`);
    await second.close();
    person.type(`${formatAddress(stranger.address)}\n`);
    await person.until((output) => output.includes("Contraseña:"), "the question");
    assertEquals(asked, [""]);
    person.type("\n");
    person.endInput();
    assertEquals(await status, 0); // all that was said had arrived
    assertEquals(asked, [""]);
  },
);
