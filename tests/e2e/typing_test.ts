// Typing on a real terminal (tmux): the line stays intact, is sent unchanged, and the terminal gets its settings back.

import { assertEquals } from "@std/assert";
import { join, makeHello, type RawClient } from "../testing/raw_peer.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

const TIME = "[yyyy-MM-dd HH:mm:ss]";

interface Chat {
  readonly port: number;
  readonly server: PipedProgram;
  readonly beto: PipedProgram;
  readonly ana: TerminalScreen;
}

/** Ana on a terminal, Beto by pipe. */
async function newChat(
  terminals: Terminals,
  scope: AsyncDisposableStack,
  { columns = 60, flags = "" } = {},
): Promise<Chat> {
  const port = freePort();
  const server = scope.use(await startServer(port));
  const beto = scope.use(await startClient("beto", port));
  const ana = await terminals.open("ana", { columns });
  await ana.rememberSettings();
  await ana.enterLine(`clear; client --host ${LOOPBACK}:${port} --nick ana ${flags}`);
  await beto.waitForOutput("ana (127.0.0.1) se ha conectado");
  await (flags === "--plain" ? ana.says("Conectado a ") : ana.endsWith(">"));
  return { port, server, beto, ana };
}

Deno.test("Lines that arrive in bursts leave alone what is being typed meanwhile", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  const text = "una línea larga con 漢字 y 👩‍👩‍👧 que ocupa más de una fila de la pantalla, letra a letra";
  const bursts = (async () => {
    for (let burst = 0; burst < 20; burst++) {
      await beto.type(...Array.from({ length: 50 }, (_, n) => `${burst}.${n}`));
    }
    await beto.waitForOutput("beto: 19.49\n");
  })();
  for (const { segment } of new Intl.Segmenter().segment(text)) await ana.type(segment);
  await bursts;
  await ana.endsWith(
    `${TIME} beto: 19.48`,
    `${TIME} beto: 19.49`,
    ...["> una línea larga con 漢字 y 👩‍👩‍👧 que ocupa más de una fil", "a de la pantalla, letra a letra"],
  );
  await ana.press("Enter");
  await beto.waitForOutput(`ana: ${text}\n`);
});

Deno.test("Emoji, flags and accents are one character each, and are sent as they are", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("a👩‍👩‍👧b🇪🇸c❤️de\u0301f👍🏽g");
  await ana.press(
    "BSpace",
    "BSpace",
    "Left",
    "BSpace",
    "Left",
    "Left",
    "Left",
    "BSpace",
    "Home",
    "Right",
    "DC",
  );
  await ana.type("[");
  await ana.press("End");
  await ana.type("]");
  await ana.endsWith("> a[bc❤️df]");
  await beto.type("hola");
  await ana.endsWith(`${TIME} beto: hola`, "> a[bc❤️df]");
  await ana.press("Enter");
  await beto.waitForOutput("ana: a[bc❤️df]\n");
});

Deno.test("Keys edit the line as a shell does, and bring back what was said", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.enterLine("la primera");
  await ana.type("uno dos tres");
  await ana.press("C-w", "C-a", "C-y", "M-f", "C-k", "C-e");
  await ana.endsWith("> tresuno");
  await ana.press("M-b", "C-Right", "M-BSpace", "C-y", "C-u", "Up");
  await ana.endsWith("> la primera");
  await ana.press("C-Left", "M-d");
  await ana.type("segunda");
  await ana.press("Enter", "Up", "Up", "Down");
  await beto.waitForOutput("ana: la primera\n", "ana: la segunda\n");
  await ana.endsWith("> la segunda");
});

Deno.test("Tab completes nicks and commands", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("be");
  await ana.press("Tab");
  await ana.type("hola, BE");
  await ana.press("Tab");
  await ana.endsWith("> beto: hola, beto");
  await ana.press("Enter");
  await beto.waitForOutput("ana: beto: hola, beto\n");
  await ana.type("/hel");
  await ana.press("Tab");
  await ana.endsWith("> /help");
});

Deno.test("Tab completes nicks and orders at a server's console", async () => {
  await using terminals = new Terminals();
  const port = freePort();
  const one = await terminals.open("one");
  await one.enterLine(`server --host ${LOOPBACK} --port ${port}`);
  await one.says("Escuchando");
  await using ana = await startClient("ana", port);
  await one.type("/ki");
  await one.press("Tab");
  await one.type("A");
  await one.press("Tab");
  await one.type("por gritar");
  await one.endsWith("/kick ana por gritar");
  await one.press("Enter");
  await ana.waitForOutput("por gritar\n");
  await ana.expectExit(1);
});

Deno.test("A pasted block is sent as it is, line by line, where it was pasted", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("mira: , ¿ves?");
  await ana.press(...Array(7).fill("Left"));
  await ana.paste("uno\n/quit\n\n\tsalir\nfin");
  await beto.waitForOutput("ana: mira: uno\n", "ana: /quit\n", "ana:     salir\n");
  await ana.endsWith(`${TIME} ana:     salir`, "> fin, ¿ves?");
  await ana.press("Enter");
  await beto.waitForOutput("ana: fin, ¿ves?\n");
});

