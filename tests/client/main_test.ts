// chat-client on a pipe: what it shows of the room and its members.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeServer, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import {
  enterAs,
  flagsFor,
  greeting,
  hear,
  newPerson,
  NOON,
  outputOf,
  startServer,
} from "../testing/piped_client.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";

Deno.test("chat-client asks for server, port and nick, and shows events line by line", async () => {
  const clock = new TestClock("2026-11-22 13:45:07");
  await using server = startServer({ clock: clock.now });
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const chatting = ana.run(runClient);
  ana.type(`\n${server.address.port}\nana\n`);
  await ana.waitForOutput("Conectado");
  clock.set("2026-11-22 13:45:10");
  ana.type("hola\n");
  await ana.waitForOutput("ana: hola");
  clock.set("2026-11-22 13:45:12");
  await beto.peer.send({ type: "say", clientSeq: 1, timeMs: 0, text: "¿qué tal?" });
  await ana.waitForOutput("beto: ");
  const { peer: eva } = await enterAs("eva", server);
  await ana.waitForOutput("eva ");
  await eva.send({ type: "bye" });
  await eva.receiveAll();
  eva[Symbol.dispose]();
  await ana.waitForOutput("eva (127.0.0.1) se ha desconectado");
  ana.type("salir\n");
  assertEquals(await chatting, 0);
  assertEquals(
    ana.output,
    `Servidor (IP o nombre) [127.0.0.1]:
Puerto [5000]: ${server.address.port}
Nick: ana
${greeting(server.address, "beto, ana")}[2026-11-22 13:45:10] ana: hola
[2026-11-22 13:45:12] beto: ¿qué tal?
[2026-11-22 13:45:12] * eva (127.0.0.1) se ha conectado
[2026-11-22 13:45:12] * eva (127.0.0.1) se ha desconectado
`,
  );
  assertEquals(await hear(beto, 6), [
    "ana joined",
    "ana: hola",
    "beto: ¿qué tal?",
    "eva joined",
    "eva left",
    "ana left",
  ]);
});

Deno.test("chat-client does the same with a pipe that holds all input from the start", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  ana.type(`${LOOPBACK}\n${server.address.port}\nana\nhola\nsalir\nnunca\n`);
  ana.endInput();
  assertEquals(
    await outputOf(ana),
    `Servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}
Puerto [5000]: ${server.address.port}
Nick: ana
${greeting(server.address, "beto, ana")}[${NOON}] ana: hola
`,
  );
  assertEquals(await hear(beto, 3), ["ana joined", "ana: hola", "ana left"]);
});

Deno.test("chat-client shows history, redelivered messages, and the number of truncated entries", async () => {
  await using server = new FakeServer(async (client, visit) => {
    const sessionId = sessionIdOf((await client.expect("hello")).resumeToken);
    if (visit === 0) {
      await client.send(welcomeTo("ana", { sessionId, startSeq: 0, head: 2 }));
      const timeMs = new Date("2026-11-22 11:00:00").getTime();
      await client.send(makeSaid("beto", { seq: 0, clientSeq: 1, text: "antes", timeMs }));
      await client.send(
        makeSaid("eva", { seq: 1, clientSeq: 1, text: "también", timeMs, redelivered: true }),
      );
      await client.send(makeSaid("beto", { seq: 2, clientSeq: 2, text: "ahora", timeMs: timeMs + 1_000 }));
      await client.send(
        makeSaid("eva", { seq: 3, clientSeq: 2, text: "otra vez", timeMs, redelivered: true }),
      );
      return;
    }
    await client.send(welcomeTo("ana", { sessionId, startSeq: 10, head: 10 }));
    await client.receiveAll();
  });
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("Nuevo servidor");
  ana.type("\n\n");
  await ana.waitForOutput("Líneas que faltan: 6. El servidor ya no las guarda.");
  ana.terminate();
  assertEquals(await chatting, 0);
  assertStringIncludes(
    ana.output,
    `${greeting(server.address)}[2026-11-22 11:00:00] ~ beto: antes
[2026-11-22 11:00:00] ~ eva: también
[2026-11-22 11:00:01] beto: ahora
[2026-11-22 11:00:00] + eva: otra vez
`,
  );
});

Deno.test("chat-client --history sets how many messages of history it requests", async () => {
  const wanted: number[] = [];
  await using server = new FakeServer(async (client) => {
    wanted.push((await client.expect("hello")).historyCount);
  });
  for (const args of [[], ["--history", "0"], ["--history=1000"]]) {
    await using ana = newPerson();
    ana.type("salir\n");
    await outputOf(ana, ...flagsFor(server.address), ...args);
  }
  assertEquals(wanted, [50, 0, 1_000]);
});

