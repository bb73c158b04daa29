// What commands do on all screens: users at clients and an admin at the server's console, by pipe.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";
import type { Address } from "../../lib/net/address.ts";
import { serve } from "../../lib/server/main.ts";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { ClientUser, NOON, startServerAtNoon } from "../testing/client_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser, type FakeUserOptions } from "../testing/fake_user.ts";
import { FakeServer, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { PREFIXES } from "../../lib/render/renderer.ts";
import { CTRL_U, pasted } from "../testing/terminal_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { withTimeout } from "../testing/waiting.ts";

/** A server with an admin at its console, and its users. */
class ChatFixture implements AsyncDisposable {
  readonly address: Address = freeAddress();
  readonly clock = new TestClock(NOON);
  readonly admin = new FakeUser({ clock: this.clock.now });
  readonly #users: ClientUser[] = [];

  constructor(...flags: string[]) {
    const { host, port } = this.address;
    void this.admin.run(serve, "--host", host, "--port", String(port), ...flags);
  }

  /** A new user joins; `output` begins after the welcome. */
  addUser(nick: string, ...flags: string[]): Promise<ClientUser> {
    return this.addUserWith({}, nick, ...flags);
  }

  async addUserWith(options: FakeUserOptions, nick: string, ...flags: string[]): Promise<ClientUser> {
    await this.admin.waitForOutput("Escuchando");
    const user = new ClientUser({ clock: this.clock.now, ...options });
    this.#users.push(user);
    await user.join(this.address, "--nick", nick, ...flags);
    user.output = "";
    return user;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const user of this.#users) await user[Symbol.asyncDispose]();
    await this.admin[Symbol.asyncDispose]();
  }
}

Deno.test("chat-client /msg is read by its recipient and the console alone", async () => {
  await using chat = new ChatFixture();
  const [ana, beto, eva] = [await chat.addUser("ana"), await chat.addUser("beto"), await chat.addUser("eva")];
  ana.type("  /msg BETO ¿vienes?\n/msg bet hola\n/msg xyz hola\n/msg beto\nhola a todos\n");
  await Promise.all([ana, beto, eva, chat.admin].map((user) => user.waitForOutput("hola a todos")));
  for (const user of [ana, beto, chat.admin]) {
    assertStringIncludes(user.output, `[${NOON}] @ ana → beto: ¿vienes?\n`);
  }
  assertEquals(eva.output, `[${NOON}] ana: hola a todos\n`);
  assertStringIncludes(ana.output, 'Ningún miembro tiene el nick "bet". ¿Quiso decir beto?\n');
  assertStringIncludes(ana.output, 'Ningún miembro tiene el nick "xyz": /quien muestra quién está en línea.');
  assertStringIncludes(ana.output, "No se ejecutó. Se escribe así: /privado NICK TEXTO\n");
  const leo = await chat.addUser("leo");
  leo.type("/who\n");
  await leo.waitForOutput("leo (127.0.0.1)");
  assert(!leo.output.includes("vienes"), leo.output);
});

Deno.test("chat-client /who, /help and mistakes are answered to the user alone", async () => {
  await using chat = new ChatFixture();
  const [beto, ana] = [await chat.addUser("beto"), await chat.addUser("ana")];
  ana.type(["/who", "/nada", "//quien", "  ", "x".repeat(2_001), "/help", "adiós", ""].join("\n"));
  await Promise.all([ana, beto].map((user) => user.waitForOutput("ana: adiós\n")));
  assertStringIncludes(
    ana.output,
    `! En línea: 2.
  beto (127.0.0.1), desde ${NOON}
  ana (127.0.0.1), desde ${NOON}
! El comando "/nada" no existe. Vea la lista con /ayuda.
! No se envió: el mensaje tiene 2001 caracteres; acórtelo a 2000.
! Comandos:
  /ayuda, /help                     mostrar la ayuda
`,
  );
  const lines = ["* ana (127.0.0.1) se ha conectado", "ana: /quien", "ana: adiós"];
  assertEquals(beto.output, lines.map((line) => `[${NOON}] ${line}\n`).join(""));
});

Deno.test("chat-client /help explains marks, and keys at a screen, within 30 columns", async () => {
  await using chat = new ChatFixture();
  const [beto, eva] = [await chat.addUser("beto"), await chat.addUser("eva", "--json")];
  beto.type("/help\n");
  eva.type('{"command":"/help"}\n{"say":"adiós"}\n');
  await Promise.all([
    beto.waitForOutput("  …  un mensaje de usted, sin confirmar\n"),
    eva.waitForOutput("adiós"),
  ]);
  assertStringIncludes(
    beto.output,
    "  ~  un mensaje anterior a su entrada en este servidor\n",
  );
  assert(!beto.output.includes("Ctrl-R") && !eva.output.includes("sin confirmar"));
  for (
    const [language, first, last] of [["es", "Marcas al", "sale"], ["en", "Marks before", "leaves"]] as const
  ) {
    const options = { language, isTty: true, tty: new FakeScreen({ columns: 30 }) };
    await using ana = new ClientUser(options);
    ana.dial(chat.address, "--nick", `ana-${language}`);
    await ana.waitForOutput(`ana-${language}> `);
    ana.type("/help\r");
    await ana.waitForOutput(`${last}\n`);
    const rows = ana.output.slice(ana.output.indexOf(first), ana.output.lastIndexOf(`${last}\n`)).split("\n");
    assertEquals(rows.filter((row) => row.length > 30), []);
    const named = [...Object.values(PREFIXES), "Tab", "↑", "Ctrl-R", "Ctrl-C"];
    assertEquals(named.filter((name) => !rows.some((row) => row.startsWith(`  ${name} `))), []);
  }
});

Deno.test("CommandLoop says that the up arrow brings a message back that is too long", async () => {
  await using server = FakeServer.withWelcome();
  await using ana = await ClientUser.on(server, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
  ana.type(`${"x".repeat(2_001)}\r`);
  await ana.waitForOutput("acórtelo a 2000. Pulse la flecha arriba para recuperarlo.");
  ana.output = "";
  ana.type("\x1b[A");
  await ana.waitForOutput("xxx");
  ana.type(CTRL_U);
  await ana.quit();
});

Deno.test("CommandLoop runs a command that is typed behind blanks, with a line editor and without", async () => {
  await using server = FakeServer.withWelcome();
  for (const [end, tty] of [["\r", new FakeScreen()], ["\n", undefined]] as const) {
    await using ana = await ClientUser.on(server, { isTty: true, tty });
    ana.type(`  /nada${end}`);
    await ana.waitForOutput('El comando "/nada" no existe');
    ana.type(`  salir${end}`);
    await ana.ended();
  }
});

Deno.test("CommandLoop completes commands and printable nicks at Tab", async () => {
  const members = ["beatriz", "zoe\x1b[2J"].map((nick, i) => {
    return { nick, sessionId: BigInt(i), address: LOOPBACK, sinceMs: 0 };
  });
  await using server = FakeServer.withWelcome(undefined, { members });
  await using ana = await ClientUser.on(server, { isTty: true, tty: new FakeScreen() });
  ana.output = "";
  for (
    const [typed, shown] of [["bea\t", "beatriz"], ["/hel\t\r", "! Comandos:"], ["zo\thola", "hola"]] as const
  ) {
    ana.type(`${CTRL_U}${typed}`);
    await ana.waitForOutput(shown);
  }
  assert(!ana.output.includes("[2J"));
  ana.type(CTRL_U);
  await ana.quit();
});

Deno.test("CommandLoop completes first the command names of its language at Tab", async () => {
  await using server = startServerAtNoon();
  for (
    const [language, typed, name] of [
      ["en", "/", "/help"],
      ["es", "/", "/ayuda"],
      ["en", "/m", "/msg"],
      ["es", "/m", "/msg"],
    ] as const
  ) {
    await using ana = new ClientUser({ language, isTty: true, tty: new FakeScreen() });
    ana.dial(server.address);
    await ana.waitForOutput("ana> ");
    ana.type(`${typed}\t`);
    await ana.waitForOutput(name);
    ana.type(CTRL_U);
    await ana.quit();
  }
});

Deno.test("CommandLoop asks before it sends a long pasted block", async () => {
  const texts = Promise.withResolvers<string[]>();
  await using server = FakeServer.withWelcome(async (client) => {
    texts.resolve([(await client.expect("say")).text, (await client.expect("say")).text]);
    await client.receiveAll();
  });
  await using ana = await ClientUser.on(server, { isTty: true, tty: new FakeScreen() });
  for (const [line, answer] of [["uno", "no"], ["dos", " SÍ "]] as const) {
    ana.type(pasted(`${line}\n`.repeat(100)));
    await ana.waitForOutput("100");
    ana.output = "";
    ana.type(`${answer}\r`);
    if (answer === "no") await ana.waitForOutput("100");
    ana.output = "";
  }
  assertEquals(await withTimeout(texts.promise, "the block"), ["dos", "dos"]);
  ana.terminate();
});

Deno.test("chat-client /nick takes another nick, tells all members, and keeps it on the next server", async () => {
  await using second = new ChatFixture();
  await using first = new ChatFixture("--backup", `${LOOPBACK}:${second.address.port}`);
  await second.admin.waitForOutput("Escuchando");
  const [ana, beto] = [await first.addUser("ana", "--auto"), await first.addUser("beto", "--auto")];
  ana.type("/nick BETO\n/nick a b\n/nick anita\nhola\n");
  for (const user of [ana, beto, first.admin]) {
    await user.waitForOutput(`[${NOON}] * ana se llama ahora anita\n[${NOON}] anita: hola\n`);
  }
  assertStringIncludes(ana.output, `[${NOON}] ! No se pudo cambiar: el nick "BETO" ya está en uso.\n`);
  assertStringIncludes(ana.output, 'El nick "a b" no es válido');
  ana.type("/nick anita\n");
  await ana.waitForOutput("Su nick ya es anita.\n");
  beto.type("/msg anita hola\n/nick beto\n");
  await beto.waitForOutput("@ beto → anita: hola");
  await beto.waitForOutput("Su nick ya es beto.\n"); // though another member was renamed
  first.admin.type("salir\n");
  await second.admin.waitForOutput("anita (127.0.0.1) se ha reconectado");
});

Deno.test("CommandLoop with --auto sends what looks like an address, as no question comes", async () => {
  await using server = FakeServer.withWelcome(() => Promise.resolve(server.stop()));
  await using ana = new ClientUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  ana.dial(server.address, "--auto");
  await ana.waitForOutput("(sin conexión)");
  ana.type("10.0.0.7\r/who\r");
  await ana.waitForOutput("Sin conexión desde");
  assertStringIncludes(await ana.quit(), "Mensajes sin confirmar al salir: 1.");
  assert(!ana.output.includes("No se envió"), ana.output);
});

/** A client whose first server is down, and whose backup is a fake server. */
function dialBackup(ana: ClientUser, { address: { host, port } }: FakeServer): void {
  ana.dial(freeAddress(), "--auto", "--backup", `${host}:${port}`);
}

Deno.test("chat-client /nick before WELCOME is requested after it", async () => {
  const dialled = Promise.withResolvers<void>();
  const requested = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    const { nick, resumeToken } = await client.expect("hello");
    const sessionId = sessionIdOf(resumeToken);
    dialled.resolve();
    await requested.promise;
    await client.send(welcomeTo("ana", { nick, sessionId }));
    const request = await client.expect("nick");
    await client.send({ type: "renamed", seq: 0, timeMs: 0, sessionId, oldNick: nick, nick: request.nick });
    await client.receiveAll();
  });
  await using ana = new ClientUser();
  dialBackup(ana, server);
  await dialled.promise;
  ana.type("/nick anita\n");
  await ana.waitForOutput("Se usará el nick anita en la próxima conexión.\n");
  requested.resolve();
  await ana.waitForOutput("* ana se llama ahora anita\n");
  await ana.quit();
});

