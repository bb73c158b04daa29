// chat-server as a person meets it by pipe: what it shows of the room, and of faults.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Room } from "../lib/room.ts";
import { serve } from "../lib/server_program.ts";
import { FakeScreen } from "./fake_screen.ts";
import { dialPeer, helloOf } from "./peers.ts";
import { Person } from "./person.ts";
import { END, enterAs, flagsFor, listening, MENU, outputOf, TWO_ADDRESSES } from "./piped_server.ts";
import { freeAddress, LOOPBACK, TestClock } from "./support.ts";

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
  await ana.say({ type: "say", clientSeq: 1, timeMs: 0, text: "hola" });
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
  const lastProgressMs = performance.now() - before;
  assert(lastProgressMs > 900 && lastProgressMs < 3_000, `took ${lastProgressMs} ms`);
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
  for (let clientSeq = 1; clientSeq <= 30; clientSeq++) {
    await ana.say({ type: "say", clientSeq, timeMs: 0, text: "hola" });
  }
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
  await second.say(helloOf("beto"));
  assertEquals((await second.expect("error")).code, "room-full");
  await boss.sees("127.0.0.1: la sala está llena: pruebe más tarde\n");
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

/** Has the room fail at something, until it is disposed of. */
function failing(what: "say" | "disconnect"): Disposable {
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
  await ana.say({ type: "say", clientSeq: 1, timeMs: 0, text: "hola" });
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
    using _ = failing("disconnect");
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
