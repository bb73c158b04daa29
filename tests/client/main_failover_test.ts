// Where chat-client goes when servers fail, and what it reports.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay, systemClock } from "../../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { UNSHOWN_HISTORY } from "../../lib/client/history_block.ts";
import { formatAddress } from "../../lib/net/address.ts";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import {
  ClientUser,
  lossLine,
  NOON,
  readLines,
  startServerAtNoon,
  welcomeLine,
} from "../testing/client_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { enterAs, FakeServer, makeSaid, sync, welcomeTo } from "../testing/raw_peer.ts";
import { CTRL_C, CTRL_D } from "../testing/terminal_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";

/** The question after a loss waits for Enter. */
const ASKED_AT_ENTER = { idleMs: 60_000, graceMs: 0, clock: systemClock };

/** A server that lets its clients in, and ends when it is told to. */
function fallingServer(): FakeServer & { fall(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = FakeServer.withWelcome(async () => {
    await promise;
    server.stop();
  });
  return Object.assign(server, { fall: resolve });
}

Deno.test("chat-client that goes home tells why, and reports no loss of the server that it leaves", async () => {
  const config = DEFAULT_CONFIG.failover as { homeProbeMs: number; homeJitterMs: number };
  const before = { ...config };
  Object.assign(config, { homeProbeMs: 0, homeJitterMs: 0 });
  try {
    await using second = startServerAtNoon();
    // The connection breaks, and so does the next one: then the server answers as before.
    await using first = new FakeServer(async (client, visit) => {
      if (visit === 1) return;
      const request = await client.receive();
      if (request?.type !== "hello") {
        return await client.send({ type: "status", logId: 7n, heardCount: 1, name: "" });
      }
      const sessionId = sessionIdOf(request.resumeToken);
      await client.send(welcomeTo("ana", { sessionId, backups: [formatAddress(second.address)] }));
      if (visit === 0) return await sync(client);
      await client.receiveAll();
    });
    await using ana = new ClientUser();
    ana.dial(first.address, "--auto");
    const [there, here] = [first.address, second.address].map(formatAddress);
    await ana.until((output) => output.split(`Conectado a ${there}`).length > 2, "the return");
    const output = await ana.quit();
    assertEquals(
      output.match(/(?:Conectado a|Se perdió la conexión con|Hay otros miembros en) [\d.:]+\d/g),
      [
        `Conectado a ${there}`,
        `Se perdió la conexión con ${there}`,
        `Conectado a ${here}`,
        `Hay otros miembros en ${there}`,
        `Conectado a ${there}`,
      ],
    );
  } finally {
    Object.assign(config, before);
  }
});

Deno.test("chat-client at the end of a pipe takes unacked messages to the next server", async () => {
  await using second = startServerAtNoon();
  const backup = second.address;
  await using first = FakeServer.withWelcome(async (client) => {
    first.stop();
    await client.expect("say");
  }, { backups: [formatAddress(backup)] });
  await using ana = new ClientUser();
  ana.type("hola\n");
  ana.endInput();
  ana.dial(first.address);
  assertEquals(
    await ana.ended(),
    `${welcomeLine(first.address)}${lossLine(first.address, "el servidor cortó la conexión")}\
[${NOON}] ! Mensajes sin confirmar: 1. Se enviarán al siguiente servidor.
Nuevo servidor (IP o nombre) [127.0.0.1]:
Puerto [${backup.port}]:
${welcomeLine(backup)}[${NOON}] ana: hola
`,
  );
});

Deno.test("chat-client tells that a private message was for a client that was started again since", async () => {
  await using second = startServerAtNoon();
  using beto = await enterAs("beto", second);
  const before = { sessionId: 5n, nick: "beto", address: "::1", sinceMs: 0 };
  await using first = FakeServer.withWelcome(async (client) => {
    first.stop();
    await client.expect("say");
  }, { backups: [formatAddress(second.address)], members: [before] });
  await using ana = await ClientUser.on(first, { flags: ["--auto"] });
  ana.type("/msg beto hola\n");
  await ana.waitForOutput("@ ana → beto: hola\n");
  await ana.waitForOutput(
    `[${NOON}] ! Otro cliente tiene ahora el nick beto y no recibió "hola". Si es la misma persona, repítalo.\n`,
  );
  await ana.quit();
  assertEquals(await readLines(beto, 3), ["ana joined", "noop", "ana left"]);
});

Deno.test("chat-client without --auto loses no line of a pipe that goes on after a loss", async () => {
  await using second = startServerAtNoon();
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    first.stop();
  }, { backups: [formatAddress(second.address)] });
  await using ana = new ClientUser();
  ana.dial(first.address);
  ana.type("linea 1\n");
  for (const [at, line] of [["Nuevo servidor", "linea 2"], ['"linea 2" no es', "adiós"]] as const) {
    await ana.waitForOutput(at);
    ana.type(`${line}\n`);
  }
  await ana.waitForOutput('"adiós" no es');
  ana.endInput();
  const output = await ana.ended();
  assertEquals(output.match(/(?<= ana: ).*/g), ["linea 1", "linea 2", "adiós"]);
});

