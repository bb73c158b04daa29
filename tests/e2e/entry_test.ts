// How clients join on real terminals (tmux): the last join, passwords and TLS, and what is stored of them.

import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { listening } from "../testing/piped_program.ts";
import { connected, TIME } from "./expected_lines.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

const SECRET = "tres tristes tigres";
const FINGERPRINT = /SHA256:[A-Za-z0-9+/]{43}/;

/** Gives a shell a folder for what its programs keep. */
async function settle(screen: TerminalScreen): Promise<void> {
  await screen.runCommand("export XDG_CONFIG_HOME=$(mktemp -d)");
}

/** Ends what runs in a shell, and removes its folder. */
async function leave(screen: TerminalScreen): Promise<void> {
  await screen.press("C-c");
  await screen.waitForLastRows("$");
  await unsettle(screen);
}

/** Removes the folder of a shell. */
async function unsettle(screen: TerminalScreen): Promise<void> {
  await screen.runCommand('rm -r "$XDG_CONFIG_HOME"');
}

Deno.test("chat-client --tls trusts a certificate at first use, and warns when it changes", async () => {
  await using terminals = new Terminals();
  const [one, ana] = await Promise.all([terminals.open("one"), terminals.open("ana")]);
  await Promise.all([settle(one), settle(ana)]);
  const port = freePort();
  const server = `server --host ${LOOPBACK} --port ${port} --tls-auto`;
  const client = `client --host ${LOOPBACK} --port ${port} --nick ana`;
  await one.enterLine(server);
  const first = await one.waitForMatch(FINGERPRINT);
  await ana.enterLine(`${client} --tls`);
  await ana.waitForText(`El certificado de ${LOOPBACK}:${port} es nuevo para este equipo.`);
  await ana.waitForLastRows(`  ${first}`, "¿Confiar en este certificado? (sí/no):");
  await ana.enterLine("sí");
  await ana.waitForLastRows("¿Confiar en este certificado? (sí/no): sí", connected(port, "ana"), "ana>");
  await ana.enterLine("salir");
  await ana.waitForLastRows("$");

  await ana.enterLine(`clear; ${client}`);
  await ana.waitForLastRows(connected(port, "ana"), "ana>");
  await ana.enterLine("salir");
  await ana.waitForLastRows("$");

  await one.enterLine("salir");
  await one.waitForLastRows("$");
  await one.runCommand("rm $XDG_CONFIG_HOME/chat/server.pem");
  await one.enterLine(server);
  const second = await one.waitForMatch(FINGERPRINT);
  await ana.enterLine(`clear; ${client}`);
  await ana.waitForText("¡CUIDADO!");
  await ana.waitForText(`  Huella esperada: ${first}`);
  await ana.waitForText(`  Huella recibida: ${second}`);
  await ana.waitForText("deno task client --forget");
  await Promise.all([leave(one), leave(ana)]);
});

Deno.test("chat-client prompts for a password without echo, and forgets what was typed", async () => {
  await using terminals = new Terminals();
  const [one, ana] = await Promise.all([terminals.open("one"), terminals.open("ana")]);
  await Promise.all([settle(one), settle(ana)]);
  const port = freePort();
  await one.runCommand(`echo '${SECRET}' > $XDG_CONFIG_HOME/password`);
  await one.enterLine(`server --host ${LOOPBACK} --port ${port} --password-file $XDG_CONFIG_HOME/password`);
  await one.waitForText(listening(port));
  await ana.rememberSettings();
  const client = `client --host ${LOOPBACK} --port ${port} --nick ana`;
  await ana.enterLine(client);
  await ana.waitForLastRows("Contraseña:");
  await ana.type("tres");
  await ana.enterLine(" gatos");
  const wrong = `No se pudo entrar en ${LOOPBACK}:${port}: la contraseña no es correcta.`;
  await ana.waitForLastRows("Contraseña:", wrong, "Contraseña:");
  await ana.type("tres tristes tigrex");
  await ana.press("BSpace");
  await ana.enterLine("s");
  await ana.waitForLastRows("Contraseña:", wrong, "Contraseña:", connected(port, "ana"), "ana>");
  await ana.enterLine("hola");
  await ana.waitForLastRows(`${TIME} ana: hola`, "ana>");
  // Nor is it among the lines that were entered before.
  await ana.press("Up", "Up", "Up");
  await ana.waitForLastRows(`${TIME} ana: hola`, "ana> hola");
  await ana.press("C-c", "C-c");
  await ana.waitForLastRows("$");
  await ana.enterLine(client);
  await ana.waitForLastRows("Contraseña:");
  await ana.paste(`${SECRET}\nquit\n`);
  await ana.press("Enter");
  await ana.waitForLastRows(connected(port, "ana"), `${TIME} ~ ana: hola`, "ana> quit");
  await ana.press("C-c", "C-c");
  await ana.waitForLastRows("$");
  await ana.enterLine(client);
  await ana.waitForLastRows("Contraseña:");
  await ana.type("tres");
  await ana.press("C-c");
  await ana.waitForLastRows("$");
  await ana.expectRestoredSettings();
  await one.waitForText(`${TIME} ! Se cerró la conexión de ${LOOPBACK}: la contraseña no es correcta`);
  await Promise.all([leave(one), unsettle(ana)]);
});
