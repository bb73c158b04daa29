// Rooms in NATS: limits of the stream, leases, error codes, and a room that outlives all of its servers.

import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { millis, nanos } from "@nats-io/transport-node";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeBatchHeader } from "../../lib/cluster/store.ts";
import { connectNats, type NatsModuleError } from "../../lib/cluster/nats/connection.ts";
import { STREAM_AGE_MS, STREAM_BYTES } from "../../lib/cluster/nats/stream.ts";
import { caSignedPair } from "../testing/certificates.ts";
import { natsCluster, NatsServer, withNats } from "../testing/nats_server.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { FakeNats } from "../testing/fake_nats.ts";
import { bytes, inNats, openRoom } from "./nats_room.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { listening, PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { withTimeout } from "../testing/waiting.ts";

Deno.test(
  "A NATS server without JetStream is asked again, as long as another may answer",
  withNats,
  async () => {
    await using folder = new TestFolder();
    await using plain = await NatsServer.start({ folder: folder.path, hasJetStream: false });
    await using complete = await NatsServer.start({ folder: folder.path });
    for (let i = 0; i < 4; i++) { // the library connects to either
      const { nc } = await connectNats({ servers: [plain.address, complete.address], isTls: false });
      assertEquals(nc.getServer(), complete.address);
      await nc.close();
    }
  },
);

Deno.test("A stream that somebody deletes is gone", withNats, () =>
  inNats(async ({ store }, { address }) => {
    const { nc, manager } = await connectNats({ servers: [address], isTls: false });
    await manager.streams.delete("CHAT_aula");
    assertEquals(await store.isDeleted(), true);
    await nc.close();
  }));

/** Reads the limits of the stream, in bytes and ms, and its description. */
function limitsIn({ streams }: JetStreamManager) {
  return async () => {
    const { config: { max_bytes, max_age, description } } = await streams.info("CHAT_aula");
    return [max_bytes, millis(max_age), description];
  };
}

Deno.test(
  "A stream has no limits while they are lifted",
  withNats,
  () =>
    inNats(async ({ store }, { address }) => {
      const { nc, manager } = await connectNats({ servers: [address], isTls: false });
      const limits = limitsIn(manager);
      const before = await limits();
      assertEquals(before, [STREAM_BYTES, STREAM_AGE_MS, "A room of chat-server"]);
      for (let time = 0; time < 2; time++) {
        await store.setUnlimited(true);
        assertEquals((await limits()).slice(0, 2), [-1, 0]);
      }
      await store.setUnlimited(false);
      assertEquals(await limits(), before);
      await nc.close();
    }),
);

Deno.test(
  "Limits that are put back are those of the operator, set before or meanwhile",
  withNats,
  () =>
    inNats(async ({ store }, { address }) => {
      const { nc, manager } = await connectNats({ servers: [address], isTls: false });
      const limits = limitsIn(manager);
      const set = (change: Partial<StreamConfig>) => manager.streams.update("CHAT_aula", change);
      const own = [50_000_000, 86_400_000, "Ours"];
      await set({ max_bytes: 50_000_000, max_age: nanos(86_400_000), description: "Ours" });
      for (const isUnlimited of [false, true, true, false]) await store.setUnlimited(isUnlimited);
      assertEquals(await limits(), own);
      await store.setUnlimited(true);
      await set({ max_bytes: 70_000_000 });
      await assertRejects(() => store.setUnlimited(true), Error, "limits"); // the operator's
      assertEquals((await limits()).slice(0, 2), [70_000_000, 0]);
      await store.setUnlimited(false);
      assertEquals(await limits(), [70_000_000, ...own.slice(1)]);
      // As earlier versions have left it.
      const description = "A room of chat-server; it forgets nothing until max_payload is raised";
      await set({ max_bytes: -1, max_age: 0, description });
      await store.setUnlimited(false);
      assertEquals(await limits(), [STREAM_BYTES, STREAM_AGE_MS, "A room of chat-server"]);
      await nc.close();
    }),
);

Deno.test(
  "A lease holds until it is released, or not renewed",
  withNats,
  () =>
    inNats(async ({ leases }, nats) => {
      await leases.acquire("a:1");
      const other = await openRoom(nats, { nodeId: 0xdefn });
      await other.leases.acquire("b:2");
      assertEquals(await leases.list(), new Map([[0xabcn, "a:1"], [0xdefn, "b:2"]]));
      await other.leases.release();
      assertEquals(await leases.list(), new Map([[0xabcn, "a:1"]]));
      await other.leases.renew("b:2");
      await other.close();
      const isAlone = async () => {
        while ((await leases.list()).size > 1) await leases.renew("a:1");
      };
      await withTimeout(isAlone(), () => "the end of a lease");
    }),
);

