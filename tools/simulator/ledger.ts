// The ledger: what clients sent, what servers logged and what clients showed. Reports every fault.

import type { Delivery } from "../../lib/client/read_tracker.ts";
import type { Left, LogEntry, MessageBody, Renamed, Said, Say } from "../../lib/protocol/frames.ts";
import { CLOSE_TIMEOUT_MS } from "../../lib/net/connection.ts";
import { RESUME_GRACE_MS } from "../../lib/room/room.ts";
import type { Timeline } from "./timeline.ts";

export type Fault =
  | "lost"
  | "shown twice"
  | "shown out of order"
  | "overheard"
  | "logged twice"
  | "garbled"
  | "wrong departure"
  | "wrong nick"
  | "not settled"
  /** A client goes to another server for no reason. */
  | "strayed"
  /** A client stays on its server while others are on the one that it came from. */
  | "apart"
  /** At rest, a client loses its connection. */
  | "dropped"
  /** At rest, a client goes to another server more than once a minute. */
  | "restless"
  /** A client believes that a server breaks the protocol. */
  | "excluded"
  | "crashed";

export interface Problem {
  readonly fault: Fault;
  readonly details: string;
}

interface SentMessage {
  readonly content: MessageBody;
  readonly atMs: number;
  /** Times that servers set. */
  readonly timesMs: Set<number>;
  /** The time with which its sender first read it back; 0 until then. */
  echoedTimeMs: number;
}

interface ClientRecord {
  readonly name: string;
  /** Message `clientSeq` is at `clientSeq - 1`. */
  readonly sent: SentMessage[];
  /** Time of the first WELCOME: the client must show all later messages. */
  sinceMs: number | undefined;
  /** `clientSeq` of the messages shown, by sender. */
  readonly shown: Map<bigint, Set<number>>;
  /** The last `clientSeq` shown, by sender. */
  readonly lastShown: Map<bigint, number>;
}

interface LogRecord {
  readonly name: string;
  /** By `seq`. */
  readonly entries: LogEntry[];
  /** Highest `clientSeq` logged, by sender. */
  readonly logged: Map<bigint, number>;
  /** Of the members. */
  readonly nicks: Map<bigint, string>;
  /** The last connection of each session to a server with this log, and when the server lost it. */
  readonly connections: Map<bigint, { connection: unknown; lostMs: number }>;
  /** When a node of a cluster was suspended last. */
  suspendedMs: number;
  /** `seq` after the last entry shown live, by reader. */
  readonly live: Map<bigint, number>;
}

/** A client and a log that it reads. */
interface Reader {
  readonly reader: bigint;
  readonly logId: bigint;
}

interface FinishOptions {
  readonly isKept: boolean;
  /** Whether two sessions, a reader and a sender, must have a message that was sent then. */
  readonly isPromised?: (missing: { sessions: readonly bigint[]; atMs: number }) => boolean;
}

/** How long after its suspension members of a node may be removed, in ms: until it is resumed and has read the log. */
const SUSPICION_MS = 60_000;
/** How long a server may take to close a connection that it has ended, in ms. */
const CLOSE_MS = CLOSE_TIMEOUT_MS + 100;

