// chat-client at a pipe: how it starts, what it shows of the room, and how it ends.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import { InputError } from "../../lib/errors.ts";
import { delay, systemClock } from "../../lib/base/time.ts";
import { freeAddress } from "../testing/addresses.ts";
import {
  ClientUser,
  lossLine,
  NOON,
  readLines,
  startServerAtNoon,
  welcomeLine,
} from "../testing/client_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { enterAs, FakeServer, makeSaid, makeToken } from "../testing/raw_peer.ts";
import { CTRL_C, CTRL_D, pasted } from "../testing/terminal_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

Deno.test("chat-client asks for server, port and nick, and shows events line by line", async () => {
  const clock = new TestClock("2026-11-22 13:45:07");
  await using server = startServerAtNoon({ clock: clock.now });
  using beto = await enterAs("beto", server);
  await using ana = new ClientUser();
  ana.start();
  ana.type(`\n${server.address.port}\nana\n`);
  await ana.waitForOutput("Conectado");
  assert(ana.hasGivenUpFiles);
  clock.set("2026-11-22 13:45:10");
  ana.type("hola\n");
  await ana.waitForOutput("ana: hola");
  await beto.send({ type: "say", clientSeq: 1, timeMs: 0, text: "¿qué tal?" });
  await ana.waitForOutput("beto: ");
  {
    using eva = await enterAs("eva", server);
    await ana.waitForOutput("eva ");
    await eva.send({ type: "bye" });
    await eva.receiveAll();
  }
  await ana.waitForOutput("eva (127.0.0.1) se ha desconectado");
  assertEquals(
    await ana.quit(),
    `Servidor (IP o nombre) [127.0.0.1]:
Puerto [5000]: ${server.address.port}
Nick: ana
${welcomeLine(server.address, "beto, ana")}[2026-11-22 13:45:10] ana: hola
[2026-11-22 13:45:10] beto: ¿qué tal?
[2026-11-22 13:45:10] * eva (127.0.0.1) se ha conectado
[2026-11-22 13:45:10] * eva (127.0.0.1) se ha desconectado
`,
  );
  const events = ["ana joined", "ana: hola", "beto: ¿qué tal?", "eva joined", "eva left", "ana left"];
  assertEquals(await readLines(beto, 6), events);
});

Deno.test("chat-client says nothing of a dial below the welcome", async () => {
  await using server = startServerAtNoon();
  await using ana = new ClientUser({ isTty: true, tty: new FakeScreen({ columns: 80 }) });
  const written = Promise.withResolvers<void>();
  ana.dial(server.address);
  await ana.until((output) => {
    const isJoined = output.includes("Conectado a");
    if (isJoined) ana.blocked ??= written.promise;
    return isJoined;
  }, "the welcome");
  await delay(1_000); // as long as a dial that a user is told of
  written.resolve();
  const output = await ana.quit();
  assertEquals(output.slice(output.indexOf("Conectado a")).includes("Conectando"), false);
});

Deno.test("chat-client throws if its input ends before the nick", async () => {
  await using ana = new ClientUser();
  ana.endInput();
  assertEquals((await assertRejects(() => ana.run(runClient), InputError)).code, "input-ended");
});

Deno.test("chat-client ends a pipe whose nick is not allowed or taken: no message becomes a nick", async () => {
  await using server = startServerAtNoon();
  using _ana = await enterAs("ana", server);
  const asked = `Servidor (IP o nombre) [127.0.0.1]:\nPuerto [5000]: ${server.address.port}\nNick: `;
  for (
    const [nick, why] of [
      [
        "dos palabras",
        'El nick "dos palabras" no es válido: use solo letras, números, "_" y "-" (hasta 20).',
      ],
      ["ana", `No se pudo entrar en ${formatAddress(server.address)}: el nick "ana" ya está en uso.`],
    ]
  ) {
    await using user = new ClientUser();
    user.start();
    user.type(`\n${server.address.port}\n${nick}\nhola\n`);
    const unsent = "Líneas de la entrada leídas pero no enviadas: 1.";
    assertEquals(await user.ended(1), `${asked}${nick}\n${why}\n${unsent}\n`);
  }
  assertEquals([...server.members].map(({ nick }) => nick), ["ana"]);
});