Deno.test(
  "The address of a node that got its lease before it listened is read again",
  withNats,
  () =>
    inNats(async ({ leases }, nats) => {
      const other = await openRoom(nats, { nodeId: 0xdefn });
      await leases.acquire("a:1");
      await other.leases.acquire("");
      assertEquals(await leases.list(), new Map([[0xabcn, "a:1"], [0xdefn, ""]]));
      await other.leases.renew("b:2");
      assertEquals(await leases.list(), new Map([[0xabcn, "a:1"], [0xdefn, "b:2"]]));
      await other.close();
    }),
);

/** The error of opening a room. */
async function openError(
  nats: NatsServer,
  options: Parameters<typeof openRoom>[1] = {},
): Promise<NatsModuleError> {
  const error = await openRoom(nats, options).then((room) => room.close(), (error) => error);
  assert(error instanceof Error && error.name === "NatsModuleError", Deno.inspect(error));
  return error as NatsModuleError;
}

Deno.test(
  "Every error of NATS has a code, and no password in its message",
  withNats,
  async () => {
    await using folder = new TestFolder();
    const nobody = new NatsServer({ folder: folder.path });
    const secret = { type: "user", user: "ana", password: "s3cret" } as const;
    const unreachable = await openError(nobody, { credentials: secret });
    assertEquals(unreachable.code, "nats-unreachable");
    assertEquals(JSON.stringify([unreachable.message, unreachable.details]).includes("s3cret"), false);

    await using plain = await NatsServer.start({ folder: folder.path, hasJetStream: false });
    assertEquals((await openError(plain)).code, "nats-no-jetstream");
    assertEquals((await openError(plain, { isTls: true })).code, "nats-tls");

    await using locked = await NatsServer.start({
      folder: `${folder.path}/locked`,
      args: ["--user", "ana", "--pass", "s3cret"],
    });
    assertEquals((await openError(locked)).code, "nats-refused");
    const wrong = { ...secret, password: "n0" };
    assertEquals((await openError(locked, { credentials: wrong })).code, "nats-refused");
    await (await openRoom(locked, { credentials: secret })).close();

    await using other = await NatsServer.start({ folder: `${folder.path}/other` });
    const { nc, manager } = await connectNats({ servers: [other.address], isTls: false });
    await manager.streams.add({ name: "CHAT_aula", subjects: ["something.else"] });
    await nc.close();
    const { code, details } = await openError(other);
    assertEquals([code, details.stream], ["nats-other-stream", "CHAT_aula"]);
  },
);

Deno.test("TLS to NATS needs a certificate of a trusted authority", withNats, async () => {
  await using folder = new TestFolder();
  const start = async (ip: string) => {
    const { cert, key, ca } = await caSignedPair(ip);
    const files = [await folder.file(`${ip}.pem`, cert), await folder.file(`${ip}.key`, key)];
    const args = ["--tls", "--tlscert", files[0]!, "--tlskey", files[1]!];
    return { ca, nats: await NatsServer.start({ folder: `${folder.path}/${ip}`, args }) };
  };
  const { ca, nats } = await start(LOOPBACK);
  await using _ = nats;
  const room = await openRoom(nats, { isTls: true, ca });
  assertEquals(await room.store.append(bytes("a"), { id: "a" }), 1);
  await room.close();
  assertEquals((await openError(nats, { isTls: true })).code, "nats-tls");
  // For another address.
  const other = await start("10.0.0.7");
  await using __ = other.nats;
  assertEquals((await openError(other.nats, { isTls: true, ca: other.ca })).code, "nats-tls");
});

Deno.test("A cluster of three keeps three copies, a server alone one", withNats, async () => {
  await using folder = new TestFolder();
  await using one = await NatsServer.start({ folder: `${folder.path}/one` });
  const alone = await openRoom(one);
  assertEquals(alone.store.replicas, 1);
  await alone.close();
  const cluster = natsCluster({ folder: folder.path, size: 3 });
  try {
    for (const nats of cluster) nats.start();
    await Promise.all(cluster.map((nats) => nats.answers()));
    const room = await openRoom(cluster[0]!, { servers: cluster.map(({ address }) => address) });
    assertEquals(room.store.replicas, 3);
    await room.close();
    // A stream that was created before there were three.
    const { nc, manager } = await connectNats({ servers: [cluster[0]!.address], isTls: false });
    await manager.streams.update("CHAT_aula", { num_replicas: 1 });
    await nc.close();
    const again = await openRoom(cluster[0]!);
    assertEquals(again.store.replicas, 3);
    await again.close();
  } finally {
    await Promise.all(cluster.map((nats) => nats.kill()));
  }
});

