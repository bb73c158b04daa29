// Cluster: how a server becomes a node, and leaves; and how users of NATS write where it is.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import {
  Cluster,
  type ClusterHost,
  type NatsTarget,
  parseCredentials,
  parseNats,
  parseRoom,
} from "../../lib/cluster/cluster.ts";
import { NatsModuleError } from "../../lib/cluster/nats/connection.ts";
import { decodeSnapshot } from "../../lib/cluster/store.ts";
import type { NatsConfig, OpenNatsRoom } from "../../lib/cluster/store.ts";
import { InputError, NatsError } from "../../lib/errors.ts";
import { clusterConfig, said } from "../testing/cluster_node.ts";
import { FakeLeases, FakeLog, FakeStore } from "../testing/fake_store.ts";
import { caSignedPair } from "../testing/certificates.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { pure } from "../testing/test_options.ts";
import { waitFor } from "../testing/waiting.ts";

const TARGET: NatsTarget = { ...parseNats("nats://10.0.0.7"), room: "aula" };

/** A cluster whose store and leases are in memory, and the calls of its node's server. */
async function openCluster(
  config: Parameters<typeof clusterConfig>[0] = {},
  target: Partial<NatsTarget> = {},
) {
  const log = new FakeLog();
  const leases = new FakeLeases();
  let [nodeId, closed] = [0n, 0];
  const openNatsRoom: OpenNatsRoom = (_, options) => {
    ({ nodeId } = options);
    const store = Object.assign(new FakeStore(log), { replicas: 3 });
    return Promise.resolve({ store, leases, close: () => (store.close(), closed++, Promise.resolve()) });
  };
  const cluster = await Cluster.open(
    { target: { ...TARGET, ...target }, openNatsRoom },
    clusterConfig({ renewMs: 5, ...config }),
    systemClock,
  );
  const published: string[] = [];
  const host = {
    address: { host: "10.0.0.1", port: 5_000 },
    nodeIds: [],
    clusterServers: [],
    nodeDown: () => {},
    publishOwnBackups: () => published.push("own"),
    setClusterServers: (addresses: readonly string[]) => published.push(addresses.join()),
  } satisfies ClusterHost;
  return { log, leases, cluster, host, published, nodeId, isClosed: () => closed > 0 };
}

const FINGERPRINT = `SHA256:${"A".repeat(43)}`;
const ADDRESSES = [
  { title: "where the server listens", address: "10.0.0.1:5000" },
  { title: "with the fingerprint", fingerprint: FINGERPRINT, address: `10.0.0.1:5000#${FINGERPRINT}` },
  { title: "that --advertise gives", advertised: "chat.example:6000", address: "chat.example:6000" },
  { title: "that --advertise gives for 0.0.0.0", host: "0.0.0.0", advertised: "a:6000", address: "a:6000" },
  { title: "of no server at 0.0.0.0", host: "0.0.0.0", address: "" },
  { title: "of no server at [::]", host: "::", address: "" },
  { title: "of no server at a link-local address", host: "fe80::1%eth0", address: "" },
];

for (const { title, fingerprint, advertised, address, host: listening = "10.0.0.1" } of ADDRESSES) {
  Deno.test(`Cluster.attach() announces the address ${title}`, async () => {
    const { leases, cluster, host, published } = await openCluster({}, { advertised });
    assertEquals([leases.addresses, cluster.replicas], [[""], 3]);
    cluster.attach({ ...host, address: { host: listening, port: 5_000 } }, { fingerprint });
    await waitFor(() => leases.addresses.length > 1);
    assertEquals([leases.addresses[1], cluster.isRoutable, published[0]], [address, address !== "", "own"]);
    await cluster.close();
  });
}

for (const isLeader of [true, false]) {
  const which = isLeader ? "the leader" : "no other node";
  Deno.test(`Cluster.attach() lets ${which} publish the nodes and write due snapshots`, async () => {
    const { log, leases, cluster, host, nodeId, published } = await openCluster({ snapshotIntervalMs: 0 });
    leases.nodes.set(nodeId, "a:1").set(isLeader ? 2n ** 64n : 0n, "b:2");
    cluster.attach(host, {});
    await waitFor(() => leases.renewals > 4 && (!isLeader || log.records.length > 1));
    assertEquals([published.includes("a:1,b:2"), log.records.length > 1], [isLeader, isLeader]);
    if (isLeader) assertEquals(decodeSnapshot(log.records[1]!.bytes).logId, cluster.commitLog.logId);
    await cluster.close();
  });
}

Deno.test("Cluster.attach() notices at its polls that the store was restored from a copy", async () => {
  const { log, cluster, host } = await openCluster();
  cluster.commitLog.subscribe(() => {}, () => cluster.commitLog.deliver());
  cluster.commitLog.propose(said(1n, 1));
  await waitFor(() => log.records.length === 2);
  log.records.length--;
  cluster.attach(host, {});
  assertEquals((await assertRejects(() => cluster.commitLog.failed, NatsError)).code, "nats-log-back");
  await cluster.close();
});

Deno.test("Cluster.close() stores what was proposed, releases the lease, and closes NATS, once", async () => {
  const { log, leases, cluster, host, isClosed } = await openCluster({ leaveTimeoutMs: 60_000 });
  cluster.commitLog.subscribe(() => {}, () => cluster.commitLog.deliver());
  cluster.attach(host, {});
  log.faults.push("lost");
  cluster.commitLog.propose(said(1n, 1));
  const closing = cluster.close();
  assertEquals(isClosed(), false);
  assert(cluster.close() === closing);
  await closing;
  assertEquals([log.records.length, leases.isReleased, isClosed()], [2, true, true]);
});