Deno.test("chat-client /nick is not requested again after a rejection", async () => {
  const heard: string[] = [];
  await using server = FakeServer.withWelcome(async (client, { index }) => {
    if (index > 0) return void heard.push(...await client.receiveTypes());
    const { nick } = await client.expect("nick");
    await client.send({ type: "rejected", code: "nick-taken", request: nick, reason: "" });
    await client.expect("say");
  }, ({ nick }, visit) => {
    heard.push(nick);
    return { logId: BigInt(visit) };
  });
  await using ana = await ClientUser.on(server, { flags: ["--auto"] });
  ana.type("/nick beto\n");
  await ana.waitForOutput('! No se pudo cambiar: el nick "beto" ya está en uso.\n');
  ana.type("hola\n");
  await ana.until((output) => output.split("Conectado").length === 3, "a second welcome");
  ana.terminate();
  await server[Symbol.asyncDispose]();
  assertEquals(heard, ["ana", "ana", "say", "bye"]);
});

Deno.test("chat-client /nick without a server is not requested again after HELLO was rejected", async () => {
  const heard: string[] = [];
  const requested = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client, visit) => {
    const { nick, resumeToken } = await client.expect("hello");
    heard.push(nick);
    if (visit === 0) return await requested.promise; // then the connection ends
    if (visit === 1) return await client.send({ type: "error", code: "nick-taken", reason: "" });
    await client.send(welcomeTo("carl", { sessionId: sessionIdOf(resumeToken) }));
    heard.push(...await client.receiveTypes());
  });
  await using ana = new ClientUser({ isTty: true });
  dialBackup(ana, server);
  await ana.waitForOutput("El cliente sigue intentándolo");
  ana.type("/nick beto\n");
  await ana.waitForOutput("Se usará el nick beto en la próxima conexión.\n");
  requested.resolve();
  await ana.waitForOutput("Nick:");
  ana.type("carl\n");
  await ana.waitForOutput("Conectado");
  await ana.quit();
  await server[Symbol.asyncDispose]();
  assertEquals(heard.slice(-2), ["carl", "bye"]);
});

