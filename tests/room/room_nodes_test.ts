// Room on several nodes: servers make the same room of the same entries, however late they read them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError, ProtocolError } from "../../lib/errors.ts";
import { MAX_BACKUPS, type ProposedEvent } from "../../lib/protocol/frames.ts";
import type { Apply, CommitLog } from "../../lib/room/commit_log.ts";
import type { JoinResult } from "../../lib/room/room.ts";
import { makeHello } from "../testing/raw_peer.ts";
import { at, membersOf, newRoom } from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

/** What all nodes have stored, in one order. */
type SharedLog = { readonly entry: ProposedEvent; readonly nodeId: bigint }[];

/** Stores what is proposed, and delivers it, when a test says so. */
class ManualCommitLog implements CommitLog {
  readonly logId = 9n;
  readonly firstSeq = 0;
  readonly snapshot = [];
  readonly isBlocked = false;
  readonly nodeId: bigint;
  readonly #shared: SharedLog;
  #proposed: ProposedEvent[] = [];
  #delivered = 0;
  #apply: Apply = () => {};

  constructor(shared: SharedLog, nodeId: bigint) {
    this.#shared = shared;
    this.nodeId = nodeId;
  }

  subscribe(apply: Apply): void {
    this.#apply = apply;
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
    for (; this.#delivered < this.#shared.length; this.#delivered++) {
      const { entry, nodeId } = this.#shared[this.#delivered]!;
      this.#apply(entry, this.#delivered, at(this.#delivered), nodeId !== this.nodeId);
    }
  }
}

function newNode(shared: SharedLog, nodeId: bigint) {
  const commitLog = new ManualCommitLog(shared, nodeId);
  const takenOver: [nick: string, isKicked: boolean][] = [];
  const room = newRoom({ commitLog, graceMs: 100 });
  room.onTakenOver = ({ nick }, { isKicked }) => takenOver.push([nick, isKicked]);
  return { commitLog, room, takenOver };
}

type Node = ReturnType<typeof newNode>;

function newPair(): [Node, Node] {
  const shared: SharedLog = [];
  return [newNode(shared, 1n), newNode(shared, 2n)];
}

/** Asks to join until it is answered; the session id is the length of the nick. */
function joining({ room }: Node, nick: string, { onSettled = () => {}, address = "10.0.0.7" } = {}) {
  const request = { hello: makeHello(nick), sessionId: BigInt(nick.length), address };
  return () => room.join(request, at(50), onSettled);
}

/** Stores what some nodes have proposed, in their order, and delivers it to all. Returns how many entries that were. */
function commit(nodes: readonly Node[], from = nodes): number {
  const count = from.reduce((sum, { commitLog }) => sum + commitLog.store(), 0);
  for (const { commitLog } of nodes) commitLog.deliver();
  return count;
}

function join(node: Node, other: Node, nick: string, address?: string): JoinResult {
  const attempt = joining(node, nick, { address });
  attempt();
  commit([node, other], [node]);
  return attempt()!;
}

Deno.test("Room.join() waits for the entry of a known member, who may have been elsewhere", pure, () => {
  const [one, other] = newPair();
  join(one, other, "ana");
  joining(other, "ana")();
  other.commitLog.store();
  // The first has not read that yet.
  const attempt = joining(one, "ana");
  assertEquals(attempt(), undefined);
  commit([one], [one]);
  assertEquals(attempt()?.member.nodeId, 1n);
  assertEquals(one.takenOver, [["ana", false]]);
  other.commitLog.deliver();
  assertEquals([...other.room.nodeIds()], [1n]);
});

Deno.test("Room.join() takes no entry of another node for its answer", pure, () => {
  const [one, other] = newPair();
  let answers = 0;
  joining(other, "ana", { onSettled: () => answers++ })();
  joining(one, "ana")();
  commit([other], [one]);
  assertEquals(answers, 0);
  commit([other]);
  assertEquals(answers, 1);
});

Deno.test("Room.join() of an older connection throws `replaced` once the member has moved", pure, () => {
  const [one, other] = newPair();
  const [older, younger] = [joining(one, "ana"), joining(other, "ana")];
  for (const attempt of [older, younger]) attempt();
  commit([one, other]);
  assertEquals(assertThrows(older, ProtocolError).code, "replaced");
  assertEquals(younger()?.member.nodeId, 2n);
  assertEquals(commit([one, other]), 0);
});

Deno.test("Room.disconnect() and leave() propose nothing for a member that has moved", pure, () => {
  const [one, other] = newPair();
  const { member } = join(one, other, "ana");
  join(other, one, "ana");
  assertEquals([one.room.disconnect([member], at(60)), member.resumableUntilMs], [Infinity, undefined]);
  one.room.leave(member, at(61));
  one.room.expire(at(1_000));
  assertEquals(one.commitLog.store(), 0);
});

