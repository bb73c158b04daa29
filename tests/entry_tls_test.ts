// Getting in where it is not enough to come: passwords and TLS, a real server and a real client on real sockets.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Address, formatAddress } from "../lib/address.ts";
import { chat } from "../lib/chat_client.ts";
import { ChatServer, type ChatServerOptions } from "../lib/chat_server.ts";
import { type ChatError, InputError } from "../lib/errors.ts";
import { fingerprintOf } from "../lib/fingerprint.ts";
import { explain } from "../lib/i18n.ts";
import { PasswordCheck } from "../lib/password.ts";
import { encodeServer } from "../lib/protocol.ts";
import type { RefusedPeer } from "../lib/reception.ts";
import { serve } from "../lib/server_program.ts";
import { tlsServer } from "../lib/tls_server.ts";
import { UNLIMITED } from "../lib/token_bucket.ts";
import { tlsNeeded } from "../lib/violations.ts";
import { ownPair, type Pair } from "./certificates.ts";
import { FakeScreen } from "./fake_screen.ts";
import {
  dialPeer,
  enter,
  FakeServer,
  freeAddress,
  helloOf,
  LOOPBACK,
  Person,
  soon,
  TestClock,
} from "./support.ts";
import { TestFolder, writing } from "./test_folder.ts";

const NOON = "2026-11-22 12:00:00";
const SECRET = "ábrete sésamo";
const own = await ownPair();
const other = await ownPair();

type Options = Partial<ChatServerOptions> & { readonly pair?: Pair };

async function startServer({ pair, ...options }: Options = {}): Promise<ChatServer> {
  const { code, message: reason } = tlsNeeded();
  const refusal = encodeServer({ type: "error", code, reason });
  const secure = pair && await tlsServer({ ...pair, refusal });
  return new ChatServer({ host: LOOPBACK, port: 0, clock: new TestClock(NOON).now, ...options, secure });
}

function guarded(options: Options = {}): Promise<ChatServer> {
  return startServer({ password: new PasswordCheck(SECRET), ...options });
}

/** A person at a pipe, or at a terminal with line editing. */
function newPerson(options: { configFolder?: string; atScreen?: boolean } = {}): Person {
  const { configFolder, atScreen } = options;
  const tty = atScreen ? new FakeScreen({ columns: 400 }) : undefined;
  return new Person({ clock: new TestClock(NOON).now, configFolder, isKeyboard: atScreen, tty });
}

function flagsFor(server: Address, ...more: string[]): string[] {
  return ["--host", formatAddress(server), "--nick", "ana", ...more];
}

/** What the server tells of those whom it refuses. */
function refusals(): { told: string[]; onRefused: (peer: RefusedPeer, error: Error) => void } {
  const told: string[] = [];
  return { told, onRefused: (_, error) => void told.push((error as ChatError).code) };
}

Deno.test("A server with a password lets in who knows it, and nobody else", async () => {
  const { told, onRefused } = refusals();
  await using server = await guarded({ onRefused });
  for (
    const [password, code] of [
      ["", "password-needed"],
      ["otra", "password-wrong"],
      [`${SECRET} `, "password-wrong"],
    ] as const
  ) {
    using peer = await dialPeer(server.address);
    await peer.say(helloOf("ana", { password }));
    assertEquals((await peer.rest()).map((message) => "code" in message && message.code), [code]);
  }
  using peer = (await enter(server.address, helloOf("ana", { password: SECRET }))).peer;
  await peer.say({ type: "bye" });
  // That somebody was asked is not worth a line.
  assertEquals(told, ["password-wrong", "password-wrong"]);
});

Deno.test({
  name: "A server says that others can read its password, and how to change that",
  ignore: writing.ignore || Deno.build.os === "windows",
  fn: async () => {
    await using folder = new TestFolder();
    const path = await folder.file("password", SECRET);
    for (const [mode, line] of [[0o644, `con chmod 600 ${path}\n`], [0o600, ""]] as const) {
      await Deno.chmod(path, mode);
      await using person = newPerson();
      const { host, port } = freeAddress();
      const status = person.runs(serve, "--host", host, "--port", String(port), "--password-file", path);
      await person.sees("Escuchando");
      person.kills();
      assertEquals(await status, 0);
      assertEquals(person.output.slice(0, person.output.indexOf("Escuchando")).endsWith(line), true);
      assertEquals(person.output.includes("chmod"), line !== "");
    }
  },
});

