// A TCP proxy between clients and one server that impairs and cuts connections at the worst moments. It decodes frames
// to find these moments, to repeat messages, and to record the log that the server sends.

import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTick, setTimeout as delay } from "node:timers/promises";
import type { Address } from "../../lib/net/address.ts";
import { type Frame, FrameDecoder, HEADER_BYTES } from "../../lib/codec.ts";
import {
  CLIENT_FRAMES,
  decodeClient,
  decodeServer,
  encodeClient,
  type LogEntry,
  MAX_SERVER_FRAME_BYTES,
  type Said,
  type Say,
  SERVER_FRAMES,
  sessionIdOf,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import { freeAddress } from "../../tests/testing/addresses.ts";
import type { Random } from "../../tests/testing/random.ts";

/** Towards the server, or towards the client. */
export type Direction = "up" | "down";

/** What happens to all bytes of one client in one direction. */
export type Impairment =
  /** They pass in slices of at most `amount` bytes. */
  | { readonly kind: "slices"; readonly amount: number }
  /** They pass `amount` ms later. */
  | { readonly kind: "latency"; readonly amount: number }
  /** `amount` bytes pass in a second. */
  | { readonly kind: "bandwidth"; readonly amount: number }
  /** They pass when the impairment is over. */
  | { readonly kind: "stall" }
  /** They are discarded, and the connection is cut when the impairment is over. */
  | { readonly kind: "blackhole" };

/** Where the first connection is cut that gets there. */
export type CutPoint =
  | "within a frame up"
  | "within a frame down"
  /** A message comes back to its sender, who does not get it. */
  | "before an echo"
  /** A message goes to one client: all other connections are cut. */
  | "after one delivery";

/** How long a piece of bytes takes with limited bandwidth or a stall, in ms. */
const TICK_MS = 20;
/** How long a client whose connection becomes half-open may still send, in ms. */
const IN_FLIGHT_MS = 20;

/** Frames of servers that are decoded. */
const DECODED: readonly number[] = [SERVER_FRAMES.welcome, SERVER_FRAMES.said, SERVER_FRAMES.noop].map(
  ({ code }) => code,
);

interface ArmedCut {
  readonly point: CutPoint;
  readonly resolve: (isReached: boolean) => void;
}

/** What the proxies of all servers share. */
export interface Network {
  readonly random: Random;
  /** By {@linkcode linkKey}. */
  readonly impairments: Map<string, Impairment>;
  /** The last echo for each client, by nick: the message as the client may send it again. */
  readonly lastEchoes: Map<string, Say>;
  /** Called with each message and each NOOP in the log of a server, each time that a client reads it. */
  readonly onEntry: (logId: bigint, entry: LogEntry) => void;
}

/** The key of a client's impairment in one direction. */
export function linkKey(client: string, direction: Direction): string {
  return `${client} ${direction}`;
}

/** The proxy of one server. */
export class FaultProxy implements AsyncDisposable {
  /** Where clients connect. */
  readonly address = freeAddress();
  readonly listening: Promise<void>;
  readonly network: Network;
  /** Where new connections go. */
  server: Address;
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  readonly #armed = new Set<ArmedCut>();

  constructor(server: Address, network: Network) {
    this.server = server;
    this.network = network;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
    const { host, port } = this.address;
    this.listening = new Promise((resolve) => this.#listener.listen(port, host, resolve));
  }

  /** Cuts a connection at a point. Returns whether one got there before the signal was aborted. */
  cutAt(point: CutPoint, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const armed = { point, resolve };
    this.#armed.add(armed);
    signal.addEventListener("abort", () => resolve(false));
    if (signal.aborted) resolve(false);
    return promise.finally(() => this.#armed.delete(armed));
  }

  /** Cuts the connections of a client, or all. */
  cut(client?: string): void {
    for (const link of this.#links) if (client === undefined || link.client === client) link.cut();
  }

  /** Cuts the connections of a client on its side. The server gets what was in flight, and their end, `lateMs` later. */
  makeHalfOpen(client: string, lateMs: number): void {
    for (const link of this.#links) if (link.client === client) link.makeHalfOpen(lateMs);
  }

  /** Cuts connections that lack discarded bytes: their impairment is over. */
  cutTorn(): void {
    for (const link of this.#links) link.cutTorn();
  }

  /** Cuts older connections of a client that sends HELLO: the server would take a late HELLO for the newer one. */
  onHello(link: Link): void {
    for (const other of this.#links) {
      if (other !== link && other.client === link.client && !other.hasSentHello) other.cut();
    }
  }

  /** The armed cut point that a frame reaches, if there is one. `said`: the message in the frame. */
  reachedPoint(link: Link, direction: Direction, said: Said | undefined): CutPoint | undefined {
    for (const armed of this.#armed) {
      if (!link.isAt(armed.point, direction, said)) continue;
      this.#armed.delete(armed);
      armed.resolve(true);
      if (armed.point === "after one delivery") {
        for (const other of this.#links) if (other !== link) other.cut();
      }
      return armed.point;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isClosed = new Promise((resolve) => this.#listener.close(resolve));
    this.cut();
    await isClosed;
    await Promise.all([...this.#links].map(({ closed }) => closed));
  }

  #accept(client: Socket): void {
    const { host, port } = this.server;
    const link: Link = new Link(client, connect({ host, port, allowHalfOpen: true }), this);
    this.#links.add(link);
    link.closed.then(() => this.#links.delete(link));
  }
}

/** One direction of a connection. */
interface Stream {
  readonly from: Socket;
  readonly to: Socket;
  readonly frames: FrameDecoder;
  /** Bytes were discarded. */
  isTorn: boolean;
}

/** One connection through the proxy. */
class Link {
  /** Nick of the client, once it has sent HELLO. */
  client: string | undefined;
  /** The server got its HELLO. */
  hasSentHello = false;
  /** Fulfilled when both sockets are closed. */
  readonly closed: Promise<unknown>;
  readonly #proxy: FaultProxy;
  readonly #streams: Record<Direction, Stream>;
  #sessionId: bigint | undefined;
  #logId = 0n;
  /** Sent to the server before WELCOME goes to the client. */
  #repeated: Say | undefined;
  #isCut = false;
  /** Until when nothing passes to the server, as of performance.now(); undefined while the connection is whole. */
  #heldUntilMs: number | undefined;

  constructor(client: Socket, server: Socket, proxy: FaultProxy) {
    this.#proxy = proxy;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#onError());
    }
    const newDecoder = () => new FrameDecoder({ maxFrameBytes: MAX_SERVER_FRAME_BYTES });
    this.#streams = {
      up: { from: client, to: server, frames: newDecoder(), isTorn: false },
      down: { from: server, to: client, frames: newDecoder(), isTorn: false },
    };
    this.closed = Promise.all([this.#run("up"), this.#run("down")]).finally(() => {
      client.destroy();
      server.destroy();
    });
  }

  /** Resets both sockets at once. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const { from } of Object.values(this.#streams)) from.resetAndDestroy();
  }

  async makeHalfOpen(lateMs: number): Promise<void> {
    this.#heldUntilMs ??= performance.now() + lateMs;
    await delay(IN_FLIGHT_MS);
    this.#streams.up.from.resetAndDestroy();
  }

  cutTorn(): void {
    for (const direction of ["up", "down"] as const) {
      if (this.#streams[direction].isTorn && this.#impairment(direction)?.kind !== "blackhole") this.cut();
    }
  }

  isAt(point: CutPoint, direction: Direction, said: Said | undefined): boolean {
    switch (point) {
      case "within a frame up":
        return direction === "up";
      case "within a frame down":
        return direction === "down";
      case "after one delivery":
        return said !== undefined;
      case "before an echo":
        return said !== undefined && said.sessionId === this.#sessionId;
    }
  }

  #impairment(direction: Direction): Impairment | undefined {
    return this.client === undefined
      ? undefined
      : this.#proxy.network.impairments.get(linkKey(this.client, direction));
  }

  async #run(direction: Direction): Promise<void> {
    const { from, to } = this.#streams[direction];
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        const passing = this.#follow(direction, chunk);
        await this.#repeat();
        await this.#pass(direction, chunk.subarray(0, passing));
        if (passing < chunk.length) this.cut();
        if (this.#isCut) return;
      }
    } catch {
      this.#onError();
    }
    while (this.#isHeld(direction)) await delay(TICK_MS);
    to.end();
  }

  #onError(): void {
    if (this.#heldUntilMs === undefined) this.cut();
  }

  #isHeld(direction: Direction): boolean {
    const kind = this.#impairment(direction)?.kind;
    const isHalfOpen = direction === "up" && performance.now() < (this.#heldUntilMs ?? 0);
    return !this.#isCut && (isHalfOpen || kind === "stall" || kind === "blackhole");
  }

  /** Decodes the frames of a chunk. Returns how many of its bytes may pass until the connection is cut. */
  #follow(direction: Direction, chunk: Uint8Array): number {
    const { frames } = this.#streams[direction];
    let start = -frames.bufferedBytes;
    frames.push(chunk);
    for (let frame = frames.next(); frame; frame = frames.next()) {
      const end = start + HEADER_BYTES + frame.body.length;
      const said = direction === "up" ? this.#onClientFrame(frame) : this.#onServerFrame(frame);
      const point = this.#proxy.reachedPoint(this, direction, said);
      if (point === "before an echo") return Math.max(start, 0);
      if (point === "within a frame up" || point === "within a frame down") {
        const first = Math.max(start + 1, 0);
        return first + this.#proxy.network.random.below(end - first);
      }
      start = end;
    }
    return chunk.length;
  }

  #onClientFrame(frame: Frame): undefined {
    if (frame.type !== CLIENT_FRAMES.hello.code) return;
    const message = decodeClient(frame);
    if (message.type !== "hello") return;
    this.client = message.nick;
    this.#sessionId = sessionIdOf(message.resumeToken);
    this.#proxy.onHello(this);
  }

  #onServerFrame(frame: Frame): Said | undefined {
    if (!DECODED.includes(frame.type)) return undefined;
    const message = decodeServer(frame);
    if (message.type === "welcome") this.#onWelcome(message);
    if (message.type === "said" || message.type === "noop") {
      this.#proxy.network.onEntry(this.#logId, message);
    }
    if (message.type !== "said") return undefined;
    const { clientSeq, timeMs, text } = message;
    const isEcho = message.sessionId === this.#sessionId;
    if (isEcho) this.#proxy.network.lastEchoes.set(this.client!, { type: "say", clientSeq, timeMs, text });
    return message;
  }

  /** A server drops a message that it has, though clients need not send it. */
  #onWelcome({ logId, lastClientSeq }: Welcome): void {
    this.#logId = logId;
    const last = this.#proxy.network.lastEchoes.get(this.client!);
    if (last && last.clientSeq <= lastClientSeq) this.#repeated = last;
  }

  async #repeat(): Promise<void> {
    const say = this.#repeated;
    this.#repeated = undefined;
    if (say) await write(this.#streams.up.to, encodeClient(say));
  }

  async #pass(direction: Direction, bytes: Uint8Array): Promise<void> {
    const stream = this.#streams[direction];
    let delayedMs = 0;
    for (let at = 0; at < bytes.length && !this.#isCut;) {
      const impairment = this.#impairment(direction);
      if (impairment?.kind === "blackhole") {
        stream.isTorn = true;
        return;
      }
      if (stream.isTorn) return this.cut();
      if (this.#isHeld(direction)) {
        await delay(TICK_MS);
        continue;
      }
      if (impairment?.kind === "latency" && delayedMs < impairment.amount) {
        await delay(impairment.amount - delayedMs);
        delayedMs = impairment.amount;
        continue; // the impairment may be another one by now
      }
      const size = maxBytes(impairment, this.#proxy.network.random);
      await write(stream.to, bytes.subarray(at, at + size));
      at += size;
      if (impairment?.kind === "bandwidth") await delay(TICK_MS);
      if (impairment?.kind === "slices") await nextTick();
    }
    this.hasSentHello ||= direction === "up";
  }
}

/** Most bytes that pass at once. */
function maxBytes(impairment: Impairment | undefined, random: Random): number {
  if (impairment?.kind === "slices") return 1 + random.below(impairment.amount);
  return impairment?.kind === "bandwidth" ? Math.ceil(impairment.amount * TICK_MS / 1_000) : Infinity;
}

/** Fulfilled when the socket has taken the bytes, or is closed. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.write(bytes, () => resolve());
  });
}
