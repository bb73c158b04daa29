// chat-client at servers with a password or TLS, on sockets.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { InputError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { fingerprint } from "../../lib/net/tls.ts";
import { selfSignedPair } from "../testing/certificates.ts";
import {
  ClientUser,
  NOON,
  rejections,
  SECRET,
  startServerAtNoon,
  startServerWithPassword,
  startTlsServer,
} from "../testing/client_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeServer } from "../testing/raw_peer.ts";
import { freeAddress } from "../testing/addresses.ts";
import { pipeWithoutWriter, TestFolder, writing } from "../testing/test_folder.ts";

const own = await selfSignedPair();
const other = await selfSignedPair();

/** A user with line editing. */
function userAtScreen(configFolder?: string): ClientUser {
  return new ClientUser({ configFolder, isTty: true, tty: new FakeScreen({ columns: 400 }) });
}

Deno.test("chat-client --password-file joins without a notice", writing, async () => {
  await using server = startServerWithPassword();
  await using folder = new TestFolder();
  await using ana = new ClientUser();
  ana.type("hola\n");
  ana.endInput();
  ana.dial(
    server.address,
    "--password-file",
    await folder.file("password", `${SECRET}\r\nnot this\n`),
    "--auto",
  );
  const output = await ana.ended();
  assertEquals(output.split(".")[0], "Conectado a 127");
  assert(!output.includes(SECRET));
  assert(ana.hasGivenUpFiles);
});

Deno.test("chat-client sends no chat line of a pipe as a password", async () => {
  const { codes, onReject } = rejections();
  await using server = startServerWithPassword({ onReject });
  await using ana = new ClientUser();
  ana.type("a\nb\n");
  ana.dial(server.address);
  assertEquals(
    await ana.ended(1),
    `[${NOON}] ! No se pudo entrar en ${formatAddress(server.address)}: pide una contraseña.
[${NOON}] ! Aquí no se puede pedir la contraseña: use --password-file con un archivo que la contenga.
Líneas de la entrada leídas pero no enviadas: 2.
`,
  );
  assertEquals(codes, []); // no wrong password came
});

Deno.test("chat-client takes the password from a pipe that answers the questions", async () => {
  await using server = startServerWithPassword();
  const { host, port } = server.address;
  await using ana = new ClientUser();
  ana.type(`${host}\n${port}\nana\n${SECRET}\nhola\n`);
  ana.endInput();
  ana.start();
  assertStringIncludes(await ana.ended(), "ana: hola\n");
});

Deno.test("chat-client sends no chat line as a password after a loss either", async () => {
  const { codes, onReject } = rejections();
  await using second = startServerWithPassword({ onReject });
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    first.stop();
  }, { backups: [formatAddress(second.address)] });
  await using ana = new ClientUser();
  const { host, port } = first.address;
  ana.type(`${host}\n${port}\nana\nuno\n`);
  ana.start();
  await ana.waitForOutput("Nuevo servidor");
  ana.type(`${formatAddress(second.address)}\ndos\ntres\n`);
  await ana.waitForOutput("--password-file");
  ana.endInput();
  assertStringIncludes(await ana.ended(1), "Mensajes sin confirmar al salir: 3.");
  assertEquals(codes, []);
});

Deno.test("chat-client leads from the password of another server back to the servers", async () => {
  await using second = startServerWithPassword();
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    first.stop();
  }, { backups: [formatAddress(second.address)] });
  await using ana = userAtScreen();
  const { host, port } = first.address;
  ana.start("--host", host, "--port", `${port}`, "--nick", "ana");
  await ana.waitForOutput("En línea");
  ana.type("hola\r");
  for (let round = 0; round < 2; round++) {
    await ana.waitForOutput(`[${formatAddress(second.address)}, responde]`);
    ana.output = "";
    ana.type("\r");
    await ana.waitForOutput(`Contraseña de ${formatAddress(second.address)} (Enter: otro servidor):`);
    ana.output = "";
    ana.type("\r");
  }
  await ana.waitForOutput("¿A qué servidor?");
  ana.type("salir\r");
  await ana.ended();
});

