// What several tests share: a limit to their patience, one end of a connection that says and hears exactly
// what a test wants, and a person at a terminal whose program runs in this process.

import type { Address } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import { type Frame, FrameDecoder } from "../lib/codec.ts";
import type { ChatOptions } from "../lib/desks.ts";
import type { Language } from "../lib/i18n.ts";
import type { LocalAddress, Program } from "../lib/program.ts";
import {
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  type Hello,
  type LogEntry,
  MAX_SERVER_FRAME_BYTES,
  NEVER_WHOLE_MS,
  PROTOCOL_VERSION,
  type Said,
  type ServerMessage,
  sessionOf,
  type Welcome,
} from "../lib/protocol.ts";
import type { Socket } from "../lib/socket.ts";
import { Terminal, type TerminalOptions } from "../lib/terminal.ts";
import type { Tty } from "../lib/tty.ts";
import { WIRE } from "./wire.ts";

export const LOOPBACK = "127.0.0.1";
/** A name that no resolver knows, and none is asked for: a label has 63 characters at most. */
export const UNKNOWN_NAME = `${"x".repeat(64)}.invalid`;
/** Longest wait for anything, in ms: a test that needs it has failed, also on a machine that is busy. */
const PATIENCE_MS = 10_000;

/** What a promise gives, unless it takes forever. */
export async function soon<Value>(promise: Promise<Value>, what: string | (() => string)): Promise<Value> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`Still waiting for ${typeof what === "string" ? what : what()}`));
  }, PATIENCE_MS);
  try {
    return await Promise.race([promise, never]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until something is so.
 * @throws {Error} if it is not for too long */
export async function until(isSo: () => boolean, what = `${isSo}`): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !isSo();) {
    if (performance.now() > endMs) throw new Error(`Still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** An address of this machine where nobody listens. */
export function freeAddress(): Address {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  return addressOf(listener);
}

/** Where a listener listens. */
export function addressOf({ addr: { hostname, port } }: Deno.TcpListener): Address {
  return { host: hostname, port };
}

/** One end of a connection. It reads only when it is asked what it hears. */
export class End<Heard extends { type: string }, Said> implements Disposable {
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
  async say(...messages: (Said | Uint8Array)[]): Promise<void> {
    for (const message of messages) {
      const bytes = message instanceof Uint8Array ? message : this.#encode(message);
      for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
    }
  }

  /** The next message; undefined if there is none to come. */
  async hear(): Promise<Heard | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame) return this.#decode(frame);
      const count = await soon(this.conn.read(this.#decoder.space()), "the other side to say something");
      if (count === null) return undefined;
      this.#decoder.commit(count);
    }
  }

  /** The next message, which must be of this type. */
  async expect<Type extends Heard["type"]>(type: Type): Promise<Extract<Heard, { type: Type }>> {
    const message = await this.hear();
    if (message?.type === type) return message as Extract<Heard, { type: Type }>;
    throw new Error(`Expected ${type}, got ${Deno.inspect(message)}`);
  }

  /** All that comes until the other side ends. */
  async rest(): Promise<Heard[]> {
    const messages: Heard[] = [];
    for (let message = await this.hear(); message; message = await this.hear()) messages.push(message);
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
export type Peer = End<ServerMessage, ClientMessage>;

/** Connects to a server and says nothing yet. */
export async function dialPeer(server: Address, wire = WIRE): Promise<Peer> {
  const conn = await wire.dial(server, new AbortController());
  return new End(conn, { encode: encodeClient, decode: decodeServer });
}

/** A newcomer's HELLO, the token made from the nick. */
export function helloOf(nick: string, hello: Partial<Hello> = {}): Hello {
  return {
    type: "hello",
    version: PROTOCOL_VERSION,
    token: tokenOf(nick),
    nick,
    password: "",
    lackMs: NEVER_WHOLE_MS,
    history: 0,
    resume: [],
    ...hello,
  };
}

/** Always the same token for the same name. */
export function tokenOf(name: string): Uint8Array {
  const token = new Uint8Array(16);
  new TextEncoder().encodeInto(name, token);
  return token;
}

/** A client that is in and has read the past, its own JOINED included. */
export interface Guest {
  readonly peer: Peer;
  readonly welcome: Welcome;
  readonly past: readonly LogEntry[];
}

/** Connects, enters, and reads what was before. */
export async function enter(server: Address, hello: Hello, wire = WIRE): Promise<Guest> {
  const peer = await dialPeer(server, wire);
  await peer.say(hello);
  const welcome = await peer.expect("welcome");
  const past: LogEntry[] = [];
  while (welcome.next + past.length < welcome.head) past.push(await peer.hear() as LogEntry);
  return { peer, welcome, past };
}

/** A client as a server by hand knows it. */
export type FakeClient = End<ClientMessage, ServerMessage>;

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
  static welcoming(
    serve: (client: FakeClient) => Promise<unknown>,
    welcome: Partial<Welcome> = {},
  ): FakeServer {
    return new FakeServer(async (client) => {
      const { token } = await client.expect("hello");
      await client.say(welcomeTo("ana", { session: sessionOf(token), ...welcome }));
      await serve(client);
    });
  }

  async #serve(serve: (client: FakeClient, visit: number) => Promise<unknown>): Promise<void> {
    for (let visit = 0; !this.#hasStopped; visit++) {
      const conn = await this.#listener.accept().catch(() => undefined);
      if (!conn) return;
      using client = new End(WIRE.secure?.(conn) ?? conn, { encode: encodeServer, decode: decodeClient });
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
    await soon(this.#serving, "the fake server to end");
  }
}

/** WELCOME to an empty room. */
export function welcomeTo(nick: string, changes: Partial<Welcome> = {}): Welcome {
  return {
    type: "welcome",
    version: PROTOCOL_VERSION,
    session: sessionOf(tokenOf(nick)),
    instance: 7n,
    nick,
    accepted: 0,
    next: 0,
    head: 0,
    backups: [],
    onlineCount: 1,
    online: [{ session: sessionOf(tokenOf(nick)), nick, address: LOOPBACK, sinceMs: 0 }],
    ...changes,
  };
}

/** Entry `seq` of a log: message `n` of somebody. */
export function saidBy(nick: string, changes: Partial<Said> & Pick<Said, "seq" | "n" | "text">): Said {
  return { type: "said", timeMs: 0, session: sessionOf(tokenOf(nick)), late: false, nick, ...changes };
}

/** A clock that a test sets. */
export class TestClock {
  #wallMs: number;
  #tickMs: number | undefined;

  /** What people see, as `2026-11-22 13:45:07`, local time. */
  constructor(time = "2026-11-22 13:45:07") {
    this.#wallMs = msOf(time);
  }

  set(time: string): void {
    this.#wallMs = msOf(time);
  }

  /** The time that heartbeats and the like go by is this from now on; before, it is the machine's. */
  tick(tickMs: number): void {
    this.#tickMs = tickMs;
  }

  readonly now: Clock = () => ({ wallMs: this.#wallMs, tickMs: this.#tickMs ?? performance.now() });
}

/** A local time as `2026-11-22 13:45:07` in ms since 1970 UTC. */
export function msOf(time: string): number {
  return new Date(time).getTime();
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** The texts of the lines that are typed for the chat. */
export async function* linesOf(terminal: Terminal, options?: ChatOptions): AsyncGenerator<string> {
  for await (const { text } of terminal.typed("> ", options)) yield text;
}

/** Who sits at a terminal, and what is around them. */
export interface PersonOptions {
  readonly language?: Language;
  readonly clock?: Clock;
  readonly localAddresses?: readonly LocalAddress[];
  readonly hasColours?: boolean;
  /** A pipe otherwise. */
  readonly isKeyboard?: boolean;
  readonly isEchoed?: boolean;
  readonly tty?: Tty;
  /** Set if a question is to wait for them while they type. */
  readonly typing?: TerminalOptions;
  readonly configFolder?: string;
  /** What their programs run on. */
  readonly runtime?: string;
}

/** A person, or a script, at a terminal in this process. */
export class Person implements AsyncDisposable {
  readonly terminal: Terminal;
  /** All that was written to them. */
  output = "";
  /** How many times something was written. */
  writes = 0;
  /** Whether a program of theirs has given up reading and writing files. */
  hasGivenUpFiles = false;
  readonly #options: PersonOptions;
  readonly #ending = new AbortController();
  readonly #runs: Promise<unknown>[] = [];
  readonly #watchers = new Set<() => void>();
  #keys!: ReadableStreamDefaultController<Uint8Array>;
  #hasEnded = false;

  constructor(options: PersonOptions = {}) {
    this.#options = options;
    const { isKeyboard = false, isEchoed, tty, typing = { pauseMs: 0 } } = options;
    this.terminal = new Terminal({
      input: new ReadableStream({ start: (controller) => void (this.#keys = controller) }),
      write: (bytes) => {
        this.output += new TextDecoder().decode(bytes);
        this.writes++;
        for (const watch of this.#watchers) watch();
        return Promise.resolve();
      },
      isKeyboard,
      isEchoed,
      tty,
    }, typing);
  }

  /** Types something, or pipes it in. */
  types(text: string | Uint8Array): void {
    this.#keys.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Ends what they type. */
  ends(): void {
    this.#hasEnded = true;
    this.#keys.close();
  }

  /** Has the system end the program. */
  kills(): void {
    this.#ending.abort();
  }

  /** Starts a program before this person; gives its exit status. */
  runs(main: (program: Program) => Promise<number>, ...args: string[]): Promise<number> {
    const { language = "es", clock = new TestClock().now, localAddresses = [], hasColours = false } =
      this.#options;
    const { runtime = "Deno 2.9.6, x86_64-unknown-linux-gnu" } = this.#options;
    const run = main({
      args,
      language,
      terminal: this.terminal,
      hasColours,
      clock,
      localAddresses: () => localAddresses,
      edition: { kind: "source", runtime },
      configFolder: this.#options.configFolder,
      giveUpFiles: () => void (this.hasGivenUpFiles = true),
      signal: AbortSignal.any([this.#ending.signal, this.terminal.interrupted]),
    });
    this.#runs.push(run.catch(() => {}));
    const status = soon(run, () => `the program to end, after\n${this.output}`);
    status.catch(() => {}); // a test that has failed before does not wait for it
    return status;
  }

  /** Fulfilled when what was written to them holds this. */
  async sees(text: string): Promise<void> {
    await this.until((output) => output.includes(text), text);
  }

  /** Fulfilled when what was written to them is as it should be. */
  async until(isReached: (output: string) => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = () => {
      if (isReached(this.output)) resolve();
    };
    this.#watchers.add(watch);
    watch();
    await soon(promise, () => `${JSON.stringify(what)} in\n${this.output}`);
    this.#watchers.delete(watch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kills();
    await Promise.all(this.#runs);
    if (!this.#hasEnded) this.ends();
    await this.terminal[Symbol.asyncDispose]();
  }
}