Deno.test("chat-client counts the lines of a pipe that no server takes after a loss", async () => {
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    server.stop();
  });
  await using ana = new ClientUser();
  ana.dial(server.address);
  ana.type("linea 0\n");
  await ana.waitForOutput("Nuevo servidor");
  ana.type("¡hola!\n".repeat(400));
  ana.endInput();
  const output = await ana.ended(1);
  const counts = output.match(/(?<=^(?:Mensajes sin confirmar al salir|Líneas .*): )\d+/gm) ?? [];
  assertEquals(counts.reduce((sum, count) => sum + Number(count), 0), 401, output.slice(-500));
});

Deno.test("chat-client ends with status 1 when its pipe has ended and no server is left", async () => {
  await using server = FakeServer.withWelcome(async (client) => {
    server.stop();
    await client.expect("say");
  });
  await using ana = new ClientUser();
  ana.type("hola\nadiós\n");
  ana.endInput();
  ana.dial(server.address);
  const where = formatAddress(server.address);
  const output = await ana.ended(1);
  assertStringIncludes(
    output,
    `\nNingún servidor escucha en ${where}: revise la dirección y el puerto.
Mensajes sin confirmar al salir: 2. Puede que no hayan llegado.
`,
  );
});

Deno.test("chat-client --auto follows the backups that a server announces later", async () => {
  await using second = startServerAtNoon();
  await using first = FakeServer.withWelcome(async (client) => {
    const backups = [formatAddress(second.address)];
    await client.send({ type: "backups", seq: 0, timeMs: 0, backups }, { type: "bye" });
  });
  await using ana = new ClientUser();
  ana.dial(first.address, "--auto");
  await ana.waitForOutput(welcomeLine(second.address));
  await ana.quit();
});

Deno.test("chat-client tells the unconfirmed messages once, and sets half a sentence aside as a draft", async () => {
  const begun = Promise.withResolvers<void>();
  await using second = startServerAtNoon();
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await begun.promise;
    server.stop();
  }, { backups: [formatAddress(second.address)] });
  const tty = new FakeScreen({ columns: 200 });
  const typing = { idleMs: 300, graceMs: 60_000, clock: systemClock }; // each key belongs to the draft
  await using ana = new ClientUser({ isTty: true, tty, typing });
  ana.dial(server.address);
  await ana.waitForOutput("> ");
  ana.type("hola\r");
  ana.type("esto lo");
  await ana.waitForOutput("esto lo");
  begun.resolve();
  await ana.waitForOutput(`[${formatAddress(second.address)}, responde]:`);
  await ana.waitForOutput('Borrador guardado: "esto lo"');
  ana.type("\restoy");
  await ana.waitForOutput(' estoy"');
  assertEquals(ana.output.split("Mensajes sin confirmar: 1").length, 2);
  ana.terminate();
});

Deno.test("chat-client tells at the question of a message that was entered after the loss", async () => {
  await using server = fallingServer();
  await using ana = new ClientUser({
    isTty: true,
    tty: new FakeScreen({ columns: 200 }),
    typing: ASKED_AT_ENTER,
  });
  ana.dial(server.address);
  await ana.waitForOutput("> ");
  ana.type("hola");
  await ana.waitForOutput("hola");
  server.fall();
  await ana.waitForOutput("(sin conexión)");
  ana.type("\r");
  await ana.waitForOutput("¿A qué servidor?");
  ana.type("\r");
  await ana.waitForOutput("Ningún servidor escucha");
  await ana.until((output) => output.split("¿A qué servidor?").length > 3, "the question again");
  assertEquals(ana.output.match(/Mensajes sin confirmar: \d/g), ["Mensajes sin confirmar: 1"]);
  ana.terminate();
});

Deno.test("chat-client keeps an address that is entered before the question comes out of the chat", async () => {
  await using server = fallingServer();
  await using ana = new ClientUser({
    isTty: true,
    tty: new FakeScreen({ columns: 200 }),
    typing: ASKED_AT_ENTER,
  });
  ana.dial(server.address);
  await ana.waitForOutput("> ");
  ana.type("10.99.2.2:5000");
  await ana.waitForOutput("10.99.2.2:5000");
  server.fall();
  await ana.waitForOutput("(sin conexión)");
  ana.type("\r");
  await ana.waitForOutput('No se envió: "10.99.2.2:5000" parece una dirección');
  await ana.waitForOutput("¿A qué servidor?");
  assertEquals((await ana.quit()).includes("Mensajes sin confirmar"), false);
});

