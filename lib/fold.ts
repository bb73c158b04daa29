// What an entry of the log does to who is in. The same entries in the same order make the same members, wherever
// and whenever they are read: nothing else may decide, no clock and no connection.

import type { Members } from "./members.ts";
import {
  type BackupsChanged,
  type Joined,
  type Left,
  MAX_BACKUPS,
  type ProposedEvent,
  type Renamed,
  type Said,
  type Unnumbered,
} from "./protocol.ts";

/** Has an entry happen to those who are in. Returns it as everybody is to read it, or undefined if it comes to
 * nothing: the same message a second time, one without words, a nick that somebody else has by now. */
export function fold(members: Members, entry: ProposedEvent): Unnumbered | undefined {
  switch (entry.type) {
    case "said":
      return applySaid(members, entry);
    case "joined":
      return applyJoined(members, entry);
    case "left":
      return foldLeft(members, entry);
    case "renamed":
      return foldRenamed(members, entry);
    case "announced":
      return entry;
    case "backups":
      return foldBackups(members, entry);
  }
}

/** Entries that make the same members of none: few, whatever has happened. */
export function* unfold(members: Members): Generator<ProposedEvent> {
  for (const { session, nick, address, sinceMs, accepted, home } of members) {
    if (accepted > 0) yield tombstone(session, accepted);
    const joined = { type: "joined", timeMs: sinceMs, session, back: false, nick, address } as const;
    yield home === undefined ? joined : { ...joined, home };
  }
  for (const [session, accepted] of members.gone) yield tombstone(session, accepted);
  const { named, serving } = members;
  if (named.length > 0) yield { type: "backups", timeMs: 0, backups: named };
  if (serving) yield { type: "backups", timeMs: 0, ...serving };
}

/** Where to go when a server falls: first those that serve the same room, beginning with the one at `first`, then `own`
 * and what people have named, which stays when there are too many. */
export function backupOrder(
  { named, serving }: Members,
  { own = [], first = 0 }: { own?: readonly string[]; first?: number } = {},
): readonly string[] {
  const servers = serving?.backups ?? [];
  const others = firstBackup([...own, ...named]).filter((backup) => !servers.includes(backup));
  const room = servers.slice(0, MAX_BACKUPS - others.length);
  return [...room.slice(first), ...room.slice(0, first), ...others];
}

/** What is left of a message that nobody is to read any more: that it was said. */
export function tombstone(session: bigint, n: number): Unnumbered<Said> {
  return { type: "said", timeMs: 0, session, n, late: false, nick: "", text: "" };
}

type Homed<Entry extends Joined | Left | BackupsChanged> = Unnumbered<Entry> & Pick<ProposedEvent, "home">;

/** By the name that they have now: when they spoke, another may have been on its way. */
function applySaid(members: Members, entry: Unnumbered<Said>): Unnumbered<Said> | undefined {
  const member = members.get(entry.session);
  if (!members.accept(entry.session, entry.n) || entry.text === "") return undefined;
  return !member || member.nick === entry.nick ? entry : { ...entry, nick: member.nick };
}

/** Whoever was in already has moved, to another connection or another server: nobody need be told. */
function applyJoined(members: Members, entry: Homed<Joined>): Unnumbered<Joined> | undefined {
  const { home, ...joined } = entry;
  const { session, nick, address, timeMs } = joined;
  const member = members.get(session);
  if (member) Object.assign(member, { address, home });
  if (member || members.rival(nick, session)) return undefined;
  members.add({ session, nick, address, sinceMs: timeMs, home });
  return joined;
}

function foldLeft(members: Members, entry: Homed<Left>): Unnumbered<Left> | undefined {
  const { home, ...left } = entry;
  const member = members.get(left.session);
  if (!member || (home !== undefined && home !== member.home)) return undefined;
  members.remove(member);
  return { ...left, nick: member.nick };
}

function foldRenamed(members: Members, entry: Unnumbered<Renamed>): Unnumbered<Renamed> | undefined {
  const { session, nick } = entry;
  const member = members.get(session);
  if (!member || member.nick === nick || members.rival(nick, session)) return undefined;
  const before = member.nick;
  members.rename(member, nick);
  return { ...entry, before };
}

/** What people have named stays; servers that serve the room come and go. */
function foldBackups(
  members: Members,
  { home, ...entry }: Homed<BackupsChanged>,
): Unnumbered<BackupsChanged> | undefined {
  const { backups } = entry;
  if (home === undefined) {
    members.named = firstBackup(withoutRemoved([...members.named, ...backups], backups));
  } else if (isSameSet(backups, members.serving?.backups ?? [])) return undefined;
  else members.serving = { backups, home };
  return { ...entry, backups: backupOrder(members) };
}

/** What is left of some backups when servers are withdrawn, which stand behind a `-` among what is named: no host
 * begins with one. */
export function withoutRemoved(backups: readonly string[], entry: readonly string[]): readonly string[] {
  const withdrawn = new Set(entry.map((backup) => backup.toLowerCase()));
  const isLeft = (backup: string) =>
    !backup.startsWith("-") && !withdrawn.has(`-${backup.split("#", 1)[0]!.toLowerCase()}`);
  return backups.filter(isLeft);
}

function firstBackup(backups: readonly string[]): readonly string[] {
  return [...new Set(backups)].slice(0, MAX_BACKUPS);
}

/** Whether two lists name the same servers, in whatever order. */
export function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((backup) => others.includes(backup));
}