Deno.test("chat-client ends at a signal while it waits for a file that is a pipe", async () => {
  using _ = pipeWithoutWriter("pipe");
  for (const flag of ["--password-file", "--ca"]) {
    await using ana = new ClientUser();
    const status = ana.run(runClient, flag, "pipe");
    ana.terminate();
    await assertRejects(() => status, DOMException); // of the signal
  }
});

Deno.test("chat-client shows an unknown certificate, and remembers a yes", writing, async () => {
  await using folder = new TestFolder();
  await using server = await startTlsServer(own);
  await using ana = userAtScreen(folder.path);
  ana.dial(server.address);
  await ana.waitForOutput("¿Confiar en este certificado?");
  assertStringIncludes(ana.output, fingerprint(own.cert));
  assertEquals(/No se pudo entrar|TLS/.test(ana.output), false); // the question says all that helps
  assert(!ana.hasGivenUpFiles);
  ana.type("sí\r");
  await ana.waitForOutput("Conectado");
  await ana.quit();
  const known = await Deno.readTextFile(`${folder.path}/known_servers`);
  assertEquals(known, `${formatAddress(server.address)} ${fingerprint(own.cert)}\n`);
  // The next time TLS is used without a prompt, for a pipe as well.
  await using next = await ClientUser.on(server, { configFolder: folder.path, flags: ["--auto"] });
  assert(next.hasGivenUpFiles);
  await next.quit();
});

Deno.test("chat-client --ca drops its file permissions before it asks anything", writing, async () => {
  await using folder = new TestFolder();
  await using ana = userAtScreen(folder.path);
  ana.start("--ca", await folder.file("ca.pem", own.cert));
  await ana.waitForOutput("Servidor (IP o nombre)");
  assert(ana.hasGivenUpFiles);
  await ana.quit();
});

Deno.test("chat-client ends with a hint at a changed certificate", writing, async () => {
  await using folder = new TestFolder();
  await using server = await startTlsServer(own);
  const where = formatAddress(server.address);
  await folder.file("known_servers", `${where} ${fingerprint(other.cert)}\n`);
  await using ana = new ClientUser({ configFolder: folder.path });
  ana.dial(server.address, "--auto");
  assertStringIncludes(await ana.ended(1), `ejecute deno task client --forget ${where}`);
});

Deno.test("chat-client fails over only to a backup with the announced fingerprint", writing, async () => {
  const { codes, onReject } = rejections();
  await using plain = startServerAtNoon({ onReject });
  await using impostor = await startTlsServer(own);
  await using second = await startTlsServer(other);
  const backups = [
    formatAddress(plain.address),
    ...[impostor, second].map(({ address }) => `${formatAddress(address)}#${fingerprint(other.cert)}`),
  ];
  await using first = await startTlsServer(own, { backups });
  await using folder = new TestFolder();
  await folder.file("known_servers", `${formatAddress(first.address)} ${fingerprint(own.cert)}\n`);
  await using ana = await ClientUser.on(first, { configFolder: folder.path, flags: ["--auto"] });
  await first.close();
  await ana.waitForOutput(`Conectado a ${formatAddress(second.address)}`);
  const output = await ana.quit();
  assertStringIncludes(output, `${formatAddress(plain.address)} no usa TLS`);
  assertStringIncludes(output, "NO ES EL ESPERADO");
  assertEquals([[...plain.members], [...impostor.members]], [[], []]);
  assertEquals(codes, ["tls-unexpected", "tls-unexpected"]); // a probe, and a dial
});

Deno.test("chat-client on a Deno without TLS does not dial a known server", writing, async () => {
  await using folder = new TestFolder();
  const server = freeAddress();
  await folder.file("known_servers", `${formatAddress(server)} ${fingerprint(own.cert)}\n`);
  await using ana = new ClientUser({ configFolder: folder.path, runtime: "Deno 2.6.10, here" });
  const flags = ["--host", formatAddress(server), "--nick", "ana", "--auto"];
  const { code } = await assertRejects(() => ana.run(runClient, ...flags), InputError);
  assertEquals(code, "tls-lacking");
});