Deno.test("chat-client sends no draft with an address that is typed behind it during a dial", async () => {
  await using server = FakeServer.withWelcome(() => Promise.resolve(server.stop()));
  await using silent = new FakeServer((client) => client.receiveAll());
  const typing = { idleMs: 0, graceMs: 0, clock: systemClock };
  await using ana = new ClientUser({ isTty: true, tty: new FakeScreen({ columns: 200 }), typing });
  ana.dial(server.address);
  await ana.waitForOutput("¿A qué servidor?");
  ana.type("¿seguimos?\r");
  await ana.waitForOutput("pasó a la línea del chat");
  ana.type(`${formatAddress(silent.address)}\r`);
  await ana.waitForOutput("(sin conexión) ana> ¿seguimos?");
  ana.type("10.99.2.2:5000\r");
  await ana.waitForOutput('No se envió: "¿seguimos?10.99.2.2:5000"');
  ana.terminate();
});

for (const keys of ["salir\r", CTRL_C, CTRL_D]) {
  const title = `chat-client that leaves at the question after a loss by ${
    JSON.stringify(keys)
  } shows its draft`;
  Deno.test(title, async () => {
    await using server = FakeServer.withWelcome(() => Promise.resolve(server.stop()));
    const typing = { idleMs: 0, graceMs: 0, clock: systemClock };
    await using ana = new ClientUser({ isTty: true, tty: new FakeScreen({ columns: 80 }), typing });
    ana.dial(server.address);
    await ana.waitForOutput("¿A qué servidor?");
    ana.type("a medias, sí\r");
    await ana.waitForOutput("pasó a la línea del chat");
    ana.type(keys);
    await ana.waitForOutput('Borrador sin enviar: "a medias, sí"');
  });
}

Deno.test("chat-client quotes as much of a draft as the width of the screen allows", async () => {
  await using server = fallingServer();
  const tty = new FakeScreen({ columns: 40 });
  const typing = { idleMs: 0, graceMs: 60_000, clock: systemClock };
  await using ana = new ClientUser({ isTty: true, tty, typing });
  ana.dial(server.address);
  await ana.waitForOutput("> ");
  ana.type("日本 y mucho más de lo que cabe en una fila");
  await ana.waitForOutput("una fila");
  server.fall();
  await ana.waitForOutput('Borrador guardado: "日本 y mucho más d…"');
  tty.resize(30);
  await ana.waitForOutput('Borrador guardado: "日本 y m…"');
  ana.terminate();
});

Deno.test("chat-client --auto shows what is sent without a server in the status alone", async () => {
  await using server = startServerAtNoon();
  await using ana = await ClientUser.on(server, {
    isTty: true,
    tty: new FakeScreen({ columns: 200 }),
    flags: ["--auto"],
  });
  await server.close();
  await ana.waitForOutput("Se perdió la conexión");
  ana.type("hola\r");
  await ana.waitForOutput("… hola");
  assertEquals(ana.output.includes("Mensajes sin confirmar"), false);
  ana.terminate();
});

for (const [when, isLost] of [["it reports the loss of its server", true], ["it ends", false]] as const) {
  Deno.test(`chat-client shows a presence batch before ${when}`, async () => {
    await using server = FakeServer.withWelcome(async (client) => {
      for (const [seq, nick] of ["a", "b", "c", "d", "e"].entries()) {
        const member = { sessionId: BigInt(seq), nick, address: "::1" };
        await client.send({ type: "joined", seq, timeMs: 0, rejoined: true, ...member });
      }
      if (isLost) server.stop();
      if (isLost) return await client.send({ type: "bye" });
      await client.send({ type: "announced", seq: 5, timeMs: 0, text: "hola" });
      await client.receiveAll();
    });
    await using ana = new ClientUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
    ana.dial(server.address);
    await ana.waitForOutput(isLost ? "¿A qué servidor?" : "hola");
    const output = await ana.quit();
    assertMatch(output, isLost ? /2 se han reconectado: d, e[^]*Se perdió/ : /2 se han reconectado: d, e/);
  });
}

