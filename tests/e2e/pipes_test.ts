// Servers and clients with pipes instead of people: what they show, line by line, through a whole conversation,
// the fall of one server after another, and every way to end.

import { assert, assertEquals } from "@std/assert";
import {
  freePort,
  listening,
  localAddresses,
  LOOPBACK,
  PipedProgram,
  startClient,
  startServer,
} from "./support.ts";

const TIME = "[yyyy-MM-dd HH:mm:ss]";

function connected(port: number, ...online: string[]): string {
  return `Conectado a ${LOOPBACK}:${port}. En línea: ${online.join(", ")}. Escriba "salir" para terminar.`;
}

function joined(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha conectado`;
}

function cameBack(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha reconectado`;
}

function left(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha desconectado`;
}

function vanished(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) ha perdido la conexión`;
}

function fell(port: number, why = "el servidor cortó la conexión"): string {
  return `${TIME} ! Se perdió la conexión con ${LOOPBACK}:${port}: ${why}`;
}

function nobodyAt(port: number): string {
  return `Nadie escucha en ${LOOPBACK}:${port}: revise la dirección y el puerto, y que el servidor esté en marcha.`;
}

const CLOSING = ["Cerrando el servidor: se avisa a quienes están conectados.", "Servidor cerrado."];

/** Lines 1 to `count`, as a pipe gives them and as the room shows them. */
function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

function saidBy(nick: string, lines: readonly string[]): string[] {
  const start = `${TIME} ${nick}: `;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

Deno.test("A script answers a client's questions, speaks and leaves: printf '...' | client", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = new PipedProgram("client");
  await ana.types(LOOPBACK, `${port}`, "ana", "hola", "salir");
  await ana.hearsNoMore();
  await ana.ends(0);
  assertEquals(ana.lines, [
    "Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1",
    `Puerto [5000]: ${port}`,
    "Nick: ana",
    connected(port, "ana"),
    `${TIME} ana: hola`,
  ]);
  await server.sees("ana (127.0.0.1) se ha desconectado");
  assertEquals(server.lines, [listening(port), joined("ana"), `${TIME} ana: hola`, left("ana")]);
});

Deno.test("Lines carry the local date and time of now", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await ana.types("hola");
  await ana.sees("ana: hola");
  await server.sees("ana: hola");
  for (const { output } of [ana, server]) {
    const [, time] = output.match(/^\[(.{19})\] ana: hola$/m)!;
    assert(Math.abs(Date.now() - new Date(time!).getTime()) < 30_000, time);
  }
});

Deno.test("A script answers a server's questions; wrong answers are asked again", async () => {
  const [taken, port] = [freePort(), freePort()];
  await using _other = await startServer(taken);
  await using server = new PipedProgram("server");
  const addresses = localAddresses();
  assert(addresses.length > 1, "This test needs a machine with more than one address");
  await server.types("99999", `${taken}`, "0", LOOPBACK, `${port}`);
  await server.sees(listening(port));
  assertEquals(server.lines, [
    "Puerto [5000]: 99999",
    'El puerto "99999" no vale: debe ser un número de 1 a 65535.',
    `Puerto [5000]: ${taken}`,
    "Interfaz:",
    "  1) todas (0.0.0.0)",
    ...addresses.map(({ address, name }, index) => `  ${index + 2}) ${address} (${name})`),
    "Elija [1]: 0",
    `Elija un número de 1 a ${addresses.length + 1}.`,
    `Elija [1]: ${LOOPBACK}`,
    `El puerto ${taken} ya está en uso en ${LOOPBACK}: elija otro.`,
    `Puerto [5000]: ${port}`,
    listening(port),
  ]);
});

Deno.test("A server listens on every address that it offers", async () => {
  for (const index of localAddresses().keys()) {
    await using server = new PipedProgram("server", "--port", `${freePort()}`);
    await server.types(`${index + 2}`);
    await server.sees("Escuchando en ");
  }
});