Deno.test("A server without a password lets in who gives one", async () => {
  await using server = await startServer();
  using _ = (await enter(server.address, helloOf("ana", { password: "cualquiera" }))).peer;
});

Deno.test("A client says its password only to a server that has asked for it", writing, async () => {
  const passwords: string[] = [];
  await using folder = new TestFolder();
  await using fake = new FakeServer(async (client, visit) => {
    passwords.push((await client.expect("hello")).password);
    if (visit === 0) await client.say({ type: "error", code: "password-needed", reason: "" });
    else await client.say({ type: "error", code: "banned", reason: "" });
  });
  await using person = newPerson();
  const file = await folder.file("password", `${SECRET}\n`);
  assertEquals(await person.runs(chat, ...flagsFor(fake.address, "--password-file", file)), 1);
  assertEquals(passwords, ["", SECRET]);
  assert(!person.output.includes("contraseña"), person.output);
});

Deno.test("The password in a file opens the door without a word about it", writing, async () => {
  await using server = await guarded();
  await using folder = new TestFolder();
  await using person = newPerson();
  person.types("hola\n");
  person.ends();
  const file = await folder.file("password", `${SECRET}\r\nnot this\n`);
  assertEquals(await person.runs(chat, ...flagsFor(server.address, "--password-file", file, "--auto")), 0);
  assertEquals(person.output.split("\n")[0]!.split(".")[0], "Conectado a 127");
  assert(!person.output.includes(SECRET));
  assert(person.hasGivenUpFiles);
});

Deno.test("A pipe is asked for the password, which is not shown; a wrong one is asked for again", async () => {
  await using server = await guarded();
  await using person = newPerson();
  person.types(`salir\n\n${SECRET}\nhola\n`);
  person.ends();
  assertEquals(await person.runs(chat, ...flagsFor(server.address)), 0);
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
  await using server = await guarded();
  for (const more of [["--auto"], []]) {
    await using person = newPerson();
    person.ends();
    assertEquals(await person.runs(chat, ...flagsFor(server.address, ...more)), 1);
    assertStringIncludes(person.output, "pide una contraseña");
    assertStringIncludes(person.output, "--password-file");
  }
});

Deno.test("What is typed for a password is not on the screen, nor in what follows", async () => {
  await using server = await guarded();
  await using person = newPerson({ atScreen: true });
  const status = person.runs(chat, ...flagsFor(server.address));
  await person.sees("Contraseña:");
  person.types("ábrete");
  person.types(" sésamo\r");
  await person.sees("Conectado");
  person.types("salir\r");
  assertEquals(await status, 0);
  for (const part of ["ábrete", "sésamo", "sés"]) assert(!person.output.includes(part), person.output);
});

Deno.test("Where the system shows what is typed, no password is asked for", async () => {
  await using server = await guarded();
  await using person = new Person({ isKeyboard: true });
  const status = person.runs(chat, ...flagsFor(server.address));
  await person.sees("--password-file");
  person.kills();
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
      await client.say({ type: "error", code: "password-needed", reason: "" });
    });
    await using second = await guarded();
    await using first = await guarded({ backups: [formatAddress(second.address)] });
    await using person = newPerson();
    const status = person.runs(chat, ...flagsFor(first.address, "--password-file", file));
    await person.sees(`Conectado a ${formatAddress(first.address)}`);
    await first.close();
    await person.sees("Nuevo servidor");
    person.types(`${formatAddress(second.address)}\n`);
    await person.sees(`Conectado a ${formatAddress(second.address)}`);
    await second.close();
    person.types(`${formatAddress(stranger.address)}\n`);
    await person.until((output) => output.includes("Contraseña:"), "the question");
    assertEquals(asked, [""]);
    person.types("\n");
    person.ends();
    assertEquals(await status, 1);
    assertEquals(asked, [""]);
  },
);

