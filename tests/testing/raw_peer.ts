// Raw clients and servers: one end of a connection, which sends and reads exactly what a test wants.

import type { Address } from "../../lib/net/address.ts";
import { type Frame, FrameDecoder } from "../../lib/codec.ts";
import {
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  type Hello,
  type LogEntry,
  MAX_SERVER_FRAME_BYTES,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
  type Said,
  type Say,
  type ServerMessage,
  sessionIdOf,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import { addressOf, LOOPBACK } from "./addresses.ts";
import { withTimeout } from "./waiting.ts";
import { TCP } from "./transport.ts";

/** One end of a connection. It reads only when a test calls a method that does. */
export class RawPeer<Heard extends { type: string }, Said> implements Disposable {
  readonly conn: Socket;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: MAX_SERVER_FRAME_BYTES });
  readonly #encode: (message: Said) => Uint8Array<ArrayBuffer>;
  readonly #decode: (frame: Frame) => Heard;
  #isClosed = false;

  constructor(
    conn: Socket,
    { encode, decode }: {
      encode: (message: Said) => Uint8Array<ArrayBuffer>;
      decode: (frame: Frame) => Heard;
    },
  ) {
    this.conn = conn;
    conn.setNoDelay(true);
    this.#encode = encode;
    this.#decode = decode;
  }

  /** Writes messages, or bytes as they are. */
  async send(...messages: (Said | Uint8Array)[]): Promise<void> {
    for (const message of messages) {
      const bytes = message instanceof Uint8Array ? message : this.#encode(message);
      for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
    }
  }

  /** The next message; undefined at the end of the connection. */
  async receive(): Promise<Heard | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame) return this.#decode(frame);
      const count = await withTimeout(
        this.conn.read(this.#decoder.reserve()),
        "the other side to say something",
      );
      if (count === null) return undefined;
      this.#decoder.commit(count);
    }
  }

  /** The next message, which must be of this type. */
  async expect<Type extends Heard["type"]>(type: Type): Promise<Extract<Heard, { type: Type }>> {
    const message = await this.receive();
    if (message?.type === type) return message as Extract<Heard, { type: Type }>;
    throw new Error(`Expected ${type}, got ${Deno.inspect(message)}`);
  }

  /** All messages until the other side ends. */
  async receiveAll(): Promise<Heard[]> {
    const messages: Heard[] = [];
    for (let message = await this.receive(); message; message = await this.receive()) messages.push(message);
    return messages;
  }

  /** The types of all messages until the other side ends. */
  async receiveTypes(): Promise<Heard["type"][]> {
    return (await this.receiveAll()).map(({ type }) => type);
  }

  /** Closes the socket without BYE. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.conn.close();
  }
}

/** A raw client. */
export type Peer = RawPeer<ServerMessage, ClientMessage>;

/** Connects to a server and sends nothing. */
export async function dialPeer(server: Address, wire = TCP): Promise<Peer> {
  const conn = await wire.dial(server, new AbortController());
  return new RawPeer(conn, { encode: encodeClient, decode: decodeServer });
}

/** HELLO of a first join, with a token made from the nick. */
export function makeHello(nick: string, hello: Partial<Hello> = {}): Hello {
  return {
    type: "hello",
    version: PROTOCOL_VERSION,
    resumeToken: makeToken(nick),
    nick,
    password: "",
    lagMs: NEVER_CAUGHT_UP,
    historyCount: 0,
    resumePoints: [],
    ...hello,
  };
}

/** Always the same token for the same name. */
export function makeToken(name: string): Uint8Array {
  const resumeToken = new Uint8Array(16);
  new TextEncoder().encodeInto(name, resumeToken);
  return resumeToken;
}

/** A raw client that has joined and read the log up to its own JOINED. */
export type RawClient = Peer & { readonly welcome: Welcome; readonly history: readonly LogEntry[] };

/** Connects, joins, and reads the log up to its own JOINED. */
export async function join(server: Address, hello: Hello, wire = TCP): Promise<RawClient> {
  const peer = await dialPeer(server, wire);
  await peer.send(hello);
  const welcome = await peer.expect("welcome");
  const history: LogEntry[] = [];
  while (welcome.startSeq + history.length < welcome.head) history.push(await peer.receive() as LogEntry);
  return Object.assign(peer, { welcome, history });
}

