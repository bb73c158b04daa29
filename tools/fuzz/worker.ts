// Fuzzes one server and new clients with the streams of given seeds. Posts a message when it is ready and after each
// job, and throws a failure.

/// <reference lib="deno.worker" />

import { concat } from "@std/bytes/concat";
import type { Address } from "../../lib/net/address.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { startServer } from "../../tests/testing/test_server.ts";
import { ChatError, ProtocolError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { CLOSE_TIMEOUT_MS } from "../../lib/net/connection.ts";
import { dial } from "../../lib/net/tcp.ts";
import { systemClock } from "../../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import { type LogEntry, sessionIdOf, TOKEN_BYTES } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer, type Renderer } from "../../lib/render/renderer.ts";
import type { DisconnectError } from "../../lib/client/recovery.ts";
import { Session, type SessionEvent } from "../../lib/client/session.ts";
import { join, makeHello, type Peer } from "../../tests/testing/raw_peer.ts";
import { LOOPBACK } from "../../tests/testing/addresses.ts";
import { waitFor } from "../../tests/testing/waiting.ts";
import { clientHello, serverHello, TCP } from "../../tests/testing/transport.ts";
import { changedStream, clientStream, serverStream } from "./hostile_streams.ts";
import { checkCodec, checkReply, checkTexts, clientVerdict, readStream } from "./oracles.ts";

/** Seeds, each of a stream for a server and of one for a client. */
export interface Job {
  readonly first: number;
  readonly count: number;
}

/** Connections at a time, in each direction. */
const AT_ONCE = 16;
/** Streams of one connection slot between two messages of the honest member. */
const LOOK_EVERY = 16;
/** Further streams for each seed that go to the decoders alone, which is cheap. */
const CODEC_STREAMS = 20;
/** Over TLS, one stream of so many is a malformed handshake. */
const HANDSHAKE_EVERY = 4;
/** Most bytes that are read at once. */
const READ_BYTES = 4_096;
/** Longest time for one stream, in ms, also on a busy machine. */
const TEST_TIMEOUT_MS = 60_000;
/** Heap that a worker may gain over its jobs, in bytes, after garbage collection. */
const MAX_HEAP_GROWTH = 2 * 1_048_576;

const CONTROL =
  // deno-lint-ignore no-control-regex -- these are the very characters that must not come
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** The seeds of a job in order, and which of them are in flight. */
class Seeds {
  readonly #end: number;
  #next: number;
  readonly #inFlight = new Map<number, number>();

  constructor({ first, count }: Job) {
    this.#next = first;
    this.#end = first + count;
  }

  /** The next seed, or undefined if there is none. */
  begin(): number | undefined {
    if (this.#next === this.#end) return undefined;
    this.#inFlight.set(this.#next, performance.now());
    return this.#next++;
  }

  get areAllStarted(): boolean {
    return this.#next === this.#end;
  }

  end(seed: number): void {
    this.#inFlight.delete(seed);
  }

  /** The lowest seed that may have caused a failure now. */
  get firstSuspect(): number {
    return Math.min(this.#next, ...this.#inFlight.keys());
  }

  /** Runs `work` once for each slot, at the same time.
   * @throws {Error} with the seed, if the work throws or a stream takes too long */
  async all(work: (slot: number) => Promise<void>): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setInterval(() => {
      const [beganMs = Infinity] = this.#inFlight.values();
      if (performance.now() - beganMs > TEST_TIMEOUT_MS) reject(new Error("It took too long"));
    }, TEST_TIMEOUT_MS / 20);
    try {
      await Promise.race([late, Promise.all(Array.from({ length: AT_ONCE }, (_, slot) => work(slot)))]);
    } catch (cause) {
      throw new Error(`A stream was not survived: --seed ${this.firstSuspect} replays it`, { cause });
    } finally {
      clearInterval(timer);
    }
  }
}

/** Checks the decoders with the streams of a seed, and more like them. */
function checkDecoders(seed: number): void {
  for (let i = 0; i <= CODEC_STREAMS; i++) {
    const streamSeed = seed + i * 2 ** 32;
    checkCodec("client", clientStream(streamSeed), seed);
    checkCodec("server", serverStream(streamSeed, 1n), seed);
  }
}

/** The first bytes of each side of TLS. */
interface Hellos {
  readonly client: Uint8Array<ArrayBuffer>;
  readonly server: Uint8Array<ArrayBuffer>;
}

const NO_HELLOS: Hellos = { client: new Uint8Array(), server: new Uint8Array() };

async function hellosOf({ address }: ChatServer): Promise<Hellos> {
  const client = await clientHello(TCP);
  return { client, server: await serverHello(address, client) };
}

/** Whether the stream of a seed is a malformed handshake. */
function isOfHandshakes(seed: number): boolean {
  return TCP.wrapTls !== undefined && seed % HANDSHAKE_EVERY === 0;
}

/** A server with an honest member that reads the whole log. */
class Victim {
  readonly #server: ChatServer;
  readonly #honest: Peer;
  readonly #faults: Error[];
  readonly hellos: Hellos;
  #saidCount = 0;
  /** `clientSeq` of the honest member's last message in the log. */
  #echoedSeq = 0;
  #nextSeq: number;
  /** Highest `clientSeq` in the log by session. */
  readonly #lastClientSeqs = new Map<bigint, number>();
  #heapBytes: number | undefined;

  private constructor(
    server: ChatServer,
    { honest, head, faults, hellos }: { honest: Peer; head: number; faults: Error[]; hellos: Hellos },
  ) {
    this.#server = server;
    this.#honest = honest;
    this.#nextSeq = head;
    this.#faults = faults;
    this.hellos = hellos;
    this.#readLog();
  }

  static async start(): Promise<Victim> {
    const faults: Error[] = [];
    const server = startServer({
      onReject: (_, error) => {
        if (!(error instanceof ChatError)) faults.push(error);
      },
      room: { graceMs: 5 },
    });
    const honest = await join(server.address, makeHello("honest"));
    const hellos = TCP.wrapTls ? await hellosOf(server) : NO_HELLOS;
    return new Victim(server, { honest, head: honest.welcome.head, faults, hellos });
  }

  /** Sends the streams of a job to the server, while the honest member chats.
   * @throws {Error} if an oracle fails */
  async survive(job: Job): Promise<void> {
    const seeds = new Seeds(job);
    await seeds.all(async (slot) => {
      const buffer = new Uint8Array(READ_BYTES);
      let turn = 0;
      for (let seed = seeds.begin(); seed !== undefined; seed = seeds.begin()) {
        checkDecoders(seed);
        await this.#sendStream(seed, buffer);
        if (slot === 0 && turn++ % LOOK_EVERY === 0) await this.#chat();
        if (this.#faults.length > 0) throw this.#faults[0];
        seeds.end(seed);
      }
    });
  }

  /** Waits until the server has forgotten all connections of a job.
   * @throws {Error} if it counts one for ever, or keeps memory */
  async settle(): Promise<void> {
    await this.#chat();
    await waitFor(() => {
      const { connectionCount, memberCount } = this.#server.stats;
      return connectionCount === 1 && memberCount === 1;
    }, "the server to forget all connections but the honest one");
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed } = Deno.memoryUsage();
    this.#heapBytes ??= heapUsed;
    if (heapUsed - this.#heapBytes > MAX_HEAP_GROWTH) {
      throw new Error(`The heap grew from ${this.#heapBytes} to ${heapUsed} bytes`);
    }
  }

  /** One connection: all of a stream, then the end. Done when the server has ended its side too. */
  async #sendStream(seed: number, buffer: Uint8Array): Promise<void> {
    const isHandshake = isOfHandshakes(seed);
    const stream = isHandshake ? changedStream(seed, this.hellos.client) : clientStream(seed);
    const reply: Uint8Array[] = [];
    let sentMs = 0;
    const conn = await (isHandshake ? dial : TCP.dial)(this.#server.address, new AbortController());
    try {
      for (let at = 0; at < stream.length;) at += await conn.write(stream.subarray(at));
      await conn.closeWrite();
      sentMs = performance.now();
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        reply.push(buffer.slice(0, count));
      }
    } catch {
      return; // the server reset the connection before it had read all, which it may
    } finally {
      conn.close();
    }
    // A server waits so long for the reader of its last frame, and then closes the connection without it.
    if (isHandshake || performance.now() - sentMs > CLOSE_TIMEOUT_MS) return;
    checkReply(stream, concat(reply));
  }

  /** The honest member says a message, and waits until it is in the log.
   * @throws {Error} if the log has what no log may have */
  async #chat(): Promise<void> {
    const clientSeq = ++this.#saidCount;
    await this.#honest.send({ type: "say", clientSeq, timeMs: 0, text: "hola" });
    await waitFor(() => this.#echoedSeq === clientSeq || this.#faults.length > 0, "the echo");
    if (this.#faults.length > 0) throw this.#faults[0];
  }

  /** Reads as the honest member until the connection ends. */
  async #readLog(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#honest.receive();
        if (message === undefined || message.type === "error") throw new Error(Deno.inspect(message));
        if (message.type === "ping") await this.#honest.send({ type: "pong" });
        if ("seq" in message) this.#checkEntry(message);
      }
    } catch (error) {
      this.#faults.push(error as Error);
    }
  }

  #checkEntry(entry: LogEntry): void {
    if (entry.seq !== this.#nextSeq) throw new Error(`Entry ${entry.seq} came, not ${this.#nextSeq}`);
    this.#nextSeq++;
    checkTexts(entry);
    if (entry.type !== "said") return;
    const { sessionId, clientSeq } = entry;
    const last = this.#lastClientSeqs.get(sessionId) ?? 0;
    if (clientSeq <= last) throw new Error(`Message ${clientSeq} came after ${last}`);
    this.#lastClientSeqs.set(sessionId, clientSeq);
    if (entry.nick === "honest") this.#echoedSeq = clientSeq;
  }
}