Deno.test("Cluster.close() waits leaveTimeoutMs for a NATS that does not answer", async () => {
  const { log, leases, cluster, isClosed } = await openCluster({ leaveTimeoutMs: 20 });
  leases.release = () => new Promise(() => {});
  log.isDown = true;
  cluster.commitLog.propose(said(1n, 1));
  await cluster.close();
  assertEquals([log.records.length, isClosed()], [1, true]);
});

/** Opens a cluster with what NATS does. Returns its configuration, and the error of opening it. */
async function openFailing(target: Partial<NatsTarget>, cause: Error): Promise<[NatsConfig, NatsError]> {
  let config: NatsConfig | undefined;
  const openNatsRoom: OpenNatsRoom = (given) => (config = given, Promise.reject(cause));
  const opening = Cluster.open(
    { target: { ...TARGET, ...target }, openNatsRoom },
    clusterConfig(),
    systemClock,
  );
  const error = await assertRejects(() => opening, NatsError);
  assertEquals(error.cause, cause);
  return [config!, error];
}

Deno.test("Cluster.open() throws a NatsError with the code of the NATS module", async () => {
  const [, known] = await openFailing({}, new NatsModuleError("nats-full", { a: "b" }));
  assertEquals([known.code, known.details], ["nats-full", { a: "b" }]);
  const [, other] = await openFailing({}, new Error("why"));
  assertEquals([other.code, other.details], ["nats-unreachable", {
    servers: "10.0.0.7:4222",
    reason: "why",
  }]);
});

Deno.test("Cluster.open() reads --nats-creds, and with --nats-ca speaks TLS", writing, async () => {
  await using folder = new TestFolder();
  const { ca } = await caSignedPair("10.0.0.7");
  const [credentialsFile, caFile] = [await folder.file("creds", "ana:x\n"), await folder.file("ca.pem", ca)];
  const own = { type: "token", token: "t" } as const;
  const [plain] = await openFailing({ credentials: own }, new Error("no"));
  assertEquals([plain.credentials, plain.isTls, plain.ca], [own, false, undefined]);
  const [config] = await openFailing({ credentials: own, credentialsFile, caFile }, new Error("no"));
  assertEquals(config.credentials, { type: "user", user: "ana", password: "x" });
  assertEquals([config.isTls, config.ca], [true, ca]);
});

Deno.test("Cluster.open() closes NATS if the log cannot be opened", async () => {
  let closed = 0;
  const store = new FakeStore(new FakeLog());
  store.state = () => Promise.reject(new NatsError("nats-unread"));
  const nats = { store, leases: new FakeLeases(), close: () => (closed++, Promise.resolve()) };
  const opening = Cluster.open(
    { target: TARGET, openNatsRoom: () => Promise.resolve(nats) },
    clusterConfig(),
    systemClock,
  );
  const { code } = await assertRejects(() => opening, NatsError);
  assertEquals([code, closed], ["nats-unread", 1]);
});

Deno.test("parseNats() reads what users of NATS write", pure, () => {
  assertEquals(parseNats("nats://10.0.0.7:4333"), {
    servers: ["10.0.0.7:4333"],
    credentials: undefined,
    isTls: false,
  });
  assertEquals(parseNats("nats://a, b:4223 ,nats://[::1]:4224/").servers, ["a:4222", "b:4223", "[::1]:4224"]);
  assertEquals(parseNats("TLS://a,nats://b").isTls, true);
});

Deno.test("parseNats() takes user and password, or a token, out of the address", pure, () => {
  const { servers, credentials } = parseNats("nats://a,nats://ana:p%40ss:w@b:4222");
  assertEquals(servers, ["a:4222", "b:4222"]);
  assertEquals(credentials, { type: "user", user: "ana", password: "p@ss:w" });
  assertEquals(parseNats("s3cret@a").credentials, { type: "token", token: "s3cret" });
});

const NO_ADDRESSES = ["", "http://a", "nats://", "nats://a:0", "nats://a,,b", "a b", "nats://u:secret@a/b"];
for (const text of [...NO_ADDRESSES, "nats://u:x@secret@a/b"]) {
  Deno.test(`parseNats() refuses ${JSON.stringify(text)}, and shows no password`, pure, () => {
    const error = assertThrows(() => parseNats(text), InputError);
    assertEquals(error.code, "nats-url-invalid");
    assertEquals(`${error.message}${error.details.url}`.includes("secret"), false);
  });
}

Deno.test("parseCredentials() knows NATS's own files, passwords and tokens", pure, () => {
  const own = "-----BEGIN NATS USER JWT-----\neyJ\n------END NATS USER JWT------\n";
  assertEquals(parseCredentials(own, "f"), { type: "creds", text: own });
  const password = parseCredentials("ana:p%40:x\r\nmore", "f");
  assertEquals(password, { type: "user", user: "ana", password: "p%40:x" });
  assertEquals(parseCredentials("  s3cret \n", "f"), { type: "token", token: "s3cret" });
  for (const text of ["", "\nana:x"]) {
    const error = assertThrows(() => parseCredentials(text, "f"), InputError);
    assertEquals([error.code, error.details.path], ["nats-creds-invalid", "f"]);
  }
});

Deno.test("parseRoom() takes what can be part of a subject", pure, () => {
  for (const room of ["a", "aula-1_B", "x".repeat(32)]) assertEquals(parseRoom(room), room);
  for (const room of ["", "a b", "a.b", "a*", "año", ">", "x".repeat(33)]) {
    assertEquals(assertThrows(() => parseRoom(room), InputError).code, "room-invalid", room);
  }
});
