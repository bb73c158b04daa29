// chat-server as a person meets it: questions, lines, and its end, by pipe and by keyboard.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ChatServer } from "../lib/chat_server.ts";
import { InputError, ListenError } from "../lib/errors.ts";
import { sentencesIn } from "../lib/i18n.ts";
import { encodeServer } from "../lib/protocol.ts";
import { Renderer } from "../lib/render.ts";
import { Room } from "../lib/room.ts";
import { RoomLog } from "../lib/room_log.ts";
import { ServerConsole, type ServerConsoleOptions } from "../lib/server_console.ts";
import { serve } from "../lib/server_program.ts";
import { Terminal } from "../lib/terminal.ts";
import { UNLIMITED } from "../lib/token_bucket.ts";
import { FakeScreen } from "./fake_screen.ts";
import {
  dialPeer,
  enter,
  freeAddress,
  type Guest,
  helloOf,
  LOOPBACK,
  Person,
  settle,
  soon,
  TestClock,
  UNKNOWN_NAME,
} from "./support.ts";

const TWO_ADDRESSES = [{ address: LOOPBACK, name: "lo" }, { address: "203.0.113.1", name: "eth0" }];
const MENU = `Interfaz:
  1) todas (0.0.0.0)
  2) 127.0.0.1 (lo)
  3) 203.0.113.1 (eth0)
`;
const END = `Cerrando el servidor: se avisa a quienes están conectados.
Servidor cerrado.
`;

function listening(port: number, host = LOOPBACK): string {
  return `Escuchando en ${host}:${port}. Escriba "salir" para terminar.\n`;
}

/** Flags that leave nothing to ask. */
function flagsFor(port: number): string[] {
  return ["--host", LOOPBACK, "--port", String(port)];
}

function enterAs(nick: string, port: number): Promise<Guest> {
  return enter({ host: LOOPBACK, port }, helloOf(nick));
}

/** Runs a server that ends by itself; gives all that it wrote. */
async function outputOf(person: Person, ...args: string[]): Promise<string> {
  assertEquals(await person.runs(serve, ...args), 0);
  return person.output;
}

Deno.test("chat-server asks for port and interface, and shows what happens, line by line", async () => {
  const { port } = freeAddress();
  const clock = new TestClock("2026-11-22 13:45:07");
  await using boss = new Person({ clock: clock.now, localAddresses: TWO_ADDRESSES });
  const serving = boss.runs(serve);
  boss.types(`${port}\n2\n`);
  await boss.sees("Escuchando");
  using ana = (await enterAs("ana", port)).peer;
  await boss.sees("ana (127.0.0.1) se ha conectado");
  clock.set("2026-11-22 13:45:10");
  await ana.say({ type: "say", n: 1, timeMs: 0, text: "hola" });
  await boss.sees("ana: hola");
  clock.set("2026-11-22 13:45:20");
  await ana.say({ type: "bye" });
  await ana.rest();
  ana[Symbol.dispose]();
  await boss.sees("desconectado");
  boss.types("salir\n");
  assertEquals(await serving, 0);
  assertEquals(
    boss.output,
    `Puerto [5000]: ${port}
${MENU}Elija [1]: 2
${listening(port)}[2026-11-22 13:45:07] * ana (127.0.0.1) se ha conectado
[2026-11-22 13:45:10] ana: hola
[2026-11-22 13:45:20] * ana (127.0.0.1) se ha desconectado
${END}`,
  );
});

Deno.test("chat-server tells those who were lost from those who left", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  boss.runs(serve, ...flagsFor(port), "--grace", "0");
  await boss.sees("Escuchando");
  const { peer: ana } = await enterAs("ana", port);
  ana[Symbol.dispose]();
  await boss.sees("[2026-11-22 13:45:07] * ana (127.0.0.1) ha perdido la conexión\n");
});

