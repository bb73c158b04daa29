// Servers and clients on real terminals, in tmux: keys are pressed, and screens must look exactly as described
// here, row by row.

import { assertEquals } from "@std/assert";
import { wrapWords } from "../../lib/terminal/layout.ts";
import { connected, disconnected as lost, JOINED, presence, REJOINED, TIME } from "./expected_lines.ts";
import { freePort, localAddresses, LOOPBACK } from "../testing/addresses.ts";
import { type PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

Deno.test("Two servers and three clients live through a conversation, and through the fall of a server", async () => {
  await using terminals = new Terminals();
  const [one, two, ana, beto, celia] = await Promise.all([
    terminals.open("one"),
    terminals.open("two"),
    terminals.open("ana"),
    terminals.open("beto"),
    terminals.open("celia"),
  ]);
  const [first, second] = [freePort(), freePort()];
  const addresses = localAddresses();
  const count = addresses.length + 1;

  await one.enterLine(`server --backup ${LOOPBACK}:${second}`);
  await one.endsWith("Puerto [5000]:");
  await one.enterLine("cinco mil");
  const noPort = 'El puerto "cinco mil" no vale: debe ser un número de 1 a 65535.';
  await one.endsWith(noPort, "Puerto [5000]:");
  await one.enterLine(`${first}`);
  await one.endsWith("Elija [1]:");
  await one.enterLine(`${count + 1}`);
  await one.endsWith(`Elija un número de 1 a ${count}.`, "Elija [1]:");
  await one.enterLine(LOOPBACK);
  const started = [
    `$ server --backup ${LOOPBACK}:${second}`,
    "Puerto [5000]: cinco mil",
    noPort,
    `Puerto [5000]: ${first}`,
    "Interfaz:",
    "  1) todas (0.0.0.0)",
    ...addresses.map(({ address, name }, index) => `  ${index + 2}) ${address} (${name})`),
    `Elija [1]: ${count + 1}`,
    `Elija un número de 1 a ${count}.`,
    `Elija [1]: ${LOOPBACK}`,
    `Escuchando en ${LOOPBACK}:${first}. Escriba "salir" para terminar.`,
  ];
  await one.shows(...started);

  await ana.enterLine("client");
  await ana.endsWith("Servidor (IP o nombre) [127.0.0.1]:");
  await ana.press("Enter");
  await ana.endsWith("Puerto [5000]:");
  await ana.enterLine(`${first}`);
  await ana.endsWith("Nick:");
  await ana.enterLine("ana maría");
  const noNick = 'El nick "ana maría" no vale: de 1 a 20 letras, cifras, "_" o "-", sin espacios.';
  await ana.endsWith(noNick, "Nick:");
  await ana.enterLine("ana");
  const anaAnswered = [
    "$ client",
    "Servidor (IP o nombre) [127.0.0.1]:",
    `Puerto [5000]: ${first}`,
    "Nick: ana maría",
    noNick,
    "Nick: ana",
  ];
  await ana.shows(...anaAnswered, connected(first, "ana"), ">");

  const betoStart = `client --host ${LOOPBACK} --port ${first} --nick beto`;
  await beto.enterLine(betoStart);
  await beto.endsWith(connected(first, "ana", "beto"), ">");
  const celiaStart = `client --host ${LOOPBACK}:${first} --nick celia --lang en`;
  await celia.enterLine(celiaStart);
  await celia.endsWith(">");
  await ana.enterLine("hola");
  await beto.endsWith(`${TIME} ana: hola`, ">");
  await beto.enterLine("/nada");
  await celia.type("to be continued");
  await celia.endsWith("> to be continued");
  await two.enterLine(`server --host ${LOOPBACK} --port ${second}`);
  await two.endsWith(`Escuchando en ${LOOPBACK}:${second}. Escriba "salir" para terminar.`);
  await one.shows(
    ...started,
    presence("ana", JOINED),
    presence("beto", JOINED),
    presence("celia", JOINED),
    `${TIME} ana: hola`,
  );
  await celia.shows(
    `$ ${celiaStart}`,
    `Connected to ${LOOPBACK}:${first}. Online: ana, beto, celia. Type "quit" to end.`,
    `${TIME} ana: hola`,
    "> to be continued",
  );
  const before = [
    `$ ${betoStart}`,
    connected(first, "ana", "beto"),
    presence("celia", JOINED),
    `${TIME} ana: hola`,
    '! No existe la orden "/nada". Escriba /help para ver las que hay.',
  ];
  await beto.shows(...before, ">");

  await one.terminate("KILL");
  const asked = ["Nuevo servidor (IP o nombre) [127.0.0.1]:", `Puerto [${second}]:`];
  for (const screen of [beto, ana]) {
    await screen.endsWith(lost(first), asked[0]!);
    await screen.press("Enter");
    await screen.endsWith(...asked);
    await screen.press("Enter");
    await screen.endsWith(">");
  }
  await beto.shows(
    ...before,
    lost(first),
    ...asked,
    connected(second, "beto"),
    presence("ana", REJOINED),
    ">",
  );
  const celiaLost = [
    `$ ${celiaStart}`,
    `Connected to ${LOOPBACK}:${first}. Online: ana, beto, celia. Type "quit" to end.`,
    `${TIME} ana: hola`,
    `${TIME} ! The connection to ${LOOPBACK}:${first} was lost: the server cut the connection`,
    "New server (IP or name) [127.0.0.1]:",
  ];
  await celia.shows(...celiaLost);
  await celia.enterLine(`${LOOPBACK}:${second}`);
  celiaLost[4] += ` ${LOOPBACK}:${second}`;
  const celiaBack = `Connected to ${LOOPBACK}:${second}. Online: beto, ana, celia. Type "quit" to end.`;
  await celia.shows(...celiaLost, celiaBack, "> to be continued");
  await celia.enterLine(", 😀");
  await celia.shows(...celiaLost, celiaBack, `${TIME} celia: to be continued, 😀`, ">");
  await ana.shows(
    ...[...anaAnswered, connected(first, "ana"), presence("beto", JOINED), presence("celia", JOINED)],
    ...[`${TIME} ana: hola`, lost(first), ...asked, connected(second, "beto", "ana")],
    ...[presence("celia", REJOINED), `${TIME} celia: to be continued, 😀`, ">"],
  );
});

/** A client in a terminal of 40 columns, and somebody to hear from. */
interface NarrowChat {
  readonly server: PipedProgram;
  readonly beto: PipedProgram;
  readonly ana: TerminalScreen;
  /** Goes on when Ana's terminal, now so wide, shows these rows and what stands above her conversation. */
  readonly shows: (rows: readonly string[], columns?: number) => Promise<void>;
  /** Where her cursor is: its column, and how many rows below the beginning of her conversation. */
  readonly cursor: () => Promise<[column: number, row: number]>;
  readonly port: number;
}

async function narrowChat(terminals: Terminals, scope: AsyncDisposableStack): Promise<NarrowChat> {
  const port = freePort();
  const server = scope.use(await startServer(port));
  const beto = scope.use(await startClient("beto", port));
  const ana = await terminals.open("ana", { columns: 40 });
  const start = `client --host ${LOOPBACK}:${port} --nick ana`;
  // What the shell shows is broken by the terminal, which mends it on a wider screen.
  const top = (columns: number) => [
    ...`$ ${start}`.match(new RegExp(`.{1,${columns}}`, "g"))!.map((row) => row.trimEnd()),
    ...wrapped(40)(connected(port, "beto", "ana")),
  ];
  const shows = (rows: readonly string[], columns = 40) => ana.shows(...top(columns), ...rows);
  await ana.enterLine(start);
  await shows([">"]);
  const cursor = async (): Promise<[number, number]> => {
    const [column, row] = await ana.cursor();
    return [column, row - top(40).length];
  };
  return { server, beto, ana, shows, cursor, port };
}

/** Rows that a text of narrow characters takes. */
function wrapped(columns: number): (text: string) => string[] {
  return (text) => wrapWords(text, columns).split("\n");
}

Deno.test("The line that is being typed stays whole, and its cursor where it was, whatever arrives", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, shows, cursor } = await narrowChat(terminals, scope);
  await ana.type("una línea con 漢字 y 😀 que dobla dos veces antes de que se acabe de escribir");
  await shows(["> una línea con 漢字 y 😀 que dobla dos", "veces antes de que se acabe de escribir"]);
  await beto.type("hola");
  await shows([
    `${TIME} beto: hola`,
    "> una línea con 漢字 y 😀 que dobla dos",
    "veces antes de que se acabe de escribir",
  ]);
  assertEquals(await cursor(), [39, 2]);

  // In the middle, at the edge and beyond it: 39 keys back is the first column of the last row.
  await ana.press(...Array(39).fill("Left"));
  await ana.type("字");
  await shows([
    `${TIME} beto: hola`,
    "> una línea con 漢字 y 😀 que dobla dos",
    "字veces antes de que se acabe de escribi",
    "r",
  ]);
  await beto.type("漢字, y lo que no cabe en una fila", "👩‍👩‍👧");
  await shows([
    `${TIME} beto: hola`,
    `${TIME} beto: 漢字, y lo`,
    "  que no cabe en una fila",
    `${TIME} beto: 👩‍👩‍👧`,
    "> una línea con 漢字 y 😀 que dobla dos",
    "字veces antes de que se acabe de escribi",
    "r",
  ]);
  assertEquals(await cursor(), [2, 5]);
  await ana.press("BSpace", "Enter");
  await beto.waitForOutput(
    "ana: una línea con 漢字 y 😀 que dobla dos veces antes de que se acabe de escribir\n",
  );
  await shows([
    `${TIME} beto: hola`,
    `${TIME} beto: 漢字, y lo`,
    "  que no cabe en una fila",
    `${TIME} beto: 👩‍👩‍👧`,
    `${TIME} ana: una línea con`,
    "  漢字 y 😀 que dobla dos veces antes de",
    "  que se acabe de escribir",
    ">",
  ]);
});