Deno.test("chat-client /quit says a goodbye, waits for its echo, and sends nothing after it", async () => {
  const last: string[] = [];
  await using server = FakeServer.withWelcome(async (client, { sessionId }) => {
    await client.expect("say");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "adiós", sessionId }));
    last.push(...await client.receiveTypes());
  });
  await using ana = new ClientUser();
  ana.dial(server.address);
  ana.type("/salir adiós\nnunca\n");
  const output = await ana.ended();
  assert(output.endsWith("ana: adiós\n"), output);
  await server[Symbol.asyncDispose]();
  assertEquals(last, ["bye"]);
});

Deno.test("chat-client /ignore hides a member's messages here until it is given again", async () => {
  await using chat = new ChatFixture();
  const [ana, beto, eva] = [await chat.addUser("ana"), await chat.addUser("beto"), await chat.addUser("eva")];
  ana.type("/ignore nadie\n/ignore nadie\n/ignore\n/ignore ana\n/ignore bet\n/ignore BETO\n/ignore\n");
  await ana.waitForOutput("Miembros que ignora: 1.\n  beto\n");
  for (
    const text of [
      "nadie no está ahora en la sala.",
      "Verá de nuevo los mensajes de nadie.",
      "No ignora a ningún miembro.",
      "No puede ignorar",
      "¿Quiso decir beto?",
      "Ya no verá los mensajes de beto.",
    ]
  ) {
    assertStringIncludes(ana.output, text);
  }
  beto.type("hola\n/msg ana hola\n/nick otro\nsoy otro\n");
  await eva.waitForOutput("otro: soy otro");
  eva.type("ya\n");
  await ana.waitForOutput("eva: ya\n");
  assert(!ana.output.includes(": hola") && !ana.output.includes("soy otro"), ana.output);
  ana.type("/ignore otro\n");
  await ana.waitForOutput("Verá de nuevo los mensajes de otro.");
  eva.type("/msg ana sí\n");
  beto.type("aquí\n");
  await ana.waitForOutput("otro: aquí\n");
});

