// Where simulated servers keep their logs: in memory, on a disk of their own, or in a NATS that all share. Disks and NATS
// outlive the processes that use them.

import { delay } from "../../lib/base/time.ts";
import { Cluster } from "../../lib/cluster/cluster.ts";
import type { Leases, NatsRoom, StoredRecord, StreamStore } from "../../lib/cluster/store.ts";
import type { Uncommitted } from "../../lib/protocol/frames.ts";
import { type CommitLog, InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { SqliteCommitLog } from "../../lib/storage/sqlite_commit_log.ts";
import type { EntryStore } from "../../lib/storage/sqlite_store.ts";
import { FakeLog, FakeStore } from "../../tests/testing/fake_store.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** What a process opens when it starts. */
export interface OpenLog {
  readonly commitLog: CommitLog;
  /** Called once the server runs. */
  readonly attach?: (server: ChatServer) => void;
  /** At a shutdown, after the server has closed. */
  readonly close?: () => Promise<void>;
}

export interface Storage {
  open(process: Process, config: ServerConfig): Promise<OpenLog>;
  /** The host of the process has lost its power. */
  onPowerCut(): void;
  /** Stores nothing for a time. */
  fail(ms: number): void;
}

export function memoryStorage({ random }: World): Storage {
  return {
    open: () => Promise.resolve({ commitLog: new InMemoryCommitLog(random.bigint()) }),
    onPowerCut() {},
    fail() {},
  };
}

interface StoredEntry {
  readonly storedAtMs: number;
  readonly event: Uncommitted;
}

/** The file of `--data`: it survives a process with all that was written, its host with what was synced. */
export class Disk implements Storage {
  readonly #world: World;
  readonly #logId: bigint;
  readonly #entries: StoredEntry[] = [];
  readonly #isSlow: boolean;
  /** Quick, and never full. */
  readonly #isGood: boolean;
  #syncedCount = 0;
  #fullUntilMs = 0;
  /** A sync has failed: the system has dropped the pages, and the next sync says nothing of them. */
  #hasDroppedPages = false;

  constructor(world: World, { isGood = false } = {}) {
    this.#world = world;
    this.#isGood = isGood;
    this.#logId = world.random.bigint();
    this.#isSlow = world.random.chance(isGood ? 0 : 0.3);
  }

  open(process: Process, { storage }: ServerConfig): Promise<OpenLog> {
    const store = this.#store(process);
    this.#syncedCount = this.#entries.length; // as SqliteStore.open()
    this.#hasDroppedPages = false;
    const commitLog = new SqliteCommitLog(store, storage, process.clock);
    return Promise.resolve({ commitLog, close: () => commitLog[Symbol.asyncDispose]() });
  }

  /** A system writes pages when it likes. */
  onPowerCut(): void {
    const { random } = this.#world;
    this.#hasDroppedPages = false;
    this.#syncedCount += random.below(this.#entries.length - this.#syncedCount + 1);
    this.#entries.length = this.#syncedCount;
  }

  fail(ms: number): void {
    this.#fullUntilMs = this.#world.timeline.nowMs + ms;
  }

  /** A process uses the file. It fails at times, as a full disk does. */
  #store(process: Process): EntryStore {
    const entries = this.#entries;
    const { random, timeline } = this.#world;
    const failAtTimes = (what: string) => {
      if (timeline.nowMs < this.#fullUntilMs || random.chance(this.#isGood ? 0 : 0.01)) {
        throw new Error(`${what} failed`);
      }
    };
    return {
      logId: this.#logId,
      firstSeq: 0,
      get nextSeq() {
        return entries.length;
      },
      bytes: 0,
      get clockMs() {
        return entries.at(-1)?.storedAtMs;
      },
      saveClock() {},
      newest() {
        const last = entries.at(-1);
        return last && { storedAtMs: last.storedAtMs, timeMs: last.event.timeMs };
      },
      isSuspect: false,
      checkInPlace() {},
      *snapshot() {},
      *entries() {
        for (const [seq, { storedAtMs, event }] of entries.entries()) yield { seq, storedAtMs, event };
      },
      append(events, storedAtMs) {
        if (process.isDead) return;
        failAtTimes("write");
        for (const event of events) entries.push({ storedAtMs, event: { ...event } });
      },
      sync: () => this.sync(process, () => failAtTimes("sync")),
      checkpointWal: () => {
        failAtTimes("write");
        if (process.isDead) return;
        this.#syncedCount = entries.length;
        this.#hasDroppedPages = false;
      },
      prune() {},
      deletePrivate() {},
      [Symbol.dispose]() {},
    };
  }

  /** Takes up to 20 ms, sometimes or on a slow disk up to 2 s. */
  sync(process: Process, failAtTimes: () => void): Promise<void> {
    const { timeline, random } = this.#world;
    const { length } = this.#entries;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const isSlow = this.#isSlow || random.chance(this.#isGood ? 0 : 0.05);
    timeline.after(isSlow ? random.spread(20, 2_000) : random.spread(0.1, 20), () => {
      // A system lets a process end, and another one open the file, only once no sync of it is under way.
      if (process.isDead) return;
      try {
        failAtTimes();
      } catch (error) {
        this.#hasDroppedPages = true;
        process.run(() => reject(error));
        return;
      }
      if (!this.#hasDroppedPages) this.#syncedCount = Math.max(this.#syncedCount, length);
      process.run(resolve);
    });
    return promise;
  }
}

const [REQUEST_TIMEOUT_MS, LEASE_TTL_MS, LEASE_RETRY_MS] = [5_000, 6_000, 200];

/** The NATS that all servers share. Requests and replies get lost, it is away for a while, and what it sends is late, comes
 * twice, or stops until it is asked again. */
export class Nats implements Storage {
  readonly #world: World;
  readonly #log = new FakeLog();
  readonly #leases = new Map<bigint, { address: string; untilMs: number }>();
  readonly #nodes = new Set<NatsStore>();
  /** Probability that a request of the log is lost, and that a reply is. */
  readonly #loss: number;
  #awayUntilMs = 0;

  constructor(world: World) {
    this.#world = world;
    this.#loss = world.random.pick([0, 0.02, 0.1]);
    // NATS remembers ids for some minutes only.
    this.#log.hasDedup = world.random.chance(0.5);
  }

  async open(process: Process, { cluster: config }: ServerConfig): Promise<OpenLog> {
    const target = { servers: [], isTls: false, room: "sala" };
    const openNatsRoom = (_: unknown, { nodeId }: { nodeId: bigint }) =>
      Promise.resolve(this.#room(process, nodeId));
    const cluster = await Cluster.open({ target, openNatsRoom }, config, process.clock);
    return {
      commitLog: cluster.commitLog,
      attach: (server) => cluster.attach(server, {}),
      close: () => cluster.close(),
    };
  }

  onPowerCut(): void {}

  fail(ms: number): void {
    this.#awayUntilMs = Math.max(this.#awayUntilMs, this.#world.timeline.nowMs + ms);
  }

  #room(process: Process, nodeId: bigint): NatsRoom {
    const store = new NatsStore(
      this.#log,
      process,
      (operate) => this.#call(process, operate, { loss: this.#loss }),
    );
    store.onAppend = () => {
      for (const node of this.#nodes) {
        node.onRecord(this.#log.records.length, { loss: this.#loss / 5 });
      }
    };
    this.#nodes.add(store);
    const leases = this.#leasesOf(process, nodeId, (operate) => this.#call(process, operate, { loss: 0 }));
    return { store, leases, close: () => Promise.resolve(store.close()) };
  }

  #leasesOf({ clock }: Process, nodeId: bigint, call: Call): Leases {
    const leases = this.#leases;
    const renew = (address: string) =>
      call(() => void leases.set(nodeId, { address, untilMs: clock().wallMs + LEASE_TTL_MS }));
    const list = () => {
      const living = [...leases].filter(([, { untilMs }]) => untilMs > clock().wallMs);
      return new Map(living.map(([id, { address }]) => [id, address]));
    };
    return {
      acquire: async (address) => {
        for (let isAcquired = false; !isAcquired;) {
          isAcquired = await renew(address).then(() => true, () => delay(LEASE_RETRY_MS).then(() => false));
        }
      },
      renew,
      list: () => call(list),
      release: () => call(() => void leases.delete(nodeId)),
    };
  }

  /** A request of a process: it may have an effect though the caller gets an error, or is dead by then. */
  #call<Result>(
    process: Process,
    operate: () => Result | Promise<Result>,
    { loss }: { loss: number },
  ): Promise<Result> {
    const world = this.#world;
    const { timeline, random } = world;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const fail = () => process.run(() => reject(new Error("no reply")));
    timeline.after(delayMs(world), () => {
      const backInMs = this.#awayUntilMs - timeline.nowMs;
      if (backInMs > 0) return timeline.after(Math.min(backInMs, REQUEST_TIMEOUT_MS), fail);
      const result = random.chance(loss) ? undefined : { value: operate() };
      if (!result || random.chance(loss)) return timeline.after(random.spread(1, REQUEST_TIMEOUT_MS), fail);
      timeline.after(delayMs(world), () => process.run(() => resolve(result.value)));
    });
    return promise;
  }
}