Deno.test("chat-client --auto counts the lines of a pipe that never joined as not sent", async () => {
  await using server = startServerAtNoon();
  using _ana = await enterAs("ana", server);
  await using user = new ClientUser();
  user.type("uno\ndos\n");
  user.dial(server.address, "--auto");
  const output = await user.ended(1);
  assertEquals(output.split("\n").slice(1), ["Líneas de la entrada leídas pero no enviadas: 2.", ""]);
});

Deno.test("chat-client ends a pipe whose first server flags name and cannot be reached", async () => {
  const { host, port } = freeAddress();
  await using user = new ClientUser();
  user.type("hola\nadiós\n");
  user.start("--host", host, "--port", `${port}`, "--nick", "ana");
  const output = await user.ended(1);
  assertMatch(output, /^Ningún servidor .*\nLíneas de la entrada leídas pero no enviadas: 2\.\n$/);
});

Deno.test("chat-client makes a new resume token at each start", async () => {
  const tokens: Uint8Array[] = [];
  await using server = new FakeServer(async (client) => {
    tokens.push((await client.expect("hello")).resumeToken);
  });
  for (let i = 0; i < 2; i++) {
    await using ana = new ClientUser();
    ana.dial(server.address);
    await ana.ended(1);
  }
  assertEquals(new Set([...tokens, makeToken("")].map(String)).size, 3);
});

Deno.test("chat-client --help shows flags and commands", async () => {
  await using ana = new ClientUser({ language: "en" });
  ana.start("--help");
  assertMatch(await ana.ended(), /--history N [^]*\n\nCommands:\n *\/help/);
});

Deno.test("chat-client shows only printable text of a server's ERROR and members", async () => {
  const [dirty, clean] = ["a\x1b[2J\n\u202eb", "a␛[2J␊�b"];
  const members = [{ sessionId: 5n, nick: dirty, address: dirty, sinceMs: 0 }];
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await client.send({ type: "error", code: dirty, reason: dirty });
  }, { members });
  await using ana = await ClientUser.on(server);
  ana.type("/who\nhola\n");
  await ana.waitForOutput("Nuevo servidor");
  ana.type("salir\n");
  const output = await ana.ended(1); // "hola" was not confirmed
  assertStringIncludes(output, welcomeLine(server.address, "?"));
  assertStringIncludes(output, `\n  ? (${clean}), desde `);
  assertStringIncludes(output, lossLine(server.address, `${clean} (${clean})`));
});

Deno.test("chat-client reports truncated entries, and a stall and its end", async () => {
  await using server = FakeServer.withWelcome(async (client, { index }) => {
    if (index === 0) return await client.send({ type: "bye" });
    await client.send({ type: "stalled", resolved: false }, { type: "stalled", resolved: true });
    await client.receiveAll();
  }, (_, visit) => ({ startSeq: visit * 6, head: visit * 6 }));
  await using ana = new ClientUser();
  ana.dial(server.address, "--auto");
  await ana.waitForOutput("ya puede guardar mensajes.\n");
  assertStringIncludes(
    await ana.quit(),
    `[${NOON}] ! Líneas que faltan: 6. El servidor ya no las guarda.
[${NOON}] ! El servidor no puede guardar mensajes ahora; los de usted se enviarán cuando sea posible.
[${NOON}] ! El servidor ya puede guardar mensajes.
`,
  );
});

Deno.test("chat-client /who follows joins and leaves on the current server", async () => {
  await using second = startServerAtNoon();
  await using first = startServerAtNoon({ backups: [formatAddress(second.address)] });
  await using ana = await ClientUser.on(first, { flags: ["--auto"] });
  using beto = await enterAs("beto", first);
  using eva = await enterAs("eva", first);
  await beto.send({ type: "bye" });
  await beto.receiveAll();
  await ana.waitForOutput("desconectado");
  ana.type("/who\n");
  await ana.waitForOutput("eva (127.0.0.1), desde");
  eva[Symbol.dispose]();
  await first.close();
  await ana.waitForOutput(welcomeLine(second.address));
  ana.type("/who\n");
  const output = await ana.quit();
  assertEquals(output.match(/^ {2}\w+(?= \(127\.0\.0\.1\), desde)/gm), ["  ana", "  eva", "  ana"]);
});