Deno.test("A wide character that does not fit at the end of a row leaves nothing behind", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, shows } = await narrowChat(terminals, scope);
  await beto.type("hola");
  await shows([`${TIME} beto: hola`, ">"]);
  await ana.type(`${"a".repeat(37)}漢字`);
  await shows([`${TIME} beto: hola`, `> ${"a".repeat(37)}`, "漢字"]);
  await ana.press("C-u");
  await shows([`${TIME} beto: hola`, ">"]);
  await ana.type(`${"a".repeat(37)}漢字`);
  await beto.type("adiós");
  await shows([`${TIME} beto: hola`, `${TIME} beto: adiós`, `> ${"a".repeat(37)}`, "漢字"]);
});

Deno.test("A line that is as long as the row is drawn and sent", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, shows } = await narrowChat(terminals, scope);
  const text = "x".repeat(38);
  await ana.type(text);
  await beto.type("hola");
  await shows([`${TIME} beto: hola`, `> ${text}`]);
  await ana.press("Enter");
  await shows([`${TIME} beto: hola`, `${TIME} ana:`, `  ${text}`, ">"]);
});

Deno.test("The line that is being typed stays whole when the terminal changes its size", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, shows } = await narrowChat(terminals, scope);
  await beto.type("hola");
  await ana.type("esta línea ocupa más de una fila de cuarenta");
  await shows([`${TIME} beto: hola`, "> esta línea ocupa más de una fila de cu", "arenta"]);
  await ana.resizes(100);
  await shows([`${TIME} beto: hola`, "> esta línea ocupa más de una fila de cuarenta"], 100);
  await ana.type(" columnas");
  await ana.resizes(30);
  const typed = ["> esta línea ocupa más de una", "fila de cuarenta columnas"];
  await ana.endsWith(`${TIME} beto: ho`, "la", ...typed);
  await ana.press("Left", "BSpace");
  typed[1] = "fila de cuarenta columns";
  await beto.type("otra");
  await ana.endsWith(`${TIME} beto: ho`, "la", `${TIME} beto:`, "  otra", ...typed);
});

