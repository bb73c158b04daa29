// Scenarios of failovers in which the simulator once found a client where it must not be.

import { assertEquals } from "@std/assert";
import type { FailoverScenario } from "../../tools/simulator/failover_scenario.ts";
import { run } from "../../tools/simulator/simulator.ts";
import { pure } from "../testing/test_options.ts";

const BOTH = ["client", "server"] as const;
const FOREVER_MS = 1_000_000;

const SCENARIOS: Readonly<Record<string, Omit<FailoverScenario, "kind">>> = {
  "dials the server that it was on where that was, though no name server answers": {
    seed: 100_301,
    clients: 2,
    servers: 2,
    steps: [
      { what: "start", client: 0, atMs: 164 },
      { what: "resolver", client: 0, afterMs: Infinity, forMs: 22_062, atMs: 6_232 },
      { what: "reset", client: 0, noticedBy: BOTH, atMs: 6_276 },
      { what: "freeze", server: 0, forMs: 9_186, atMs: 6_282 },
    ],
    endMs: 28_295,
  },
  "does not pass over a server because a probe of it was cut": {
    seed: 102_320,
    clients: 3,
    servers: 3,
    steps: [
      { what: "start", client: 0, atMs: 255 },
      { what: "start", client: 2, atMs: 859 },
      { what: "start", client: 1, cutAfter: 0.5346978991292417, atMs: 982 },
      { what: "say", client: 1, atMs: 17_701 },
      { what: "kill", server: 0, kind: "closing", forMs: FOREVER_MS, atMs: 19_919 },
      { what: "reset", client: 1, noticedBy: BOTH, atMs: 21_181 },
      { what: "reset", client: 0, noticedBy: BOTH, atMs: 21_203 },
    ],
    endMs: 21_203,
  },
  "offers the server that --host named again, once its backup is down": {
    seed: 200_464,
    clients: 7,
    servers: 2,
    steps: [
      { what: "silence", server: 0, forMs: 11_666, atMs: 9_685 },
      { what: "kill", server: 1, kind: "killed", forMs: FOREVER_MS, atMs: 13_669 },
      { what: "start", client: 5, atMs: 14_639 },
    ],
    endMs: 21_351,
  },
  "goes back to the server that it was on while it dials one that is frozen": {
    seed: 307_510,
    clients: 7,
    servers: 3,
    steps: [
      { what: "start", client: 6, atMs: 653 },
      { what: "start", client: 1, atMs: 664 },
      { what: "start", client: 3, atMs: 835 },
      { what: "silence", client: 1, forMs: 16_371, atMs: 17_212 },
      { what: "freeze", server: 1, forMs: 31_915, atMs: 18_928 },
    ],
    endMs: 50_843,
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
};

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`The simulated chat-client ${name}`, pure, async () => {
    const { problems } = await run({ kind: "failover", ...scenario });
    assertEquals(problems, []);
  });
}
