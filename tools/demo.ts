// Shows a failover: three clients talk, their server is killed, and on the backup every message is shown exactly
// once. Each program is a process.

import { blue, bold, green, magenta, red, yellow } from "@std/fmt/colors";
import { type Language, type Translate, translator } from "../lib/i18n/translate.ts";
import { EXIT } from "../lib/cli/process.ts";
import {
  AFTER_FAILOVER,
  BEFORE_FAILOVER,
  BURST,
  mismatches,
  type Nick,
  NICKS,
  remarkIn,
  type ScriptLine,
  UNACKED_AT_CRASH,
} from "./conversation.ts";
import { freePort, LOOPBACK as HOST } from "../tests/testing/addresses.ts";
import { Program } from "../tests/testing/program.ts";
import { layOutScreens, type Screen } from "./screens.ts";
import { runTool, type Tool } from "./tool.ts";

/** How long it may take from the first process to the last line, in ms. */
const LIMIT_MS = 11_000;

const SPANISH = {
  title: "El chat en acción: dos servidores y tres clientes, cada uno en un proceso aparte",
  opening: "Se abren el servidor primario y el de reserva",
  entering: "Entran ana, beto y caro",
  talking: "Conversan por turno, y después todos a la vez",
  killing: "SIGKILL al servidor primario, con mensajes en el aire",
  goingOn: "Siguen conversando en el servidor de reserva",
  leaving: "Se despiden, y el servidor de reserva se cierra",
  primary: "servidor primario",
  backup: "servidor de reserva",
  killed: "(aquí recibió SIGKILL)",
  notShown: (name: string, text: string) => `${name} no mostró a tiempo «${text}»`,
  notEnded: (name: string) => `${name} no terminó a tiempo`,
  badEnd: (name: string, how: string) => `${name} terminó con ${how}`,
  misquoted: (name: string, nicks: string) => `${name} no vio una vez y en orden lo que dijo ${nicks}`,
  interrupted: "se interrumpió",
  success: (count: number, inFlight: number, seconds: string) =>
    `Bien: cada cliente vio los ${count} mensajes una vez y en orden, ${inFlight} en el aire (${seconds} s).`,
  failure: (problems: string) => `Mal: ${problems}.`,
};

const ENGLISH: typeof SPANISH = {
  title: "The chat at work: two servers and three clients, each a process of its own",
  opening: "The primary server and the backup open",
  entering: "ana, beto and caro enter",
  talking: "They talk in turn, and then all at once",
  killing: "SIGKILL to the primary server, with messages in flight",
  goingOn: "They go on talking on the backup server",
  leaving: "They take leave, and the backup server closes",
  primary: "primary server",
  backup: "backup server",
  killed: "(here it got SIGKILL)",
  notShown: (name, text) => `${name} did not show in time "${text}"`,
  notEnded: (name) => `${name} did not end in time`,
  badEnd: (name, how) => `${name} ended with ${how}`,
  misquoted: (name, nicks) => `${name} did not see once and in order what ${nicks} said`,
  interrupted: "it was interrupted",
  success: (count, inFlight, seconds) =>
    `Good: each client saw the ${count} messages once and in order, ${inFlight} in flight (${seconds} s).`,
  failure: (problems) => `Bad: ${problems}.`,
};

/** What the demo itself has to say. */
const TEXTS: Readonly<Record<Language, typeof SPANISH>> = { es: SPANISH, en: ENGLISH };

/** Something did not happen as it should. Its message is for people, and goes on after a colon. */
class Mishap extends Error {
  override readonly name = "Mishap";
}

type Role = "primary" | "backup" | Nick;

/** The processes, and what people do with them. Every wait ends at the latest when the signal is aborted.
 * What does not happen as it should is thrown as {@linkcode Mishap}. */
class Stage implements AsyncDisposable {
  /** Where the servers listen. */
  readonly addresses = { primary: `${HOST}:${freePort()}`, backup: `${HOST}:${freePort()}` };
  readonly said: ScriptLine[] = [];
  readonly #cast = new Map<Role, Program>();
  readonly #language: Language;
  readonly #t: Translate;
  readonly #signal: AbortSignal;
  #saidBeforeKill: readonly ScriptLine[] | undefined;

