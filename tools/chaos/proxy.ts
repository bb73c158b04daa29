// A network that is harsher than any: between clients and one server it slices, delays, throttles, stalls and
// swallows what they say, and cuts connections at the worst moment. Knows frames, and no more of what they
// mean than it takes to find these moments.

import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTick, setTimeout as delay } from "node:timers/promises";
import type { Address } from "../../lib/net/address.ts";
import { type Frame, FrameDecoder, HEADER_BYTES } from "../../lib/codec.ts";
import {
  CLIENT_FRAMES,
  decodeClient,
  decodeServer,
  MAX_SERVER_FRAME_BYTES,
  SERVER_FRAMES,
  sessionIdOf,
} from "../../lib/protocol/frames.ts";
import type { Random } from "../../tests/testing/random.ts";
import { LOOPBACK } from "../../tests/testing/addresses.ts";

/** Towards the server, or towards the client. */
export type Way = "up" | "down";

/** What happens to all that one client says or hears. */
export type Weather =
  /** Bytes come in pieces of at most `amount`. */
  | { readonly kind: "slices"; readonly amount: number }
  /** Everything takes `amount` ms. */
  | { readonly kind: "delay"; readonly amount: number }
  /** `amount` bytes come in a second. */
  | { readonly kind: "throttle"; readonly amount: number }
  /** Nothing comes until it is over. */
  | { readonly kind: "stall" }
  /** Nothing comes any more: the connection is cut when it is over. */
  | { readonly kind: "blackhole" };

/** A moment at which something breaks, on the first connection where it comes. */
export type Instant =
  /** In the middle of a frame to the server: the connection is cut. */
  | "within a frame up"
  /** In the middle of a frame to a client: the connection is cut. */
  | "within a frame down"
  /** Somebody's own message comes back, their receipt: it does not reach them, the connection is cut. */
  | "before a receipt"
  /** A message comes to somebody: it reaches nobody else, all other connections are cut. */
  | "after one delivery";

/** How long a piece of the throttled or stalled takes, in ms. */
const TICK_MS = 20;
/** How long somebody who is about to lose their connection goes on speaking, in ms. */
const FLIGHT_MS = 20;

interface Trap {
  readonly instant: Instant;
  readonly spring: () => void;
}

/** What the proxies of all servers have in common. */
export interface Network {
  readonly random: Random;
  /** Weather by client and way: a {@linkcode placeOf}. */
  readonly weather: Map<string, Weather>;
}

/** Where a client's weather of one way is found. */
export function placeOf(client: string, way: Way): string {
  return `${client} ${way}`;
}

/** Stands in front of a server. */
export class Proxy implements AsyncDisposable {
  readonly network: Network;
  /** Where it leads who comes now. */
  server: Address;
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  readonly #traps = new Set<Trap>();

  private constructor(server: Address, network: Network) {
    this.server = server;
    this.network = network;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
  }

