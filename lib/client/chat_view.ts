// What the chat shows by itself: entries of the log, unacked messages above the input line, the link state in its prompt.

import type { Clock } from "../base/time.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { PING_MS } from "../net/heartbeat.ts";
import type { Translate } from "../i18n/translate.ts";
import type { MessageBody, RoomEvent } from "../protocol/frames.ts";
import { isMentioned, PREFIXES, type Presence, type Renderer } from "../render/renderer.ts";
import type { DeliveredEntry, Session } from "./session.ts";
import type { SessionState } from "./session_state.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { printableNick } from "../text/nick.ts";
import { printable, truncate } from "../text/text.ts";
import type { ClientConfig } from "./config.ts";
import { HistoryBlock } from "./history_block.ts";
import type { IgnoreList } from "./ignore_list.ts";

/** How long a message is unacked before it is shown, in ms: most echoes come sooner. */
const SHOW_UNACKED_MS = 300;
/** How long a dial takes before the user is told of it, in ms. */
const SHOW_DIAL_MS = 1_000;
const MAX_UNACKED_LINES = 3;
const MAX_UNACKED_CHARS = 60;
const MAX_NOTIFICATION_CHARS = 120;
/** Silence after which the link counts as lagging, in ms: a live server answers a PING every {@linkcode PING_MS}. */
export const LINK_LAGGING_MS = PING_MS + 2_000;
const LINK_CHECK_MS = 1_000;

interface ChatViewDeps {
  readonly terminal: Terminal;
  readonly renderer: Renderer;
  readonly t: Translate;
  readonly session: Pick<Session, "unacked" | "idleMs">;
  readonly state: Pick<SessionState, "isReadingPast">;
  readonly reader: { readonly sessionId: bigint; readonly nick: string };
  readonly ignored: IgnoreList;
  readonly notify: ClientConfig["notify"];
}

/** On a terminal with a line editor, members who join or leave in numbers share a line. A pipe gets every entry. */
export class ChatView implements AsyncDisposable {
  readonly #deps: ChatViewDeps;
  readonly #clock: Clock;
  readonly #presence = new PresenceBatcher();
  readonly #history = new HistoryBlock();
  readonly #linkTimer: ReturnType<typeof setInterval>;
  #presenceTimer: ReturnType<typeof setTimeout> | undefined;
  #unackedTimer: ReturnType<typeof setTimeout> | undefined;
  #dialTimer: ReturnType<typeof setTimeout> | undefined;
  #isUnackedShown = false;
  /** Messages that came while the user did not see the window. */
  #unreadCount = 0;

