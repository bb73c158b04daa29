// chat-server as a person meets it by pipe: what it shows of the room, and of faults.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Room } from "../../lib/room/room.ts";
import { serve } from "../../lib/server/main.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { dialPeer, enterAs, makeHello, say } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { END, flagsFor, listening, MENU, outputOf, TWO_ADDRESSES } from "../testing/piped_server.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";

Deno.test("chat-server asks for port and interface, and shows what happens, line by line", async () => {
  const { port } = freeAddress();
  const clock = new TestClock("2026-11-22 13:45:07");
  await using admin = new FakeUser({ clock: clock.now, localAddresses: TWO_ADDRESSES });
  const serving = admin.run(serve);
  admin.type(`${port}\n2\n`);
  await admin.waitForOutput("Escuchando");
  using ana = (await enterAs("ana", { address: { host: LOOPBACK, port } })).peer;
  await admin.waitForOutput("ana (127.0.0.1) se ha conectado");
  clock.set("2026-11-22 13:45:10");
  await ana.send(say(1, "hola"));
  await admin.waitForOutput("ana: hola");
  clock.set("2026-11-22 13:45:20");
  await ana.send({ type: "bye" });
  await ana.receiveAll();
  ana[Symbol.dispose]();
  await admin.waitForOutput("desconectado");
  admin.type("salir\n");
  assertEquals(await serving, 0);
  assertEquals(
    admin.output,
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
  await using admin = new FakeUser();
  admin.run(serve, ...flagsFor(port), "--grace", "0");
  await admin.waitForOutput("Escuchando");
  const { peer: ana } = await enterAs("ana", { address: { host: LOOPBACK, port } });
  ana[Symbol.dispose]();
  await admin.waitForOutput("[2026-11-22 13:45:07] * ana (127.0.0.1) ha perdido la conexión\n");
});

Deno.test("chat-server --grace gives seconds to those who were lost", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser();
  admin.run(serve, ...flagsFor(port), "--grace", "1");
  await admin.waitForOutput("Escuchando");
  const { peer: ana } = await enterAs("ana", { address: { host: LOOPBACK, port } });
  const before = performance.now();
  ana[Symbol.dispose]();
  await admin.waitForOutput("ha perdido la conexión");
  const lastProgressMs = performance.now() - before;
  assert(lastProgressMs > 900 && lastProgressMs < 3_000, `took ${lastProgressMs} ms`);
});

Deno.test("chat-server shows why it ended a connection", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser();
  admin.run(serve, ...flagsFor(port));
  await admin.waitForOutput("Escuchando");
  using stranger = await dialPeer({ host: LOOPBACK, port });
  await stranger.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await admin.waitForOutput("[2026-11-22 13:45:07] ! ");
  assertStringIncludes(admin.output, "127.0.0.1: se recibió una trama demasiado larga\n");
});

Deno.test("chat-server under attack shows the first closed connections, and how many more there were", async () => {
  const { port } = freeAddress();
  const clock = new TestClock();
  clock.advanceTo(0);
  await using admin = new FakeUser({ clock: clock.now });
  admin.run(serve, ...flagsFor(port));
  await admin.waitForOutput("Escuchando");
  const offend = async () => {
    using stranger = await dialPeer({ host: LOOPBACK, port });
    await stranger.send(new Uint8Array(4));
    await stranger.receiveAll();
  };
  for (let i = 0; i < 30; i++) await offend();
  clock.advanceTo(1_000);
  await offend();
  await admin.waitForOutput("Conexiones cerradas que no se han mostrado: 10.\n");
  await admin.until((output) => output.split("Se cerró").length === 22, "the last one");
});

/** What a client that says 30 things at once reads back at once. */
async function saidAtOnce(...flags: string[]): Promise<number> {
  const { port } = freeAddress();
  const clock = new TestClock();
  clock.advanceTo(0); // no time passes
  await using admin = new FakeUser({ clock: clock.now });
  admin.run(serve, ...flagsFor(port), ...flags);
  await admin.waitForOutput("Escuchando");
  using ana = (await enterAs("ana", { address: { host: LOOPBACK, port } })).peer;
  for (let clientSeq = 1; clientSeq <= 30; clientSeq++) {
    await ana.send(say(clientSeq, "hola"));
  }
  const count = () => admin.output.split("ana: hola").length - 1;
  const expected = flags.includes("0") ? 30 : Number(flags[1] ?? 20) - 1;
  await admin.until(() => count() >= expected, "what is allowed");
  return count();
}

