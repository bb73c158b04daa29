// Frames <-> typed messages, and the limits of the wire. docs/PROTOCOL.md is the same in words; tests hold
// this file against its examples. Knows nothing of rooms or sockets.

import { createHash } from "node:crypto";
import { type Frame, FrameWriter } from "./codec.ts";
import { ProtocolError } from "./errors.ts";
import { MAX_NICK_CHARS } from "./text.ts";

/** Version that HELLO and WELCOME carry. */
export const PROTOCOL_VERSION = 1;
/** Longest frame that a server takes, in bytes after the length: a message of 2,000 characters fits twice. */
export const MAX_CLIENT_FRAME_BYTES = 16_384;
/** Longest frame that a client takes, in bytes after the length. */
export const MAX_SERVER_FRAME_BYTES = 65_536;
/** Length of the secret that a client makes at its start. */
export const TOKEN_BYTES = 16;
/** Most servers that a client may name in HELLO as known to it. */
export const MAX_RESUME_POINTS = 16;
/** Most backups that WELCOME names. */
export const MAX_BACKUPS = 16;
/** Most messages of history that a newcomer is given. */
export const MAX_HISTORY = 1_000;
/** Longest nick that a server gives, in bytes of UTF-8. */
export const MAX_NICK_BYTES = MAX_NICK_CHARS * 4;
/** Longest text form of an IP address with a zone behind it (RFC 4007, section 11), in bytes. */
export const MAX_IP_BYTES = 64;
/** Longest name of a backup, in bytes: a name of 253, and a port. */
export const MAX_BACKUP_BYTES = 259;
/** How long a client keeps a message that a server has, to send it again should that server die, in ms. */
export const RECENT_MS = 120_000;
/** HELLO's `lackMs` of a client that has never been whole: it has nothing to catch up with. */
export const NEVER_WHOLE_MS = 0xffff_ffff;

/** A person in the room, as WELCOME lists them. `session` is public: the first 8 bytes of SHA-256(token). */
export interface Person {
  readonly session: bigint;
  readonly nick: string;
  /** IP address. */
  readonly address: string;
  /** When they came, ms since 1970 UTC. */
  readonly sinceMs: number;
}

/** Where to go on reading the log of a server instance that this client was on before. */
export interface ResumePoint {
  readonly instance: bigint;
  /** `seq` of the next entry to read. */
  readonly next: number;
}

/** The first frame of a client. */
export interface Hello {
  readonly type: "hello";
  readonly version: number;
  /** {@linkcode TOKEN_BYTES} secret bytes. */
  readonly token: Uint8Array;
  readonly nick: string;
  /** How long ago the client last lacked nothing, in ms; {@linkcode NEVER_WHOLE_MS} for a newcomer. */
  readonly lackMs: number;
  /** How many of the room's last messages a newcomer wants to see. */
  readonly history: number;
  readonly resume: readonly ResumePoint[];
}

/** A message to the room. */
export interface Say {
  readonly type: "say";
  /** Counts this session's messages from 1, across all servers. */
  readonly n: number;
  /** When a server first accepted it, ms since 1970 UTC; 0 if none has yet, as far as the sender knows. */
  readonly timeMs: number;
  readonly text: string;
}

/** Asks for a sign of life. */
export interface ClientPing {
  readonly type: "ping";
}

/** Asks for a sign of life, and tells how far the log goes. */
export interface ServerPing {
  readonly type: "ping";
  /** `seq` of the entry that the log will hold next: who has read all before it lacked nothing when this was sent. */
  readonly head: number;
}

/** Answers a PING, in order. */
export interface Pong {
  readonly type: "pong";
}

/** From a client: it leaves by choice. From a server: it closes. */
export interface Bye {
  readonly type: "bye";
}

/** The server's first frame, once HELLO is accepted. */
export interface Welcome {
  readonly type: "welcome";
  readonly version: number;
  readonly session: bigint;
  /** Random at each start of a server: what is remembered of its log ends with it. */
  readonly instance: bigint;
  /** The client's nick, as the others see it. */
  readonly nick: string;
  /** Highest `n` that this server accepted from this session, 0 for none. */
  readonly accepted: number;
  /** `seq` of the first log entry that will follow. */
  readonly next: number;
  /** `seq` of the first entry appended after `online` was taken. */
  readonly head: number;
  /** Servers to go to when this one falls, as `host:port`. */
  readonly backups: readonly string[];
  /** How many are in the room, this client included. */
  readonly onlineCount: number;
  /** Those of them that fit into the frame. */
  readonly online: readonly Person[];
}

/** Log entry: a message. */
export interface Said {
  readonly type: "said";
  readonly seq: number;
  /** When a server first accepted it, ms since 1970 UTC. */
  readonly timeMs: number;
  readonly session: bigint;
  readonly n: number;
  /** It was accepted before, by a server that fell, and was sent again. */
  readonly late: boolean;
  readonly nick: string;
  readonly text: string;
}

