// Typing on a real terminal (tmux): the line stays intact, is sent unchanged, and the terminal gets its settings back.

import { assert, assertEquals } from "@std/assert";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { connected, FULL_TIME, JOINED, LEFT, presence, TIME, untilAnswerable } from "./expected_lines.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

interface Chat {
  readonly port: number;
  readonly server: PipedProgram;
  readonly beto: PipedProgram;
  readonly ana: TerminalScreen;
}

/** ana on a terminal, beto with pipes. */
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
  await ana.enterLine(`clear; client --host ${LOOPBACK}:${port} --nick ana ${FULL_TIME} ${flags}`);
  await beto.waitForOutput(presence("ana", JOINED).slice(TIME.length));
  await (flags === "--plain" ? ana.waitForText("Conectado a ") : ana.waitForLastRows("ana>"));
  return { port, server, beto, ana };
}

Deno.test("chat-client keeps the line that is typed while lines arrive in bursts", async () => {
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
  await ana.waitForLastRows(
    `${TIME} beto: 19.48`,
    `${TIME} beto: 19.49`,
    ...["ana> una línea larga con 漢字 y 👩‍👩‍👧 que ocupa más de una", "  fila de la pantalla, letra a letra"],
  );
  await ana.press("Enter");
  await beto.waitForOutput(`ana: ${text}\n`);
});

Deno.test("chat-client edits emoji, flags and accents as one character each, and sends them unchanged", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("a👩‍👩‍👧b🇪🇸c❤️de\u0301f👍🏽g");
  await ana.press(..."BSpace BSpace Left BSpace Left Left Left BSpace Home Right DC".split(" "));
  await ana.type("[");
  await ana.press("End");
  await ana.type("]");
  await ana.waitForLastRows("ana> a[bc❤️df]");
  await beto.type("hola");
  await ana.waitForLastRows(`${TIME} beto: hola`, "ana> a[bc❤️df]");
  await ana.press("Enter");
  await beto.waitForOutput("ana: a[bc❤️df]\n");
});

Deno.test("chat-client edits the line by the keys of a shell, and recalls earlier lines", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.enterLine("la primera");
  await ana.type("uno dos tres");
  await ana.press("C-w", "C-a", "C-y", "M-f", "C-k", "C-e");
  await ana.waitForLastRows("ana> tresuno");
  await ana.press("M-b", "C-Right", "M-BSpace", "C-y", "C-u", "Up");
  await ana.waitForLastRows("ana> la primera");
  await ana.press("C-Left", "M-d");
  await ana.type("segunda");
  await ana.press("Enter", "Up", "Up", "Down");
  await beto.waitForOutput("ana: la primera\n", "ana: la segunda\n");
  await ana.waitForLastRows("ana> la segunda");
});

Deno.test("chat-server completes commands and nicks by Tab", async () => {
  await using terminals = new Terminals();
  const port = freePort();
  const one = await terminals.open("one");
  await one.enterLine(`server --host ${LOOPBACK} --port ${port}`);
  await one.waitForText("Escuchando");
  await using ana = await startClient("ana", port);
  await one.type("/ki");
  await one.press("Tab");
  await one.type("A");
  await one.press("Tab");
  await one.type("por gritar");
  await one.waitForLastRows("> /kick ana por gritar");
  await one.press("Enter");
  await ana.waitForOutput("por gritar\n");
  await ana.expectExit(1);
});

Deno.test("chat-client sends a pasted block line by line, from where it was pasted", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("mira: , ¿ves?");
  await ana.press(...Array(7).fill("Left"));
  await ana.paste("uno\n/quit\n\n\tsalir\nfin");
  await beto.waitForOutput("ana: mira: uno\n", "ana: /quit\n", "ana:     salir\n");
  await ana.waitForLastRows(`${TIME} ana:     salir`, "ana> fin, ¿ves?");
  await ana.press("Enter");
  await beto.waitForOutput("ana: fin, ¿ves?\n");
});

Deno.test("chat-client sends a pasted line of 1,990 characters whole, with and without bracketed paste", async () => {
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

Deno.test("chat-client sends a typed line longer than the screen whole after resizing, bursts and a failover", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, server } = await newChat(terminals, scope, { columns: 40 });
  const text = Array.from({ length: 90 }, (_, n) => `漢${n}👍🏽`).join(" ");
  await ana.paste(text);
  for (const [columns, rows] of [[25, 12], [90, 30], [31, 8], [60, 20]] as const) {
    await ana.resize(columns, rows);
    await beto.type(...Array.from({ length: 20 }, (_, n) => `${columns}.${n}`));
    await beto.waitForOutput(`beto: ${columns}.19\n`);
  }
  server.sendSignal("SIGKILL");
  await ana.waitForText("responde]:");
  await untilAnswerable();
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

Deno.test("chat-client takes a pasted Ctrl-C for text, and leaves nothing of the paste to the shell", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.paste(`hola\nque tal \x03 ${" ".repeat(60_000)}\npwned=yes\n`);
  await beto.waitForOutput("ana: hola\n", "ana: que tal ␃\n", "ana: pwned=yes\n");
  await ana.waitForLastRows(`${TIME} ana: pwned=yes`, "ana>");
  await ana.press("C-c");
  await ana.waitForLastRows("$");
  await ana.enterLine("clear; echo ${pwned:-no}");
  await ana.waitForScreen("no", "$");
});

Deno.test("chat-client shows a pasted block whose end is lost, and goes on", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("\x1b[200~ho");
  await ana.waitForLastRows("ana> ho");
  await ana.type("la");
  await ana.press("Enter");
  await beto.waitForOutput("ana: hola\n");
});