Deno.test("Room.expire() does not expect a member that has moved during its grace", pure, () => {
  const [one, other] = newPair();
  const { member } = join(one, other, "ana");
  assertEquals(one.room.disconnect([member], at(60)), 160);
  join(other, one, "ana");
  assertEquals([member.resumableUntilMs, one.room.expire(at(1_000))], [undefined, Infinity]);
  assertEquals([one.commitLog.store(), one.room.size], [0, 1]);
});

Deno.test("Room.join() of an older connection, committed late, starts no grace", pure, () => {
  const [one, other] = newPair();
  const { member } = join(one, other, "ana");
  joining(one, "ana")();
  commit([one]);
  assertEquals([member.resumableUntilMs, one.room.expire(at(1_000))], [undefined, Infinity]);
});

for (const isMoveFirst of [true, false]) {
  Deno.test(`Room keeps a member whose LEFT is stored after its move: ${isMoveFirst}`, pure, () => {
    const [one, other] = newPair();
    const { member } = join(one, other, "ana");
    one.room.disconnect([member], at(0));
    one.room.expire(at(1_000));
    const attempt = joining(other, "ana");
    attempt();
    assertEquals(commit([one, other], isMoveFirst ? [other, one] : [one, other]), 2);
    const heads = [one, other].map(({ room }) => room.log.head);
    assertEquals([one.room.size, other.room.size, ...heads], [1, 1, 3, 3]);
    assertEquals([one.takenOver, other.takenOver], [isMoveFirst ? [["ana", false]] : [], []]);
    assertEquals(attempt()?.member.nodeId, 2n);
  });
}

Deno.test("Room.onTakenOver tells of a member that another node kicks, of none that leaves", pure, () => {
  const [one, other] = newPair();
  join(one, other, "ana");
  other.room.kick(other.room.findByNick("ana")!, at(60));
  commit([one, other]);
  assertEquals([one.takenOver, one.room.size], [[["ana", true]], 0]);
  const { member } = join(one, other, "eva");
  one.room.leave(member, at(70));
  commit([one, other]);
  assertEquals([one.takenOver.length, one.room.size], [1, 0]);
  // No member was connected to the other one.
  assertEquals([other.takenOver, other.room.size], [[], 0]);
});

Deno.test("Room.nodeDown() proposes the departure of that node's members alone", pure, () => {
  const [one, other] = newPair();
  join(one, other, "ana");
  join(other, one, "beto");
  other.room.nodeDown(1n, at(60));
  assertEquals(commit([one, other]), 1);
  assertEquals([...other.room.members].map(({ nick }) => nick), ["beto"]);
  assertEquals(one.takenOver, [["ana", false]]);
});

Deno.test("Room.disconnect() of a node that starts again waits for its own members alone", pure, () => {
  const shared: SharedLog = [];
  join(newNode(shared, 1n), newNode(shared, 2n), "ana");
  const untilMs = [1n, 3n].map((nodeId) => {
    const { commitLog, room } = newNode(shared, nodeId);
    commitLog.deliver();
    return room.disconnect(room.members, at(1_000));
  });
  assertEquals(untilMs, [1_100, Infinity]);
});

Deno.test("Room lists a member that has moved with its new address, on all nodes", pure, () => {
  const [one, other] = newPair();
  join(one, other, "ana");
  join(other, one, "ana", "10.0.0.99");
  for (const joined of [join(one, other, "lucas"), join(other, one, "martina")]) {
    assert(membersOf(joined).some(({ nick, address }) => nick === "ana" && address === "10.0.0.99"));
  }
});

Deno.test("Room gives the nodes to each client in another order, which none can remove", pure, () => {
  const [one, other] = newPair();
  const { backups } = one.room;
  backups.setCluster(["a:1"], at(0));
  assertEquals(commit([one, other]), 0); // a node that is alone
  backups.setCluster(["a:1", "b:2"], at(0));
  assertEquals(commit([one, other]), 1);
  backups.setCluster(["b:2", "a:1"], at(0));
  assertEquals(commit([one, other]), 0);
  const orders = ["ana", "beto"].map((nick) => join(one, other, nick).welcome.backups);
  assertEquals(orders, [["b:2", "a:1"], ["a:1", "b:2"]]);
  backups.add("a:1", at(0)); // a configured backup as well
  commit([one, other]);
  assertEquals(assertThrows(() => backups.remove("a:1", at(0)), InputError).code, "backup-serves");
  backups.setCluster(Array.from({ length: MAX_BACKUPS + 1 }, (_, i) => `a:${i + 1}`), at(0));
  commit([one, other]);
  assertEquals(backups.clusterServers.length, MAX_BACKUPS);
});
