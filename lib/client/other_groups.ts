// Members of the room on other servers: when a server comes back, part of its room may have gone to a backup. A user in
// the smaller part is told, and can follow.

import { delay } from "../base/time.ts";
import type { Address } from "../net/address.ts";
import type { Prober } from "./prober.ts";

/** By then, members who do not come back to a restarted server have left its room, in ms. */
const SETTLED_MS = 15_000;

interface Here {
  /** Members on this server, the user among them. */
  readonly memberCount: () => number;
  readonly isRejoin: boolean;
  readonly prober: Pick<Prober, "probe" | "reset">;
  /** Aborted when the client loses this server. */
  readonly signal: AbortSignal;
  readonly settledMs?: number;
}

/** The first of these servers that has more members than this one. A user who is alone learns of it at once, others after a
 * rejoin once their room has settled. */
export async function findLargerGroup(
  servers: readonly Address[],
  { memberCount, isRejoin, prober, signal, settledMs = SETTLED_MS }: Here,
): Promise<{ server: Address; count: number } | undefined> {
  const isAlone = () => memberCount() === 1;
  const leastCount = () => isAlone() ? 1 : memberCount() + 1;
  const search = async () => {
    const answers = await Promise.all(servers.map((server) => prober.probe(server, { signal })));
    const counts = answers.map((answer) => signal.aborted ? 0 : answer?.heardCount ?? 0);
    const index = counts.findIndex((count) => count >= leastCount());
    return index < 0 ? undefined : { server: servers[index]!, count: counts[index]! };
  };
  const found = isAlone() ? await search() : undefined;
  if (found && isAlone()) return found;
  if (!isRejoin) return undefined;
  await delay(settledMs, signal);
  if (signal.aborted) return undefined;
  prober.reset(); // what they answered is old
  return await search();
}
