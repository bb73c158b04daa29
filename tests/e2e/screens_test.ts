// chat-server and chat-client on real terminals (tmux): whole screens, row by row.

import { wrapWords } from "../../lib/terminal/layout.ts";
import {
  connected,
  disconnected,
  FULL_TIME,
  JOINED,
  presence,
  REJOINED,
  rejoined,
  TIME,
  untilAnswerable,
} from "./expected_lines.ts";
import { freePort, localAddresses, LOOPBACK } from "../testing/addresses.ts";
import {
  fromSource,
  joining,
  listening,
  type PipedProgram,
  startClient,
  startServer,
} from "../testing/piped_program.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

Deno.test(
  "chat-client on a terminal talks, and goes to the backup when its server is killed",
  fromSource,
  async () => {
    await using terminals = new Terminals();
    const [one, two] = await Promise.all([terminals.open("one"), terminals.open("two")]);
    const [ana, celia] = await Promise.all([terminals.open("ana"), terminals.open("celia")]);
    const [first, second] = [freePort(), freePort()];
    const addresses = localAddresses();
    const count = addresses.length + 1;

    await one.enterLine(`server --backup ${LOOPBACK}:${second}`);
    await one.waitForLastRows("Puerto [5000]:");
    await one.enterLine(`${first}`);
    await one.waitForLastRows("Elija [1]:");
    await one.enterLine(`${count + 1}`);
    await one.waitForLastRows(`Elija un número de 1 a ${count}.`, "Elija [1]:");
    await one.enterLine(LOOPBACK);
    const started = [
      `$ server --backup ${LOOPBACK}:${second}`,
      `Puerto [5000]: ${first}`,
      "Interfaz:",
      "  1) todas (0.0.0.0)",
      ...addresses.map(({ address, name }, index) => `  ${index + 2}) ${address} (${name})`),
      `Elija [1]: ${count + 1}`,
      `Elija un número de 1 a ${count}.`,
      `Elija [1]: ${LOOPBACK}`,
      listening(first),
      joining(first),
      `${TIME} ! ✗ ${LOOPBACK}:${second}: ahí no escucha ningún servidor`,
    ];
    await one.waitForScreen(...started, ">");
    await two.enterLine(`server --host ${LOOPBACK} --port ${second}`);
    await two.waitForLastRows(joining(second), ">");

    await ana.enterLine("client");
    await ana.waitForLastRows("Servidor (IP o nombre) [127.0.0.1]:");
    await ana.press("Enter");
    await ana.waitForLastRows("Puerto [5000]:");
    await ana.enterLine(`${first}`);
    await ana.waitForLastRows("Nick:");
    await ana.enterLine("ana maría");
    const invalid = 'El nick "ana maría" no es válido: de 1 a 20 letras, números, "_" o "-", sin espacios.';
    await ana.waitForLastRows(invalid, "Nick:");
    await ana.enterLine("ana");
    const anaLines = [
      "$ client",
      "Servidor (IP o nombre) [127.0.0.1]:",
      `Puerto [5000]: ${first}`,
      "Nick: ana maría",
      invalid,
      "Nick: ana",
      connected(first, "ana"),
    ];
    await ana.waitForScreen(...anaLines, "ana>");

    const start = `client --host ${LOOPBACK}:${first} --nick celia --lang en`;
    await celia.enterLine(start);
    const celiaLines = [
      `$ ${start}`,
      `Connected to ${LOOPBACK}:${first}. Online: ana, celia. Type "quit" to end.`,
    ];
    await celia.waitForScreen(...celiaLines, "celia>");
    await ana.enterLine("hola");
    celiaLines.push(`${TIME} ana: hola`);
    await celia.waitForScreen(...celiaLines, "celia>");
    await celia.type("to be continued");
    await celia.waitForScreen(...celiaLines, "celia> to be continued");
    await one.waitForScreen(
      ...started,
      presence("ana", JOINED),
      presence("celia", JOINED),
      `${TIME} ana: hola`,
      ">",
    );
    await ana.enterLine("/nada");
    anaLines.push(
      presence("celia", JOINED),
      `${TIME} ana: hola`,
      '! El comando "/nada" no existe. Escriba /help para ver la lista.',
    );
    await ana.waitForScreen(...anaLines, "ana>");

    await one.terminate("KILL");
    const rule = "─".repeat(100);
    anaLines.push(rule, disconnected(first));
    const offer = `[${LOOPBACK}:${second}, responde]:`;
    anaLines.push(`¿A qué servidor? IP o nombre[:puerto] ${offer}`);
    await ana.waitForScreen(...anaLines);
    await untilAnswerable();
    await ana.press("Enter");
    anaLines.push(rejoined(second, "Se reenvió un mensaje; no falta ninguno.", "ana"));
    await ana.waitForScreen(...anaLines, "ana>");
    celiaLines.push(
      rule,
      `${TIME} ! The connection to ${LOOPBACK}:${first} was lost: the server cut the connection`,
      'Draft saved: "to be continued"',
    );
    const prompt = `Which server? IP or name[:port] [${LOOPBACK}:${second}, answers]:`;
    await celia.waitForScreen(...celiaLines, prompt);
    await untilAnswerable();
    await celia.enterLine(`${LOOPBACK}:${second}`);
    celiaLines.push(
      `${prompt} ${LOOPBACK}:${second}`,
      `Connected to ${LOOPBACK}:${second}. Online: ana, celia. No message is missing.`,
    );
    await celia.waitForScreen(...celiaLines, "celia> to be continued");
    await celia.enterLine(", 😀");
    await celia.waitForScreen(...celiaLines, `${TIME} celia: to be continued, 😀`, "celia>");
    await ana.waitForScreen(
      ...anaLines,
      presence("celia", REJOINED),
      `${TIME} celia: to be continued, 😀`,
      "ana>",
    );
  },
);

