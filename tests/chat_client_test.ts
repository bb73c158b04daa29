// chat-client as a person meets it: questions, lines, failover and its end, by pipe.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Address, formatAddress } from "../lib/address.ts";
import { chat } from "../lib/chat_client.ts";
import { ChatServer, type ChatServerOptions } from "../lib/chat_server.ts";
import { InputError } from "../lib/errors.ts";
import { sessionOf } from "../lib/protocol.ts";
import { UNLIMITED } from "../lib/token_bucket.ts";
import { FakeScreen } from "./fake_screen.ts";
import {
  enter,
  FakeServer,
  freeAddress,
  type Guest,
  helloOf,
  LOOPBACK,
  Person,
  saidBy,
  soon,
  TestClock,
  tokenOf,
  UNKNOWN_NAME,
  welcomeTo,
} from "./support.ts";

const NOON = "2026-11-22 12:00:00";

function startServer(options: Partial<ChatServerOptions> = {}): ChatServer {
  return new ChatServer({
    host: LOOPBACK,
    port: 0,
    messages: UNLIMITED,
    clock: new TestClock(NOON).now,
    ...options,
  });
}

function enterAs(nick: string, server: ChatServer): Promise<Guest> {
  return enter(server.address, helloOf(nick));
}

function newPerson(): Person {
  return new Person({ clock: new TestClock(NOON).now });
}

/** Flags that leave nothing to ask. */
function flagsFor({ host, port }: Address, nick = "ana"): string[] {
  return ["--host", host, "--port", String(port), "--nick", nick];
}

/** The line that greets whoever enters. */
function greeting(server: Address, names = "ana"): string {
  return `Conectado a ${formatAddress(server)}. En línea: ${names}. Escriba "salir" para terminar.\n`;
}

/** The line that tells of a loss. */
function loss(server: Address, why = "el servidor se ha cerrado"): string {
  return `[${NOON}] ! Se perdió la conexión con ${formatAddress(server)}: ${why}\n`;
}

/** Runs a client that ends by itself; gives all that it wrote. */
async function outputOf(person: Person, ...args: string[]): Promise<string> {
  assertEquals(await person.runs(chat, ...args), 0);
  return person.output;
}

/** What somebody by hand reads of what others do. */
async function hear({ peer }: Guest, count: number): Promise<string[]> {
  const lines = [];
  while (lines.length < count) {
    const message = await peer.hear();
    if (message?.type === "said") lines.push(`${message.nick}: ${message.text}`);
    else if (message?.type === "left") lines.push(`${message.nick} ${message.lost ? "lost" : "left"}`);
    else lines.push(message?.type === "joined" ? `${message.nick} joined` : `${message?.type}`);
  }
  return lines;
}

Deno.test("chat-client asks for server, port and nick, and shows what happens, line by line", async () => {
  const clock = new TestClock("2026-11-22 13:45:07");
  await using server = startServer({ clock: clock.now });
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const chatting = ana.runs(chat);
  ana.types(`\n${server.address.port}\nana\n`);
  await ana.sees("Conectado");
  clock.set("2026-11-22 13:45:10");
  ana.types("hola\n");
  await ana.sees("ana: hola");
  clock.set("2026-11-22 13:45:12");
  await beto.peer.say({ type: "say", n: 1, timeMs: 0, text: "¿qué tal?" });
  await ana.sees("beto: ");
  const { peer: eva } = await enterAs("eva", server);
  await ana.sees("eva ");
  await eva.say({ type: "bye" });
  await eva.rest();
  eva[Symbol.dispose]();
  await ana.sees("eva (127.0.0.1) se ha desconectado");
  ana.types("salir\n");
  assertEquals(await chatting, 0);
  assertEquals(
    ana.output,
    `Servidor (IP o nombre) [127.0.0.1]:
Puerto [5000]: ${server.address.port}
Nick: ana
${greeting(server.address, "beto, ana")}[2026-11-22 13:45:10] ana: hola
[2026-11-22 13:45:12] beto: ¿qué tal?
[2026-11-22 13:45:12] * eva (127.0.0.1) se ha conectado
[2026-11-22 13:45:12] * eva (127.0.0.1) se ha desconectado
`,
  );
  assertEquals(await hear(beto, 6), [
    "ana joined",
    "ana: hola",
    "beto: ¿qué tal?",
    "eva joined",
    "eva left",
    "ana left",
  ]);
});

