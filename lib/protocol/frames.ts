// Frames <-> typed messages. docs/PROTOCOL.md is the same in words; tests hold
// this file against its examples. Knows nothing of rooms or sockets.

import { createHash } from "node:crypto";
import { type Frame, FrameWriter, HEADER_BYTES } from "../codec.ts";
import { ProtocolError } from "../errors.ts";
import {
  FLAG_ACTION,
  FLAG_CONNECTION_LOST,
  FLAG_REDELIVERED,
  FLAG_REJOINED,
  FLAG_RESOLVED,
  FRAME_TYPE,
  KICKED,
  PRIVATE,
} from "./frame_types.ts";
import type {
  ClientMessage,
  Joined,
  Left,
  LogEntry,
  MemberInfo,
  MessageBody,
  Said,
  Say,
  ServerMessage,
  Uncommitted,
  Welcome,
  WelcomeHeader,
} from "./messages.ts";
import {
  MAX_BACKUP_BYTES,
  MAX_BACKUPS,
  MAX_IP_BYTES,
  MAX_RESUME_POINTS,
  MAX_SERVER_FRAME_BYTES,
  PROTOCOL_VERSION,
  TOKEN_BYTES,
} from "./messages.ts";
import { MAX_PASSWORD_BYTES } from "../text/text.ts";
import { MAX_NICK_CHARS } from "../text/nick.ts";

export { FRAME_TYPE } from "./frame_types.ts";
export * from "./messages.ts";

/** Longest nick that a server gives, in bytes of UTF-8. */
export const MAX_NICK_BYTES = MAX_NICK_CHARS * 4;

/** The public id of a session: the first 8 bytes of SHA-256 of its token. */
export function sessionIdOf(resumeToken: Uint8Array): bigint {
  return createHash("sha256").update(resumeToken).digest().readBigUInt64BE(0);
}

const writer = new FrameWriter();

/** The whole frame of a client's message. */
export function encodeClient(message: ClientMessage): Uint8Array<ArrayBuffer> {
  return writeClient(message).slice();
}

function writeClient(message: ClientMessage): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case "hello":
      writer.begin(FRAME_TYPE.hello).u8(message.version).bytes(message.resumeToken).string(message.nick)
        .string(message.password).u32(message.lagMs).u16(message.historyCount).u8(
          message.resumePoints.length,
        );
      for (const { logId, nextSeq } of message.resumePoints) writer.id(logId).u64(nextSeq);
      return writer.end();
    case "say":
      writer.begin(FRAME_TYPE.say).u32(message.clientSeq).u64(message.timeMs).u8(contentFlags(message));
      return writeContent(message).end();
    case "nick":
      return writer.begin(FRAME_TYPE.nick).string(message.nick).end();
    case "ping":
      return writer.begin(FRAME_TYPE.clientPing).end();
    case "pong":
      return writer.begin(FRAME_TYPE.clientPong).end();
    case "bye":
      return writer.begin(FRAME_TYPE.clientBye).end();
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
    case FRAME_TYPE.hello:
      return {
        type: "hello",
        version: readVersion(fields),
        resumeToken: fields.bytes(TOKEN_BYTES),
        nick: fields.string(),
        password: fields.string(MAX_PASSWORD_BYTES),
        lagMs: fields.u32(),
        historyCount: fields.u16(),
        resumePoints: list(
          fields.u8(),
          MAX_RESUME_POINTS,
          () => ({ logId: fields.id(), nextSeq: fields.u64() }),
        ),
      };
    case FRAME_TYPE.say:
      return readSay(fields);
    case FRAME_TYPE.nick:
      return { type: "nick", nick: fields.string() };
    case FRAME_TYPE.clientPing:
      return { type: "ping" };
    case FRAME_TYPE.clientPong:
      return { type: "pong" };
    case FRAME_TYPE.clientBye:
      return { type: "bye" };
    default:
      throw unknownFrame(fields.type);
  }
}

function readSay(fields: Frame): Say {
  const clientSeq = fields.u32();
  const timeMs = fields.u64();
  const flags = readFlags(fields, FLAG_ACTION | PRIVATE);
  if (flags === 0) return { type: "say", clientSeq, timeMs, text: fields.string() };
  return { type: "say", clientSeq, timeMs, ...readContent(fields, flags) };
}

function contentFlags({ action, to }: MessageBody): number {
  return (action ? FLAG_ACTION : 0) | (to ? PRIVATE : 0);
}

function writeContent({ to, text }: MessageBody): FrameWriter {
  if (to) writer.id(to.sessionId).string(to.nick);
  return writer.string(text);
}

function readContent(fields: Frame, flags: number): MessageBody {
  const to = flags & PRIVATE ? { sessionId: fields.id(), nick: fields.string(MAX_NICK_BYTES) } : undefined;
  const text = fields.string();
  return { text, ...(flags & FLAG_ACTION && { action: true }), ...(to && { to }) };
}