for (
  const [where, options, end, told, status] of [
    ["a pipe", {}, "\n", "Mensajes sin confirmar al salir: 1.", 1],
    ["lines", { isTty: true }, "\n", "Mensajes sin confirmar al salir: 1.", 0],
    [
      "a screen",
      { isTty: true, tty: new FakeScreen({ columns: 200 }) },
      "\r",
      'Borrador sin enviar: "adiós a todos"',
      0,
    ],
  ] as const
) {
  Deno.test(`chat-client /quit TEXT at a question after a loss tells at ${where} what was not sent`, async () => {
    await using server = FakeServer.withWelcome(() => Promise.resolve(server.stop()));
    const typing = { idleMs: 0, graceMs: 0, clock: systemClock };
    await using ana = new ClientUser({ ...options, typing });
    ana.dial(server.address);
    await ana.until((output) => /servidor.*\[.*\]:/.test(output), "a question");
    ana.type(`/salir adiós a todos${end}`);
    assertStringIncludes(await ana.ended(status), told);
  });
}

Deno.test("chat-client /who says that it does not know the members yet", async () => {
  await using ana = new ClientUser();
  ana.dial(freeAddress(), "--auto");
  await ana.waitForOutput("El cliente sigue intentándolo");
  ana.type("/who\n");
  assertStringIncludes(await ana.quit(), "Aún sin conexión: no se sabe quién está en línea.\n");
});

Deno.test("chat-client /who says since when its list is stale", async () => {
  await using server = startServerAtNoon();
  await using ana = await ClientUser.on(server, { flags: ["--auto"] });
  await server.close();
  await ana.waitForOutput("Se perdió");
  ana.type("/who\n");
  const since = `Sin conexión desde ${NOON}. En línea hasta entonces:\n`;
  assertStringIncludes(await ana.quit(), `${since}  ana (127.0.0.1), desde ${NOON}\n`);
});

Deno.test("chat-client counts the members that WELCOME left out", async () => {
  await using server = FakeServer.withWelcome(undefined, { memberCount: 5_000 });
  await using ana = await ClientUser.on(server);
  assertStringIncludes(await ana.quit(), "En línea: ana y 4999 más.");
});

Deno.test("chat-client reads no further input while 256 messages are unacked", async () => {
  const confirm = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(async (client, { sessionId }) => {
    for (let n = 1; n <= 256; n++) assertEquals((await client.expect("say")).clientSeq, n);
    await confirm.promise;
    await client.send({ type: "ping", head: 0 });
    await client.expect("pong"); // and nothing before it
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 256, text: "256", sessionId }));
    assertEquals((await client.expect("say")).clientSeq, 257);
    await client.send(makeSaid("ana", { seq: 1, clientSeq: 257, text: "257", sessionId }));
    await client.receiveAll();
  });
  await using ana = new ClientUser();
  ana.type(Array.from({ length: 257 }, (_, index) => `${index + 1}\n`).join(""));
  ana.endInput();
  ana.dial(server.address);
  await ana.waitForOutput(
    `[${NOON}] ! Mensajes sin confirmar: 256. El cliente no acepta más líneas hasta que se confirmen.\n`,
  );
  confirm.resolve();
  assertStringIncludes(await ana.ended(), "ana: 257\n");
});

Deno.test("chat-client at the end of a pipe waits until every message is acked", async () => {
  await using server = startServerAtNoon();
  using beto = await enterAs("beto", server);
  await using ana = new ClientUser();
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
  ana.type(lines.join("\n")); // the last one without an end
  ana.endInput();
  ana.dial(server.address);
  const output = await ana.ended();
  const expected = lines.map((line) => `ana: ${line}`);
  assertEquals(await readLines(beto, 1_002), ["ana joined", ...expected, "ana left"]);
  assertEquals(output.split("\n").flatMap((line) => /\] (ana: .*)/.exec(line)?.[1] ?? []), expected);
  // It waited for acks many times, each time briefly.
  assertEquals(output.includes("sin confirmar"), false);
});

Deno.test("chat-client at the end of an empty pipe shows the history before it leaves", async () => {
  const ana = new ClientUser();
  await using server = FakeServer.withWelcome(async (client) => {
    await ana.waitForOutput("Conectado");
    await flushTasks(); // without a wait, the client would have left
    await client.send(makeSaid("beto", { seq: 0, clientSeq: 1, text: "uno" }));
    await client.send(makeSaid("beto", { seq: 1, clientSeq: 2, text: "dos" }));
    await client.receiveAll();
  }, { head: 2 });
  await using _ = ana;
  ana.endInput();
  ana.dial(server.address);
  const texts = [...(await ana.ended()).matchAll(/~ beto: (.*)/g)].map(([, text]) => text);
  assertEquals(texts, ["uno", "dos"]);
});