Deno.test("chat-client does all of it with what a pipe holds from the start", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  ana.types(`${LOOPBACK}\n${server.address.port}\nana\nhola\nsalir\nnunca\n`);
  ana.ends();
  assertEquals(
    await outputOf(ana),
    `Servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}
Puerto [5000]: ${server.address.port}
Nick: ana
${greeting(server.address, "beto, ana")}[${NOON}] ana: hola
`,
  );
  assertEquals(await hear(beto, 3), ["ana joined", "ana: hola", "ana left"]);
});

Deno.test("chat-client at the end of a pipe first makes sure that everything arrived", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
  ana.types(lines.join("\n")); // the last one without an end
  ana.ends();
  const output = await outputOf(ana, ...flagsFor(server.address));
  const expected = lines.map((line) => `ana: ${line}`);
  assertEquals(await hear(beto, 1_002), ["ana joined", ...expected, "ana left"]);
  assertEquals(output.split("\n").flatMap((line) => /\] (ana: .*)/.exec(line)?.[1] ?? []), expected);
  // It had to wait for receipts again and again, each time for moments.
  assertEquals(output.includes("sin confirmar"), false);
});

Deno.test("chat-client at the end of a pipe takes what is not confirmed to the next server", async () => {
  await using second = startServer();
  const backup = second.address;
  await using first = FakeServer.welcoming((client) => client.expect("say"), {
    backups: [formatAddress(backup)],
  });
  await using ana = newPerson();
  ana.types("hola\n");
  ana.ends();
  assertEquals(
    await outputOf(ana, ...flagsFor(first.address)),
    `${greeting(first.address)}${loss(first.address, "el servidor cortó la conexión")}\
[${NOON}] ! Mensajes sin confirmar: 1. Se enviarán al próximo servidor.
Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${backup.port}]:
${greeting(backup)}[${NOON}] ana: hola
`,
  );
});

Deno.test("chat-client ends with status 1 when its pipe has ended and no server is left", async () => {
  await using server = FakeServer.welcoming(async (client) => {
    server.stop();
    await client.expect("say");
  });
  await using ana = newPerson();
  ana.types("hola\nadiós\n");
  ana.ends();
  const { port } = server.address;
  assertEquals(await ana.runs(chat, ...flagsFor(server.address)), 1);
  const again = `Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${port}]:
Nadie escucha en 127.0.0.1:${port}: revise la dirección y el puerto, y que el servidor esté en marcha.
`;
  assertEquals(
    ana.output,
    `${greeting(server.address)}${loss(server.address, "el servidor cortó la conexión")}\
[${NOON}] ! Mensajes sin confirmar: 2. Se enviarán al próximo servidor.
${again}${again}Mensajes sin confirmar al salir: 2. Puede que no hayan llegado.
`,
  );
});

Deno.test("chat-client ends where a keyboard ends, at once", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = new Person({ isKeyboard: true });
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.ends();
  assertEquals(await chatting, 0);
  assertEquals(await hear(beto, 2), ["ana joined", "ana left"]);
});

Deno.test("chat-client waits a moment only for what is unconfirmed where a keyboard ends", async () => {
  await using server = FakeServer.welcoming((client) => client.rest());
  await using ana = new Person({ isKeyboard: true });
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.types("hola\n");
  ana.ends();
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Mensajes sin confirmar al salir: 1. Puede que no hayan llegado.\n");
});

Deno.test("chat-client can be left by ending the keyboard at a question", async () => {
  await using ana = new Person({ isKeyboard: true });
  ana.ends();
  assertEquals(await outputOf(ana), "Servidor (IP o nombre) [127.0.0.1]:\n");
});