Deno.test("chat-server --grace gives seconds to those who were lost", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  boss.runs(serve, ...flagsFor(port), "--grace", "1");
  await boss.sees("Escuchando");
  const { peer: ana } = await enterAs("ana", port);
  const before = performance.now();
  ana[Symbol.dispose]();
  await boss.sees("ha perdido la conexión");
  const tookMs = performance.now() - before;
  assert(tookMs > 900 && tookMs < 3_000, `took ${tookMs} ms`);
});

Deno.test("chat-server shows why it ended a connection", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  boss.runs(serve, ...flagsFor(port));
  await boss.sees("Escuchando");
  using stranger = await dialPeer({ host: LOOPBACK, port });
  await stranger.say(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await boss.sees("[2026-11-22 13:45:07] ! ");
  assertStringIncludes(boss.output, "127.0.0.1: se recibió una trama demasiado larga\n");
});

Deno.test("chat-server under attack shows the first closed connections, and how many more there were", async () => {
  const { port } = freeAddress();
  const clock = new TestClock();
  clock.tick(0);
  await using boss = new Person({ clock: clock.now });
  boss.runs(serve, ...flagsFor(port));
  await boss.sees("Escuchando");
  const offend = async () => {
    using stranger = await dialPeer({ host: LOOPBACK, port });
    await stranger.say(new Uint8Array(4));
    await stranger.rest();
  };
  for (let i = 0; i < 30; i++) await offend();
  clock.tick(1_000);
  await offend();
  await boss.sees("Conexiones cerradas que no se han mostrado: 10.\n");
  await boss.until((output) => output.split("Se cerró").length === 22, "the last one");
});

/** What a client that says 30 things at once reads back at once. */
async function saidAtOnce(...flags: string[]): Promise<number> {
  const { port } = freeAddress();
  const clock = new TestClock();
  clock.tick(0); // no time passes
  await using boss = new Person({ clock: clock.now });
  boss.runs(serve, ...flagsFor(port), ...flags);
  await boss.sees("Escuchando");
  using ana = (await enterAs("ana", port)).peer;
  for (let n = 1; n <= 30; n++) await ana.say({ type: "say", n, timeMs: 0, text: "hola" });
  const count = () => boss.output.split("ana: hola").length - 1;
  const expected = flags.includes("0") ? 30 : Number(flags[1] ?? 20) - 1;
  await boss.until(() => count() >= expected, "what is allowed");
  return count();
}

Deno.test("chat-server lets a client say 20 things at once, HELLO among them, or what --burst and --rate say", async () => {
  assertEquals(await saidAtOnce(), 19);
  assertEquals(await saidAtOnce("--burst", "5"), 4);
  assertEquals(await saidAtOnce("--rate", "0"), 30);
});

Deno.test("chat-server --max-clients lets so many connect, and says so to the next", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  boss.runs(serve, ...flagsFor(port), "--max-clients", "1");
  await boss.sees("Escuchando");
  using _ = (await enterAs("ana", port)).peer;
  using second = await dialPeer({ host: LOOPBACK, port });
  assertEquals((await second.expect("error")).code, "room-full");
  await boss.sees("127.0.0.1: la sala está llena: pruebe más tarde\n");
});

Deno.test("chat-server with all it needs from flags asks nothing and runs without a console", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ localAddresses: TWO_ADDRESSES });
  boss.ends();
  const serving = boss.runs(serve, ...flagsFor(port), "--backup", "10.0.0.7", "--backup", "[::1]:5002");
  await boss.sees("Escuchando");
  const { peer: ana, welcome } = await enterAs("ana", port);
  using _ = ana;
  assertEquals(welcome.backups, ["10.0.0.7:5000", "[::1]:5002"]);
  await boss.sees("ana (127.0.0.1) se ha conectado");
  boss.kills();
  assertEquals((await ana.rest()).map(({ type }) => type), ["bye"]);
  ana[Symbol.dispose]();
  assertEquals(await serving, 0);
});

