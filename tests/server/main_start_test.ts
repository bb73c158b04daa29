// What chat-server asks and is told by flags, and what it says of what is wrong with either.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InputError, ListenError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/main.ts";
import { enterAs } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { END, flagsFor, listening, MENU, outputOf, TWO_ADDRESSES } from "../testing/piped_server.ts";
import { freeAddress, LOOPBACK, UNKNOWN_NAME } from "../testing/addresses.ts";

Deno.test("chat-server with all it needs from flags asks nothing and runs without a console", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
  admin.endInput();
  const serving = admin.run(serve, ...flagsFor(port), "--backup", "10.0.0.7", "--backup", "[::1]:5002");
  await admin.waitForOutput("Escuchando");
  const { peer: ana, welcome } = await enterAs("ana", { address: { host: LOOPBACK, port } });
  using _ = ana;
  assertEquals(welcome.backups, ["10.0.0.7:5000", "[::1]:5002"]);
  await admin.waitForOutput("ana (127.0.0.1) se ha conectado");
  admin.terminate();
  assertEquals((await ana.receiveAll()).map(({ type }) => type), ["bye"]);
  ana[Symbol.dispose]();
  assertEquals(await serving, 0);
});

Deno.test("chat-server listens on all addresses where there is no choice", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES.slice(0, 1) });
  admin.type(`${port}\nsalir\n`);
  assertEquals(await outputOf(admin), `Puerto [5000]: ${port}\n${listening(port, "0.0.0.0")}${END}`);
});

Deno.test("chat-server takes an empty answer for what it offered", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
  admin.type("\nsalir\n");
  assertEquals(
    await outputOf(admin, "--port", String(port)),
    `${MENU}Elija [1]:\n${listening(port, "0.0.0.0")}${END}`,
  );
});

Deno.test("chat-server asks again only for what was wrong, and says why", async () => {
  const { port } = freeAddress();
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
  admin.type(`x\n70000\n${taken.addr.port}\n9\n2\n${port}\nsalir\n`);
  assertEquals(
    await outputOf(admin),
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
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
  admin.type(`3\n${LOOPBACK}\nsalir\n`);
  assertEquals(
    await outputOf(admin, "--port", String(port)),
    `${MENU}Elija [1]: 3
203.0.113.1 no es una dirección de esta máquina.
${MENU}Elija [1]: 127.0.0.1
${listening(port)}${END}`,
  );
});

for (const answers of ["salir\n", "\nquit\n", "5000\nsalir\n"]) {
  Deno.test(`chat-server can be left by answering ${JSON.stringify(answers)}`, async () => {
    await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
    admin.type(answers);
    assertEquals((await outputOf(admin)).includes("Escuchando"), false);
  });
}

Deno.test("chat-server ends at a question when it is told to", async () => {
  await using admin = new FakeUser();
  const serving = admin.run(serve);
  await admin.waitForOutput("Puerto");
  admin.terminate();
  assertEquals(await serving, 0);
});

Deno.test("chat-server takes what is offered where a pipe ends", async () => {
  const { port } = freeAddress();
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
  admin.endInput();
  const serving = admin.run(serve, "--port", String(port));
  await admin.waitForOutput("Escuchando");
  admin.terminate();
  assertEquals(await serving, 0);
  assertEquals(admin.output, `${MENU}Elija [1]:\n${listening(port, "0.0.0.0")}${END}`);
});

Deno.test("chat-server does not go on where a pipe ends after what could not be had", async () => {
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES });
  admin.type(`${taken.addr.port}\n2\n`);
  admin.endInput();
  const { code, details } = await assertRejects(() => admin.run(serve), InputError);
  assertEquals<unknown>([code, details], ["input-ended", { question: "Puerto" }]);
  assertStringIncludes(
    admin.output,
    `El puerto ${taken.addr.port} ya está en uso en 127.0.0.1: elija otro.\n`,
  );
});

Deno.test("chat-server can be left by ending the keyboard at a question", async () => {
  await using admin = new FakeUser({ localAddresses: TWO_ADDRESSES, isTty: true });
  admin.endInput();
  assertEquals(await outputOf(admin), "Puerto [5000]:\n");
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
    await using admin = new FakeUser();
    assertEquals((await assertRejects(() => admin.run(serve, ...args), InputError)).code, code);
    assertEquals(admin.output, "");
  });
}

const REFUSED_FLAGS = [
  ["address-not-local", "203.0.113.1"],
  ["address-not-local", UNKNOWN_NAME],
];

for (const [code, host] of REFUSED_FLAGS) {
  Deno.test(`chat-server does not ask about what a flag gave: ${code}, ${host!.slice(-12)}`, async () => {
    await using admin = new FakeUser();
    const serving = () => admin.run(serve, "--host", host!, "--port", "5000");
    assertEquals((await assertRejects(serving, ListenError)).code, code);
    assertEquals(admin.output, "");
  });
}

Deno.test("chat-server does not ask for another port than the one of its flag", async () => {
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  await using admin = new FakeUser();
  const serving = () => admin.run(serve, ...flagsFor(taken.addr.port));
  assertEquals((await assertRejects(serving, ListenError)).code, "port-in-use");
  assertEquals(admin.output, "");
});

Deno.test("chat-server --help shows every flag, --version the version", async () => {
  await using admin = new FakeUser({ language: "en" });
  const help = await outputOf(admin, "--help");
  for (
    const flag of ["--port N", "--host IP", "--backup HOST:N", "--grace S", "--lang es|en", "-h, --help"]
  ) {
    assertStringIncludes(help, `  ${flag} `);
  }
  await using other = new FakeUser();
  assertEquals(/^chat-server \d+\.\d+\.\d+ \(.+\)\n$/.test(await outputOf(other, "--version")), true);
  await using shell = new FakeUser();
  assertStringIncludes(await outputOf(shell, "--completions", "zsh"), "#compdef chat-server\n");
});
