// A round of chaos with real servers and clients for each storage: no message is lost or shown twice.

import { assertEquals } from "@std/assert";
import { runChaos } from "../../tools/chaos/run.ts";
import { withNats } from "../testing/nats_server.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const SCENARIOS = [
  { storage: "memory", seed: 1, first: 1, options: {} },
  { storage: "data", seed: 2, first: 0, options: writing },
  { storage: "nats", seed: 1, first: 2, options: withNats },
] as const;
for (const { storage, seed, first, options } of SCENARIOS) {
  Deno.test(
    `runChaos() finds no fault in chat-server and chat-client with rooms in ${storage}`,
    options,
    async () => {
      await using folder = storage === "memory" ? undefined : new TestFolder();
      const { problems, story, tally } = await runChaos({
        ...{ seed, first, storage, folder: folder?.path, durationMs: 0 },
      });
      assertEquals(problems, [], story.join("\n"));
      assertEquals(tally.rounds, 1);
    },
  );
}
