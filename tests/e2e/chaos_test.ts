// A round of chaos with real servers and clients for each storage: no message is lost or shown twice.

import { assertEquals } from "@std/assert";
import { runChaos } from "../../tools/chaos/run.ts";
import type { Storage } from "../../tools/chaos/schedule.ts";
import { withNats } from "../testing/nats_server.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const STORAGES = { memory: {}, data: writing, nats: withNats };
for (const [storage, options] of Object.entries(STORAGES)) {
  Deno.test(`runChaos() finds no fault with rooms in ${storage}`, options, async () => {
    await using folder = storage === "memory" ? undefined : new TestFolder();
    const { problems, story, tally } = await runChaos({
      ...{ seed: 1, first: 1, durationMs: 0, storage: storage as Storage, folder: folder?.path },
    });
    assertEquals(problems, [], story.join("\n"));
    assertEquals(tally.rounds, 1);
  });
}
