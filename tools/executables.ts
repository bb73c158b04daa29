// Builds the executables of both programs, which run without Deno or Node, from the project's folder.

import { type Target, targetOf, TARGETS } from "./executable_format.ts";
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

/** Printed by `--licenses`. */
export const LICENSES = "licenses.txt";

/** Modules that are big or slow to load, and not needed at the start: they stay modules of their own beside those of the programs. */
const RARE = [
  { name: "self_signed", entry: "lib/net/self_signed.ts", specifier: "./self_signed.ts" },
  { name: "discovery", entry: "lib/net/discovery.ts", specifier: "../net/discovery.ts" },
  { name: "string_width", entry: "lib/terminal/string_width.ts", specifier: "./string_width.ts" },
  { name: "nats_room", entry: "lib/cluster/nats/room.ts", specifier: "../cluster/nats/room.ts" },
];

/** The text of each file by its name, the same wherever and whenever it is made: a module for each program, those that
 * they load when they need them, and the licences.
 * @throws {MakeError} */
export async function bundlePrograms(): Promise<Map<string, string>> {
  await runDeno(["check", "--frozen", "--quiet", ...PROGRAMS.map(({ entry }) => entry)]);
  const files = new Map<string, string>();
  for (const { name, entry } of [...PROGRAMS, ...RARE]) {
    const others = RARE.filter((rare) => rare.name !== name);
    const external = others.map(({ specifier }) => `--external=${specifier}`);
    const code = await runDeno(["bundle", "--frozen", "--quiet", ...external, entry]);
    const linked = others.reduce(
      (text, { name, specifier }) => text.replaceAll(`import("${specifier}")`, `import("./${name}.js")`),
      code,
    );
    files.set(`${name}.js`, withoutPaths(linked));
  }
  return files.set(LICENSES, await Deno.readTextFile(LICENSES));
}

/** What comes from a package is marked with its path on this machine, in a comment or as the key of a module. */
function withoutPaths(code: string): string {
  return code.replaceAll(/^\/\/ \.\.\/.*\n/gm, "")
    .replaceAll(/"(?:\.\.\/)+[^"\n]*\/npm\/[^"\n/]+\//g, '"npm/');
}

/** Makes a file of a program by `deno compile`, for this machine or another one.
 * @throws {RuntimeBaseError} if what it needs to download for that cannot be had
 * @throws {MakeError} if anything else is wrong */
export async function compileProgram(
  { name, permissions }: ProgramSource,
  { files, output, target = Deno.build.target }: {
    files: ReadonlyMap<string, string>;
    output: string;
    target?: string;
  },
): Promise<void> {
  const env = Deno.env.toObject();
  // It is for this machine, and Deno would take it for any.
  if (target !== Deno.build.target) delete env.DENORT_BIN;
  // Deno replaces only what it made itself.
  await Deno.remove(output).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const folder = await Deno.makeTempDir({ dir: ".", prefix: ".compile-" });
  const entry = `${folder}/${name}.js`;
  try {
    for (const [file, text] of files) {
      const path = `${folder}/${file}`;
      await Deno.writeTextFile(path, text);
      // Deno notes the time of the file in what it makes.
      await Deno.utime(path, 0, 0);
    }
    // The code cache would lie in a folder where others may write, under a name that they know.
    const flags = ["--quiet", "--no-config", "--no-lock", "--no-code-cache", "--target", target];
    const including = ["--include", `${folder}/${LICENSES}`];
    await runDeno(["compile", ...flags, ...including, ...permissions, "--output", output, entry], env);
  } catch (error) {
    if (!(error instanceof MakeError)) throw error;
    const [, reason] = /base binary[^]*?\n\s*1: (.*)/.exec(error.message) ?? [];
    throw reason ? new RuntimeBaseError(reason, { cause: error }) : error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Makes self-extracting files of all programs, around a Deno for this machine or for the one that `target`
 * names.
 * @throws {MakeError} if there is no such Deno */
export async function makeSelfExtracting(
  { files, pathOf, target = Deno.build.target as Target }: {
    files: ReadonlyMap<string, string>;
    pathOf: (program: ProgramSource) => string;
    target?: Target;
  },
): Promise<void> {
  const deno = await Deno.readFile(target === Deno.build.target ? Deno.execPath() : await denoFor(target));
  if (targetOf(deno) !== target) throw new MakeError(`Cannot take this Deno: it is not for ${target}`);
  const archive = await archiveOf(deno, files);
  const script = await Deno.readTextFile(new URL("self_extracting.sh", import.meta.url));
  for (const program of PROGRAMS) {
    const bytes = selfExtracting(program, { archive, script, machine: TARGETS[target].machine });
    const path = pathOf(program);
    // Not into a file that may be running.
    await Deno.writeFile(`${path}.new`, bytes, { mode: 0o755 });
    await Deno.rename(`${path}.new`, path);
  }
}

/** Path of the Deno of this very version for another machine, which stays in Deno's cache.
 * @throws {MakeError} if it cannot be had */
async function denoFor(target: Target): Promise<string> {
  const name = `${TARGETS[target].denoPackage}@${Deno.version.deno}`;
  // The project does not depend on it: neither its deno.json nor its lock file shall know.
  await runDeno(["cache", "--quiet", "--no-config", "--no-lock", `npm:${name}`]);
  const info = await runDeno(["info", "--json", "--no-config", "--no-lock", `npm:${name}`]);
  return `${JSON.parse(info).npmPackages[name].localPath}/deno`;
}

/** What Deno writes. */
async function runDeno(args: readonly string[], env = Deno.env.toObject()): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    env: { ...env, NO_COLOR: "1" },
    clearEnv: true,
  }).output();
  if (!success) throw new MakeError(new TextDecoder().decode(stderr).split("\n\nStack backtrace")[0]!.trim());
  return new TextDecoder().decode(stdout);
}