  constructor({ language, signal }: Tool) {
    this.#language = language;
    this.#t = translator(language);
    this.#signal = signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#cast.values(), (program) => program.end()));
  }

  /** Whether the primary server has been killed. */
  get isKilled(): boolean {
    return this.#saidBeforeKill !== undefined;
  }

  /** What a program has shown. */
  linesOf(role: Role): readonly string[] {
    const { output = "", errors = "" } = this.#cast.get(role) ?? {};
    return (output + errors).trimEnd().split("\n");
  }

  /** Starts both servers. */
  async open(): Promise<void> {
    const { primary, backup } = this.addresses;
    this.#start("primary", [...serverArgs(primary), `--backup=${backup}`]);
    this.#start("backup", serverArgs(backup));
    await this.#show(["primary"], this.#t("server.listening", { address: primary }));
    await this.#show(["backup"], this.#t("server.listening", { address: backup }));
  }

  /** Has everyone enter the primary server. */
  async enter(): Promise<void> {
    const server = this.addresses.primary;
    for (const nick of NICKS) this.#start(nick, [`--host=${server}`, `--nick=${nick}`, "--auto"]);
    await this.#show(NICKS, beginning(this.#t("client.welcome", { server, names: CUT })));
  }

  /** Has people say something, each all of theirs in one go. */
  async say(...remarks: readonly ScriptLine[]): Promise<void> {
    this.said.push(...remarks);
    await Promise.all(NICKS.map((nick) => {
      const own = remarks.filter((remark) => remark.nick === nick);
      return this.#program(nick).type(...own.map(({ text }) => text));
    }));
  }

  /** Waits until everyone sees it. */
  async see(...remarks: readonly ScriptLine[]): Promise<void> {
    for (const { nick, text } of remarks) await this.#show(NICKS, `${nick}: ${text}`);
  }

  /** Stops the primary server, so that it does not read what is sent to it from now on. */
  freeze(): void {
    if (Deno.build.os !== "windows") this.#program("primary").sendSignal("SIGSTOP");
  }

  /** Kills the primary server. */
  kill(): void {
    this.#program("primary").sendSignal("SIGKILL");
    this.#saidBeforeKill = [...this.said];
  }

  /** Has everyone leave, each in their own way, and the backup server close. */
  async leave(): Promise<void> {
    await this.#leave("caro", { seenBy: ["ana", "beto", "backup"] }, (client) => client.type("salir"));
    await this.#leave("beto", { seenBy: ["ana", "backup"] }, (client) => client.type("quit"));
    await this.#leave("ana", { seenBy: ["backup"] }, (client) => client.closeStdin());
    await this.#program("backup").type("salir");
    await this.#end("backup");
  }

  /** How many messages were typed before the kill, and seen by somebody only after it. */
  get inFlight(): number {
    const server = this.addresses.primary;
    const loss = beginning(this.#t("client.connection-lost", { server, why: CUT }));
    const late = new Set<string | undefined>();
    for (const nick of NICKS) {
      const lines = this.linesOf(nick);
      const lost = lines.findIndex((line) => line.includes(loss));
      for (const line of lines.slice(lost)) late.add(remarkIn(line)?.text);
    }
    return this.#saidBeforeKill?.filter(({ text }) => late.has(text)).length ?? 0;
  }

  #start(role: Role, args: readonly string[]): void {
    const task = role === "primary" || role === "backup" ? "server" : "client";
    const language = `--lang=${this.#language}`;
    this.#cast.set(role, new Program(task, [...args, language], { hasStdin: true }));
  }

  #program(role: Role): Program {
    return this.#cast.get(role)!;
  }

  /** Waits until each of the programs shows the text. */
  async #show(roles: readonly Role[], text: string): Promise<void> {
    const isWanted = (line: string) => line.includes(text);
    const { notShown } = TEXTS[this.#language];
    for (const role of roles) {
      await this.#program(role).waitForLine(isWanted, { signal: this.#signal }).catch(() => {
        throw new Mishap(notShown(nameOf(role, this.#language), text));
      });
    }
  }

  async #leave(
    nick: Nick,
    { seenBy }: { seenBy: readonly Role[] },
    act: (client: Program) => Promise<void>,
  ): Promise<void> {
    await act(this.#program(nick));
    await this.#end(nick);
    await this.#show(seenBy, this.#t("room.left", { nick, address: HOST }));
  }

  /** Waits until the program has ended as it should. */
  async #end(role: Role): Promise<void> {
    const { notEnded, badEnd } = TEXTS[this.#language];
    const name = nameOf(role, this.#language);
    const { success, signal, code } = await this.#program(role).exited({ signal: this.#signal }).catch(() => {
      throw new Mishap(notEnded(name));
    });
    if (!success) throw new Mishap(badEnd(name, signal ?? String(code)));
  }
}