/** A server that sends the streams of a job to clients, until it has no more. */
class HostileServer {
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #seeds: Seeds;
  readonly #hellos: Hellos;
  /** What was sent last to each session, until {@linkcode takeStream}. */
  readonly #streams = new Map<bigint, Uint8Array>();

  constructor(seeds: Seeds, hellos: Hellos) {
    this.#seeds = seeds;
    this.#hellos = hellos;
  }

  get address(): Address {
    return { host: LOOPBACK, port: this.#listener.addr.port };
  }

  async serve(): Promise<void> {
    for await (const conn of this.#listener) this.#answer(conn);
  }

  stop(): void {
    this.#listener.close();
  }

  /** The stream that this session has got; undefined after a TLS handshake that failed. */
  takeStream(sessionId: bigint): Uint8Array | undefined {
    const stream = this.#streams.get(sessionId);
    this.#streams.delete(sessionId);
    return stream;
  }

  async #answer(tcp: Deno.TcpConn): Promise<void> {
    using _ = tcp;
    const seed = this.#seeds.begin();
    if (seed === undefined) return;
    try {
      const isHandshake = isOfHandshakes(seed);
      const conn = isHandshake ? tcp : TCP.wrapTls?.(tcp) ?? tcp;
      const buffer = new Uint8Array(READ_BYTES);
      await conn.read(buffer);
      const sessionId = sessionIdOf(buffer.subarray(TOKEN_AT, TOKEN_AT + TOKEN_BYTES));
      const stream = isHandshake ? changedStream(seed, this.#hellos.server) : serverStream(seed, sessionId);
      if (!isHandshake) {
        this.#streams.set(sessionId, stream);
      }
      for (let at = 0; at < stream.length;) at += await conn.write(stream.subarray(at));
      await conn.closeWrite();
      while (await conn.read(buffer) !== null) { /* until its end */ }
    } catch {
      // The client closed the connection before it had read all, which it may.
    }
    this.#seeds.end(seed);
  }
}

/** Runs new clients that connect to a hostile server until each seed of the job is used. */
async function surviveAsClients(job: Job, { hellos }: Victim): Promise<void> {
  const seeds = new Seeds(job);
  const hostile = new HostileServer(seeds, hellos);
  const serving = hostile.serve();
  try {
    await seeds.all(async (slot) => {
      const state = new SessionState(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)), DEFAULT_CONFIG);
      using session = new Session(
        {
          state,
          nextServer: () =>
            Promise.resolve(seeds.areAllStarted ? undefined : { server: hostile.address, nick: "ana" }),
          dial: TCP.dial,
          passwordFor: () => "",
        },
        DEFAULT_CONFIG.session,
        systemClock,
      );
      const client = new FuzzedClient(session, () => hostile.takeStream(state.sessionId), state.sessionId);
      // One client has as many unacked messages as it may have.
      while (slot === 0 && !session.isFull) client.say();
      for await (const event of session.run()) client.onEvent(event);
    });
  } finally {
    hostile.stop();
    await serving;
  }
}