/** The whole frame of a server's message. WELCOME lists as many of `online` as fit. */
export function encodeServer(message: ServerMessage): Uint8Array<ArrayBuffer> {
  return writeServer(message).slice();
}

/** The whole frame of a log entry, valid until the next frame is encoded: for the log, which copies it. */
export function encodeEntry(entry: Uncommitted<LogEntry>, seq: number): Uint8Array<ArrayBuffer> {
  switch (entry.type) {
    case "said":
      beginEntry(FRAME_TYPE.said, seq, entry.timeMs).id(entry.sessionId).u32(entry.clientSeq)
        .u8((entry.redelivered ? FLAG_REDELIVERED : 0) | contentFlags(entry) << 1).string(entry.nick);
      return writeContent(entry).end();
    case "joined":
      return beginEntry(FRAME_TYPE.joined, seq, entry.timeMs).id(entry.sessionId).u8(
        entry.rejoined ? FLAG_REJOINED : 0,
      )
        .string(entry.nick).string(entry.address).end();
    case "left":
      return beginEntry(FRAME_TYPE.left, seq, entry.timeMs).id(entry.sessionId)
        .u8((entry.connectionLost ? FLAG_CONNECTION_LOST : 0) | (entry.kicked ? KICKED : 0))
        .string(entry.nick).string(entry.address).end();
    case "renamed":
      return beginEntry(FRAME_TYPE.renamed, seq, entry.timeMs).id(entry.sessionId).string(entry.oldNick)
        .string(entry.nick).end();
    case "announced":
      return beginEntry(FRAME_TYPE.announced, seq, entry.timeMs).string(entry.text).end();
    case "backups":
      beginEntry(FRAME_TYPE.backups, seq, entry.timeMs);
      return writeBackups(entry.backups).end();
    case "noop":
      return writer.begin(FRAME_TYPE.noop).u64(seq).end();
  }
}

function beginEntry(type: number, seq: number, timeMs: number): FrameWriter {
  return writer.begin(type).u64(seq).u64(timeMs);
}

function writeServer(message: ServerMessage): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case "welcome":
      return writeWelcome(message);
    case "ping":
      return writer.begin(FRAME_TYPE.serverPing).u64(message.head).end();
    case "pong":
      return writer.begin(FRAME_TYPE.serverPong).end();
    case "bye":
      return writer.begin(FRAME_TYPE.serverBye).end();
    case "error":
      return writer.begin(FRAME_TYPE.error).string(message.code).string(message.reason).end();
    case "stalled":
      return writer.begin(FRAME_TYPE.stalled).u8(message.resolved ? FLAG_RESOLVED : 0).end();
    case "rejected":
      return writer.begin(FRAME_TYPE.rejected).string(message.code).string(message.request)
        .string(message.reason).end();
    default:
      return encodeEntry(message, message.seq);
  }
}

function writeBackups(backups: readonly string[]): FrameWriter {
  writer.u8(backups.length);
  for (const backup of backups) writer.string(backup);
  return writer;
}

/** Bytes that a person takes in WELCOME, at most: session, nick, address, time. */
const MAX_MEMBER_INFO_BYTES = 8 + 2 + MAX_NICK_BYTES + 2 + MAX_IP_BYTES + 8;
/** The frame of WELCOME without its last `membersBytes`: the records of people, as {@linkcode encodeMemberInfo} makes
 * them, follow. */
export function encodeWelcome(
  welcome: WelcomeHeader,
  { membersBytes }: { membersBytes: number },
): Uint8Array<ArrayBuffer> {
  return writeWelcomeHeader(welcome).end({ missingBytes: membersBytes }).slice();
}

/** A person's record in WELCOME, valid until the next frame is encoded. */
export function encodeMemberInfo(person: MemberInfo): Uint8Array<ArrayBuffer> {
  return writeMemberInfo(writer.begin(FRAME_TYPE.welcome), person).end().subarray(HEADER_BYTES);
}

function writeWelcomeHeader(welcome: WelcomeHeader): FrameWriter {
  writer.begin(FRAME_TYPE.welcome).u8(welcome.version).id(welcome.sessionId).id(welcome.logId)
    .string(welcome.nick).u32(welcome.lastClientSeq).u64(welcome.startSeq).u64(welcome.head);
  return writeBackups(welcome.backups).u32(welcome.memberCount);
}

function writeMemberInfo(
  into: FrameWriter,
  { sessionId, nick, address, sinceMs }: MemberInfo,
): FrameWriter {
  return into.id(sessionId).string(nick).string(address).u64(sinceMs);
}

