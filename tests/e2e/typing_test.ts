// Typing on a real terminal (tmux): the line stays intact, is sent unchanged, and the terminal gets its settings back.

import { assert, assertEquals } from "@std/assert";
import { loadWidths } from "../../lib/terminal/graphemes.ts";
import { wrapWords } from "../../lib/terminal/layout.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { connected, FULL_TIME, JOINED, LEFT, presence, TIME, untilAnswerable } from "./expected_lines.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

await loadWidths();

interface Chat extends AsyncDisposable {
  readonly port: number;
  readonly server: PipedProgram;
  readonly beto: PipedProgram;
  readonly ana: TerminalScreen;
  readonly terminals: Terminals;
}

/** ana on a terminal, beto with pipes. */
async function newChat({ columns = 60, flags = "" } = {}): Promise<Chat> {
  await using scope = new AsyncDisposableStack();
  const terminals = scope.use(new Terminals());
  const port = freePort();
  const server = scope.use(await startServer(port));
  const beto = scope.use(await startClient("beto", port));
  const ana = await terminals.open("ana", { columns });
  await ana.rememberSettings();
  await ana.enterLine(`clear; client --host ${LOOPBACK}:${port} --nick ana ${FULL_TIME} ${flags}`);
  await beto.waitForOutput(presence("ana", JOINED).slice(TIME.length));
  await (flags === "--plain" ? ana.waitForText("Conectado a ") : ana.waitForLastRows("ana>"));
  const parts = scope.move();
  return { port, server, beto, ana, terminals, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** The rows of ana's welcome on 40 columns. */
function topRows({ port }: Chat): string[] {
  return wrapWords(connected(port, "beto", "ana"), 40).split("\n");
}

/** Waits until ana's screen has her welcome, and below it these rows. */
function waitForRows(chat: Chat, ...rows: readonly string[]): Promise<void> {
  return chat.ana.waitForScreen(...topRows(chat), ...rows);
}

Deno.test("chat-client keeps the typed line whole and its cursor in place while lines arrive", async () => {
  await using chat = await newChat({ columns: 40 });
  const { ana, beto } = chat;
  const hola = `${TIME} beto: hola`;
  const typed = [
    "ana> una línea con 漢字 y 😀 que dobla",
    "  dos veces antes de que se acabe de",
    "  escribir",
  ];
  await ana.type("una línea con 漢字 y 😀 que dobla dos veces antes de que se acabe de escribir");
  await waitForRows(chat, ...typed);
  await beto.type("hola");
  await waitForRows(chat, hola, ...typed);
  await ana.waitForCursor(10, 3 + topRows(chat).length);

  // In the middle, at the edge and beyond it: 43 keys back is the first word of the second row.
  await ana.press(...Array(43).fill("Left"));
  await ana.type("字");
  typed[1] = "  字dos veces antes de que se acabe de";
  await waitForRows(chat, hola, ...typed);
  await beto.type("漢字, y lo que no cabe en una fila", "👩‍👩‍👧");
  const read = [hola, `${TIME} beto: 漢字, y lo`, "  que no cabe en una fila", `${TIME} beto: 👩‍👩‍👧`];
  await waitForRows(chat, ...read, ...typed);
  await ana.waitForCursor(4, 5 + topRows(chat).length);
  await ana.press("BSpace", "Enter");
  await beto.waitForOutput(
    "ana: una línea con 漢字 y 😀 que dobla dos veces antes de que se acabe de escribir\n",
  );
  const sent = [
    `${TIME} ana: una línea con`,
    "  漢字 y 😀 que dobla dos veces antes de",
    "  que se acabe de escribir",
  ];
  await waitForRows(chat, ...read, ...sent, "ana>");
});

Deno.test("chat-client draws, erases and sends a line that ends at the edge of a row", async () => {
  await using chat = await newChat({ columns: 40 });
  const { ana, beto } = chat;
  await beto.type("hola");
  await waitForRows(chat, `${TIME} beto: hola`, "ana>");
  // A wide character that does not fit goes to the next row.
  await ana.type(`${"a".repeat(34)}漢字`);
  await waitForRows(chat, `${TIME} beto: hola`, `ana> ${"a".repeat(34)}`, "漢字");
  await ana.press("C-u");
  await waitForRows(chat, `${TIME} beto: hola`, "ana>");
  const text = "x".repeat(35);
  await ana.type(text);
  await beto.type("adiós");
  await waitForRows(chat, `${TIME} beto: hola`, `${TIME} beto: adiós`, `ana> ${text}`);
  await ana.press("Enter");
  await waitForRows(chat, `${TIME} beto: hola`, `${TIME} beto: adiós`, `${TIME} ana:`, `  ${text}`, "ana>");
});

Deno.test("chat-client keeps the typed line whole when the terminal is resized", async () => {
  await using chat = await newChat({ columns: 40 });
  const { ana, beto } = chat;
  await beto.type("hola");
  await ana.type("esta línea ocupa más de una fila de cuarenta");
  await waitForRows(chat, `${TIME} beto: hola`, "ana> esta línea ocupa más de una fila de", "  cuarenta");
  await ana.resize(100);
  await waitForRows(chat, `${TIME} beto: hola`, "ana> esta línea ocupa más de una fila de cuarenta");
  await ana.type(" columnas");
  await ana.resize(30);
  const typed = ["ana> esta línea ocupa más de", "  una fila de cuarenta", "  columnas"];
  await ana.waitForLastRows(`${TIME} beto: ho`, "la", ...typed);
  await ana.press("Left", "BSpace");
  typed.splice(1, 2, "  una fila de cuarenta columns");
  await beto.type("otra");
  await ana.waitForLastRows(`${TIME} beto: ho`, "la", `${TIME} beto:`, "  otra", ...typed);
});

Deno.test("chat-client keeps the chat in sight above a long line on a low screen, and shows each row once", async () => {
  await using chat = await newChat({ columns: 40 });
  const { ana, beto } = chat;
  const hola = `${TIME} beto: hola`;
  const words = ["1", "2", "3", "4", "5", "6"].map((digit) => digit.repeat(35));
  const typed = words.map((word, index) => `${index === 0 ? "ana> " : "  "}${word}`);
  await beto.type("hola");
  await ana.type(words.join(" "));
  await waitForRows(chat, hola, ...typed);
  await ana.resize(40, 8);
  await ana.waitForLastRows(hola, ...typed.slice(-4));
  await ana.resize(40);
  await waitForRows(chat, hola, ...typed);
});

Deno.test("chat-client sends a typed line longer than the screen whole after resizing, bursts and a failover", async () => {
  await using chat = await newChat({ columns: 40 });
  const { ana, beto, server } = chat;
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
  await using _next = await startServer(second);
  await using celia = await startClient("celia", second);
  await ana.enterLine(`${LOOPBACK}:${second}`);
  await celia.waitForOutput("ana");
  await ana.press("End");
  await ana.type("!");
  await ana.press("Enter");
  await celia.waitForOutput(`ana: ${text}!\n`);
});

Deno.test("chat-client takes a pasted Ctrl-C for text, and leaves nothing of the paste to the shell", async () => {
  await using chat = await newChat();
  const { ana, beto } = chat;
  await ana.paste(`hola\nque tal \x03 ${" ".repeat(60_000)}\npwned=yes\n`);
  await beto.waitForOutput("ana: hola\n", "ana: que tal ␃\n", "ana: pwned=yes\n");
  await ana.waitForLastRows(`${TIME} ana: pwned=yes`, "ana>");
  await ana.press("C-c");
  await ana.waitForLastRows("$");
  await ana.enterLine("clear; echo ${pwned:-no}");
  await ana.waitForScreen("no", "$");
});

Deno.test("chat-client marks and counts what comes while its window has no focus, and gives the title back", async () => {
  await using chat = await newChat();
  const { ana, beto } = chat;
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

Deno.test("chat-client --plain shows lines, and leaves line editing to the system", async () => {
  await using chat = await newChat({ flags: "--plain" });
  const { ana, beto, port } = chat;
  await ana.type("holq");
  await ana.press("BSpace");
  await ana.enterLine("a");
  await beto.waitForOutput("ana: hola\n");
  await ana.waitForLastRows("hola", `${TIME} ana: hola`);
  // Ctrl-Z has the system forget what no program has read yet.
  await ana.press("C-z");
  await ana.waitForLastRows("^Z");
  // The system has shown the end of a line before a program reads it.
  await ana.enterLine("sigo");
  await ana.waitForLastRows("^Zsigo", `${TIME} ana: sigo`);
  await beto.type("¿sigues?");
  await ana.waitForLastRows(`${TIME} ana: sigo`, `${TIME} beto: ¿sigues?`);
  await ana.press("C-d");
  await ana.waitForScreen(
    ...connected(port, "beto", "ana").match(/.{1,60}/g)!.map((row) => row.trimEnd()),
    "hola",
    `${TIME} ana: hola`,
    "^Zsigo",
    `${TIME} ana: sigo`,
    `${TIME} beto: ¿sigues?`,
    "$",
  );
  await ana.expectRestoredSettings();
});

Deno.test("chat-client ignores Ctrl-Z, stops by SIGSTOP, and draws its line again after fg", async () => {
  await using chat = await newChat({ columns: 100 });
  const { ana, beto } = chat;
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
  await using chat = await newChat();
  const { ana, server } = chat;
  await chat.terminals.open("other"); // tmux ends with its last terminal
  await ana.type("nunca dicho");
  await ana.close();
  await server.waitForOutput(presence("ana", LEFT).slice(TIME.length));
});