Deno.test("Over TLS people chat as they do without", writing, async () => {
  await using server = await guarded({ pair: own, messages: UNLIMITED });
  await using folder = new TestFolder();
  const file = await folder.file("password", SECRET);
  const flags = ["--password-file", file, "--tls-fingerprint", fingerprintOf(own.cert)];
  await using ana = newPerson();
  await using beto = newPerson();
  const statuses = [
    ana.runs(chat, ...flagsFor(server.address, ...flags)),
    beto.runs(chat, ...flagsFor(server.address, ...flags, "--nick", "beto")),
  ];
  await Promise.all([ana.sees("Conectado"), beto.sees("Conectado")]);
  // Longer than a record of TLS, and more than one write takes.
  const texts = Array.from({ length: 40 }, (_, i) => `#${i} ${"ñ".repeat(1_900)}`);
  ana.types(texts.map((text) => `${text}\n`).join(""));
  for (const person of [ana, beto]) {
    await person.sees(texts.at(-1)!);
    for (const text of texts) assertEquals(person.output.split(text).length, 2);
  }
  ana.types("salir\n");
  await beto.sees("ana (127.0.0.1) se ha desconectado");
  await server.close();
  await beto.sees("el servidor se ha cerrado");
  beto.ends();
  assertEquals(await statuses[0], 0);
  assertEquals(await statuses[1], 0);
});

Deno.test(
  "A certificate that nobody knows is shown, and trusted only with a yes, which is remembered",
  writing,
  async () => {
    await using folder = new TestFolder();
    await using server = await startServer({ pair: own });
    const where = formatAddress(server.address);
    await using person = newPerson({ configFolder: folder.path, atScreen: true });
    const status = person.runs(chat, ...flagsFor(server.address, "--tls"));
    await person.sees("¿Confiar en él?");
    assertStringIncludes(person.output, fingerprintOf(own.cert));
    assert(!person.hasGivenUpFiles);
    person.types("quizá\r");
    await person.sees("Responda sí o no.");
    person.types("sí\r");
    await person.sees("Conectado");
    person.types("salir\r");
    assertEquals(await status, 0);
    const known = `${folder.path}/known_servers`;
    assertEquals(await Deno.readTextFile(known), `${where} ${fingerprintOf(own.cert)}\n`);

    // The next time nobody is asked, and TLS goes without saying, for a pipe as well.
    await using next = newPerson({ configFolder: folder.path });
    next.types("hola\n");
    next.ends();
    assertEquals(await next.runs(chat, ...flagsFor(server.address, "--auto")), 0);
    assertStringIncludes(next.output, "ana: hola");
    assert(next.hasGivenUpFiles);
  },
);

Deno.test("A certificate that is not trusted is not spoken to", writing, async () => {
  await using folder = new TestFolder();
  const { told, onRefused } = refusals();
  await using server = await startServer({ pair: own, onRefused });
  await using person = newPerson({ configFolder: folder.path, atScreen: true });
  const status = person.runs(chat, ...flagsFor(server.address, "--tls"));
  await person.sees("¿Confiar en él?");
  person.types("no\r");
  await person.sees("Servidor (IP o nombre)");
  person.types("salir\r");
  assertEquals(await status, 0);
  assertEquals([[...Deno.readDirSync(folder.path)], [...server.people], told], [[], [], []]);
});

Deno.test("Without anybody to ask, an unknown certificate is refused with what would help", async () => {
  await using server = await startServer({ pair: own });
  for (const person of [newPerson(), newPerson({ atScreen: true })]) {
    await using _ = person;
    assertEquals(await person.runs(chat, ...flagsFor(server.address, "--tls", "--auto")), 1);
    assertStringIncludes(person.output, `añada --tls-fingerprint ${fingerprintOf(own.cert)}`);
    assert(person.hasGivenUpFiles);
  }
});

