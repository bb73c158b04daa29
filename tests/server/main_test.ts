// serve(): chat-server at a pipe, from its flags to its exit status.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { InputError, ListenError, NatsError } from "../../lib/errors.ts";
import { formatAddress } from "../../lib/net/address.ts";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { serve } from "../../lib/server/main.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { datedPair } from "../testing/certificates.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { dialPeer, enterAs, FakeServer, makeHello, say } from "../testing/raw_peer.ts";
import { fakeNats, NATS, RunningServer } from "../testing/running_server.ts";
import { TestClock } from "../testing/test_clock.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { flushTasks } from "../testing/waiting.ts";

const END = `Cerrando el servidor: se avisa a los clientes.
Servidor cerrado.
`;

/** Replaces a method until it is disposed of. */
function replaceMethod<T extends object>(target: T, name: keyof T, replacement: unknown): Disposable {
  const before = target[name];
  Object.assign(target, { [name]: replacement });
  return { [Symbol.dispose]: () => void Object.assign(target, { [name]: before }) };
}

Deno.test("chat-server asks for its port, prints the room line by line, and ends at salir", async () => {
  const { port, host } = freeAddress();
  const clock = new TestClock("2026-11-22 13:45:07");
  await using operator = new FakeUser({ clock: clock.now });
  const status = operator.run(serve, "--host", host);
  operator.type(`${port}\n`);
  await operator.waitForOutput("Escuchando");
  using ana = await enterAs("ana", { address: { host, port } });
  await operator.waitForOutput("ana (127.0.0.1) se ha conectado");
  clock.set("2026-11-22 13:45:10");
  await ana.send(say(1, "hola"));
  await operator.waitForOutput("ana: hola");
  clock.set("2026-11-22 13:45:20");
  await ana.send({ type: "bye" });
  await ana.receiveAll();
  ana[Symbol.dispose]();
  await operator.waitForOutput("desconectado");
  operator.type("salir\n");
  assertEquals(await status, 0);
  assertEquals(
    operator.output,
    `Puerto [5000]: ${port}
Escuchando en 127.0.0.1:${port}. Escriba "salir" para terminar.
Para entrar desde este equipo: deno task client --host 127.0.0.1 --port ${port}
[2026-11-22 13:45:07] * ana (127.0.0.1) se ha conectado
[2026-11-22 13:45:10] ana: hola
[2026-11-22 13:45:20] * ana (127.0.0.1) se ha desconectado
${END}`,
  );
});

Deno.test("chat-server prints all events before it says that it has closed", async () => {
  await using server = await RunningServer.start();
  const { operator } = server;
  const { terminal } = operator;
  const print = terminal.print.bind(terminal);
  const held = Promise.withResolvers<void>();
  terminal.print = async (...lines) => {
    if (lines.some((line) => line.endsWith(": uno"))) await held.promise;
    await print(...lines);
  };
  {
    using ana = await enterAs("ana", server);
    await ana.send(say(1, "uno"));
    await ana.expect("said"); // and is being printed
    await ana.send(say(2, "dos"));
    await ana.expect("said");
  }
  operator.type("salir\n");
  await operator.waitForOutput("Cerrando");
  await flushTasks();
  held.resolve();
  assertEquals(await server.status, 0);
  assertMatch(operator.output, /: uno\n.*: dos\nServidor cerrado\.\n$/);
});

Deno.test("chat-server says goodbye to clients though its output cannot be written", async () => {
  await using server = await RunningServer.start();
  const { operator: { terminal }, operator } = server;
  using ana = await enterAs("ana", server);
  const print = terminal.print.bind(terminal);
  const held = Promise.withResolvers<void>();
  terminal.print = (...lines) => held.promise.then(() => print(...lines));
  operator.type("salir\n");
  assertEquals(await ana.receiveTypes(), ["bye"]);
  held.resolve();
  assertEquals(await server.status, 0);
});

Deno.test("chat-server --backup shows whether it answers, and takes its own port for one without", async () => {
  await using server = await RunningServer.start(["--backup", "127.0.0.2"]);
  const backup = `127.0.0.2:${server.address.port}`;
  await server.operator.waitForOutput(`! ✗ ${backup}: ahí no escucha ningún servidor\n`);
});

