// Makes ./chat-server and ./chat-client for this machine: by `deno compile`, or self-extracting if its runtime base
// is not available.
//
//   deno task compile [--self-extracting] [--lang es|en]

import { parseArgs } from "@std/cli/parse-args";
import { chooseLanguage, type Language } from "../lib/i18n/translate.ts";
import { EXIT, systemLocales } from "../lib/cli/process.ts";
import {
  bundlePrograms,
  compileProgram,
  MakeError,
  makeSelfExtracting,
  RuntimeBaseError,
} from "./executables.ts";
import { PROGRAMS, type ProgramSource } from "./programs.ts";

const SPANISH = {
  compiling: "Se compilan chat-server y chat-client…",
  noBase: (reason: string) => `No se pudo obtener la base de Deno (${reason})`,
  instead: `se hacen archivos autoextraíbles con Deno ${Deno.version.deno}.`,
  noSelfExtracting:
    "En Windows no hay archivos autoextraíbles: ejecute esto donde se pueda descargar la base de Deno, dé su ruta en DENORT_BIN, o use «deno task server» y «deno task client».",
  made: (name: string, megabytes: string) => `./${name} (${megabytes} MB)`,
  failed: "No se pudo compilar:",
};

const ENGLISH: typeof SPANISH = {
  compiling: "Compiling chat-server and chat-client…",
  noBase: (reason) => `Could not get Deno's runtime base (${reason})`,
  instead: `making self-extracting files with Deno ${Deno.version.deno}.`,
  noSelfExtracting:
    'There are no self-extracting files on Windows: run this where the runtime base can be downloaded, give its path in DENORT_BIN, or use "deno task server" and "deno task client".',
  made: (name, megabytes) => `./${name} (${megabytes} MB)`,
  failed: "Could not compile:",
};

const TEXTS: Readonly<Record<Language, typeof SPANISH>> = { es: SPANISH, en: ENGLISH };

const isWindows = Deno.build.os === "windows";

function pathOf({ name }: ProgramSource): string {
  return isWindows ? `${name}.exe` : name;
}

/** Makes both programs the way that is possible. Returns the exit status. */
async function compile(texts: typeof SPANISH, wantsSelfExtracting: boolean): Promise<number> {
  console.log(texts.compiling);
  const files = await bundlePrograms();
  try {
    for (const program of wantsSelfExtracting ? [] : PROGRAMS) {
      await compileProgram(program, { files, output: pathOf(program) });
    }
  } catch (error) {
    if (!(error instanceof RuntimeBaseError)) throw error;
    console.log(texts.noBase(error.message) + (isWindows ? "." : `: ${texts.instead}`));
    wantsSelfExtracting = true;
  }
  if (wantsSelfExtracting && isWindows) {
    console.error(texts.noSelfExtracting);
    return EXIT.failure;
  }
  if (wantsSelfExtracting) await makeSelfExtracting({ files, pathOf });
  for (const path of PROGRAMS.map(pathOf)) {
    console.log(texts.made(path, ((await Deno.stat(path)).size / 1_000_000).toFixed(0)));
  }
  return EXIT.ok;
}

const flags = parseArgs(Deno.args, {
  boolean: ["self-extracting"],
  string: ["lang"],
  unknown: (flag) => {
    console.error(`deno task compile [--self-extracting] [--lang es|en], ${flag}?`);
    Deno.exit(EXIT.usage);
  },
});
const texts = TEXTS[chooseLanguage(flags.lang as string | undefined, systemLocales())];
try {
  Deno.exit(await compile(texts, flags["self-extracting"] === true));
} catch (error) {
  if (!(error instanceof MakeError)) throw error;
  console.error(`${texts.failed}\n${error.message}`);
  Deno.exit(EXIT.failure);
}