Deno.test("A room outlives all of its servers, and what somebody said who left", withNats, async () => {
  await using folder = new TestFolder();
  await using nats = await NatsServer.start({ folder: folder.path });
  const sharing = ["--nats", `nats://${nats.address}`, "--room", "aula"];
  const ports = [freePort(), freePort()] as const;
  const stored = `Sala aula, guardada en NATS (${nats.address}), copias: 1.`;
  {
    await using first = await startServer(ports[0], ...sharing);
    await first.waitForOutput(stored);
    await using second = await startServer(ports[1], ...sharing);
    await using beto = await startClient("beto", ports[1]);
    await using ana = await startClient("ana", ports[0]);
    await beto.waitForOutput("ana (127.0.0.1) se ha conectado");
    await ana.type("hasta luego");
    await Promise.all([ana, beto].map((client) => client.waitForOutput("ana: hasta luego")));
    await ana.type("salir");
    await beto.waitForOutput("ana (127.0.0.1) se ha desconectado");
    for (const server of [first, second]) server.sendSignal("SIGKILL");
  }
  await nats.kill();
  nats.start();
  await nats.answers();
  await using third = await startServer(ports[0], ...sharing);
  await third.waitForOutput(stored);
  await using eva = await startClient("eva", ports[0]);
  await eva.waitForOutput("ana: hasta luego");
  await third.type("salir");
  await third.expectExit(0);
});

Deno.test(
  "A server that cannot listen, or whose room cannot go on, takes leave of NATS and of its clients",
  withNats,
  () =>
    inNats(async ({ store, leases }, nats) => {
      await leases.acquire("a:1");
      const alone = await leases.list();
      const sharing = ["--nats", nats.address, "--room", "aula"];
      using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
      await using server = new PipedProgram(
        ...["server", "--host", LOOPBACK, "--port", `${taken.addr.port}`, ...sharing] as const,
      );
      const inUse = `El puerto ${taken.addr.port} ya está en uso en ${LOOPBACK}: elija otro.\n`;
      await server.expectExit(1, inUse);
      assertEquals(await leases.list(), alone);

      const port = freePort();
      await using other = await startServer(port, ...sharing);
      await using ana = await startClient("ana", port);
      assertEquals((await leases.list()).size, 2);
      const newer = encodeBatchHeader({ nodeId: 1n, batchSeq: 1 });
      newer[5]!++;
      await store.append(newer, { id: "newer" });
      await ana.waitForOutput("el servidor se ha cerrado");
      await other.expectExit(1, "Otro servidor de la sala es de una versión más nueva: actualice este.\n");
      assertEquals(await leases.list(), alone);
    }),
);

Deno.test("A server without NATS says so and ends", withNats, async () => {
  const url = `nats://${LOOPBACK}:${freePort()}`;
  await using server = new PipedProgram("server", "--port", "1", "--nats", url, "--room", "aula");
  await server.expectExit(1, `No se pudo hablar con NATS en ${url.slice(7)}: ahí no escucha nadie.\n`);
});

const STARTING = "NATS está arrancando o tarda en responder: se espera hasta 30 s.";

Deno.test("chat-server --nats waits for a NATS cluster that starts", withNats, async () => {
  await using folder = new TestFolder();
  const cluster = natsCluster({ folder: folder.path, size: 3 });
  const [first, ...others] = cluster;
  try {
    first!.start(); // it has no leader before another one runs
    await first!.answers();
    const port = freePort();
    const flags = ["--host", LOOPBACK, "--port", `${port}`, "--nats", first!.address, "--room", "aula"];
    await using server = new PipedProgram("server", ...flags);
    await server.waitForOutput(STARTING);
    for (const nats of others) nats.start();
    await server.waitForOutput(listening(port));
  } finally {
    await Promise.all(cluster.map((nats) => nats.kill()));
  }
});

for (const how of ["SIGTERM", "SIGINT", "salir"] as const) {
  Deno.test(`chat-server --nats ends by ${how} while it waits for NATS`, async () => {
    using nats = new FakeNats();
    nats.answer = () => "no-responders";
    await using server = new PipedProgram("server", "--port", "1", "--nats", nats.address, "--room", "aula");
    await server.waitForOutput(STARTING);
    if (how === "salir") await server.type(how);
    else server.sendSignal(how);
    await server.expectExit(0);
  });
}