Deno.test("chat-server lets a client say 20 things at once, HELLO among them, or what --burst and --rate say", async () => {
  assertEquals(await saidAtOnce(), 19);
  assertEquals(await saidAtOnce("--burst", "5"), 4);
  assertEquals(await saidAtOnce("--rate", "0"), 30);
});

Deno.test("chat-server --max-clients lets so many connect, and says so to the next", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser();
  admin.run(serve, ...flagsFor(port), "--max-clients", "1");
  await admin.waitForOutput("Escuchando");
  using _ = (await enterAs("ana", { address: { host: LOOPBACK, port } })).peer;
  using second = await dialPeer({ host: LOOPBACK, port });
  await second.send(makeHello("beto"));
  assertEquals((await second.expect("error")).code, "room-full");
  await admin.waitForOutput("127.0.0.1: la sala está llena: pruebe más tarde\n");
});

for (const word of ["salir", "quit", "/quit", " SALIR "]) {
  Deno.test(`chat-server ends by "${word}"`, async () => {
    const { port } = freeAddress();
    await using admin = new FakeUser();
    admin.type(`${word}\n`);
    assertEquals(await outputOf(admin, ...flagsFor(port)), `${listening(port)}${END}`);
  });
}

Deno.test("chat-server ends where a keyboard ends", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ isTty: true });
  admin.endInput();
  assertEquals(await outputOf(admin, ...flagsFor(port)), `${listening(port)}${END}`);
});

Deno.test("chat-server tells what can be typed", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser();
  admin.type("hola\n\n  \nsalir\n");
  assertEquals(
    await outputOf(admin, ...flagsFor(port)),
    `${
      listening(port)
    }! Aquí se escriben órdenes, que empiezan con "/": "/say" dice algo a todos, "/help" las enseña todas.\n${END}`,
  );
});

Deno.test("chat-server does not do what is pasted into its console", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  const serving = admin.run(serve, ...flagsFor(port));
  await admin.waitForOutput(listening(port).trim());
  admin.type("\x1b[200~def f():\r    /quit\r\x1b[201~");
  admin.type("/who\r");
  await admin.waitForOutput("! En línea: 0.");
  admin.type("salir\r");
  assertEquals(await serving, 0);
});

Deno.test("chat-server speaks English", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ language: "en", localAddresses: TWO_ADDRESSES });
  const serving = admin.run(serve);
  admin.type(`0\n${port}\n2\n`);
  await admin.waitForOutput("Listening");
  using ana = (await enterAs("ana", { address: { host: LOOPBACK, port } })).peer;
  await admin.waitForOutput("connected");
  admin.type("quit\n");
  assertEquals((await ana.receiveAll()).map(({ type }) => type), ["bye"]);
  assertEquals(admin.output.includes("Server closed."), false); // until everyone has taken leave
  ana[Symbol.dispose]();
  assertEquals(await serving, 0);
  assertEquals(
    admin.output,
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
  await using admin = new FakeUser();
  const serving = admin.run(serve, ...flagsFor(port));
  await admin.waitForOutput("Escuchando");
  using ana = (await enterAs("ana", { address: { host: LOOPBACK, port } })).peer;
  using beto = (await enterAs("beto", { address: { host: LOOPBACK, port } })).peer;
  using _ = failing("say");
  await ana.send(say(1, "hola"));
  await admin.waitForOutput("a quien le dio el programa.");
  assertMatch(
    admin.output,
    /! Este programa falló al atender a ana \(127\.0\.0\.1\): TypeError: a mistake of ours at /,
  );
  await ana.receiveAll();
  await beto.send({ type: "ping" });
  await beto.expect("pong");
  admin.type("salir\n");
  assertEquals(await serving, 0);
});

Deno.test("A fault of the program itself when a connection has ended is told as such, and ends no other", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser();
  const serving = admin.run(serve, ...flagsFor(port), "--max-clients", "2");
  await admin.waitForOutput("Escuchando");
  using beto = (await enterAs("beto", { address: { host: LOOPBACK, port } })).peer;
  for (const nick of ["ana", "eva"]) {
    const { peer } = await enterAs(nick, { address: { host: LOOPBACK, port } });
    using _ = failing("disconnect");
    peer[Symbol.dispose]();
    await admin.until((output) => output.split("a mistake of ours").length > (nick === "ana" ? 1 : 2), nick);
  }
  assertMatch(
    admin.output,
    /! Este programa falló al atender a 127\.0\.0\.1: TypeError: a mistake of ours at /,
  );
  await beto.send({ type: "ping" });
  while ((await beto.receive())!.type !== "pong");
  admin.type("salir\n");
  assertEquals(await serving, 0);
});
