// A program that shows a chat, and ends by an uncaught error or rejection: terminals must be restored.

import { systemClock } from "../../lib/base/time.ts";
import { runProcess } from "../../lib/cli/process.ts";

await runProcess(async ({ terminal, args: [defect] }) => {
  await terminal.print("begun");
  for await (const { text: line } of terminal.lines("> ")) {
    if (line !== "break") continue;
    if (defect === "error") setTimeout(() => (undefined as unknown as Deno.Conn).close());
    else void Promise.reject(new Error("boom"));
  }
  return 0;
}, { clock: systemClock });
