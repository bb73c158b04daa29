// What commands do on all screens: users at clients and an admin at the server's console, by pipe.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { setColorEnabled, stripAnsiCode } from "@std/fmt/colors";
import { runClient } from "../../lib/client/main.ts";
import { InputError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/main.ts";
import { FakeServer, join, makeHello, welcomeTo } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { msOf, TestClock } from "../testing/test_clock.ts";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import { FakeScreen } from "../testing/fake_screen.ts";

const NOON = "2026-11-22 12:00:00";

/** A server with an admin at its console, and its users. */
class ChatFixture implements AsyncDisposable {
  readonly port = freeAddress().port;
  readonly clock = new TestClock(NOON);
  readonly admin = new FakeUser({ clock: this.clock.now });
  readonly serving: Promise<number>;
  readonly #users: FakeUser[] = [];

  constructor(...flags: string[]) {
    this.serving = this.admin.run(serve, "--host", LOOPBACK, "--port", String(this.port), ...flags);
  }

  /** A new user joins; `output` begins after the welcome. */
  async addUser(nick: string, ...flags: string[]): Promise<{ user: FakeUser; chatting: Promise<number> }> {
    return await this.connect(new FakeUser({ clock: this.clock.now }), nick, ...flags);
  }

  async connect(user: FakeUser, nick: string, ...flags: string[]) {
    await this.admin.waitForOutput("Escuchando");
    this.#users.push(user);
    const address = ["--host", LOOPBACK, "--port", String(this.port)];
    const chatting = user.run(runClient, ...address, "--nick", nick, ...flags);
    await user.waitForOutput("Conectado");
    user.output = "";
    return { user, chatting };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const user of this.#users) await user[Symbol.asyncDispose]();
    await this.admin[Symbol.asyncDispose]();
  }
}

Deno.test("/msg is read by one person and the console, and by nobody else", async () => {
  await using chat = new ChatFixture();
  const { user: ana } = await chat.addUser("ana");
  const { user: beto } = await chat.addUser("beto");
  const { user: eva } = await chat.addUser("eva");
  ana.type("/msg BETO ¿vienes?\n/msg bet hola\n/msg beto\nhola a todos\n");
  await Promise.all([ana, beto, eva, chat.admin].map((user) => user.waitForOutput("hola a todos")));
  for (const user of [ana, beto, chat.admin]) {
    assertStringIncludes(user.output, `[${NOON}] @ ana → beto: ¿vienes?\n`);
  }
  assertEquals(eva.output, `[${NOON}] ana: hola a todos\n`);
  assertStringIncludes(ana.output, 'No hay nadie en línea con el nick "bet". ¿Quiso decir beto?\n');
  assertStringIncludes(ana.output, "Falta algo: /msg NICK TEXTO\n");
  const { user: leo } = await chat.addUser("leo");
  leo.type("/who\n");
  await leo.waitForOutput("leo (127.0.0.1)");
  assert(!leo.output.includes("vienes"), leo.output);
});

Deno.test("/me tells what somebody does, and cannot pass for news of the room", async () => {
  await using chat = new ChatFixture();
  const { user: ana } = await chat.addUser("ana");
  ana.type("/me (10.0.0.7) se ha conectado\n");
  for (const user of [ana, chat.admin]) {
    await user.waitForOutput(`[${NOON}] • ana (10.0.0.7) se ha conectado\n`);
  }
});

Deno.test("/nick takes another nick, tells everybody, and keeps it on the next server", async () => {
  await using second = new ChatFixture();
  await using first = new ChatFixture("--backup", `${LOOPBACK}:${second.port}`);
  await second.admin.waitForOutput("Escuchando");
  const { user: ana } = await first.addUser("ana", "--auto");
  const { user: beto } = await first.addUser("beto", "--auto");
  ana.type("/nick BETO\n/nick a b\n/nick anita\nhola\n");
  for (const user of [ana, beto, first.admin]) {
    await user.waitForOutput(`[${NOON}] * ana se llama ahora anita\n[${NOON}] anita: hola\n`);
  }
  assertStringIncludes(ana.output, `[${NOON}] ! No se ha cambiado de nick: el nick "BETO" ya está en uso.\n`);
  assertStringIncludes(ana.output, 'El nick "a b" no vale');
  ana.type("/nick anita\n");
  await ana.waitForOutput("Ya tiene el nick anita.\n");
  beto.type("/msg anita hola\n/who\n");
  await beto.waitForOutput("@ beto → anita: hola");
  await beto.waitForOutput("anita (127.0.0.1), desde ");
  first.admin.type("salir\n");
  await second.admin.waitForOutput("anita (127.0.0.1) se ha reconectado");
});

Deno.test("A nick requested while a server is dialled is asked for as soon as the client has joined", async () => {
  const dialled = Promise.withResolvers<void>();
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
  const requested = Promise.withResolvers<void>();
  await using ana = new FakeUser({ clock: new TestClock(NOON).now });
  const { host, port } = server.address;
  const unreachable = freeAddress();
  ana.run(
    runClient,
    ...["--host", unreachable.host, "--port", String(unreachable.port), "--nick", "ana", "--auto"],
    ...["--backup", `${host}:${port}`],
  );
  await dialled.promise;
  ana.type("/nick anita\n");
  await ana.waitForOutput("Se usará el nick anita en la próxima conexión.\n");
  requested.resolve();
  await ana.waitForOutput("* ana se llama ahora anita\n");
  ana.terminate();
});

Deno.test("The console's /kick kicks a user, who is told why and does not come back", async () => {
  await using chat = new ChatFixture();
  const { user: ana, chatting } = await chat.addUser("ana", "--auto");
  const { user: beto } = await chat.addUser("beto");
  chat.admin.type("/kick nadie\n/kick Ana por gritar\n");
  assertEquals(await chatting, 1);
  assertStringIncludes(
    ana.output,
    `! Se perdió la conexión con 127.0.0.1:${chat.port}: quien lleva el servidor ha expulsado a este cliente: por gritar\n`,
  );
  assert(!ana.output.includes("Se seguirá intentando"), ana.output);
  for (const user of [beto, chat.admin]) {
    await user.waitForOutput(`[${NOON}] * Se ha expulsado a ana (127.0.0.1)\n`);
  }
  assertStringIncludes(chat.admin.output, 'No hay nadie con el nick "nadie".\n');
  // A kicked user may join again.
  const { user: again } = await chat.addUser("ana");
  chat.admin.type("/kick ana\n");
  await again.waitForOutput("expulsado a este cliente: sin decir por qué\n");
});

Deno.test("The console's /ban throws out who is in from an address, and lets nobody in from there", async () => {
  await using chat = new ChatFixture();
  const { user: ana, chatting } = await chat.addUser("ana", "--auto");
  chat.admin.type("/ban 127.0.0.1 5\n");
  assertEquals(await chatting, 1);
  const why = "quien lleva el servidor no admite por ahora a nadie desde esta dirección";
  assertStringIncludes(ana.output, why);
  await chat.admin.waitForOutput("No se admite a nadie desde 127.0.0.1. Minutos: 5. Expulsados: 1.\n");
  const address = ["--host", LOOPBACK, "--port", String(chat.port)];
  await using beto = new FakeUser({ clock: chat.clock.now });
  assertEquals(await beto.run(runClient, ...address, "--nick", "beto", "--auto"), 1);
  assertStringIncludes(beto.output, `No se pudo entrar en 127.0.0.1:${chat.port}: ${why}.\n`);
  chat.admin.type("/ban 127.0.0.1 0\n");
  await chat.admin.waitForOutput("Se admite de nuevo a quien venga desde 127.0.0.1.\n");
  const { user: leo } = await chat.addUser("leo");
  chat.admin.type("/ban 127.0.0.1 0\n");
  leo.type("hola\n");
  await leo.waitForOutput("leo: hola");
});

Deno.test("Who is thrown out with something unsaid is not told that it will be said elsewhere", async () => {
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await client.send({ type: "error", code: "kicked", reason: "por gritar" });
    await client.receiveAll();
  });
  await using ana = new FakeUser({ clock: new TestClock(NOON).now });
  const { host, port } = server.address;
  const chatting = ana.run(runClient, "--host", host, "--port", String(port), "--nick", "ana");
  await ana.waitForOutput("Conectado");
  ana.type("¡HOLA!\n");
  assertEquals(await chatting, 1);
  assert(
    ana.output.endsWith(": por gritar\nMensajes sin confirmar al salir: 1. Puede que no hayan llegado.\n"),
    ana.output,
  );
});

