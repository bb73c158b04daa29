// What all parts of a run share.

import type { Random } from "../../tests/testing/random.ts";
import type { Ledger } from "./ledger.ts";
import type { Network } from "./network.ts";
import type { Timeline } from "./timeline.ts";

export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly network: Network;
}
