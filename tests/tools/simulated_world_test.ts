// The world that the simulator makes for programs: what it does to them must be what a system does.

import { assertEquals, assertThrows } from "@std/assert";
import { encodeClient, sessionIdOf } from "../../lib/protocol/frames.ts";
import { Ledger } from "../../tools/simulator/ledger.ts";
import { type Link, Network } from "../../tools/simulator/network.ts";
import { currentProcess, Process, simulateGlobals } from "../../tools/simulator/process.ts";
import { addressOf, Server } from "../../tools/simulator/server.ts";
import { Disk } from "../../tools/simulator/stores.ts";
import { Timeline } from "../../tools/simulator/timeline.ts";
import type { World } from "../../tools/simulator/world.ts";
import { Random } from "../testing/random.ts";
import { makeHello } from "../testing/raw_peer.ts";
import { testConfig } from "../testing/test_config.ts";
import { pure } from "../testing/test_options.ts";

const ADDRESS = { host: "192.0.2.1", port: 5_000 };
const LINK: Link = { latencyMs: 1, jitterMs: 0, loss: 0, sliced: 0 };

function newWorld(): World {
  const timeline = new Timeline();
  return { timeline, random: new Random(1), ledger: new Ledger(timeline), network: new Network() };
}

Deno.test("Process.run() throws while another process may go on", pure, async () => {
  const world = newWorld();
  const [one, other] = [new Process(world), new Process(world)];
  world.timeline.at(1, () => {
    one.run(() => {});
    assertThrows(() => other.run(() => {}), Error, "Another process runs");
  });
  world.timeline.at(2, () => other.run(() => {}));
  await world.timeline.runUntil(3);
});

Deno.test("SimulatedSocket has its process go on while the peer has more to write", pure, async () => {
  const world = newWorld();
  const { timeline, network } = world;
  const [client, server] = [new Process(world), new Process(world)];
  const listener = network.listen(server, ADDRESS);
  const runs: string[] = [];
  client.post(async () => {
    const options = { process: client, address: "192.0.2.9", link: LINK, windowBytes: 1 };
    const { socket } = await network.dial(ADDRESS, { ...options, signal: undefined, client: undefined });
    while (await socket.read(new Uint8Array(8)) !== null) {
      runs.push(currentProcess() === client ? "client" : "server");
    }
  });
  server.post(async () => {
    const socket = await listener.accept();
    for (let left = 3; left > 0; left--) await socket.write(new Uint8Array(1));
    socket.close();
  });
  await timeline.runUntil(1_000);
  assertEquals(runs, ["client", "client", "client"]);
});

Deno.test("Disk takes what a sync does of a process that is dead for nothing", pure, async () => {
  const world = newWorld();
  const { timeline, random } = world;
  using _ = simulateGlobals(random);
  const disk = new Disk(world, { isGood: true });
  const start = () => {
    const process = new Process(world);
    const texts: string[] = [];
    const opened = disk.open(process, testConfig());
    process.post(async () => {
      const { commitLog } = await opened;
      commitLog.subscribe(
        (event) => event.type === "announced" && texts.push(event.text),
        () => process.post(() => commitLog.deliver()),
      );
    });
    const announce = (text: string) =>
      process.post(async () => {
        (await opened).commitLog.propose({ type: "announced", timeMs: 0, text }, process.clock());
      });
    return { process, texts, announce };
  };
  const killed = start();
  killed.announce("one");
  await timeline.runUntil(0.05); // it syncs now, for at least 0.1 ms
  killed.process.exit();
  disk.fail(100);
  const next = start();
  await timeline.runUntil(200);
  for (let text = 2; text < 30; text++) next.announce(`${text}`);
  await timeline.runUntil(400);
  next.process.exit();
  disk.onPowerCut();
  const last = start();
  await timeline.runUntil(500);
  assertEquals(next.texts.length, 29);
  assertEquals(last.texts, next.texts);
});

Deno.test("Server tells the ledger of no connection that ends before WELCOME", pure, async () => {
  const world = newWorld();
  const { timeline, random, network, ledger } = world;
  using _ = simulateGlobals(random);
  const storage = new Disk(world, { isGood: true });
  const start = () => new Server("server", world, { place: 0, storage, onDown() {} });
  const killed = start();
  const process = new Process(world);
  const hello = makeHello("ana");
  const sessionId = sessionIdOf(hello.resumeToken);
  ledger.addClient(sessionId, "ana");
  process.post(async () => {
    // The server writes WELCOME byte by byte, and is still at it when it is killed.
    const options = { process, address: "192.0.2.9", link: LINK, windowBytes: 1, client: { sessionId } };
    const { socket } = await network.dial(addressOf(0), { ...options, signal: undefined });
    await socket.write(encodeClient(hello));
    await socket.closeWrite(); // arrives before the disk has synced the join
  });
  await timeline.runUntil(50);
  assertEquals(killed.memberCount, 1);
  killed.crash("killed");
  const next = start();
  await timeline.runUntil(10_000);
  assertEquals([ledger.problems, next.head, next.memberCount], [[], 2, 0]);
});
