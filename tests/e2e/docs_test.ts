// The shell commands of all documents: each is run here or by .ci/run, but for those that need other machines.

import { assert } from "@std/assert";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { NatsServer, withNats } from "../testing/nats_server.ts";
import { Program, type Task } from "../testing/program.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { withTimeout } from "../testing/waiting.ts";

/** Commands that need another machine, a USB stick, or a web server that another machine reads. */
const NEEDS_MACHINES = /^(?:scp|python3|curl) /;
/** Tasks that CI does not run: they take minutes, write into README.md, or run until they are stopped. */
const UNTESTED_TASKS = ["bench", "bench:startup", "coverage", "readme:screen", "dev", "release"];
const LISTENING = { server: "Escuchando en ", client: "Conectado a " };

interface Block {
  readonly title: string;
  readonly commands: readonly string[];
}

/** The blocks of shell commands of a document. */
function blocksOf(path: string): Block[] {
  const blocks = Deno.readTextFileSync(path).matchAll(/^```sh\n([^]*?)^```$/gm);
  return [...blocks].map(([, block], index) => ({
    title: `${path}, shell block ${index + 1}`,
    commands: block!.replaceAll(/\\\n/g, "").replaceAll(/ +# .*$/gm, "").split("\n")
      // The shell takes lines with redirections whole.
      .flatMap((line) => line.includes(" > ") ? [line] : line.split(" && "))
      .map((command) => command.trim()).filter((command) => command !== ""),
  }));
}

/** Runs the commands of a block in a folder. Servers run until all have been run. */
async function runBlock({ commands }: Block, folder: TestFolder): Promise<void> {
  await using running = new AsyncDisposableStack();
  let port = freePort();
  for (const command of commands) {
    const [program, ...args] = command.replace(/^npx --yes deno@[\d.]+ /, "deno ").split(/ +/);
    const task = program === "deno" ? args[1]! : program!.replace("./chat-", "");
    if (NEEDS_MACHINES.test(command)) continue;
    if (task === "server" || task === "client") {
      const flags = program === "deno" ? args.slice(2) : args;
      // Each server of a block is on a machine of its own.
      if (task === "server") port = freePort();
      running.use(await startProgram(task, await hereOf(flags, { port, folder, running })));
    } else if (program === "deno") {
      assert(task in config.tasks, `no task ${task}`);
      const ci = Deno.readTextFileSync(".ci/run");
      const isRun = ci.includes(`deno task ${task}`) ||
        ci.includes("deno task check") && /^(?:ok|docs)$/.test(task);
      assert(isRun || UNTESTED_TASKS.includes(task), `.ci/run does not run ${command}`);
    } else if (program === "nats-server") {
      running.use(await startNats(args, folder));
    } else {
      const { success } = await new Deno.Command("sh", { args: ["-c", command], cwd: folder.path }).output();
      assert(success, command);
    }
  }
}

/** The arguments of a program, for one machine and a folder. */
async function hereOf(
  args: readonly string[],
  { port, folder, running }: { port: number; folder: TestFolder; running: AsyncDisposableStack },
): Promise<string[]> {
  const nats = args.includes("--nats")
    ? running.use(await NatsServer.start({ folder: `${folder.path}/${crypto.randomUUID()}` }))
    : undefined;
  return args.map((arg) => {
    if (arg.startsWith("nats://")) return `nats://${nats!.address}`;
    if (arg === "5000") return `${port}`;
    if (arg === "9464") return `${freePort()}`;
    if (/^(?:room\.db|password)$/.test(arg)) return join(folder.path, arg);
    return arg.replace(/^(?:0\.0\.0\.0|192\.168\.1\.\d+|m\d)(?=$|:)/, LOOPBACK);
  });
}

async function startProgram(task: Task, args: readonly string[]): Promise<Program> {
  const program = new Program(task, args, { env: { LC_ALL: "es_ES.UTF-8" }, hasStdin: true });
  // At a pipe a client cannot ask whether a new certificate is right: it shows its fingerprint and ends.
  const isReady = () => program.output.includes(LISTENING[task]) || program.output.includes("SHA256:");
  await withTimeout(
    program.waitUntil(isReady),
    () => `${args.join(" ")}\n${program.output}\n${program.errors}`,
  );
  return program;
}

/** Starts nats-server as a document says, on other ports and in another folder. */
async function startNats(args: readonly string[], folder: TestFolder): Promise<NatsServer> {
  const further = args.slice(3).map((arg) =>
    arg.replaceAll(/nats:\/\/[\w.]+:\d+/g, () => `nats://${LOOPBACK}:${freePort()}`)
  );
  assert(args.slice(0, 2).join(" ") === "-js -sd", `the flags are ${args.join(" ")}`);
  return await NatsServer.start({ folder: folder.path, args: further });
}

const documents = [".", "docs"].flatMap((folder) =>
  [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`.replace("./", ""))
);
const blocks = documents.filter((path) => path.endsWith(".md")).flatMap(blocksOf);

for (const block of blocks) {
  Deno.test(`The commands of ${block.title} run`, withNats, async () => {
    await using folder = new TestFolder();
    await runBlock(block, folder);
  });
}
