// Clocks, timeouts, random ids and versions of the runtime.

export interface Instant {
  /** Time of day, in ms since 1970 UTC. For display and for what is stored. */
  readonly wallMs: number;
  /** In ms, from any start. For durations. */
  readonly monotonicMs: number;
}

export type Clock = () => Instant;

/** The end of the year 9999, in ms since 1970 UTC: later times have no date in four digits. */
const MAX_WALL_MS = 253_402_300_799_999;

/** Frames and files have no time before 1970, which a machine without a battery may show: it could not be read again. */
function clampWall(ms: number): number {
  return Math.min(Math.max(0, ms), MAX_WALL_MS);
}

/** A wall clock jump of more than this, in ms, counts as a sleep of the machine. */
const CLOCK_JUMP_MS = 1_000;

/** `performance.now()` stops during system sleep, but servers keep dying. So a jump of the wall clock over
 * {@linkcode CLOCK_JUMP_MS} is added to monotonic time. Setting the clock forward looks like a sleep and costs one
 * reconnect; setting it back has no effect. */
export function makeClock(wallMs: () => number, monotonicMs: () => number): Clock {
  let sleptMs = 0;
  let lastOffsetMs = clampWall(wallMs()) - monotonicMs();
  return () => {
    const instant = { wallMs: clampWall(wallMs()), monotonicMs: monotonicMs() };
    const offsetMs = instant.wallMs - instant.monotonicMs;
    if (offsetMs - lastOffsetMs > CLOCK_JUMP_MS) sleptMs += offsetMs - lastOffsetMs;
    lastOffsetMs = offsetMs;
    instant.monotonicMs += sleptMs;
    return instant;
  };
}

export const systemClock: Clock = makeClock(() => Date.now(), () => performance.now());

/** Does not count the machine's sleep. An entry of the log must never seem older than it is: the server would prune
 * it before clients that come from a failed server have read it. */
export function makeServerClock(wallMs: () => number, monotonicMs: () => number): Clock {
  return () => ({ wallMs: clampWall(wallMs()), monotonicMs: monotonicMs() });
}

export const serverClock: Clock = makeServerClock(() => Date.now(), () => performance.now());

/** Maps the times at which entries were stored, in ms since 1970 UTC, to the clocks of this process. `monotonicMs` never
 * decreases, though the wall clock may have been set back since. `isLive`: the entry was stored since this process reads.
 * Its age is how much later it was read than the one that was read soonest, so that no wall clock here that is hours ahead
 * makes it old. */
export function makeReplayClock(
  clock: Clock,
): (storedAtMs: number, options?: { isLive: boolean }) => Instant {
  let monotonicMs = -Infinity;
  let leastMs = Infinity;
  return (storedAtMs, { isLive } = { isLive: false }) => {
    const now = clock();
    const laterMs = now.monotonicMs - storedAtMs;
    if (isLive) leastMs = Math.min(leastMs, laterMs);
    const ageMs = isLive ? laterMs - leastMs : now.wallMs - storedAtMs;
    monotonicMs = Math.max(monotonicMs, now.monotonicMs - Math.max(0, ageMs));
    return { wallMs: storedAtMs, monotonicMs };
  };
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted) return Promise.resolve();
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  }, { once: true });
  return promise;
}

/** Waits for a promise, at most `ms`, and returns whether it was fulfilled. The promise is not cancelled.
 * @throws the promise's rejection, if it comes in time */
export async function withTimeout(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const done = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), delay(ms, done.signal).then(() => false)]);
  } finally {
    done.abort();
  }
}

/** Aborts its signal with `error` after `ms`, or when `outer` aborts, unless disposed of before. `AbortSignal.timeout`
 * cannot be disposed of. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #outer: AbortSignal;
  readonly #abort: () => void;

  constructor(ms: number, { error, outer }: { error: Error; outer: AbortSignal }) {
    this.#abort = () => this.#controller.abort(error);
    this.#timer = setTimeout(this.#abort, ms);
    this.#outer = outer;
    outer.addEventListener("abort", this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#abort);
  }
}

/** 64 random bits, never zero. */
export function randomId(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]! || randomId();
}

/** Whether a version of Deno, such as `2.6.10`, is at least `major.minor`. */
export function isAtLeast(version: string, [major, minor]: readonly [major: number, minor: number]): boolean {
  const [ofMajor = 0, ofMinor = 0] = version.split(".").map(Number);
  return ofMajor > major || (ofMajor === major && ofMinor >= minor);
}
