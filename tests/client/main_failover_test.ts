// Where chat-client goes when servers fail, and what it reports.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeServer, join, makeHello, welcomeTo } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { flagsFor, greeting, loss, newPerson, NOON, outputOf, startServer } from "../testing/piped_client.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";

Deno.test("chat-client at the end of a pipe takes unacked messages to the next server", async () => {
  await using second = startServer();
  const backup = second.address;
  await using first = FakeServer.withWelcome(async (client) => {
    first.stop();
    await client.expect("say");
  }, { backups: [formatAddress(backup)] });
  await using ana = newPerson();
  ana.type("hola\n");
  ana.endInput();
  assertEquals(
    await outputOf(ana, ...flagsFor(first.address)),
    `${greeting(first.address)}${loss(first.address, "el servidor cortó la conexión")}\
[${NOON}] ! Mensajes sin confirmar: 1. Se enviarán al próximo servidor.
Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${backup.port}]:
${greeting(backup)}[${NOON}] ana: hola
`,
  );
});

Deno.test("chat-client ends with status 1 when its pipe has ended and no server is left", async () => {
  await using server = FakeServer.withWelcome(async (client) => {
    server.stop();
    await client.expect("say");
  });
  await using ana = newPerson();
  ana.type("hola\nadiós\n");
  ana.endInput();
  const { port } = server.address;
  assertEquals(await ana.run(runClient, ...flagsFor(server.address)), 1);
  assertEquals(
    ana.output,
    `${greeting(server.address)}${loss(server.address, "el servidor cortó la conexión")}\
[${NOON}] ! Mensajes sin confirmar: 2. Se enviarán al próximo servidor.
Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${port}]:
Nadie escucha en 127.0.0.1:${port}: revise la dirección y el puerto, y que el servidor esté en marcha.
Mensajes sin confirmar al salir: 2. Puede que no hayan llegado.
`,
  );
});

Deno.test("chat-client goes from server to server as they fail, and suggests the next", async () => {
  await using other = startServer();
  await using given = startServer();
  await using announced = startServer();
  const backups = ["no es una dirección", formatAddress(announced.address)];
  await using first = startServer({ backups });
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(first.address), "--backup", formatAddress(given.address));
  await ana.waitForOutput("Conectado");
  ana.type("uno\n");
  await ana.waitForOutput("ana: uno");
  await first.close();
  await ana.waitForOutput("Nuevo servidor");
  ana.type("\n\n");
  await ana.waitForOutput(greeting(announced.address));
  ana.type("dos\n");
  await ana.waitForOutput("ana: dos");
  await announced.close();
  await ana.waitForOutput(loss(announced.address) + "Nuevo servidor");
  ana.type("\n\n");
  await ana.waitForOutput(greeting(given.address));
  ana.type("tres\n");
  await ana.waitForOutput("ana: tres");
  await given.close();
  await ana.waitForOutput(loss(given.address) + "Nuevo servidor");
  // The user names another server than the suggested one.
  ana.type(`${LOOPBACK}\n${other.address.port}\n`);
  await ana.waitForOutput(greeting(other.address));
  ana.type("cuatro\n");
  await ana.waitForOutput("ana: cuatro");
  ana.type("salir\n");
  assertEquals(await chatting, 0);
  assertEquals(
    ana.output,
    `${greeting(first.address)}[${NOON}] ana: uno
${loss(first.address)}Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${announced.address.port}]:
${greeting(announced.address)}[${NOON}] ana: dos
${loss(announced.address)}Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${given.address.port}]:
${greeting(given.address)}[${NOON}] ana: tres
${loss(given.address)}Nuevo servidor (IP o nombre) [127.0.0.1]: 127.0.0.1
Puerto [${first.address.port}]: ${other.address.port}
${greeting(other.address)}[${NOON}] ana: cuatro
`,
  );
  const { peer: eva, history } = await join(other.address, makeHello("eva", { historyCount: 50 }));
  using _ = eva;
  const texts = history.flatMap((entry) => entry.type === "said" ? [entry.text] : []);
  assertEquals(texts, ["uno", "dos", "tres", "cuatro"]);
});

Deno.test("chat-client --auto asks nothing, and announces once that it retries", async () => {
  const nobody = [freeAddress(), freeAddress()];
  await using second = startServer();
  await using first = startServer({ backups: [...nobody, second.address].map(formatAddress) });
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(first.address), "--auto");
  await ana.waitForOutput("Conectado");
  await first.close();
  await ana.waitForOutput(greeting(second.address));
  ana.type("hola\nsalir\n");
  assertEquals(await chatting, 0);
  const why = `Nadie escucha en ${formatAddress(nobody[0]!)}: revise la dirección y el puerto, y que el ` +
    "servidor esté en marcha. Se seguirá intentando.";
  assertStringIncludes(
    ana.output,
    `${loss(first.address)}[${NOON}] ! ${why}\n${greeting(second.address)}`,
  );
});

Deno.test("chat-client reports messages that are sent without a server, before the prompt hides them", async () => {
  await using server = startServer();
  const typing = { idleMs: 60_000 }; // whoever is in the middle of a line is not asked anything
  await using ana = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }), typing });
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("Conectado");
  ana.type("hola");
  await ana.waitForOutput("> hola");
  await server.close();
  await ana.waitForOutput("Se perdió la conexión");
  ana.type("\r");
  await ana.waitForOutput("! Mensajes sin confirmar: 1. Se enviarán al próximo servidor.");
  await ana.waitForOutput("Nuevo servidor");
  ana.type("salir\r");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client redials a server that is alive when its connection breaks, and asks nothing", async () => {
  for (const flags of [["--auto"], []]) {
    await using backup = startServer();
    await using server = new FakeServer(async (client, visit) => {
      const { resumeToken } = await client.expect("hello");
      const backups = [formatAddress(backup.address)];
      await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken), backups }));
      if (visit > 0) await client.receiveAll();
    });
    await using ana = new FakeUser({ clock: new TestClock(NOON).now, isTty: true });
    const chatting = ana.run(runClient, ...flagsFor(server.address), ...flags);
    const welcome = `Conectado a ${formatAddress(server.address)}.`;
    await ana.until((output) => output.split(welcome).length === 3, "two welcomes");
    ana.type("salir\n");
    assertEquals(await chatting, 0);
    assertEquals(ana.output.split("\n").length, 4);
    assertStringIncludes(ana.output, `! Se perdió la conexión con ${formatAddress(server.address)}: `);
  }
});