Deno.test("chat-client types nothing of what the terminal answers", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("\x1b]11;rgb:1717/1717/1717\x1b\\\x1bP>|XTerm(390)\x1b\\\x1b_Gi=31;OK\x1b\\abc");
  await ana.press("Enter");
  await beto.waitForOutput("ana: abc\n");
});

Deno.test("chat-client --auto marks the prompt while no server is there, and keeps the typed line", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, server, port } = await newChat(terminals, scope, { flags: "--auto", columns: 100 });
  await ana.type("sin ");
  await ana.waitForLastRows("ana> sin");
  server.sendSignal("SIGKILL");
  await ana.waitForLastRows("(sin conexión) ana> sin");
  await ana.type("acabar");
  await ana.waitForLastRows("(sin conexión) ana> sin acabar");
  const again = scope.use(await startServer(port));
  await ana.waitForLastRows("ana> sin acabar");
  await ana.press("Enter");
  await again.waitForOutput("ana: sin acabar\n");
});

Deno.test("chat-client marks and counts what comes while its window has no focus, and gives the title back", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.type("a medias");
  await ana.type("\x1b[O"); // as a terminal reports it
  await ana.waitForLastRows("ana> a medias");
  await beto.type("uno", "dos");
  const unread = `${"─".repeat(51)} nuevo ──`;
  await ana.waitForLastRows(unread, `${TIME} beto: uno`, `${TIME} beto: dos`, "ana> a medias");
  assertEquals(await ana.title(), "(2) chat · ana");
  await ana.press("C-c", "C-c");
  await ana.waitForLastRows("$");
  assert(!(await ana.title()).includes("chat"));
});

Deno.test("chat-client finds an earlier line by Ctrl-R, and hides one member's messages by /ignore", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope);
  await ana.enterLine("/ignore beto");
  await ana.waitForLastRows("  /ignore beto", "ana>");
  await beto.type("oculto");
  await beto.waitForOutput("beto: oculto\n");
  await ana.enterLine("otra cosa");
  await ana.press("C-r");
  await ana.type("IGN");
  await ana.waitForLastRows(`${TIME} ana: otra cosa`, "(buscar: IGN) /ignore beto");
  await ana.press("Enter");
  const shownAgain = "! Verá de nuevo los mensajes de beto.";
  await ana.waitForLastRows(`${TIME} ana: otra cosa`, shownAgain, "ana>");
  await beto.type("visible");
  await ana.waitForLastRows(shownAgain, `${TIME} beto: visible`, "ana>");
  await ana.enterLine("/salir adiós a todos");
  await beto.waitForOutput("ana: adiós a todos\n");
});

Deno.test("chat-client --plain shows lines, and leaves line editing to the system", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, port } = await newChat(terminals, scope, { flags: "--plain" });
  await ana.type("holq");
  await ana.press("BSpace");
  await ana.enterLine("a");
  await beto.waitForOutput("ana: hola\n");
  await ana.waitForLastRows("hola", `${TIME} ana: hola`);
  // Ctrl-Z has the system forget what nobody has read yet.
  await ana.press("C-z");
  await ana.waitForLastRows("^Z");
  await ana.press("Enter");
  await beto.type("¿sigues?");
  await ana.waitForLastRows("^Z", `${TIME} beto: ¿sigues?`);
  await ana.press("C-d");
  await ana.waitForScreen(
    ...connected(port, "beto", "ana").match(/.{1,60}/g)!.map((row) => row.trimEnd()),
    "hola",
    `${TIME} ana: hola`,
    "^Z",
    `${TIME} beto: ¿sigues?`,
    "$",
  );
  await ana.expectRestoredSettings();
});

Deno.test("chat-client ignores Ctrl-Z, stops by SIGSTOP, and draws its line again after fg", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto } = await newChat(terminals, scope, { columns: 100 });
  await ana.type("sin ");
  await ana.waitForLastRows("ana> sin");
  await ana.press("C-z");
  await ana.terminate("STOP");
  await ana.waitForText("Stopped");
  await ana.enterLine("clear; fg");
  await ana.waitForLastRows("ana> sin");
  await ana.type("acabar");
  await ana.press("Enter");
  await beto.waitForOutput("ana: sin acabar\n");
});

for (const defect of ["error", "rejection"]) {
  Deno.test(`runProcess() restores the terminal after an uncaught ${defect}`, async () => {
    await using terminals = new Terminals();
    const screen = await terminals.open("screen");
    await screen.rememberSettings();
    await screen.enterLine(`clear; crashing ${defect}; echo "status $?"`);
    await screen.waitForScreen("begun", ">");
    await screen.enterLine("break");
    await screen.waitForText("error: Uncaught");
    await screen.waitForLastRows("status 1", "$");
    await screen.expectRestoredSettings();
  });
}

Deno.test("chat-client ends when its terminal is closed", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, server } = await newChat(terminals, scope);
  await terminals.open("other"); // tmux ends with its last terminal
  await ana.type("nunca dicho");
  await ana.close();
  await server.waitForOutput(presence("ana", LEFT).slice(TIME.length));
});