Deno.test("chat-server /kick kicks a user, who is told why and does not come back", async () => {
  await using chat = new ChatFixture();
  const [ana, beto] = [await chat.addUser("ana", "--auto"), await chat.addUser("beto")];
  chat.admin.type("/kick nadie\n/kick Ana por gritar\n");
  assertStringIncludes(await ana.ended(1), "! Se le expulsó: por gritar\n");
  assert(!ana.output.includes("El cliente sigue intentándolo"), ana.output);
  for (const user of [beto, chat.admin]) {
    await user.waitForOutput(`[${NOON}] * Se ha expulsado a ana (127.0.0.1)\n`);
    await user.waitForOutput(`[${NOON}] # El servidor dice: Motivo de la expulsión de ana: por gritar\n`);
  }
  assertStringIncludes(
    chat.admin.output,
    'Ningún miembro tiene el nick "nadie": /quien muestra quién está en línea.\n',
  );
  // A kicked user may join again.
  const again = await chat.addUser("ana");
  chat.admin.type("/kick ana\n");
  await again.waitForOutput("! Se le expulsó.\n");
});

Deno.test("chat-client does not announce to a kicked user that messages will be sent", async () => {
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await client.send({ type: "error", code: "kicked", reason: "por gritar" });
    await client.receiveAll();
  });
  await using ana = await ClientUser.on(server);
  ana.type("¡HOLA!\n");
  const output = await ana.ended(1);
  assert(
    output.endsWith(": por gritar\nMensajes sin confirmar al salir: 1. Puede que no hayan llegado.\n"),
    output,
  );
});

Deno.test("chat-client shows colours without --no-color", { ignore: Deno.noColor }, async () => {
  await using chat = new ChatFixture();
  const beto = await chat.addUserWith({ hasColors: true }, "beto");
  const eva = await chat.addUserWith({ hasColors: true }, "eva", "--no-color");
  const ana = await chat.addUser("ana");
  ana.type("hola, beto y eva\n");
  await Promise.all([ana, beto, eva].map((user) => user.until((text) => text.endsWith("eva\n"), "eva")));
  const last = (user: FakeUser) => user.output.split("\n").at(-2)!;
  const line = `[${NOON}] ana: hola, beto y eva`;
  assertEquals([last(ana), last(eva)], [line, line]);
  assertStringIncludes(last(beto), `\x1b[2m[${NOON}]\x1b[22m \x1b[7m\x1b[38;5;`);
  assertStringIncludes(last(beto), "hola, \x1b[7mbeto\x1b[27m y eva");
  assertEquals(stripAnsiCode(last(beto)), line);
});