/** Log entry: somebody came. */
export interface Joined {
  readonly type: "joined";
  readonly seq: number;
  readonly timeMs: number;
  readonly session: bigint;
  /** They were in the conversation before, on this server or another. */
  readonly back: boolean;
  readonly nick: string;
  readonly address: string;
}

/** Log entry: somebody went. */
export interface Left {
  readonly type: "left";
  readonly seq: number;
  readonly timeMs: number;
  readonly session: bigint;
  /** The connection was lost; otherwise they left by choice. */
  readonly lost: boolean;
  readonly nick: string;
  readonly address: string;
}

/** The last frame before the server closes a connection that it will not serve. */
export interface Refusal {
  readonly type: "error";
  /** Stable, for programs: one of errors.ts' WIRE_CODES, or one of a later version. */
  readonly code: string;
  /** In English, for people whose client does not know the code. */
  readonly reason: string;
}

export type ClientMessage = Hello | Say | ClientPing | Pong | Bye;
/** What the log holds. */
export type LogEntry = Said | Joined | Left;
/** A log entry before the log has given it its `seq`. */
export type Unnumbered<Entry extends LogEntry = LogEntry> = Entry extends LogEntry ? Omit<Entry, "seq">
  : never;
export type ServerMessage = Welcome | LogEntry | ServerPing | Pong | Bye | Refusal;

/** Frame types; a server's have the high bit. */
export const FRAME = {
  hello: 0x01,
  say: 0x02,
  clientPing: 0x03,
  clientPong: 0x04,
  clientBye: 0x05,
  welcome: 0x81,
  said: 0x82,
  serverPing: 0x83,
  serverPong: 0x84,
  serverBye: 0x85,
  error: 0x86,
  joined: 0x87,
  left: 0x88,
} as const;

/** The public id of a session: the first 8 bytes of SHA-256 of its token. */
export function sessionOf(token: Uint8Array): bigint {
  return createHash("sha256").update(token).digest().readBigUInt64BE(0);
}

const writer = new FrameWriter();

/** The whole frame of a client's message. */
export function encodeClient(message: ClientMessage): Uint8Array<ArrayBuffer> {
  return writeClient(message).slice();
}

function writeClient(message: ClientMessage): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case "hello":
      writer.begin(FRAME.hello).u8(message.version).bytes(message.token).string(message.nick)
        .u32(message.lackMs).u16(message.history).u8(message.resume.length);
      for (const { instance, next } of message.resume) writer.id(instance).u64(next);
      return writer.end();
    case "say":
      return writer.begin(FRAME.say).u32(message.n).u64(message.timeMs).string(message.text).end();
    case "ping":
      return writer.begin(FRAME.clientPing).end();
    case "pong":
      return writer.begin(FRAME.clientPong).end();
    case "bye":
      return writer.begin(FRAME.clientBye).end();
  }
}

/** The message of a client's frame.
 * @throws {ProtocolError} `frame-unknown`, `frame-malformed` or `version-unsupported` */
export function decodeClient(frame: Frame): ClientMessage {
  const message = readClient(frame);
  frame.end();
  return message;
}

function readClient(fields: Frame): ClientMessage {
  switch (fields.type) {
    case FRAME.hello:
      return {
        type: "hello",
        version: readVersion(fields),
        token: fields.bytes(TOKEN_BYTES),
        nick: fields.string(),
        lackMs: fields.u32(),
        history: fields.u16(),
        resume: list(fields.u8(), MAX_RESUME_POINTS, () => ({ instance: fields.id(), next: fields.u64() })),
      };
    case FRAME.say:
      return { type: "say", n: fields.u32(), timeMs: fields.u64(), text: fields.string() };
    case FRAME.clientPing:
      return { type: "ping" };
    case FRAME.clientPong:
      return { type: "pong" };
    case FRAME.clientBye:
      return { type: "bye" };
    default:
      throw unknown(fields.type);
  }
}

/** The whole frame of a server's message. WELCOME lists as many of `online` as fit. */
export function encodeServer(message: ServerMessage): Uint8Array<ArrayBuffer> {
  return writeServer(message).slice();
}

/** The whole frame of a log entry, valid until the next frame is encoded: for the log, which copies it. */
export function encodeEntry(entry: LogEntry): Uint8Array<ArrayBuffer> {
  return writeServer(entry);
}