Deno.test("chat-server listens on all addresses where there is no choice", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ localAddresses: TWO_ADDRESSES.slice(0, 1) });
  boss.types(`${port}\nsalir\n`);
  assertEquals(await outputOf(boss), `Puerto [5000]: ${port}\n${listening(port, "0.0.0.0")}${END}`);
});

Deno.test("chat-server takes an empty answer for what it offered", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ localAddresses: TWO_ADDRESSES });
  boss.types("\nsalir\n");
  assertEquals(
    await outputOf(boss, "--port", String(port)),
    `${MENU}Elija [1]:\n${listening(port, "0.0.0.0")}${END}`,
  );
});

Deno.test("chat-server asks again only for what was wrong, and says why", async () => {
  const { port } = freeAddress();
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using boss = new Person({ localAddresses: TWO_ADDRESSES });
  boss.types(`x\n70000\n${taken.addr.port}\n9\n2\n${port}\nsalir\n`);
  assertEquals(
    await outputOf(boss),
    `Puerto [5000]: x
El puerto "x" no vale: debe ser un número de 1 a 65535.
Puerto [5000]: 70000
El puerto "70000" no vale: debe ser un número de 1 a 65535.
Puerto [5000]: ${taken.addr.port}
${MENU}Elija [1]: 9
Elija un número de 1 a 3.
Elija [1]: 2
El puerto ${taken.addr.port} ya está en uso en 127.0.0.1: elija otro.
Puerto [5000]: ${port}
${listening(port)}${END}`,
  );
});

Deno.test("chat-server asks again for an address that is no longer this machine's", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ localAddresses: TWO_ADDRESSES });
  boss.types(`3\n${LOOPBACK}\nsalir\n`);
  assertEquals(
    await outputOf(boss, "--port", String(port)),
    `${MENU}Elija [1]: 3
203.0.113.1 no es una dirección de esta máquina.
${MENU}Elija [1]: 127.0.0.1
${listening(port)}${END}`,
  );
});

for (const answers of ["salir\n", "\nquit\n", "5000\nsalir\n"]) {
  Deno.test(`chat-server can be left by answering ${JSON.stringify(answers)}`, async () => {
    await using boss = new Person({ localAddresses: TWO_ADDRESSES });
    boss.types(answers);
    assertEquals((await outputOf(boss)).includes("Escuchando"), false);
  });
}

Deno.test("chat-server ends at a question when it is told to", async () => {
  await using boss = new Person();
  const serving = boss.runs(serve);
  await boss.sees("Puerto");
  boss.kills();
  assertEquals(await serving, 0);
});

Deno.test("chat-server takes what is offered where a pipe ends", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ localAddresses: TWO_ADDRESSES });
  boss.ends();
  const serving = boss.runs(serve, "--port", String(port));
  await boss.sees("Escuchando");
  boss.kills();
  assertEquals(await serving, 0);
  assertEquals(boss.output, `${MENU}Elija [1]:\n${listening(port, "0.0.0.0")}${END}`);
});

Deno.test("chat-server does not go on where a pipe ends after what could not be had", async () => {
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using boss = new Person({ localAddresses: TWO_ADDRESSES });
  boss.types(`${taken.addr.port}\n2\n`);
  boss.ends();
  const { code, details } = await assertRejects(() => boss.runs(serve), InputError);
  assertEquals<unknown>([code, details], ["input-ended", { question: "Puerto" }]);
  assertStringIncludes(
    boss.output,
    `El puerto ${taken.addr.port} ya está en uso en 127.0.0.1: elija otro.\n`,
  );
});

Deno.test("chat-server can be left by ending the keyboard at a question", async () => {
  await using boss = new Person({ localAddresses: TWO_ADDRESSES, isKeyboard: true });
  boss.ends();
  assertEquals(await outputOf(boss), "Puerto [5000]:\n");
});

