// A simulated network: bytes arrive in order, delayed, in slices, and only up to the point where the link broke.

import type { Random } from "../../tests/testing/random.ts";
import type { Timeline } from "./timeline.ts";

export interface Receiver {
  received(bytes: Uint8Array): void;
  ended(): void;
}

/** Of one direction of a connection. */
export interface Quality {
  readonly latencyMs: number;
  /** Most that is added to the latency of a slice. */
  readonly jitterMs: number;
  /** Probability that a chunk is split, once more after each split. */
  readonly sliced: number;
}

interface Slice {
  /** Undefined is the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  readonly atMs: number;
}

/** One direction of a connection. */
export class Pipe {
  /** Bytes sent and not arrived. */
  inFlight = 0;
  /** Called when no bytes are in flight any more. */
  onDrained: () => void = () => {};
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #quality: Quality;
  readonly #receiver: Receiver;
  #slices: Slice[] = [];
  #lastMs = 0;
  #stalledUntilMs = 0;
  #isClosed = false;
  #isScheduled = false;

  constructor(
    receiver: Receiver,
    { timeline, random, quality }: { timeline: Timeline; random: Random; quality: Quality },
  ) {
    this.#receiver = receiver;
    this.#timeline = timeline;
    this.#random = random;
    this.#quality = quality;
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.inFlight += bytes.length;
    let rest = bytes;
    while (rest.length > 1 && this.#random.chance(this.#quality.sliced)) {
      const count = 1 + this.#random.below(rest.length - 1);
      this.#push(rest.subarray(0, count));
      rest = rest.subarray(count);
    }
    this.#push(rest);
  }

  /** What is in flight arrives, then the end. */
  end(): void {
    if (!this.#isClosed) this.#push(undefined);
    this.#isClosed = true;
  }

  /** A random number of the bytes in flight arrive, then the end if `isNoticed`. */
  break({ isNoticed }: { isNoticed: boolean }): void {
    const drop = this.#random.chance(0.3) ? 0 : this.#random.below(this.inFlight + 1);
    const slices = this.#slices;
    this.#slices = [];
    let keep = this.inFlight - drop;
    this.inFlight = keep;
    for (const { bytes, atMs } of slices) {
      if (!bytes || keep === 0) break;
      const kept = bytes.subarray(0, keep);
      keep -= kept.length;
      this.#slices.push({ bytes: kept, atMs });
    }
    if (isNoticed) this.#push(undefined);
    this.#isClosed = true;
  }

  /** Delays everything for a time. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#timeline.nowMs + ms);
  }

  #push(bytes: Uint8Array | undefined): void {
    const { latencyMs, jitterMs } = this.#quality;
    const dueMs = this.#timeline.nowMs + latencyMs + jitterMs * this.#random.unit();
    this.#lastMs = Math.max(this.#lastMs, dueMs);
    this.#slices.push({ bytes, atMs: this.#lastMs });
    this.#schedule();
  }

  #schedule(): void {
    const first = this.#slices[0];
    if (!first || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#timeline.at(Math.max(first.atMs, this.#stalledUntilMs), () => {
      this.#isScheduled = false;
      this.#arrive();
      this.#schedule();
    });
  }

  #arrive(): void {
    const { nowMs } = this.#timeline;
    if (nowMs < this.#stalledUntilMs) return;
    while (this.#slices.length > 0 && this.#slices[0]!.atMs <= nowMs) {
      const { bytes } = this.#slices.shift()!;
      if (!bytes) return this.#receiver.ended();
      this.inFlight -= bytes.length;
      this.#receiver.received(bytes);
    }
    if (this.inFlight === 0) this.onDrained();
  }
}
