// The tasks bench:* with small numbers: they run to their end and print figures. Figures may be 0 on a busy machine.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { startServer } from "../testing/piped_program.ts";
import { withTimeout } from "../testing/waiting.ts";

/** Runs a benchmark, which must not fail. Returns its lines. */
async function run(task: string, ...args: readonly string[]): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await withTimeout(command.output(), () => task);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
  assertEquals([code, text(stderr)], [0, ""], text(stdout));
  return text(stdout).split("\n");
}

/** The cells of a table without its heading. */
function rowsOf(lines: readonly string[]): string[][] {
  const rows = lines.filter((line) => line.startsWith("| "));
  return rows.slice(2).map((row) => row.slice(2, -2).split(" | "));
}

function assertNumbers(cells: readonly string[]): void {
  for (const cell of cells) assert(parseFloat(cell) >= 0, `${cell} of ${cells}`);
}

/** Only Linux tells the cost of a process. */
const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test("bench:fanout prints a row for each load", async () => {
  const loads = ["3,1,10", "4,2,1"];
  const flags = loads.flatMap((load) => ["--load", load]);
  const rows = rowsOf(await run("bench:fanout", ...flags, "--runs", "1", "--seconds", "0.3"));
  assertEquals(rows.map(([load]) => load), ["3, 1, 10", "4, 2, 1"]);
  for (const [, _server, ...cells] of rows) assertNumbers(cells.filter((cell) => cell !== ""));
  // It is compared with no other server.
  const isComplete = (row: string[]) => row.indexOf("") === 4 && row.lastIndexOf("") === 4;
  if (!onLinux.ignore) assert(rows.every(isComplete), `${rows}`);
});

Deno.test("bench:load loads a running server, and its clients leave", async () => {
  const port = freePort();
  await using server = await startServer(port);
  const flags = ["--port", `${port}`, "--clients", "3", "--window", "2", "--seconds", "0.2"];
  const [started, outcome, ...rest] = await run("bench:load", ...flags);
  assertEquals([started, rest], ["started", []]);
  const { messages, deliveries } = JSON.parse(outcome!);
  assertEquals(deliveries, 3 * messages);
  await server.waitForOutput(
    ...["u00000", "u00001", "u00002"].map((nick) => `${nick} (${LOOPBACK}) se ha desconectado`),
  );
});

Deno.test("bench:joins prints when all clients had joined, and when each knew all", async () => {
  const rows = rowsOf(await run("bench:joins", "--clients", "20", "--runs", "2"));
  assertEquals(rows.map(([name]) => name), ["1", "2", "median"]);
  for (const [, ...cells] of rows) {
    assertNumbers(cells);
    const [joinedMs, knownMs] = cells.map(parseFloat);
    assert(joinedMs! <= knownMs!, `${cells}`);
  }
});

Deno.test("bench:stalled prints how a client that never reads is disconnected, for each round", async () => {
  const rows = rowsOf(await run("bench:stalled", "--clients", "50", "--rounds", "1", "--seconds", "0.3"));
  assertEquals(rows.map(([name]) => name), ["1", "median"]);
  for (const [, ...cells] of rows) assertNumbers(cells);
});

Deno.test("bench:idle prints the memory of a client", onLinux, async () => {
  const [line] = await run("bench:idle", "--clients", "100", "--seconds", "0.2");
  assertMatch(line!, /^100 clients: \d+\.\d MiB empty, \d+\.\d MiB full, \d+\.\d KiB each$/);
});

Deno.test("bench:soak prints the memory at the beginning and at the end", onLinux, async () => {
  const lines = await run("bench:soak", "--clients", "5", "--seconds", "0.6");
  assertEquals(rowsOf(lines).map(([name]) => name), ["0.3 s", "0.6 s"]);
  assertMatch(lines.at(-1)!, /deliveries, .* p99 .* at the end \d\.\d\d times the memory of the beginning$/);
});
