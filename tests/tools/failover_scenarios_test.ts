// Scenarios of failovers: one that chance makes too seldom, and some in which the simulator once took for a fault what is
// none.

import { assertEquals } from "@std/assert";
import type { FailoverScenario } from "../../tools/simulator/failover_scenario.ts";
import { run } from "../../tools/simulator/simulator.ts";
import { pure } from "../testing/test_options.ts";

const BOTH = ["client", "server"] as const;

/** Breaks the connection of the first client until it is on another server. */
function shakes(atMs: number) {
  return [0, 60, 150, 300, 500, 800].map((ms) =>
    ({ what: "reset", client: 0, noticedBy: BOTH, atMs: atMs + ms }) as const
  );
}

const SCENARIOS: Readonly<Record<string, Omit<FailoverScenario, "kind">>> = {
  "goes home again after a server that it lost within a minute of its return": {
    seed: 14,
    clients: 3,
    servers: 2,
    steps: [
      ...[0, 1, 2].map((client) => ({ what: "start", client, atMs: 100 + client * 100 }) as const),
      ...shakes(10_000),
      ...shakes(55_000),
    ],
    endMs: 60_000,
  },
  "may take the next server if the first one does not answer HELLO": {
    seed: 409_010,
    clients: 7,
    servers: 3,
    steps: [
      { what: "start", client: 2, cutAfter: 1.3855928869452327, atMs: 867 },
      { what: "start", client: 6, atMs: 15_052 },
      { what: "reset", client: 6, noticedBy: ["server"], atMs: 15_150 },
    ],
    endMs: 15_150,
  },
  "says BYE before it goes back, also if a PONG follows at once": {
    seed: 410_720,
    clients: 3,
    servers: 3,
    steps: [
      { what: "start", client: 0, atMs: 393 },
      { what: "start", client: 2, atMs: 621 },
      { what: "start", client: 1, atMs: 793 },
      { what: "say", client: 0, atMs: 5_164 },
      { what: "say", client: 1, atMs: 7_926 },
      { what: "say", client: 1, atMs: 8_221 },
      { what: "lossy", client: 1, loss: 0.08, forMs: 11_399, atMs: 9_020 },
      { what: "lossy", client: 2, loss: 0.08, forMs: 11_399, atMs: 9_143 },
      { what: "reset", client: 2, noticedBy: BOTH, atMs: 9_154 },
      { what: "reset", client: 0, noticedBy: BOTH, atMs: 9_158 },
      { what: "say", client: 2, atMs: 10_086 },
      { what: "say", client: 2, atMs: 11_939 },
      { what: "reset", client: 1, noticedBy: BOTH, atMs: 12_064 },
      { what: "reset", client: 1, noticedBy: BOTH, atMs: 12_967 },
      { what: "reset", client: 1, noticedBy: BOTH, atMs: 14_328 },
      { what: "say", client: 0, atMs: 14_718 },
      { what: "freeze", server: 1, forMs: 10_714, atMs: 14_819 },
      { what: "say", client: 1, atMs: 22_352 },
    ],
    endMs: 25_533,
  },
  "may leave a server that refused it, though its user takes long for two answers": {
    seed: 915_748,
    clients: 6,
    servers: 3,
    steps: [
      { what: "start", client: 3, atMs: 337 },
      { what: "full", server: 0, forMs: 2_739, atMs: 19_451 },
      { what: "reset", client: 3, noticedBy: BOTH, atMs: 19_577 },
    ],
    endMs: 44_230,
  },
  "may miss the answer of a server on a slow link before it has joined one": {
    seed: 919_171,
    clients: 5,
    servers: 3,
    steps: [
      { what: "start", client: 1, atMs: 978 },
      { what: "kill", server: 0, kind: "killed", forMs: 6_400, atMs: 11_529 },
      { what: "silence", server: 0, forMs: 17_174, atMs: 23_371 },
      { what: "start", client: 2, cutAfter: 1.08, atMs: 24_870 },
    ],
    endMs: 40_546,
  },
};

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`The simulated chat-client ${name}`, pure, async () => {
    const { problems } = await run({ kind: "failover", ...scenario });
    assertEquals(problems, []);
  });
}