function writeWelcome(welcome: Welcome): Uint8Array<ArrayBuffer> {
  writeWelcomeHeader(welcome);
  for (const person of welcome.members) {
    if (writer.length + MAX_MEMBER_INFO_BYTES > MAX_SERVER_FRAME_BYTES) break;
    writeMemberInfo(writer, person);
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
    case FRAME_TYPE.welcome:
      return {
        type: "welcome",
        version: readVersion(fields),
        sessionId: fields.id(),
        logId: fields.id(),
        nick: fields.string(MAX_NICK_BYTES),
        lastClientSeq: fields.u32(),
        startSeq: fields.u64(),
        head: fields.u64(),
        backups: readBackups(fields),
        memberCount: fields.u32(),
        members: readMembers(fields),
      };
    case FRAME_TYPE.said:
      return readSaid(fields);
    case FRAME_TYPE.joined:
      return readJoined(fields);
    case FRAME_TYPE.left:
      return readLeft(fields);
    case FRAME_TYPE.renamed:
      return {
        type: "renamed",
        ...readEntryHeader(fields),
        sessionId: fields.id(),
        oldNick: fields.string(MAX_NICK_BYTES),
        nick: fields.string(MAX_NICK_BYTES),
      };
    case FRAME_TYPE.announced:
      return { type: "announced", ...readEntryHeader(fields), text: fields.string() };
    case FRAME_TYPE.backups:
      return { type: "backups", ...readEntryHeader(fields), backups: readBackups(fields) };
    case FRAME_TYPE.noop:
      return { type: "noop", seq: fields.u64() };
    case FRAME_TYPE.serverPing:
      return { type: "ping", head: fields.u64() };
    case FRAME_TYPE.serverPong:
      return { type: "pong" };
    case FRAME_TYPE.serverBye:
      return { type: "bye" };
    case FRAME_TYPE.error:
      return { type: "error", code: fields.string(), reason: fields.string() };
    case FRAME_TYPE.stalled:
      return { type: "stalled", resolved: readFlags(fields, FLAG_RESOLVED) === FLAG_RESOLVED };
    case FRAME_TYPE.rejected:
      return { type: "rejected", code: fields.string(), request: fields.string(), reason: fields.string() };
    default:
      throw unknownFrame(fields.type);
  }
}

function readSaid(fields: Frame): Said {
  const seq = fields.u64();
  const timeMs = fields.u64();
  const sessionId = fields.id();
  const clientSeq = fields.u32();
  const flags = readFlags(fields, FLAG_REDELIVERED | FLAG_ACTION << 1 | PRIVATE << 1);
  const redelivered = (flags & FLAG_REDELIVERED) !== 0;
  const nick = fields.string(MAX_NICK_BYTES);
  if (flags <= FLAG_REDELIVERED) {
    return { type: "said", seq, timeMs, sessionId, clientSeq, redelivered, nick, text: fields.string() };
  }
  return {
    type: "said",
    seq,
    timeMs,
    sessionId,
    clientSeq,
    redelivered,
    nick,
    ...readContent(fields, flags >> 1),
  };
}

function readEntryHeader(fields: Frame): { seq: number; timeMs: number } {
  return { seq: fields.u64(), timeMs: fields.u64() };
}

function readJoined(fields: Frame): Joined {
  const [stamp, sessionId, flags] = [readEntryHeader(fields), fields.id(), readFlags(fields, FLAG_REJOINED)];
  return {
    type: "joined",
    ...stamp,
    sessionId,
    rejoined: flags === FLAG_REJOINED,
    ...readMemberInfo(fields),
  };
}

function readLeft(fields: Frame): Left {
  const [stamp, sessionId, flags] = [
    readEntryHeader(fields),
    fields.id(),
    readFlags(fields, FLAG_CONNECTION_LOST | KICKED),
  ];
  const [connectionLost, kicked] = [(flags & FLAG_CONNECTION_LOST) !== 0, (flags & KICKED) !== 0];
  return {
    type: "left",
    ...stamp,
    sessionId,
    connectionLost,
    ...(kicked && { kicked }),
    ...readMemberInfo(fields),
  };
}

function readMemberInfo(fields: Frame): { nick: string; address: string } {
  return { nick: fields.string(MAX_NICK_BYTES), address: fields.string(MAX_IP_BYTES) };
}

function readBackups(fields: Frame): string[] {
  return list(fields.u8(), MAX_BACKUPS, () => fields.string(MAX_BACKUP_BYTES));
}

function readMembers(fields: Frame): MemberInfo[] {
  const members: MemberInfo[] = [];
  while (!fields.isAtEnd) {
    members.push({
      sessionId: fields.id(),
      nick: fields.string(MAX_NICK_BYTES),
      address: fields.string(MAX_IP_BYTES),
      sinceMs: fields.u64(),
    });
  }
  return members;
}

function readVersion(fields: Frame): number {
  const version = fields.u8();
  if (version !== PROTOCOL_VERSION) throw new ProtocolError("version-unsupported", { version });
  return version;
}

/** The byte of flags; none may be set but those in `known`. */
function readFlags(fields: Frame, known: number): number {
  const flags = fields.u8();
  if ((flags & ~known) !== 0) throw new ProtocolError("frame-malformed", { flags });
  return flags;
}

function list<Item>(count: number, max: number, read: () => Item): Item[] {
  if (count > max) throw new ProtocolError("frame-malformed", { count, max });
  return Array.from({ length: count }, read);
}

function unknownFrame(type: number): ProtocolError {
  return new ProtocolError("frame-unknown", { type });
}
