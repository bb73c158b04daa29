// What only a real process can tell: runProcess(), and chat-server in a network of its own.

import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { readConfigFile } from "../../lib/cli/config_file.ts";
import { InputError, systemReason } from "../../lib/errors.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { withTimeout } from "../testing/waiting.ts";

const LIB = new URL("../../lib/", import.meta.url);
const TESTING = new URL("../testing/", import.meta.url);

const onUnix = { ignore: Deno.build.os === "windows" };

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
  assertEquals([code, new TextDecoder().decode(stdout)], [1, "done done NotCapable NotCapable\n"]);
  assertEquals(performance.now() - startMs >= 3_000, true);
});

Deno.test("readConfigFile() refuses a link that leads nowhere or to itself", onUnix, async () => {
  await using folder = new TestFolder();
  for (const target of ["missing", "link"]) {
    const link = `${folder.path}/link`;
    // Deno.symlink() wants to read and write everywhere.
    await new Deno.Command("sh", { args: ["-c", 'ln -s "$0" "$1"', target, link] }).output();
    const error = await assertRejects(() => readConfigFile([], link), InputError);
    assertEquals(systemReason(error), target === "link" ? "link-loop" : "missing");
    await Deno.remove(link);
  }
});

/** Prints what it reads of its file. A signal that comes meanwhile ends it at once, or not within a test. */
const READER = `
import { serverClock } from "${LIB}base/time.ts";
import { readUserFile } from "${LIB}base/files.ts";
import { runProcess } from "${LIB}cli/process.ts";
const [path, isEnding] = Deno.args;
await runProcess(async ({ terminal, terminated }) => {
  const reading = readUserFile(path, terminated);
  if (isEnding) Deno.kill(Deno.pid, "SIGTERM");
  await terminal.print(await reading);
  return 0;
}, { clock: serverClock, shutdownMs: 600_000 });
`;

Deno.test("readUserFile() reads a pipe, and without a writer waits until a signal", onUnix, async () => {
  await using folder = new TestFolder();
  const flags = "run --quiet --no-check --no-prompt --allow-read --allow-write --allow-env --allow-run";
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const reader = `${Deno.execPath()} ${flags} --config ${config} ${await folder.file("reader.ts", READER)}`;
  const pipe = `${folder.path}/pipe`;
  for (
    const [script, output] of [
      [`mkfifo ${pipe}; { echo uno; sleep 0.1; echo dos; } > ${pipe} & ${reader} ${pipe}`, "uno\ndos\n\n"],
      [`${reader} ${pipe} ending`, ""],
    ] as const
  ) {
    const running = new Deno.Command("sh", { args: ["-c", script] }).output();
    const { code, stdout, stderr } = await withTimeout(running, script);
    assertEquals([code, ...[stdout, stderr].map((bytes) => new TextDecoder().decode(bytes))], [
      0,
      output,
      "",
    ]);
  }
});

/** An address of this machine that is not loopback. */
const HOST = "10.78.0.2";

/** Two clients join a server from there. */
const TWO_JOINS = `
import { serve } from "${LIB}server/main.ts";
import { FakeUser } from "${TESTING}fake_user.ts";
import { enterAs } from "${TESTING}raw_peer.ts";
const address = { host: "${HOST}", port: 5_000 };
const operator = new FakeUser({ localAddresses: [{ address: address.host, name: "lo" }] });
void operator.run(serve, "--host", address.host, "--port", "5000", "--max-per-address", "1");
await operator.waitForOutput("Escuchando");
for (const nick of ["ana", "beto"]) console.log((await enterAs(nick, { address })).welcome.nick);
Deno.exit();
`;

/** Runs a command in a network namespace, which Linux lets some users make. */
function inNamespace(command: string): Promise<Deno.CommandOutput> {
  const script = `ip link set lo up && ip addr add ${HOST}/32 dev lo && ${command}`;
  return new Deno.Command("sh", { args: ["-c", `unshare -rn sh -c '${script}'`] }).output();
}

const { success: hasNamespaces } = await inNamespace("true");

Deno.test({
  name: "chat-server exempts all addresses of its machine from --max-per-address",
  ignore: !hasNamespaces,
  fn: async () => {
    await using folder = new TestFolder();
    const program = await folder.file("program.ts", TWO_JOINS);
    const flags = "run --quiet --no-check --no-prompt --allow-net --allow-read --allow-write --allow-env";
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const { stdout, stderr } = await inNamespace(`${Deno.execPath()} ${flags} --config ${config} ${program}`);
    assertEquals([stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)), ["ana\nbeto\n", ""]);
  },
});
