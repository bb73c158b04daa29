// How long ./chat-server and ./chat-client take from their start to their first question: the first time on a
// machine, and after that.
//
//   deno task compile && deno task bench:startup [--runs 20]

import { parseArgs } from "@std/cli/parse-args";
import { EXIT } from "../lib/program.ts";
import { PROGRAMS } from "../tools/programs.ts";

/** What a person does not notice, in ms: once a program has run on a machine, half of its starts must be below. */
const LIMIT_MS = 100;

/** Ms until a program asks for something. */
async function startMs(path: string, cache: string): Promise<number> {
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
  child.kill("SIGKILL");
  await Promise.all([child.status, output.cancel(), child.stdin.close().catch(() => {})]);
  return ms;
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await new Deno.Command(path, { args: ["--version", "--lang", "en"] }).output();
  return new TextDecoder().decode(stdout).trim();
}

const flags = parseArgs(Deno.args, { string: ["runs"], default: { runs: "20" } });
const runs = Math.max(2, Math.floor(Number(flags.runs) || 0));
let isSlow = false;
for (const { name } of PROGRAMS) {
  const cache = await Deno.makeTempDir();
  const firstMs = await startMs(`./${name}`, cache);
  const laterMs: number[] = [];
  for (let run = 1; run < runs; run++) laterMs.push(await startMs(`./${name}`, cache));
  laterMs.sort((one, other) => one - other);
  const medianMs = laterMs[Math.floor(laterMs.length / 2)]!;
  isSlow ||= medianMs > LIMIT_MS;
  console.log(
    `${await versionOf(`./${name}`)}: ${firstMs.toFixed(0)} ms at the first start, ` +
      `then ${medianMs.toFixed(0)} ms (median of ${laterMs.length}; ${laterMs[0]!.toFixed(0)} to ` +
      `${laterMs.at(-1)!.toFixed(0)} ms)`,
  );
  await Deno.remove(cache, { recursive: true });
}
Deno.exit(isSlow ? EXIT.refused : EXIT.ok);