Deno.test("chat-client shows only printable text of a peer", async () => {
  const [dirty, clean] = ["a\x1b[2J\n\u202eb", "a␛[2J␊�b"];
  const who = { sessionId: 5n, nick: dirty, address: dirty, sinceMs: 0 };
  const listed = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(async (client) => {
    await client.send(makeSaid(dirty, { seq: 0, clientSeq: 1, text: dirty }));
    await client.send({ type: "joined", seq: 1, timeMs: 0, rejoined: false, ...who });
    await listed.promise;
    await client.send({ type: "error", code: dirty, reason: dirty });
  }, { members: [who], nick: dirty });
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("se ha conectado");
  ana.type("/who\n");
  await ana.waitForOutput("desde");
  listed.resolve();
  await ana.waitForOutput("Nuevo servidor");
  ana.terminate();
  assertEquals(await chatting, 0);
  const stamp = /(?<=^\[).{19}(?=\])|(?<=desde ).{19}$/gm;
  assertEquals(ana.output.replaceAll(stamp, "").split("\n").slice(0, 7), [
    greeting(server.address, "?").trimEnd(),
    `[] ?: ${clean}`,
    `[] * ? (${clean}) se ha conectado`,
    "! En línea: 1.",
    `  ? (${clean}), desde `,
    "--- domingo, 22 de noviembre de 2026 ---",
    `[] ! Se perdió la conexión con ${formatAddress(server.address)}: ${clean} (${clean})`,
  ]);
});

Deno.test("chat-client runs commands that no other member sees", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  ana.type(["/who", "/nada", "//quien", "  ", "x".repeat(2_001), "/help", "salir", ""].join("\n"));
  const output = await outputOf(ana, ...flagsFor(server.address));
  assertEquals(await hear(beto, 3), ["ana joined", "ana: /quien", "ana left"]);
  assertStringIncludes(
    output,
    `! En línea: 2.
  beto (127.0.0.1), desde ${NOON}
  ana (127.0.0.1), desde ${NOON}
! No existe la orden "/nada". Escriba /help para ver las que hay.
`,
  );
  assertStringIncludes(
    output,
    "! El mensaje tiene 2001 caracteres y el límite es 2000: no se ha enviado.\n! Órdenes:\n  /help, /ayuda              mostrar esta ayuda\n",
  );
});

Deno.test("chat-client /help fits a narrow screen", async () => {
  await using server = startServer();
  await using ana = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 40 }) });
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("Conectado");
  ana.type("/help\r");
  await ana.waitForOutput("! Órdenes:\n  /help, /ayuda\n    mostrar esta ayuda\n");
  ana.type("exit\r");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client /who follows joins and leaves on the current server", async () => {
  await using second = startServer();
  await using first = startServer({ backups: [formatAddress(second.address)] });
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(first.address), "--auto");
  await ana.waitForOutput("Conectado");
  const [{ peer: beto }, { peer: eva }] = [await enterAs("beto", first), await enterAs("eva", first)];
  using _ = eva;
  await beto.send({ type: "bye" });
  await beto.receiveAll();
  beto[Symbol.dispose]();
  await ana.waitForOutput("desconectado");
  ana.type("/who\n");
  await ana.waitForOutput("eva (127.0.0.1), desde");
  eva[Symbol.dispose]();
  await first.close();
  await ana.waitForOutput(greeting(second.address));
  ana.type("/who\nsalir\n");
  assertEquals(await chatting, 0);
  assertEquals(ana.output.match(/^ {2}\w+(?= \(127\.0\.0\.1\), desde)/gm), ["  ana", "  eva", "  ana"]);
});

Deno.test("chat-client /who says that it does not know the members yet", async () => {
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(freeAddress()), "--auto");
  await ana.waitForOutput("Se seguirá intentando");
  ana.type("/who\nsalir\n");
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Sin conexión: aún no se sabe quién está en línea.\n");
});

Deno.test("chat-client /who says since when its list is stale", async () => {
  await using first = startServer();
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(first.address), "--auto");
  await ana.waitForOutput("Conectado");
  await first.close();
  await ana.waitForOutput("Se perdió");
  ana.type("/who\nsalir\n");
  assertEquals(await chatting, 0);
  const since = `Sin conexión desde ${NOON}. Quién estaba entonces en línea:\n`;
  assertStringIncludes(ana.output, `${since}  ana (127.0.0.1), desde ${NOON}\n`);
});

Deno.test("chat-client counts the members that WELCOME left out", async () => {
  await using server = FakeServer.withWelcome((client) => client.receiveAll(), { memberCount: 5_000 });
  await using ana = newPerson();
  ana.type("salir\n");
  assertStringIncludes(await outputOf(ana, ...flagsFor(server.address)), "En línea: ana y 4999 más.");
});

Deno.test("chat-client reads no further input while 256 messages are unacked", async () => {
  const confirm = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    const sessionId = sessionIdOf((await client.expect("hello")).resumeToken);
    await client.send(welcomeTo("ana", { sessionId }));
    for (let n = 1; n <= 256; n++) assertEquals((await client.expect("say")).clientSeq, n);
    await confirm.promise;
    await client.send({ type: "ping", head: 0 });
    await client.expect("pong"); // and nothing before it
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 256, text: "256", sessionId }));
    assertEquals((await client.expect("say")).clientSeq, 257);
    await client.send(makeSaid("ana", { seq: 1, clientSeq: 257, text: "257", sessionId }));
    await client.receiveAll();
  });
  await using ana = newPerson();
  ana.type(Array.from({ length: 257 }, (_, index) => `${index + 1}\n`).join(""));
  ana.endInput();
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput(`[${NOON}] ! Mensajes sin confirmar: 256. Se espera antes de leer más.\n`);
  confirm.resolve();
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "ana: 257\n");
});
