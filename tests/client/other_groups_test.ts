// findLargerGroup(): who is told of members on other servers.

import { assertEquals } from "@std/assert";
import { findLargerGroup } from "../../lib/client/other_groups.ts";
import { pure } from "../testing/test_options.ts";

const SERVERS = [{ host: "10.0.0.6", port: 5_000 }, { host: "10.0.0.7", port: 5_000 }];

for (
  const [title, { here, there, isRejoin }, expected] of [
    ["the first server with members, if the user is alone", { here: [1], there: [0, 2] }, 1],
    ["none with fewer members", { here: [3], there: [2, 3], isRejoin: true }, undefined],
    [
      "a larger group, once others have left after a rejoin",
      { here: [5, 2], there: [0, 3], isRejoin: true },
      1,
    ],
    ["no larger group at a first join", { here: [2], there: [9, 9] }, undefined],
    ["nothing, if no server answers", { here: [1], there: [undefined, undefined] }, undefined],
  ] as const
) {
  Deno.test(`findLargerGroup() gives ${title}`, pure, async () => {
    const counts: number[] = [...here];
    const prober = {
      reset: () => void counts.splice(0, counts.length - 1), // the room has settled
      probe: ({ host }: { host: string }) => {
        const heardCount = there[SERVERS.findIndex((server) => server.host === host)];
        return Promise.resolve(heardCount === undefined ? undefined : { logId: 9n, heardCount });
      },
    };
    const { signal } = new AbortController();
    const options = {
      memberCount: () => counts[0]!,
      isRejoin: isRejoin ?? false,
      prober,
      signal,
      settledMs: 1,
    };
    const found = await findLargerGroup(SERVERS, options);
    assertEquals(found?.server, expected === undefined ? undefined : SERVERS[expected]);
  });
}
