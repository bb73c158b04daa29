// What an entry of the log does to who is in. The same entries in the same order make the same members, wherever
// and whenever they are read: nothing else may decide, no clock and no connection.

import type { Members } from "./state.ts";
import {
  type BackupsChanged,
  type Joined,
  type Left,
  MAX_BACKUPS,
  type ProposedEvent,
  type Renamed,
  type Said,
  type Uncommitted,
} from "../protocol/frames.ts";

/** Has an entry happen to those who are in. Returns it as everybody is to read it, or undefined if it comes to
 * nothing: the same message a second time, one without words, a nick that somebody else has by now. */
export function applyEvent(members: Members, entry: ProposedEvent): Uncommitted | undefined {
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
export function* snapshotOf(members: Members): Generator<ProposedEvent> {
  for (const { sessionId, nick, address, sinceMs, lastClientSeq, nodeId } of members) {
    if (lastClientSeq > 0) yield tombstone(sessionId, lastClientSeq);
    const joined = { type: "joined", timeMs: sinceMs, sessionId, rejoined: false, nick, address } as const;
    yield nodeId === undefined ? joined : { ...joined, nodeId };
  }
  for (const [sessionId, lastClientSeq] of members.departed) yield tombstone(sessionId, lastClientSeq);
  const { configuredBackups, clusterServers } = members;
  if (configuredBackups.length > 0) yield { type: "backups", timeMs: 0, backups: configuredBackups };
  if (clusterServers) yield { type: "backups", timeMs: 0, ...clusterServers };
}

/** Where to go when a server falls: first those that serve the same room, beginning with the one at `first`, then `own`
 * and what people have named, which stays when there are too many. */
export function backupOrder(
  { configuredBackups, clusterServers }: Members,
  { own = [], first = 0 }: { own?: readonly string[]; first?: number } = {},
): readonly string[] {
  const servers = clusterServers?.backups ?? [];
  const others = firstBackup([...own, ...configuredBackups]).filter((backup) => !servers.includes(backup));
  const room = servers.slice(0, MAX_BACKUPS - others.length);
  return [...room.slice(first), ...room.slice(0, first), ...others];
}

/** What is left of a message that nobody is to read any more: that it was said. */
export function tombstone(sessionId: bigint, clientSeq: number): Uncommitted<Said> {
  return { type: "said", timeMs: 0, sessionId, clientSeq, redelivered: false, nick: "", text: "" };
}

type WithNodeId<Entry extends Joined | Left | BackupsChanged> =
  & Uncommitted<Entry>
  & Pick<ProposedEvent, "nodeId">;

/** By the name that they have now: when they spoke, another may have been on its way. */
function applySaid(members: Members, entry: Uncommitted<Said>): Uncommitted<Said> | undefined {
  const member = members.get(entry.sessionId);
  if (!members.recordClientSeq(entry.sessionId, entry.clientSeq) || entry.text === "") return undefined;
  return !member || member.nick === entry.nick ? entry : { ...entry, nick: member.nick };
}

/** Whoever was in already has moved, to another connection or another server: nobody need be told. */
function applyJoined(members: Members, entry: WithNodeId<Joined>): Uncommitted<Joined> | undefined {
  const { nodeId, ...joined } = entry;
  const { sessionId, nick, address, timeMs } = joined;
  const member = members.get(sessionId);
  if (member) Object.assign(member, { address, nodeId });
  if (member || members.nickConflict(nick, sessionId)) return undefined;
  members.add({ sessionId, nick, address, sinceMs: timeMs, nodeId });
  return joined;
}

function foldLeft(members: Members, entry: WithNodeId<Left>): Uncommitted<Left> | undefined {
  const { nodeId, ...left } = entry;
  const member = members.get(left.sessionId);
  if (!member || (nodeId !== undefined && nodeId !== member.nodeId)) return undefined;
  members.remove(member);
  return { ...left, nick: member.nick };
}

function foldRenamed(members: Members, entry: Uncommitted<Renamed>): Uncommitted<Renamed> | undefined {
  const { sessionId, nick } = entry;
  const member = members.get(sessionId);
  if (!member || member.nick === nick || members.nickConflict(nick, sessionId)) return undefined;
  const oldNick = member.nick;
  members.rename(member, nick);
  return { ...entry, oldNick };
}

/** What people have named stays; servers that serve the room come and go. */
function foldBackups(
  members: Members,
  { nodeId, ...entry }: WithNodeId<BackupsChanged>,
): Uncommitted<BackupsChanged> | undefined {
  const { backups } = entry;
  if (nodeId === undefined) {
    members.configuredBackups = firstBackup(
      withoutRemoved([...members.configuredBackups, ...backups], backups),
    );
  } else if (isSameSet(backups, members.clusterServers?.backups ?? [])) return undefined;
  else members.clusterServers = { backups, nodeId };
  return { ...entry, backups: backupOrder(members) };
}

/** What is left of some backups when servers are withdrawn, which stand behind a `-` among what is named: no host
 * begins with one. */
export function withoutRemoved(backups: readonly string[], entry: readonly string[]): readonly string[] {
  const removed = new Set(entry.map((backup) => backup.toLowerCase()));
  const isLeft = (backup: string) =>
    !backup.startsWith("-") && !removed.has(`-${backup.split("#", 1)[0]!.toLowerCase()}`);
  return backups.filter(isLeft);
}

function firstBackup(backups: readonly string[]): readonly string[] {
  return [...new Set(backups)].slice(0, MAX_BACKUPS);
}

/** Whether two lists name the same servers, in whatever order. */
export function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((backup) => others.includes(backup));
}
