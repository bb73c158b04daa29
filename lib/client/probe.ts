// Asks a server whether it lives, without joining it: PROBE and STATUS.

import { FrameDecoder } from "../codec.ts";
import { ConnectError, ProtocolError } from "../errors.ts";
import { Deadline } from "../base/time.ts";
import type { Address } from "../net/address.ts";
import { timedOut } from "../net/tcp.ts";
import type { Socket } from "../net/tls_socket.ts";
import { decodeServer, encodeClient, MAX_SERVER_FRAME_BYTES } from "../protocol/frames.ts";
import type { ProbeAnswer } from "./failover.ts";
import { recoveryFor } from "./recovery.ts";
import type { ProbeOptions } from "./prober.ts";
import type { SessionDeps } from "./session.ts";

/** For the whole probe, the name included, in ms. */
const MAX_PROBE_MS = 5_000;
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
      await answerOn(await dial(server, { ...options, signal }), { answerTimeoutMs, signal });
    const answer = await ask();
    // Like a redial: a connection that breaks says nothing of the server (found by the simulator).
    const second = answer === "cut" && !signal.aborted ? await ask() : answer;
    return second === "cut" ? undefined : second;
  } catch (error) {
    // A server that shows a certificate lives, though the client does not trust it.
    const isAlive = error instanceof ConnectError && recoveryFor(error).serverStatus === "alive";
    return isAlive && !(error.cause instanceof ProtocolError) ? {} : undefined;
  }
}

/** "cut" if the connection ends without an answer. Closes the socket.
 * @throws {ProtocolError} */
async function answerOn(
  socket: Socket,
  { answerTimeoutMs, signal }: { answerTimeoutMs: number; signal: AbortSignal },
): Promise<ProbeAnswer | "cut" | undefined> {
  let isClosed = false;
  const close = () => {
    if (!isClosed) socket.close();
    isClosed = true;
  };
  const timer = setTimeout(close, answerTimeoutMs);
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted) return undefined;
    await socket.write(PROBE); // so short that the first write takes it whole
    const decoder = new FrameDecoder({ maxFrameBytes: MAX_SERVER_FRAME_BYTES });
    for (;;) {
      const count = await socket.read(decoder.reserve());
      if (count === null) return isClosed ? undefined : "cut";
      decoder.commit(count);
      const frame = decoder.next();
      if (!frame) continue;
      const answer = decodeServer(frame);
      return answer.type === "status" ? answer : {};
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    return isClosed ? undefined : "cut";
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
    close();
  }
}
