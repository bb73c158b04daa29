// Hostile servers: the client reports what is wrong, goes to another server and not back, and shows only printable text.

import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { startServer } from "../testing/test_server.ts";
import type { ChatError } from "../../lib/errors.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import {
  CLIENT_FRAMES,
  encodeServer,
  SERVER_FRAMES,
  type ServerMessage,
  sessionIdOf,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import { MemberList } from "../../lib/client/member_list.ts";
import { Session } from "../../lib/client/session.ts";
import { systemClock } from "../../lib/base/time.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { type FakeClient, FakeServer, makeSaid, makeToken, welcomeTo } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";
import { withTimeout } from "../testing/waiting.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { TCP } from "../testing/transport.ts";

const EVIL = "\u001b[2J\u009b31m\u202e\u0007\r\n[2026-11-22 12:00:00] * ana";

function frame(type: number, ...body: number[]): Uint8Array {
  return new Uint8Array([0, 0, (body.length + 1) >> 8, (body.length + 1) & 0xff, type, ...body]);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function longer(frame: Uint8Array): Uint8Array {
  const copy = new Uint8Array([...frame, 0]);
  new DataView(copy.buffer).setUint32(0, copy.length - 4);
  return copy;
}

function joined(seq: number, sessionId = BigInt(seq)): ServerMessage {
  return { type: "joined", seq, timeMs: 0, sessionId, rejoined: false, nick: "eva", address: LOOPBACK };
}

function said(seq: number, clientSeq = seq + 1): ServerMessage {
  return makeSaid("eva", { seq, clientSeq, text: "hola" });
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

const NO_SERVER = "no es un servidor de este chat";
const GARBLED = "el servidor envió algo que no se entiende";

/** By name: what the server does, and what the client reports. */
const CASES: Record<string, [Attack, string]> = {
  "random bytes": [answering(new Uint8Array([0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3])), NO_SERVER],
  "a web page": [answering(ascii("HTTP/1.1 400 Bad Request\r\n\r\n")), NO_SERVER],
  "the banner of an SSH server": [answering(ascii("SSH-2.0-OpenSSH_9.2\r\n")), NO_SERVER],
  "an alert of TLS": [answering(new Uint8Array([0x15, 3, 3, 0, 2, 2, 70])), NO_SERVER],
  "a length of 0": [answering(new Uint8Array(4)), NO_SERVER],
  "a length of 4 GiB": [answering(new Uint8Array(4).fill(0xff)), NO_SERVER],
  "a million names": [answering(new Uint8Array([2, 0, 0, 0, SERVER_FRAMES.welcome.code])), NO_SERVER],
  "a frame of an unknown type": [answering(frame(0x99)), NO_SERVER],
  "a client's frame": [answering(frame(CLIENT_FRAMES.ping.code)), NO_SERVER],
  "a message before WELCOME": [answering(said(0)), NO_SERVER],
  "a WELCOME without a body": [answering(frame(SERVER_FRAMES.welcome.code)), NO_SERVER],
  "a WELCOME of another version": [
    answering(frame(SERVER_FRAMES.welcome.code, 9)),
    "otra versión del protocolo",
  ],
  "a WELCOME with a byte too many": [
    (client, sessionId) => client.send(longer(encodeServer(welcomeTo("ana", { sessionId })))),
    NO_SERVER,
  ],
  "a WELCOME with 255 backups": [welcomingWith({ backups: new Array(255).fill("a") }), NO_SERVER],
  "a WELCOME with a backup of 60,000 bytes": [welcomingWith({ backups: ["a".repeat(60_000)] }), NO_SERVER],
  "a WELCOME with a nick of 60,000 bytes": [welcomingWith({ nick: "a".repeat(60_000) }), NO_SERVER],
  "a WELCOME to somebody else": [welcomingWith({ sessionId: 5n }), NO_SERVER],
  "a WELCOME that has messages never sent": [welcomingWith({ lastClientSeq: 1 }), NO_SERVER],
  "a WELCOME that has all messages there can be": [welcomingWith({ lastClientSeq: 0xffff_ffff }), NO_SERVER],
  "a WELCOME that goes on beyond its log": [welcomingWith({ startSeq: 5, head: 4 }), NO_SERVER],
  "a second WELCOME": [welcoming(welcomeTo("ana")), GARBLED],
  "a log that jumps": [welcoming(said(0), said(2)), GARBLED],
  "a log that jumps to the end of numbers": [welcoming(said(Number.MAX_SAFE_INTEGER)), GARBLED],
  "a log that runs backwards": [welcoming(said(0), said(1), said(0)), GARBLED],
  "a log that stands still": [welcoming(said(0), said(0)), GARBLED],
  "a message of one's own that was never sent": [
    (client, sessionId) =>
      client.send(
        welcomeTo("ana", { sessionId }),
        makeSaid("ana", { seq: 0, clientSeq: 1, text: "yo", sessionId }),
      ),
    GARBLED,
  ],
  "a text that is no UTF-8": [
    welcoming(frame(SERVER_FRAMES.said.code, ...new Array(29).fill(0), 0, 1, 0x61, 0, 1, 0xff)),
    GARBLED,
  ],
  "a nick of 81 bytes": [
    welcoming(makeSaid("eva", { seq: 0, clientSeq: 1, text: "x", nick: "a".repeat(81) })),
    GARBLED,
  ],
  "an address of 65 bytes": [
    welcoming({ ...joined(0), address: "1".repeat(65) } as ServerMessage),
    GARBLED,
  ],
  "a frame that is too long": [welcoming(new Uint8Array([0, 1, 0, 1, SERVER_FRAMES.said.code])), GARBLED],
  "an unknown frame in the log": [welcoming(frame(0x7f)), GARBLED],
  "a PING of a client": [welcoming(frame(CLIENT_FRAMES.ping.code)), GARBLED],
  "a PONG with a body": [welcoming(frame(SERVER_FRAMES.pong.code, 1)), GARBLED],
  "5,000 people who come": [flooding((seq) => joined(seq)), GARBLED],
  "5,000 messages of 5,000 people": [
    flooding((seq) => ({ ...makeSaid("eva", { seq, clientSeq: 1, text: "hola" }), sessionId: BigInt(seq) })),
    GARBLED,
  ],
  "5,000 PINGs": [flooding((seq) => ({ type: "ping", head: seq })), GARBLED],
  "5,000 PONGs that nobody asked for": [flooding(() => ({ type: "pong" })), GARBLED],
  "a refusal of what was not asked": [
    welcoming({ type: "rejected", code: "nick-taken", request: EVIL, reason: EVIL }),
    GARBLED,
  ],
  "5,000 times 16 backups": [
    flooding((seq) => ({
      type: "backups",
      seq,
      timeMs: 0,
      backups: Array.from({ length: 16 }, () => "x"),
    })),
    GARBLED,
  ],
  "an accusation of a malformed frame": [
    welcoming({ type: "error", code: "frame-malformed", reason: EVIL }),
    "trama",
  ],
  "an accusation of a counter that runs backwards": [
    welcoming({ type: "error", code: "counter-backwards", reason: EVIL }),
    "los mensajes no venían en orden",
  ],
  "the client's place taken": [
    welcoming({ type: "error", code: "replaced", reason: EVIL }),
    "la misma sesión",
  ],
};

/** Flags that make a client trust the servers of these tests. */
const trusting: string[] = [];
if (TCP.ca) {
  const folder = new TestFolder();
  trusting.push("--ca", await folder.file("ca.pem", TCP.ca));
  Deno.test.afterAll(() => folder[Symbol.asyncDispose]());
}

for (const [name, [attack, complaint]] of Object.entries(CASES)) {
  Deno.test(`Hostile server: ${name}`, async () => {
    let visits = 0;
    await using evil = new FakeServer(async (client, visit) => {
      visits = visit + 1;
      const { resumeToken } = await client.expect("hello");
      await attack(client, sessionIdOf(resumeToken)).catch(() => {}); // the client may have had enough of it
      await client.receiveAll().catch(() => {});
    });
    await using good = startServer();
    await using ana = new FakeUser({ clock: new TestClock("2026-11-22 12:00:00").now });
    const { host, port } = evil.address;
    const backup = formatAddress(good.address);
    const flags = ["--host", host, "--port", String(port), "--nick", "ana", "--auto", "--backup", backup];
    const chatting = ana.run(runClient, ...flags, ...trusting);
    await ana.waitForOutput(`Conectado a ${backup}`);
    assertStringIncludes(ana.output, complaint);
    ana.type("hola\n");
    await ana.waitForOutput("ana: hola");
    ana.type("salir\n");
    assertEquals(await chatting, 0);
    assertEquals(visits, 1);
    // deno-lint-ignore no-control-regex -- these characters must not come
    assertNotMatch(ana.output, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    assert(
      ana.output.split("\n").every((line) => !line.startsWith("[2026-11-22 12:00:00] * ana\n")),
      ana.output,
    );
  });
}

/** The error of a session whose only server is hostile. */
async function endOf(attack: Attack): Promise<ChatError> {
  await using server = new FakeServer(async (client) => {
    const { resumeToken } = await client.expect("hello");
    await attack(client, sessionIdOf(resumeToken)).catch(() => {});
    await client.receiveAll().catch(() => {});
  });
  let visits = 0;
  const config = testClientConfig({
    session: { welcomeTimeoutMs: 200, connections: { frameMs: 30, pingTimeoutMs: 600 } },
  });
  using session = new Session(
    {
      state: new SessionState(makeToken("ana"), config),
      nextServer: () => Promise.resolve(visits++ === 0 ? { server: server.address, nick: "ana" } : undefined),
      dial: TCP.dial,
      passwordFor: () => "",
    },
    config.session,
    systemClock,
  );
  const run = async () => {
    for await (const event of session.run()) if (event.type === "disconnected") return event.failure.error;
    throw new Error("The session ended by itself");
  };
  return await withTimeout(run(), "the session to fail");
}

async function dribble(client: FakeClient, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    await client.send(new Uint8Array([byte]));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("Hostile server: no answer at all", async () => {
  assertEquals((await endOf(() => Promise.resolve())).code, "no-answer");
});

Deno.test("Hostile server: a WELCOME a byte at a time, for ever", async () => {
  const { code } = await endOf((client, sessionId) =>
    dribble(client, encodeServer(welcomeTo("ana", { sessionId })))
  );
  assert(["no-answer", "silent"].includes(code), code);
});

Deno.test("Hostile server: a message a byte at a time, for ever", async () => {
  const { code } = await endOf(async (client, sessionId) => {
    await client.send(welcomeTo("ana", { sessionId }));
    await dribble(client, encodeServer(makeSaid("eva", { seq: 0, clientSeq: 1, text: "x".repeat(100) })));
  });
  assertEquals(code, "silent");
});

Deno.test("Whatever a server sends, a client holds 10,000 members, 10,000 sessions, and 16 logs", () => {
  const config = testClientConfig();
  const members = new MemberList(config.memberList);
  for (let seq = 0; seq < 30_000; seq++) {
    const entry = joined(seq);
    if (entry.type === "joined") members.apply(entry);
  }
  assertEquals([...members].length, 10_000);
  const state = new SessionState(makeToken("ana"), config);
  const sessionId = sessionIdOf(makeToken("ana"));
  for (let logId = 1n; logId <= 100n; logId++) {
    state.onWelcome(welcomeTo("ana", { sessionId, logId }), 0);
  }
  assertEquals(state.hello("ana", 0).resumePoints.length, 16);
});