for (const word of ["salir", "quit", "/quit", " SALIR "]) {
  Deno.test(`chat-server ends by "${word}"`, async () => {
    const { port } = freeAddress();
    await using boss = new Person();
    boss.types(`${word}\n`);
    assertEquals(await outputOf(boss, ...flagsFor(port)), `${listening(port)}${END}`);
  });
}

Deno.test("chat-server ends where a keyboard ends", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ isKeyboard: true });
  boss.ends();
  assertEquals(await outputOf(boss, ...flagsFor(port)), `${listening(port)}${END}`);
});

Deno.test("chat-server tells what can be typed", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  boss.types("hola\n\n  \nsalir\n");
  assertEquals(
    await outputOf(boss, ...flagsFor(port)),
    `${
      listening(port)
    }! Aquí se escriben órdenes, que empiezan con "/": "/say" dice algo a todos, "/help" las enseña todas.\n${END}`,
  );
});

Deno.test("chat-server does not do what is pasted into its console", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ isKeyboard: true, tty: new FakeScreen({ columns: 200 }) });
  const serving = boss.runs(serve, ...flagsFor(port));
  await boss.sees(listening(port).trim());
  boss.types("\x1b[200~def f():\r    /quit\r\x1b[201~");
  boss.types("/who\r");
  await boss.sees("! En línea: 0.");
  boss.types("salir\r");
  assertEquals(await serving, 0);
});

Deno.test("chat-server speaks English", async () => {
  const { port } = freeAddress();
  await using boss = new Person({ language: "en", localAddresses: TWO_ADDRESSES });
  const serving = boss.runs(serve);
  boss.types(`0\n${port}\n2\n`);
  await boss.sees("Listening");
  using ana = (await enterAs("ana", port)).peer;
  await boss.sees("connected");
  boss.types("quit\n");
  assertEquals((await ana.rest()).map(({ type }) => type), ["bye"]);
  assertEquals(boss.output.includes("Server closed."), false); // until everyone has taken leave
  ana[Symbol.dispose]();
  assertEquals(await serving, 0);
  assertEquals(
    boss.output,
    `Port [5000]: 0
Port "0" cannot be used: it must be a number from 1 to 65535.
Port [5000]: ${port}
Interface:
  1) all (0.0.0.0)
  2) 127.0.0.1 (lo)
  3) 203.0.113.1 (eth0)
Choose [1]: 2
Listening on 127.0.0.1:${port}. Type "quit" to end.
[2026-11-22 13:45:07] * ana (127.0.0.1) has connected
Closing the server: everyone who is connected is being told.
Server closed.
`,
  );
});

const WRONG_FLAGS: [string, string[]][] = [
  ["port-invalid", ["--port", "0"]],
  ["port-invalid", ["--port", "70000"]],
  ["address-invalid", ["--backup", "a b"]],
  ["backup-is-self", ["--host", LOOPBACK, "--port", "5000", "--backup", `${LOOPBACK}:5000`]],
  ["flag-value-invalid", ["--grace", "soon"]],
  ["flag-value-invalid", ["--grace", "3601"]],
  ["flag-value-invalid", ["--burst", "0"]],
  ["flag-value-invalid", ["--rate=-1"]],
  ["flag-value-invalid", ["--rate", "many"]],
  ["flag-value-invalid", ["--max-clients", "0"]],
  ["flag-value-invalid", ["--max-per-address", "x"]],
  ["flag-value-missing", ["--port"]],
  ["flag-unknown", ["--prot", "5000"]],
  ["argument-unexpected", ["5000"]],
];

for (const [code, args] of WRONG_FLAGS) {
  Deno.test(`chat-server refuses ${args.join(" ")}: ${code}`, async () => {
    await using boss = new Person();
    assertEquals((await assertRejects(() => boss.runs(serve, ...args), InputError)).code, code);
    assertEquals(boss.output, "");
  });
}

