// A simulated network. Bytes arrive in order, delayed, in slices, and only up to the point where the link broke. A packet
// that is lost is sent again later, as by TCP.

import { type Address, formatAddress } from "../../lib/net/address.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import type { Random } from "../../tests/testing/random.ts";
import type { Process } from "./process.ts";
import type { Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

/** Before a lost packet is sent again, in ms, doubled each time (RFC 6298, section 2; Linux has 200 ms more than the round
 * trip once connected). */
const [CONNECT_RETRY_MS, RETRY_MS] = [1_000, 200];

/** What a connection's packets go through, in both directions. */
export interface Link {
  readonly latencyMs: number;
  /** Most that is added to the latency of a packet. */
  readonly jitterMs: number;
  /** Probability that a packet is lost. */
  readonly loss: number;
  /** All packets are lost that are sent before. */
  readonly silentUntilMs?: number;
  /** Probability that what is written at once is split, once more after each split. */
  readonly sliced: number;
}

/** How long a packet takes that is sent now, those included that were lost. */
function delayOf(
  link: Link,
  { timeline, random }: Pick<World, "timeline" | "random">,
  retryMs: number,
): number {
  const { latencyMs, jitterMs, loss, silentUntilMs = 0 } = link;
  let delayMs = latencyMs + jitterMs * random.unit();
  let sentMs = timeline.nowMs;
  for (let waitMs = retryMs; sentMs < silentUntilMs || (loss > 0 && random.chance(loss)); waitMs *= 2) {
    delayMs += waitMs;
    sentMs += waitMs;
  }
  return delayMs;
}

interface Slice {
  /** Undefined is the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  readonly atMs: number;
}

/** One direction of a connection. */
class Pipe {
  /** Bytes sent and not arrived. */
  inFlight = 0;
  /** Called when no bytes are in flight any more. */
  onDrained: () => void = () => {};
  /** Set before anything is sent. */
  receiver!: { received(bytes: Uint8Array): void; ended(): void };
  /** Called if a break loses a part of what was written at once. */
  readonly #onTruncated: () => void;
  readonly #world: World;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #link: Link;
  #slices: Slice[] = [];
  #lastMs = 0;
  #stalledUntilMs = 0;
  #isClosed = false;
  #isScheduled = false;

  constructor(world: World, link: Link) {
    const { timeline, random, network } = world;
    this.#world = world;
    this.#timeline = timeline;
    this.#random = random;
    this.#link = link;
    this.#onTruncated = () => network.truncatedWrites++;
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.inFlight += bytes.length;
    let rest = bytes;
    while (rest.length > 1 && this.#random.chance(this.#link.sliced)) {
      const count = 1 + this.#random.below(rest.length - 1);
      this.#push(rest.subarray(0, count));
      rest = rest.subarray(count);
    }
    this.#push(rest);
  }

  /** What is in flight arrives, then the end. */
  end(): void {
    if (!this.#isClosed) this.#push(undefined);
    this.#isClosed = true;
  }

  /** A random number of the bytes in flight arrive, then the end if `isNoticed`. */
  break({ isNoticed }: { isNoticed: boolean }): void {
    const drop = this.#random.chance(0.3) ? 0 : this.#random.below(this.inFlight + 1);
    const slices = this.#slices;
    this.#slices = [];
    let keep = this.inFlight - drop;
    this.inFlight = keep;
    for (const { bytes, atMs } of slices) {
      if (!bytes || keep === 0) break;
      const kept = bytes.subarray(0, keep);
      if (kept.length < bytes.length) this.#onTruncated();
      keep -= kept.length;
      this.#slices.push({ bytes: kept, atMs });
    }
    if (isNoticed) this.#push(undefined);
    this.#isClosed = true;
  }

  /** Delays everything for a time. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#timeline.nowMs + ms);
  }

  #push(bytes: Uint8Array | undefined): void {
    const dueMs = this.#timeline.nowMs +
      delayOf(this.#link, this.#world, RETRY_MS + 2 * this.#link.latencyMs);
    this.#lastMs = Math.max(this.#lastMs, dueMs);
    this.#slices.push({ bytes, atMs: this.#lastMs });
    this.#schedule();
  }

  #schedule(): void {
    const first = this.#slices[0];
    if (!first || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#timeline.at(Math.max(first.atMs, this.#stalledUntilMs), () => {
      this.#isScheduled = false;
      this.#arrive();
      this.#schedule();
    });
  }

  #arrive(): void {
    const { nowMs } = this.#timeline;
    if (nowMs < this.#stalledUntilMs) return;
    while (this.#slices.length > 0 && this.#slices[0]!.atMs <= nowMs) {
      const { bytes } = this.#slices.shift()!;
      if (!bytes) return this.receiver.ended();
      this.inFlight -= bytes.length;
      this.receiver.received(bytes);
    }
    if (this.inFlight === 0) this.onDrained();
  }
}

/** One end of a connection. */
export class SimulatedSocket implements Socket {
  readonly localAddr: Deno.NetAddr = { transport: "tcp", hostname: "0.0.0.0", port: 5_000 };
  readonly remoteAddr: Deno.NetAddr;
  /** To the peer. */
  readonly pipe: Pipe;
  /** Called before the process reads or writes: it may end there. */
  onStep: () => void = () => {};
  /** Called with each write. */
  onWrite: (bytes: Uint8Array) => void = () => {};
  /** Called when the process knows that the connection, or its own side of it, has ended. */
  onEnd: () => void = () => {};
  readonly #process: Process;
  /** The host buffers at most this much until the peer reads. */
  readonly #windowBytes: number;
  #received: Uint8Array[] = [];
  #hasEnded = false;
  #isClosed = false;
  #reading: PromiseWithResolvers<number | null> & { into: Uint8Array } | undefined;
  #writing: PromiseWithResolvers<number> & { bytes: Uint8Array } | undefined;

  constructor(process: Process, pipe: Pipe, { windowBytes, peer }: { windowBytes: number; peer: string }) {
    this.#process = process;
    this.pipe = pipe;
    this.#windowBytes = windowBytes;
    this.remoteAddr = { transport: "tcp", hostname: peer, port: 50_000 };
    // In an event of its own: the peer's process has run in this one, and goes on once its promises settle.
    pipe.onDrained = () => {
      if (this.#writing) process.post(() => this.#write());
    };
  }

  setNoDelay(): void {}

  read(into: Uint8Array): Promise<number | null> {
    this.#process.world.timeline.touch();
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("closed"));
    this.#reading = { ...Promise.withResolvers(), into };
    const { promise } = this.#reading;
    this.#read();
    return promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#process.world.timeline.touch();
    if (this.#isClosed) return Promise.reject(new Deno.errors.BrokenPipe("closed"));
    this.#writing = { ...Promise.withResolvers(), bytes };
    const { promise } = this.#writing;
    this.#write();
    return promise;
  }

  closeWrite(): Promise<void> {
    this.onEnd();
    this.pipe.end();
    return Promise.resolve();
  }

  close(): void {
    this.#process.world.timeline.touch();
    if (this.#isClosed) return;
    // If bytes were not read, the system drops those that wait to be sent. Some may be on their way.
    const isClean = this.#received.length === 0 && this.#process.world.random.chance(0.7);
    this.#close();
    if (isClean) this.pipe.end();
    else this.pipe.break({ isNoticed: true });
  }

  /** Breaks the connection at this end. */
  break({ isNoticed }: { isNoticed: boolean }): void {
    if (this.#isClosed) return;
    this.#close();
    this.pipe.break({ isNoticed });
  }

  received(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#received.push(bytes);
    this.#process.run(() => this.#read());
  }

  ended(): void {
    this.#hasEnded = true;
    this.#process.run(() => this.#read());
  }

  #read(): void {
    if (!this.#reading) return;
    const { into, resolve } = this.#reading;
    const bytes = this.#received[0];
    if (!bytes && !this.#hasEnded) return;
    this.onStep();
    if (this.#process.isDead) return;
    this.#reading = undefined;
    if (!bytes) {
      this.onEnd();
      return resolve(null);
    }
    const count = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, count));
    if (count < bytes.length) this.#received[0] = bytes.subarray(count);
    else this.#received.shift();
    resolve(count);
  }

  #write(): void {
    if (!this.#writing || this.pipe.inFlight >= this.#windowBytes) return;
    const { bytes, resolve } = this.#writing;
    this.onStep();
    if (this.#process.isDead) return;
    this.#writing = undefined;
    const count = Math.min(bytes.length, this.#windowBytes);
    this.onWrite(bytes);
    this.pipe.send(bytes.subarray(0, count));
    resolve(count);
  }

  #close(): void {
    this.#isClosed = true;
    this.#received = [];
    this.onEnd();
    if (this.#process.isDead) return;
    this.#reading?.reject(new Deno.errors.ConnectionReset("closed"));
    this.#writing?.reject(new Deno.errors.BrokenPipe("closed"));
    this.#reading = this.#writing = undefined;
  }
}

/** Of a server: it accepts the connections that {@linkcode Network.dial} makes. */
export class SimulatedListener {
  readonly addr: Deno.NetAddr;
  readonly process: Process;
  /** Called with each socket before it is accepted. */
  onSocket: (socket: SimulatedSocket, client: unknown) => void = () => {};
  #waiting: SimulatedSocket[] = [];
  #accepting: PromiseWithResolvers<SimulatedSocket> | undefined;
  #isClosed = false;

  constructor(process: Process, { host, port }: Address) {
    this.process = process;
    this.addr = { transport: "tcp", hostname: host, port };
  }

  get isClosed(): boolean {
    return this.#isClosed || this.process.isDead;
  }

  accept(): Promise<SimulatedSocket> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("closed"));
    const socket = this.#waiting.shift();
    if (socket) return Promise.resolve(socket);
    this.#accepting = Promise.withResolvers();
    return this.#accepting.promise;
  }

  push(socket: SimulatedSocket): void {
    this.process.run(() => {
      if (this.#accepting) this.#accepting.resolve(socket);
      else this.#waiting.push(socket);
      this.#accepting = undefined;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#accepting?.reject(new Deno.errors.BadResource("closed"));
    for (const socket of this.#waiting.splice(0)) socket.break({ isNoticed: true });
  }
}

/** A connection as its client has it. */
export interface Dialled {
  readonly socket: SimulatedSocket;
  /** The server's end. */
  readonly peer: SimulatedSocket;
}

interface DialOptions {
  readonly process: Process;
  readonly address: string;
  /** Undefined: the client has no network. */
  readonly link: Link | undefined;
  readonly windowBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Given to {@linkcode SimulatedListener.onSocket}. */
  readonly client: unknown;
}

/** The servers that listen. */
export class Network {
  /** Connections that broke within what was written at once. */
  truncatedWrites = 0;
  /** Of hosts that answer nothing. */
  readonly deadHosts = new Set<string>();
  readonly #listeners = new Map<string, SimulatedListener>();

  listen(process: Process, server: Address): SimulatedListener {
    const listener = new SimulatedListener(process, server);
    this.#listeners.set(formatAddress(server), listener);
    return listener;
  }

  /** Takes a round trip.
   * @throws {Deno.errors.ConnectionRefused}
   * @throws the signal's reason */
  dial(server: Address, { process, link, signal, ...options }: DialOptions): Promise<Dialled> {
    const { promise, resolve, reject } = Promise.withResolvers<Dialled>();
    const { world } = process;
    const { timeline } = world;
    timeline.touch();
    signal?.addEventListener("abort", () => reject(signal.reason));
    if (!link) return promise;
    const name = formatAddress(server);
    timeline.after(delayOf(link, world, CONNECT_RETRY_MS), () => {
      if (this.deadHosts.has(name)) return;
      const listener = this.#listeners.get(name);
      const isRefused = !listener || listener.isClosed;
      const dialled = isRefused || process.isDead || signal?.aborted
        ? undefined
        : connect({ process, listener, link, ...options });
      timeline.after(delayOf(link, world, CONNECT_RETRY_MS), () =>
        process.run(() => {
          if (dialled && !signal?.aborted) return resolve(dialled);
          dialled?.socket.close();
          if (isRefused) reject(new Deno.errors.ConnectionRefused(name));
        }));
    });
    return promise;
  }
}

function connect(
  { process, listener, address, link, windowBytes, client }: Omit<DialOptions, "signal" | "link"> & {
    listener: SimulatedListener;
    link: Link;
  },
): Dialled {
  const { world } = process;
  const [up, down] = [new Pipe(world, link), new Pipe(world, link)];
  const socket = new SimulatedSocket(process, up, { windowBytes: Infinity, peer: listener.addr.hostname });
  const peer = new SimulatedSocket(listener.process, down, { windowBytes, peer: address });
  [up.receiver, down.receiver] = [peer, socket];
  listener.onSocket(peer, client);
  listener.push(peer);
  return { socket, peer };
}
