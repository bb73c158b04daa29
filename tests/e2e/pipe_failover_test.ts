// Servers fall, one after another, and clients with pipes go on: what they show, and that nothing is lost.

import { assertEquals } from "@std/assert";
import { connected, fell, joined, left, nobodyAt, numbered, saidBy, TIME } from "./sentences.ts";
import { freePort, listening, LOOPBACK, startClient, startServer } from "./support.ts";

function cameBack(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha reconectado`;
}

Deno.test("When the server is killed, Enter takes everyone to the backup that it announced", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  await using beto = await startClient("beto", first);
  await beto.types("antes");
  for (const program of [one, ana, beto]) await program.sees("beto: antes");
  one.gets("SIGKILL");
  for (const client of [ana, beto]) {
    await client.sees("Nuevo servidor (IP o nombre) [127.0.0.1]:");
    await client.types("");
    await client.sees(`Puerto [${second}]:`);
    await client.types("");
    await client.sees("Conectado");
  }
  await ana.sees("beto");
  await two.sees("+ beto: antes");
  await ana.types("después");
  await beto.sees("ana: después");
  await beto.types("salir");
  await beto.ends(0);
  await ana.sees("beto (127.0.0.1) se ha desconectado");
  await two.sees("beto (127.0.0.1) se ha desconectado");
  const asked = ["Nuevo servidor (IP o nombre) [127.0.0.1]:", `Puerto [${second}]:`];
  assertEquals(ana.lines, [
    connected(first, "ana"),
    joined("beto"),
    `${TIME} beto: antes`,
    fell(first),
    ...asked,
    connected(second, "ana"),
    cameBack("beto"),
    `${TIME} ana: después`,
    left("beto"),
  ]);
  assertEquals(beto.lines.slice(0, 6), [
    connected(first, "ana", "beto"),
    `${TIME} beto: antes`,
    fell(first),
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
  one.gets("SIGKILL");
  await ana.sees(`Nuevo servidor`);
  await ana.types("", "");
  await ana.sees("Nuevo servidor");
  await ana.types("esto no", `${LOOPBACK}:${second}`);
  await ana.sees("Conectado");
  await ana.types("en el segundo");
  await two.sees("ana: en el segundo");
  await ana.sees("ana: en el segundo");
  two.gets("SIGKILL");
  await ana.sees("Nuevo servidor");
  await ana.types(LOOPBACK, "nada", `${third}`);
  await ana.sees("Conectado");
  await ana.types("en el tercero", "salir");
  await ana.ends(0);
  assertEquals(ana.lines, [
    connected(first, "ana"),
    fell(first),
    "Nuevo servidor (IP o nombre) [127.0.0.1]:",
    `Puerto [${nobody}]:`,
    nobodyAt(nobody),
    "Nuevo servidor (IP o nombre) [127.0.0.1]: esto no",
    '"esto no" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
    `Nuevo servidor (IP o nombre) [127.0.0.1]: ${LOOPBACK}:${second}`,
    connected(second, "ana"),
    `${TIME} ana: en el segundo`,
    fell(second),
    "Nuevo servidor (IP o nombre) [127.0.0.1]: 127.0.0.1",
    `Puerto [${nobody}]: nada`,
    'El puerto "nada" no vale: debe ser un número de 1 a 65535.',
    `Puerto [${nobody}]: ${third}`,
    connected(third, "ana"),
    `${TIME} ana: en el tercero`,
  ]);
  await three.sees("se ha desconectado");
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
  one.gets("SIGKILL");
  await ana.sees("Conectado");
  await using _oneAgain = await startServer(first);
  two.gets("SIGKILL");
  await ana.sees("Conectado");
  assertEquals(ana.lines, [
    connected(first, "ana"),
    fell(first),
    `${TIME} ! ${nobodyAt(nobody)} Se seguirá intentando.`,
    connected(second, "ana"),
    fell(second),
    connected(first, "ana"),
  ]);
});

Deno.test("At the end of its input a client takes what has not arrived to the backup, and leaves only then", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first);
  one.gets("SIGSTOP");
  await ana.types("uno", "dos", "/quien");
  await ana.sees("ana (127.0.0.1), desde");
  await ana.hearsNoMore();
  one.gets("SIGKILL");
  await ana.ends(0);
  await two.sees("ana (127.0.0.1) se ha desconectado");
  assertEquals(saidBy("ana", two.lines), ["uno", "dos"]);
  assertEquals(saidBy("ana", ana.lines), ["uno", "dos"]);
});

Deno.test("A server that is killed amid 2,000 lines costs none of them", async () => {
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  await using beto = await startClient("beto", first, "--auto");
  const lines = numbered(2_000);
  const typing = beto.types(...lines.slice(0, 1_000));
  await ana.sees("beto: 300\n");
  one.gets("SIGKILL");
  await typing;
  await beto.types(...lines.slice(1_000));
  await beto.hearsNoMore();
  await beto.ends(0);
  await two.sees("beto (127.0.0.1) se ha desconectado");
  await ana.sees("beto: 2000\n"); // she may come after he has left
  assertEquals(
    ana.lines.filter((line) => / (\+ )?beto: /.test(line)).map((line) => line.split("beto: ")[1]!),
    lines,
  );
});