Deno.test("chat-client leaves when it is told to end", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.kills();
  assertEquals(await chatting, 0);
  assertEquals(await hear(beto, 2), ["ana joined", "ana left"]);
});

for (const word of ["salir", "quit", "/quit", " SALIR "]) {
  Deno.test(`chat-client ends by "${word}", in the chat and at every question`, async () => {
    await using server = startServer();
    const { port } = server.address;
    for (const answers of ["", "\n", `\n${port}\n`, `\n${port}\nana\n`]) {
      await using ana = newPerson();
      ana.types(`${answers}${word}\n`);
      const output = await outputOf(ana);
      assertEquals(output.includes("Conectado"), answers.includes("ana"));
    }
  });
}

Deno.test("chat-client asks again only for what was wrong, and says why", async () => {
  await using server = startServer();
  using _ = (await enterAs("beto", server)).peer;
  await using stranger = new FakeServer(() => Promise.resolve());
  const { port } = server.address;
  const [nobody, other] = [freeAddress(), stranger.address];
  await using ana = newPerson();
  ana.types([
    ...["a b", UNKNOWN_NAME, "0", nobody.port, "a b", "ana"],
    "127.0.0.1",
    ...["", other.port],
    ...["127.0.0.1", port],
    "salir",
    "",
  ].join("\n"));
  assertEquals(
    await outputOf(ana),
    `Servidor (IP o nombre) [127.0.0.1]: a b
"a b" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".
Servidor (IP o nombre) [127.0.0.1]: ${UNKNOWN_NAME}
Puerto [5000]: 0
El puerto "0" no vale: debe ser un número de 1 a 65535.
Puerto [5000]: ${nobody.port}
Nick: a b
El nick "a b" no vale: de 1 a 20 letras, cifras, "_" o "-", sin espacios.
Nick: ana
No se encuentra "${UNKNOWN_NAME}": revise el nombre o escriba la IP.
Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1
Nadie escucha en 127.0.0.1:${nobody.port}: revise la dirección y el puerto, y que el servidor esté en marcha.
Servidor (IP o nombre) [127.0.0.1]:
Puerto [${nobody.port}]: ${other.port}
Lo que hay en 127.0.0.1:${other.port} no es un servidor de este chat: revise la dirección y el puerto.
Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1
Puerto [${other.port}]: ${port}
${greeting(server.address, "beto, ana")}`,
  );
});

Deno.test("chat-client asks for another nick only, if that is what a server refuses", async () => {
  await using server = startServer();
  using _ = (await enterAs("Ana", server)).peer;
  await using ana = newPerson();
  ana.types("ana2\nsalir\n");
  assertEquals(
    await outputOf(ana, ...flagsFor(server.address)),
    `No se pudo entrar en ${formatAddress(server.address)}: el nick "ana" ya está en uso.
Nick: ana2
${greeting(server.address, "Ana, ana2")}`,
  );
});

Deno.test("chat-client takes the port with the address, and asks nothing that flags give", async () => {
  await using server = startServer();
  const address = formatAddress(server.address);
  await using ana = newPerson();
  ana.types(`${address}\nana\nsalir\n`);
  assertEquals(
    await outputOf(ana),
    `Servidor (IP o nombre) [127.0.0.1]: ${address}\nNick: ana\n${greeting(server.address)}`,
  );
  await using beto = newPerson();
  beto.types("beto\nsalir\n");
  assertEquals(
    await outputOf(beto, "--host", address),
    `Nick: beto\n${greeting(server.address, "beto")}`,
  );
});

