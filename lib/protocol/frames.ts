// Every frame of docs/PROTOCOL.md, its types, encoders and decoders, and the limits of frames.

import { createHash } from "node:crypto";
import { type Frame, FrameWriter, HEADER_BYTES } from "../codec.ts";
import { ProtocolError } from "../errors.ts";
import { MAX_NICK_CHARS } from "../text/nick.ts";
import { MAX_PASSWORD_BYTES } from "../text/text.ts";
import {
  bytes,
  flags,
  frame,
  id,
  list,
  type MessageOf,
  optional,
  Protocol,
  record,
  string,
  toEnd,
  u16,
  u32,
  u64,
  type ValueOf,
  version,
} from "./schema.ts";

/** Version in HELLO and WELCOME. */
export const PROTOCOL_VERSION = 1;
/** Longest frame of a client, in bytes after the length: a message of 2,000 characters fits twice. */
export const MAX_CLIENT_FRAME_BYTES = 16_384;
/** Longest frame of a server, in bytes after the length. */
export const MAX_SERVER_FRAME_BYTES = 65_536;
export const TOKEN_BYTES = 16;
export const MAX_RESUME_POINTS = 16;
export const MAX_BACKUPS = 16;
/** Most messages of history for a client that joins for the first time. */
export const MAX_HISTORY = 1_000;
/** Longest nick that a server gives, in bytes of UTF-8. */
export const MAX_NICK_BYTES = MAX_NICK_CHARS * 4;
/** Longest text form of an IP address with a zone (RFC 4007, section 11), in bytes. */
export const MAX_IP_BYTES = 64;
/** Longest backup, in bytes: a host name of 253, a port and a fingerprint. */
export const MAX_BACKUP_BYTES = 310;
/** How long a client retains an acked message, in ms, to send it again if the server fails. So readers of another log
 * look back as far: they may have missed such a message. */
export const RETAIN_ACKED_MS = 120_000;
/** How recently a member was heard that STATUS counts, in ms: two heartbeats. */
export const HEARD_MS = 10_000;
/** `lagMs` of a client that has not joined before. */
export const NEVER_CAUGHT_UP = 0xffff_ffff;

const nick = string(MAX_NICK_BYTES);
const ipAddress = string(MAX_IP_BYTES);
/** `host:port`, over TLS perhaps with `#` and a fingerprint. */
const backups = list(string(MAX_BACKUP_BYTES), MAX_BACKUPS);

/** Where a client goes on reading a log. */
export const resumePoint = record("point", {
  logId: id,
  /** `seq` of the next entry to read. */
  nextSeq: u64,
});
/** The only reader of a private message, besides its sender. */
export const recipient = record("recipient", {
  sessionId: id,
  /** For display: `sessionId` decides. */
  nick,
});
export const member = record("member", {
  sessionId: id,
  nick,
  address: ipAddress,
  /** When the member joined, ms since 1970 UTC. */
  sinceMs: u64,
});
/** WELCOME before its list of members. */
export const welcomeHeader = record("header", {
  version: version(PROTOCOL_VERSION),
  sessionId: id,
  /** Random for each log: another one after each start, unless the server stores its log. */
  logId: id,
  /** The nick that the server gave the client. */
  nick,
  /** Highest `clientSeq` that the server accepted from this session, 0 for none. */
  lastClientSeq: u32,
  /** `seq` of the first log entry that follows. */
  startSeq: u64,
  /** `seq` of the first entry after the state in `members`. */
  head: u64,
  backups,
  /** Number of members, this client included. */
  memberCount: u32,
});

/** The first fields of a log entry. */
const entry = {
  seq: u64,
  /** When a server first accepted it, ms since 1970 UTC. */
  timeMs: u64,
};

/** What clients send. The keys are the `type` of messages. */
export const CLIENT_FRAMES = {
  /** The first frame of a client. */
  hello: frame(0x01, {
    version: version(PROTOCOL_VERSION),
    /** Secret random bytes. */
    resumeToken: bytes(TOKEN_BYTES),
    nick: string(),
    /** Empty unless the server has asked for one. */
    password: string(MAX_PASSWORD_BYTES),
    /** Time since the client was last caught up, in ms; {@linkcode NEVER_CAUGHT_UP} if it never was. */
    lagMs: u32,
    /** Number of messages of history that a client wants that joins for the first time. */
    historyCount: u16,
    resumePoints: list(resumePoint, MAX_RESUME_POINTS),
  }),
  say: frame(0x02, {
    /** Counts this session's messages from 1, across all servers. */
    clientSeq: u32,
    /** When a server first accepted the message, ms since 1970 UTC; 0 if the client knows of none. */
    timeMs: u64,
    flags: flags({
      /** `text` is an action of the sender: `/me`. */
      action: "optional",
      private: { presenceOf: "to" },
    }),
    to: optional(recipient),
    text: string(),
  }),
  ping: frame(0x03, {}),
  /** Answers PINGs in their order. */
  pong: frame(0x04, {}),
  bye: frame(0x05, {}),
  nick: frame(0x06, { nick: string() }),
  /** Instead of HELLO: the server answers with STATUS, and closes the connection. */
  probe: frame(0x07, {}),
};

