// What tests of all kinds share: a time limit, addresses of this machine, and the time.

import type { Address } from "../lib/net/address.ts";
import type { Clock } from "../lib/base/time.ts";

export const LOOPBACK = "127.0.0.1";
/** A name that no resolver knows, and none is asked for: a label has 63 characters at most. */
export const UNKNOWN_NAME = `${"x".repeat(64)}.invalid`;
/** Longest wait for anything, in ms: a test that needs it has failed, also on a machine that is busy. */
const TEST_TIMEOUT_MS = 10_000;

/** What a promise gives, unless it takes forever. */
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

/** Waits until something is so.
 * @throws {Error} if it is not for too long */
export async function waitFor(condition: () => boolean, what = `${condition}`): Promise<void> {
  for (const endMs = performance.now() + TEST_TIMEOUT_MS; !condition();) {
    if (performance.now() > endMs) throw new Error(`Still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function flushMacrotasks(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** An address of this machine where nobody listens. */
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

  /** What people see, as `2026-11-22 13:45:07`, local time. */
  constructor(time = "2026-11-22 13:45:07") {
    this.#wallMs = msOf(time);
  }

  set(time: string): void {
    this.#wallMs = msOf(time);
  }

  /** The time that heartbeats and the like go by is this from now on; before, it is the machine's. */
  advanceTo(monotonicMs: number): void {
    this.#monotonicMs = monotonicMs;
  }

  readonly now: Clock = () => ({ wallMs: this.#wallMs, monotonicMs: this.#monotonicMs ?? performance.now() });
}

/** A local time as `2026-11-22 13:45:07` in ms since 1970 UTC. */
export function msOf(time: string): number {
  return new Date(time).getTime();
}
