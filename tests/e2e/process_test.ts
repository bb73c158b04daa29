// runProcess() in a real process: what only Deno itself can tell.

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { TestFolder } from "../testing/test_folder.ts";

const LIB = new URL("../../lib/", import.meta.url);

/** Reads and writes its own file before and after it drops its permissions, then hangs until a signal ends it. */
const PROGRAM = `
import { serverClock } from "${LIB}base/time.ts";
import { runProcess } from "${LIB}cli/process.ts";
const [path] = Deno.args;
const attempts = [() => Deno.readTextFile(path), () => Deno.writeTextFile(path, "")];
const outcomes = () => Promise.all(attempts.map((attempt) => attempt().then(() => "done", (error) => error.name)));
await runProcess(async ({ dropFilePermissions, terminal }) => {
  const before = await outcomes();
  dropFilePermissions();
  await terminal.print([...before, ...await outcomes()].join(" "));
  Deno.kill(Deno.pid, "SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  return 1;
}, { clock: serverClock });
`;

Deno.test("runProcess() denies files after dropFilePermissions(), and ends a program that hangs after 3 s", async () => {
  await using folder = new TestFolder();
  const program = await folder.file("program.ts", PROGRAM);
  const flags = ["--quiet", "--no-check", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, "--allow-run", program, await folder.file("file", "text")],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
  });
  const startMs = performance.now();
  const { code, stdout } = await command.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "done done NotCapable NotCapable\n"]);
  assertEquals(performance.now() - startMs >= 3_000, true);
});
