// Simulated time: what is to happen when, in order. An hour takes no longer than what happens in it.

/** A step that takes no time takes this, in ms: timers are never early. */
export const TICK_MS = 0.01;
/** Heartbeats are looked at this often, in ms. */
export const CHECK_MS = 250;

interface Task {
  readonly atMs: number;
  /** Tells apart what happens at the same time. */
  readonly order: number;
  readonly run: () => void;
}

/** The one order of everything that happens in a run. */
export class Timeline {
  nowMs = 0;
  #count = 0;
  /** A binary heap: the task at `i` comes before those at `2 * i + 1` and `2 * i + 2`. */
  readonly #tasks: Task[] = [];

  /** Has something happen at a time, or now if it is past. */
  at(timeMs: number, run: () => void): void {
    const task = { atMs: Math.max(timeMs, this.nowMs), order: this.#count++, run };
    const tasks = this.#tasks;
    let at = tasks.length;
    for (; at > 0; at = (at - 1) >> 1) {
      const parent = tasks[(at - 1) >> 1]!;
      if (!isBefore(task, parent)) break;
      tasks[at] = parent;
    }
    tasks[at] = task;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Lets everything happen up to a time, which it then is. */
  runUntil(timeMs: number): void {
    for (let first = this.#tasks[0]; first && first.atMs <= timeMs; first = this.#tasks[0]) {
      this.#removeFirst();
      this.nowMs = first.atMs;
      first.run();
    }
    this.nowMs = timeMs;
  }

  #removeFirst(): void {
    const tasks = this.#tasks;
    const moved = tasks.pop()!;
    if (tasks.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= tasks.length) break;
      if (child + 1 < tasks.length && isBefore(tasks[child + 1]!, tasks[child]!)) child++;
      if (!isBefore(tasks[child]!, moved)) break;
      tasks[at] = tasks[child]!;
      at = child;
    }
    tasks[at] = moved;
  }
}

function isBefore(one: Task, other: Task): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