type Call = <Result>(operate: () => Result | Promise<Result>) => Promise<Result>;

/** Mostly up to 5 ms, sometimes up to 2 s. */
function delayMs({ random }: World): number {
  return random.chance(0.98) ? random.spread(0.1, 5) : random.spread(5, 2_000);
}

/** The store of one node. */
class NatsStore extends FakeStore implements StreamStore {
  onAppend = () => {};
  readonly #log: FakeLog;
  readonly #process: Process;
  readonly #call: Call;
  /** Position of the last record that the node has received. */
  #arrived = 0;
  #firstUnread = 0;
  #yielded = 0;
  /** Nothing arrives until the node asks again. */
  #isCutOff = false;
  #isClosed = false;
  #news = Promise.withResolvers<void>();

  constructor(log: FakeLog, process: Process, call: Call) {
    super(log);
    this.#log = log;
    this.#process = process;
    this.#call = call;
  }

  override state() {
    return this.#call(() => super.state());
  }

  override append(
    bytes: Uint8Array,
    { id, isSnapshot = false, after }: { id: string; isSnapshot?: boolean; after?: number },
  ): Promise<number | undefined> {
    return this.#call(() => {
      const log = this.#log;
      if (after !== undefined && after !== log.records.length) return undefined;
      log.timeMs = this.#process.clock().wallMs;
      const position = log.store(bytes, id, isSnapshot);
      this.onAppend();
      return position;
    });
  }

  override findSnapshotFrom(position: number) {
    return this.#call(() => super.findSnapshotFrom(position));
  }

  override async *read(from: number): AsyncGenerator<StoredRecord> {
    this.#firstUnread = this.#yielded = from - 1;
    this.restartRead();
    while (!this.#isClosed) {
      const record = this.#yielded < this.#arrived ? this.#log.records[this.#yielded] : undefined;
      if (record) {
        this.#yielded++;
        yield record;
      } else await this.#news.promise;
    }
  }

  override restartRead(): void {
    this.#isCutOff = false;
    this.#send(this.#log.records.length);
  }

  /** A record was appended. */
  onRecord(position: number, { loss }: { loss: number }): void {
    if (this.#process.world.random.chance(loss)) this.#isCutOff = true;
    if (!this.#isCutOff) this.#send(position);
  }

  /** The records up to a position are on their way. */
  #send(position: number): void {
    const { world } = this.#process;
    world.timeline.after(delayMs(world), () =>
      this.#process.run(() => {
        // After a reconnect the last record comes again.
        if (this.#yielded > this.#firstUnread && world.random.chance(0.05)) this.#yielded--;
        this.#arrived = Math.max(this.#arrived, position);
        this.#news.resolve();
        this.#news = Promise.withResolvers();
      }));
  }

  override close(): void {
    this.#isClosed = true;
    this.#news.resolve();
  }
}