Deno.test("A pasted block of 200 lines is asked about once; what was typed is there after no and after yes", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  const lines = Array.from({ length: 200 }, (_, n) => `${" ".repeat(n % 40)}línea ${n}`);
  await ana.type("sin acabar");
  await ana.press("Home");
  await ana.paste(`${lines.join("\n")}\n`);
  const question = "Se han pegado 200 líneas. ¿Enviarlas? (s/n) [n]:";
  await ana.endsWith(question);
  await beto.type("hola");
  await ana.endsWith(`${TIME} beto: hola`, question);
  await ana.enterLine("n");
  const kept = ["! Líneas pegadas que no se han enviado: 200. Flecha arriba", "  las devuelve, una a una."];
  await ana.endsWith(`${question} n`, ...kept, "> sin acabar");
  await ana.paste(`${lines.join("\n")}\n`);
  await ana.endsWith(question);
  await ana.enterLine("s");
  await beto.waitForOutput(`ana: ${lines.at(-1)}\n`);
  const heard = beto.lines.flatMap((line) => / ana: (.*)/.exec(line)?.[1] ?? []);
  assertEquals(heard, lines);
  await ana.endsWith("> sin acabar");
});

Deno.test("A long line comes whole however it is pasted", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  const text = Array.from({ length: 200 }, (_, n) => `palabra${n}`).join(" ").slice(0, 1_990);
  await ana.type(text); // a terminal that marks nothing
  await ana.press("Enter");
  await beto.waitForOutput(`ana: ${text}\n`);
  await ana.paste(text);
  await ana.press("Home");
  await ana.type("2 ");
  await ana.press("Enter");
  await beto.waitForOutput(`ana: 2 ${text}\n`);
});

Deno.test("A line that is longer than the screen stays whole through sizes, bursts and a failover", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, server } = await newChat(terminals, scope, { columns: 40 });
  const text = Array.from({ length: 90 }, (_, n) => `漢${n}👍🏽`).join(" ");
  await ana.paste(text);
  for (const [columns, rows] of [[25, 12], [90, 30], [31, 8], [60, 20]] as const) {
    await ana.resizes(columns, rows);
    await beto.type(...Array.from({ length: 20 }, (_, n) => `${columns}.${n}`));
    await beto.waitForOutput(`beto: ${columns}.19\n`);
  }
  server.sendSignal("SIGKILL");
  await ana.says("Nuevo servidor");
  const second = freePort();
  scope.use(await startServer(second));
  const celia = scope.use(await startClient("celia", second));
  await ana.enterLine(`${LOOPBACK}:${second}`);
  await celia.waitForOutput("ana");
  await ana.press("End");
  await ana.type("!");
  await ana.press("Enter");
  await celia.waitForOutput(`ana: ${text}!\n`);
});

Deno.test("With --auto the prompt tells that there is no server, and what is typed goes on", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, server, port } = await newChat(terminals, scope, { flags: "--auto", columns: 100 });
  await ana.type("sin ");
  await ana.endsWith("> sin");
  server.sendSignal("SIGKILL");
  await ana.endsWith("(sin conexión) > sin");
  await ana.type("acabar");
  await ana.endsWith("(sin conexión) > sin acabar");
  const again = scope.use(await startServer(port));
  await ana.endsWith("> sin acabar");
  await ana.press("Enter");
  await again.waitForOutput("ana: sin acabar\n");
});

Deno.test("Members who join or leave together share a line, on a screen and not on the console", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, server, port } = await newChat(terminals, scope, { columns: 100 });
  const nicks = Array.from({ length: 100 }, (_, n) => `nick${n}`);
  const sessions: RawClient[] = await Promise.all(
    nicks.map((nick) => join({ host: LOOPBACK, port }, makeHello(nick))),
  );
  for (const { peer } of sessions) scope.use(peer);
  await server.waitForOutput(...nicks.map((nick) => `${nick} (127.0.0.1) se ha conectado\n`));
  await ana.says("97 se han conectado: ");
  await ana.type("hola");
  await ana.press("Enter");
  await ana.endsWith(`${TIME} ana: hola`, ">");
});

Deno.test("--plain shows lines, and leaves line editing to the system", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, port } = await newChat(terminals, scope, { flags: "--plain" });
  await ana.type("holq");
  await ana.press("BSpace");
  await ana.enterLine("a");
  await beto.waitForOutput("ana: hola\n");
  await ana.endsWith("hola", `${TIME} ana: hola`);
  // Ctrl-Z has the system forget what nobody has read yet.
  await ana.press("C-z");
  await ana.endsWith("^Z");
  await ana.press("Enter");
  await beto.type("¿sigues?");
  await ana.endsWith("^Z", `${TIME} beto: ¿sigues?`);
  await ana.press("C-d");
  await ana.shows(
    ...`Conectado a ${LOOPBACK}:${port}. En línea: beto, ana. Escriba "salir" para terminar.`.match(
      /.{1,60}/g,
    )!
      .map((row) => row.trimEnd()),
    "hola",
    `${TIME} ana: hola`,
    "^Z",
    `${TIME} beto: ¿sigues?`,
    "$",
  );
  await ana.expectRestoredSettings();
});

for (const defect of ["error", "rejection"]) {
  Deno.test(`A program that breaks by an uncaught ${defect} leaves the terminal as it was`, async () => {
    await using terminals = new Terminals();
    const screen = await terminals.open("screen");
    await screen.rememberSettings();
    await screen.enterLine(`clear; crashing ${defect}; echo "status $?"`);
    await screen.shows("begun", ">");
    await screen.enterLine("break");
    await screen.says("error: Uncaught");
    await screen.endsWith("status 1", "$");
    await screen.expectRestoredSettings();
  });
}

Deno.test("A client whose terminal is closed ends", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, server } = await newChat(terminals, scope);
  await terminals.open("other"); // tmux ends with its last terminal
  await ana.type("nunca dicho");
  await ana.closes();
  await server.waitForOutput("ana (127.0.0.1) se ha desconectado");
});