/** Where the token of a HELLO begins: length, type, version. */
const TOKEN_AT = 4 + 1 + 1;
const t = translator("en");
const renderers = [false, true].map((isJson) =>
  makeRenderer({ ...DEFAULT_DISPLAY, isJson }, { language: "en", hasColors: false })
);

/** Does with events what chat-client does, and compares them with what the stream allows. */
class FuzzedClient {
  readonly #session: Session;
  readonly #takeStream: () => Uint8Array | undefined;
  readonly #sessionId: bigint;
  #saidCount = 0;
  /** {@linkcode #saidCount} when the connection began. */
  #sentCount = 0;
  #shownSeqs: number[] = [];

  constructor(session: Session, takeStream: () => Uint8Array | undefined, sessionId: bigint) {
    this.#session = session;
    this.#takeStream = takeStream;
    this.#sessionId = sessionId;
  }

  say(): void {
    this.#session.say("hola");
    this.#sentCount = ++this.#saidCount;
  }

  onEvent(event: SessionEvent): void {
    const lines = renderers.flatMap((renderer) => this.#linesOf(event, renderer));
    const unsafe = lines.find((line) => CONTROL.test(line));
    if (unsafe !== undefined) throw new Error(`A control reached the screen: ${JSON.stringify(unsafe)}`);
    switch (event.type) {
      case "joined":
        if (!this.#session.isFull) {
          this.#session.say("hola");
          this.#saidCount++;
        }
        break;
      case "entries":
        this.#shownSeqs.push(...event.entries.map(({ entry }) => entry.seq));
        break;
      case "disconnected":
        this.#checkEnd(event.failure.error);
    }
  }

  #linesOf(event: SessionEvent, renderer: Renderer): string[] {
    switch (event.type) {
      case "joined": {
        const { welcome, resent } = event;
        const connected = renderer.connected("", { server: "", welcome, resentCount: resent.length }, 0);
        return [connected, ...renderer.members(t.message("who.unknown"), welcome.members, 0)];
      }
      case "entries": {
        const reader = { sessionId: this.#sessionId, nick: "ana" };
        return event.entries.map(({ entry }) => renderer.entry(entry, { reader }));
      }
      case "rejected":
        return renderer.notice(t.error(event.error), 0);
      case "stalled":
        return [];
      case "disconnected":
        return renderer.notice(t.error(event.failure.error), 0);
    }
  }

  /** @throws {Error} if the client showed what it must refuse, or ended otherwise than the stream does */
  #checkEnd({ code, cause }: DisconnectError): void {
    const stream = this.#takeStream();
    if (stream) {
      const verdict = clientVerdict(readStream("server", stream), {
        sessionId: this.#sessionId,
        sentCount: this.#sentCount,
      });
      const extra = this.#shownSeqs.find((seq) => !verdict.shownSeqs.has(seq));
      if (extra !== undefined) throw new Error(`The client showed entry ${extra}, which it must refuse`);
      const hasRefused = cause instanceof ProtocolError;
      if (hasRefused !== verdict.isViolation && code !== "broken") {
        throw new Error(`The client ended with "${code}"; a violation: ${verdict.isViolation}`);
      }
    }
    this.#shownSeqs = [];
    this.#sentCount = this.#saidCount;
  }
}

const victim = await Victim.start();
self.onmessage = async ({ data }: MessageEvent<Job>) => {
  await Promise.all([victim.survive(data), surviveAsClients(data, victim)]);
  await victim.settle();
  self.postMessage(undefined);
};
self.postMessage(undefined); // a job that came earlier would be lost
