// A simulated server: a process with a ChatServer, which can end between any two of its reads and writes.

import { splitFrames } from "../../lib/codec.ts";
import { NatsError } from "../../lib/errors.ts";
import { decodeServer, type LogEntry, SERVER_FRAMES } from "../../lib/protocol/frames.ts";
import { ALL_ENTRIES, type Cursor } from "../../lib/room/event_log.ts";
import { ChatServer } from "../../lib/server/chat_server.ts";
import { testConfig } from "../../tests/testing/test_config.ts";
import type { SimulatedListener, SimulatedSocket } from "./network.ts";
import { Process } from "./process.ts";
import type { OpenLog, Storage } from "./stores.ts";
import type { World } from "./world.ts";

/** Killed, together with its host, or shut down with BYE. */
export type CrashKind = "killed" | "unplugged" | "closing";

const FIRST_PORT = 5_000;
/** Of the event log, small so that logs have several; and snapshots that a cluster makes often. */
const CONFIG = testConfig({
  room: { log: { segmentBytes: 2_048 } },
  storage: { retryMs: 200 },
  cluster: { snapshotEvents: 20 },
});
/** Index of a frame's type. */
const TYPE_AT = 4;

export function addressOf(place: number): { host: string; port: number } {
  return { host: "192.0.2.1", port: FIRST_PORT + place };
}

interface ServerOptions {
  readonly place: number;
  readonly storage: Storage;
  /** `host:port`. */
  readonly backups?: readonly string[];
  /** Whether its room has no place for another member. */
  readonly isFull?: () => boolean;
  readonly onDown: () => void;
}

/** The client at the other end. */
interface SocketOwner {
  /** Undefined until the client has one. */
  readonly sessionId: bigint | undefined;
}

/** One process, from its start to its end. */
export class Server {
  readonly process: Process;
  readonly #name: string;
  readonly #world: World;
  readonly #storage: Storage;
  readonly #sockets = new Map<SimulatedSocket, SocketOwner>();
  #server: ChatServer | undefined;
  #log: OpenLog | undefined;
  #console: Cursor | undefined;
  #stepsUntilCrash: { steps: number; kind: CrashKind } | undefined;

  constructor(
    name: string,
    world: World,
    { place, storage, backups = [], isFull = () => false, onDown }: ServerOptions,
  ) {
    this.#name = name;
    this.#world = world;
    this.#storage = storage;
    this.process = new Process(world);
    this.process.onExit = onDown;
    this.process.post(() => {
      this.#start(place, { backups, isFull }).catch((error) => {
        if (!this.process.isDead) world.ledger.report("crashed", `${name}: ${error.stack}`);
      });
    });
  }

  get logId(): bigint | undefined {
    return this.#log?.commitLog.logId;
  }

  /** `seq` of the next entry; undefined while the server starts. */
  get head(): number | undefined {
    return this.#server?.log.head;
  }

  get memberCount(): number {
    return this.#server?.stats.memberCount ?? 0;
  }

  /** Crashes after `steps` more reads and writes. */
  crashAfter(steps: number, kind: CrashKind): void {
    this.#stepsUntilCrash ??= { steps, kind };
  }

  crash(kind: CrashKind): void {
    if (this.process.isDead) return;
    if (kind === "closing" && this.#server && !this.process.isSuspended) {
      this.process.post(() => void this.#close());
      return;
    }
    this.#record();
    this.process.exit();
    if (kind === "unplugged") this.#storage.onPowerCut();
    for (const socket of this.#sockets.keys()) socket.break({ isNoticed: kind !== "unplugged" });
  }

  /** Other nodes of a cluster may take it for dead by now. */
  suspend(): void {
    this.process.suspend();
    if (this.#log?.attach) this.#world.ledger.suspended(this.logId!);
    for (const [socket, { sessionId }] of this.#sockets) {
      if (sessionId !== undefined) this.#world.ledger.detached(this.logId!, sessionId, socket);
    }
  }

  async #start(
    place: number,
    { backups, isFull }: Required<Pick<ServerOptions, "backups" | "isFull">>,
  ): Promise<void> {
    const { ledger, network } = this.#world;
    const log = this.#log = await this.#openLog();
    const { commitLog } = log;
    ledger.openLog(commitLog.logId, this.#name);
    const listener = network.listen(this.process, addressOf(place));
    listener.onSocket = (socket, client) => this.#watch(socket, client as SocketOwner);
    const limits = {
      ...CONFIG.limits,
      get maxClients() {
        return isFull() ? 0 : CONFIG.limits.maxClients;
      },
    };
    const server = new ChatServer(
      { listener: asListener(listener), commitLog, credentials: {} },
      { ...CONFIG, backups, limits },
      this.process.clock,
    );
    server.onReject = (_client, error) => {
      this.#record();
      const { code, details: { nick } = {} } = error as { code?: string; details?: { nick?: string } };
      const isCurrent = ledger.sizeOf(commitLog.logId) === server.log.head;
      if (code === "nick-taken" && nick && isCurrent) ledger.rejected(commitLog.logId, nick);
      if (code === undefined) ledger.report("crashed", `${this.#name}: ${error.stack}`);
    };
    this.#console = server.log.cursorAt(0, ALL_ENTRIES);
    server.addConsumer({ flush: () => this.#record() });
    this.#server = server;
    this.#record();
    log.attach?.(server);
  }

  /** A server that could not reach its store is started again. */
  async #openLog(): Promise<OpenLog> {
    for (;;) {
      try {
        return await this.#storage.open(this.process, CONFIG);
      } catch (error) {
        if (!(error instanceof NatsError) || error.code !== "nats-unreachable") throw error;
      }
    }
  }

  async #close(): Promise<void> {
    await this.#server!.close();
    await this.#log!.close?.();
    this.crash("killed");
  }

  /** Tells the ledger from when to when a session has a connection. */
  #watch(socket: SimulatedSocket, owner: SocketOwner): void {
    const { ledger } = this.#world;
    const logId = this.logId!;
    let isAttached = false;
    let hasEnded = false;
    this.#sockets.set(socket, owner);
    socket.onStep = () => this.#step();
    socket.onWrite = (bytes) => {
      // A client that had gone by then is in its grace.
      if (isAttached || hasEnded || bytes[TYPE_AT] !== SERVER_FRAMES.welcome.code) return;
      isAttached = true;
      this.#record();
      ledger.attached(logId, owner.sessionId!, socket);
    };
    socket.onEnd = () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#sockets.delete(socket);
      const { sessionId } = owner;
      if (sessionId === undefined) return;
      if (isAttached) ledger.detached(logId, sessionId, socket);
      else ledger.abandoned(logId, sessionId);
    };
  }

  #step(): void {
    if (this.#stepsUntilCrash && this.#stepsUntilCrash.steps-- <= 0) this.crash(this.#stepsUntilCrash.kind);
  }

  /** Tells the ledger of new log entries. */
  #record(): void {
    const cursor = this.#console;
    if (!cursor || this.process.isDead) return;
    for (let slice = cursor.take(); slice; slice = cursor.take()) {
      for (const frame of splitFrames(slice)) {
        this.#world.ledger.logged(this.logId!, decodeServer(frame) as LogEntry);
      }
    }
  }
}

function asListener(listener: SimulatedListener): Deno.TcpListener {
  return listener as unknown as Deno.TcpListener;
}
