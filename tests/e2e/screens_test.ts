// chat-server and chat-client on real terminals (tmux): whole screens, row by row.

import {
  connected,
  disconnected,
  JOINED,
  presence,
  REJOINED,
  rejoined,
  TIME,
  untilAnswerable,
} from "./expected_lines.ts";
import { freePort, localAddresses, LOOPBACK } from "../testing/addresses.ts";
import { fromSource, joining, listening } from "../testing/piped_program.ts";
import { Terminals } from "../testing/tmux.ts";

Deno.test("chat-client talks on a terminal, and goes to the backup after kill -9", fromSource, async () => {
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
  const invalid = 'El nick "ana maría" no es válido: use solo letras, números, "_" y "-" (hasta 20).';
  await ana.waitForLastRows(invalid, "Nick: ana maría");
  await ana.press("C-u");
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
    '! El comando "/nada" no existe. Vea la lista con /ayuda.',
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
  anaLines.push(rejoined(second, "Se envió de nuevo un mensaje; no falta ninguno.", "ana"));
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
});
