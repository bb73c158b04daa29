// The one place that reads the time. Everything that needs it is given a clock, or a moment if it is pure.

/** One moment on two clocks. */
export interface Moment {
  /** Time of day, in ms since 1970 UTC: what people are shown. */
  readonly wallMs: number;
  /** Monotonic, in ms: what durations are measured with. */
  readonly tickMs: number;
}

/** Gives the moment that it is. */
export type Clock = () => Moment;

/** The machine's clock. */
export const systemClock: Clock = () => ({ wallMs: Date.now(), tickMs: performance.now() });
