// What an entry of the log does to who is in. The same entries in the same order make the same members, wherever
// and whenever they are read: nothing else may decide, no clock and no connection.

import type { Members } from "./members.ts";
import type { Joined, Left, Proposal, Renamed, Said, Unnumbered } from "./protocol.ts";

/** Has an entry happen to those who are in. Returns it as everybody is to read it, or undefined if it comes to
 * nothing: the same message a second time, one without words, a nick that somebody else has by now. */
export function fold(members: Members, entry: Proposal): Unnumbered | undefined {
  switch (entry.type) {
    case "said":
      return foldSaid(members, entry);
    case "joined":
      return foldJoined(members, entry);
    case "left":
      return foldLeft(members, entry);
    case "renamed":
      return foldRenamed(members, entry);
    case "announced":
    case "backups":
      return entry;
  }
}

/** Entries that make the same members of none: few, whatever has happened. */
export function* unfold(members: Members): Generator<Proposal> {
  for (const { session, nick, address, sinceMs, accepted, home } of members) {
    if (accepted > 0) yield trace(session, accepted);
    const joined = { type: "joined", timeMs: sinceMs, session, back: false, nick, address } as const;
    yield home === undefined ? joined : { ...joined, home };
  }
  for (const [session, accepted] of members.gone) yield trace(session, accepted);
}

/** What is left of a message that nobody is to read any more: that it was said. */
export function trace(session: bigint, n: number): Unnumbered<Said> {
  return { type: "said", timeMs: 0, session, n, late: false, nick: "", text: "" };
}

type Homed<Entry extends Joined | Left> = Unnumbered<Entry> & Pick<Proposal, "home">;

/** By the name that they have now: when they spoke, another may have been on its way. */
function foldSaid(members: Members, entry: Unnumbered<Said>): Unnumbered<Said> | undefined {
  const member = members.get(entry.session);
  if (!members.accept(entry.session, entry.n) || entry.text === "") return undefined;
  return !member || member.nick === entry.nick ? entry : { ...entry, nick: member.nick };
}

/** Whoever was in already has moved, to another connection or another server: nobody need be told. */
function foldJoined(members: Members, entry: Homed<Joined>): Unnumbered<Joined> | undefined {
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
