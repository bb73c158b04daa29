// Every way in which servers and clients with pipes end, and with which status.

import { assert, assertEquals } from "@std/assert";
import {
  connected,
  connectionRefused,
  joined,
  left,
  numberedLines,
  saidBy,
  serverFell,
  TIME,
} from "./sentences.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { listening, PipedProgram, startClient, startServer } from "../testing/piped_program.ts";

function vanished(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) ha perdido la conexión`;
}

const CLOSING = ["Cerrando el servidor: se avisa a quienes están conectados.", "Servidor cerrado."];

const endings: Record<string, (server: PipedProgram) => void | Promise<void>> = {
  "SIGTERM": (server) => server.sendSignal("SIGTERM"),
  "SIGINT": (server) => server.sendSignal("SIGINT"),
  "salir": (server) => server.type("salir"),
  "quit": (server) => server.type("Quit"),
};
for (const [name, end] of Object.entries(endings)) {
  Deno.test(`A server that is ended by ${name} tells everyone`, async () => {
    const port = freePort();
    await using server = await startServer(port);
    await using ana = await startClient("ana", port);
    await server.waitForOutput("ana");
    await end(server);
    await ana.waitForOutput("Nuevo servidor");
    await server.expectExit(0);
    assertEquals(server.lines, [listening(port), joined("ana"), ...CLOSING]);
    assertEquals(ana.lines.slice(0, 2), [
      connected(port, "ana"),
      serverFell(port, "el servidor se ha cerrado"),
    ]);
  });
}

Deno.test("A server whose input has ended goes on", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await server.type("hola");
  await server.closeStdin();
  await server.waitForOutput(
    'Aquí se escriben órdenes, que empiezan con "/": "/say" dice algo a todos, "/help" las enseña todas.',
  );
  await using ana = await startClient("ana", port);
  await ana.type("hola", "salir");
  await ana.expectExit(0);
  await server.waitForOutput("se ha desconectado");
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test(`A client that gets ${signal} leaves by choice`, async () => {
    const port = freePort();
    await using server = await startServer(port);
    await using ana = await startClient("ana", port);
    ana.sendSignal(signal);
    await ana.expectExit(0);
    await server.waitForOutput(left("ana").slice(TIME.length));
  });
}

Deno.test("A client that is killed is shown as lost", async () => {
  const port = freePort();
  await using server = await startServer(port, "--grace", "0");
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  await server.waitForOutput("beto");
  beto.sendSignal("SIGKILL");
  await ana.waitForOutput("beto (127.0.0.1) ha perdido la conexión");
  await server.waitForOutput("beto (127.0.0.1) ha perdido la conexión");
  assertEquals(ana.lines, [connected(port, "ana"), joined("beto"), vanished("beto")]);
  assertEquals(server.lines, [listening(port), joined("ana"), joined("beto"), vanished("beto")]);
});

Deno.test("At the end of its input a client leaves once everything that it was given has arrived", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  const lines = numberedLines(2_000);
  await beto.type(...lines);
  await beto.closeStdin();
  await beto.expectExit(0);
  await ana.waitForOutput("beto (127.0.0.1) se ha desconectado");
  assertEquals(saidBy("beto", ana.lines), lines);
});

Deno.test("A client whose output nobody reads any more ends cleanly: client | head -1", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await ana.closeStdout();
  await ana.type("hola", "¿nadie?");
  await ana.expectExit(0);
  await server.waitForOutput(left("ana").slice(TIME.length));
});

Deno.test("--help and --version answer and end with status 0", async () => {
  for (const task of ["server", "client"] as const) {
    await using help = new PipedProgram(task, "--help");
    await help.expectExit(0);
    assert(help.lines[0]!.startsWith(`Uso: chat-${task} [opciones]`), help.output);
    await using version = new PipedProgram(task, "--version");
    await version.expectExit(0);
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
    await server.expectExit(1, error);
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
      await program.expectExit(2, error);
      assertEquals(program.output, "");
    }
  }
});

Deno.test("A client whose input ends before it has a server says so: status 2 without an answer, 1 without a server", async () => {
  await using silent = new PipedProgram("client");
  await silent.closeStdin();
  await silent.expectExit(
    2,
    'La entrada terminó sin responder "Nick": dé la respuesta con una opción. Pruebe con --help.\n',
  );
  const port = freePort();
  await using alone = new PipedProgram("client", "--host", LOOPBACK, "--port", `${port}`, "--nick", "ana");
  await alone.closeStdin();
  await alone.expectExit(1);
  assertEquals(alone.lines[0], connectionRefused(port));
});
