// Rooms in NATS, with a real nats-server: what JetStream does, and chat-server --nats while servers start and die.

import { assert, assertEquals } from "@std/assert";
import { connectNats, type NatsModuleError } from "../../lib/cluster/nats/connection.ts";
import { openNatsRoom } from "../../lib/cluster/nats/room.ts";
import { NatsStream, STREAM_AGE_MS, STREAM_BYTES } from "../../lib/cluster/nats/stream.ts";
import { type NatsConfig, type NatsRoom, type StoredRecord } from "../../lib/cluster/store.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { caSignedPair } from "../testing/certificates.ts";
import { natsCluster, NatsServer, withNats } from "../testing/nats_server.ts";
import { listening, PipedProgram, startClient, startServer } from "../testing/piped_program.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const textOf = (record: StoredRecord | undefined) => record && new TextDecoder().decode(record.bytes);

type RoomOptions = Partial<NatsConfig> & { nodeId?: bigint };

function openRoom(
  { address }: NatsServer,
  { nodeId = 0xabcn, ...config }: RoomOptions = {},
): Promise<NatsRoom> {
  return openNatsRoom({ servers: [address], isTls: false, ...config }, { room: "aula", nodeId });
}

/** Runs a test with a NATS server of its own. */
function natsTest(
  title: string,
  run: (nats: NatsServer, folder: TestFolder) => Promise<void>,
  options: { hasJetStream?: boolean; args?: string[] } = {},
): void {
  Deno.test(title, withNats, async () => {
    await using folder = new TestFolder();
    await using nats = await NatsServer.start({ ...options, folder: `${folder.path}/nats` });
    await run(nats, folder);
  });
}

/** Runs a test with a room in a NATS server of its own. */
function roomTest(title: string, run: (room: NatsRoom, nats: NatsServer) => Promise<void>): void {
  natsTest(title, async (nats) => {
    const room = await openRoom(nats);
    try {
      await run(room, nats);
    } finally {
      await room.close();
    }
  });
}

async function take(count: number, records: AsyncIterable<StoredRecord>): Promise<StoredRecord[]> {
  const taken: StoredRecord[] = [];
  for await (const record of records) if (taken.push(record) === count) break;
  return taken;
}

roomTest("NatsStream appends a record once per id, finds snapshots, and reads on", async ({ store }) => {
  const reading = take(5, store.read(1));
  assertEquals(await store.append(encode("a"), { id: "a", after: 0 }), 1);
  assertEquals(await store.append(encode("a"), { id: "a" }), 1);
  assertEquals(await store.append(encode("x"), { id: "x", after: 0 }), undefined);
  for (const text of ["b", "c", "d", "e"]) {
    await store.append(encode(text), { id: text, isSnapshot: text === "b" || text === "d" });
  }
  const all = await withTimeout(reading, "five records");
  assertEquals(all.map((record) => `${record.position}${textOf(record)}`), ["1a", "2b", "3c", "4d", "5e"]);
  assertEquals(all.map(({ isSnapshot }) => isSnapshot), [false, true, false, true, false]);
  assert(all.every(({ timeMs, isAfterGap }) => Math.abs(Date.now() - timeMs) < 60_000 && !isAfterGap));
  assertEquals((await take(2, store.read(3))).map(textOf), ["c", "d"]);
  const found = await Promise.all([1, 3, 5, 99].map((from) => store.findSnapshotFrom(from)));
  assertEquals(found.map(textOf), ["b", "d", "d", "d"]);
  const { firstPosition, lastPosition, recordCount } = (await store.state())!;
  assertEquals([firstPosition, lastPosition, recordCount], [1, 5, 5]);
});

roomTest("NatsStream lifts its limits, and notices that it is deleted", async ({ store }, nats) => {
  const { nc, manager: { streams } } = await connectNats({ servers: [nats.address], isTls: false });
  const limits = async () => {
    const { config: { max_bytes, max_age } } = await streams.info("CHAT_aula");
    return [max_bytes, max_age / 1_000_000];
  };
  await store.setUnlimited(true);
  assertEquals(await limits(), [-1, 0]);
  await store.setUnlimited(false);
  assertEquals(await limits(), [STREAM_BYTES, STREAM_AGE_MS]);
  await streams.delete("CHAT_aula");
  assertEquals(await store.state(), undefined);
  await nc.close();
});

/** Appends records, each until NATS has taken it. */
async function appendAll(store: NatsRoom["store"], ...texts: string[]): Promise<void> {
  for (const text of texts) {
    while (!await store.append(encode(text), { id: text }).catch(() => undefined));
  }
}