Deno.test("A nick that was rejected is not asked for again", async () => {
  const heard: string[] = [];
  await using server = new FakeServer(async (client, visit) => {
    const { nick: name, resumeToken } = await client.expect("hello");
    heard.push(name);
    await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken), logId: BigInt(visit) }));
    if (visit > 0) return void heard.push(...(await client.receiveAll()).map(({ type }) => type));
    const { nick } = await client.expect("nick");
    await client.send({ type: "rejected", code: "nick-taken", request: nick, reason: "" });
    await client.expect("say");
  });
  await using ana = new FakeUser({ clock: new TestClock(NOON).now });
  const { host, port } = server.address;
  ana.run(runClient, "--host", host, "--port", String(port), "--nick", "ana", "--auto");
  await ana.waitForOutput("Conectado");
  ana.type("/nick beto\n");
  await ana.waitForOutput('! No se ha cambiado de nick: el nick "beto" ya está en uso.\n');
  ana.type("hola\n");
  await ana.until((output) => output.split("Conectado").length === 3, "a second welcome");
  ana.terminate();
  await server[Symbol.asyncDispose]();
  assertEquals(heard, ["ana", "ana", "say", "bye"]);
});

Deno.test("A nick requested offline and rejected at joining is not asked for again", async () => {
  const heard: string[] = [];
  const requested = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client, visit) => {
    const { nick, resumeToken } = await client.expect("hello");
    heard.push(nick);
    if (visit === 0) {
      await requested.promise;
      return; // the connection ends
    }
    if (visit === 1) return void await client.send({ type: "error", code: "nick-taken", reason: "" });
    await client.send(welcomeTo("carl", { sessionId: sessionIdOf(resumeToken) }));
    heard.push(...(await client.receiveAll()).map(({ type }) => type));
  });
  const unreachable = freeAddress();
  const { host, port } = server.address;
  await using ana = new FakeUser({ clock: new TestClock(NOON).now, isTty: true });
  const chatting = ana.run(
    runClient,
    ...["--host", unreachable.host, "--port", String(unreachable.port), "--nick", "ana", "--auto"],
    ...["--backup", `${host}:${port}`],
  );
  await ana.waitForOutput("Se seguirá intentando");
  ana.type("/nick beto\n");
  await ana.waitForOutput("Se usará el nick beto en la próxima conexión.\n");
  requested.resolve();
  await ana.waitForOutput("Nick:");
  ana.type("carl\n");
  await ana.waitForOutput("Conectado");
  ana.type("salir\n");
  assertEquals(await chatting, 0);
  await server[Symbol.asyncDispose]();
  assertEquals(heard.slice(-2), ["carl", "bye"]);
});

