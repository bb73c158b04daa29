// The processes of the demo, and what people do with them.

import { type Language, type Translate, translator } from "../lib/i18n/translate.ts";
import { type Nick, remarkIn, type ScriptLine } from "./conversation.ts";
import { DEMO_TEXTS } from "./demo_texts.ts";
import { freePort, LOOPBACK as HOST } from "../tests/testing/addresses.ts";
import { Program } from "../tests/testing/program.ts";

/** Something did not happen as it should. Its message is for people, and goes on after a colon. */
export class Mishap extends Error {
  override readonly name = "Mishap";
}

/** One of the programs. */
export type Role = "primary" | "backup" | Nick;

interface StageOptions {
  readonly language: Language;
  readonly signal: AbortSignal;
  /** Those who talk, each with a client. */
  readonly nicks: readonly Nick[];
  /** Flags of every program. */
  readonly args?: readonly string[];
}

/** The processes, and what people do with them. Every wait ends at the latest when the signal is aborted.
 * What does not happen as it should is thrown as {@linkcode Mishap}. */
export class Stage implements AsyncDisposable {
  /** Where the servers listen. */
  readonly addresses = { primary: `${HOST}:${freePort()}`, backup: `${HOST}:${freePort()}` };
  readonly said: ScriptLine[] = [];
  readonly nicks: readonly Nick[];
  /** Flags of every program. */
  readonly #args: readonly string[];
  readonly #cast = new Map<Role, Program>();
  readonly #language: Language;
  readonly #t: Translate;
  readonly #signal: AbortSignal;
  #saidBeforeKill: readonly ScriptLine[] | undefined;

  constructor({ language, signal, nicks, args = [] }: StageOptions) {
    this.nicks = nicks;
    this.#args = [...args, `--lang=${language}`];
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

  /** @throws {Mishap} once the time is up, or the demo is interrupted */
  throwIfAborted(): void {
    if (this.#signal.aborted) throw new Mishap(DEMO_TEXTS[this.#language].interrupted);
  }

  /** Whether a program has been started and has not ended. */
  isRunning(role: Role): boolean {
    return this.#cast.get(role)?.hasExited === false;
  }

  /** How many of a user's messages these lines of their client do not show yet: their echo has not come. */
  unackedIn(lines: readonly string[], nick: Nick): number {
    const isOwn = (remark: ScriptLine | undefined) => remark?.nick === nick;
    return this.said.filter(isOwn).length - lines.map(remarkIn).filter(isOwn).length;
  }

  /** Where a client is by its lines; undefined while it is offline. */
  serverIn(lines: readonly string[]): "primary" | "backup" | undefined {
    const { primary, backup } = this.addresses;
    const at = (sentence: string) => lines.findLastIndex((line) => line.includes(beginning(sentence)));
    if (at(this.#t("client.welcome", { server: backup, names: CUT })) >= 0) return "backup";
    const lostAt = at(this.#t("client.connection-lost", { server: primary, why: CUT }));
    return at(this.#t("client.welcome", { server: primary, names: CUT })) > lostAt ? "primary" : undefined;
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
    for (const nick of this.nicks) this.#start(nick, [`--host=${server}`, `--nick=${nick}`, "--auto"]);
    await this.#show(this.nicks, beginning(this.#t("client.welcome", { server, names: CUT })));
  }

  /** Has people say something, each all of theirs in one go. */
  async say(...remarks: readonly ScriptLine[]): Promise<void> {
    this.said.push(...remarks);
    await Promise.all(this.nicks.map((nick) => {
      const own = remarks.filter((remark) => remark.nick === nick);
      return this.#program(nick).type(...own.map(({ text }) => text));
    }));
  }

  /** Waits until everyone sees it. */
  async see(...remarks: readonly ScriptLine[]): Promise<void> {
    for (const { nick, text } of remarks) await this.#show(this.nicks, `${nick}: ${text}`);
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

  /** Has a user leave in their own way. Fulfilled when the others have seen it. */
  async leave(nick: Nick): Promise<void> {
    const client = this.#program(nick);
    const others = this.nicks.filter((other) => this.isRunning(other) && other !== nick);
    await (nick === "ana" ? client.closeStdin() : client.type(nick === "beto" ? "quit" : "salir"));
    await this.#end(nick);
    await this.#show([...others, "backup"], this.#t("room.left", { nick, address: HOST }));
  }

  /** Closes the backup server. */
  async close(): Promise<void> {
    await this.#program("backup").type("salir");
    await this.#end("backup");
  }

  /** How many messages were typed before the kill, and seen by a client only after it. */
  get inFlight(): number {
    const server = this.addresses.primary;
    const loss = beginning(this.#t("client.connection-lost", { server, why: CUT }));
    const late = new Set<string | undefined>();
    for (const nick of this.nicks) {
      const lines = this.linesOf(nick);
      const lost = lines.findIndex((line) => line.includes(loss));
      for (const line of lines.slice(lost)) late.add(remarkIn(line)?.text);
    }
    return this.#saidBeforeKill?.filter(({ text }) => late.has(text)).length ?? 0;
  }

  #start(role: Role, args: readonly string[]): void {
    const task = role === "primary" || role === "backup" ? "server" : "client";
    this.#cast.set(role, new Program(task, [...args, ...this.#args], { hasStdin: true }));
  }

  #program(role: Role): Program {
    return this.#cast.get(role)!;
  }

  /** Waits until each of the programs shows the text. */
  async #show(roles: readonly Role[], text: string): Promise<void> {
    const isWanted = (line: string) => line.includes(text);
    const { notShown } = DEMO_TEXTS[this.#language];
    for (const role of roles) {
      await this.#program(role).waitForLine(isWanted, { signal: this.#signal }).catch(() => {
        throw new Mishap(notShown(nameOf(role, this.#language), text));
      });
    }
  }

  /** Waits until the program has ended as it should. */
  async #end(role: Role): Promise<void> {
    const { notEnded, badEnd } = DEMO_TEXTS[this.#language];
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
  return role === "primary" || role === "backup" ? DEMO_TEXTS[language][role] : role;
}

/** Stands in a sentence for what is not known in advance. */
const CUT = "\n";

function beginning(sentence: string): string {
  return sentence.slice(0, sentence.indexOf(CUT));
}
