// Makes files of the programs that run without Deno or Node. Knows nothing of where they are handed out.

import { PROGRAMS, type ProgramSource } from "./programs.ts";
import { archiveOf, selfExtracting } from "./self_extracting.ts";

/** A file could not be made. The message is Deno's own. */
export class MakeError extends Error {
  override readonly name: string = "MakeError";
}

/** The runtime base for a file could not be had. The message says why. */
export class RuntimeBaseError extends MakeError {
  override readonly name = "RuntimeBaseError";
}

/** Makes a file of a program by `deno compile`, for this machine or another one.
 * @throws {RuntimeBaseError} if what it needs to download for that cannot be had
 * @throws {MakeError} if anything else is wrong */
export async function compileProgram(
  { permissions, entry }: ProgramSource,
  { output, target = Deno.build.target }: { output: string; target?: string },
): Promise<void> {
  const env = Deno.env.toObject();
  // It is for this machine, and Deno would take it for any.
  if (target !== Deno.build.target) delete env.DENORT_BIN;
  // Deno replaces only what it made itself.
  await Deno.remove(output).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  try {
    // The code cache would lie in a folder where others may write, under a name that they know.
    await runDeno(["compile", "--frozen", "--quiet", "--no-code-cache", "--target", target], {
      args: [...permissions, "--output", output, entry],
      env,
    });
  } catch (error) {
    if (!(error instanceof MakeError)) throw error;
    const [, reason] = /base binary[^]*?\n\s*1: (.*)/.exec(error.message) ?? [];
    throw reason ? new RuntimeBaseError(reason, { cause: error }) : error;
  }
}

/** Makes self-extracting files of all programs for this machine, in a folder.
 * @throws {MakeError} */
export async function makeSelfExtracting(
  { pathOf }: { pathOf: (program: ProgramSource) => string },
): Promise<void> {
  const codes = new Map<string, string>();
  for (const program of PROGRAMS) codes.set(program.name, await bundle(program));
  const archive = await archiveOf(await Deno.readFile(Deno.execPath()), codes);
  const script = await Deno.readTextFile(new URL("self_extracting.sh", import.meta.url));
  for (const program of PROGRAMS) {
    const bytes = selfExtracting(program, { archive, script, ...thisMachine() });
    const path = pathOf(program);
    // Not into a file that may be running.
    await Deno.writeFile(`${path}.new`, bytes, { mode: 0o755 });
    await Deno.rename(`${path}.new`, path);
  }
}

/** What this machine is, as `uname -sm` puts it, and as people know it. */
function thisMachine(): { machine: string } {
  const { os, arch } = Deno.build;
  return { machine: os === "darwin" ? `macOS ${arch}` : `Linux ${arch} (glibc)` };
}

async function bundle({ entry }: ProgramSource): Promise<string> {
  const code = await runDeno(["bundle", "--frozen", "--quiet"], { args: [entry] });
  // What comes from a package is marked with its path on this machine.
  return code.replaceAll(/^\/\/ \.\.\/.*\n/gm, "");
}

/** What Deno writes. */
async function runDeno(
  command: readonly string[],
  { args, env = Deno.env.toObject() }: { args: readonly string[]; env?: Record<string, string> },
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...command, ...args],
    cwd: new URL("..", import.meta.url),
    stdin: "null",
    env: { ...env, NO_COLOR: "1" },
    clearEnv: true,
  }).output();
  if (!success) throw new MakeError(new TextDecoder().decode(stderr).split("\n\nStack backtrace")[0]!.trim());
  return new TextDecoder().decode(stdout);
}
