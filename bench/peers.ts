// Other servers that spread messages, to compare with ours: how each is started, and its protocol as far as load needs it.

import { type Cost, costOfProcess, listening } from "./measured_server.ts";
import { freePort } from "../tests/testing/addresses.ts";
import { connect, HOST, LoadClient, type LoadClientOptions, putTime, TIME_DIGITS } from "./raw_client.ts";
import { TEXT_BYTES } from "./template.ts";

/** What begins each text, so that messages are found in any protocol. */
const MARK = "`~^`";
const MARK_BYTES = new TextEncoder().encode(MARK);
const TEXT = MARK.padEnd(TEXT_BYTES, "x");

/** How much is kept of what is no message, in bytes: the end, where an answer may be incomplete. */
const MAX_LINE_BYTES = 64;

/** A protocol in which a client joins one room and says something. */
interface Protocol {
  /** Sent at once. */
  readonly hello: (nick: string) => string;
  /** What the server sends when the client is in the room, with what the client answers to other lines. */
  readonly joined: RegExp;
  readonly answers?: readonly [line: RegExp, answer: string][];
  /** Says {@linkcode TEXT}. */
  readonly say: string;
  /** Whether the server sends a message to its sender too. */
  readonly echoes: boolean;
}

/** Another server. */
interface Peer {
  readonly program: string;
  readonly args: (port: number, folder: string) => readonly string[];
  /** The file that it is configured by, in the folder. */
  readonly config?: (port: number, folder: string) => readonly [file: string, text: string];
  readonly protocol: Protocol;
}

const inspircdConfig = (port: number, folder: string) =>
  `<server name="irc.localhost" description="bench" id="1AA" network="bench">
<admin name="bench" nick="bench" email="bench@localhost">
<bind address="${HOST}" port="${port}" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="600" hardsendq="100M" softsendq="90M" recvq="10M"
 threshold="1000000" commandrate="1000000000" fakelag="off" localmax="20000" globalmax="20000" maxconnwarn="off"
 useident="no" resolvehostnames="no" limit="20000" uniqueusername="no">
<performance somaxconn="4096" softlimit="20000" nouserdns="yes" quietbursts="yes">
<options defaultmodes="n">
<log method="file" type="*" level="sparse" target="${folder}/inspircd.log">
<pid file="${folder}/inspircd.pid">
`;

/** uWebSockets, as Bun has it. */
const bunServer = (port: number) =>
  `Bun.serve({
  hostname: "${HOST}", port: ${port},
  fetch: (request, server) => server.upgrade(request) ? undefined : new Response("", { status: 400 }),
  websocket: {
    idleTimeout: 960, backpressureLimit: 2 ** 28, publishToSelf: true, perMessageDeflate: false,
    open: (socket) => socket.subscribe("bench"),
    message: (socket, text) => socket.publish("bench", text),
  },
});`;

/** The least that a server on Deno must do: it writes to every client what one of them sends, and checks nothing. */
const denoRelay = (port: number) =>
  `const clients = new Set();
const end = (client) => clients.delete(client) && client.close();
for await (const client of Deno.listen({ hostname: "${HOST}", port: ${port}, tcpBacklog: 4096 })) {
  client.setNoDelay(true);
  clients.add(client);
  client.write(new TextEncoder().encode("hello\\n"));
  const buffer = new Uint8Array(65536);
  const relay = (count) => {
    if (count === null) return end(client);
    const bytes = buffer.slice(0, count);
    for (const other of clients) other.write(bytes).catch(() => end(other));
    client.read(buffer).then(relay, () => end(client));
  };
  client.read(buffer).then(relay, () => end(client));
}`;

const WEBSOCKET_HELLO = [
  "GET / HTTP/1.1",
  `Host: ${HOST}`,
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
].join("\r\n") + "\r\n\r\n";

export const PEERS: Readonly<Record<string, Peer>> = {
  NATS: {
    program: "nats-server",
    args: (port) => ["-a", HOST, "-p", `${port}`],
    protocol: {
      hello: () => 'CONNECT {"verbose":false,"pedantic":false}\r\nSUB bench 1\r\nPING\r\n',
      joined: /PONG\r\n/,
      answers: [[/(?:^|\n)PING\r\n/, "PONG\r\n"]],
      say: `PUB bench ${TEXT_BYTES}\r\n${TEXT}\r\n`,
      echoes: true,
    },
  },
  InspIRCd: {
    program: "inspircd",
    args: (_port, folder) => ["--nofork", "--runasroot", `--config=${folder}/inspircd.conf`],
    config: (port, folder) => ["inspircd.conf", inspircdConfig(port, folder)],
    protocol: {
      hello: (nick) => `NICK ${nick}\r\nUSER ${nick} 0 * :${nick}\r\n`,
      joined: / 366 /,
      answers: [[/ 001 /, "JOIN #bench\r\n"]],
      say: `PRIVMSG #bench :${TEXT}\r\n`,
      echoes: false,
    },
  },
  Redis: {
    program: "redis-server",
    args: (port) => [
      ...["--port", `${port}`, "--bind", HOST, "--save", "", "--appendonly", "no"],
      ...["--client-output-buffer-limit", "pubsub 0 0 0"],
    ],
    protocol: {
      // Only in the third version of the protocol may a subscriber publish.
      hello: () => "HELLO 3\r\nSUBSCRIBE bench\r\n",
      joined: /subscribe\r\n/,
      say: `*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$${TEXT_BYTES}\r\n${TEXT}\r\n`,
      echoes: true,
    },
  },
  "Bun WebSocket": {
    program: "bun",
    args: (port) => ["-e", bunServer(port)],
    protocol: {
      hello: () => WEBSOCKET_HELLO,
      joined: /\r\n\r\n/,
      // A whole text frame of 100 bytes, masked with zeros (RFC 6455, section 5.2).
      say: `\x81${String.fromCharCode(0x80 | TEXT_BYTES)}\0\0\0\0${TEXT}`,
      echoes: true,
    },
  },
  "Deno relay": {
    program: Deno.execPath(),
    args: (port) => ["eval", "--no-config", denoRelay(port)],
    protocol: { hello: () => "", joined: /hello\n/, say: TEXT, echoes: true },
  },
};