Deno.test("chat-server without a console serves until it is terminated", async () => {
  await using server = await RunningServer.start(["--backup", "127.0.0.7", "--time", "HH:mm"]);
  const { operator, status } = server;
  operator.endInput();
  using ana = await enterAs("ana", server);
  const backup = `127.0.0.7:${server.address.port}`;
  assertEquals(ana.welcome.backups, [backup]);
  await operator.waitForOutput(`✗ ${backup}`);
  await operator.waitForOutput("[13:45] * ana");
  operator.terminate();
  assertEquals(await ana.receiveTypes(), ["bye"]);
  assertEquals(operator.output.includes("Servidor cerrado."), false);
  ana[Symbol.dispose]();
  assertEquals(await status, 0);
  assertEquals(operator.output.endsWith(END), true);
});

Deno.test("chat-server says nothing of a backup that answers while it closes", async () => {
  const probed = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  const backup = new FakeServer(async (client) => {
    await client.expect("probe");
    probed.resolve();
    await answering.promise;
  });
  await using server = await RunningServer.start(["--backup", formatAddress(backup.address)]);
  using ana = await enterAs("ana", server);
  await probed.promise;
  server.operator.terminate();
  assertEquals(await ana.receiveTypes(), ["bye"]);
  answering.resolve();
  await backup[Symbol.asyncDispose]();
  await flushTasks();
  ana[Symbol.dispose]();
  assertEquals(await server.status, 0);
  assertEquals(server.operator.output.endsWith(END), true);
});

Deno.test("chat-server keeps to its flags, and prints why it closed a connection and who was lost", async () => {
  await using server = await RunningServer.start(["--max-clients", "1", "--grace", "0"]);
  using ana = await enterAs("ana", server);
  using second = await dialPeer(server.address);
  await second.send(makeHello("bea"));
  assertEquals((await second.expect("error")).code, "room-full");
  await server.operator.waitForOutput("! Se cerró la conexión de 127.0.0.1: la sala está llena");
  ana[Symbol.dispose]();
  await server.operator.waitForOutput("[2026-11-22 13:45:07] * ana (127.0.0.1) ha perdido la conexión\n");
});

Deno.test("chat-server prints once that it cannot accept connections, and accepts again", async () => {
  using listener = Deno.listen({ port: 0 });
  const { accept } = listener;
  let failures = 0;
  const failing = function (this: Deno.TcpListener) {
    return failures++ < 2 ? Promise.reject(new Error("Too many open files")) : accept.call(this);
  };
  using _ = replaceMethod(Object.getPrototypeOf(listener) as typeof listener, "accept", failing);
  await using server = await RunningServer.start();
  using _ana = await enterAs("ana", server);
  await server.operator.waitForOutput("ana");
  const lines = server.operator.output.split("\n").filter((line) => line.includes("! "));
  assertEquals(lines, [
    "[2026-11-22 13:45:07] ! No se pueden aceptar más conexiones: Too many open files. El servidor sigue intentándolo.",
  ]);
});

Deno.test("chat-server --help prints its usage, flags and commands, and does not start", async () => {
  await using operator = new FakeUser({ language: "en" });
  assertEquals(await operator.run(serve, "--help", "--port", "0"), 0);
  const help = /^Usage: chat-server [\s\S]*\n {2}--backup HOST:PORT [\s\S]*\n {2}\/kick NICK/;
  assertMatch(operator.output, help);
});

Deno.test("chat-server refuses a wrong flag before it prints or opens anything", async () => {
  await using operator = new FakeUser();
  for (const flags of [["--prot", "5000"], ["--port", "0", "--data", "/"]]) {
    await assertRejects(() => operator.run(serve, ...flags), InputError);
  }
  assertEquals(operator.output, "");
});

Deno.test("chat-server ends with 0 when the user quits at a question", async () => {
  await using operator = new FakeUser();
  operator.type("salir\n");
  assertEquals(await operator.run(serve), 0);
  assertEquals(operator.output, "Puerto [5000]: salir\n");
});

