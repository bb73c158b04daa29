// Own private messages that the recipient may not have read: the recipient is not in the room, or was lost or replaced.

import type { Message, Translate } from "../i18n/translate.ts";
import { PING_TIMEOUT_MS } from "../net/heartbeat.ts";
import { RETAIN_ACKED_MS, type RoomEvent, type Said, type Say } from "../protocol/frames.ts";
import { printableNick } from "../text/nick.ts";
import { truncate } from "../text/text.ts";
import type { MemberList } from "./member_list.ts";

const MAX_TEXT_CHARS = 40;
/** Longest time from the last sign of life of a lost member to its LEFT, in ms: silence, the resume grace of 3 s, and 1 s
 * for timers. A member that was heard after a message has most likely read it. */
const MAX_UNHEARD_MS = PING_TIMEOUT_MS + 4_000;

type PrivateSaid = Said & Required<Pick<Said, "to">>;

/** A message is for a session. Another session with the same nick may belong to another person, and gets nothing of it:
 * the user decides whether to repeat it. */
export class PrivateReceipts {
  readonly #sessionId: bigint;
  readonly #members: MemberList;
  readonly #t: Translate;
  /** Messages to members, of the last {@linkcode RETAIN_ACKED_MS}. */
  #sent: readonly PrivateSaid[] = [];
  /** Those whose time is that of this server, which has heard its members since. One that was sent again keeps its first
   * time, and before the last WELCOME the server may have been away. */
  #timed = new WeakSet<PrivateSaid>();
  /** By the session that each message was for. */
  #notices: { readonly sessionId: bigint; readonly message: Message }[] = [];
  #logId: bigint | undefined;

  constructor(sessionId: bigint, members: MemberList, t: Translate) {
    this.#sessionId = sessionId;
    this.#members = members;
    this.#t = t;
  }

  /** To be called after each WELCOME, when the member list is replaced. `resent`: what the server lacked. */
  onWelcome({ logId }: { logId: bigint }, resent: readonly Say[]): void {
    // The room that the client was in has its messages already, and the same recipients.
    if (logId !== this.#logId) {
      this.#sent = this.#sent.filter((said) => resent.some(({ clientSeq }) => clientSeq === said.clientSeq));
    }
    this.#logId = logId;
    this.#timed = new WeakSet();
    this.#tellReplaced();
  }

  /** To be called with each entry, when the member list has taken it. */
  onEntry(entry: RoomEvent): void {
    this.#sent = this.#sent.filter(({ timeMs }) => timeMs >= entry.timeMs - RETAIN_ACKED_MS);
    if (entry.type === "joined") {
      // A session that is back reads what it has missed.
      this.#notices = this.#notices.filter(({ sessionId }) => sessionId !== entry.sessionId);
      this.#tellReplaced();
    } else if (entry.type === "left") {
      const isOf = ({ to }: PrivateSaid) => to.sessionId === entry.sessionId;
      const last = this.#sent.findLast(isOf);
      this.#sent = this.#sent.filter((said) => !isOf(said));
      if (!last || !entry.connectionLost) return; // a client that says goodbye has read all before
      const wasHeard = this.#timed.has(last) && entry.timeMs - last.timeMs > MAX_UNHEARD_MS;
      if (!wasHeard) this.#tell(last);
    } else if (entry.type === "said" && entry.to && entry.sessionId === this.#sessionId) {
      const said = { ...entry, to: entry.to };
      if (!said.redelivered) this.#timed.add(said);
      if (this.#members.has(said.to.sessionId)) this.#sent = [...this.#sent, said];
      else this.#tell(said);
    }
  }

  /** What the user must be told since the last call. */
  take(): Message[] {
    return this.#notices.splice(0).map(({ message }) => message);
  }

  /** Tells of the last message to each session whose nick another one has now, and forgets the messages to it. */
  #tellReplaced(): void {
    const isReplaced = ({ to }: PrivateSaid) =>
      !this.#members.has(to.sessionId) && this.#members.find(to.nick);
    const last = new Map(this.#sent.filter(isReplaced).map((said) => [said.to.sessionId, said]));
    this.#sent = this.#sent.filter((said) => !isReplaced(said));
    for (const said of last.values()) this.#tell(said);
  }

  #tell({ to: { nick, sessionId }, text }: PrivateSaid): void {
    const key = this.#members.find(nick) ? "client.private-other" : "client.private-unread";
    const values = { nick: printableNick(nick), text: truncate(text, MAX_TEXT_CHARS) };
    this.#notices.push({ sessionId, message: this.#t.message(key, values) });
  }
}