Deno.test("chat-client --auto with an empty pipe retries until it has joined", async () => {
  const { host, port } = freeAddress();
  await using ana = new ClientUser();
  ana.endInput();
  ana.dial({ host, port }, "--auto");
  await ana.waitForOutput("El cliente sigue intentándolo");
  await using _server = startServerAtNoon({ listen: { port } });
  assertStringIncludes(await ana.ended(), "Conectado");
});

Deno.test("chat-client leaves when a terminal's input ends, or when it is terminated", async () => {
  for (const end of ["endInput", "terminate"] as const) {
    await using server = startServerAtNoon();
    using beto = await enterAs("beto", server);
    await using ana = await ClientUser.on(server, { isTty: true });
    ana[end]();
    await ana.ended();
    assertEquals(await readLines(beto, 2), ["ana joined", "ana left"]);
  }
});

Deno.test("chat-client at a terminal waits briefly for acks when its input ends, and exits with 0", async () => {
  await using server = FakeServer.withWelcome();
  await using ana = await ClientUser.on(server, { isTty: true });
  ana.type("hola\n");
  ana.endInput();
  assertStringIncludes(
    await ana.ended(),
    "Mensajes sin confirmar al salir: 1. Puede que no hayan llegado.\n",
  );
});

Deno.test("chat-client /quit TEXT at a screen waits as long as acks come, and tells the user", async () => {
  const told = Promise.withResolvers<void>();
  const last: string[] = [];
  await using server = FakeServer.withWelcome(async (client, { sessionId }) => {
    for (const text of ["uno", "dos", "adiós"]) assertEquals((await client.expect("say")).text, text);
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "uno", sessionId }));
    await told.promise;
    await client.send(makeSaid("ana", { seq: 1, clientSeq: 3, text: "adiós", sessionId }));
    last.push(...await client.receiveTypes());
  });
  await using ana = await ClientUser.on(server, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
  ana.type("uno\rdos\r/salir adiós\r");
  await ana.waitForOutput("! Mensajes sin confirmar: 2. Para salir sin esperar, pulse Ctrl-C.\n");
  told.resolve();
  const output = await ana.ended();
  assert(!output.includes("al salir"), output);
  await server[Symbol.asyncDispose]();
  assertEquals(last, ["bye"]);
});

for (const keys of [CTRL_C, CTRL_D]) {
  Deno.test(`chat-client at ${JSON.stringify(keys)} waits for acks, until Ctrl-C`, async () => {
    let heardCount = 0;
    const left = Promise.withResolvers<void>();
    await using server = FakeServer.withWelcome(async (client, { sessionId }) => {
      for (; heardCount < 2; heardCount++) await client.expect("say");
      await left.promise;
      await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "uno", sessionId }));
      await client.receiveAll();
    });
    await using ana = await ClientUser.on(server, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
    ana.type("uno\rdos\r");
    await waitFor(() => heardCount === 2);
    ana.type(keys);
    await waitFor(() => ana.terminal.hasNoAnswers);
    left.resolve();
    await ana.waitForOutput("Mensajes sin confirmar: 1. Para salir sin esperar, pulse Ctrl-C.\n");
    ana.type(CTRL_C);
    assertStringIncludes(await ana.ended(), "Mensajes sin confirmar al salir: 1.");
  });
}

Deno.test("chat-client at Ctrl-C leaves at once while lines wait for a place in the outbox", async () => {
  await using server = FakeServer.withWelcome((client) => client.receiveAll());
  await using ana = await ClientUser.on(server, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
  ana.type(pasted("x\n".repeat(MAX_OUTBOX_MESSAGES + 1)));
  await ana.waitForOutput("¿Enviarlas?");
  ana.type("s\r");
  await ana.waitForOutput("El cliente no acepta más líneas");
  ana.type(CTRL_C);
  await waitFor(() => ana.terminal.interruptSignal.aborted);
  await ana.ended();
});

Deno.test("chat-client ends when a terminal's input ends at a prompt", async () => {
  await using ana = new ClientUser({ isTty: true });
  ana.endInput();
  ana.start();
  assertEquals(await ana.ended(), "Servidor (IP o nombre) [127.0.0.1]:\n");
});
