// Asks a server whether it lives, without joining it: PROBE and STATUS.

import { ConnectError, ProtocolError } from "../errors.ts";
import { Deadline } from "../base/time.ts";
import type { Address } from "../net/address.ts";
import { exchange } from "../net/exchange.ts";
import { timedOut } from "../net/tcp.ts";
import { decodeServer, encodeClient, MAX_SERVER_FRAME_BYTES } from "../protocol/frames.ts";
import type { ProbeAnswer } from "./failover.ts";
import { recoveryFor } from "./recovery.ts";
import type { ProbeOptions } from "./prober.ts";
import type { SessionDeps } from "./session.ts";

/** For the whole probe, the name included, in ms. */
const MAX_PROBE_MS = 5_000;
const maxFrameBytes = MAX_SERVER_FRAME_BYTES;
const PROBE = encodeClient({ type: "probe" });

/** Undefined if the server does not answer: a connection alone proves nothing, a stopped process has them too. Without
 * `logId` it lives, and is an older one, or refuses this client for now. */
export async function probe(
  server: Address,
  options: ProbeOptions,
  dial: SessionDeps["dial"],
): Promise<ProbeAnswer | undefined> {
  const { answerTimeoutMs, signal: outer } = options;
  using deadline = new Deadline(MAX_PROBE_MS, { error: timedOut(server, MAX_PROBE_MS), outer });
  const { signal } = deadline;
  if (outer.aborted) return undefined;
  try {
    const ask = async () =>
      await exchange(await dial(server, { ...options, signal }), PROBE, {
        answerTimeoutMs,
        signal,
        maxFrameBytes,
      });
    const frame = await ask();
    // Like a redial: a connection that breaks says nothing of the server (found by the simulator).
    const second = frame === "cut" && !signal.aborted ? await ask() : frame;
    if (second === "cut" || !second) return undefined;
    const answer = decodeServer(second);
    return answer.type === "status" ? answer : {};
  } catch (error) {
    // A server that shows a certificate lives, though the client does not trust it.
    if (error instanceof ConnectError && error.code === "refused") options.onDown?.();
    const isAlive = error instanceof ConnectError && recoveryFor(error).serverStatus === "alive";
    return isAlive && !(error.cause instanceof ProtocolError) ? {} : undefined;
  }
}
