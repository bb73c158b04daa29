// What clients and servers say to each other, as types, and its limits. protocol.ts reads and writes it,
// docs/PROTOCOL.md explains it.

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
/** Longest text form of an IP address with a zone behind it (RFC 4007, section 11), in bytes. */
export const MAX_IP_BYTES = 64;
/** Longest name of a backup, in bytes: a name of 253, a port, and a fingerprint. */
export const MAX_BACKUP_BYTES = 310;
/** How long a client keeps a message that a server has, to send it again should that server die, in ms. */
export const RETAIN_ACKED_MS = 120_000;
/** HELLO's `lagMs` of a client that has never been whole: it has nothing to catch up with. */
export const NEVER_CAUGHT_UP = 0xffff_ffff;

/** A person in the room, as WELCOME lists them. `session` is public: the first 8 bytes of SHA-256(token). */
export interface MemberInfo {
  readonly sessionId: bigint;
  readonly nick: string;
  /** IP address. */
  readonly address: string;
  /** When they came, ms since 1970 UTC. */
  readonly sinceMs: number;
}

/** Where to go on reading the log of a server instance that this client was on before. */
export interface ResumePoint {
  readonly logId: bigint;
  /** `seq` of the next entry to read. */
  readonly nextSeq: number;
}

/** The first frame of a client. */
export interface Hello {
  readonly type: "hello";
  readonly version: number;
  /** {@linkcode TOKEN_BYTES} secret bytes. */
  readonly resumeToken: Uint8Array;
  readonly nick: string;
  /** The one that the server asked for; empty if it has not. */
  readonly password: string;
  /** How long ago the client last lacked nothing, in ms; {@linkcode NEVER_CAUGHT_UP} for a newcomer. */
  readonly lagMs: number;
  /** How many of the room's last messages a newcomer wants to see. */
  readonly historyCount: number;
  readonly resumePoints: readonly ResumePoint[];
}

/** Whom alone a private message is for. */
export interface Recipient {
  /** Public id. */
  readonly sessionId: bigint;
  /** What they are called, for people. */
  readonly nick: string;
}

/** How a message is meant. */
export interface MessageOptions {
  /** The text is what they do, not what they say. */
  readonly action?: boolean;
  /** Everybody, if there is none. */
  readonly to?: Recipient;
}

/** What a message says, and how. */
export interface MessageBody extends MessageOptions {
  readonly text: string;
}

/** A message. */
export interface Say extends MessageBody {
  readonly type: "say";
  /** Counts this session's messages from 1, across all servers. */
  readonly clientSeq: number;
  /** When a server first accepted it, ms since 1970 UTC; 0 if none has yet, as far as the sender knows. */
  readonly timeMs: number;
}

/** Asks for another nick. */
interface NickRequest {
  readonly type: "nick";
  readonly nick: string;
}

/** Asks for a sign of life. */
interface ClientPing {
  readonly type: "ping";
}

/** Asks for a sign of life, and tells how far the log goes. */
export interface ServerPing {
  readonly type: "ping";
  /** `seq` of the entry that the log will hold next: who has read all before it lacked nothing when this was sent. */
  readonly head: number;
}

/** Answers a PING, in order. */
interface Pong {
  readonly type: "pong";
}

/** From a client: it leaves by choice. From a server: it closes. */
interface Bye {
  readonly type: "bye";
}

/** The server's first frame, once HELLO is accepted, up to its list of people. */
export interface WelcomeHeader {
  readonly type: "welcome";
  readonly version: number;
  readonly sessionId: bigint;
  /** Random for each log that a server begins: at each start, unless it keeps its log. */
  readonly logId: bigint;
  /** The client's nick, as the others see it. */
  readonly nick: string;
  /** Highest `n` that this server accepted from this session, 0 for none. */
  readonly lastClientSeq: number;
  /** `seq` of the first log entry that will follow. */
  readonly startSeq: number;
  /** `seq` of the first entry appended after `online` was taken. */
  readonly head: number;
  /** Servers to go to when this one falls, as `host:port`. */
  readonly backups: readonly string[];
  /** How many are in the room, this client included. */
  readonly memberCount: number;
}

