// Hostile servers: how a session ends that meets one, and that the client goes to another server and not back.

import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import {
  CLIENT_FRAMES,
  encodeServer,
  type Joined,
  SERVER_FRAMES,
  type ServerMessage,
  sessionIdOf,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { type FakeClient, FakeServer, frame, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { SessionFixture } from "../testing/session_fixture.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { startServer } from "../testing/test_server.ts";
import { TCP } from "../testing/transport.ts";

const EVIL = "\u001b[2J\u009b31m\u202e\u0007\r\n[2026-11-22 12:00:00] * ana";

function joined(seq: number): Joined {
  return {
    ...{ type: "joined", seq, timeMs: 0, sessionId: BigInt(seq) },
    ...{ rejoined: false, nick: "eva", address: LOOPBACK },
  };
}

function said(seq: number): ServerMessage {
  return makeSaid("eva", { seq, clientSeq: seq + 1, text: "hola" });
}

/** What a server does after HELLO. `own` is the client's session id. */
type Attack = (client: FakeClient, own: bigint) => Promise<unknown>;

function answering(...answers: (ServerMessage | Uint8Array)[]): Attack {
  return (client) => client.send(...answers);
}

/** Sends WELCOME, then a message. */
function welcoming(...answers: (ServerMessage | Uint8Array)[]): Attack {
  return (client, sessionId) => client.send(welcomeTo("ana", { sessionId }), ...answers);
}

function welcomingWith(changes: Partial<Welcome>): Attack {
  return (client, sessionId) => client.send(welcomeTo("ana", { sessionId, ...changes }));
}

/** Ten thousands of frames, then a malformed one. */
function flooding(message: (seq: number) => ServerMessage): Attack {
  return async (client, sessionId) => {
    await client.send(welcomeTo("ana", { sessionId }));
    for (let batch = 0; batch < 5; batch++) {
      const frames = Array.from({ length: 1_000 }, (_, i) => encodeServer(message(batch * 1_000 + i)));
      await client.send(new Uint8Array(await new Blob(frames).arrayBuffer()));
    }
    await client.send(frame(0));
  };
}

/** By the code of the failure: what the server does. */
const CASES: Record<string, Record<string, Attack>> = {
  "not-a-chat-server": {
    "the end of the connection": (client) => Promise.resolve(client[Symbol.dispose]()),
    "random bytes": answering(new Uint8Array([0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3])),
    "100 times 64 KiB of nonsense": async (client) => {
      for (let i = 0; i < 100; i++) await client.send(new Uint8Array(65_536).fill(0xff));
    },
    "a web page": answering(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
    "a length of 4 GiB": answering(new Uint8Array(4).fill(0xff)),
    "a million names": answering(new Uint8Array([2, 0, 0, 0, SERVER_FRAMES.welcome.code])),
    "a client's frame": answering(frame(CLIENT_FRAMES.ping.code)),
    "a message before WELCOME": answering(said(0)),
    "a PING before WELCOME": answering({ type: "ping", head: 1 }),
    "a WELCOME with a nick of 60,000 bytes": welcomingWith({ nick: "a".repeat(60_000) }),
    "a WELCOME to another session": welcomingWith({ sessionId: 5n }),
  },
  "version-unsupported": { "a WELCOME of another version": answering(frame(SERVER_FRAMES.welcome.code, 9)) },
  "closing": { "BYE": answering({ type: "bye" }), "WELCOME and BYE": welcoming({ type: "bye" }) },
  "closed": {
    "WELCOME and the end of the connection": async (client, sessionId) => {
      await client.send(welcomeTo("ana", { sessionId }));
      client[Symbol.dispose]();
    },
  },
  "garbled": {
    "a second WELCOME": welcoming(welcomeTo("ana")),
    "a log that jumps": welcoming(said(0), said(2)),
    "a nick of 81 bytes": welcoming({ ...said(0), nick: "a".repeat(81) } as ServerMessage),
    "a frame that is too long": welcoming(new Uint8Array([0, 1, 0, 1, SERVER_FRAMES.said.code])),
    "an unknown frame in the log": welcoming(frame(0x7f)),
    "a rejection of what was not asked": welcoming({
      ...{ type: "rejected", code: "nick-taken", request: EVIL, reason: EVIL },
    }),
    "5,000 members who join": flooding((seq) => joined(seq)),
    "5,000 PINGs": flooding((seq) => ({ type: "ping", head: seq })),
  },
};

for (const code of ["frame-malformed", "counter-backwards", "replaced", "too-slow", "of-the-future"]) {
  CASES[code] = { [`WELCOME and ERROR ${code}`]: welcoming({ type: "error", code, reason: EVIL }) };
}

/** A server that attacks every client, and then reads until it hangs up. */
function hostileServer(attack: Attack, onVisit = () => {}): FakeServer {
  return new FakeServer(async (client) => {
    onVisit();
    const { resumeToken } = await client.expect("hello");
    await attack(client, sessionIdOf(resumeToken)).catch(() => {}); // the client may have had enough of it
    await client.receiveAll().catch(() => {});
  });
}

/** The code with which a session fails whose only server is hostile. */
async function failureAt(attack: Attack, session = {}): Promise<string> {
  await using server = hostileServer(attack);
  await using ana = new SessionFixture("ana", [server.address], { config: { session } });
  const { error } = await ana.disconnected();
  assertEquals(await ana.next(), undefined);
  return error.code;
}

for (const [code, attacks] of Object.entries(CASES)) {
  for (const [what, attack] of Object.entries(attacks)) {
    Deno.test(`Session ends with ${code} after ${what}`, async () => {
      assertEquals(await failureAt(attack), code);
    });
  }
}

/** Time limits of a session, in ms. */
const SHORT = { welcomeTimeoutMs: 200, connections: { frameMs: 30, pingTimeoutMs: 600 } };

/** The last byte never comes: on a slow machine the rest may arrive before a time limit is looked at. */
async function dribble(client: FakeClient, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes.subarray(0, -1)) {
    await client.send(new Uint8Array([byte]));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await client.receiveAll();
}

Deno.test("Session ends after a WELCOME a byte at a time, for ever", async () => {
  const code = await failureAt((client, sessionId) => {
    return dribble(client, encodeServer(welcomeTo("ana", { sessionId })));
  }, SHORT);
  assert(["no-answer", "silent"].includes(code), code);
});

Deno.test("Session ends with silent after a message a byte at a time, for ever", async () => {
  const code = await failureAt(async (client, sessionId) => {
    await client.send(welcomeTo("ana", { sessionId }));
    await dribble(client, encodeServer(makeSaid("eva", { seq: 0, clientSeq: 1, text: "x".repeat(100) })));
  }, SHORT);
  assertEquals(code, "silent");
});

Deno.test("chat-client --auto goes from a hostile server to another, and not back", writing, async () => {
  let visits = 0;
  const nick = EVIL.slice(0, 20);
  await using evil = hostileServer(
    flooding((seq) => ({ ...joined(seq), nick, address: EVIL } as ServerMessage)),
    () => visits++,
  );
  await using good = startServer();
  await using folder = new TestFolder();
  const trust = TCP.ca ? ["--ca", await folder.file("ca.pem", TCP.ca)] : [];
  await using ana = new FakeUser();
  const [host, backup] = [evil.address, good.address].map(formatAddress) as [string, string];
  const chatting = ana.run(
    runClient,
    ...["--host", host, "--nick", "ana", "--auto", "--backup", backup],
    ...trust,
  );
  await ana.waitForOutput(`Conectado a ${backup}`);
  ana.type("hola\n");
  await ana.waitForOutput("ana: hola");
  ana.type("salir\n");
  assertEquals([await chatting, visits], [0, 1]);
  assertStringIncludes(ana.output, "el servidor envió datos no válidos");
  // deno-lint-ignore no-control-regex -- these characters must not come
  assertNotMatch(ana.output, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
  assertNotMatch(ana.output, /^\[2026-11-22 12:00:00\] \* ana$/m);
});
