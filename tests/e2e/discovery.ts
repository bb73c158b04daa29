// One run of discovery_test.ts, in namespaces: machines on a switch, one of them with avahi.

import { assertEquals } from "@std/assert";
import { run, Switch } from "../testing/switch.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";
import { waitFor } from "../testing/waiting.ts";
import { untilAnswerable } from "./expected_lines.ts";

/** Folder of avahi and of its D-Bus. */
const FOLDER = "/run/avahi-daemon";
const BUS = `unix:path=${FOLDER}/bus`;
const BUS_CONFIG = `<busconfig><listen>${BUS}</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>`;
const AVAHI_CONFIG = "[server]\nhost-name=otra\nuse-ipv6=no\n[rlimits]\n";
/** Takes the port of multicast DNS and does not share it. */
const TAKER = `const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 5353 });
console.log("taken");
for await (const _packet of socket);`;

/** A program on a machine, which ends with the scope that holds it. */
class Background implements AsyncDisposable {
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<unknown>;
  #hasExited = false;

  constructor(machine: string, ...command: string[]) {
    this.#child = new Deno.Command("nsenter", {
      args: [`--net=/run/netns/${machine}`, ...command],
      env: { DBUS_SYSTEM_BUS_ADDRESS: BUS },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr, status } = this.#child;
    const exited = status.then(() => this.#hasExited = true);
    this.#ended = Promise.all([this.#read(stdout), this.#read(stderr), exited]);
  }

  async waitForOutput(text: string): Promise<void> {
    await waitFor(() => this.output.includes(text), `${JSON.stringify(text)} in\n${this.output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasExited) this.#child.kill("SIGTERM");
    await this.#ended;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
  }
}

/** The services that avahi finds: interface, name, host, address, port and TXT. */
async function browse(): Promise<string[]> {
  const { stdout } = await new Deno.Command("nsenter", {
    args: ["--net=/run/netns/otra", "avahi-browse", "-rpt", "_chat._tcp"],
    env: { DBUS_SYSTEM_BUS_ADDRESS: BUS },
  }).output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("="));
  return lines.map((line) => {
    const [_mark, device, _protocol, name, _type, _domain, host, address, port, txt] = line.split(";");
    return [device, name, host, address, port, txt!.split(" ").sort().join(" ")].join(" ");
  });
}

async function start(
  terminals: Terminals,
  machine: string,
  name: string,
  command: string,
): Promise<TerminalScreen> {
  const screen = await terminals.open(name, { enter: ["nsenter", `--net=/run/netns/${machine}`] });
  await screen.enterLine(`clear; ${command}`);
  return screen;
}

const lan = await Switch.install("lan", "10.1.0");
const [aula, otra] = [await lan.connect("aula"), await lan.connect("otra")];
for (const machine of ["mesa", "ocupada"]) await lan.connect(machine);
await Deno.mkdir(FOLDER);
await Deno.writeTextFile(`${FOLDER}/bus.conf`, BUS_CONFIG);
await Deno.writeTextFile(`${FOLDER}/avahi.conf`, AVAHI_CONFIG);
// avahi gives its folder to its user, and there is none but root here.
for (const [file, entry] of [["passwd", "avahi:x:0:0::/:/bin/sh"], ["group", "avahi:x:0:"]] as const) {
  await Deno.writeTextFile(`/run/${file}`, `${entry.replace("avahi", "root")}\n${entry}\n`);
  await run(`mount --bind /run/${file} /etc/${file}`);
}

await using terminals = new Terminals();
await using _bus = new Background("otra", "dbus-daemon", `--config-file=${FOLDER}/bus.conf`, "--nofork");
await waitFor(() => {
  try {
    return Deno.statSync(`${FOLDER}/bus`).isSocket === true;
  } catch {
    return false;
  }
}, "D-Bus");
const avahiFlags = ["--no-drop-root", "--no-chroot", "--no-rlimits", "-f", `${FOLDER}/avahi.conf`];
await using avahi = new Background("otra", "avahi-daemon", ...avahiFlags);
await avahi.waitForOutput("Server startup complete");

// avahi finds a server, and what it tells.
const server = await start(terminals, "aula", "server", `server --host 0.0.0.0 --port 5000 --name "aula 3"`);
await server.waitForText('Nombre en la red local: "aula 3".');
const announced = `eth0 aula\\0323\\032\\04010-1-0-1-5000\\041 chat-10-1-0-1-5000.local ${aula} 5000 ` +
  `"room=aula "v=1" 3"`;
for (let found: string[] = []; found.length === 0; found = await browse()) {
  // until the library is loaded
}
assertEquals(await browse(), [announced]);

// A client finds both that server and one that avahi announces, and joins by number.
await using publisher = new Background("otra", "avahi-publish", "-s", "Otra sala", "_chat._tcp", "5001");
await publisher.waitForOutput("Established");
const other = await start(terminals, "otra", "other", "server --host 0.0.0.0 --port 5001 --no-announce");
await other.waitForText("Los clientes entran");
const sara = await start(terminals, "otra", "sara", `client ${aula}:5000 --nick sara`);
await sara.waitForLastRows("sara>");
const ana = await start(terminals, "mesa", "ana", "client --nick ana");
await ana.waitForText("Otra sala");
await ana.waitForText("Servidor (");
const rows = await ana.rows();
assertEquals(rows.slice(1, -1).map((row) => row.replace(/^ +\d\) /, "")).sort(), [
  `Otra sala · ${otra}:5001 · 0 miembros`,
  `aula 3 · ${aula}:5000 · 1 miembro`,
]);
const number = rows.find((row) => row.includes("aula 3"))!.trim()[0]!;
await ana.enterLine(number);
await ana.waitForLastRows("ana>");
await ana.waitForText(`Conectado a ${aula}:5000. En línea: sara, ana.`);

// After the loss, a server of the same name is on offer. The lost one has said goodbye.
const second = await start(terminals, "otra", "second", `server --host 0.0.0.0 --port 5002 --name "aula 3"`);
await second.waitForText("Los clientes entran");
await server.enterLine("salir");
await ana.waitForText(`[${otra}:5002, responde]:`);
await untilAnswerable();
await ana.press("Enter");
await ana.waitForText(`Conectado a ${otra}:5002.`);
await ana.waitForLastRows("ana>");
for (const name of await browse()) if (name.includes("10-1-0-1")) throw new Error(`Still found: ${name}`);

// Where the port is taken, both programs go on without a word.
await using taker = new Background("ocupada", Deno.execPath(), "eval", "--unstable-net", TAKER);
await taker.waitForOutput("taken");
const alone = await start(terminals, "ocupada", "alone", "server --host 0.0.0.0 --port 5000 --name sola");
await alone.waitForText('Nombre en la red local: "sola".');
const beto = await start(terminals, "ocupada", "beto", "client --nick beto");
await beto.waitForScreen("Servidor (IP o nombre) [127.0.0.1]:");
await alone.enterLine("salir");
await alone.waitForText("Servidor cerrado.");
