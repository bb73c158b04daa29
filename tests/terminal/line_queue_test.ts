// LineQueue: the lines for one reader.

import { assertEquals } from "@std/assert";
import { LineQueue } from "../../lib/terminal/line_queue.ts";
import { pure } from "../testing/test_options.ts";
import { withTimeout } from "../testing/waiting.ts";

Deno.test(
  "LineQueue.untilEntered() tells each of two callers of its line, and keeps the lines",
  pure,
  async () => {
    const queue = new LineQueue();
    const { signal } = new AbortController();
    const first = queue.untilEntered((text) => text === "uno", { signal });
    const second = queue.untilEntered((text) => text === "dos", { signal });
    for (const text of ["dos", "uno"]) queue.deliver({ text, isPasted: false });
    await withTimeout(Promise.all([first, second]), "both to be told");
    assertEquals(queue.typeAhead.map(({ text }) => text), ["dos", "uno"]);
  },
);
