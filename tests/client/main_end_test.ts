// How chat-client ends, and what it still does for its unacked messages.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runClient } from "../../lib/client/main.ts";
import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import { FakeServer } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { enterAs, flagsFor, hear, newPerson, outputOf, startServer } from "../testing/piped_client.ts";
import { freeAddress } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";

Deno.test("chat-client at the end of a pipe waits until every message is acked", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
  ana.type(lines.join("\n")); // the last one without an end
  ana.endInput();
  const output = await outputOf(ana, ...flagsFor(server.address));
  const expected = lines.map((line) => `ana: ${line}`);
  assertEquals(await hear(beto, 1_002), ["ana joined", ...expected, "ana left"]);
  assertEquals(output.split("\n").flatMap((line) => /\] (ana: .*)/.exec(line)?.[1] ?? []), expected);
  // It waited for acks many times, each time briefly.
  assertEquals(output.includes("sin confirmar"), false);
});

Deno.test("chat-client --auto with an empty pipe retries until it has joined", async () => {
  const { host, port } = freeAddress();
  await using ana = newPerson();
  ana.endInput();
  const chatting = ana.run(runClient, ...flagsFor({ host, port }), "--auto");
  await ana.waitForOutput("Se seguirá intentando");
  await using _server = startServer({ listen: { port } });
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Conectado");
});

Deno.test("chat-client gives up at the end of a pipe with more messages than its outbox holds, if no server is left", async () => {
  await using server = FakeServer.withWelcome(async (client) => {
    for (let n = 1; n <= MAX_OUTBOX_MESSAGES; n++) await client.expect("say");
    server.stop();
  });
  await using ana = newPerson();
  const count = MAX_OUTBOX_MESSAGES + 20;
  ana.type(Array.from({ length: count }, (_, index) => `${index}\n`).join(""));
  ana.endInput();
  assertEquals(await ana.run(runClient, ...flagsFor(server.address)), 1);
  assert(ana.output.split("Nuevo servidor").length <= 3, ana.output);
});

Deno.test("chat-client ends at once when a terminal's input ends", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = new FakeUser({ isTty: true });
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("Conectado");
  ana.endInput();
  assertEquals(await chatting, 0);
  assertEquals(await hear(beto, 2), ["ana joined", "ana left"]);
});

Deno.test("chat-client waits only briefly for acks when a terminal's input ends", async () => {
  await using server = FakeServer.withWelcome((client) => client.receiveAll());
  await using ana = new FakeUser({ isTty: true });
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("Conectado");
  ana.type("hola\n");
  ana.endInput();
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Mensajes sin confirmar al salir: 1. Puede que no hayan llegado.\n");
});

Deno.test("chat-client ends when a terminal's input ends at a prompt", async () => {
  await using ana = new FakeUser({ isTty: true });
  ana.endInput();
  assertEquals(await outputOf(ana), "Servidor (IP o nombre) [127.0.0.1]:\n");
});

Deno.test("chat-client leaves when it is terminated", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("Conectado");
  ana.terminate();
  assertEquals(await chatting, 0);
  assertEquals(await hear(beto, 2), ["ana joined", "ana left"]);
});

for (const word of ["salir", "quit", "/quit", " SALIR "]) {
  Deno.test(`chat-client ends by "${word}", in the chat and at every prompt`, async () => {
    await using server = startServer();
    const { port } = server.address;
    for (const answers of ["", "\n", `\n${port}\n`, `\n${port}\nana\n`]) {
      await using ana = newPerson();
      ana.type(`${answers}${word}\n`);
      const output = await outputOf(ana);
      assertEquals(output.includes("Conectado"), answers.includes("ana"));
    }
  });
}

Deno.test("chat-client can be left at the prompt for a new server", async () => {
  await using first = startServer();
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(first.address));
  await ana.waitForOutput("Conectado");
  await first.close();
  await ana.waitForOutput("Nuevo servidor");
  ana.type("salir\n");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client --auto ends at once while it waits", async () => {
  const tries = Promise.withResolvers<void>();
  await using server = new FakeServer((_, visit) => Promise.resolve(visit === 3 && tries.resolve()));
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(server.address), "--auto");
  await withTimeout(tries.promise, "four tries"); // then it waits for long
  ana.terminate();
  assertEquals(await chatting, 0);
});