  constructor(deps: ChatViewDeps, clock: Clock) {
    this.#deps = deps;
    this.#clock = clock;
    this.#linkTimer = setInterval(() => this.#showLink(), LINK_CHECK_MS);
    deps.terminal.onFocus = () => {
      if (this.#unreadCount === 0) return;
      this.#unreadCount = 0;
      this.#showTitle();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#linkTimer);
    clearTimeout(this.#unackedTimer);
    clearTimeout(this.#dialTimer);
    await this.flushPresence();
  }

  /** Tells of a dial that takes long, until the next {@linkcode updateStatus}. */
  onDial(server: Address): void {
    const { terminal, t } = this.#deps;
    if (!terminal.hasLineEditor) return;
    clearTimeout(this.#dialTimer);
    const text = t("client.connecting", { server: formatAddress(server) });
    this.#dialTimer = setTimeout(() => terminal.print(text), SHOW_DIAL_MS);
  }

  async showEntries(delivered: readonly DeliveredEntry[]): Promise<void> {
    const { terminal, renderer, ignored, state } = this.#deps;
    if (delivered.some(({ entry }) => entry.type === "renamed")) this.#showLink(); // it may be the reader
    // A pipe gets each entry when it comes.
    const due = terminal.hasLineEditor ? this.#history.take(delivered, state) : delivered;
    const entries = due.filter(({ entry }) => !ignored.hides(entry));
    this.#notify(entries);
    const lines = entries.flatMap((delivered) => {
      renderer.follow(delivered.entry);
      return this.#holdBack(delivered.entry) ? [] : this.#linesOf(delivered);
    });
    this.#showTitle();
    await terminal.print(...lines);
  }

  #linesOf({ entry, delivery }: DeliveredEntry): string[] {
    const { renderer, reader } = this.#deps;
    const precedesRun = delivery === "history";
    const options = { isHistory: isHistory({ entry, delivery }), precedesRun, reader };
    // A member must be shown joining before they speak, and before they are shown renamed or kicked.
    const isDue = entry.type === "said"
      ? this.#presence.holds(entry)
      : entry.type === "renamed" || entry.type === "left";
    const batches = isDue ? this.#takePresenceBatches() : [];
    const rule = this.#countUnread({ entry, delivery }) === 1 ? renderer.unreadRule() : [];
    return [...batches, ...rule, ...renderer.dateSeparator(entry.timeMs), renderer.entry(entry, options)];
  }

  /** Returns how many messages are unread, if this is one of them. */
  #countUnread({ entry, delivery }: DeliveredEntry): number | undefined {
    const { terminal, reader } = this.#deps;
    const isMessage = entry.type === "announced" ||
      (entry.type === "said" && entry.sessionId !== reader.sessionId);
    if (!isMessage || delivery === "history" || terminal.hasFocus) return undefined;
    return ++this.#unreadCount;
  }

  /** One notification for all, of the last message that is for the reader. */
  #notify(entries: readonly DeliveredEntry[]): void {
    const { terminal, notify } = this.#deps;
    const entry = entries.findLast((delivered) => this.#mentionsReader(delivered))?.entry;
    if (entry?.type !== "said" || notify === "off") return;
    if (notify === "bell") return terminal.bell();
    terminal.notify(
      truncate(`${printableNick(entry.nick)}: ${printable(entry.text)}`, MAX_NOTIFICATION_CHARS),
    );
  }

  #mentionsReader(delivered: DeliveredEntry): boolean {
    const { reader } = this.#deps;
    const { entry } = delivered;
    if (entry.type !== "said" || entry.sessionId === reader.sessionId || isHistory(delivered)) return false;
    return entry.to !== undefined || isMentioned(entry.text, reader.nick);
  }

  async flushPresence(): Promise<void> {
    await this.#deps.terminal.print(...this.#takePresenceBatches());
  }

  #takePresenceBatches(): string[] {
    const { renderer } = this.#deps;
    clearTimeout(this.#presenceTimer);
    return this.#presence.take().flatMap((batch) => [
      ...renderer.dateSeparator(batch.at(-1)!.timeMs),
      renderer.presenceBatch(batch),
    ]);
  }

