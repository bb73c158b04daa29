// The ways in which chat-server and chat-client on real terminals (tmux) end: the screen and the settings they leave.

import { connected, JOINED, LEFT, LOST, presence, TIME } from "./expected_lines.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { fromSource, joining, listening, startClient, startServer } from "../testing/piped_program.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

type Ending = (screen: TerminalScreen) => Promise<void>;

const CLIENT_ENDINGS: Record<string, Ending> = {
  "Ctrl-D": (screen) => screen.press("C-d"),
  "Ctrl-C twice in a typed line": async (screen) => {
    await screen.type("nunca dicho");
    await screen.press("C-c", "C-c");
  },
  "SIGTERM": (screen) => screen.terminate("TERM"),
  "SIGHUP in a typed line": async (screen) => {
    await screen.type("nunca dicho");
    await screen.terminate("HUP");
  },
};
for (const [name, end] of Object.entries(CLIENT_ENDINGS)) {
  Deno.test(`chat-client ends by ${name}, restores the terminal and leaves a clean screen`, async () => {
    await using terminals = new Terminals();
    const port = freePort();
    await using server = await startServer(port);
    const ana = await terminals.open("ana");
    await ana.rememberSettings();
    const start = `client --host ${LOOPBACK}:${port} --nick ana; echo $?`;
    await ana.enterLine(start);
    await ana.waitForScreen(`$ ${start}`, connected(port, "ana"), "ana>");
    await end(ana);
    await ana.waitForScreen(`$ ${start}`, connected(port, "ana"), "0", "$");
    await ana.expectRestoredSettings();
    await server.waitForOutput(presence("ana", LEFT).slice(TIME.length));
  });
}

const SERVER_ENDINGS: Record<string, Ending> = {
  "quit": (screen) => screen.enterLine("quit"),
  "Ctrl-C": (screen) => screen.press("C-c"),
  "SIGTERM": (screen) => screen.terminate("TERM"),
  "SIGHUP": (screen) => screen.terminate("HUP"),
};
for (const [name, end] of Object.entries(SERVER_ENDINGS)) {
  Deno.test(`chat-server ends by ${name}, restores the terminal and leaves a clean screen`, async () => {
    await using terminals = new Terminals();
    const port = freePort();
    const one = await terminals.open("one");
    await one.rememberSettings();
    const start = `server --host ${LOOPBACK} --port ${port}; echo $?`;
    await one.enterLine(start);
    await one.waitForScreen(`$ ${start}`, listening(port), joining(port), ">");
    await using ana = await startClient("ana", port);
    await one.enterLine("hola");
    const hint = "! No es un comando. Para hablar a todos: /decir TEXTO. Más comandos: /ayuda.";
    const before = [`$ ${start}`, listening(port), joining(port), presence("ana", JOINED), hint];
    await one.waitForScreen(...before, ">");
    await end(one);
    await one.waitForScreen(
      ...before,
      "Cerrando el servidor: se avisa a los clientes.",
      "Servidor cerrado.",
      "0",
      "$",
    );
    await one.expectRestoredSettings();
    await ana.waitForOutput("el servidor se ha cerrado");
  });
}

/** What a shell would run. */
const TRAP = `${"0".repeat(60_000)}\npwned=yes\n`;
const PASTES = {
  "chat-client": ["client --nick ana", "salir\n"],
  "chat-client at Ctrl-C": ["client --nick ana", "\x03"],
  "chat-client --plain": ["client --nick ana --plain", "salir\n"],
  "chat-client --plain at Ctrl-D": ["client --nick ana --plain", "\x04"],
  "chat-server": ["server", "quit\n"],
} as const;
for (const [name, [program, ending]] of Object.entries(PASTES)) {
  Deno.test(`${name} leaves nothing of an unmarked paste to the shell when it ends`, async () => {
    await using terminals = new Terminals();
    const port = freePort();
    await using server = program.startsWith("client") ? await startServer(port) : undefined;
    const screen = await terminals.open("screen");
    await screen.rememberSettings();
    await screen.enterLine(`clear; ${program} --host ${LOOPBACK} --port ${port}`);
    await screen.waitForText(server ? "Conectado" : "Escuchando");
    await screen.paste(ending + TRAP, { isMarked: false });
    await screen.waitForMatch(/\$$/);
    await screen.enterLine("clear; echo ${pwned:-no}");
    await screen.waitForScreen("no", "$");
    await screen.expectRestoredSettings();
  });
}

const QUESTIONS = { client: "Servidor (IP o nombre) [127.0.0.1]:", server: "Puerto [5000]:" };
for (const [program, question] of Object.entries(QUESTIONS)) {
  const options = program === "client" ? fromSource : {};
  Deno.test(`chat-${program} ends at its first prompt by Ctrl-C, Ctrl-D and salir`, options, async () => {
    await using terminals = new Terminals();
    const screen = await terminals.open("screen");
    await screen.rememberSettings();
    const start = `clear; ${program}; echo $?`;
    for (const key of ["C-c", "C-d"]) {
      await screen.enterLine(start);
      await screen.waitForScreen(question);
      await screen.press(key);
      await screen.waitForScreen("0", "$");
    }
    await screen.enterLine(start);
    await screen.waitForScreen(question);
    await screen.enterLine("salir");
    await screen.waitForScreen(`${question} salir`, "0", "$");
    await screen.expectRestoredSettings();
  });
}

Deno.test("chat-client, killed, leaves a terminal that its shell can restore", async () => {
  await using terminals = new Terminals();
  const port = freePort();
  await using server = await startServer(port, "--grace", "0");
  const ana = await terminals.open("ana");
  await ana.rememberSettings();
  await ana.enterLine(`client --host ${LOOPBACK}:${port} --nick ana`);
  await ana.waitForLastRows("ana>");
  await ana.terminate("KILL");
  await server.waitForOutput(presence("ana", LOST).slice(TIME.length));
  await ana.waitForLastRows("$");
  await ana.expectRestoredSettings();
});

Deno.test("chat-client in a pipe of a shell shows plain lines: printf '...' | client | head -4", async () => {
  await using terminals = new Terminals();
  const port = freePort();
  await using server = await startServer(port);
  const ana = await terminals.open("ana");
  const start = `printf '${LOOPBACK}\n${port}\nana\nhola\nsalir\n' | client`.replaceAll("\n", "\\n");
  const plain = [
    "Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1",
    `Puerto [5000]: ${port}`,
    "Nick: ana",
    connected(port, "ana"),
  ];
  await ana.enterLine(start);
  await ana.waitForScreen(`$ ${start}`, ...plain, `${TIME} ana: hola`, "$");
  await ana.runCommand(":");
  await ana.enterLine(`${start} | head -4`);
  await ana.waitForScreen(`$ ${start} | head -4`, ...plain, "$");
  await server.waitForOutput(LEFT, LEFT);
});