Deno.test("chat-client goes on from server to server as they fall, and offers the next", async () => {
  await using other = startServer();
  await using given = startServer();
  await using announced = startServer();
  const backups = ["no es una dirección", formatAddress(announced.address)];
  await using first = startServer({ backups });
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(first.address), "--backup", formatAddress(given.address));
  await ana.sees("Conectado");
  ana.types("uno\n");
  await ana.sees("ana: uno");
  await first.close();
  await ana.sees("Nuevo servidor");
  ana.types("\n\n");
  await ana.sees(greeting(announced.address));
  ana.types("dos\n");
  await ana.sees("ana: dos");
  await announced.close();
  await ana.sees(loss(announced.address) + "Nuevo servidor");
  ana.types("\n\n");
  await ana.sees(greeting(given.address));
  ana.types("tres\n");
  await ana.sees("ana: tres");
  await given.close();
  await ana.sees(loss(given.address) + "Nuevo servidor");
  // Who knows better than what is offered types something else.
  ana.types(`${LOOPBACK}\n${other.address.port}\n`);
  await ana.sees(greeting(other.address));
  ana.types("cuatro\n");
  await ana.sees("ana: cuatro");
  ana.types("salir\n");
  assertEquals(await chatting, 0);
  assertEquals(
    ana.output,
    `${greeting(first.address)}[${NOON}] ana: uno
${loss(first.address)}Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${announced.address.port}]:
${greeting(announced.address)}[${NOON}] ana: dos
${loss(announced.address)}Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${given.address.port}]:
${greeting(given.address)}[${NOON}] ana: tres
${loss(given.address)}Nuevo servidor (IP o nombre) [127.0.0.1]: 127.0.0.1
Puerto [${first.address.port}]: ${other.address.port}
${greeting(other.address)}[${NOON}] ana: cuatro
`,
  );
  const { peer: eva, past } = await enter(other.address, helloOf("eva", { history: 50 }));
  using _ = eva;
  const texts = past.flatMap((entry) => entry.type === "said" ? [entry.text] : []);
  assertEquals(texts, ["uno", "dos", "tres", "cuatro"]);
});

Deno.test("chat-client can be left where it asks for a new server", async () => {
  await using first = startServer();
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(first.address));
  await ana.sees("Conectado");
  await first.close();
  await ana.sees("Nuevo servidor");
  ana.types("salir\n");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client --auto asks nothing, and says once that it goes on", async () => {
  const nobody = [freeAddress(), freeAddress()];
  await using second = startServer();
  await using first = startServer({ backups: [...nobody, second.address].map(formatAddress) });
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(first.address), "--auto");
  await ana.sees("Conectado");
  await first.close();
  await ana.sees(greeting(second.address));
  ana.types("hola\nsalir\n");
  assertEquals(await chatting, 0);
  const why = `Nadie escucha en ${formatAddress(nobody[0]!)}: revise la dirección y el puerto, y que el ` +
    "servidor esté en marcha. Se seguirá intentando.";
  assertStringIncludes(
    ana.output,
    `${loss(first.address)}[${NOON}] ! ${why}\n${greeting(second.address)}`,
  );
});

Deno.test("chat-client --auto ends at once while it waits", async () => {
  const tries = Promise.withResolvers<void>();
  await using server = new FakeServer((_, visit) => Promise.resolve(visit === 3 && tries.resolve()));
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(server.address), "--auto");
  await soon(tries.promise, "four tries"); // then it waits for long
  ana.kills();
  assertEquals(await chatting, 0);
});

Deno.test("chat-client shows history, what was sent again, and what it cannot have", async () => {
  await using server = new FakeServer(async (client, visit) => {
    const session = sessionOf((await client.expect("hello")).token);
    if (visit === 0) {
      await client.say(welcomeTo("ana", { session, next: 0, head: 2 }));
      const timeMs = new Date("2026-11-22 11:00:00").getTime();
      await client.say(saidBy("beto", { seq: 0, n: 1, text: "antes", timeMs }));
      await client.say(saidBy("eva", { seq: 1, n: 1, text: "también", timeMs, late: true }));
      await client.say(saidBy("beto", { seq: 2, n: 2, text: "ahora", timeMs: timeMs + 1_000 }));
      await client.say(saidBy("eva", { seq: 3, n: 2, text: "otra vez", timeMs, late: true }));
      return;
    }
    await client.say(welcomeTo("ana", { session, next: 10, head: 10 }));
    await client.rest();
  });
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("Nuevo servidor");
  ana.types("\n\n");
  await ana.sees("Líneas que faltan: 6. El servidor ya no las guarda.");
  ana.kills();
  assertEquals(await chatting, 0);
  assertStringIncludes(
    ana.output,
    `${greeting(server.address)}[2026-11-22 11:00:00] ~ beto: antes
[2026-11-22 11:00:00] ~ eva: también
[2026-11-22 11:00:01] beto: ahora
[2026-11-22 11:00:00] + eva: otra vez
`,
  );
});