const REFUSED_FLAGS = [
  ["address-not-local", "203.0.113.1"],
  ["address-not-local", UNKNOWN_NAME],
];

for (const [code, host] of REFUSED_FLAGS) {
  Deno.test(`chat-server does not ask about what a flag gave: ${code}, ${host!.slice(-12)}`, async () => {
    await using boss = new Person();
    const serving = () => boss.runs(serve, "--host", host!, "--port", "5000");
    assertEquals((await assertRejects(serving, ListenError)).code, code);
    assertEquals(boss.output, "");
  });
}

Deno.test("chat-server does not ask for another port than the one of its flag", async () => {
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using boss = new Person();
  const serving = () => boss.runs(serve, ...flagsFor(taken.addr.port));
  assertEquals((await assertRejects(serving, ListenError)).code, "port-in-use");
  assertEquals(boss.output, "");
});

Deno.test("chat-server --help shows every flag, --version the version", async () => {
  await using boss = new Person({ language: "en" });
  const help = await outputOf(boss, "--help");
  for (
    const flag of ["--port N", "--host IP", "--backup HOST:N", "--grace S", "--lang es|en", "-h, --help"]
  ) {
    assertStringIncludes(help, `  ${flag} `);
  }
  await using other = new Person();
  assertEquals(/^chat-server \d+\.\d+\.\d+ \(.+\)\n$/.test(await outputOf(other, "--version")), true);
  await using shell = new Person();
  assertStringIncludes(await outputOf(shell, "--completions", "zsh"), "#compdef chat-server\n");
});

/** A console that writes to something that takes nothing but the first write until it is told to. */
class StandingConsole implements AsyncDisposable {
  output = "";
  readonly console: ServerConsole;
  readonly #taking = Promise.withResolvers<void>();
  readonly #terminal: Terminal;

  constructor(limits: Pick<ServerConsoleOptions, "maxBehindBytes" | "maxWaitMs"> = {}) {
    this.#terminal = new Terminal({
      input: new ReadableStream({ start: (controller) => controller.close() }),
      write: async (bytes) => {
        this.output += new TextDecoder().decode(bytes);
        await this.#taking.promise;
      },
      isKeyboard: false,
    });
    const sentences = sentencesIn("es");
    const { now } = new TestClock();
    this.console = new ServerConsole({
      terminal: this.#terminal,
      renderer: new Renderer(sentences),
      sentences,
      wallMs: () => now().wallMs,
      ...limits,
    });
  }

  /** From now on everything is taken. */
  takes(): void {
    this.#taking.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.takes();
    await this.#terminal[Symbol.asyncDispose]();
  }
}

/** A server whose log soon forgets, and that lets everybody say as much as they like. */
function forgetfulServer(): ChatServer {
  return new ChatServer({
    host: LOOPBACK,
    port: 0,
    log: { segmentBytes: 2_000, retainedBytes: 40_000 },
    messages: UNLIMITED,
  });
}

Deno.test("ServerConsole says how much it skips when it cannot keep up with the room", async () => {
  const log = new RoomLog({ segmentBytes: 60, retainedBytes: 120 });
  const append = (text: string) => {
    const entry = { seq: log.head, timeMs: 0, session: 1n, n: 1, late: false, nick: "ana", text };
    log.append(encodeServer({ type: "said", ...entry }), 0);
  };
  await using standing = new StandingConsole();
  const { console } = standing;
  const server = { log, addReader: () => {} } as unknown as ChatServer;
  console.follow(server);
  append("0");
  console.flush();
  for (let n = 1; n <= 9; n++) append(String(n)); // one to a segment: the last two are retained
  standing.takes();
  await soon(console.drained(), "the console to show the rest");
  assertEquals(
    standing.output.replaceAll(/\[.{19}\] /g, ""),
    [
      "ana: 0",
      "! Líneas que faltan aquí: 7. No se mostraron al ritmo de la sala.",
      "ana: 8",
      "ana: 9",
      "",
    ].join("\n"),
  );
});