Deno.test("Everyone sees who comes, what is said and who goes, and so does the server's console", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  await ana.sees("beto");
  await ana.types("hola, beto");
  await beto.sees("ana: hola, beto");
  await beto.types("¿qué tal, 漢字 👩‍👩‍👧?", "\x1b[2J no borra nada", "/nada", "x".repeat(2_001), "salir");
  await beto.ends(0);
  await ana.sees("beto (127.0.0.1) se ha desconectado");
  await ana.types("/quien", "//salir no es salir", "QUIT");
  await ana.ends(0);
  await server.sees("ana (127.0.0.1) se ha desconectado");
  const conversation = [
    `${TIME} ana: hola, beto`,
    `${TIME} beto: ¿qué tal, 漢字 👩‍👩‍👧?`,
    `${TIME} beto: ␛[2J no borra nada`,
  ];
  assertEquals(server.lines, [
    listening(port),
    joined("ana"),
    joined("beto"),
    ...conversation,
    left("beto"),
    `${TIME} ana: /salir no es salir`,
    left("ana"),
  ]);
  assertEquals(ana.lines, [
    connected(port, "ana"),
    joined("beto"),
    ...conversation,
    left("beto"),
    "! En línea: 1.",
    `  ana (127.0.0.1), desde ${TIME.slice(1, -1)}`,
    `${TIME} ana: /salir no es salir`,
  ]);
  const answers = [
    '! No existe la orden "/nada". Escriba /help para ver las que hay.',
    "! El mensaje tiene 2001 caracteres y el límite es 2000: no se ha enviado.",
  ];
  // Answers of the client itself come at once, the conversation by way of the server.
  assertEquals(beto.lines.filter((line) => !answers.includes(line)), [
    connected(port, "ana", "beto"),
    ...conversation,
  ]);
  assertEquals(beto.lines.filter((line) => answers.includes(line)), answers);
});

Deno.test("A nick that is taken is asked again, and nothing else", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using _ana = await startClient("ana", port);
  await using beto = new PipedProgram("client", "--host", LOOPBACK, "--port", `${port}`);
  await beto.types("dos palabras", "ANA", "beto");
  await beto.sees(connected(port, "ana", "beto"));
  assertEquals(beto.lines, [
    "Nick: dos palabras",
    'El nick "dos palabras" no vale: de 1 a 20 letras, cifras, "_" o "-", sin espacios.',
    "Nick: ANA",
    `No se pudo entrar en ${LOOPBACK}:${port}: el nick "ANA" ya está en uso.`,
    "Nick: beto",
    connected(port, "ana", "beto"),
  ]);
});

Deno.test("Five clients that all speak at once see every message of all in the same order", async () => {
  const port = freePort();
  const nicks = ["ana", "beto", "celia", "dora", "eva"];
  await using server = await startServer(port);
  await using scope = new AsyncDisposableStack();
  const clients: PipedProgram[] = [];
  for (const nick of nicks) clients.push(scope.use(await startClient(nick, port)));
  const lines = numbered(200);
  await Promise.all(clients.map((client) => client.types(...lines)));
  const said = (program: PipedProgram) => program.lines.filter((line) => /^\S+ \S+ \w+: /.test(line));
  const last = nicks.map((nick) => `${nick}: 200\n`);
  for (const program of [...clients, server]) await program.sees(...last);
  const order = said(server);
  assertEquals(order.length, 1_000);
  for (const nick of nicks) assertEquals(saidBy(nick, order), lines);
  for (const client of clients) assertEquals(said(client), order);
});