Deno.test("chat-client --history says how much of the past it wants", async () => {
  const wanted: number[] = [];
  await using server = new FakeServer(async (client) => {
    wanted.push((await client.expect("hello")).history);
  });
  for (const args of [[], ["--history", "0"], ["--history=1000"]]) {
    await using ana = newPerson();
    ana.types("salir\n");
    await outputOf(ana, ...flagsFor(server.address), ...args);
  }
  assertEquals(wanted, [50, 0, 1_000]);
});

Deno.test("chat-client shows what a peer sends as text that can be printed", async () => {
  const [dirty, clean] = ["a\x1b[2J\n\u202eb", "a␛[2J␊�b"];
  const who = { session: 5n, nick: dirty, address: dirty, sinceMs: 0 };
  const listed = Promise.withResolvers<void>();
  await using server = FakeServer.welcoming(async (client) => {
    await client.say(saidBy(dirty, { seq: 0, n: 1, text: dirty }));
    await client.say({ type: "joined", seq: 1, timeMs: 0, back: false, ...who });
    await listed.promise;
    await client.say({ type: "error", code: dirty, reason: dirty });
  }, { online: [who], nick: dirty });
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("se ha conectado");
  ana.types("/who\n");
  await ana.sees("desde");
  listed.resolve();
  await ana.sees("Nuevo servidor");
  ana.kills();
  assertEquals(await chatting, 0);
  const stamp = /(?<=^\[).{19}(?=\])|(?<=desde ).{19}$/gm;
  assertEquals(ana.output.replaceAll(stamp, "").split("\n").slice(0, 7), [
    greeting(server.address, "?").trimEnd(),
    `[] ?: ${clean}`,
    `[] * ? (${clean}) se ha conectado`,
    "! En línea: 1.",
    `  ? (${clean}), desde `,
    "--- domingo, 22 de noviembre de 2026 ---",
    `[] ! Se perdió la conexión con ${formatAddress(server.address)}: ${clean} (${clean})`,
  ]);
});

Deno.test("chat-client does what commands ask for, for nobody else to see", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  ana.types(["/who", "/nada", "//quien", "  ", "x".repeat(2_001), "/help", "salir", ""].join("\n"));
  const output = await outputOf(ana, ...flagsFor(server.address));
  assertEquals(await hear(beto, 3), ["ana joined", "ana: /quien", "ana left"]);
  assertStringIncludes(
    output,
    `! En línea: 2.
  beto (127.0.0.1), desde ${NOON}
  ana (127.0.0.1), desde ${NOON}
! No existe la orden "/nada". Escriba /help para ver las que hay.
`,
  );
  assertStringIncludes(
    output,
    "! El mensaje tiene 2001 caracteres y el límite es 2000: no se ha enviado.\n! Órdenes:\n  /help, /ayuda              mostrar esta ayuda\n",
  );
});