function writeServer(message: ServerMessage): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case "welcome":
      return encodeWelcome(message);
    case "said":
      return writer.begin(FRAME.said).u64(message.seq).u64(message.timeMs).id(message.session)
        .u32(message.n).u8(message.late ? 1 : 0).string(message.nick).string(message.text).end();
    case "ping":
      return writer.begin(FRAME.serverPing).u64(message.head).end();
    case "pong":
      return writer.begin(FRAME.serverPong).end();
    case "bye":
      return writer.begin(FRAME.serverBye).end();
    case "error":
      return writer.begin(FRAME.error).string(message.code).string(message.reason).end();
    case "joined":
      return writer.begin(FRAME.joined).u64(message.seq).u64(message.timeMs).id(message.session)
        .u8(message.back ? 1 : 0).string(message.nick).string(message.address).end();
    case "left":
      return writer.begin(FRAME.left).u64(message.seq).u64(message.timeMs).id(message.session)
        .u8(message.lost ? 1 : 0).string(message.nick).string(message.address).end();
  }
}

/** Bytes that a person takes in WELCOME, at most: session, nick, address, time. */
const MAX_PERSON_BYTES = 8 + 2 + MAX_NICK_BYTES + 2 + MAX_IP_BYTES + 8;

function encodeWelcome(message: Welcome): Uint8Array<ArrayBuffer> {
  const { online, backups } = message;
  writer.begin(FRAME.welcome).u8(message.version).id(message.session).id(message.instance)
    .string(message.nick).u32(message.accepted).u64(message.next).u64(message.head).u8(backups.length);
  for (const backup of backups) writer.string(backup);
  writer.u32(message.onlineCount);
  for (const { session, nick, address, sinceMs } of online) {
    if (writer.length + MAX_PERSON_BYTES > MAX_SERVER_FRAME_BYTES) break;
    writer.id(session).string(nick).string(address).u64(sinceMs);
  }
  return writer.end();
}

/** The message of a server's frame.
 * @throws {ProtocolError} `frame-unknown`, `frame-malformed` or `version-unsupported` */
export function decodeServer(frame: Frame): ServerMessage {
  const message = readServer(frame);
  frame.end();
  return message;
}

function readServer(fields: Frame): ServerMessage {
  switch (fields.type) {
    case FRAME.welcome:
      return {
        type: "welcome",
        version: readVersion(fields),
        session: fields.id(),
        instance: fields.id(),
        nick: fields.string(MAX_NICK_BYTES),
        accepted: fields.u32(),
        next: fields.u64(),
        head: fields.u64(),
        backups: list(fields.u8(), MAX_BACKUPS, () => fields.string(MAX_BACKUP_BYTES)),
        onlineCount: fields.u32(),
        online: readOnline(fields),
      };
    case FRAME.said:
      return {
        type: "said",
        seq: fields.u64(),
        timeMs: fields.u64(),
        session: fields.id(),
        n: fields.u32(),
        late: (fields.u8() & 1) === 1,
        nick: fields.string(MAX_NICK_BYTES),
        text: fields.string(),
      };
    case FRAME.serverPing:
      return { type: "ping", head: fields.u64() };
    case FRAME.serverPong:
      return { type: "pong" };
    case FRAME.serverBye:
      return { type: "bye" };
    case FRAME.error:
      return { type: "error", code: fields.string(), reason: fields.string() };
    case FRAME.joined:
      return { type: "joined", ...readPresence(fields, "back") };
    case FRAME.left:
      return { type: "left", ...readPresence(fields, "lost") };
    default:
      throw unknown(fields.type);
  }
}

function readPresence<Flag extends "back" | "lost">(fields: Frame, flag: Flag) {
  const [seq, timeMs, session] = [fields.u64(), fields.u64(), fields.id()];
  const set = (fields.u8() & 1) === 1;
  const [nick, address] = [fields.string(MAX_NICK_BYTES), fields.string(MAX_IP_BYTES)];
  return { seq, timeMs, session, nick, address, [flag]: set } as
    & Omit<Joined, "type" | "back">
    & Record<Flag, boolean>;
}

function readOnline(fields: Frame): Person[] {
  const online: Person[] = [];
  while (!fields.atEnd) {
    online.push({
      session: fields.id(),
      nick: fields.string(MAX_NICK_BYTES),
      address: fields.string(MAX_IP_BYTES),
      sinceMs: fields.u64(),
    });
  }
  return online;
}

function readVersion(fields: Frame): number {
  const version = fields.u8();
  if (version !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      "version-unsupported",
      `Cannot speak version ${version} of the protocol: this is version ${PROTOCOL_VERSION}`,
    );
  }
  return version;
}

function list<Item>(count: number, max: number, read: () => Item): Item[] {
  if (count > max) {
    throw new ProtocolError("frame-malformed", `Cannot decode frame: a list of ${count} exceeds ${max}`);
  }
  return Array.from({ length: count }, read);
}

function unknown(type: number): ProtocolError {
  return new ProtocolError("frame-unknown", `Cannot decode frame: type 0x${type.toString(16)} is unknown`);
}