export class Ledger {
  readonly problems: Problem[] = [];
  readonly #timeline: Timeline;
  readonly #clients = new Map<bigint, ClientRecord>();
  readonly #logs = new Map<bigint, LogRecord>();
  readonly #saidBye = new Set<bigint>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get messages(): number {
    return this.#clients.values().reduce((sum, { sent }) => sum + sent.length, 0);
  }

  addClient(sessionId: bigint, name: string): void {
    this.#clients.set(sessionId, {
      name,
      sent: [],
      sinceMs: undefined,
      shown: new Map(),
      lastShown: new Map(),
    });
  }

  /** A server starts with a log, which may be known from another one. */
  openLog(logId: bigint, name: string): void {
    if (this.#logs.has(logId)) return;
    this.#logs.set(logId, {
      name,
      entries: [],
      logged: new Map(),
      nicks: new Map(),
      connections: new Map(),
      suspendedMs: -Infinity,
      live: new Map(),
    });
  }

  sizeOf(logId: bigint): number {
    return this.#logs.get(logId)!.entries.length;
  }

  /** A server welcomes a session. */
  attached(logId: bigint, sessionId: bigint, connection: unknown): void {
    this.#logs.get(logId)!.connections.set(sessionId, { connection, lostMs: Infinity });
  }

  /** A server has noticed the end of a session's connection, ends it, or is suspended with it. */
  detached(logId: bigint, sessionId: bigint, connection: unknown): void {
    const last = this.#logs.get(logId)!.connections.get(sessionId);
    if (last?.connection === connection) last!.lostMs = Math.min(last!.lostMs, this.#timeline.nowMs);
  }

  /** A node of a cluster is suspended: the others may take it for dead, and remove its members, also those that have
   * just reconnected when that is committed. */
  suspended(logId: bigint): void {
    this.#logs.get(logId)!.suspendedMs = this.#timeline.nowMs;
  }

  /** A session's connection has ended before WELCOME: if it was to replace one that the server believed to be there, the
   * member may be removed as soon as the join is committed. */
  abandoned(logId: bigint, sessionId: bigint): void {
    const last = this.#logs.get(logId)!.connections.get(sessionId);
    if (last) last.lostMs = 0;
  }

  /** A client leaves a server. */
  saidBye(sessionId: bigint): void {
    this.#saidBye.add(sessionId);
  }

  report(fault: Fault, details: string): void {
    this.problems.push({ fault, details: `${details} at ${this.#timeline.nowMs.toFixed(3)} ms` });
  }

  sent(sessionId: bigint, content: MessageBody): void {
    this.#clients.get(sessionId)!.sent.push({
      content,
      atMs: this.#timeline.nowMs,
      timesMs: new Set(),
      echoedTimeMs: 0,
    });
  }

  resent(sessionId: bigint, say: Say): void {
    const { clientSeq, timeMs } = say;
    const { name, sent } = this.#clients.get(sessionId)!;
    const message = sent[clientSeq - 1];
    if (isSameContent(message?.content, say) && message?.echoedTimeMs === timeMs) return;
    this.report("garbled", `${name} sends message ${clientSeq} again as another`);
  }

  /** A server has rejected a nick. */
  rejected(logId: bigint, nick: string): void {
    const { name, nicks } = this.#logs.get(logId)!;
    if (nicks.values().some((held) => held === nick)) return;
    this.report("wrong nick", `${name} rejects ${nick}, which is free`);
  }

  welcomed(logId: bigint, sessionId: bigint, nick: { requested: string; granted: string }): void {
    const { name } = this.#logs.get(logId)!;
    if (nick.granted !== nick.requested) {
      this.report("wrong nick", `${name} calls ${nick.requested} ${nick.granted}`);
    }
    this.#clients.get(sessionId)!.sinceMs ??= this.#timeline.nowMs;
  }

  /** A server has an entry of a log: a new one, or one that the log had before the server started, or on another one. */
  logged(logId: bigint, entry: LogEntry): void {
    const log = this.#logs.get(logId)!;
    if (entry.seq < log.entries.length) {
      if (!isSame(entry, log.entries[entry.seq])) {
        this.report("garbled", `${log.name} has another entry ${entry.seq} than before`);
      }
      return;
    }
    if (entry.seq > log.entries.length) {
      this.report("garbled", `${log.name} leaves a gap before ${entry.seq}`);
    }
    log.entries.push(entry);
    if (entry.type === "said") return this.#recordSaid(log, entry);
    if (entry.type === "left") return this.#recordLeft(log, entry);
    if (entry.type === "renamed") this.#checkRenamed(log, entry);
    if (entry.type !== "joined" && entry.type !== "renamed") return;
    if (isTaken(log, entry.nick, entry.sessionId)) {
      this.report("wrong nick", `${log.name} gives ${entry.nick} away twice`);
    }
    if (entry.type === "joined" && log.nicks.has(entry.sessionId)) {
      this.report("wrong departure", `${log.name} logs a second arrival`);
    }
    log.nicks.set(entry.sessionId, entry.nick);
  }

  /** A client has received an entry, the one after those before `nextSeq`. */
  read({ reader, logId, nextSeq }: Reader & { nextSeq: number }, entry: LogEntry): void {
    const client = this.#clients.get(reader)!;
    const log = this.#logs.get(logId)!;
    const logged = log.entries[nextSeq];
    const isPrivate = logged?.type === "said" && logged.to !== undefined;
    if (isPrivate && ![logged.sessionId, logged.to!.sessionId].includes(reader)) {
      if (entry.type !== "noop") this.report("overheard", `${client.name} reads entry ${nextSeq}`);
    } else if (entry.seq !== nextSeq || !isSame(entry, logged)) {
      this.report("garbled", `${client.name} reads something else as entry ${nextSeq} of ${log.name}`);
    }
    if (entry.type === "said" && entry.sessionId === reader) {
      const message = client.sent[entry.clientSeq - 1];
      if (message) message.echoedTimeMs ||= entry.timeMs;
    }
  }

  /** A client shows an entry. */
  shown({ reader, logId }: Reader, entry: LogEntry, delivery: Delivery): void {
    const client = this.#clients.get(reader)!;
    const log = this.#logs.get(logId)!;
    if (delivery === "live") {
      if (entry.seq < (log.live.get(reader) ?? 0)) {
        this.report("shown out of order", `${client.name} shows entry ${entry.seq} of ${log.name} late`);
      }
      log.live.set(reader, entry.seq + 1);
    }
    if (entry.type === "said") this.#recordShown(client, entry);
  }

  /** When the oldest message was sent that a server has logged and one of `readers` has not shown; Infinity if there is
   * none. */
  missingSinceMs(survivors: readonly bigint[], readers: readonly bigint[]): number {
    let sinceMs = Infinity;
    for (const { atMs, wasLogged } of this.#missing(survivors, readers)) {
      if (wasLogged) sinceMs = Math.min(sinceMs, atMs);
    }
    return sinceMs;
  }

  /** Reports as lost the messages of survivors that another has not shown. If the only server stores its log
   * (`isKept`), also those of departed clients that had read their echo. */
  finish(survivors: readonly bigint[], { isKept, isPromised = () => true }: FinishOptions): void {
    for (const { reader, sender, clientSeq } of isKept ? this.#missingOfDeparted(survivors) : []) {
      this.report(
        "lost",
        `${reader} has not shown message ${clientSeq} of ${sender}, which had read its echo,`,
      );
    }
    for (const missing of this.#missing(survivors)) {
      if (!isPromised(missing)) continue;
      const { reader, sender, clientSeq, wasLogged } = missing;
      const where = wasLogged ? "though a server logged it" : "and no server logged it";
      this.report("lost", `${reader} has not shown message ${clientSeq} of ${sender}, ${where},`);
    }
  }

  *#missing(survivors: readonly bigint[], readers = survivors) {
    for (const readerSession of readers) {
      const { name, sinceMs = Infinity, shown } = this.#clients.get(readerSession)!;
      for (const sender of survivors) {
        const { name: from, sent } = this.#clients.get(sender)!;
        const numbers = shown.get(sender);
        if (numbers?.size === sent.length) continue;
        for (let clientSeq = 1; clientSeq <= sent.length; clientSeq++) {
          if (numbers?.has(clientSeq)) continue;
          const { atMs, content: { to } } = sent[clientSeq - 1]!;
          if (atMs < sinceMs) continue;
          if (to && to.sessionId !== readerSession && sender !== readerSession) continue;
          const wasLogged = this.#logs.values().some(({ logged }) => (logged.get(sender) ?? 0) >= clientSeq);
          yield { reader: name, sender: from, sessions: [readerSession, sender], clientSeq, atMs, wasLogged };
        }
      }
    }
  }

  *#missingOfDeparted(survivors: readonly bigint[]) {
    const departed = [...this.#clients.keys()].filter((sessionId) => !survivors.includes(sessionId));
    for (const { sender, clientSeq, ...missing } of this.#missing(departed, survivors)) {
      const client = this.#clients.values().find(({ name }) => name === sender);
      if (client!.sent[clientSeq - 1]!.echoedTimeMs > 0) yield { sender, clientSeq, ...missing };
    }
  }

  #recordSaid(log: LogRecord, entry: Said): void {
    const { sessionId, clientSeq, timeMs, redelivered } = entry;
    const { name, sent } = this.#clients.get(sessionId)!;
    if (clientSeq <= (log.logged.get(sessionId) ?? 0)) {
      this.report("logged twice", `${log.name} logs message ${clientSeq} of ${name} again`);
    }
    log.logged.set(sessionId, Math.max(clientSeq, log.logged.get(sessionId) ?? 0));
    const message = sent[clientSeq - 1];
    if (!isSameContent(message?.content, entry)) {
      this.report("garbled", `${log.name} logs a wrong message ${clientSeq} of ${name}`);
    }
    // A message that was proposed before its sender left keeps the nick of then.
    if ((log.nicks.get(sessionId) ?? entry.nick) !== entry.nick) {
      this.report("wrong nick", `${log.name} calls ${name} ${entry.nick}`);
    }
    if (redelivered && !message?.timesMs.has(timeMs)) {
      this.report(
        "garbled",
        `${log.name} logs message ${clientSeq} of ${name} with a time that no server gave it`,
      );
    }
    message?.timesMs.add(timeMs);
  }

  #checkRenamed({ name, nicks }: LogRecord, { sessionId, oldNick, nick }: Renamed): void {
    if (nicks.get(sessionId) === oldNick && nick !== oldNick) return;
    this.report("wrong nick", `${name} says that ${oldNick} is now ${nick}`);
  }

  #recordLeft(log: LogRecord, { sessionId, connectionLost }: Left): void {
    const wasPresent = log.nicks.delete(sessionId);
    const { lostMs = 0 } = log.connections.get(sessionId) ?? {};
    const { nowMs } = this.#timeline;
    const isSuspected = nowMs - log.suspendedMs < SUSPICION_MS;
    const absentMs = nowMs - (isSuspected ? Math.min(lostMs, log.suspendedMs) : lostMs);
    const isExpected = connectionLost ? absentMs >= RESUME_GRACE_MS - CLOSE_MS : this.#saidBye.has(sessionId);
    if (wasPresent && isExpected) return;
    const { name } = this.#clients.get(sessionId)!;
    this.report("wrong departure", `${log.name} says that ${name} left, gone ${absentMs} ms`);
  }

  #recordShown({ name, shown, lastShown }: ClientRecord, { sessionId, clientSeq }: Said): void {
    const numbers = shown.get(sessionId) ?? new Set();
    shown.set(sessionId, numbers);
    const last = lastShown.get(sessionId) ?? 0;
    const from = this.#clients.get(sessionId)!.name;
    if (numbers.has(clientSeq)) {
      this.report("shown twice", `${name} shows message ${clientSeq} of ${from} again`);
    } else if (clientSeq < last) {
      this.report("shown out of order", `${name} shows message ${clientSeq} of ${from} after ${last}`);
    }
    numbers.add(clientSeq);
    lastShown.set(sessionId, clientSeq);
  }
}

/** Whether another member has the nick. */
function isTaken({ nicks }: LogRecord, nick: string, sessionId: bigint): boolean {
  return nicks.entries().some(([holder, held]) => holder !== sessionId && held === nick);
}

function isSame(one: LogEntry, other: LogEntry | undefined): boolean {
  if (!other) return false;
  if (one.type === "said" && other.type === "said" && !isSameContent(one, other)) return false;
  const [fields, others] = [one, other] as unknown as Record<string, unknown>[];
  const names = Object.keys(fields!);
  return names.length === Object.keys(others!).length &&
    names.every((name) => typeof fields![name] === "object" || fields![name] === others![name]);
}

/** Ignores the recipient's nick, which may change. */
function isSameContent(one: MessageBody | undefined, other: MessageBody): boolean {
  return one?.text === other.text && !one.action === !other.action &&
    one.to?.sessionId === other.to?.sessionId;
}
