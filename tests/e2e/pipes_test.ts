// chat-server and chat-client with pipes instead of terminals: what they show, line by line, through conversations and
// the failure of a server.

import { assert, assertEquals } from "@std/assert";
import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import { freePort, localAddresses, LOOPBACK } from "../testing/addresses.ts";
import { joining, listening, PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import {
  connected,
  disconnected,
  JOINED,
  LEFT,
  numbers,
  presence,
  REJOINED,
  textsOf,
  TIME,
} from "./expected_lines.ts";

Deno.test("chat-client answers its prompts from a pipe, talks and leaves: printf '...' | client", async () => {
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
  assertEquals(server.lines, [
    listening(port),
    joining(port),
    presence("ana", JOINED),
    `${TIME} ana: hola`,
    presence("ana", LEFT),
  ]);
  for (const { output } of [ana, server]) {
    const [, time] = output.match(/^\[(.{19})\] ana: hola$/m)!;
    assert(Math.abs(Date.now() - new Date(time!).getTime()) < 60_000, time);
  }
});

Deno.test("chat-server listens on every address that it offers", async () => {
  for (const index of localAddresses().keys()) {
    await using server = new PipedProgram("server", "--port", `${freePort()}`, "--no-announce");
    await server.type(`${index + 2}`);
    await server.waitForOutput("Escuchando en ");
  }
});

Deno.test("chat-server and chat-client show who joins, talks and leaves", async () => {
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
    joining(port),
    presence("ana", JOINED),
    presence("beto", JOINED),
    ...conversation,
    presence("beto", LEFT),
    `${TIME} ana: /salir no es salir`,
    presence("ana", LEFT),
  ]);
  assertEquals(ana.lines, [
    connected(port, "ana"),
    presence("beto", JOINED),
    ...conversation,
    presence("beto", LEFT),
    "! En línea: 1.",
    `  ana (127.0.0.1), desde ${TIME.slice(1, -1)}`,
    `${TIME} ana: /salir no es salir`,
  ]);
  const answers = [
    '! El comando "/nada" no existe. Escriba /help para ver la lista.',
    "! No se envió: el mensaje tiene 2001 caracteres y el límite es 2000.",
  ];
  // The client's own answers come at once, messages through the server.
  assertEquals(beto.lines.filter((line) => !answers.includes(line)), [
    connected(port, "ana", "beto"),
    ...conversation,
  ]);
  assertEquals(beto.lines.filter((line) => answers.includes(line)), answers);
});

Deno.test("chat-server gives the messages of five clients that talk at once to all in the same order", async () => {
  const port = freePort();
  const nicks = ["ana", "beto", "celia", "dora", "eva"];
  await using server = await startServer(port);
  await using scope = new AsyncDisposableStack();
  const clients = await Promise.all(nicks.map(async (nick) => scope.use(await startClient(nick, port))));
  const texts = numbers(200);
  await Promise.all(clients.map((client) => client.type(...texts)));
  const messages = (program: PipedProgram) => program.lines.filter((line) => /^\S+ \S+ \w+: /.test(line));
  const last = nicks.map((nick) => `${nick}: 200\n`);
  for (const program of [...clients, server]) await program.waitForOutput(...last);
  const order = messages(server);
  assertEquals(order.length, 1_000);
  for (const nick of nicks) assertEquals(textsOf(nick, order), texts);
  for (const client of clients) assertEquals(messages(client), order);
});

