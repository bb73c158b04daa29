// Runs a benchmark: it ends with its parent process, and prints a failure as one line.

import "../tests/testing/exit_with_parent.ts";

/** Runs a benchmark in this process, and ends the process. */
export async function runBench(main: () => Promise<void>): Promise<never> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
  Deno.exit(0);
}
