// Fuzzes live servers and clients with hostile streams, until the time is up or one of them fails: throws an error that is
// no ChatError, disagrees with the reference decoder, stops serving others, keeps connections or memory, or prints a
// control character.
//
//   deno task fuzz [--minutes 1] [--seed 1] [--workers 2] [--tls]
//
// Each stream has its own seed, one more than the last: `--seed` with that of a failure replays it. With --tls the
// streams go over TLS, and some are malformed TLS.

import type { Job } from "./fuzz/worker.ts";
import { parseOptions } from "./options.ts";

/** Seeds of a job: each is a stream for a server and one for a client. Memory is compared after each job, so that even a
 * short run must have several. */
const JOB_SEEDS = 256;

/** Longest time for a job, in ms: a worker in an endless loop cannot run its own time limit. */
const HANG_MS = 120_000;

interface Plan {
  readonly seed: number;
  readonly minutes: number;
  readonly workers: number;
}

/** Returns the number of seeds that passed. The first failure ends the program. */
async function fuzz({ seed, minutes, workers }: Plan): Promise<number> {
  const endMs = performance.now() + minutes * 60_000;
  let next = seed;
  let survived = 0;
  await Promise.all(Array.from({ length: Math.ceil(workers) }, async () => {
    const worker = new Worker(import.meta.resolve("./fuzz/worker.ts"), { type: "module" });
    await ready(worker, seed);
    do {
      const job: Job = { first: next, count: JOB_SEEDS };
      next += job.count;
      worker.postMessage(job);
      await ready(worker, job.first);
      survived += job.count;
    } while (performance.now() < endMs);
    worker.terminate();
  }));
  return survived;
}

/** Resolves when a worker is ready for the next job. A worker that throws ends this program. */
async function ready(worker: Worker, seed: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  const hangs = () => reject(new Error(`A worker hangs: --seed ${seed} replays it`));
  const timer = setTimeout(hangs, HANG_MS);
  await promise;
  clearTimeout(timer);
}

// Workers read --tls themselves.
const plan = parseOptions({ minutes: 1, seed: 1, workers: navigator.hardwareConcurrency, tls: false });
const began = performance.now();
console.log(`Throwing streams for ${plan.minutes} min, from --seed ${plan.seed} on`);
const survived = await fuzz(plan);
const perSecond = 2 * survived / (performance.now() - began) * 1_000;
console.log(`Survived: ${survived} at servers, ${survived} at clients, ${perSecond.toFixed(0)} a second`);