Deno.test("chat-server --data continues the room, alone with its file", writing, async () => {
  await using folder = new TestFolder();
  const data = `${folder.path}/room.db`;
  const flags = ["--data", data, "--keep", "1000", "--keep-days", "1", "--data-sync", "normal"];
  for (const nick of ["ana", "bea"]) {
    await using server = await RunningServer.start(flags);
    const { operator, address: { port } } = server;
    assertEquals(operator.hasGivenUpFiles, true);
    using peer = await enterAs(nick, server, { historyCount: 9 });
    const texts = peer.history.flatMap((entry) => entry.type === "said" ? [entry.text] : []);
    assertEquals(texts, nick === "ana" ? [] : ["soy ana"]);
    await peer.send(say(1, `soy ${nick}`));
    await operator.waitForOutput(`${nick}: soy ${nick}`);
    operator.type("/stats\n");
    await operator.waitForOutput(" kB.\n");
    const error = await assertRejects(() => new FakeUser().run(serve, ...flags), InputError);
    assertEquals(error.code, "data-busy");
    peer[Symbol.dispose](); // or the server waits for it to read the end
    const output = await server.quit();
    const restored = nick === "ana" ? "" : "Líneas de la sala recuperadas: 2.\n"; // JOINED and SAID
    assertStringIncludes(output, `${port}\nLa sala se guarda en ${data}.\n${restored}[`);
    assertEquals(output.includes("soy ana"), nick === "ana");
  }
});