Deno.test("A console that writes to a file leaves nothing out: the room waits for it", async () => {
  await using server = forgetfulServer();
  await using standing = new StandingConsole({ maxBehindBytes: 20_000, maxWaitMs: 60_000 });
  const { console } = standing;
  console.follow(server);
  using ana = (await enterAs("ana", server.address.port)).peer;
  const numbers = Array.from({ length: 600 }, (_, index) => index + 1);
  for (const n of numbers) await ana.say({ type: "say", n, timeMs: 0, text: "x".repeat(50) + n });
  for (let turn = 0; turn < 500 && !console.catchingUp(); turn++) await settle();
  assert(server.log.head < 600);
  standing.takes();
  for (const n of numbers) assertEquals((await ana.expect("said")).n, n);
  await console.drained();
  const shown = [...standing.output.matchAll(/ana: x+(\d+)\n/g)].map(([, n]) => Number(n));
  assertEquals(shown, numbers);
});

Deno.test("A console that writes to a pipe that nobody reads holds the room up for a moment, then leaves lines out", async () => {
  await using server = forgetfulServer();
  await using standing = new StandingConsole({ maxBehindBytes: 20_000, maxWaitMs: 20 });
  const { console } = standing;
  console.follow(server);
  using ana = (await enterAs("ana", server.address.port)).peer;
  for (let n = 1; n <= 600; n++) {
    await ana.say({ type: "say", n, timeMs: 0, text: "x".repeat(50) + n });
    assertEquals((await soon(ana.expect("said"), "the room to go on")).n, n);
  }
  standing.takes();
  await console.drained();
  assert(/! Líneas que faltan aquí: \d+\./.test(standing.output));
  assert(standing.output.endsWith("ana: " + "x".repeat(50) + "600\n"));
});

/** Has the room fail at something, until it is disposed of. */
function failing(what: "say" | "lose"): Disposable {
  const { [what]: before } = Room.prototype;
  const fail = () => {
    throw new TypeError("a mistake of ours");
  };
  Object.assign(Room.prototype, { [what]: fail });
  return { [Symbol.dispose]: () => void Object.assign(Room.prototype, { [what]: before }) };
}

Deno.test("A fault of the program itself ends one connection, and is told as such", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  const serving = boss.runs(serve, ...flagsFor(port));
  await boss.sees("Escuchando");
  using ana = (await enterAs("ana", port)).peer;
  using beto = (await enterAs("beto", port)).peer;
  using _ = failing("say");
  await ana.say({ type: "say", n: 1, timeMs: 0, text: "hola" });
  await boss.sees("a quien le dio el programa.");
  assertMatch(
    boss.output,
    /! Este programa falló al atender a ana \(127\.0\.0\.1\): TypeError: a mistake of ours at /,
  );
  await ana.rest();
  await beto.say({ type: "ping" });
  await beto.expect("pong");
  boss.types("salir\n");
  assertEquals(await serving, 0);
});

Deno.test("A fault of the program itself when a connection has ended is told as such, and ends no other", async () => {
  const { port } = freeAddress();
  await using boss = new Person();
  const serving = boss.runs(serve, ...flagsFor(port), "--max-clients", "2");
  await boss.sees("Escuchando");
  using beto = (await enterAs("beto", port)).peer;
  for (const nick of ["ana", "eva"]) {
    const { peer } = await enterAs(nick, port);
    using _ = failing("lose");
    peer[Symbol.dispose]();
    await boss.until((output) => output.split("a mistake of ours").length > (nick === "ana" ? 1 : 2), nick);
  }
  assertMatch(
    boss.output,
    /! Este programa falló al atender a 127\.0\.0\.1: TypeError: a mistake of ours at /,
  );
  await beto.say({ type: "ping" });
  while ((await beto.hear())!.type !== "pong");
  boss.types("salir\n");
  assertEquals(await serving, 0);
});