Deno.test(
  "A certificate that has changed is refused with both fingerprints and a way to mend it",
  writing,
  async () => {
    await using folder = new TestFolder();
    await using server = await startServer({ pair: own });
    const where = formatAddress(server.address);
    const path = await folder.file("known_servers", `${where} ${fingerprintOf(other.cert)}\n`);
    for (const more of [["--auto"], ["--tls", "--auto"]]) {
      await using person = newPerson({ configFolder: folder.path });
      assertEquals(await person.runs(chat, ...flagsFor(server.address, ...more)), 1);
      assertStringIncludes(person.output, "¡CUIDADO!");
      assertStringIncludes(person.output, `borre la línea de ${where} en ${path}`);
      assertStringIncludes(person.output, `Huella que se esperaba: ${fingerprintOf(other.cert)}`);
      assertStringIncludes(person.output, `Huella que muestra: ${fingerprintOf(own.cert)}`);
    }
    assertEquals([...server.people], []);
  },
);

Deno.test(
  "Somebody who meets TLS without --tls is asked whom to trust, and goes on with it",
  writing,
  async () => {
    await using folder = new TestFolder();
    await using server = await startServer({ pair: own });
    await using person = newPerson({ configFolder: folder.path, atScreen: true });
    const status = person.runs(chat, ...flagsFor(server.address));
    await person.sees("¿Confiar en él?");
    assertEquals(/No se pudo entrar|TLS/.test(person.output), false); // the question says all that helps
    assertStringIncludes(person.output, fingerprintOf(own.cert));
    person.types("sí\r");
    await person.sees("Conectado");
    person.types("salir\r");
    assertEquals(await status, 0);
    const known = `${folder.path}/known_servers`;
    assertStringIncludes(await Deno.readTextFile(known), fingerprintOf(own.cert));
  },
);

Deno.test("Whoever speaks the other language is told so", async () => {
  const { told, onRefused } = refusals();
  await using plain = await startServer({ onRefused });
  await using secret = await startServer({ pair: own });
  await using ana = newPerson();
  assertEquals(await ana.runs(chat, ...flagsFor(secret.address, "--auto")), 1);
  assertStringIncludes(ana.output, "solo habla TLS (opción --tls)");
  await using beto = newPerson();
  assertEquals(await beto.runs(chat, ...flagsFor(plain.address, "--auto", "--tls")), 1);
  assertStringIncludes(beto.output, "no habla TLS");
  assertEquals(told, ["tls-unexpected"]);
});

Deno.test(
  "After a fall, TLS goes on at a backup with the fingerprint that was announced, and nowhere else",
  writing,
  async () => {
    const { told, onRefused } = refusals();
    await using plain = await startServer({ onRefused });
    await using impostor = await startServer({ pair: own });
    await using second = await startServer({ pair: other });
    const backups = [
      formatAddress(plain.address),
      `${formatAddress(impostor.address)}#${fingerprintOf(other.cert)}`,
      `${formatAddress(second.address)}#${fingerprintOf(other.cert)}`,
    ];
    await using first = await startServer({ pair: own, backups });
    await using folder = new TestFolder();
    await folder.file("known_servers", `${formatAddress(first.address)} ${fingerprintOf(own.cert)}\n`);
    await using person = newPerson({ configFolder: folder.path });
    const status = person.runs(chat, ...flagsFor(first.address, "--auto"));
    await person.sees(`Conectado a ${formatAddress(first.address)}`);
    await first.close();
    await person.sees(`Conectado a ${formatAddress(second.address)}`);
    assertStringIncludes(person.output, `Lo que hay en ${formatAddress(plain.address)} no habla TLS`);
    assertStringIncludes(person.output, "NO MUESTRA EL CERTIFICADO QUE SE ANUNCIÓ");
    person.types("hola\nsalir\n");
    assertEquals(await status, 0);
    assertEquals([[...plain.people], [...impostor.people], told], [[], [], ["tls-unexpected"]]);
  },
);

Deno.test("A client that shakes no hand, or reads nothing, is gone when the server is done with it", async () => {
  await using server = await startServer({ pair: own, helloMs: 200 });
  const { host: hostname, port } = server.address;
  // Nothing, and half a handshake.
  await Promise.all([[], [22, 3, 1, 0, 200, 1]].map(async (bytes) => {
    using conn = await Deno.connect({ hostname, port });
    await conn.write(Uint8Array.from(bytes));
    const end = soon(conn.read(new Uint8Array(100)).catch(() => null), "the server to hang up");
    assertEquals(await end, null);
  }));
});

