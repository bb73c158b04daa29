// Servers and clients with pipes instead of people: what they show, line by line, through a whole conversation.

import { assert, assertEquals } from "@std/assert";
import { connected, joined, left, numberedLines, saidBy, TIME } from "./sentences.ts";
import { freePort, localAddresses, LOOPBACK } from "../testing/addresses.ts";
import { listening, PipedProgram, startClient, startServer } from "../testing/piped_program.ts";

Deno.test("A script answers a client's questions, speaks and leaves: printf '...' | client", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = new PipedProgram("client");
  await ana.type(LOOPBACK, `${port}`, "ana", "hola", "salir");
  await ana.closeStdin();
  await ana.expectExit(0);
  assertEquals(ana.lines, [
    "Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1",
    `Puerto [5000]: ${port}`,
    "Nick: ana",
    connected(port, "ana"),
    `${TIME} ana: hola`,
  ]);
  await server.waitForOutput("ana (127.0.0.1) se ha desconectado");
  assertEquals(server.lines, [listening(port), joined("ana"), `${TIME} ana: hola`, left("ana")]);
});

Deno.test("Lines carry the local date and time of now", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await ana.type("hola");
  await ana.waitForOutput("ana: hola");
  await server.waitForOutput("ana: hola");
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
  await server.type("99999", `${taken}`, "0", LOOPBACK, `${port}`);
  await server.waitForOutput(listening(port));
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
    await server.type(`${index + 2}`);
    await server.waitForOutput("Escuchando en ");
  }
});

Deno.test("Everyone sees who comes, what is said and who goes, and so does the server's console", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  await ana.waitForOutput("beto");
  await ana.type("hola, beto");
  await beto.waitForOutput("ana: hola, beto");
  await beto.type("¿qué tal, 漢字 👩‍👩‍👧?", "\x1b[2J no borra nada", "/nada", "x".repeat(2_001), "salir");
  await beto.expectExit(0);
  await ana.waitForOutput("beto (127.0.0.1) se ha desconectado");
  await ana.type("/quien", "//salir no es salir", "QUIT");
  await ana.expectExit(0);
  await server.waitForOutput("ana (127.0.0.1) se ha desconectado");
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
  await beto.type("dos palabras", "ANA", "beto");
  await beto.waitForOutput(connected(port, "ana", "beto"));
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
  const lines = numberedLines(200);
  await Promise.all(clients.map((client) => client.type(...lines)));
  const said = (program: PipedProgram) => program.lines.filter((line) => /^\S+ \S+ \w+: /.test(line));
  const last = nicks.map((nick) => `${nick}: 200\n`);
  for (const program of [...clients, server]) await program.waitForOutput(...last);
  const order = said(server);
  assertEquals(order.length, 1_000);
  for (const nick of nicks) assertEquals(saidBy(nick, order), lines);
  for (const client of clients) assertEquals(said(client), order);
});

Deno.test("A server that speaks English is chosen by --lang, a client by the locale or --lang", async () => {
  const port = freePort();
  await using server = new PipedProgram("server", "--lang=en", "--host", LOOPBACK, "--port", `${port}`);
  await server.waitForOutput(`Listening on ${LOOPBACK}:${port}. Type "quit" to end.\n`);
  await using ana = new PipedProgram("client", "--lang", "en");
  await ana.type(LOOPBACK, `${port}`, "ana", "quit");
  await ana.expectExit(0);
  assertEquals(ana.lines, [
    "Server (IP or name) [127.0.0.1]: 127.0.0.1",
    `Port [5000]: ${port}`,
    "Nick: ana",
    `Connected to ${LOOPBACK}:${port}. Online: ana. Type "quit" to end.`,
  ]);
});
