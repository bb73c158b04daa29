// Servers fall, one after another, and clients with pipes go on: what they show, and that nothing is lost.

import { assertEquals } from "@std/assert";
import {
  connected,
  connectionRefused,
  joined,
  left,
  numberedLines,
  saidBy,
  serverFell,
  TIME,
} from "./sentences.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { listening, startClient, startServer } from "../testing/piped_program.ts";

function cameBack(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha reconectado`;
}

Deno.test("When the server is killed, Enter takes everyone to the backup that it announced", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  await using beto = await startClient("beto", first);
  await beto.type("antes");
  for (const program of [one, ana, beto]) await program.waitForOutput("beto: antes");
  one.sendSignal("SIGKILL");
  for (const client of [ana, beto]) {
    await client.waitForOutput("Nuevo servidor (IP o nombre) [127.0.0.1]:");
    await client.type("");
    await client.waitForOutput(`Puerto [${second}]:`);
    await client.type("");
    await client.waitForOutput("Conectado");
  }
  await ana.waitForOutput("beto");
  await two.waitForOutput("+ beto: antes");
  await ana.type("después");
  await beto.waitForOutput("ana: después");
  await beto.type("salir");
  await beto.expectExit(0);
  await ana.waitForOutput("beto (127.0.0.1) se ha desconectado");
  await two.waitForOutput("beto (127.0.0.1) se ha desconectado");
  const asked = ["Nuevo servidor (IP o nombre) [127.0.0.1]:", `Puerto [${second}]:`];
  assertEquals(ana.lines, [
    connected(first, "ana"),
    joined("beto"),
    `${TIME} beto: antes`,
    serverFell(first),
    ...asked,
    connected(second, "ana"),
    cameBack("beto"),
    `${TIME} ana: después`,
    left("beto"),
  ]);
  assertEquals(beto.lines.slice(0, 6), [
    connected(first, "ana", "beto"),
    `${TIME} beto: antes`,
    serverFell(first),
    ...asked,
    connected(second, "ana", "beto"),
  ]);
  // The second server has never heard of the first: it is told what may have been lost with that.
  assertEquals(two.lines, [
    listening(second),
    cameBack("ana"),
    cameBack("beto"),
    `${TIME} + beto: antes`,
    `${TIME} ana: después`,
    left("beto"),
  ]);
});

Deno.test("A backup that cannot be reached is asked again, and a third server serves when the second falls", async () => {
  const [first, second, third, nobody] = [freePort(), freePort(), freePort(), freePort()];
  await using one = await startServer(first);
  await using two = await startServer(second);
  await using three = await startServer(third);
  await using ana = await startClient("ana", first, "--backup", `${LOOPBACK}:${nobody}`);
  one.sendSignal("SIGKILL");
  await ana.waitForOutput(`Nuevo servidor`);
  await ana.type("", "");
  await ana.waitForOutput("Nuevo servidor");
  await ana.type("esto no", `${LOOPBACK}:${second}`);
  await ana.waitForOutput("Conectado");
  await ana.type("en el segundo");
  await two.waitForOutput("ana: en el segundo");
  await ana.waitForOutput("ana: en el segundo");
  two.sendSignal("SIGKILL");
  await ana.waitForOutput("Nuevo servidor");
  await ana.type(LOOPBACK, "nada", `${third}`);
  await ana.waitForOutput("Conectado");
  await ana.type("en el tercero", "salir");
  await ana.expectExit(0);
  assertEquals(ana.lines, [
    connected(first, "ana"),
    serverFell(first),
    "Nuevo servidor (IP o nombre) [127.0.0.1]:",
    `Puerto [${nobody}]:`,
    connectionRefused(nobody),
    "Nuevo servidor (IP o nombre) [127.0.0.1]: esto no",
    '"esto no" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
    `Nuevo servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}:${second}`,
    connected(second, "ana"),
    `${TIME} ana: en el segundo`,
    serverFell(second),
    "Nuevo servidor (IP o nombre) [127.0.0.1]: 127.0.0.1",
    `Puerto [${nobody}]: nada`,
    'El puerto "nada" no vale: debe ser un número de 1 a 65535.',
    `Puerto [${nobody}]: ${third}`,
    connected(third, "ana"),
    `${TIME} ana: en el tercero`,
  ]);
  await three.waitForOutput("se ha desconectado");
  assertEquals(three.lines, [
    listening(third),
    cameBack("ana"),
    `${TIME} + ana: en el segundo`,
    `${TIME} ana: en el tercero`,
    left("ana"),
  ]);
});

Deno.test("With --auto a client asks nothing and tries the servers that it knows in turn", async () => {
  const [first, nobody, second] = [freePort(), freePort(), freePort()];
  const backups = [nobody, second].flatMap((port) => ["--backup", `${LOOPBACK}:${port}`]);
  await using one = await startServer(first, ...backups);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  one.sendSignal("SIGKILL");
  await ana.waitForOutput("Conectado");
  await using _oneAgain = await startServer(first);
  two.sendSignal("SIGKILL");
  await ana.waitForOutput("Conectado");
  assertEquals(ana.lines, [
    connected(first, "ana"),
    serverFell(first),
    `${TIME} ! ${connectionRefused(nobody)} Se seguirá intentando.`,
    connected(second, "ana"),
    serverFell(second),
    connected(first, "ana"),
  ]);
});

Deno.test("At the end of its input a client takes what has not arrived to the backup, and leaves only then", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  one.sendSignal("SIGSTOP");
  await ana.type("uno", "dos", "/quien");
  await ana.waitForOutput("ana (127.0.0.1), desde");
  await ana.closeStdin();
  one.sendSignal("SIGKILL");
  await ana.expectExit(0);
  await two.waitForOutput("ana (127.0.0.1) se ha desconectado");
  assertEquals(saidBy("ana", two.lines), ["uno", "dos"]);
  assertEquals(saidBy("ana", ana.lines), ["uno", "dos"]);
});

Deno.test("A server that is killed amid 2,000 lines costs none of them", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  await using beto = await startClient("beto", first, "--auto");
  const lines = numberedLines(2_000);
  const typing = beto.type(...lines.slice(0, 1_000));
  await ana.waitForOutput("beto: 300\n");
  one.sendSignal("SIGKILL");
  await typing;
  await beto.type(...lines.slice(1_000));
  await beto.closeStdin();
  await beto.expectExit(0);
  await two.waitForOutput("beto (127.0.0.1) se ha desconectado");
  await ana.waitForOutput("beto: 2000\n"); // she may come after he has left
  assertEquals(
    ana.lines.filter((line) => / (\+ )?beto: /.test(line)).map((line) => line.split("beto: ")[1]!),
    lines,
  );
});
