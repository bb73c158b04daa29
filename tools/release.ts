// Makes dist/: both programs for every target, SHA256SUMS, and the licences. Lists the targets that cannot be made here,
// and then exits with an error.
//
//   deno task release [--lang es|en]

import { type Language } from "../lib/i18n/translate.ts";
import { EXIT } from "../lib/cli/process.ts";
import { type Target, targetOf, TARGETS } from "./executable_format.ts";
import {
  bundlePrograms,
  compileProgram,
  LICENSES,
  MakeError,
  makeSelfExtracting,
  RuntimeBaseError,
} from "./executables.ts";
import { PROGRAMS, type ProgramSource } from "./programs.ts";
import { runTool, type Tool } from "./tool.ts";

const FOLDER = "dist";
/** No shell there reads self-extracting files. */
const WINDOWS: Target = "x86_64-pc-windows-msvc";

const SPANISH = {
  made: (path: string, megabytes: string, how: string) => `${path} (${megabytes} MB, ${how})`,
  compiled: "compilado",
  selfExtracting: "autoextraíble",
  notMade: (system: string, why: string) => `No se pudo hacer para ${system}: ${why}`,
  wrongMachine: "la base de Deno es para otro tipo de equipo",
  all: `Están todos. Se comprueban con: cd ${FOLDER} && sha256sum --check SHA256SUMS`,
  missing: (systems: string) => `Faltan: ${systems}.`,
  failed: "No se pudo hacer ninguno:",
};

const ENGLISH: typeof SPANISH = {
  made: (path, megabytes, how) => `${path} (${megabytes} MB, ${how})`,
  compiled: "compiled",
  selfExtracting: "self-extracting",
  notMade: (system, why) => `Could not make it for ${system}: ${why}`,
  wrongMachine: "the runtime base is for another machine",
  all: `All are there. To check them: cd ${FOLDER} && sha256sum --check SHA256SUMS`,
  missing: (systems) => `Missing: ${systems}.`,
  failed: "Could not make any:",
};

const TEXTS: Readonly<Record<Language, typeof SPANISH>> = { es: SPANISH, en: ENGLISH };

function pathFor(target: Target): (program: ProgramSource) => string {
  return ({ name }) => `${FOLDER}/${name}-${TARGETS[target].suffix}`;
}

/** Makes both programs for a machine: self-extracting where a runtime base cannot be had. Returns the name of
 * the way.
 * @throws {MakeError} */
async function make(
  target: Target,
  { files, texts }: { files: ReadonlyMap<string, string>; texts: typeof SPANISH },
): Promise<string> {
  const pathOf = pathFor(target);
  try {
    for (const program of PROGRAMS) {
      await compileProgram(program, {
        files,
        output: pathOf(program),
        target,
      });
      if (await targetOfFile(pathOf(program)) === target) continue;
      await Deno.remove(pathOf(program));
      throw new RuntimeBaseError(texts.wrongMachine);
    }
    return texts.compiled;
  } catch (error) {
    if (!(error instanceof RuntimeBaseError) || target === WINDOWS) throw error;
    await makeSelfExtracting({ files, pathOf, target });
    return texts.selfExtracting;
  }
}

async function targetOfFile(path: string): Promise<Target | undefined> {
  using file = await Deno.open(path);
  const head = new Uint8Array(4_096);
  return targetOf(head.subarray(0, await file.read(head) ?? 0));
}

async function release({ language }: Tool): Promise<number> {
  const texts = TEXTS[language];
  const files = await bundlePrograms().catch((error) => {
    if (!(error instanceof MakeError)) throw error;
    console.error(`${texts.failed}\n${error.message}`);
  });
  if (!files) return EXIT.failure;
  await Deno.remove(FOLDER, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(FOLDER);
  const missing: string[] = [];
  const sums: string[] = [];
  for (const target of Object.keys(TARGETS) as Target[]) {
    try {
      const how = await make(target, { files, texts });
      for (const path of PROGRAMS.map(pathFor(target))) {
        const bytes = await Deno.readFile(path);
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
        sums.push(`${digest}  ${path.slice(FOLDER.length + 1)}\n`);
        console.log(texts.made(path, (bytes.length / 1_000_000).toFixed(0), how));
      }
    } catch (error) {
      if (!(error instanceof MakeError)) throw error;
      missing.push(TARGETS[target].machine);
      console.error(texts.notMade(missing.at(-1)!, error.message));
    }
  }
  await Deno.writeTextFile(`${FOLDER}/SHA256SUMS`, sums.join(""));
  await Deno.writeTextFile(`${FOLDER}/${LICENSES}`, files.get(LICENSES)!);
  console.log(missing.length === 0 ? texts.all : texts.missing(missing.join(", ")));
  return missing.length === 0 ? EXIT.ok : EXIT.failure;
}

await runTool(release);
