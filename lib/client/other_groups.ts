// Members of the room on other servers: when a server comes back, part of its room may have gone to a backup. A user in
// the smaller part is told, and can follow.

import { delay } from "../base/time.ts";
import type { Message, Translate } from "../i18n/translate.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Prober } from "./prober.ts";

interface OtherGroupsParts {
  readonly prober: Pick<Prober, "probe" | "reset">;
  readonly t: Translate;
  readonly notify: (message: Message) => Promise<void>;
  /** As in `FailoverConfig`. */
  readonly settleMs: number;
}

interface Here {
  /** Members on this server, the user among them. */
  readonly memberCount: () => number;
  readonly isRejoin: boolean;
  /** Aborted when the client loses this server. */
  readonly signal: AbortSignal;
}

/** Tells the user of the first of these servers that has more members than this one. For a user who is alone it is looked
 * for at once, and for all after a rejoin once the room has settled. */
export async function tellOfLargerGroup(
  servers: readonly Address[],
  { memberCount, isRejoin, signal }: Here,
  { prober, t, notify, settleMs }: OtherGroupsParts,
): Promise<void> {
  const isAlone = () => memberCount() === 1;
  const tell = async () => {
    const answers = await Promise.all(servers.map((server) => prober.probe(server, { signal })));
    const leastCount = isAlone() ? 1 : memberCount() + 1;
    const index = answers.findIndex((answer) => (answer?.heardCount ?? 0) >= leastCount);
    if (index < 0 || signal.aborted || !(isRejoin || isAlone())) return false;
    const values = { server: formatAddress(servers[index]!), count: answers[index]!.heardCount! };
    const text = t(isAlone() ? "client.others-elsewhere" : "client.more-elsewhere", values);
    await notify({ ...t.message("client.others-elsewhere", values), text });
    return true;
  };
  if (isAlone() && await tell() || !isRejoin) return;
  await delay(settleMs, signal);
  if (signal.aborted) return;
  prober.reset(); // what they answered is old
  await tell();
}
