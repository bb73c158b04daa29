// chat-server and chat-client with pipes instead of terminals: what they show, line by line, through conversations and
// the failure of a server.

import { assertEquals } from "@std/assert";
import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import { freePort, localAddresses, LOOPBACK } from "../testing/addresses.ts";
import { joining, listening, PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { connected, JOINED, LEFT, numbers, presence, textsOf, TIME } from "./expected_lines.ts";

Deno.test("chat-server listens on every address that it offers", async () => {
  for (const index of localAddresses().keys()) {
    await using server = new PipedProgram("server", "--port", `${freePort()}`, "--no-announce");
    await server.type(`${index + 2}`);
    await server.waitForOutput("Escuchando en ");
  }
});

Deno.test("chat-server and chat-client show who joins, talks and leaves", async () => {
  const port = freePort();
  await using server = await startServer(port);
  await using ana = await startClient("ana", port);
  await using beto = await startClient("beto", port);
  await ana.waitForOutput("beto");
  await ana.type("hola, beto");
  await beto.waitForOutput("ana: hola, beto");
  await beto.type("¿qué tal, 漢字 👩‍👩‍👧?", "\x1b[2J no borra nada", "/nada", "x".repeat(2_001), "salir");
  await beto.expectExit(0);
  await ana.waitForOutput("beto (127.0.0.1) se ha desconectado");
  await ana.type("/quien", "//salir no es salir", "QUIT");
  await ana.expectExit(0);
  await server.waitForOutput("ana (127.0.0.1) se ha desconectado");
  const conversation = [
    `${TIME} ana: hola, beto`,
    `${TIME} beto: ¿qué tal, 漢字 👩‍👩‍👧?`,
    `${TIME} beto: ␛[2J no borra nada`,
  ];
  assertEquals(server.lines, [
    listening(port),
    joining(port),
    presence("ana", JOINED),
    presence("beto", JOINED),
    ...conversation,
    presence("beto", LEFT),
    `${TIME} ana: /salir no es salir`,
    presence("ana", LEFT),
  ]);
  assertEquals(ana.lines, [
    connected(port, "ana"),
    presence("beto", JOINED),
    ...conversation,
    presence("beto", LEFT),
    "! En línea: 1.",
    `  ana (127.0.0.1), desde ${TIME.slice(1, -1)}`,
    `${TIME} ana: /salir no es salir`,
  ]);
  const answers = [
    '! El comando "/nada" no existe. Vea la lista con /ayuda.',
    "! No se envió: el mensaje tiene 2001 caracteres; acórtelo a 2000.",
  ];
  // The client's own answers come at once, messages through the server.
  assertEquals(beto.lines.filter((line) => !answers.includes(line)), [
    connected(port, "ana", "beto"),
    ...conversation,
  ]);
  assertEquals(beto.lines.filter((line) => answers.includes(line)), answers);
});

Deno.test("chat-client --auto loses none of 2,000 messages when its server is killed amid them", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  await using beto = await startClient("beto", first, "--auto");
  const texts = numbers(2_000);
  await beto.type(...texts.slice(0, 300));
  await ana.waitForOutput("beto: 300\n");
  // No more than an outbox keeps: ana may read none of them from the server that dies.
  const typing = beto.type(...texts.slice(300, 300 + MAX_OUTBOX_MESSAGES));
  await ana.waitForOutput("beto: 320\n");
  one.sendSignal("SIGKILL");
  await typing;
  await beto.type(...texts.slice(300 + MAX_OUTBOX_MESSAGES));
  await beto.closeStdin();
  await beto.expectExit(0);
  await two.waitForOutput("beto (127.0.0.1) se ha desconectado");
  await ana.waitForOutput("beto: 2000\n"); // she may join after he has left
  assertEquals(textsOf("beto", ana.lines), texts);
});
