// All the ways to leave chat-client, and what it still does for its words.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runClient } from "../lib/chat_client.ts";
import { MAX_OUTBOX_MESSAGES } from "../lib/outbox.ts";
import { FakeServer } from "./peers.ts";
import { Person } from "./person.ts";
import { enterAs, flagsFor, hear, newPerson, outputOf, startServer } from "./piped_client.ts";
import { freeAddress, soon } from "./support.ts";

Deno.test("chat-client at the end of a pipe first makes sure that everything arrived", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
  ana.types(lines.join("\n")); // the last one without an end
  ana.ends();
  const output = await outputOf(ana, ...flagsFor(server.address));
  const expected = lines.map((line) => `ana: ${line}`);
  assertEquals(await hear(beto, 1_002), ["ana joined", ...expected, "ana left"]);
  assertEquals(output.split("\n").flatMap((line) => /\] (ana: .*)/.exec(line)?.[1] ?? []), expected);
  // It had to wait for receipts again and again, each time for moments.
  assertEquals(output.includes("sin confirmar"), false);
});

Deno.test("chat-client --auto with nothing to say tries on until it was in", async () => {
  const { host, port } = freeAddress();
  await using ana = newPerson();
  ana.ends();
  const chatting = ana.runs(runClient, ...flagsFor({ host, port }), "--auto");
  await ana.sees("Se seguirá intentando");
  await using _server = startServer({ port });
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Conectado");
});

Deno.test("chat-client gives up at the end of a pipe that said more than it can keep, where no server is left", async () => {
  await using server = FakeServer.welcoming(async (client) => {
    for (let n = 1; n <= MAX_OUTBOX_MESSAGES; n++) await client.expect("say");
    server.stop();
  });
  await using ana = newPerson();
  const count = MAX_OUTBOX_MESSAGES + 20;
  ana.types(Array.from({ length: count }, (_, index) => `${index}\n`).join(""));
  ana.ends();
  assertEquals(await ana.runs(runClient, ...flagsFor(server.address)), 1);
  assert(ana.output.split("Nuevo servidor").length <= 3, ana.output);
});

Deno.test("chat-client ends where a keyboard ends, at once", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = new Person({ isKeyboard: true });
  const chatting = ana.runs(runClient, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.ends();
  assertEquals(await chatting, 0);
  assertEquals(await hear(beto, 2), ["ana joined", "ana left"]);
});

Deno.test("chat-client waits a moment only for what is unconfirmed where a keyboard ends", async () => {
  await using server = FakeServer.welcoming((client) => client.rest());
  await using ana = new Person({ isKeyboard: true });
  const chatting = ana.runs(runClient, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.types("hola\n");
  ana.ends();
  assertEquals(await chatting, 0);
  assertStringIncludes(ana.output, "Mensajes sin confirmar al salir: 1. Puede que no hayan llegado.\n");
});

Deno.test("chat-client can be left by ending the keyboard at a question", async () => {
  await using ana = new Person({ isKeyboard: true });
  ana.ends();
  assertEquals(await outputOf(ana), "Servidor (IP o nombre) [127.0.0.1]:\n");
});

Deno.test("chat-client leaves when it is told to end", async () => {
  await using server = startServer();
  const beto = await enterAs("beto", server);
  using _ = beto.peer;
  await using ana = newPerson();
  const chatting = ana.runs(runClient, ...flagsFor(server.address));
  await ana.sees("Conectado");
  ana.kills();
  assertEquals(await chatting, 0);
  assertEquals(await hear(beto, 2), ["ana joined", "ana left"]);
});

for (const word of ["salir", "quit", "/quit", " SALIR "]) {
  Deno.test(`chat-client ends by "${word}", in the chat and at every question`, async () => {
    await using server = startServer();
    const { port } = server.address;
    for (const answers of ["", "\n", `\n${port}\n`, `\n${port}\nana\n`]) {
      await using ana = newPerson();
      ana.types(`${answers}${word}\n`);
      const output = await outputOf(ana);
      assertEquals(output.includes("Conectado"), answers.includes("ana"));
    }
  });
}

Deno.test("chat-client can be left where it asks for a new server", async () => {
  await using first = startServer();
  await using ana = newPerson();
  const chatting = ana.runs(runClient, ...flagsFor(first.address));
  await ana.sees("Conectado");
  await first.close();
  await ana.sees("Nuevo servidor");
  ana.types("salir\n");
  assertEquals(await chatting, 0);
});

Deno.test("chat-client --auto ends at once while it waits", async () => {
  const tries = Promise.withResolvers<void>();
  await using server = new FakeServer((_, visit) => Promise.resolve(visit === 3 && tries.resolve()));
  await using ana = newPerson();
  const chatting = ana.runs(runClient, ...flagsFor(server.address), "--auto");
  await soon(tries.promise, "four tries"); // then it waits for long
  ana.kills();
  assertEquals(await chatting, 0);
});
