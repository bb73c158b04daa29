// Measures time and memory of ./chat-server and ./chat-client from start to first prompt, on the first and on later
// starts. Programs of other folders are measured in turn with them.
//
//   deno task compile && deno task bench:startup [--runs 20] [--folder .]...

import { parseOptions } from "../tools/options.ts";
import { EXIT } from "../lib/cli/process.ts";
import { PROGRAMS } from "../tools/programs.ts";
import { formatMiB, median, tableHeading, tableRow } from "./statistics.ts";
import { costOfProcess } from "./measured_server.ts";
import { runBench } from "./program.ts";

/** What a person does not notice, in ms: once a program has run on a machine, half of its starts must be below. */
const LIMIT_MS = 100;

/** One start. */
interface Start {
  readonly ms: number;
  /** Undefined where the system does not tell. */
  readonly rssBytes: number | undefined;
}

/** Starts a program, until it asks for something. */
async function start(path: string, cache: string): Promise<Start> {
  const beginMs = performance.now();
  const child = new Deno.Command(path, {
    env: { XDG_CACHE_HOME: cache, LC_ALL: "en" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes("]:");) {
    const { value, done } = await output.read();
    if (done) throw new Error(`Cannot time ${path}: it ended with ${JSON.stringify(text)}`);
    text += value;
  }
  const ms = performance.now() - beginMs;
  const rssBytes = (await costOfProcess(child.pid))?.rssBytes;
  child.kill("SIGKILL");
  await Promise.all([child.status, output.cancel(), child.stdin.close().catch(() => {})]);
  return { ms, rssBytes };
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await new Deno.Command(path, { args: ["--version", "--lang", "en"] }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** A row about the starts of a program, of which the first was the first on this machine. */
async function rowOf(path: string, [first, ...later]: readonly Start[]): Promise<string> {
  const ms = later.map((start) => start.ms);
  const range = `${Math.min(...ms).toFixed(0)} to ${Math.max(...ms).toFixed(0)} ms`;
  const memory = later.map(({ rssBytes }) => rssBytes).filter((bytes) => bytes !== undefined);
  return tableRow(
    path,
    await versionOf(path),
    `${first!.ms.toFixed(0)} ms`,
    `${median(ms).toFixed(1)} ms (${range})`,
    memory.length > 0 ? formatMiB(median(memory)) : "",
  );
}

async function main(): Promise<void> {
  const { runs, folder } = parseOptions({ runs: 20, folder: ["."] });
  const count = Math.max(2, Math.floor(runs));
  console.log(tableHeading("", "version", "first start", `then (median of ${count - 1})`, "resident"));
  let isSlow = false;
  for (const { name } of PROGRAMS) {
    const paths = folder.map((folder) => `${folder}/${name}`);
    const caches = new Map(paths.map((path) => [path, Deno.makeTempDirSync()]));
    const starts = new Map(paths.map((path): [string, Start[]] => [path, []]));
    for (let run = 0; run < count; run++) {
      for (const [path, cache] of caches) starts.get(path)!.push(await start(path, cache));
    }
    for (const [path, all] of starts) console.log(await rowOf(path, all));
    isSlow ||= median(starts.get(paths[0]!)!.slice(1).map(({ ms }) => ms)) > LIMIT_MS;
    for (const cache of caches.values()) await Deno.remove(cache, { recursive: true });
  }
  if (isSlow) Deno.exit(EXIT.failure);
}

await runBench(main);
