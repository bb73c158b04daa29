// Runs seeds in a thread of its own.

import { runSeeds, type Seeds } from "../simulator.ts";
import { MUTATIONS } from "./rules.ts";

/** What a worker is asked to do. */
export interface Job {
  readonly seeds: Seeds;
  /** Key of {@linkcode WEAKENINGS}. */
  readonly weakening: string | undefined;
}

/** The global scope of a worker, as far as it is needed. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage: (message: unknown) => void;
};

scope.onmessage = ({ data: { seeds, weakening } }) => {
  scope.postMessage(runSeeds(seeds, weakening === undefined ? {} : MUTATIONS[weakening]?.rules));
};