Deno.test("chat-server --lang en and chat-client --lang en speak English in a Spanish locale", async () => {
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

Deno.test("chat-client goes to the announced backup when its server is killed and the user presses Enter", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  await using beto = await startClient("beto", first);
  await beto.type("antes");
  for (const program of [one, ana, beto]) await program.waitForOutput("beto: antes");
  one.sendSignal("SIGKILL");
  const prompts = ["Nuevo servidor (IP o nombre) [127.0.0.1]:", `Puerto [${second}]:`];
  for (const client of [ana, beto]) {
    for (const prompt of prompts) {
      await client.waitForOutput(prompt);
      await client.type("");
    }
    await client.waitForOutput("Conectado");
  }
  await ana.waitForOutput("beto");
  await two.waitForOutput("+ beto: antes");
  await ana.type("después");
  await beto.waitForOutput("ana: después");
  await beto.type("salir");
  await beto.expectExit(0);
  for (const program of [ana, two]) await program.waitForOutput("beto (127.0.0.1) se ha desconectado");
  assertEquals(ana.lines, [
    connected(first, "ana"),
    presence("beto", JOINED),
    `${TIME} beto: antes`,
    disconnected(first),
    ...prompts,
    connected(second, "ana"),
    presence("beto", REJOINED),
    `${TIME} ana: después`,
    presence("beto", LEFT),
  ]);
  // The backup has never heard of the first server: clients resend to it what may be lost.
  assertEquals(two.lines, [
    listening(second),
    joining(second),
    presence("ana", REJOINED),
    presence("beto", REJOINED),
    `${TIME} + beto: antes`,
    `${TIME} ana: después`,
    presence("beto", LEFT),
  ]);
});

Deno.test("chat-client --auto loses none of 2,000 messages when its server is killed amid them", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  await using beto = await startClient("beto", first, "--auto");
  const texts = numbers(2_000);
  await beto.type(...texts.slice(0, 300));
  await ana.waitForOutput("beto: 300\n");
  // No more than an outbox keeps: ana may read none of them from the server that dies.
  const typing = beto.type(...texts.slice(300, 300 + MAX_OUTBOX_MESSAGES));
  await ana.waitForOutput("beto: 320\n");
  one.sendSignal("SIGKILL");
  await typing;
  await beto.type(...texts.slice(300 + MAX_OUTBOX_MESSAGES));
  await beto.closeStdin();
  await beto.expectExit(0);
  await two.waitForOutput("beto (127.0.0.1) se ha desconectado");
  await ana.waitForOutput("beto: 2000\n"); // she may join after he has left
  assertEquals(textsOf("beto", ana.lines), texts);
});

Deno.test("chat-server --metrics is read by Prometheus, and refuses a port that is taken", async () => {
  const [port, taken, metrics] = [freePort(), freePort(), freePort()];
  await using server = await startServer(port, "--metrics", `${metrics}`);
  await server.waitForOutput(`Métricas en http://127.0.0.1:${metrics}/metrics, estado en /healthz.\n`);
  await using ana = await startClient("ana", port);
  await ana.type("hola");
  await ana.waitForOutput("ana: hola");
  const response = await fetch(`http://${LOOPBACK}:${metrics}/metrics`);
  const text = await response.text();
  assert(text.includes("\nchat_messages_total 1\n"), text);
  await using second = new PipedProgram(
    "server",
    "--port",
    `${taken}`,
    "--host",
    LOOPBACK,
    "--metrics",
    `${metrics}`,
  );
  await second.expectExit(1, `El puerto ${metrics} ya está en uso en ${LOOPBACK}: elija otro.\n`);
  server.sendSignal("SIGTERM");
  await server.expectExit(0);
  await assertPromtoolAccepts(text);
});

/** Nothing is checked where promtool is not installed. */
async function assertPromtoolAccepts(metrics: string): Promise<void> {
  const script = "command -v promtool >/dev/null || { cat >/dev/null; exit 0; }; promtool check metrics 2>&1";
  const promtool = new Deno.Command("sh", { args: ["-c", script], stdin: "piped", stdout: "piped" }).spawn();
  const output = promtool.output();
  const input = promtool.stdin.getWriter();
  await input.write(new TextEncoder().encode(metrics));
  await input.close();
  const { success, stdout } = await output;
  assertEquals([success, new TextDecoder().decode(stdout)], [true, ""]);
}
