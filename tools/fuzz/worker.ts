// Fuzzes one server and new clients with the streams of given seeds. Posts a message when it is ready and after each
// job, and throws a failure.

/// <reference lib="deno.worker" />

import type { Address } from "../../lib/net/address.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { startServer } from "../../tests/testing/test_server.ts";
import { ChatError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { dial } from "../../lib/net/tcp.ts";
import { systemClock } from "../../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import { sessionIdOf, TOKEN_BYTES } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import { Session, type SessionEvent } from "../../lib/client/session.ts";
import { join, makeHello, type Peer } from "../../tests/testing/raw_peer.ts";
import { LOOPBACK } from "../../tests/testing/addresses.ts";
import { clientHello, serverHello, TCP } from "../../tests/testing/transport.ts";
import { changedStream, clientStream, serverStream } from "./hostile_streams.ts";

/** Seeds, each of a stream for a server and of one for a client. */
export interface Job {
  readonly first: number;
  readonly count: number;
}

/** Streams that are on their way at a time, to each side. */
const AT_ONCE = 16;
/** Streams between two looks at whether the server still serves others, of one of those at a time. */
const LOOK_EVERY = 16;
/** Over TLS one stream of so many is a handshake gone wrong. */
const HANDSHAKE_EVERY = 4;
/** Most bytes that are read at once. */
const READ_BYTES = 4_096;
/** How long a peer may take to be done with a stream, in ms. */
const TEST_TIMEOUT_MS = 20_000;

// deno-lint-ignore no-control-regex -- these are the very characters that must not come
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** The seeds of a job, one after another, and which of them are under way. */
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

  /** The first seed that may be to blame for what went wrong now. */
  get firstSuspect(): number {
    return Math.min(this.#next, ...this.#inFlight.keys());
  }

  /** Does `work` as often at once as streams are on their way.
   * @throws {Error} that names a seed, if the work throws or a stream takes too long */
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

/** How the two sides of TLS begin. */
interface Hellos {
  readonly client: Uint8Array<ArrayBuffer>;
  readonly server: Uint8Array<ArrayBuffer>;
}

const NO_HELLOS: Hellos = { client: new Uint8Array(), server: new Uint8Array() };

async function hellosOf({ address }: ChatServer): Promise<Hellos> {
  const client = await clientHello(TCP);
  return { client, server: await serverHello(address, client) };
}

/** Whether what is wrong with a stream is wrong with TLS, not with what is said by it. */
function isOfHandshakes(seed: number): boolean {
  return TCP.wrapTls !== undefined && seed % HANDSHAKE_EVERY === 0;
}

/** A server in which somebody honest chats. */
class Victim {
  readonly #server: ChatServer;
  readonly #honest: Peer;
  readonly #faults: Error[];
  readonly hellos: Hellos;
  #said = 0;

  private constructor(
    server: ChatServer,
    { honest, faults, hellos }: { honest: Peer; faults: Error[]; hellos: Hellos },
  ) {
    this.#server = server;
    this.#honest = honest;
    this.#faults = faults;
    this.hellos = hellos;
  }

  static async start(): Promise<Victim> {
    const faults: Error[] = [];
    const server = startServer({
      onReject: (_, error) => {
        if (!(error instanceof ChatError)) faults.push(error);
      },
      room: { graceMs: 5 },
    });
    const { peer } = await join(server.address, makeHello("honest"));
    const hellos = TCP.wrapTls ? await hellosOf(server) : NO_HELLOS;
    return new Victim(server, { honest: peer, faults, hellos });
  }

  /** Has the streams of a job thrown at it, and serves others meanwhile. */
  async survive(job: Job): Promise<void> {
    const seeds = new Seeds(job);
    await seeds.all(async (slot) => {
      const buffer = new Uint8Array(READ_BYTES);
      let turn = 0;
      for (let seed = seeds.begin(); seed !== undefined; seed = seeds.begin()) {
        await this.#takeIn(seed, buffer);
        if (slot === 0 && turn++ % LOOK_EVERY === 0) await this.#chat();
        if (this.#faults.length > 0) throw this.#faults[0];
        seeds.end(seed);
      }
    });
  }

  /** One connection: all of a stream, then the end; done when the server has ended its side too. */
  async #takeIn(seed: number, buffer: Uint8Array): Promise<void> {
    const isHandshake = isOfHandshakes(seed);
    const conn = await (isHandshake ? dial : TCP.dial)(this.#server.address, new AbortController());
    try {
      const stream = isHandshake ? changedStream(seed, this.hellos.client) : clientStream(seed);
      for (let at = 0; at < stream.length;) at += await conn.write(stream.subarray(at));
      await conn.closeWrite();
      while (await conn.read(buffer) !== null) { /* whatever it says */ }
    } catch {
      // The server had enough of it before it had all: its right.
    } finally {
      conn.close();
    }
  }

  /** Somebody honest says something and reads it back. */
  async #chat(): Promise<void> {
    const clientSeq = ++this.#said;
    await this.#honest.send({ type: "say", clientSeq, timeMs: 0, text: "hola" });
    for (;;) {
      const message = await this.#honest.receive();
      if (message?.type === "said" && message.nick === "honest" && message.clientSeq === clientSeq) return;
      if (message?.type === "ping") await this.#honest.send({ type: "pong" });
      if (message === undefined || message.type === "error") throw new Error(`${Deno.inspect(message)}`);
    }
  }
}

/** A server that sends the streams of a job to clients, until it has no more. */
class HostileServer {
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #seeds: Seeds;
  readonly #hellos: Hellos;

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

  async #answer(tcp: Deno.TcpConn): Promise<void> {
    using _ = tcp;
    const seed = this.#seeds.begin();
    if (seed === undefined) return;
    try {
      const isHandshake = isOfHandshakes(seed);
      const conn = isHandshake ? tcp : TCP.wrapTls?.(tcp) ?? tcp;
      const buffer = new Uint8Array(READ_BYTES);
      await conn.read(buffer);
      const resumeToken = buffer.subarray(TOKEN_AT, TOKEN_AT + TOKEN_BYTES);
      const stream = isHandshake
        ? changedStream(seed, this.#hellos.server)
        : serverStream(seed, sessionIdOf(resumeToken));
      for (let at = 0; at < stream.length;) at += await conn.write(stream.subarray(at));
      await conn.closeWrite();
      while (await conn.read(buffer) !== null) { /* whatever it says */ }
    } catch {
      // The client had enough of it.
    }
    this.#seeds.end(seed);
  }
}

/** Clients, new ones for every job, that go on from one stream of it to the next. */
async function surviveAsClients(job: Job, { hellos }: Victim): Promise<void> {
  const seeds = new Seeds(job);
  const hostile = new HostileServer(seeds, hellos);
  const serving = hostile.serve();
  try {
    await seeds.all(async (slot) => {
      using session = new Session(
        {
          state: new SessionState(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)), DEFAULT_CONFIG),
          nextServer: () =>
            Promise.resolve(seeds.areAllStarted ? undefined : { server: hostile.address, nick: "ana" }),
          dial,
          passwordFor: () => "",
        },
        DEFAULT_CONFIG.session,
        systemClock,
      );
      // One that has as much to say again as a client may have.
      while (slot === 0 && !session.isFull) session.say("hola");
      for await (const event of session.run()) show(event, session);
    });
  } finally {
    hostile.stop();
    await serving;
  }
}