/** What servers send. The keys are the `type` of messages. */
export const SERVER_FRAMES = {
  /** Answers HELLO. */
  welcome: frame(0x81, {
    ...welcomeHeader.shape,
    /** As many members as fit into the frame. */
    members: toEnd(member, MAX_SERVER_FRAME_BYTES),
  }),
  said: frame(0x82, {
    ...entry,
    sessionId: id,
    /** Counts this session's messages from 1, across all servers. */
    clientSeq: u32,
    flags: flags({
      /** The client sent the message again: an earlier server had accepted it. */
      redelivered: "required",
      /** `text` is an action of the sender: `/me`. */
      action: "optional",
      private: { presenceOf: "to" },
    }),
    nick,
    to: optional(recipient),
    text: string(),
  }),
  ping: frame(0x83, {
    /** `seq` of the next log entry: a client that has read all entries before it is caught up. */
    head: u64,
  }),
  /** Answers PINGs in their order. */
  pong: frame(0x84, {}),
  /** The server closes the connection. */
  bye: frame(0x85, {}),
  /** The server closes the connection because of an error. */
  error: frame(0x86, {
    /** One of errors.ts' WIRE_CODES, or a code of a later version. */
    code: string(),
    /** In English, for clients that do not know the code. */
    reason: string(),
  }),
  joined: frame(0x87, {
    ...entry,
    sessionId: id,
    flags: flags({
      /** The member was in the conversation before, here or on another server. */
      rejoined: "required",
    }),
    nick,
    address: ipAddress,
  }),
  left: frame(0x88, {
    ...entry,
    sessionId: id,
    flags: flags({
      /** The connection broke. Without this flag and `kicked`, the client said BYE. */
      connectionLost: "required",
      kicked: "optional",
    }),
    nick,
    address: ipAddress,
  }),
  /** Placeholder for a log entry that the reader may not see, or that is a no-op. */
  noop: frame(0x89, { seq: u64 }),
  renamed: frame(0x8a, { ...entry, sessionId: id, oldNick: nick, nick }),
  /** A message of the operator to all members. */
  announced: frame(0x8b, { ...entry, text: string() }),
  backups: frame(0x8c, { ...entry, backups }),
  /** The server does not do what the client asked for. The client stays in the room. */
  rejected: frame(0x8d, {
    /** One of errors.ts' WIRE_CODES, or a code of a later version. */
    code: string(),
    /** The nick that the client asked for. */
    request: string(),
    /** In English, for clients that do not know the code. */
    reason: string(),
  }),
  /** The commit log is blocked: messages wait. */
  stalled: frame(0x8e, {
    flags: flags({
      /** The commit log works again. */
      resolved: "required",
    }),
  }),
  /** Answers PROBE. */
  status: frame(0x8f, {
    /** As in WELCOME. */
    logId: id,
    /** Number of members whose connections to this server lived within the last {@linkcode HEARD_MS}. */
    heardCount: u32,
    /** Of the room; empty if it has none. */
    name: string(),
  }),
};

type ServerFrames = typeof SERVER_FRAMES;
export type ClientMessage = MessageOf<typeof CLIENT_FRAMES>;
export type ServerMessage = MessageOf<ServerFrames>;

export type ResumePoint = ValueOf<typeof resumePoint>;
type Recipient = ValueOf<typeof recipient>;
export type MemberInfo = ValueOf<typeof member>;
export type WelcomeHeader = ValueOf<typeof welcomeHeader> & { readonly type: "welcome" };

export type Hello = MessageOf<typeof CLIENT_FRAMES, "hello">;
export type Say = MessageOf<typeof CLIENT_FRAMES, "say">;
export type MessageOptions = Pick<Say, "action" | "to">;
export type MessageBody = Pick<Say, "action" | "to" | "text">;

export type Welcome = MessageOf<ServerFrames, "welcome">;
export type ServerPing = MessageOf<ServerFrames, "ping">;

export type Said = MessageOf<ServerFrames, "said">;
export type Joined = MessageOf<ServerFrames, "joined">;
export type Left = MessageOf<ServerFrames, "left">;
export type Renamed = MessageOf<ServerFrames, "renamed">;
export type Announced = MessageOf<ServerFrames, "announced">;
export type BackupsChanged = MessageOf<ServerFrames, "backups">;
/** A change of the room: what the commit log holds. */
export type RoomEvent = Said | Joined | Left | Renamed | Announced | BackupsChanged;
/** What readers of the log get. */
export type LogEntry = RoomEvent | MessageOf<ServerFrames, "noop">;
/** An event without its `seq`: as proposed, and as stored by logs that know its position. */
export type Uncommitted<Entry extends LogEntry = RoomEvent> = Entry extends LogEntry ? Omit<Entry, "seq">
  : never;