Deno.test("chat-client names the line of a server without TLS now, and forgets it", writing, async () => {
  await using server = startServerAtNoon();
  await using folder = new TestFolder();
  const where = formatAddress(server.address);
  const path = await folder.file("known_servers", `${where} ${fingerprint(own.cert)}\n`);
  const options = { configFolder: folder.path };
  await using pipe = new ClientUser(options);
  pipe.dial(server.address);
  const told = `El certificado de ese servidor está en ${path}, línea 1.`;
  assertStringIncludes(await pipe.ended(1), told);
  await using ana = userAtScreen(folder.path);
  ana.dial(server.address);
  await ana.waitForOutput("(s/n) [n]: ");
  assertStringIncludes(ana.output, told);
  ana.type("s\r");
  await ana.waitForOutput("Conectado");
  await ana.quit();
  assertEquals(await Deno.readTextFile(path), "");
});

Deno.test("chat-client --forget forgets a certificate, and ends", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("known_servers", `aula:5001 ${fingerprint(own.cert)}\n`);
  const forget = async () => {
    await using ana = new ClientUser({ configFolder: folder.path });
    ana.start("--forget", "Aula:5001");
    return await ana.ended();
  };
  assertStringIncludes(await forget(), "Este equipo ya no recuerda el certificado de Aula:5001");
  assertEquals(await Deno.readTextFile(path), "");
  assertEquals((await assertRejects(forget, InputError)).code, "server-not-known");
});

Deno.test("chat-client offers server, port and nick of the last time at a screen", writing, async () => {
  await using server = startServerAtNoon();
  const { port } = server.address;
  await using folder = new TestFolder();
  const path = `${folder.path}/last_join`;
  const options = { configFolder: folder.path };
  await (await ClientUser.on(server, options)).quit(); // a pipe
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  await using first = userAtScreen(folder.path);
  await first.join(server.address);
  first.type("/nick anita\r");
  await first.waitForOutput("se llama ahora anita");
  await first.quit();
  assertEquals(await Deno.readTextFile(path), `127.0.0.1\n${port}\nanita\n`);
  await using next = userAtScreen(folder.path);
  next.start();
  for (const question of ["nombre) [127.0.0.1]:", `Puerto [${port}]:`, "Nick [anita]:"]) {
    await next.waitForOutput(question);
    next.type("\r");
  }
  await next.waitForOutput("Conectado");
  assert(!next.hasGivenUpFiles);
  await next.quit();
  // Read before the permissions are given up.
  await using auto = userAtScreen(folder.path);
  auto.start("--auto", "--host", "127.0.0.1", "--port", `${port}`);
  await auto.waitForOutput("Nick [anita]:");
  assert(auto.hasGivenUpFiles);
  await auto.quit();
  for (
    const [user, flag] of [[userAtScreen(folder.path), "--no-remember"], [
      new ClientUser(options),
      "--utc",
    ]] as const
  ) {
    await using ana = user;
    ana.start(flag, "--host", "127.0.0.1");
    await ana.waitForOutput("Puerto [5000]:");
    ana.type(`${port}\r\n`);
    await ana.waitForOutput("Nick:");
  }
});

Deno.test("chat-client takes flags from its config file, and names a wrong line", writing, async () => {
  await using server = startServerAtNoon();
  const { host, port } = server.address;
  const configOf = (...lines: string[]) => ({
    path: "client.conf",
    lines: lines.map((arg, index) => ({ number: index + 1, text: arg, arg })),
  });
  await using ana = new ClientUser({
    configFile: configOf(`--host=${host}`, `--port=${port}`, "--nick=beto"),
  });
  ana.start("--nick", "ana");
  await ana.waitForOutput("En línea: ana.");
  await ana.quit();
  await using other = new ClientUser({ configFile: configOf("--utc", "--port=0") });
  const error = await assertRejects(() => other.run(runClient), InputError);
  assertStringIncludes(errorText(error, "en"), 'client.conf, line 2: Port "0"');
});