/** Where the token of a HELLO begins: length, type, version. */
const TOKEN_AT = 4 + 1 + 1;
const renderer = makeRenderer(DEFAULT_DISPLAY, { language: "en", hasColors: false });

/** Does with an event what chat-client does. */
function show(event: SessionEvent, session: Session): void {
  const lines: string[] = [];
  switch (event.type) {
    case "joined":
      lines.push(...event.welcome.members.map((person) => renderer.member(person)));
      if (!session.isFull) session.say("hola");
      break;
    case "entries":
      lines.push(...event.entries.map(({ entry }) => renderer.entry(entry, { reader: "ana" })));
      break;
    case "rejected":
      lines.push(renderer.notice(errorText(event.error, "en"), 0));
      break;
    case "disconnected":
      lines.push(renderer.notice(errorText(event.failure.error, "en"), 0));
  }
  const unsafe = lines.find((line) => CONTROL.test(line));
  if (unsafe !== undefined) throw new Error(`A control reached the screen: ${JSON.stringify(unsafe)}`);
}

const victim = await Victim.start();
self.onmessage = async ({ data }: MessageEvent<Job>) => {
  await Promise.all([victim.survive(data), surviveAsClients(data, victim)]);
  self.postMessage(undefined);
};
self.postMessage(undefined); // a job that came earlier would be lost
