// Processes that are stopped, as a machine that freezes: nothing closes their connections. The timeouts are real, so all
// of it happens in one test.

import { assert, assertEquals } from "@std/assert";
import { PING_MS, PING_TIMEOUT_MS } from "../../lib/net/heartbeat.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { PipedProgram, startClient, startServer } from "../testing/piped_program.ts";

/** Shortest time without an answer until a dial, or a peer that was heard a PING ago, counts as failed, in ms. */
const DIAL_TIMEOUT_MS = 5_000;
const SILENT_MS = PING_TIMEOUT_MS - PING_MS;

Deno.test("chat-client and chat-server notice that the other side is frozen, and resume when it goes on", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`, "--grace", "0");
  await using two = await startServer(second, "--grace", "0");
  await using ana = await startClient("ana", first);
  await using beto = await startClient("beto", first, "--auto");
  await using celia = await startClient("celia", second);
  await using dora = await startClient("dora", second, "--auto");
  await ana.type("todavía");
  await one.waitForOutput("beto", "ana: todavía");
  await beto.waitForOutput("ana: todavía");
  await celia.waitForOutput("dora");

  one.sendSignal("SIGSTOP");
  dora.sendSignal("SIGSTOP");
  const startedMs = performance.now();
  const notBefore = async (leastMs: number, event: Promise<void>) => {
    await event;
    const ms = performance.now() - startedMs;
    assert(ms >= leastMs, `That took ${ms} ms and not ${leastMs}`);
  };
  await using eva = new PipedProgram("client", "--host", LOOPBACK, "--port", `${first}`, "--nick", "eva");
  await ana.type("¿hay alguien?");
  const noAnswer =
    `${LOOPBACK}:${first} aceptó la conexión, pero no respondió en 5 s: compruebe que es un servidor de chat.\n`;
  const lost = `! Se perdió la conexión con ${LOOPBACK}:${first}: el servidor dejó de responder\n`;
  const lostClient = "* dora (127.0.0.1) ha perdido la conexión\n";
  await Promise.all([
    notBefore(DIAL_TIMEOUT_MS, eva.waitForOutput(noAnswer)),
    notBefore(SILENT_MS, ana.waitForOutput(lost, "Nuevo servidor (IP o nombre) [127.0.0.1]:")),
    notBefore(SILENT_MS, beto.waitForOutput(lost, `Conectado a ${LOOPBACK}:${second}.`)),
    notBefore(SILENT_MS, celia.waitForOutput(lostClient)),
    notBefore(SILENT_MS, two.waitForOutput(lostClient)),
  ]);

  await ana.type(`${LOOPBACK}:${second}`);
  await beto.waitForOutput("ana: ¿hay alguien?");
  await celia.waitForOutput("+ ana: todavía", "ana: ¿hay alguien?");
  dora.sendSignal("SIGCONT");
  await dora.waitForOutput("Se perdió la conexión", "Conectado", "+ ana: todavía", "ana: ¿hay alguien?");
  await dora.type("ya estoy");
  await ana.waitForOutput("* dora (127.0.0.1) se ha reconectado", "dora: ya estoy");
  one.sendSignal("SIGCONT");
  await one.waitForOutput(
    "ana (127.0.0.1) ha perdido la conexión",
    "beto (127.0.0.1) ha perdido la conexión",
  );
  await beto.waitForOutput("dora: ya estoy");
  const said = beto.lines.filter((line) => / (ana|dora): /.test(line)).map((line) => line.split("] ")[1]);
  assertEquals(said, ["ana: todavía", "ana: ¿hay alguien?", "dora: ya estoy"]);
});
