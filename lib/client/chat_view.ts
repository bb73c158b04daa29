// What a client shows by itself: the entries that it reads, crowds folded together; above the line that is being
// typed what no server has confirmed, before it how the link is. A pipe gets every entry as it comes, and no more.

import type { Clock } from "../base/time.ts";
import { PING_MS } from "../net/heartbeat.ts";
import type { Translate } from "../i18n/translate.ts";
import { PresenceBatcher } from "./presence_folder.ts";
import type { MessageBody, RoomEvent } from "../protocol/frames.ts";
import { isMentioned, PREFIXES, type Presence, type Renderer } from "../render/renderer.ts";
import type { DeliveredEntry, Session } from "./session.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { truncate } from "../text/text.ts";

/** What stands before a line while all is well. */
export const PROMPT = "> ";
/** How long a message may wait for its receipt before it is shown as pending, in ms. */
const SHOW_UNACKED_MS = 300;
const MAX_UNACKED_LINES = 3;
const MAX_PENDING_CHARS = 60;
/** How long a server may be silent that is asked for a sign of life every {@linkcode PING_MS}, in ms. */
export const LINK_LAGGING_MS = PING_MS + 2_000;
/** How often to look whether it is, in ms. */
const LINK_CHECK_MS = 1_000;

/** What a chat's screen needs. */
interface ChatViewOptions {
  readonly terminal: Terminal;
  readonly renderer: Renderer;
  readonly t: Translate;
  readonly clock: Clock;
  readonly session: Pick<Session, "unacked" | "idleMs">;
  /** Who looks at it, as the others know them. */
  readonly reader: () => { readonly sessionId: bigint; readonly nick: string };
}

/** Shows a chat as it goes. */
export class ChatView implements AsyncDisposable {
  readonly #options: ChatViewOptions;
  readonly #presence = new PresenceBatcher();
  readonly #linkTimer: ReturnType<typeof setInterval>;
  #folderTimer: ReturnType<typeof setTimeout> | undefined;
  #pendingTimer: ReturnType<typeof setTimeout> | undefined;
  #isUnackedShown = false;

  constructor(options: ChatViewOptions) {
    this.#options = options;
    this.#linkTimer = setInterval(() => this.#showLink(), LINK_CHECK_MS);
  }

  /** Stops, once what was held back is shown. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#linkTimer);
    clearTimeout(this.#pendingTimer);
    await this.flushPresence();
  }

  /** Prints what was read. */
  async showEntries(entries: readonly DeliveredEntry[]): Promise<void> {
    const { terminal } = this.#options;
    if (entries.some((read) => this.#mentionsReader(read))) terminal.bell();
    await terminal.print(...entries.flatMap((read) => this.#isAlone(read.entry) ? this.#linesOf(read) : []));
  }

  #linesOf({ entry, delivery }: DeliveredEntry): string[] {
    const { renderer } = this.#options;
    const { sessionId, nick } = this.#options.reader();
    const isOwn = entry.type === "said" && entry.sessionId === sessionId;
    // What its sender brought from another server is of the reader's own room, not of the past of this one.
    const isPast = delivery === "backfill" && !(entry.type === "said" && entry.redelivered);
    const options = { isHistory: isPast || delivery === "history", reader: isOwn ? undefined : nick };
    // Whoever has another nick or is thrown out was seen to come before.
    const batches = entry.type === "renamed" || entry.type === "left" ? this.#takePresenceBatches() : [];
    return [...batches, ...renderer.dateSeparator(entry.timeMs), renderer.entry(entry, options)];
  }

  /** Whether somebody else says something that the reader should not miss. */
  #mentionsReader({ entry, delivery }: DeliveredEntry): boolean {
    const { sessionId, nick } = this.#options.reader();
    if (entry.type !== "said" || entry.sessionId === sessionId || delivery === "history") return false;
    return entry.to !== undefined || isMentioned(entry.text, nick);
  }

  /** Prints what was held back. */
  async flushPresence(): Promise<void> {
    await this.#options.terminal.print(...this.#takePresenceBatches());
  }

  #takePresenceBatches(): string[] {
    const { renderer } = this.#options;
    clearTimeout(this.#folderTimer);
    return this.#presence.take().flatMap((batch) => [
      ...renderer.dateSeparator(batch.at(-1)!.timeMs),
      renderer.presenceBatch(batch),
    ]);
  }

  /** Shows how things stand now with the link and with what waits for a server: that once it has waited long
   * enough to be noticed, and from then on as it changes. */
  setStatus(): void {
    const { terminal, session } = this.#options;
    this.#showLink();
    if (session.unacked.length === 0) {
      clearTimeout(this.#pendingTimer);
      this.#pendingTimer = undefined;
      this.#isUnackedShown = false;
      return terminal.setStatus([]);
    }
    if (this.#isUnackedShown) return terminal.setStatus(this.#unackedLines(session.unacked));
    this.#pendingTimer ??= setTimeout(() => {
      this.#pendingTimer = undefined;
      this.#isUnackedShown = true;
      terminal.setStatus(this.#unackedLines(session.unacked));
    }, SHOW_UNACKED_MS);
  }

  /** Whether an entry has a line of its own: on a screen, a crowd that comes or goes shares one. */
  #isAlone(entry: RoomEvent): boolean {
    const { terminal, clock } = this.#options;
    if (!isBatchable(entry) || !terminal.hasLineEditor) return true;
    const { monotonicMs } = clock();
    if (this.#presence.shouldShowNow(entry, monotonicMs)) return true;
    clearTimeout(this.#folderTimer);
    this.#folderTimer = setTimeout(() => this.flushPresence(), this.#presence.dueMs! - monotonicMs);
    return false;
  }

  #showLink(): void {
    const { terminal, session, t } = this.#options;
    const { idleMs } = session;
    const isSlow = idleMs !== undefined && idleMs >= LINK_LAGGING_MS;
    const state = idleMs === undefined ? "link.offline" : isSlow ? "link.lagging" : undefined;
    terminal.setPrompt(state ? `(${t(state)}) ${PROMPT}` : PROMPT);
  }

  #unackedLines(pending: readonly MessageBody[]): string[] {
    const lines = pending.slice(0, MAX_UNACKED_LINES).map(({ text, to }) => {
      const words = to ? `${PREFIXES.private} ${to.nick}: ${text}` : text;
      return `${PREFIXES.pending} ${truncate(words, MAX_PENDING_CHARS)}`;
    });
    const count = pending.length - lines.length;
    return count > 0 ? [...lines, this.#options.t("client.more-unacked", { count })] : lines;
  }
}

/** Whether an entry may share a line with others: not who was thrown out. */
function isBatchable(entry: RoomEvent): entry is Presence {
  return entry.type === "joined" || (entry.type === "left" && !entry.kicked);
}
