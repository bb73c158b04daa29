// Simulated time: tasks in order of their time. An idle hour takes no time.

/** Microtasks from one touch to the next at most: see the test of Timeline. */
const MICROTASKS = 40;

interface Task {
  readonly atMs: number;
  /** Breaks ties of `atMs`. */
  readonly order: number;
  readonly run: () => void;
}

export class Timeline {
  /** Factor by which all wait for more microtasks than necessary: no run may change by it. */
  static slack = 1;
  nowMs = 0;
  /** Microtasks until the code that a task has started waits for another one. */
  #microtasks = 0;
  #count = 0;
  /** A binary heap: the task at `i` comes before those at `2 * i + 1` and `2 * i + 2`. */
  readonly #tasks: Task[] = [];

  /** A time in the past means now. */
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

  /** Whether code of this event may still wait for promises that it has settled. */
  get isSettling(): boolean {
    return this.#microtasks > 0;
  }

  /** A task has settled promises, or code that waited for them has gone on. */
  touch(): void {
    this.#microtasks = MICROTASKS * Timeline.slack;
  }

  /** Runs all tasks up to `timeMs`, then sets the time to it. Never waits for the event loop, so that nothing else runs
   * meanwhile. */
  async runUntil(timeMs: number): Promise<void> {
    for (let first = this.#tasks[0]; first && first.atMs <= timeMs; first = this.#tasks[0]) {
      this.#removeFirst();
      this.nowMs = first.atMs;
      first.run();
      for (; this.#microtasks > 0; this.#microtasks--) await undefined;
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