natsTest("NatsStream.read() gives its last record again from a restored store", async (nats, folder) => {
  const [now, copy] = [`${folder.path}/nats`, `${folder.path}/copy`];
  const { store, close } = await openRoom(nats);
  const restart = async (between: () => Promise<void>) => {
    await nats.kill();
    await between();
    nats.start();
    await nats.answers();
  };
  await appendAll(store, "a");
  await restart(() => copyFolder(now, copy));
  const read: string[] = [];
  const reading = (async () => {
    for await (const record of store.read(1)) {
      read.push(`${record.position}${textOf(record)}${record.isAfterGap ? " gap" : ""}`);
    }
  })();
  await appendAll(store, "b", "c");
  await waitFor(() => read.includes("3c"));
  await restart(async () => {
    await Deno.remove(now, { recursive: true });
    await copyFolder(copy, now);
  });
  await appendAll(store, "x", "y", "z");
  await waitFor(() => read.includes("4z"));
  assertEquals(read.filter((text, index) => text !== read[index - 1]), ["1a", "2b", "3c", "3y", "4z"]);
  await close();
  await reading;
});

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

natsTest("NatsStream.read() fetches some records ahead, and goes on at once", async (nats) => {
  const link = await connectNats({ servers: [nats.address], isTls: false });
  const store = await NatsStream.open(link, "aula", [nats.address]);
  const [big, count] = [new Uint8Array(50_000), 200];
  for (let n = 0; n < count; n++) await store.append(big, { id: `${n}` });
  const { inBytes } = link.nc.stats();
  const records = store.read(1);
  await records.next();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert(link.nc.stats().inBytes - inBytes < count / 2 * big.length);
  await withTimeout(take(count - 1, records), "the rest");
  store.close();
  await link.nc.close();
});

/** The code of the error of opening a room. */
async function openError(nats: NatsServer, options: RoomOptions = {}): Promise<string> {
  const error = await openRoom(nats, options).then((room) => room.close(), (error) => error);
  assert(error instanceof Error && error.name === "NatsModuleError", Deno.inspect(error));
  const { message, details, code } = error as NatsModuleError;
  assertEquals(JSON.stringify([message, details]).includes("s3cret"), false);
  return code;
}

const ANA = { type: "user", user: "ana", password: "s3cret" } as const;

natsTest(
  "openNatsRoom() calls wrong credentials `nats-refused`, and shows no password",
  async (nats) => {
    assertEquals(await openError(nats), "nats-refused");
    assertEquals(await openError(nats, { credentials: { ...ANA, password: "s3cret2" } }), "nats-refused");
    await (await openRoom(nats, { credentials: ANA })).close();
  },
  { args: ["--user", ANA.user, "--pass", ANA.password] },
);

natsTest(
  "openNatsRoom() finds the server that has JetStream, or says `nats-no-jetstream`",
  async (plain, folder) => {
    assertEquals(await openError(plain), "nats-no-jetstream");
    assertEquals(await openError(plain, { isTls: true }), "nats-tls");
    await using complete = await NatsServer.start({ folder: folder.path });
    for (let i = 0; i < 4; i++) { // the library connects to either
      const { nc } = await connectNats({ servers: [plain.address, complete.address], isTls: false });
      assertEquals(nc.getServer(), complete.address);
      await nc.close();
    }
  },
  { hasJetStream: false },
);

Deno.test("openNatsRoom() needs a certificate of a trusted authority", withNats, async () => {
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
  assertEquals(await room.store.append(encode("a"), { id: "a" }), 1);
  await room.close();
  assertEquals(await openError(nats, { isTls: true }), "nats-tls");
  const other = await start("10.0.0.7");
  await using __ = other.nats;
  assertEquals(await openError(other.nats, { isTls: true, ca: other.ca }), "nats-tls");
});

/** Runs a test with the servers of a NATS cluster, which it starts. */
function clusterTest(title: string, run: (cluster: NatsServer[]) => Promise<void>): void {
  Deno.test(title, withNats, async () => {
    await using folder = new TestFolder();
    const cluster = natsCluster({ folder: folder.path, size: 3 });
    try {
      await run(cluster);
    } finally {
      await Promise.all(cluster.map((nats) => nats.kill()));
    }
  });
}

natsTest("chat-server --nats finds the room again after all servers and NATS died", async (nats) => {
  const flags = ["--nats", `nats://${nats.address}`, "--room", "aula"];
  const ports = [freePort(), freePort()] as const;
  const stored = `Sala aula, guardada en NATS (${nats.address}), copias: 1.`;
  {
    await using first = await startServer(ports[0], ...flags);
    await first.waitForOutput(stored);
    await using second = await startServer(ports[1], ...flags);
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
  await using third = await startServer(ports[0], ...flags);
  await third.waitForOutput(stored);
  await using eva = await startClient("eva", ports[0]);
  await eva.waitForOutput("ana: hasta luego");
  await third.type("salir");
  await third.expectExit(0);
});

const STARTING = "NATS se está iniciando o tarda en responder: el servidor espera hasta 30 s.";

clusterTest("chat-server --nats waits for a NATS cluster that starts", async ([first, ...others]) => {
  first!.start(); // it has no leader before another one runs
  await first!.answers();
  const port = freePort();
  const flags = ["--host", LOOPBACK, "--port", `${port}`, "--nats", first!.address, "--room", "aula"];
  await using server = new PipedProgram("server", ...flags);
  await server.waitForOutput(STARTING);
  for (const nats of others) nats.start();
  await server.waitForOutput(listening(port), "copias: 3.");
});
