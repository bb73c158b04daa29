// One run of cut_links_test.ts, in namespaces: machines on a switch, with several clients on real terminals, that lose
// the network and get it back while their server lives.

import { assertEquals } from "@std/assert";
import { run, Switch } from "../testing/switch.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";
import { messagesOf } from "./expected_lines.ts";

const PORT = 5_000;
/** What the loss, and the return to a server that never died, look like. */
const QUESTION = "¿A qué servidor? IP o nombre[:puerto]";
const RETURNING = "responde y conserva la sala: el cliente vuelve a él.";

/** A machine that has turned its own link off has no route: the system says so at once. */
async function setLinkOf(machine: string, state: "up" | "down"): Promise<void> {
  await run(`ip -n ${machine} link set eth0 ${state}`);
}

/** Runs a program on a new terminal of a machine. */
async function start(
  terminals: Terminals,
  { name, machine, command }: { name: string; machine: string; command: string },
): Promise<TerminalScreen> {
  const screen = await terminals.open(name, { enter: ["nsenter", `--net=/run/netns/${machine}`] });
  await screen.enterLine(`clear; ${command}`);
  return screen;
}

async function startServer(
  terminals: Terminals,
  machine: string,
  address: string,
  flags = "",
): Promise<TerminalScreen> {
  const command = `server --host ${address} --port ${PORT} ${flags}`;
  const screen = await start(terminals, { name: machine, machine, command });
  await screen.waitForText("Escuchando");
  return screen;
}

/** Clients that have joined: nick, machine. */
async function startClients<Nick extends string>(
  terminals: Terminals,
  address: string,
  machines: Record<Nick, string>,
): Promise<Record<Nick, TerminalScreen>> {
  const clients = Object.entries<string>(machines).map(async ([nick, machine]) => {
    const command = `client ${address}:${PORT} --nick ${nick}`;
    const screen = await start(terminals, { name: nick, machine, command });
    await screen.waitForLastRows(`${nick}>`);
    return [nick, screen];
  });
  return Object.fromEntries(await Promise.all(clients));
}

/** All but sara, who is at the server's machine, lose the network, say something and are told something meanwhile. In the
 * end all are in one room, and nothing is lost or shown twice. */
async function loseAndReturn(
  { sara, ana, beto, celia }: Record<"sara" | "ana" | "beto" | "celia", TerminalScreen>,
  setLinks: (state: "up" | "down") => Promise<void>,
): Promise<void> {
  const screens = [ana, beto, celia];
  await sara.enterLine("antes");
  await Promise.all(screens.map((screen) => screen.waitForText("sara: antes")));
  await beto.type("a medias");
  await beto.waitForLastRows("beto> a medias");

  await setLinks("down");
  await ana.enterLine("al cable");
  await sara.enterLine("mientras");
  await Promise.all(screens.map((screen) => screen.waitForText(QUESTION)));
  await beto.waitForText('Borrador guardado: "a medias"');
  await sara.waitForText("perdido la conexión");
  await sara.enterLine("aún no");
  await sara.waitForText("sara: aún no");

  await setLinks("up");
  await Promise.all(screens.map((screen) => screen.waitForText(RETURNING)));
  await ana.waitForLastRows("ana>");
  await beto.waitForLastRows("beto> a medias");
  for (const screen of screens) await screen.waitForText("ana: al cable");
  await sara.enterLine("después");
  const said = ["sara: antes", "sara: mientras", "sara: aún no", "ana: al cable", "sara: después"];
  for (const screen of [sara, ...screens]) {
    await screen.waitForText("sara: después");
    assertEquals(messagesOf(await screen.rows()), said);
  }
}

async function pullCable(): Promise<void> {
  await using terminals = new Terminals();
  const lan = await Switch.install("lan1", "10.1.0");
  const server = await lan.connect("server");
  await lan.connect("lab");
  await startServer(terminals, "server", server);
  const machines = { sara: "server", ana: "lab", beto: "lab", celia: "lab" };
  await loseAndReturn(await startClients(terminals, server, machines), (state) => setLinkOf("lab", state));
}

async function restartSwitch(): Promise<void> {
  await using terminals = new Terminals();
  const lan = await Switch.install("lan2", "10.2.0");
  const [first, second] = [await lan.connect("first"), await lan.connect("second")];
  for (const machine of ["lab1", "lab2"]) await lan.connect(machine);
  const backup = await startServer(terminals, "second", second);
  await startServer(terminals, "first", first, `--backup ${second}`);
  const machines = { sara: "first", ana: "lab1", beto: "lab1", celia: "lab2" };
  await loseAndReturn(await startClients(terminals, first, machines), (state) => lan.setAll(state));
  for (const row of await backup.rows()) if (/ \* /.test(row)) throw new Error(`On the backup: ${row}`);
}

await Promise.all([pullCable(), restartSwitch()]);