  /** To be called when the link or the unacked messages have changed. */
  updateStatus(): void {
    const { terminal, session } = this.#deps;
    clearTimeout(this.#dialTimer);
    this.#showLink();
    if (session.unacked.length === 0) {
      clearTimeout(this.#unackedTimer);
      this.#unackedTimer = undefined;
      this.#isUnackedShown = false;
      return terminal.setStatus([]);
    }
    if (this.#isUnackedShown) return terminal.setStatus(this.#unackedLines(session.unacked));
    this.#unackedTimer ??= setTimeout(() => {
      this.#isUnackedShown = true;
      terminal.setStatus(this.#unackedLines(session.unacked));
    }, SHOW_UNACKED_MS);
  }

  /** Adds an entry to its batch. False if it gets a line of its own now instead. */
  #holdBack(entry: RoomEvent): boolean {
    if (!isBatchable(entry) || !this.#deps.terminal.hasLineEditor) return false;
    const { monotonicMs } = this.#clock();
    if (this.#presence.shouldShowNow(entry, monotonicMs)) return false;
    clearTimeout(this.#presenceTimer);
    this.#presenceTimer = setTimeout(() => this.flushPresence(), this.#presence.dueMs! - monotonicMs);
    return true;
  }

  #showLink(): void {
    const { terminal, session: { idleMs, unacked }, t } = this.#deps;
    this.#showTitle();
    const isLagging = idleMs !== undefined && idleMs >= LINK_LAGGING_MS;
    const state = idleMs === undefined ? "link.offline" : isLagging ? "link.lagging" : undefined;
    if (!state) return terminal.setPrompt(this.prompt);
    const count = unacked.length > 0 ? ` · ${t("link.unacked", { count: unacked.length })}` : "";
    terminal.setPrompt(`(${t(state)}${count}) ${this.prompt}`);
  }

  #showTitle(): void {
    const { terminal, reader: { nick } } = this.#deps;
    const count = this.#unreadCount > 0 ? `(${this.#unreadCount}) ` : "";
    if (nick !== "") terminal.setTitle(`${count}chat · ${printableNick(nick)}`);
  }

  /** What stands before the line that is typed. Without a nick before the first join. */
  get prompt(): string {
    const { nick } = this.#deps.reader;
    return nick === "" ? "> " : `${printableNick(nick)}> `;
  }

  #unackedLines(unacked: readonly MessageBody[]): string[] {
    const lines = unacked.slice(0, MAX_UNACKED_LINES).map(({ text, to }) => {
      const message = to ? `${PREFIXES.private} ${to.nick}: ${text}` : text;
      return `${PREFIXES.unacked} ${truncate(message, MAX_UNACKED_CHARS)}`;
    });
    const count = unacked.length - lines.length;
    return count > 0 ? [...lines, this.#deps.t("client.more-unacked", { count })] : lines;
  }
}

/** A redelivered message comes from the room that the reader was in, not from this server's history. */
function isHistory({ entry, delivery }: DeliveredEntry): boolean {
  const isPast = delivery === "backfill" && !(entry.type === "said" && entry.redelivered);
  return isPast || delivery === "history";
}

function isBatchable(entry: RoomEvent): entry is Presence {
  return entry.type === "joined" || (entry.type === "left" && !entry.kicked);
}

/** So many presence events within {@linkcode BATCH_WINDOW_MS} are shown one by one. */
export const MAX_UNBATCHED = 3;
export const BATCH_WINDOW_MS = 2_000;
/** A batch is due this long after its last event. */
export const DEBOUNCE_MS = 500;
/** A batch is due this long after its first event at the latest. */
export const MAX_BATCH_DELAY_MS = 2_000;

/** Holds back members who join or leave in numbers: one line each would bury the conversation. Times are monotonic, in
 * ms. */
export class PresenceBatcher {
  #shownAtMs: number[] = [];
  #queued: Presence[] = [];
  #queuedSinceMs = 0;
  /** When {@linkcode take} is due. */
  dueMs: number | undefined;

  /** Whether to show an event at once. If so, counts it; otherwise queues it for {@linkcode take}. */
  shouldShowNow(presence: Presence, nowMs: number): boolean {
    this.#shownAtMs = this.#shownAtMs.filter((ms) => nowMs - ms < BATCH_WINDOW_MS);
    if (this.#queued.length === 0 && this.#shownAtMs.length < MAX_UNBATCHED) {
      this.#shownAtMs.push(nowMs);
      return true;
    }
    if (this.#queued.length === 0) this.#queuedSinceMs = nowMs;
    this.#queued.push(presence);
    this.dueMs = Math.min(nowMs + DEBOUNCE_MS, this.#queuedSinceMs + MAX_BATCH_DELAY_MS);
    return false;
  }

  /** Whether an event of this member is queued. */
  holds({ sessionId }: Pick<Presence, "sessionId">): boolean {
    return this.#queued.some((presence) => presence.sessionId === sessionId);
  }

  /** Empties the queue: one batch for each kind of event, arrivals first. A nick that comes after it has gone begins new
   * batches, so that those of each nick stay in order. */
  take(): Presence[][] {
    this.dueMs = undefined;
    const runs: Presence[][] = [[]];
    const gone = new Set<string>();
    for (const presence of this.#queued.splice(0)) {
      if (presence.type === "left") gone.add(presence.nick);
      else if (gone.has(presence.nick)) {
        runs.push([]);
        gone.clear();
      }
      runs.at(-1)!.push(presence);
    }
    return runs.flatMap((run) => [...Map.groupBy(run.toSorted(arrivalsFirst), kindOf).values()]);
  }
}

function arrivalsFirst(one: Presence, other: Presence): number {
  return Number(one.type === "left") - Number(other.type === "left");
}

function kindOf(presence: Presence): string {
  return presence.type === "joined" ? `joined ${presence.rejoined}` : `left ${presence.connectionLost}`;
}
