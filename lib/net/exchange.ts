// One frame to a server and the first one back: what a probe is made of.

import { type Frame, FrameDecoder } from "../codec.ts";
import { ProtocolError } from "../errors.ts";
import type { Socket } from "./tls_socket.ts";

interface ExchangeOptions {
  readonly maxFrameBytes: number;
  /** How long the answer may take, in ms. */
  readonly answerTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** Sends a request and closes the socket after the first frame. Returns it; "cut" if the connection ends without one,
 * undefined if the time is over or the signal is aborted.
 * @throws {ProtocolError} if the answer is no frame */
export async function exchange(
  socket: Socket,
  request: Uint8Array,
  { maxFrameBytes, answerTimeoutMs, signal }: ExchangeOptions,
): Promise<Frame | "cut" | undefined> {
  let isClosed = false;
  const close = () => {
    if (!isClosed) socket.close();
    isClosed = true;
  };
  const timer = setTimeout(close, answerTimeoutMs);
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted) return undefined;
    await socket.write(request); // so short that the first write takes it whole
    const decoder = new FrameDecoder({ maxFrameBytes });
    for (;;) {
      const count = await socket.read(decoder.reserve());
      if (count === null) return isClosed ? undefined : "cut";
      decoder.commit(count);
      const frame = decoder.next();
      if (frame) return frame;
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