/** ana in a terminal of 40 columns, and beto with pipes. */
interface NarrowChat {
  readonly beto: PipedProgram;
  readonly ana: TerminalScreen;
  /** Waits until ana's terminal, now `columns` wide, waitForRows these rows under the first lines of the client. */
  readonly waitForRows: (rows: readonly string[], columns?: number) => Promise<void>;
  /** Waits until the cursor is there. The row counts from the first of `waitForRows`. */
  readonly waitForCursor: (column: number, row: number) => Promise<void>;
}

async function narrowChat(terminals: Terminals, scope: AsyncDisposableStack): Promise<NarrowChat> {
  const port = freePort();
  scope.use(await startServer(port));
  const beto = scope.use(await startClient("beto", port));
  const ana = await terminals.open("ana", { columns: 40 });
  const start = `client --host ${LOOPBACK}:${port} --nick ana ${FULL_TIME}`;
  // The terminal breaks the line of the shell, and joins it on a wider screen.
  const top = (columns: number) => [
    ...`$ ${start}`.match(new RegExp(`.{1,${columns}}`, "g"))!.map((row) => row.trimEnd()),
    ...wrapped(40)(connected(port, "beto", "ana")),
  ];
  const waitForRows = (rows: readonly string[], columns = 40) => ana.waitForScreen(...top(columns), ...rows);
  await ana.enterLine(start);
  await waitForRows(["ana>"]);
  const waitForCursor = (column: number, row: number) => ana.waitForCursor(column, row + top(40).length);
  return { beto, ana, waitForRows, waitForCursor };
}

/** Rows that a text of narrow characters takes. */
function wrapped(columns: number): (text: string) => string[] {
  return (text) => wrapWords(text, columns).split("\n");
}

Deno.test("chat-client keeps the typed line whole and its cursor in place while lines arrive", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, waitForRows, waitForCursor } = await narrowChat(terminals, scope);
  await ana.type("una línea con 漢字 y 😀 que dobla dos veces antes de que se acabe de escribir");
  await waitForRows([
    "ana> una línea con 漢字 y 😀 que dobla",
    "  dos veces antes de que se acabe de",
    "  escribir",
  ]);
  await beto.type("hola");
  await waitForRows([
    `${TIME} beto: hola`,
    "ana> una línea con 漢字 y 😀 que dobla",
    "  dos veces antes de que se acabe de",
    "  escribir",
  ]);
  await waitForCursor(10, 3);

  // In the middle, at the edge and beyond it: 43 keys back is the first word of the second row.
  await ana.press(...Array(43).fill("Left"));
  await ana.type("字");
  await waitForRows([
    `${TIME} beto: hola`,
    "ana> una línea con 漢字 y 😀 que dobla",
    "  字dos veces antes de que se acabe de",
    "  escribir",
  ]);
  await beto.type("漢字, y lo que no cabe en una fila", "👩‍👩‍👧");
  await waitForRows([
    `${TIME} beto: hola`,
    `${TIME} beto: 漢字, y lo`,
    "  que no cabe en una fila",
    `${TIME} beto: 👩‍👩‍👧`,
    "ana> una línea con 漢字 y 😀 que dobla",
    "  字dos veces antes de que se acabe de",
    "  escribir",
  ]);
  await waitForCursor(4, 5);
  await ana.press("BSpace", "Enter");
  await beto.waitForOutput(
    "ana: una línea con 漢字 y 😀 que dobla dos veces antes de que se acabe de escribir\n",
  );
  await waitForRows([
    `${TIME} beto: hola`,
    `${TIME} beto: 漢字, y lo`,
    "  que no cabe en una fila",
    `${TIME} beto: 👩‍👩‍👧`,
    `${TIME} ana: una línea con`,
    "  漢字 y 😀 que dobla dos veces antes de",
    "  que se acabe de escribir",
    "ana>",
  ]);
});

