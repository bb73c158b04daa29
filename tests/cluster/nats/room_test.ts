// Rooms and leases in NATS: what is created, and a bucket whose leader is not elected yet.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { openNatsRoom } from "../../../lib/cluster/nats/room.ts";
import { apiError, FakeJetStream } from "../../testing/fake_jetstream.ts";

const openRoom = ({ address }: FakeJetStream, nodeId = 7n) =>
  openNatsRoom({ servers: [address], isTls: false }, { room: "aula", nodeId });

Deno.test("NatsLeases.acquire() waits for a bucket that has no leader yet", async () => {
  using nats = new FakeJetStream();
  const room = await openRoom(nats);
  const puts = () => nats.subjects.filter((subject) => subject === "$KV.chat_aula.0000000000000007").length;
  // Nobody subscribes to the subjects of a stream without a leader.
  nats.intercept = ({ subject }) => subject.startsWith("$KV.") && puts() < 3 ? "no-responders" : undefined;
  await room.leases.acquire("a:1");
  assertEquals([puts(), nats.streams.get("KV_chat_aula")?.messages.length], [3, 1]);
  await room.close();
});

Deno.test("NatsLeases.acquire() gives its error a code", async () => {
  using nats = new FakeJetStream();
  const room = await openRoom(nats);
  nats.intercept = ({ subject }) => subject.startsWith("$KV.") ? apiError(10_047) : undefined;
  const error = await assertRejects(() => room.leases.acquire("a:1"), Error);
  assertEquals([error.name, (error as Error & { code: string }).code], ["NatsModuleError", "nats-full"]);
  assert(nats.connections === 1);
  await room.close();
});