Deno.test("The console's /say is marked as the server's, and nobody's words can look like it", async () => {
  await using chat = new ChatFixture();
  const { user: ana } = await chat.addUser("ana");
  chat.admin.type("/say vuelvo en un minuto\n");
  ana.type("# El servidor dice: mentira\n");
  for (const user of [ana, chat.admin]) {
    await user.waitForOutput(`[${NOON}] # El servidor dice: vuelvo en un minuto\n`);
    await user.waitForOutput(`[${NOON}] ana: # El servidor dice: mentira\n`);
  }
  const { peer, history } = await join(
    { host: LOOPBACK, port: chat.port },
    makeHello("leo", { historyCount: 9 }),
  );
  peer[Symbol.dispose]();
  assertEquals(history.map(({ type }) => type), ["said", "joined"]);
});

Deno.test("The console's /backup is where clients go when the server falls", async () => {
  await using second = new ChatFixture();
  await using first = new ChatFixture();
  await second.admin.waitForOutput("Escuchando");
  const { user: ana } = await first.addUser("ana", "--auto");
  first.admin.type(`/backup ${LOOPBACK}:${second.port}\n`);
  for (const user of [ana, first.admin]) {
    await user.waitForOutput(`[${NOON}] * Servidores de reserva: 127.0.0.1:${second.port}\n`);
  }
  first.admin.type("salir\n");
  await second.admin.waitForOutput("ana (127.0.0.1) se ha reconectado");
});

Deno.test("A backup that the console withdraws is one no more, and those who are in are told", async () => {
  await using chat = new ChatFixture("--backup", "10.0.0.8:1");
  const { user: ana } = await chat.addUser("ana");
  chat.admin.type("/backup 10.0.0.9:1\n/backup -10.0.0.8:1\n/backup -10.0.0.9:1\n/reserva -10.0.0.9:1\n");
  for (const user of [ana, chat.admin]) {
    await user.waitForOutput(
      `[${NOON}] * Servidores de reserva: 10.0.0.9:1\n[${NOON}] * Ya no hay servidores de reserva\n`,
    );
  }
  await chat.admin.waitForOutput("! 10.0.0.9:1 no es un servidor de reserva: no se puede retirar.");
});