Deno.test("When the server is killed, Enter takes everyone to the backup that it announced", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  await using beto = await startClient("beto", first);
  await beto.types("antes");
  for (const program of [one, ana, beto]) await program.sees("beto: antes");
  one.gets("SIGKILL");
  for (const client of [ana, beto]) {
    await client.sees("Nuevo servidor (IP o nombre) [127.0.0.1]:");
    await client.types("");
    await client.sees(`Puerto [${second}]:`);
    await client.types("");
    await client.sees("Conectado");
  }
  await ana.sees("beto");
  await two.sees("+ beto: antes");
  await ana.types("después");
  await beto.sees("ana: después");
  await beto.types("salir");
  await beto.ends(0);
  await ana.sees("beto (127.0.0.1) se ha desconectado");
  await two.sees("beto (127.0.0.1) se ha desconectado");
  const asked = ["Nuevo servidor (IP o nombre) [127.0.0.1]:", `Puerto [${second}]:`];
  assertEquals(ana.lines, [
    connected(first, "ana"),
    joined("beto"),
    `${TIME} beto: antes`,
    fell(first),
    ...asked,
    connected(second, "ana"),
    cameBack("beto"),
    `${TIME} ana: después`,
    left("beto"),
  ]);
  assertEquals(beto.lines.slice(0, 6), [
    connected(first, "ana", "beto"),
    `${TIME} beto: antes`,
    fell(first),
    ...asked,
    connected(second, "ana", "beto"),
  ]);
  // The second server has never heard of the first: it is told what may have been lost with that.
  assertEquals(two.lines, [
    listening(second),
    cameBack("ana"),
    cameBack("beto"),
    `${TIME} + beto: antes`,
    `${TIME} ana: después`,
    left("beto"),
  ]);
});

Deno.test("A backup that cannot be reached is asked again, and a third server serves when the second falls", async () => {
  const [first, second, third, nobody] = [freePort(), freePort(), freePort(), freePort()];
  await using one = await startServer(first);
  await using two = await startServer(second);
  await using three = await startServer(third);
  await using ana = await startClient("ana", first, "--backup", `${LOOPBACK}:${nobody}`);
  one.gets("SIGKILL");
  await ana.sees(`Nuevo servidor`);
  await ana.types("", "");
  await ana.sees("Nuevo servidor");
  await ana.types("esto no", `${LOOPBACK}:${second}`);
  await ana.sees("Conectado");
  await ana.types("en el segundo");
  await two.sees("ana: en el segundo");
  await ana.sees("ana: en el segundo");
  two.gets("SIGKILL");
  await ana.sees("Nuevo servidor");
  await ana.types(LOOPBACK, "nada", `${third}`);
  await ana.sees("Conectado");
  await ana.types("en el tercero", "salir");
  await ana.ends(0);
  assertEquals(ana.lines, [
    connected(first, "ana"),
    fell(first),
    "Nuevo servidor (IP o nombre) [127.0.0.1]:",
    `Puerto [${nobody}]:`,
    nobodyAt(nobody),
    "Nuevo servidor (IP o nombre) [127.0.0.1]: esto no",
    '"esto no" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
    `Nuevo servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}:${second}`,
    connected(second, "ana"),
    `${TIME} ana: en el segundo`,
    fell(second),
    "Nuevo servidor (IP o nombre) [127.0.0.1]: 127.0.0.1",
    `Puerto [${nobody}]: nada`,
    'El puerto "nada" no vale: debe ser un número de 1 a 65535.',
    `Puerto [${nobody}]: ${third}`,
    connected(third, "ana"),
    `${TIME} ana: en el tercero`,
  ]);
  await three.sees("se ha desconectado");
  assertEquals(three.lines, [
    listening(third),
    cameBack("ana"),
    `${TIME} + ana: en el segundo`,
    `${TIME} ana: en el tercero`,
    left("ana"),
  ]);
});

Deno.test("With --auto a client asks nothing and tries the servers that it knows in turn", async () => {
  const [first, nobody, second] = [freePort(), freePort(), freePort()];
  const backups = [nobody, second].flatMap((port) => ["--backup", `${LOOPBACK}:${port}`]);
  await using one = await startServer(first, ...backups);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  one.gets("SIGKILL");
  await ana.sees("Conectado");
  await using _oneAgain = await startServer(first);
  two.gets("SIGKILL");
  await ana.sees("Conectado");
  assertEquals(ana.lines, [
    connected(first, "ana"),
    fell(first),
    `${TIME} ! ${nobodyAt(nobody)} Se seguirá intentando.`,
    connected(second, "ana"),
    fell(second),
    connected(first, "ana"),
  ]);
});

