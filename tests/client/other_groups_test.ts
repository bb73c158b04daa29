// tellOfLargerGroup(): who is told of members on other servers.

import { assertEquals } from "@std/assert";
import { translator } from "../../lib/i18n/translate.ts";
import { tellOfLargerGroup } from "../../lib/client/other_groups.ts";
import { pure } from "../testing/test_options.ts";

const SERVERS = [{ host: "10.0.0.6", port: 5_000 }, { host: "10.0.0.7", port: 5_000 }];
const ALONE = "You are alone here. Members on 10.0.0.7:5000: 2.";
const MORE = "More members are on 10.0.0.7:5000: 3.";

for (
  const [title, { here, there, isRejoin }, expected] of [
    ["the first server with members, if the user is alone", { here: [1], there: [0, 2] }, ALONE],
    ["nothing at a first join, if a member joins meanwhile", { here: [1, 2], there: [0, 3] }, ""],
    ["no smaller group", { here: [3], there: [2, 3], isRejoin: true }, ""],
    [
      "a larger group, once others have left after a rejoin",
      { here: [5, 2], there: [0, 3], isRejoin: true },
      MORE,
    ],
    ["no larger group at a first join", { here: [2], there: [9, 9] }, ""],
    ["nothing, if no server answers", { here: [1], there: [undefined, undefined] }, ""],
  ] as const
) {
  Deno.test(`tellOfLargerGroup() tells of ${title}`, pure, async () => {
    const counts: number[] = [...here];
    let told = "";
    const change = () => void counts.splice(0, counts.length - 1);
    const prober = {
      reset: change, // the room has settled
      probe: ({ host }: { host: string }) => {
        if (!isRejoin) change(); // a member has joined
        const heardCount = there[SERVERS.findIndex((server) => server.host === host)];
        return Promise.resolve(heardCount === undefined ? undefined : { logId: 9n, heardCount });
      },
    };
    const notify = ({ text }: { text: string }) => Promise.resolve(void (told = text));
    const { signal } = new AbortController();
    await tellOfLargerGroup(
      SERVERS,
      { memberCount: () => counts[0]!, isRejoin: isRejoin === true, signal },
      { prober, t: translator("en"), notify, settleMs: 1 },
    );
    assertEquals(told.slice(0, expected.length || undefined), expected);
  });
}
