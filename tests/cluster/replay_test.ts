// Rooms on one commit log: two servers make the same room of the same entries, however late they read them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Instant } from "../../lib/base/time.ts";
import { InputError } from "../../lib/errors.ts";
import type { Apply, CommitLog } from "../../lib/room/commit_log.ts";
import { type Hello, MAX_BACKUPS, NEVER_CAUGHT_UP, type ProposedEvent } from "../../lib/protocol/frames.ts";
import type { JoinResult } from "../../lib/room/room.ts";
import { newRoom } from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;

const at = (ms: number): Instant => ({ wallMs: 1_700_000_000_000 + ms, monotonicMs: ms });

/** What all servers have stored, in one order. */
type Shared = { readonly entry: ProposedEvent; readonly nodeId: bigint }[];

/** Stores what is proposed and gives it back when it is told to. */
class ManualCommitLog implements CommitLog {
  readonly logId = 9n;
  readonly firstSeq = 0;
  readonly snapshot = [];
  readonly isBlocked = false;
  readonly nodeId: bigint;
  readonly #shared: Shared;
  #proposed: ProposedEvent[] = [];
  #given = 0;
  #take: Apply = () => {};

  constructor(shared: Shared, nodeId: bigint) {
    this.#shared = shared;
    this.nodeId = nodeId;
  }

  subscribe(take: Apply): void {
    this.#take = take;
  }

  propose(entry: ProposedEvent): void {
    this.#proposed.push(entry);
  }

  /** Returns how many entries that were. */
  store(): number {
    const stored = this.#proposed.splice(0);
    this.#shared.push(...stored.map((entry) => ({ entry, nodeId: this.nodeId })));
    return stored.length;
  }

  deliver(): void {
    for (; this.#given < this.#shared.length; this.#given++) {
      const { entry, nodeId } = this.#shared[this.#given]!;
      this.#take(entry, this.#given, at(this.#given), nodeId !== this.nodeId);
    }
  }
}

/** One of the servers of a room. */
function newServer(shared: Shared, nodeId: bigint) {
  const commitLog = new ManualCommitLog(shared, nodeId);
  const taken: [nick: string, isKicked: boolean][] = [];
  const room = newRoom({ commitLog, graceMs: 100 });
  room.onTakenOver = ({ nick }, { isKicked }) => taken.push([nick, isKicked]);
  return { commitLog, room, taken };
}

type Server = ReturnType<typeof newServer>;

function arrive({ room }: Server, nick: string, again: () => void = () => {}, address = "10.0.0.7") {
  const hello: Hello = {
    ...{ type: "hello", version: 1, resumeToken: new Uint8Array(16), password: "", nick },
    ...{ lagMs: NEVER_CAUGHT_UP, historyCount: 0, resumePoints: [] },
  };
  const request = { hello, sessionId: BigInt(nick.length), address };
  return () => room.join(request, at(50), again);
}

/** Somebody comes in, and both servers know of it. */
function letIn(server: Server, other: Server, nick: string): JoinResult {
  const attempt = arrive(server, nick);
  attempt();
  server.commitLog.store();
  for (const { commitLog } of [server, other]) commitLog.deliver();
  return attempt()!;
}

function newPair(): [Server, Server] {
  const shared: Shared = [];
  return [newServer(shared, 1n), newServer(shared, 2n)];
}

Deno.test(
  "Who comes back to a server that knows them has still to be read back: they may have been elsewhere",
  pure,
  () => {
    const [one, other] = newPair();
    letIn(one, other, "ana");
    arrive(other, "ana")();
    other.commitLog.store();
    // The first has not heard of it yet.
    const attempt = arrive(one, "ana");
    assertEquals(attempt(), undefined);
    one.commitLog.store();
    one.commitLog.deliver();
    assertEquals(attempt()?.member.nodeId, 1n);
    assertEquals(one.taken, [["ana", false]]);
    other.commitLog.deliver();
    assertEquals([...other.room.nodeIds()], [1n]);
  },
);

Deno.test("What another server does to somebody is no answer to what this one asked for", pure, () => {
  const [one, other] = newPair();
  let answers = 0;
  arrive(other, "ana", () => answers++)();
  arrive(one, "ana")();
  one.commitLog.store();
  other.commitLog.deliver();
  assertEquals(answers, 0);
  other.commitLog.store();
  other.commitLog.deliver();
  assertEquals(answers, 1);
});

Deno.test("A server that loses the connection of somebody who is elsewhere says nothing of it", pure, () => {
  const [one, other] = newPair();
  const { member } = letIn(one, other, "ana");
  letIn(other, one, "ana");
  assertEquals([one.room.disconnect([member], at(60)), member.resumableUntilMs], [Infinity, undefined]);
  one.room.leave(member, at(61));
  one.room.expire(at(1_000));
  assertEquals(one.commitLog.store(), 0);
});

Deno.test("A grace ends where somebody goes elsewhere", pure, () => {
  const [one, other] = newPair();
  const { member } = letIn(one, other, "ana");
  assertEquals(one.room.disconnect([member], at(60)), 160);
  letIn(other, one, "ana");
  assertEquals([member.resumableUntilMs, one.room.expire(at(1_000))], [undefined, Infinity]);
  assertEquals(one.commitLog.store(), 0);
  assertEquals(one.room.size, 1);
});