Deno.test("chat-client /help fits a narrow screen", async () => {
  await using server = startServer();
  await using ana = new Person({ isKeyboard: true, tty: new FakeScreen({ columns: 40 }) });
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.types("/help\r");
  await ana.sees("! Órdenes:\n  /help, /ayuda\n    mostrar esta ayuda\n");
  ana.types("exit\r");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client tells of words that are said while no server is there, before the question hides them", async () => {
  await using server = startServer();
  const typing = { pauseMs: 60_000 }; // whoever is in the middle of a line is not asked anything
  await using ana = new Person({ isKeyboard: true, tty: new FakeScreen({ columns: 200 }), typing });
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.types("hola");
  await ana.sees("> hola");
  await server.close();
  await ana.sees("Se perdió la conexión");
  ana.types("\r");
  await ana.sees("! Mensajes sin confirmar: 1. Se enviarán al próximo servidor.");
  await ana.sees("Nuevo servidor");
  ana.types("salir\r");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client /who knows who came and went, on the server of now", async () => {
  await using second = startServer();
  await using first = startServer({ backups: [formatAddress(second.address)] });
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(first.address), "--auto");
  await ana.sees("Conectado");
  const [{ peer: beto }, { peer: eva }] = [await enterAs("beto", first), await enterAs("eva", first)];
  using _ = eva;
  await beto.say({ type: "bye" });
  await beto.rest();
  beto[Symbol.dispose]();
  await ana.sees("desconectado");
  ana.types("/who\n");
  await ana.sees("eva (127.0.0.1), desde");
  eva[Symbol.dispose]();
  await first.close();
  await ana.sees(greeting(second.address));
  ana.types("/who\nsalir\n");
  assertEquals(await chatting, 0);
  assertEquals(ana.output.match(/^ {2}\w+(?= \(127\.0\.0\.1\), desde)/gm), ["  ana", "  eva", "  ana"]);
});

Deno.test("chat-client /who says so if it knows of nobody", async () => {
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(freeAddress()), "--auto");
  await ana.sees("Se seguirá intentando");
  ana.types("/who\nsalir\n");
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Sin conexión: aún no se sabe quién está en línea.\n");
});

Deno.test("chat-client /who says since when what it knows is from before", async () => {
  await using first = startServer();
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(first.address), "--auto");
  await ana.sees("Conectado");
  await first.close();
  await ana.sees("Se perdió");
  ana.types("/who\nsalir\n");
  assertEquals(await chatting, 0);
  const since = `Sin conexión desde ${NOON}. Quién estaba entonces en línea:\n`;
  assertStringIncludes(ana.output, `${since}  ana (127.0.0.1), desde ${NOON}\n`);
});

Deno.test("chat-client stays on a server that lives though its connection breaks, and asks nothing", async () => {
  for (const flags of [["--auto"], []]) {
    await using backup = startServer();
    await using server = new FakeServer(async (client, visit) => {
      const { token } = await client.expect("hello");
      const backups = [formatAddress(backup.address)];
      await client.say(welcomeTo("ana", { session: sessionOf(token), backups }));
      if (visit > 0) await client.rest();
    });
    await using ana = new Person({ clock: new TestClock(NOON).now, isKeyboard: true });
    const chatting = ana.runs(chat, ...flagsFor(server.address), ...flags);
    const welcome = `Conectado a ${formatAddress(server.address)}.`;
    await ana.until((output) => output.split(welcome).length === 3, "two welcomes");
    ana.types("salir\n");
    assertEquals(await chatting, 0);
    assertEquals(ana.output.split("\n").length, 4);
    assertStringIncludes(ana.output, `! Se perdió la conexión con ${formatAddress(server.address)}: `);
  }
});

Deno.test("chat-client counts those whom WELCOME had no room for", async () => {
  await using server = FakeServer.welcoming((client) => client.rest(), { onlineCount: 5_000 });
  await using ana = newPerson();
  ana.types("salir\n");
  assertStringIncludes(await outputOf(ana, ...flagsFor(server.address)), "En línea: ana y 4999 más.");
});

Deno.test("chat-client reads no further while 256 messages are unconfirmed", async () => {
  const confirm = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    const session = sessionOf((await client.expect("hello")).token);
    await client.say(welcomeTo("ana", { session }));
    for (let n = 1; n <= 256; n++) assertEquals((await client.expect("say")).n, n);
    await confirm.promise;
    await client.say({ type: "ping", head: 0 });
    await client.expect("pong"); // and nothing before it
    await client.say(saidBy("ana", { seq: 0, n: 256, text: "256", session }));
    assertEquals((await client.expect("say")).n, 257);
    await client.say(saidBy("ana", { seq: 1, n: 257, text: "257", session }));
    await client.rest();
  });
  await using ana = newPerson();
  ana.types(Array.from({ length: 257 }, (_, index) => `${index + 1}\n`).join(""));
  ana.ends();
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees(`[${NOON}] ! Mensajes sin confirmar: 256. Se espera antes de leer más.\n`);
  confirm.resolve();
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "ana: 257\n");
});