  /** One that listens already, on a port of the system's choice. */
  static async open(server: Address, network: Network): Promise<Proxy> {
    const proxy = new Proxy(server, network);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, LOOPBACK, resolve));
    return proxy;
  }

  /** Where clients find it. */
  get address(): Address {
    return { host: LOOPBACK, port: (this.#listener.address() as { port: number }).port };
  }

  /** Has something break when its moment comes. True then, false when the signal is aborted before. */
  async breaks(instant: Instant, { signal }: { signal: AbortSignal }): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const trap = { instant, spring: () => resolve(true) };
    const giveUp = () => resolve(false);
    signal.addEventListener("abort", giveUp);
    if (!signal.aborted) this.#traps.add(trap);
    else giveUp();
    const hasSprung = await promise;
    signal.removeEventListener("abort", giveUp);
    this.#traps.delete(trap);
    return hasSprung;
  }

  /** Cuts the connections of a client, or all. */
  cut(client?: string): void {
    for (const link of this.#links) if (client === undefined || link.client === client) link.cut();
  }

  /** Has a client lose its connections, while the server hears what was on its way, and of their end, only
   * `lateMs` later. */
  abandon(client: string, lateMs: number): void {
    for (const link of this.#links) if (link.client === client) link.abandon(lateMs);
  }

  /** The weather has changed: connections that have swallowed something cannot go on. */
  mend(): void {
    for (const link of this.#links) link.mend();
  }

  /** A client says HELLO. Its older connections, which it has given up, must not say theirs after it: the server
   * would take them for the newer ones. */
  met(link: Link): void {
    for (const other of this.#links) {
      if (other !== link && other.client === link.client && !other.hasMet) other.cut();
    }
  }

  /** The trap that a frame springs, if there is one. */
  springs(link: Link, way: Way, frame: Frame): Instant | undefined {
    for (const trap of this.#traps) {
      if (!link.isAt(trap.instant, way, frame)) continue;
      this.#traps.delete(trap);
      trap.spring();
      if (trap.instant === "after one delivery") {
        for (const other of this.#links) if (other !== link) other.cut();
      }
      return trap.instant;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isClosed = new Promise((resolve) => this.#listener.close(resolve));
    this.cut();
    await isClosed;
    await Promise.all([...this.#links].map(({ ended }) => ended));
  }

  #join(client: Socket): void {
    const { host, port } = this.server;
    const link: Link = new Link(client, connect({ host, port, allowHalfOpen: true }), this);
    this.#links.add(link);
    link.ended.then(() => this.#links.delete(link));
  }
}

/** What goes one way. */
interface Stream {
  readonly from: Socket;
  readonly to: Socket;
  readonly frames: FrameDecoder;
  /** Whether bytes were swallowed. */
  isTorn: boolean;
}

/** One connection through the proxy. */
class Link {
  /** Nick of the client, once it has said it. */
  client: string | undefined;
  /** Whether the server has its HELLO. */
  hasMet = false;
  /** Fulfilled when both its sides are closed. */
  readonly ended: Promise<unknown>;
  readonly #proxy: Proxy;
  readonly #streams: Record<Way, Stream>;
  #session: bigint | undefined;
  #isCut = false;
  /** Until when nothing goes to the server, on the clock of performance.now(); undefined while the client is
   * there. */
  #lateMs: number | undefined;

  constructor(client: Socket, server: Socket, proxy: Proxy) {
    this.#proxy = proxy;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#fail());
    }
    const newDecoder = () => new FrameDecoder({ maxFrameBytes: MAX_SERVER_FRAME_BYTES });
    this.#streams = {
      up: { from: client, to: server, frames: newDecoder(), isTorn: false },
      down: { from: server, to: client, frames: newDecoder(), isTorn: false },
    };
    this.ended = Promise.all([this.#run("up"), this.#run("down")]).finally(() => {
      client.destroy();
      server.destroy();
    });
  }

  /** Ends both sides at once, without a word. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const { from } of Object.values(this.#streams)) from.resetAndDestroy();
  }

  /** Ends the client's side alone. */
  async abandon(lateMs: number): Promise<void> {
    this.#lateMs ??= performance.now() + lateMs;
    await delay(FLIGHT_MS);
    this.#streams.up.from.resetAndDestroy();
  }

  /** Ends the connection if something of it is missing. */
  mend(): void {
    for (const way of ["up", "down"] as const) {
      if (this.#streams[way].isTorn && this.#weather(way)?.kind !== "blackhole") this.cut();
    }
  }

  /** Whether a frame is the moment that somebody waits for. */
  isAt(instant: Instant, way: Way, frame: Frame): boolean {
    switch (instant) {
      case "within a frame up":
        return way === "up";
      case "within a frame down":
        return way === "down";
      case "after one delivery":
        return way === "down" && frame.type === SERVER_FRAMES.said.code;
      case "before a receipt": {
        if (way !== "down" || frame.type !== SERVER_FRAMES.said.code) return false;
        const message = decodeServer(frame);
        return message.type === "said" && message.sessionId === this.#session;
      }
    }
  }

  #weather(way: Way): Weather | undefined {
    return this.client === undefined ? undefined : this.#proxy.network.weather.get(placeOf(this.client, way));
  }

  async #run(way: Way): Promise<void> {
    const { from, to } = this.#streams[way];
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        const passing = this.#follow(way, chunk);
        await this.#pass(way, chunk.subarray(0, passing));
        if (passing < chunk.length) this.cut();
        if (this.#isCut) return;
      }
    } catch {
      this.#fail(); // one side is gone
    }
    while (this.#isHeld(way)) await delay(TICK_MS);
    to.end();
  }

  #fail(): void {
    if (this.#lateMs === undefined) this.cut();
  }

  #isHeld(way: Way): boolean {
    const kind = this.#weather(way)?.kind;
    const isLate = way === "up" && performance.now() < (this.#lateMs ?? 0);
    return !this.#isCut && (isLate || kind === "stall" || kind === "blackhole");
  }

  /** How many bytes of a chunk may pass before the connection is cut; all of them unless a trap springs. */
  #follow(way: Way, chunk: Uint8Array): number {
    const { frames } = this.#streams[way];
    let start = -frames.bufferedBytes;
    frames.push(chunk);
    for (let frame = frames.next(); frame; frame = frames.next()) {
      const end = start + HEADER_BYTES + frame.body.length;
      if (frame.type === CLIENT_FRAMES.hello.code) this.#meet(frame);
      const instant = this.#proxy.springs(this, way, frame);
      if (instant === "before a receipt") return Math.max(start, 0);
      if (instant === "within a frame up" || instant === "within a frame down") {
        const first = Math.max(start + 1, 0);
        return first + this.#proxy.network.random.below(end - first);
      }
      start = end;
    }
    return chunk.length;
  }

  #meet(frame: Frame): void {
    const hello = decodeClient(frame);
    if (hello.type !== "hello") return;
    this.client = hello.nick;
    this.#session = sessionIdOf(hello.resumeToken);
    this.#proxy.met(this);
  }

  async #pass(way: Way, bytes: Uint8Array): Promise<void> {
    const stream = this.#streams[way];
    let delayed = 0;
    for (let at = 0; at < bytes.length && !this.#isCut;) {
      const weather = this.#weather(way);
      if (weather?.kind === "blackhole") {
        stream.isTorn = true;
        return;
      }
      if (stream.isTorn) return this.cut();
      if (this.#isHeld(way)) {
        await delay(TICK_MS);
        continue;
      }
      if (weather?.kind === "delay" && delayed < weather.amount) {
        await delay(weather.amount - delayed);
        delayed = weather.amount;
        continue; // it may be another weather by now
      }
      const size = sizeOf(weather, this.#proxy.network.random);
      await write(stream.to, bytes.subarray(at, at + size));
      at += size;
      if (weather?.kind === "throttle") await delay(TICK_MS);
      if (weather?.kind === "slices") await nextTick();
    }
    this.hasMet ||= way === "up";
  }
}

/** Most bytes that pass at once. */
function sizeOf(weather: Weather | undefined, random: Random): number {
  if (weather?.kind === "slices") return 1 + random.below(weather.amount);
  return weather?.kind === "throttle" ? Math.ceil(weather.amount * TICK_MS / 1_000) : Infinity;
}

/** Fulfilled when the socket has taken the bytes, or is closed. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.write(bytes, () => resolve());
  });
}