const endings: Record<string, (server: PipedProgram) => void | Promise<void>> = {
  "SIGTERM": (server) => server.gets("SIGTERM"),
  "SIGINT": (server) => server.gets("SIGINT"),
  "salir": (server) => server.types("salir"),
  "quit": (server) => server.types("Quit"),
};
for (const [name, end] of Object.entries(endings)) {
  Deno.test(`A server that is ended by ${name} tells everyone`, async () => {
    const port = freePort();
    await using server = await startServer(port);
    await using ana = await startClient("ana", port);
    await server.sees("ana");
    await end(server);
    await ana.sees("Nuevo servidor");
    await server.ends(0);
    assertEquals(server.lines, [listening(port), joined("ana"), ...CLOSING]);
    assertEquals(ana.lines.slice(0, 2), [connected(port, "ana"), fell(port, "el servidor se ha cerrado")]);
  });
}

Deno.test("A server whose input has ended goes on", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await server.types("hola");
  await server.hearsNoMore();
  await server.sees(
    'Aquí se escriben órdenes, que empiezan con "/": "/say" dice algo a todos, "/help" las enseña todas.',
  );
  await using ana = await startClient("ana", port);
  await ana.types("hola", "salir");
  await ana.ends(0);
  await server.sees("se ha desconectado");
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test(`A client that gets ${signal} leaves by choice`, async () => {
    const port = freePort();
    await using server = await startServer(port);
    await using ana = await startClient("ana", port);
    ana.gets(signal);
    await ana.ends(0);
    await server.sees(left("ana").slice(TIME.length));
  });
}

Deno.test("A client that is killed is shown as lost", async () => {
  const port = freePort();
  await using server = await startServer(port, "--grace", "0");
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  await server.sees("beto");
  beto.gets("SIGKILL");
  await ana.sees("beto (127.0.0.1) ha perdido la conexión");
  await server.sees("beto (127.0.0.1) ha perdido la conexión");
  assertEquals(ana.lines, [connected(port, "ana"), joined("beto"), vanished("beto")]);
  assertEquals(server.lines, [listening(port), joined("ana"), joined("beto"), vanished("beto")]);
});

Deno.test("At the end of its input a client leaves once everything that it was given has arrived", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  const lines = numbered(2_000);
  await beto.types(...lines);
  await beto.hearsNoMore();
  await beto.ends(0);
  await ana.sees("beto (127.0.0.1) se ha desconectado");
  assertEquals(saidBy("beto", ana.lines), lines);
});

Deno.test("At the end of its input a client takes what has not arrived to the backup, and leaves only then", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  one.gets("SIGSTOP");
  await ana.types("uno", "dos", "/quien");
  await ana.sees("ana (127.0.0.1), desde");
  await ana.hearsNoMore();
  one.gets("SIGKILL");
  await ana.ends(0);
  await two.sees("ana (127.0.0.1) se ha desconectado");
  assertEquals(saidBy("ana", two.lines), ["uno", "dos"]);
  assertEquals(saidBy("ana", ana.lines), ["uno", "dos"]);
});

Deno.test("A server that is killed amid 2,000 lines costs none of them", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  await using beto = await startClient("beto", first, "--auto");
  const lines = numbered(2_000);
  const typing = beto.types(...lines.slice(0, 1_000));
  await ana.sees("beto: 300\n");
  one.gets("SIGKILL");
  await typing;
  await beto.types(...lines.slice(1_000));
  await beto.hearsNoMore();
  await beto.ends(0);
  await two.sees("beto (127.0.0.1) se ha desconectado");
  await ana.sees("beto: 2000\n"); // she may come after he has left
  assertEquals(
    ana.lines.filter((line) => / (\+ )?beto: /.test(line)).map((line) => line.split("beto: ")[1]!),
    lines,
  );
});