function serverArgs(address: string): string[] {
  const [host, port] = address.split(":");
  return [`--host=${host}`, `--port=${port}`];
}

function nameOf(role: Role, language: Language): string {
  return role === "primary" || role === "backup" ? TEXTS[language][role] : role;
}

/** Stands in a sentence for what nobody knows in advance. */
const CUT = "\n";

function beginning(sentence: string): string {
  return sentence.slice(0, sentence.indexOf(CUT));
}

type Step = "opening" | "entering" | "talking" | "killing" | "goingOn" | "leaving";

/** Has all of it happen. `tell` gets what comes next. */
async function play(stage: Stage, tell: (step: Step) => void): Promise<void> {
  tell("opening");
  await stage.open();
  tell("entering");
  await stage.enter();
  tell("talking");
  for (const remark of BEFORE_FAILOVER) {
    await stage.say(remark);
    await stage.see(remark);
  }
  await stage.say(...BURST);
  await stage.see(BURST[0]!);
  tell("killing");
  stage.freeze();
  await stage.say(...UNACKED_AT_CRASH);
  stage.kill();
  await stage.see(...BURST, ...UNACKED_AT_CRASH);
  tell("goingOn");
  for (const remark of AFTER_FAILOVER) {
    await stage.say(remark);
    await stage.see(remark);
  }
  tell("leaving");
  await stage.leave();
}

/** Plays, shows, and gives the verdict. Returns the exit status. */
async function demo({ language, signal }: Tool): Promise<number> {
  const startedMs = performance.now();
  const texts = TEXTS[language];
  await using stage = new Stage({
    language,
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
  });
  console.log(`${bold(texts.title)}\n`);
  let problems: string[];
  try {
    let count = 0;
    await play(stage, (step) => console.log(`  ${++count}. ${texts[step]}`));
    problems = misquotes(stage, texts);
  } catch (error) {
    if (!(error instanceof Mishap)) throw error;
    problems = [signal.aborted ? texts.interrupted : error.message];
  }
  showAll(stage, texts);
  if (problems.length > 0) {
    console.log(bold(red(texts.failure(problems.join("; ")))));
    return EXIT.failure;
  }
  const elapsed = (performance.now() - startedMs) / 1_000;
  const seconds = elapsed.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  console.log(bold(green(texts.success(stage.said.length, stage.inFlight, seconds))));
  return EXIT.ok;
}

/** Who did not see what was said as it was said. */
function misquotes(stage: Stage, texts: typeof SPANISH): string[] {
  return NICKS.flatMap((reader) => {
    const nicks = mismatches(stage.linesOf(reader), stage.said);
    return nicks.length > 0 ? [texts.misquoted(reader, nicks.join(", "))] : [];
  });
}

/** Prints what every program showed. */
function showAll(stage: Stage, texts: typeof SPANISH): void {
  const columns = (Deno.stdout.isTerminal() && Deno.consoleSize().columns) || Infinity;
  const { primary, backup } = stage.addresses;
  const servers: Screen[] = [
    {
      title: `${texts.primary}, ${primary}`,
      titleTheme: red,
      lines: stage.linesOf("primary"),
      statusLine: stage.isKilled ? texts.killed : undefined,
    },
    { title: `${texts.backup}, ${backup}`, titleTheme: yellow, lines: stage.linesOf("backup") },
  ];
  const colours = [green, magenta, blue];
  const people = NICKS.map((nick, index): Screen => {
    return { title: nick, titleTheme: colours[index]!, lines: stage.linesOf(nick) };
  });
  console.log(["", ...layOutScreens(servers, columns), ...layOutScreens(people, columns)].join("\n"));
}

if (import.meta.main) await runTool(demo);
