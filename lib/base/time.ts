// The one place that reads the time. Everything that needs it is given a clock, or a moment if it is pure.

/** One moment on two clocks. */
export interface Instant {
  /** Time of day, in ms since 1970 UTC: what people are shown. */
  readonly wallMs: number;
  /** Monotonic, in ms: what durations are measured with. */
  readonly monotonicMs: number;
}

/** Gives the moment that it is. */
export type Clock = () => Instant;

/** A clock from a time of day and a monotonic time, both in ms. Monotonic clocks stand still while a machine
 * sleeps, though servers die meanwhile: how far the time of day runs ahead of it is added. Somebody who sets the
 * clock forward makes a sleep of it, which costs a reconnection; setting it back changes nothing. */
export function makeClock(wallMs: () => number, awakeMs: () => number): Clock {
  let sleptMs = 0;
  let ahead = wallMs() - awakeMs();
  return () => {
    const moment = { wallMs: wallMs(), monotonicMs: awakeMs() };
    const aheadNow = moment.wallMs - moment.monotonicMs;
    if (aheadNow - ahead > CLOCK_JUMP_MS) sleptMs += aheadNow - ahead;
    ahead = aheadNow;
    moment.monotonicMs += sleptMs;
    return moment;
  };
}

/** What is taken for a sleep rather than for a clock being trimmed, in ms. */
const CLOCK_JUMP_MS = 1_000;

/** The machine's clock. */
export const systemClock: Clock = makeClock(() => Date.now(), () => performance.now());

/** The clock of a server: its monotonic time stands still while the machine sleeps, and nobody can set it. What a log
 * holds must never seem older than it is: it would be kept from who comes later, from a server that fell. */
export function makeServerClock(wallMs: () => number, awakeMs: () => number): Clock {
  return () => ({ wallMs: wallMs(), monotonicMs: awakeMs() });
}

/** The machine's clock, for a server. */
export const serverClock: Clock = makeServerClock(() => Date.now(), () => performance.now());