/** A client of another server. It looks for the mark of each text where it should be, and elsewhere if it is not
 * there: other lines may lie between. */
export class PeerClient extends LoadClient {
  #isIn = false;
  #hasLeft = false;
  #received = 0;
  readonly #protocol: Protocol;
  readonly #say: Uint8Array;
  readonly #timeOffset: number;
  /** From one mark to the next, as it was last. */
  #distance = TEXT_BYTES;

  /** The end of what came that is no message. */
  #unanswered = "";

  private constructor(conn: Deno.TcpConn, protocol: Protocol, options: LoadClientOptions) {
    super(conn, options);
    this.#protocol = protocol;
    this.#say = bytesOf(protocol.say);
    this.#timeOffset = protocol.say.indexOf(MARK) + MARK.length;
  }

  static async dial(protocol: Protocol, options: LoadClientOptions): Promise<PeerClient> {
    const client = new PeerClient(await connect(options.port), protocol, options);
    client.start();
    client.add(bytesOf(protocol.hello(`u${options.index}`)));
    client.flush();
    return client;
  }

  get isIn(): boolean {
    return this.#isIn;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  get received(): number {
    return this.#received;
  }

  say(): void {
    const { buffer, at } = this.add(this.#say);
    putTime(buffer, at + this.#timeOffset);
    if (!this.#protocol.echoes) this.#received++;
  }

  override leave(): void {
    super.leave();
    this.#hasLeft = true;
    this[Symbol.dispose]();
  }

  protected override take(buffer: Uint8Array<ArrayBuffer>, end: number): number {
    const bytes = buffer.subarray(0, end);
    let from = 0;
    let expected = -1;
    for (;;) {
      const isExpected = expected >= 0 && isMarkAt(bytes, expected);
      const at = isExpected ? expected : indexOfMark(bytes, from);
      const textAt = at + MARK.length;
      const isWhole = at >= 0 && textAt + TIME_DIGITS <= end;
      // The beginning of a mark or of a text comes again, with the rest of it.
      const heldFrom = at < 0 ? Math.max(from, end - MARK.length + 1) : at;
      if (!isExpected) this.#answer(bytes.subarray(from, at < 0 ? end : at), at < 0 ? end - heldFrom : 0);
      if (!isWhole) return end - heldFrom;
      this.#received++;
      if (this.isSample()) this.addAge(textOf(bytes.subarray(textAt, textAt + TIME_DIGITS)));
      if (from > 0) this.#distance = at + MARK.length + TIME_DIGITS - from;
      from = textAt + TIME_DIGITS;
      expected = at + this.#distance;
    }
  }

  /** Answers lines of the server that are no messages. The last `heldCount` bytes of them come again. */
  #answer(bytes: Uint8Array, heldCount: number): void {
    const { joined, answers = [] } = this.#protocol;
    if (this.#isIn && answers.length === 0) return;
    const text = this.#unanswered + textOf(bytes);
    const answer = answers.find(([line]) => line.test(text))?.[1];
    this.#isIn ||= joined.test(text);
    this.#unanswered = answer ? "" : text.slice(0, text.length - heldCount).slice(-MAX_LINE_BYTES);
    if (answer) this.add(bytesOf(answer));
    this.flush();
  }
}

function indexOfMark(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(MARK_BYTES[0]!, from);
  while (at >= 0 && !isMarkAt(bytes, at)) at = bytes.indexOf(MARK_BYTES[0]!, at + 1);
  return at;
}

function isMarkAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === MARK_BYTES[0] && bytes[at + 1] === MARK_BYTES[1] && bytes[at + 2] === MARK_BYTES[2] &&
    bytes[at + 3] === MARK_BYTES[3];
}

/** One byte for each character. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** Whether the program can be started here. */
export function isInstalled({ program }: Peer): boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch (error) {
    // Deno denies a program that was not found when it started.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

/** Another server that runs. It does not outlive the scope that holds it. */
export class PeerServer implements AsyncDisposable {
  readonly port = freePort();
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor({ program, args, config }: Peer, folder: string) {
    this.#folder = folder;
    if (config) {
      const [file, text] = config(this.port, folder);
      Deno.writeTextFileSync(`${folder}/${file}`, text);
    }
    this.#child = new Deno.Command(program, {
      args: [...args(this.port, folder)],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Starts one; fulfilled when it listens.
   * @throws {Error} if it does not */
  static async start(peer: Peer): Promise<PeerServer> {
    const server = new PeerServer(peer, await Deno.makeTempDir());
    try {
      await listening(server.port);
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  cost(): Promise<Cost | undefined> {
    return costOfProcess(this.#child.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