Deno.test("chat-server --data makes no file if its port is taken", writing, async () => {
  await using folder = new TestFolder();
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using user = new FakeUser();
  const flags = ["--host", LOOPBACK, "--port", `${port}`, "--data", `${folder.path}/room.db`];
  await assertRejects(() => user.run(serve, ...flags), ListenError);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("chat-server --data shows a member who is back within the grace", writing, async () => {
  await using folder = new TestFolder();
  const line = "* ana (127.0.0.1) se ha reconectado\n";
  for (const isBack of [false, true]) {
    await using server = await RunningServer.start(["--data", `${folder.path}/room.db`, "--grace", "60"]);
    using peer = await enterAs("ana", server);
    await peer.send(say(isBack ? 2 : 1, "hola"));
    await server.operator.waitForOutput("ana: hola");
    peer[Symbol.dispose]();
    assertEquals((await server.quit()).split(line).length, isBack ? 2 : 1);
  }
});

Deno.test("chat-server --data tells operator and clients that its disk fails", writing, async () => {
  await using folder = new TestFolder();
  const settings = {
    timeouts: { ...DEFAULT_CONFIG.timeouts, outageClearMs: 1 },
    storage: { ...DEFAULT_CONFIG.storage, retryMs: 5 },
  };
  await using server = await RunningServer.start(["--data", `${folder.path}/room.db`], {
    parts: { settings },
  });
  using ana = await enterAs("ana", server);
  {
    const fail = () => {
      throw new Error("EIO");
    };
    using _ = replaceMethod(SqliteStore.prototype, "append", fail);
    await ana.send(say(1, "hola"));
    assertEquals((await ana.expect("stalled")).resolved, false);
    await server.operator.waitForOutput("! Los mensajes esperan");
  }
  await server.operator.waitForOutput("! Ya se pueden guardar los mensajes.\n");
  const resolved = (await ana.receive())!;
  assertEquals([resolved.type, (await ana.receive())!.type].sort(), ["said", "stalled"]);
});

Deno.test("chat-server --nats serves the room of its cluster, and leaves it at the end", async () => {
  const { leases, told, parts } = fakeNats();
  await using server = await RunningServer.start(NATS, { parts });
  const { port } = server.address;
  const output = await server.quit();
  assertEquals(
    output,
    `Escuchando en 127.0.0.1:${port}. Escriba "salir" para terminar.
Para entrar desde este equipo: deno task client --host 127.0.0.1 --port ${port}
Sala aula, guardada en NATS (10.0.0.9:4222), copias: 1.
${END}`,
  );
  assertEquals(told.slice(0, 2), ["10.0.0.9:4222", "aula"]);
  assertEquals(told.at(-1), `127.0.0.1:${port}`);
  assertEquals([server.operator.hasGivenUpFiles, leases.isReleased], [true, true]);
});

Deno.test("chat-server --tls-auto announces its certificate, and warns of its dates", writing, async () => {
  await using folder = new TestFolder();
  const flags = [...NATS, "--tls-auto", "--tls-dir", folder.path];
  const fingerprints = new Set<string>();
  for (const time of ["2026-11-22 12:00:00", "2036-11-01 12:00:00", "2019-11-22 12:00:00"]) {
    const { told, parts } = fakeNats();
    await using server = await RunningServer.start(flags, { clock: new TestClock(time).now, parts });
    const output = await server.quit();
    const [, fingerprint = ""] = /Huella del certificado: (SHA256:\S+)\n/.exec(output) ?? [];
    fingerprints.add(fingerprint);
    assertEquals(told.at(-1), `127.0.0.1:${server.address.port}#${fingerprint}`);
    assertEquals(output.includes(`${folder.path}/server.pem caduca el 2036-11-`), time.startsWith("2036"));
    assertEquals(
      output.includes(`${folder.path}/server.pem no es válido antes del 20`),
      time.startsWith("2019"),
    );
  }
  assertEquals(fingerprints.size, 1);
});

Deno.test(
  "chat-server says when its certificate expires or has expired, and how to get another",
  writing,
  async () => {
    await using folder = new TestFolder();
    const { cert, key } = await datedPair(Date.UTC(2026, 0), Date.UTC(2027, 0));
    const paths = [await folder.file("cert.pem", cert), await folder.file("key.pem", key)];
    const files = ["--tls-cert", paths[0]!, "--tls-key", paths[1]!];
    const own = ["--tls-auto", "--tls-dir", folder.path];
    await folder.file("server.pem", key + cert);
    for (
      const [flags, time, end, advice] of [
        [files, "2026-12-22 12:00:00", "caduca el", "sustitúyalo antes por otro"],
        [files, "2027-12-22 12:00:00", "caducó el", "sustitúyalo por otro"],
        [own, "2026-12-22 12:00:00", "caduca el", "Si borra ese archivo, --tls-auto crea otro"],
        [own, "2027-12-22 12:00:00", "caducó el", "Borre ese archivo"],
      ] as const
    ) {
      await using server = await RunningServer.start(flags, { clock: new TestClock(time).now });
      const warning = (await server.quit()).split("\n").find((line) => line.includes("caduc")) ?? "";
      assertEquals([warning.includes(end), warning.includes(advice)], [true, true], warning);
      assertEquals(warning.includes("--tls-auto"), flags === own);
    }
  },
);

Deno.test("chat-server --nats ends with 0 when it is terminated while NATS starts", async () => {
  await using operator = new FakeUser();
  const parts = { openNatsRoom: () => new Promise<never>(() => {}) };
  const status = operator.run((process) => serve(process, parts), ...NATS);
  operator.terminate();
  assertEquals([await status, operator.output], [0, ""]);
});

Deno.test("chat-server --nats --json ends by a request to quit while NATS starts", async () => {
  await using operator = new FakeUser();
  const parts = { openNatsRoom: () => new Promise<never>(() => {}) };
  operator.type('{"quit":true}\n');
  const flags = ["--json", "--host", "127.0.0.1", "--port", "5000"];
  assertEquals(await operator.run((process) => serve(process, parts), ...flags, ...NATS), 0);
});

Deno.test("chat-server --nats without an address for others asks for --advertise", async () => {
  const { parts } = fakeNats();
  await using operator = new FakeUser();
  operator.type("salir\n");
  const main: typeof serve = (process) => serve(process, parts);
  const flags = ["--host", "0.0.0.0", "--port", `${freeAddress().port}`];
  assertEquals(await operator.run(main, ...flags, ...NATS), 0);
  assertStringIncludes(operator.output, "copias: 1.\nLos demás servidores no conocen la dirección de este");
});

for (const isKept of [true, false]) {
  const consequence = isKept ? "Hasta entonces, NATS lo guarda todo" : "Mientras tanto, NATS puede borrar";
  Deno.test(`chat-server --nats prints that a snapshot is too large: ${consequence}`, async () => {
    const { store, parts } = fakeNats();
    store.maxBytes = 100;
    if (!isKept) store.setUnlimited = () => Promise.reject(new Error("not allowed"));
    await using server = await RunningServer.start(NATS, { parts });
    using ana = await enterAs("ana", server);
    await ana.send(say(1), say(2));
    await server.operator.waitForOutput("max_payload: 1MB");
    assertStringIncludes(server.operator.output, consequence);
  });
}

Deno.test("chat-server --nats ends with an error when the stream of its room is deleted", async () => {
  const { log, leases, parts } = fakeNats();
  await using server = await RunningServer.start(NATS, { parts });
  log.isDeleted = true;
  assertEquals((await assertRejects(() => server.status, NatsError)).code, "nats-stream-gone");
  assert(leases.isReleased);
});

Deno.test("chat-server --nats releases its lease when it cannot listen", async () => {
  const { leases, parts } = fakeNats();
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using operator = new FakeUser();
  const flags = ["--host", LOOPBACK, "--port", `${taken.addr.port}`, ...NATS];
  await assertRejects(() => operator.run((process) => serve(process, parts), ...flags), ListenError);
  assert(leases.isReleased);
});
