// Runs seeds in a worker.

import { runSeeds, type Seeds } from "./simulator.ts";
import { MUTATIONS } from "./rules.ts";

export interface Job {
  readonly seeds: Seeds;
  /** Key of {@linkcode MUTATIONS}. */
  readonly mutation: string | undefined;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage: (message: unknown) => void;
};

scope.onmessage = async ({ data: { seeds, mutation } }) => {
  scope.postMessage(await runSeeds(seeds, mutation === undefined ? undefined : MUTATIONS[mutation]));
};