/** Joins a server as `nick`. */
export function enterAs(
  nick: string,
  { address }: { readonly address: Address },
  hello: Partial<Hello> = {},
): Promise<RawClient> {
  return join(address, makeHello(nick, hello));
}

/** A message as it is sent first; `timeMs` makes it a redelivery. */
export function say(clientSeq: number, text = `t${clientSeq}`, more: Partial<Say> = {}): Say {
  return { type: "say", clientSeq, timeMs: 0, text, ...more };
}

/** A frame of any type and body. */
export function frame(type: number, ...body: number[]): Uint8Array {
  return new Uint8Array([0, 0, (body.length + 1) >> 8, (body.length + 1) & 0xff, type, ...body]);
}

/** A raw server's end of a connection. */
export type FakeClient = RawPeer<ClientMessage, ServerMessage>;

/** Waits until a client has read everything that it was sent. */
export async function sync(client: FakeClient): Promise<void> {
  await client.send({ type: "ping", head: 0 });
  await client.expect("pong");
}

/** A connection to a raw server: its number, and the session id of the client. */
interface AcceptedClient {
  readonly index: number;
  readonly sessionId: bigint;
}

/** A raw server: `serve` gets each connection, one after another, with its number. */
export class FakeServer implements AsyncDisposable {
  readonly address: Address;
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #serving: Promise<void>;
  #hasStopped = false;

  constructor(serve: (client: FakeClient, visit: number) => Promise<unknown>) {
    this.address = addressOf(this.#listener);
    this.#serving = this.#serve(serve);
    this.#serving.catch(() => {}); // the disposal throws it
  }

  /** Answers each HELLO with WELCOME, then calls `serve`, by default to read until the client ends. */
  static withWelcome(
    serve: (client: FakeClient, visit: AcceptedClient) => Promise<unknown> = (client) => client.receiveAll(),
    welcome: Partial<Welcome> | ((hello: Hello, visit: number) => Partial<Welcome>) = {},
  ): FakeServer {
    return new FakeServer(async (client, visit) => {
      const hello = await client.expect("hello");
      const sessionId = sessionIdOf(hello.resumeToken);
      const changes = typeof welcome === "function" ? welcome(hello, visit) : welcome;
      await client.send(welcomeTo("ana", { sessionId, ...changes }));
      await serve(client, { index: visit, sessionId });
    });
  }

  async #serve(serve: (client: FakeClient, visit: number) => Promise<unknown>): Promise<void> {
    for (let visit = 0; !this.#hasStopped; visit++) {
      const conn = await this.#listener.accept().catch(() => undefined);
      if (!conn) return;
      using client = new RawPeer(TCP.wrapTls?.(conn) ?? conn, { encode: encodeServer, decode: decodeClient });
      await serve(client, visit);
    }
  }

  /** Closes the listener: later dials are refused. */
  stop(): void {
    if (!this.#hasStopped) this.#listener.close();
    this.#hasStopped = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await withTimeout(this.#serving, "the fake server to end");
  }
}

/** WELCOME to an empty room. */
export function welcomeTo(nick: string, changes: Partial<Welcome> = {}): Welcome {
  return {
    type: "welcome",
    version: PROTOCOL_VERSION,
    sessionId: sessionIdOf(makeToken(nick)),
    logId: 7n,
    nick,
    lastClientSeq: 0,
    startSeq: 0,
    head: 0,
    backups: [],
    memberCount: 1,
    members: [{ sessionId: sessionIdOf(makeToken(nick)), nick, address: LOOPBACK, sinceMs: 0 }],
    ...changes,
  };
}

/** Entry `seq` of a log: message `n` of a session. */
export function makeSaid(
  nick: string,
  changes: Partial<Said> & Pick<Said, "seq" | "clientSeq" | "text">,
): Said {
  return {
    type: "said",
    timeMs: 0,
    sessionId: sessionIdOf(makeToken(nick)),
    redelivered: false,
    nick,
    ...changes,
  };
}