Deno.test("A departure that comes too late for somebody who moved comes to nothing, everywhere", pure, () => {
  const [one, other] = newPair();
  const { member } = letIn(one, other, "ana");
  one.room.disconnect([member], at(0));
  one.room.expire(at(1_000));
  arrive(other, "ana")();
  other.commitLog.store();
  assertEquals(one.commitLog.store(), 1);
  for (const { commitLog } of [one, other]) commitLog.deliver();
  assertEquals([one.room.size, other.room.size, one.room.log.head], [1, 1, 3]);
});

Deno.test(
  "Who is thrown out by another server is taken, and so is nobody who left by themselves",
  pure,
  () => {
    const [one, other] = newPair();
    const { member } = letIn(one, other, "ana");
    other.room.kick(other.room.findByNick("ana")!, at(60));
    other.commitLog.store();
    one.commitLog.deliver();
    assertEquals([one.taken, one.room.size], [[["ana", true]], 0]);
    const { member: eva } = letIn(one, other, "eva");
    one.room.leave(eva, at(70));
    one.commitLog.store();
    one.commitLog.deliver();
    other.commitLog.deliver();
    assertEquals([one.taken.length, one.room.size, member === eva], [1, 0, false]);
    // Nobody was in through the other one.
    assertEquals([other.taken, other.room.size], [[], 0]);
  },
);

Deno.test("A server that is gone takes along those who were in through it, and no others", pure, () => {
  const [one, other] = newPair();
  letIn(one, other, "ana");
  letIn(other, one, "beto");
  other.room.nodeDown(1n, at(60));
  assertEquals(other.commitLog.store(), 1);
  for (const { commitLog } of [one, other]) commitLog.deliver();
  assertEquals([...other.room.members].map(({ nick }) => nick), ["beto"]);
  assertEquals(one.taken, [["ana", false]]);
});

Deno.test("A departure that comes too late takes nobody from the server where they are by now", pure, () => {
  const [one, other] = newPair();
  const { member } = letIn(other, one, "ana");
  other.room.disconnect([member], at(0));
  other.room.expire(at(1_000));
  const attempt = arrive(one, "ana");
  attempt();
  for (const { commitLog } of [one, other]) commitLog.store();
  for (const { commitLog } of [one, other]) commitLog.deliver();
  assertEquals([one.taken, other.taken], [[], [["ana", false]]]);
  assertEquals(attempt()?.member.nodeId, 1n);
});

Deno.test(
  "A server that starts again waits for those who were in through it, and for no others",
  pure,
  () => {
    const shared: Shared = [];
    const [one, other] = [newServer(shared, 1n), newServer(shared, 2n)];
    letIn(one, other, "ana");
    const [again, third] = [newServer(shared, 1n), newServer(shared, 3n)].map((server) => {
      server.commitLog.deliver();
      return server.room.disconnect(server.room.members, at(1_000));
    });
    assertEquals([again, third], [1_100, Infinity]);
  },
);

Deno.test(
  "Who moves to another server is listed on all of them with the address that they have now",
  pure,
  () => {
    const [one, other] = newPair();
    letIn(one, other, "ana");
    arrive(other, "ana", () => {}, "10.0.0.99")();
    other.commitLog.store();
    for (const { commitLog } of [one, other]) commitLog.deliver();
    const lists = [letIn(one, other, "lucas"), letIn(other, one, "martina")].map(({ membersBytes }) =>
      membersBytes
    );
    for (const list of lists) assert(new TextDecoder().decode(list).includes("10.0.0.99"));
  },
);

Deno.test(
  "Each person is given the servers of a room beginning with another, to go to when theirs falls",
  pure,
  () => {
    const [one, other] = newPair();
    one.room.backups.setCluster(["a:1", "b:2"], at(0));
    one.commitLog.store();
    const given = ["ana", "beto"].map((nick) => letIn(one, other, nick).welcome.backups);
    assertEquals(given, [["b:2", "a:1"], ["a:1", "b:2"]]);
  },
);

Deno.test(
  "A server that serves the room cannot be removed, though it is a configured backup as well",
  pure,
  () => {
    const [{ room: { backups }, commitLog }] = newPair();
    backups.setCluster(["a:1", "b:2"], at(0));
    backups.add("a:1", at(0));
    commitLog.store();
    commitLog.deliver();
    const { code } = assertThrows(() => backups.remove("a:1", at(0)), InputError);
    assertEquals<string>(code, "backup-serves");
  },
);

Deno.test("Clients are told of no more servers of a room than they take", pure, () => {
  const [one] = newPair();
  one.room.backups.setCluster(Array.from({ length: MAX_BACKUPS + 1 }, (_, i) => `a:${i + 1}`), at(0));
  one.commitLog.store();
  one.commitLog.deliver();
  assertEquals(one.room.backups.clusterServers.length, MAX_BACKUPS);
});