Deno.test("A client whose output nobody reads any more ends cleanly: client | head -1", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await ana.isReadNoMore();
  await ana.types("hola", "¿nadie?");
  await ana.ends(0);
  await server.sees(left("ana").slice(TIME.length));
});

Deno.test("A server that speaks English is chosen by --lang, a client by the locale or --lang", async () => {
  const port = freePort();
  await using server = new PipedProgram("server", "--lang=en", "--host", LOOPBACK, "--port", `${port}`);
  await server.sees(`Listening on ${LOOPBACK}:${port}. Type "quit" to end.\n`);
  await using ana = new PipedProgram("client", "--lang", "en");
  await ana.types(LOOPBACK, `${port}`, "ana", "quit");
  await ana.ends(0);
  assertEquals(ana.lines, [
    "Server (IP or name) [127.0.0.1]: 127.0.0.1",
    `Port [5000]: ${port}`,
    "Nick: ana",
    `Connected to ${LOOPBACK}:${port}. Online: ana. Type "quit" to end.`,
  ]);
});

Deno.test("--help and --version answer and end with status 0", async () => {
  for (const task of ["server", "client"] as const) {
    await using help = new PipedProgram(task, "--help");
    await help.ends(0);
    assert(help.lines[0]!.startsWith(`Uso: chat-${task} [opciones]`), help.output);
    await using version = new PipedProgram(task, "--version");
    await version.ends(0);
    assert(/^chat-\w+ \d+\.\d+\.\d+ \(.+, Deno .+\)\n$/.test(version.output), version.output);
  }
});

Deno.test("What the system refuses ends a server that asks nothing with status 1", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  const refused: [host: string, error: string][] = [
    [LOOPBACK, `El puerto ${port} ya está en uso en ${LOOPBACK}: elija otro.\n`],
    ["192.0.2.1", "192.0.2.1 no es una dirección de esta máquina.\n"],
  ];
  for (const [host, error] of refused) {
    await using server = new PipedProgram("server", "--host", host, "--port", `${port}`);
    await server.ends(1, error);
    assertEquals(server.output, "");
  }
});

Deno.test("Flags that make no sense end both programs with status 2 and a sentence", async () => {
  const wrong: [args: string[], error: string][] = [
    [["--port", "99999"], 'El puerto "99999" no vale: debe ser un número de 1 a 65535.\n'],
    [["--port=0"], 'El puerto "0" no vale: debe ser un número de 1 a 65535.\n'],
    [["--nada"], 'No existe la opción "--nada". Pruebe con --help.\n'],
    [["--port"], 'A la opción "--port" le falta su valor. Pruebe con --help.\n'],
    [["--lang", "fr"], 'La opción "--lang" no admite "fr". Pruebe con --help.\n'],
    [["5000"], 'Sobra "5000". Pruebe con --help.\n'],
    [["--backup", "a b"], '"a b" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".\n'],
  ];
  for (const [args, error] of wrong) {
    for (const task of ["server", "client"] as const) {
      await using program = new PipedProgram(task, ...args);
      await program.ends(2, error);
      assertEquals(program.output, "");
    }
  }
});

Deno.test("A client whose input ends before it has a server says so: status 2 without an answer, 1 without a server", async () => {
  await using silent = new PipedProgram("client");
  await silent.hearsNoMore();
  await silent.ends(
    2,
    'La entrada terminó sin responder "Nick": dé la respuesta con una opción. Pruebe con --help.\n',
  );
  const port = freePort();
  await using alone = new PipedProgram("client", "--host", LOOPBACK, "--port", `${port}`, "--nick", "ana");
  await alone.hearsNoMore();
  await alone.ends(1);
  assertEquals(alone.lines[0], nobodyAt(port));
});