/** The server's first frame, once HELLO is accepted. */
export interface Welcome extends WelcomeHeader {
  /** Those in the room that fit into the frame. */
  readonly members: readonly MemberInfo[];
}

/** Log entry: a message. */
export interface Said extends MessageBody {
  readonly type: "said";
  readonly seq: number;
  /** When a server first accepted it, ms since 1970 UTC. */
  readonly timeMs: number;
  readonly sessionId: bigint;
  readonly clientSeq: number;
  /** It was accepted before, by a server that fell, and was sent again. */
  readonly redelivered: boolean;
  readonly nick: string;
}

/** Log entry: somebody came. */
export interface Joined {
  readonly type: "joined";
  readonly seq: number;
  readonly timeMs: number;
  readonly sessionId: bigint;
  /** They were in the conversation before, on this server or another. */
  readonly rejoined: boolean;
  readonly nick: string;
  readonly address: string;
}

/** Log entry: somebody went. */
export interface Left {
  readonly type: "left";
  readonly seq: number;
  readonly timeMs: number;
  readonly sessionId: bigint;
  /** The connection was lost; otherwise they left by choice, unless they were kicked. */
  readonly connectionLost: boolean;
  /** Whoever runs the server threw them out. */
  readonly kicked?: boolean;
  readonly nick: string;
  readonly address: string;
}

/** Log entry: somebody has another nick from now on. */
export interface Renamed {
  readonly type: "renamed";
  readonly seq: number;
  readonly timeMs: number;
  readonly sessionId: bigint;
  /** Nick until now. */
  readonly oldNick: string;
  readonly nick: string;
}

/** Log entry: whoever runs the server says something to everybody. */
export interface Announced {
  readonly type: "announced";
  readonly seq: number;
  readonly timeMs: number;
  readonly text: string;
}

/** Log entry: the servers to go to when this one falls are others from now on. */
export interface BackupsChanged {
  readonly type: "backups";
  readonly seq: number;
  readonly timeMs: number;
  /** All of them, as `host:port`. */
  readonly backups: readonly string[];
}

/** Stands in the log of those for whom an entry is not: its `seq` is all that they learn. */
interface Noop {
  readonly type: "noop";
  readonly seq: number;
}

/** What the client asked for is not done; it stays in. */
export interface Rejected {
  readonly type: "rejected";
  /** Stable, for programs: one of errors.ts' WIRE_CODES, or one of a later version. */
  readonly code: string;
  /** What it asked for: the nick. */
  readonly request: string;
  /** In English, for people whose client does not know the code. */
  readonly reason: string;
}

/** What is said can be kept nowhere for now: it waits, and happens later. */
export interface Stalled {
  readonly type: "stalled";
  /** That is over. */
  readonly resolved: boolean;
}

/** The last frame before the server closes a connection that it will not serve. */
export interface ErrorFrame {
  readonly type: "error";
  /** Stable, for programs: one of errors.ts' WIRE_CODES, or one of a later version. */
  readonly code: string;
  /** In English, for people whose client does not know the code. */
  readonly reason: string;
}

export type ClientMessage = Hello | Say | NickRequest | ClientPing | Pong | Bye;
/** What happens in a room: what the log holds. */
export type RoomEvent = Said | Joined | Left | Renamed | Announced | BackupsChanged;
/** What a reader of the log gets. */
export type LogEntry = RoomEvent | Noop;
/** Something that happens before the log has given it its `seq`. */
export type Uncommitted<Entry extends LogEntry = RoomEvent> = Entry extends LogEntry ? Omit<Entry, "seq">
  : never;
/** What is to happen. */
export type ProposedEvent = Uncommitted & {
  /** Where a room has many servers. Of JOINED: the one through which they are in. Of LEFT: the one that lost them; it
   * comes to nothing if they are in through another by now. Of BACKUPS: the one that found these to serve the room,
   * and no others; without, people have named them. */
  readonly nodeId?: bigint;
};
export type ServerMessage = Welcome | LogEntry | Rejected | Stalled | ServerPing | Pong | Bye | ErrorFrame;