/** An event on its way into the commit log. */
export type ProposedEvent<Event extends RoomEvent = RoomEvent> = Uncommitted<Event> & {
  /** In a cluster: of JOINED, the node of the member; of LEFT, the node that lost the connection (a no-op if
   * the member is on another node by then); of BACKUPS, the node that found these nodes alive. Operators'
   * BACKUPS have none. */
  readonly nodeId?: bigint;
};

/** The public id of a session: the first 8 bytes of the token's SHA-256. */
export function sessionIdOf(resumeToken: Uint8Array): bigint {
  return createHash("sha256").update(resumeToken).digest().readBigUInt64BE(0);
}

const writer = new FrameWriter();
const clientProtocol = new Protocol(CLIENT_FRAMES);
const serverProtocol = new Protocol(SERVER_FRAMES);

export function encodeClient(message: ClientMessage): Uint8Array<ArrayBuffer> {
  return clientProtocol.encode(writer, message).slice();
}

/** WELCOME lists as many of `members` as fit. */
export function encodeServer(message: ServerMessage): Uint8Array<ArrayBuffer> {
  return serverProtocol.encode(writer, message).slice();
}

/** A view that is valid until the next frame is encoded. */
export function encodeEntry(entry: Uncommitted<LogEntry>, seq: number): Uint8Array<ArrayBuffer> {
  if (entry.type === "said") return encodeSaid(entry, seq);
  return serverProtocol.encode(writer, { ...entry, seq });
}

/** WELCOME without its last `membersBytes`: members follow, each from {@linkcode encodeMemberInfo}. */
export function encodeWelcome(
  header: WelcomeHeader,
  { membersBytes }: { membersBytes: number },
): Uint8Array<ArrayBuffer> {
  welcomeHeader.write(writer.begin(SERVER_FRAMES.welcome.code), header);
  return writer.end({ missingBytes: membersBytes }).slice();
}

/** A member in WELCOME, valid until the next frame is encoded. */
export function encodeMemberInfo(info: MemberInfo): Uint8Array<ArrayBuffer> {
  member.write(writer.begin(SERVER_FRAMES.welcome.code), info); // any frame would do: its header is cut off
  return writer.end().subarray(HEADER_BYTES);
}

/** @throws {ProtocolError} `frame-unknown`, `frame-malformed` or `version-unsupported` */
export function decodeClient(frame: Frame): ClientMessage {
  return frame.type === CLIENT_FRAMES.say.code ? decodeSay(frame) : clientProtocol.decode(frame);
}

/** @throws {ProtocolError} `frame-unknown`, `frame-malformed` or `version-unsupported` */
export function decodeServer(frame: Frame): ServerMessage {
  return frame.type === SERVER_FRAMES.said.code ? decodeSaid(frame) : serverProtocol.decode(frame);
}

// Codecs by hand for what each message costs: through the table it takes twice as long (bench/codec_bench.ts).
// Tests hold them against the table.

/** Flags of SAY. In SAID they are one bit further up. */
const ACTION = 1, PRIVATE = 2;
/** Flag of SAID. */
const REDELIVERED = 1;

function encodeSaid(said: Uncommitted<Said>, seq: number): Uint8Array<ArrayBuffer> {
  const { timeMs, sessionId, clientSeq, redelivered, nick, action, to, text } = said;
  const flags = (redelivered ? REDELIVERED : 0) | (action ? ACTION << 1 : 0) | (to ? PRIVATE << 1 : 0);
  writer.begin(SERVER_FRAMES.said.code).u64(seq).u64(timeMs).id(sessionId).u32(clientSeq).u8(flags)
    .string(nick);
  if (to) writer.id(to.sessionId).string(to.nick);
  return writer.string(text).end();
}

function decodeSay(frame: Frame): Say {
  const clientSeq = frame.u32();
  const timeMs = frame.u64();
  const flags = decodeFlags(frame, ACTION | PRIVATE);
  const to = flags & PRIVATE ? recipient.read(frame) : undefined;
  const text = frame.string();
  frame.end();
  const say: Say = { type: "say", clientSeq, timeMs, text };
  return flags === 0 ? say : withOptions(say, flags, to);
}

function decodeSaid(frame: Frame): Said {
  const seq = frame.u64();
  const timeMs = frame.u64();
  const sessionId = frame.id();
  const clientSeq = frame.u32();
  const flags = decodeFlags(frame, REDELIVERED | ACTION << 1 | PRIVATE << 1);
  const redelivered = (flags & REDELIVERED) !== 0;
  const nick = frame.string(MAX_NICK_BYTES);
  const to = flags & PRIVATE << 1 ? recipient.read(frame) : undefined;
  const text = frame.string();
  frame.end();
  const said: Said = { type: "said", seq, timeMs, sessionId, clientSeq, redelivered, nick, text };
  return flags <= REDELIVERED ? said : withOptions(said, flags >> 1, to);
}

function decodeFlags(frame: Frame, known: number): number {
  const flags = frame.u8();
  if ((flags & ~known) !== 0) throw new ProtocolError("frame-malformed", { flags });
  return flags;
}

function withOptions<Message>(message: Message, flags: number, to: Recipient | undefined): Message {
  return { ...message, ...(flags & ACTION && { action: true }), ...(to && { to }) };
}
