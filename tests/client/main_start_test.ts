// Flags and prompts of chat-client at its start, and errors in either.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { InputError } from "../../lib/errors.ts";
import { FakeServer, makeToken } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import {
  enterAs,
  flagsFor,
  greeting,
  newPerson,
  NOON,
  outputOf,
  startServer,
} from "../testing/piped_client.ts";
import { freeAddress, UNKNOWN_NAME } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";

Deno.test("chat-client asks again only for invalid input, and says why", async () => {
  await using server = startServer();
  using _ = (await enterAs("beto", server)).peer;
  await using stranger = new FakeServer(() => Promise.resolve());
  const { port } = server.address;
  const [nobody, other] = [freeAddress(), stranger.address];
  await using ana = newPerson();
  ana.type([
    ...["a b", UNKNOWN_NAME, "0", nobody.port, "a b", "ana"],
    "127.0.0.1",
    ...["", other.port],
    ...["127.0.0.1", port],
    "salir",
    "",
  ].join("\n"));
  assertEquals(
    await outputOf(ana),
    `Servidor (IP o nombre) [127.0.0.1]: a b
"a b" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".
Servidor (IP o nombre) [127.0.0.1]: ${UNKNOWN_NAME}
Puerto [5000]: 0
El puerto "0" no vale: debe ser un número de 1 a 65535.
Puerto [5000]: ${nobody.port}
Nick: a b
El nick "a b" no vale: de 1 a 20 letras, cifras, "_" o "-", sin espacios.
Nick: ana
No se encuentra "${UNKNOWN_NAME}": revise el nombre o escriba la IP.
Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1
Nadie escucha en 127.0.0.1:${nobody.port}: revise la dirección y el puerto, y que el servidor esté en marcha.
Servidor (IP o nombre) [127.0.0.1]:
Puerto [${nobody.port}]: ${other.port}
Lo que hay en 127.0.0.1:${other.port} no es un servidor de este chat: revise la dirección y el puerto.
Servidor (IP o nombre) [127.0.0.1]: 127.0.0.1
Puerto [${other.port}]: ${port}
${greeting(server.address, "beto, ana")}`,
  );
});

Deno.test("chat-client asks for another nick alone if the server rejects it", async () => {
  await using server = startServer();
  using _ = (await enterAs("Ana", server)).peer;
  await using ana = newPerson();
  ana.type("ana2\nsalir\n");
  assertEquals(
    await outputOf(ana, ...flagsFor(server.address)),
    `No se pudo entrar en ${formatAddress(server.address)}: el nick "ana" ya está en uso.
Nick: ana2
${greeting(server.address, "Ana, ana2")}`,
  );
});

Deno.test("chat-client takes the port from the address, and does not ask for what flags gave", async () => {
  await using server = startServer();
  const address = formatAddress(server.address);
  await using ana = newPerson();
  ana.type(`${address}\nana\nsalir\n`);
  assertEquals(
    await outputOf(ana),
    `Servidor (IP o nombre) [127.0.0.1]: ${address}\nNick: ana\n${greeting(server.address)}`,
  );
  await using beto = newPerson();
  beto.type("beto\nsalir\n");
  assertEquals(
    await outputOf(beto, "--host", address),
    `Nick: beto\n${greeting(server.address, "beto")}`,
  );
});

Deno.test("chat-client makes a new resume token at each start", async () => {
  const tokens: Uint8Array[] = [];
  await using server = new FakeServer(async (client) => {
    tokens.push((await client.expect("hello")).resumeToken);
  });
  for (let i = 0; i < 2; i++) {
    await using ana = newPerson();
    ana.type("salir\n");
    await outputOf(ana, ...flagsFor(server.address));
  }
  assertEquals(new Set([...tokens, makeToken("")].map(String)).size, 3);
});

Deno.test("chat-client speaks English", async () => {
  await using server = startServer();
  const { port } = server.address;
  await using ana = new FakeUser({ language: "en", clock: new TestClock(NOON).now });
  const chatting = ana.run(runClient);
  ana.type(`\n${port}\nana\n`);
  await ana.waitForOutput("Connected");
  await server.close();
  await ana.waitForOutput("New server");
  ana.type("quit\n");
  assertEquals(await chatting, 0);
  assertEquals(
    ana.output,
    `Server (IP or name) [127.0.0.1]:
Port [5000]: ${port}
Nick: ana
Connected to 127.0.0.1:${port}. Online: ana. Type "quit" to end.
[${NOON}] ! The connection to 127.0.0.1:${port} was lost: the server has closed
New server (IP or name) [127.0.0.1]: quit
`,
  );
});

const WRONG_FLAGS: [string, string[]][] = [
  ["port-invalid", ["--port", "0"]],
  ["address-invalid", ["--host", "a b"]],
  ["port-invalid", ["--host", "aula:0"]],
  ["nick-invalid", ["--nick", "a b"]],
  ["address-invalid", ["--backup", "a b"]],
  ["flag-value-invalid", ["--history", "1001"]],
  ["flag-value-missing", ["--nick"]],
  ["flag-unknown", ["--hots", "aula"]],
  ["argument-unexpected", ["aula"]],
];

for (const [code, args] of WRONG_FLAGS) {
  Deno.test(`chat-client refuses ${args.join(" ")}: ${code}`, async () => {
    await using ana = newPerson();
    assertEquals((await assertRejects(() => ana.run(runClient, ...args), InputError)).code, code);
    assertEquals(ana.output, "");
  });
}

Deno.test("chat-client fails if the input ends before the nick", async () => {
  await using ana = newPerson();
  ana.endInput();
  const { code, details } = await assertRejects(() => ana.run(runClient), InputError);
  assertEquals<unknown>([code, details], ["input-ended", { question: "Nick" }]);
});

Deno.test("chat-client --help shows every flag and command, --version the version", async () => {
  await using ana = new FakeUser({ language: "en" });
  const help = await outputOf(ana, "--help");
  const names = [
    "--host HOST",
    "--port N",
    "--nick NICK",
    "--backup HOST:N",
    "--auto",
    "--history N",
    "/who, /quien",
  ];
  for (const name of names) assertStringIncludes(help, `  ${name} `);
  assertStringIncludes(help, "\n\nCommands:\n  /help");
  await using other = newPerson();
  assert(/^chat-client \d+\.\d+\.\d+ \(.+\)\n$/.test(await outputOf(other, "--version")));
  await using shell = newPerson();
  assertStringIncludes(
    await outputOf(shell, "--completions", "bash"),
    "complete -F _chat_client chat-client\n",
  );
});

Deno.test("chat-client shows only printable text of the server's reason", async () => {
  await using server = new FakeServer(async (client) => {
    await client.expect("hello");
    await client.send({ type: "error", code: "\x9b2J", reason: "\x1b]0;title\x07\r\n[root] !" });
  });
  await using ana = newPerson();
  const chatting = ana.run(runClient, ...flagsFor(server.address));
  await ana.waitForOutput("No se pudo entrar en");
  ana.terminate();
  assertEquals(await chatting, 0);
  // deno-lint-ignore no-control-regex -- these characters must not be there
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(ana.output), false);
  assertStringIncludes(ana.output, "␛]0;title␇␍␊[root] !");
});