Deno.test("The console answers /who, /stats and /help, and what it cannot do", async () => {
  await using chat = new ChatFixture();
  chat.admin.type("/who\n");
  await chat.admin.waitForOutput("! En línea: 0.\n");
  const { user: ana } = await chat.addUser("ana");
  ana.type("uno\n".repeat(5));
  await chat.admin.until((output) => output.split("ana: uno").length === 6, "five messages");
  chat.admin.type(`/who\n/stats\n/kik ana\n/ban ana 5\n/ban\n/backup localhost:${chat.port}\n/help\n`);
  await chat.admin.waitForOutput("/quit, /salir");
  assertStringIncludes(chat.admin.output, `! En línea: 1.\n  ana (127.0.0.1), desde ${NOON}\n`);
  const stats = /^! Clientes: 1\. Mensajes por segundo: 0,5\. Memoria: \d+ MB\. En marcha desde: (.+)\.$/m;
  assertEquals(stats.exec(chat.admin.output)?.[1], NOON);
  assertStringIncludes(chat.admin.output, 'No existe la orden "/kik". ¿Quiso decir /kick?');
  assertStringIncludes(chat.admin.output, '"ana" no es una dirección IP.\n');
  assertStringIncludes(chat.admin.output, `! localhost:${chat.port} es este mismo servidor`);
  assertStringIncludes(chat.admin.output, "! Falta algo: /ban IP MINUTOS\n");
});

Deno.test(
  "Colours are shown where they can be, unless nobody wants them",
  { ignore: Deno.noColor },
  async () => {
    setColorEnabled(true);
    await using chat = new ChatFixture();
    const { user: beto } = await chat.connect(
      new FakeUser({ clock: chat.clock.now, hasColors: true }),
      "beto",
    );
    const { user: eva } = await chat.connect(
      new FakeUser({ clock: chat.clock.now, hasColors: true }),
      "eva",
      "--no-color",
    );
    const { user: ana } = await chat.addUser("ana");
    ana.type("hola, beto y eva\n");
    await Promise.all(
      [ana, beto, eva].map((user) => user.until((output) => output.endsWith("eva\n"), "eva")),
    );
    const last = (user: FakeUser) => user.output.split("\n").at(-2);
    const line = `[${NOON}] ana: hola, beto y eva`;
    assertEquals([last(ana), last(eva)], [line, line]);
    assertStringIncludes(last(beto)!, `\x1b[2m[${NOON}]\x1b[22m \x1b[38;5;`);
    assertStringIncludes(last(beto)!, "hola, \x1b[7mbeto\x1b[27m y eva");
    assertEquals(stripAnsiCode(last(beto)!), line);
    beto.type("soy beto\n");
    await beto.waitForOutput("soy beto\n");
  },
);

Deno.test("A screen rings when somebody is named or spoken to in private, and not for their own words", async () => {
  await using chat = new ChatFixture();
  const { user: ana } = await chat.addUser("ana");
  ana.type("¿viene beto?\n");
  await ana.waitForOutput("beto");
  const { user: beto } = await chat.connect(
    new FakeUser({ clock: chat.clock.now, isTty: true, tty: new FakeScreen() }),
    "beto",
  );
  const bells = () => beto.output.split("\x07").length - 1;
  beto.type("beto soy yo\r");
  await beto.waitForOutput("beto: beto soy yo");
  ana.type("hola a todos\n");
  await beto.waitForOutput("ana: hola a todos");
  assertEquals(bells(), 0);
  ana.type("hola, Beto\n");
  await beto.waitForOutput("ana: hola, Beto");
  assertEquals(bells(), 1);
  ana.type("/msg beto hola\n");
  await beto.waitForOutput("ana → beto: hola");
  assertEquals(bells(), 2);
  assert(!ana.output.includes("\x07"));
});

Deno.test("A new day has a line of its own, on both programs", async () => {
  await using chat = new ChatFixture();
  const { user: ana } = await chat.addUser("ana");
  ana.type("hasta mañana\n");
  await ana.waitForOutput("hasta mañana");
  chat.clock.set("2026-11-23 00:00:01");
  ana.type("buenos días\n");
  for (const user of [ana, chat.admin]) {
    await user.waitForOutput(
      `[${NOON}] ana: hasta mañana\n--- lunes, 23 de noviembre de 2026 ---\n[2026-11-23 00:00:01] ana: buenos días\n`,
    );
  }
});

Deno.test("--time and --utc say how times are shown, on both programs", async () => {
  await using chat = new ChatFixture("--time", "d/M");
  const { user: ana } = await chat.addUser("ana", "--time=HH 'h UTC'", "--utc");
  ana.type("hola\n");
  await chat.admin.waitForOutput("[22/11] ana: hola\n");
  const hour = String(new Date(msOf(NOON)).getUTCHours()).padStart(2, "0");
  await ana.waitForOutput(`[${hour} h UTC] ana: hola\n`);
  for (const main of [runClient, serve]) {
    await using user = new FakeUser();
    const { code } = await assertRejects(() => user.run(main, "--time", "hola"), InputError);
    assertEquals(code, "pattern-invalid");
  }
});
