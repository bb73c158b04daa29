// Runs attackers of all kinds against one server, as a process, until it is killed. Prints `started` when all of them
// have begun.
//
//   deno run --allow-net=127.0.0.1 bench/attackers.ts --port N [--count 50]
//
// The join limit does not apply to the server's own machine: the attackers that join and leave keep to the rate that it
// sets for other addresses.

import { concat } from "@std/bytes/concat";
import {
  CLIENT_FRAMES,
  encodeClient,
  type Hello,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
} from "../lib/protocol/frames.ts";
import { clientStream } from "../tools/fuzz/hostile_streams.ts";
import { numberOf, parseOptions } from "../tools/options.ts";
import { delay } from "./load_clients.ts";
import { runBench } from "./program.ts";
import { connect } from "./raw_client.ts";

/** How often an address may come in, in the long run. */
const REJOIN_MS = 2_000;
/** How long a slow attacker waits between two bytes. */
const DRIP_MS = 500;
/** How long an attacker waits that was cut off, before it comes again. */
const RETRY_MS = 100;
const BATCH = 1_000;

/** One life of an attacker, on a connection that is closed behind it. */
type AttackerBehavior = (conn: Deno.TcpConn, hello: Hello) => Promise<unknown>;

const PING = encodeClient({ type: "ping" });
const BYE = encodeClient({ type: "bye" });

const BEHAVIORS: Record<string, AttackerBehavior> = {
  "says as much as it can": async (conn, hello) => {
    await write(conn, encodeClient(hello));
    readAll(conn);
    for (let n = 1;;) {
      const frames = Array.from({ length: BATCH }, () => say(n++));
      await write(conn, concat(frames));
    }
  },
  "asks for a sign of life as often as it can": async (conn, hello) => {
    await write(conn, encodeClient(hello));
    readAll(conn);
    for (;;) await write(conn, concat(new Array(BATCH).fill(PING)));
  },
  "never reads": async (conn, hello) => {
    await write(conn, encodeClient(hello));
    await new Promise(() => {});
  },
  "says a byte at a time": async (conn, hello) => {
    for (const byte of encodeClient(hello)) {
      await write(conn, new Uint8Array([byte]));
      await delay(DRIP_MS);
    }
  },
  "never ends a frame": async (conn, hello) => {
    await write(conn, encodeClient(hello));
    await write(conn, new Uint8Array([0, 0, 0x40, 0, CLIENT_FRAMES.say.code]));
    await readAll(conn);
    await delay(REJOIN_MS);
  },
  "announces what is too long": async (conn) => {
    await write(conn, new Uint8Array(5).fill(0xff));
    await readAll(conn);
    await delay(RETRY_MS);
  },
  "hangs up at once": () => delay(RETRY_MS),
  "connects and hangs up as often as it can": () => Promise.resolve(),
  "says nothing": (conn) => readAll(conn),
  "comes and goes": async (conn, hello) => {
    await write(conn, concat([encodeClient(hello), BYE]));
    await readAll(conn);
    await delay(REJOIN_MS);
  },
  "sends what is broken": async (conn) => {
    await write(conn, clientStream(Math.floor(Math.random() * 1e9)));
    await conn.closeWrite();
    await readAll(conn);
    await delay(REJOIN_MS);
  },
};

/** An attacker comes again whenever it was cut off. */
async function attack(port: number, index: number): Promise<never> {
  const lives = Object.values(BEHAVIORS);
  for (;;) {
    try {
      using conn = await connect(port);
      await lives[index % lives.length]!(conn, helloOf(index));
    } catch {
      await delay(RETRY_MS); // the server had enough of it
    }
  }
}

function helloOf(index: number): Hello {
  return {
    type: "hello",
    version: PROTOCOL_VERSION,
    resumeToken: crypto.getRandomValues(new Uint8Array(16)),
    nick: `evil${index}`,
    password: "",
    lagMs: NEVER_CAUGHT_UP,
    historyCount: 1_000,
    resumePoints: [],
  };
}

function say(clientSeq: number): Uint8Array<ArrayBuffer> {
  return encodeClient({ type: "say", clientSeq, timeMs: 0, text: "spam" });
}

async function write(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Reads until there is nothing more. */
async function readAll(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await conn.read(buffer) !== null) { /* its data does not matter */ }
  } catch {
    // Cut off: that ends it as well.
  }
}

if (import.meta.main) {
  await runBench(async () => {
    const options = parseOptions({ port: "", count: 50 });
    const port = numberOf(options.port, "port");
    const attacks = Array.from({ length: options.count }, (_, index) => attack(port, index));
    console.log("started");
    await Promise.all(attacks);
  });
}