Deno.test("chat-client --history 0 shows of another server only what it has missed or what is sent again", async () => {
  const sinceMs = 1_000_000;
  await using second = FakeServer.withWelcome(async (client) => {
    const [before, since] = [{ timeMs: sinceMs - 60_000 }, { timeMs: sinceMs }];
    await client.send(
      makeSaid("eva", { seq: 0, clientSeq: 1, text: "vieja", redelivered: true, ...before }),
      makeSaid("eva", { seq: 1, clientSeq: 2, text: "antes", ...before }),
      makeSaid("eva", { seq: 2, clientSeq: 3, text: "otra vez", redelivered: true, ...before }),
      makeSaid("eva", { seq: 3, clientSeq: 4, text: "ahora", ...since }),
    );
    await client.receiveAll();
  }, ({ resumeToken }) => {
    const sessionId = sessionIdOf(resumeToken);
    return { logId: 8n, head: 4, members: [{ sessionId, nick: "ana", address: "::1", sinceMs }] };
  });
  let asked: number | undefined;
  await using first = FakeServer.withWelcome(
    (client) => client.send(makeSaid("eva", { seq: 0, clientSeq: 1, text: "vieja" }), { type: "bye" }),
    ({ historyCount }) => {
      asked = historyCount;
      return { head: 1, backups: [formatAddress(second.address)] };
    },
  );
  await using ana = await ClientUser.on(first, { flags: ["--auto", "--history", "0"] });
  await ana.waitForOutput("eva: ahora");
  const output = await ana.quit();
  assertEquals(output.match(/. eva: .*/g), ["+ eva: otra vez", "~ eva: ahora"]);
  assertEquals([output.includes("vieja"), asked], [false, UNSHOWN_HISTORY]);
});

for (const isTty of [true, false]) {
  const where = isTty ? "tells at a screen" : "does not tell in a pipe";
  Deno.test(`chat-client ${where} that messages of departed members may be missing after a cut`, async () => {
    const clock = new TestClock(NOON, 0);
    await using second = FakeServer.withWelcome(undefined, { logId: 8n });
    const cut = Promise.withResolvers<void>();
    await using first = FakeServer.withWelcome(() => cut.promise.then(() => first.stop()), {
      memberCount: 2,
      backups: [formatAddress(second.address)],
    });
    const tty = isTty ? new FakeScreen({ columns: 200 }) : undefined;
    await using ana = await ClientUser.on(first, { isTty, tty, clock: clock.now, flags: ["--auto"] });
    await ana.waitForOutput("Conectado a");
    clock.advanceTo(7_000); // nothing was heard since
    cut.resolve();
    await ana.waitForOutput(`Conectado a ${formatAddress(second.address)}.`);
    const output = await ana.quit();
    assertEquals(output.includes("Pueden faltar mensajes de quienes han salido"), isTty);
    assertEquals(output.includes("Pueden faltar mensajes que pasaron"), false);
  });
}

Deno.test("chat-client says that something may be missing after more than 120 s away", async () => {
  for (const awayMs of [119_000, 121_000]) {
    const clock = new TestClock(NOON, 0);
    await using second = FakeServer.withWelcome(undefined, { logId: 8n });
    await using first = FakeServer.withWelcome((client) => {
      first.stop();
      return client.send({ type: "bye" });
    });
    await using ana = new ClientUser({
      clock: clock.now,
      isTty: true,
      tty: new FakeScreen({ columns: 200 }),
    });
    ana.dial(first.address);
    await ana.waitForOutput("¿A qué servidor?");
    clock.advanceTo(awayMs);
    ana.type(`${formatAddress(second.address)}\r`);
    await ana.waitForOutput(`Conectado a ${formatAddress(second.address)}.`);
    const output = await ana.quit();
    const isLong = awayMs > 120_000;
    assertEquals(output.includes("No falta ningún mensaje."), !isLong);
    assertEquals(
      /Conectado a .* Pueden faltar mensajes que pasaron por otro servidor/.test(output),
      isLong,
    );
    assertEquals(output.split("Pueden faltar").length, isLong ? 2 : 1);
  }
});

for (const isTty of [true, false]) {
  const order = isTty ? "the order in which it was said" : "the order of the log";
  Deno.test(`chat-client shows ${isTty ? "at a screen" : "in a pipe"} the history of a second server in ${order}`, async () => {
    await using server = FakeServer.withWelcome(async (client) => {
      for (const [seq, nick] of ["ana", "beto", "eva"].entries()) {
        const said = { seq, clientSeq: 1, text: "hola", timeMs: 60_000 * (3 - seq), redelivered: true };
        await client.send(makeSaid(nick, said)); // in packets of their own
        await delay(20);
      }
      await client.send({ type: "announced", seq: 3, timeMs: 240_000, text: "fin" });
      await client.receiveAll();
    }, { head: 3 });
    const tty = isTty ? new FakeScreen({ columns: 200 }) : undefined;
    await using leo = await ClientUser.on(server, { isTty, tty, flags: ["--utc"] });
    await leo.waitForOutput("fin");
    const nicks = (await leo.quit()).match(/(?<=~ )\w+(?=: hola)/g);
    assertEquals(nicks, isTty ? ["eva", "beto", "ana"] : ["ana", "beto", "eva"]);
  });
}
