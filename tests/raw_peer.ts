// One end of a connection that says and hears exactly what a test wants: clients and servers by hand.

import type { Address } from "../lib/net/address.ts";
import { type Frame, FrameDecoder } from "../lib/codec.ts";
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
  type ServerMessage,
  sessionIdOf,
  type Welcome,
} from "../lib/protocol/frames.ts";
import type { Socket } from "../lib/net/tls_socket.ts";
import { addressOf, LOOPBACK, withTimeout } from "./support.ts";
import { TCP } from "./transport.ts";

/** One end of a connection. It reads only when it is asked what it hears. */
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

  /** The next message; undefined if there is none to come. */
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

  /** All that comes until the other side ends. */
  async receiveAll(): Promise<Heard[]> {
    const messages: Heard[] = [];
    for (let message = await this.receive(); message; message = await this.receive()) messages.push(message);
    return messages;
  }

  /** Closes without a word. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.conn.close();
  }
}

/** A client by hand. */
export type Peer = RawPeer<ServerMessage, ClientMessage>;

/** Connects to a server and says nothing yet. */
export async function dialPeer(server: Address, wire = TCP): Promise<Peer> {
  const conn = await wire.dial(server, new AbortController());
  return new RawPeer(conn, { encode: encodeClient, decode: decodeServer });
}

/** HELLO of a first join, the token made from the nick. */
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

/** A client that is in and has read the past, its own JOINED included. */
export interface RawClient {
  readonly peer: Peer;
  readonly welcome: Welcome;
  readonly history: readonly LogEntry[];
}

/** Connects, enters, and reads what was before. */
export async function join(server: Address, hello: Hello, wire = TCP): Promise<RawClient> {
  const peer = await dialPeer(server, wire);
  await peer.send(hello);
  const welcome = await peer.expect("welcome");
  const history: LogEntry[] = [];
  while (welcome.startSeq + history.length < welcome.head) history.push(await peer.receive() as LogEntry);
  return { peer, welcome, history };
}

/** A client as a server by hand knows it. */
export type FakeClient = RawPeer<ClientMessage, ServerMessage>;

/** A server by hand: `serve` talks to whoever comes, one after another, and is told who comes how often. */
export class FakeServer implements AsyncDisposable {
  readonly address: Address;
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #serving: Promise<void>;
  #hasStopped = false;

  constructor(serve: (client: FakeClient, visit: number) => Promise<unknown>) {
    this.address = addressOf(this.#listener);
    this.#serving = this.#serve(serve);
    this.#serving.catch(() => {}); // whoever disposes of it is told
  }

  /** One that lets everybody in before `serve` begins. */
  static withWelcome(
    serve: (client: FakeClient) => Promise<unknown>,
    welcome: Partial<Welcome> = {},
  ): FakeServer {
    return new FakeServer(async (client) => {
      const { resumeToken } = await client.expect("hello");
      await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken), ...welcome }));
      await serve(client);
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

  /** From now on nobody gets in. */
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

/** Entry `seq` of a log: message `n` of somebody. */
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
