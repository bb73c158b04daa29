// Runs a server and its backup in one terminal for developers. When a file changes, both restart, one after the
// other, so that clients always find one.

import { blue, bold, dim, magenta, red } from "@std/fmt/colors";
import { DEFAULT_PORT } from "../lib/net/address.ts";
import { isQuit } from "../lib/cli/commands.ts";
import { type Language, translator } from "../lib/i18n/translate.ts";
import { EXIT } from "../lib/cli/process.ts";
import { linesOf, Program } from "../tests/testing/program.ts";
import { paintLine } from "./screens.ts";
import { runTool, type Tool } from "./tool.ts";

const HOST = "127.0.0.1";
const PRIMARY = `${HOST}:${DEFAULT_PORT}`;
const BACKUP = `${HOST}:${DEFAULT_PORT + 1}`;
/** How long files must have been at rest before servers start again, in ms: editors write several times. */
const DEBOUNCE_MS = 150;
/** The files whose changes restart the servers. */
const SOURCE = /[\\/](?:lib[\\/].+\.ts|server\.ts|deno\.json)$/;

const SPANISH = {
  primary: "primario",
  backup: "reserva",
  changed: "Cambió el código: los servidores se reinician.",
  ended: (how: string) => `terminó (${how})`,
  waiting: "se reiniciará cuando cambie el código",
  failed: `No se pudieron iniciar los servidores. Usan ${PRIMARY} y ${BACKUP}.`,
  join: "Para entrar, en otra terminal:",
};

const ENGLISH: typeof SPANISH = {
  primary: "primary",
  backup: "backup",
  changed: "The code has changed: the servers start again.",
  ended: (how) => `ended (${how})`,
  waiting: "starts again when the code changes",
  failed: `Could not start. The servers use ${PRIMARY} and ${BACKUP}.`,
  join: "To join, in another terminal:",
};

/** What this tool itself has to say. */
const TEXTS: Readonly<Record<Language, typeof SPANISH>> = { es: SPANISH, en: ENGLISH };

interface Settings {
  /** Where it listens, and the server that it announces as its backup. */
  readonly address: string;
  readonly backup: string;
  readonly language: Language;
  readonly signal: AbortSignal;
  /** Prints a line of this server. */
  readonly print: (line: string) => void;
}

/** A server that can be started again and again. */
class DevServer implements AsyncDisposable {
  readonly #settings: Settings;
  #program: Program | undefined;
  #hasListened = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  /** Starts it, in the place of the one that runs. Fulfilled with true once it listens, with false if it
   * cannot; why not is printed. */
  async restart(): Promise<boolean> {
    await this.#stop();
    const { address, backup, language, signal, print } = this.#settings;
    const [host, port] = address.split(":");
    const args = [`--host=${host}`, `--port=${port}`, `--backup=${backup}`, `--lang=${language}`];
    const program = new Program("server", args, {
      onLine: (line) => print(paintLine(line)),
      onEnd: (status) => {
        if (this.#program === program && !signal.aborted) this.#tellEnd(status);
      },
    });
    this.#program = program;
    const listening = translator(language)("server.listening", { address });
    try {
      await program.waitForLine((line) => line === listening, { signal });
    } catch {
      return false;
    }
    this.#hasListened = true;
    return true;
  }

  async #stop(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.end();
  }

  /** Prints that the program ended unasked. */
  #tellEnd({ signal, code }: Deno.CommandStatus): void {
    const { language, print } = this.#settings;
    const { ended, waiting } = TEXTS[language];
    const end = ended(signal ?? String(code));
    print(red(this.#hasListened ? `${end}: ${waiting}` : end));
  }
}

/** Runs both servers until it is told to end. Returns the exit status. */
async function dev({ language, signal: outer }: Tool): Promise<number> {
  const signal = AbortSignal.any([outer, quitTyped()]);
  const texts = TEXTS[language];
  const width = Math.max(texts.primary.length, texts.backup.length);
  const printAs = (label: string) => (line: string) => console.log(`${label} ${dim("│")} ${line}`);
  await using primary = new DevServer({
    address: PRIMARY,
    backup: BACKUP,
    language,
    signal,
    print: printAs(blue(texts.primary.padEnd(width))),
  });
  await using backup = new DevServer({
    address: BACKUP,
    backup: PRIMARY,
    language,
    signal,
    print: printAs(magenta(texts.backup.padEnd(width))),
  });
  using changes = new Changes(signal);
  if (!await primary.restart() || !await backup.restart()) {
    if (signal.aborted) return EXIT.ok;
    console.error(red(texts.failed));
    return EXIT.failure;
  }
  const join = `${texts.join}\n  ${bold(joinCommand())}`;
  console.log(join);
  while (await changes.next()) {
    console.log(dim(texts.changed));
    if (await primary.restart() && await backup.restart()) console.log(join);
  }
  return EXIT.ok;
}

/** Aborted when the user types a line that ends a server. */
function quitTyped(): AbortSignal {
  const ending = new AbortController();
  const read = async () => {
    for await (const line of linesOf(Deno.stdin.readable)) if (isQuit(line)) return ending.abort();
  };
  read().catch(() => {}); // no user types here
  return ending.signal;
}

/** How to start a client. Who runs Deno by npx has it nowhere else. */
function joinCommand(): string {
  const isNpx = /[\\/]_npx[\\/]/.test(Deno.execPath());
  const deno = isNpx ? `npx --yes deno@${Deno.version.deno}` : "deno";
  return `${deno} task client --host ${HOST} --port ${DEFAULT_PORT} --backup ${BACKUP}`;
}

/** A folder and all folders in it. */
function foldersIn(folder: string): string[] {
  const subfolders = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
  return [folder, ...subfolders.flatMap(({ name }) => foldersIn(`${folder}/${name}`))];
}

/** Changes of the servers' code. */
class Changes implements Disposable {
  readonly #watcher = Deno.watchFs([".", ...foldersIn("./lib")], { recursive: false });
  readonly #signal: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#changed.resolve());
    void this.#watch();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#watcher.close();
  }

  /** Fulfilled with true when something has changed since the last time, with false at the end. */
  async next(): Promise<boolean> {
    await this.#changed.promise;
    this.#changed = Promise.withResolvers();
    return !this.#signal.aborted;
  }

  async #watch(): Promise<void> {
    for await (const { kind, paths } of this.#watcher) {
      if (kind === "access" || !paths.some((path) => SOURCE.test(path))) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#changed.resolve(), DEBOUNCE_MS);
    }
  }
}

if (import.meta.main) await runTool(dev);
