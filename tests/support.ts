// Helpers for all tests: a timeout, waiting, free addresses, and a clock that a test sets.

import type { Address } from "../lib/net/address.ts";
import type { Clock } from "../lib/base/time.ts";

export const LOOPBACK = "127.0.0.1";
/** A host name that no resolver is asked for: its label is longer than 63 characters. */
export const UNKNOWN_NAME = `${"x".repeat(64)}.invalid`;
/** Longest wait of a test, in ms, also on a busy machine. */
const TEST_TIMEOUT_MS = 10_000;

/** Awaits a promise for at most {@linkcode TEST_TIMEOUT_MS}. */
export async function withTimeout<Value>(
  promise: Promise<Value>,
  what: string | (() => string),
): Promise<Value> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`Still waiting for ${typeof what === "string" ? what : what()}`));
  }, TEST_TIMEOUT_MS);
  try {
    return await Promise.race([promise, never]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until the condition holds.
 * @throws {Error} after {@linkcode TEST_TIMEOUT_MS} */
export async function waitFor(condition: () => boolean, what = `${condition}`): Promise<void> {
  for (const endMs = performance.now() + TEST_TIMEOUT_MS; !condition();) {
    if (performance.now() > endMs) throw new Error(`Still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets the event loop run `turns` times. */
export async function flushMacrotasks(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** An address of this machine with a free port. */
export function freeAddress(): Address {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  return addressOf(listener);
}

/** Where a listener listens. */
export function addressOf({ addr: { hostname, port } }: Deno.TcpListener): Address {
  return { host: hostname, port };
}

/** A clock that a test sets. */
export class TestClock {
  #wallMs: number;
  #monotonicMs: number | undefined;

  /** `time` is the wall time: local, as `2026-11-22 13:45:07`. */
  constructor(time = "2026-11-22 13:45:07") {
    this.#wallMs = msOf(time);
  }

  set(time: string): void {
    this.#wallMs = msOf(time);
  }

  /** Sets the monotonic time, in ms. Until the first call it is the machine's. */
  advanceTo(monotonicMs: number): void {
    this.#monotonicMs = monotonicMs;
  }

  readonly now: Clock = () => ({ wallMs: this.#wallMs, monotonicMs: this.#monotonicMs ?? performance.now() });
}

/** A local time as `2026-11-22 13:45:07` in ms since 1970 UTC. */
export function msOf(time: string): number {
  return new Date(time).getTime();
}