Deno.test("A server that falls takes nothing from the line that is being typed", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, server, port, shows } = await narrowChat(terminals, scope);
  const second = freePort();
  scope.use(await startServer(second));
  await ana.type("una línea que ocupa dos filas, sin acabar");
  await ana.press("Left", "Left", "BSpace");
  await shows(["> una línea que ocupa dos filas, sin aca", "ar"]);
  server.sendSignal("SIGKILL");
  const asked = [...wrapped(40)(lost(port)), "Nuevo servidor (IP o nombre)", "  [127.0.0.1]:"];
  await shows(asked);
  await ana.press("Enter");
  await shows([...asked, `Puerto [${port}]:`]);
  await ana.enterLine("x");
  asked.push(
    `Puerto [${port}]: x`,
    ...wrapped(40)('El puerto "x" no vale: debe ser un número de 1 a 65535.'),
  );
  await shows([...asked, `Puerto [${port}]:`]);
  await ana.enterLine(`${second}`);
  await shows([
    ...asked,
    `Puerto [${port}]: ${second}`,
    ...wrapped(40)(connected(second, "ana")),
    "> una línea que ocupa dos filas, sin aca",
    "ar",
  ]);
});

Deno.test("Answers that are pasted in one go are answers, and what follows them is said or still being typed", async () => {
  await using terminals = new Terminals();
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first);
  await using two = await startServer(second);
  const ana = await terminals.open("ana");
  await ana.enterLine("client");
  await ana.endsWith("Servidor (IP o nombre) [127.0.0.1]:");
  await ana.type(`a b\r${LOOPBACK}\r${first}\rana\rhola\rsin `);
  await ana.endsWith(
    '"a b" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
    `Servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}`,
    `Puerto [5000]: ${first}`,
    "Nick: ana",
    connected(first, "ana"),
    `${TIME} ana: hola`,
    "> sin",
  );
  one.sendSignal("SIGKILL");
  await ana.endsWith("Nuevo servidor (IP o nombre) [127.0.0.1]:");
  await ana.type(`${LOOPBACK}\r${second}\racabar`);
  await ana.endsWith(connected(second, "ana"), "> sin acabar");
  await ana.press("Enter");
  await two.waitForOutput("ana: sin acabar");
});