Deno.test("chat-client has a new secret token at each start", async () => {
  const tokens: Uint8Array[] = [];
  await using server = new FakeServer(async (client) => {
    tokens.push((await client.expect("hello")).token);
  });
  for (let i = 0; i < 2; i++) {
    await using ana = newPerson();
    ana.types("salir\n");
    await outputOf(ana, ...flagsFor(server.address));
  }
  assertEquals(new Set([...tokens, tokenOf("")].map(String)).size, 3);
});

Deno.test("chat-client speaks English", async () => {
  await using server = startServer();
  const { port } = server.address;
  await using ana = new Person({ language: "en", clock: new TestClock(NOON).now });
  const chatting = ana.runs(chat);
  ana.types(`\n${port}\nana\n`);
  await ana.sees("Connected");
  await server.close();
  await ana.sees("New server");
  ana.types("quit\n");
  assertEquals(await chatting, 0);
  assertEquals(
    ana.output,
    `Server (IP or name) [127.0.0.1]:
Port [5000]: ${port}
Nick: ana
Connected to 127.0.0.1:${port}. Online: ana. Type "quit" to end.
[${NOON}] ! The connection to 127.0.0.1:${port} was lost: the server has closed
New server (IP or name) [127.0.0.1]: quit
`,
  );
});

const WRONG_FLAGS: [string, string[]][] = [
  ["port-invalid", ["--port", "0"]],
  ["address-invalid", ["--host", "a b"]],
  ["port-invalid", ["--host", "aula:0"]],
  ["nick-invalid", ["--nick", "a b"]],
  ["address-invalid", ["--backup", "a b"]],
  ["flag-value-invalid", ["--history", "1001"]],
  ["flag-value-missing", ["--nick"]],
  ["flag-unknown", ["--hots", "aula"]],
  ["argument-unexpected", ["aula"]],
];

for (const [code, args] of WRONG_FLAGS) {
  Deno.test(`chat-client refuses ${args.join(" ")}: ${code}`, async () => {
    await using ana = newPerson();
    assertEquals((await assertRejects(() => ana.runs(chat, ...args), InputError)).code, code);
    assertEquals(ana.output, "");
  });
}

Deno.test("chat-client does not go on without a nick where the input ends", async () => {
  await using ana = newPerson();
  ana.ends();
  const { code, details } = await assertRejects(() => ana.runs(chat), InputError);
  assertEquals<unknown>([code, details], ["input-ended", { question: "Nick" }]);
});

Deno.test("chat-client --help shows every flag and command, --version the version", async () => {
  await using ana = new Person({ language: "en" });
  const help = await outputOf(ana, "--help");
  const names = [
    "--host HOST",
    "--port N",
    "--nick NICK",
    "--backup HOST:N",
    "--auto",
    "--history N",
    "/who, /quien",
  ];
  for (const name of names) assertStringIncludes(help, `  ${name} `);
  assertStringIncludes(help, "\n\nCommands:\n  /help");
  await using other = newPerson();
  assert(/^chat-client \d+\.\d+\.\d+ \(.+\)\n$/.test(await outputOf(other, "--version")));
  await using shell = newPerson();
  assertStringIncludes(
    await outputOf(shell, "--completions", "bash"),
    "complete -F _chat_client chat-client\n",
  );
});

Deno.test("chat-client shows why it is not let in as text that can be printed", async () => {
  await using server = new FakeServer(async (client) => {
    await client.expect("hello");
    await client.say({ type: "error", code: "\x9b2J", reason: "\x1b]0;title\x07\r\n[root] !" });
  });
  await using ana = newPerson();
  const chatting = ana.runs(chat, ...flagsFor(server.address));
  await ana.sees("No se pudo entrar en");
  ana.kills();
  assertEquals(await chatting, 0);
  // deno-lint-ignore no-control-regex -- these are the very characters that must not be there
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(ana.output), false);
  assertStringIncludes(ana.output, "␛]0;title␇␍␊[root] !");
});