Deno.test(
  "chat-server makes its certificate, tells its fingerprint, and warns before it ends",
  writing,
  async () => {
    await using folder = new TestFolder();
    const fingerprints: string[] = [];
    for (const time of ["2026-11-22 12:00:00", "2036-11-01 12:00:00"]) {
      await using person = new Person({ clock: new TestClock(time).now, configFolder: folder.path });
      const status = person.runs(serve, "--host", LOOPBACK, "--port", "5987", "--tls-auto");
      await person.sees("Huella del certificado: ");
      fingerprints.push(/SHA256:\S+/.exec(person.output)![0]);
      assertEquals(person.output.includes("caduca el 2036-11-"), time.startsWith("2036"));
      assert(person.hasGivenUpFiles);
      person.kills();
      assertEquals(await status, 0);
    }
    assertEquals(new Set(fingerprints).size, 1);
  },
);

Deno.test("Where Deno cannot speak TLS, who wants it is told before anything is asked", async () => {
  const all: [typeof serve, string[]][] = [
    [serve, ["--tls-auto"]],
    [serve, ["--tls-cert", "cert", "--tls-key", "key"]],
    [chat, ["--tls"]],
    [chat, ["--ca", "ca"]],
    [chat, ["--tls-fingerprint", fingerprintOf(own.cert)]],
  ];
  for (const runtime of ["Deno 2.6.10, here", "Deno 2.7.14, here", "Deno 1.46.3, here"]) {
    for (const [main, flags] of all) {
      await using person = new Person({ runtime });
      const error = await assertRejects(() => person.runs(main, ...flags), InputError);
      assertEquals([error.code, person.output], ["tls-lacking", ""]);
      assertStringIncludes(explain(error, "es"), runtime);
    }
  }
});

Deno.test(
  "Where Deno cannot speak TLS, a server that is known to speak it is not dialled",
  writing,
  async () => {
    await using folder = new TestFolder();
    const server = freeAddress();
    await folder.file("known_servers", `${formatAddress(server)} ${fingerprintOf(own.cert)}\n`);
    const options = { configFolder: folder.path, runtime: "Deno 2.6.10, here" };
    await using person = new Person(options);
    const error = await assertRejects(() => person.runs(chat, ...flagsFor(server, "--auto")), InputError);
    assertEquals(error.code, "tls-lacking");
  },
);

Deno.test(
  "Flags that do not go together are refused, and so are files that cannot be used",
  writing,
  async () => {
    await using folder = new TestFolder();
    const empty = await folder.file("empty", "\n");
    const [cert, key] = [await folder.file("cert", own.cert), await folder.file("key", "hola")];
    const where = ["--host", LOOPBACK, "--port", "5988"];
    const cases: [typeof serve, string[], string][] = [
      [serve, ["--tls-cert", cert], "flag-alone"],
      [serve, ["--tls-key", cert], "flag-alone"],
      [serve, ["--tls-dir", folder.path], "flag-alone"],
      [serve, ["--tls-auto", "--tls-cert", cert, "--tls-key", cert], "flags-contrary"],
      [serve, ["--tls-auto"], "no-folder"],
      [serve, ["--tls-cert", cert, "--tls-key", key], "certificate-invalid"],
      [
        serve,
        ["--tls-cert", cert, "--tls-key", await folder.file("other", other.key)],
        "certificate-invalid",
      ],
      [serve, ["--password-file", empty], "password-empty"],
      [serve, ["--backup", "10.0.0.7#SHA256:no"], "fingerprint-invalid"],
      [chat, ["--password-file", `${folder.path}/gone`], "file-unreadable"],
      [chat, ["--ca", cert, "--tls-fingerprint", fingerprintOf(own.cert)], "flags-contrary"],
      [chat, ["--ca", key], "certificate-invalid"],
      [chat, ["--tls-fingerprint", "no"], "fingerprint-invalid"],
    ];
    for (const [main, flags, code] of cases) {
      await using person = newPerson();
      const error = await assertRejects(() => person.runs(main, ...where, ...flags), InputError);
      assertEquals([flags.join(" "), error.code], [flags.join(" "), code]);
    }
  },
);