Deno.test("chat-client draws and erases a wide character that does not fit at the end of a row", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, waitForRows } = await narrowChat(terminals, scope);
  await beto.type("hola");
  await waitForRows([`${TIME} beto: hola`, "ana>"]);
  await ana.type(`${"a".repeat(34)}漢字`);
  await waitForRows([`${TIME} beto: hola`, `ana> ${"a".repeat(34)}`, "漢字"]);
  await ana.press("C-u");
  await waitForRows([`${TIME} beto: hola`, "ana>"]);
  await ana.type(`${"a".repeat(34)}漢字`);
  await beto.type("adiós");
  await waitForRows([`${TIME} beto: hola`, `${TIME} beto: adiós`, `ana> ${"a".repeat(34)}`, "漢字"]);
});

Deno.test("chat-client draws and sends a line that is as long as the row", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, waitForRows } = await narrowChat(terminals, scope);
  const text = "x".repeat(35);
  await ana.type(text);
  await beto.type("hola");
  await waitForRows([`${TIME} beto: hola`, `ana> ${text}`]);
  await ana.press("Enter");
  await waitForRows([`${TIME} beto: hola`, `${TIME} ana:`, `  ${text}`, "ana>"]);
});

Deno.test("chat-client keeps the typed line whole when the terminal is resized", async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const { ana, beto, waitForRows } = await narrowChat(terminals, scope);
  await beto.type("hola");
  await ana.type("esta línea ocupa más de una fila de cuarenta");
  await waitForRows([`${TIME} beto: hola`, "ana> esta línea ocupa más de una fila de", "  cuarenta"]);
  await ana.resize(100);
  await waitForRows([`${TIME} beto: hola`, "ana> esta línea ocupa más de una fila de cuarenta"], 100);
  await ana.type(" columnas");
  await ana.resize(30);
  const typed = ["ana> esta línea ocupa más de", "  una fila de cuarenta", "  columnas"];
  await ana.waitForLastRows(`${TIME} beto: ho`, "la", ...typed);
  await ana.press("Left", "BSpace");
  typed.splice(1, 2, "  una fila de cuarenta columns");
  await beto.type("otra");
  await ana.waitForLastRows(`${TIME} beto: ho`, "la", `${TIME} beto:`, "  otra", ...typed);
});

Deno.test(
  "chat-client takes typed-ahead lines for its prompts, then for the chat, also at a failover",
  fromSource,
  async () => {
    await using terminals = new Terminals();
    const [first, second] = [freePort(), freePort()];
    await using one = await startServer(first);
    await using two = await startServer(second);
    const ana = await terminals.open("ana");
    await ana.enterLine("client");
    await ana.waitForLastRows("Servidor (IP o nombre) [127.0.0.1]:");
    await ana.type(`a b\r${LOOPBACK}\r${first}\rana\rhola\rsin `);
    await ana.waitForLastRows(
      '"a b" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
      `Servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}`,
      `Puerto [5000]: ${first}`,
      "Nick: ana",
      connected(first, "ana"),
      `${TIME} ana: hola`,
      "ana> sin",
    );
    one.sendSignal("SIGKILL");
    const question = `¿A qué servidor? IP o nombre[:puerto] [${LOOPBACK}:${first}, no responde]:`;
    await ana.waitForLastRows('Borrador guardado: "sin "', question);
    await ana.type("nada");
    await ana.waitForLastRows('Borrador guardado: "sin nada"', question);
    await untilAnswerable();
    await ana.type(`${LOOPBACK}\r${second}\r\r`);
    await ana.waitForLastRows(
      'Borrador guardado: "sin nada"',
      `${question} ${LOOPBACK}`,
      `Puerto [${first}]: ${second}`,
      rejoined(second, "Se reenvió un mensaje; no falta ninguno.", "ana"),
      "ana> sin nada",
    );
    await ana.enterLine(" acabar");
    await two.waitForOutput("ana: sin nada acabar");
  },
);
