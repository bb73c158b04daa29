// The commands of a server's console, one entry each, and the loop that runs them.

import {
  CommandRegistry,
  commandsFor,
  type CommonContext,
  HELP_COMMAND,
  inputErrorReply,
  optional,
  QUIT_COMMAND,
  rest,
  searchPrompt,
  TEXT,
  visibleText,
  WHO_COMMAND,
  word,
} from "../cli/commands.ts";
import type { ProcessContext } from "../cli/process.ts";
import { parseRequest, sayText } from "../cli/requests.ts";
import { InputError } from "../errors.ts";
import { type Message, type Translate, translator } from "../i18n/translate.ts";
import {
  checkBackup,
  checkShareable,
  formatAddress,
  formatBackup,
  normalizeHostPort,
  parseBackup,
  parseIP,
} from "../net/address.ts";
import type { Renderer } from "../render/renderer.ts";
import type { TypedLine } from "../terminal/line_queue.ts";
import { completeWord } from "../terminal/line_editor.ts";
import { parseText } from "../text/text.ts";
import type { BackupChecker } from "./backup_checker.ts";
import type { ChatServer } from "./chat_server.ts";
import { localIPs } from "./listen_prompt.ts";

const MINUTE_MS = 60_000;
const BYTES_PER_KILOBYTE = 1_000;
const BYTES_PER_MEGABYTE = 1_000_000;
const ONE_DIGIT = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
/** Of the line being typed, in a terminal. */
const PROMPT = "> ";
const MAX_BAN_MINUTES = 525_600;

/** What the commands use. */
type AdminContext = Omit<AdminConsole, "run">;

const command = commandsFor<AdminContext>();

export const ADMIN_COMMANDS = new CommandRegistry<AdminContext>([
  HELP_COMMAND,
  WHO_COMMAND,
  command({
    names: ["kick", "expulsar"],
    args: {
      nick: word({ es: "NICK", en: "NICK" }, visibleText),
      reason: optional(rest({ es: "MOTIVO", en: "REASON" }, parseText)),
    },
    help: {
      es: "expulsar a un miembro; todos los miembros verán el motivo",
      en: "kick a member; all members see the reason",
    },
    run: (admin, { nick, reason }) => {
      const member = admin.server.kick(nick, reason);
      if (!member) throw new InputError("nick-unknown", { nick });
      if (reason) admin.server.announce(admin.t("server.kick-reason", { nick: member.nick, reason }));
    },
  }),
  command({
    names: ["ban", "vetar"],
    args: {
      address: word({ es: "IP", en: "IP" }, parseIP),
      minutes: rest({ es: "MINUTOS", en: "MINUTES" }, parseMinutes),
    },
    help: {
      es: "vetar una dirección durante esos MINUTOS; 0 quita el veto",
      en: "ban an address for that many MINUTES; 0 lifts the ban",
    },
    run: (admin, { address, minutes }) => {
      if (minutes > 0) {
        const count = admin.server.ban(address, minutes * MINUTE_MS);
        return admin.reply(admin.t.message("server.banned", { address, minutes, count }));
      }
      if (!admin.server.unban(address)) throw new InputError("ip-not-banned", { ip: address });
      return admin.reply(admin.t.message("server.unbanned", { address }));
    },
  }),
  command({
    names: ["say", "decir"],
    args: { text: TEXT },
    help: { es: "anunciar un texto a todos los miembros", en: "announce a text to all members" },
    run: ({ server }, { text }) => server.announce(text),
  }),
  command({
    names: ["backup", "reserva"],
    args: { change: optional(rest({ es: "[-]SERVIDOR:PUERTO", en: "[-]HOST:PORT" }, parseBackupChange)) },
    help: {
      es: "añadir un servidor de reserva; con - delante, quitarlo; sin servidor, ver cuáles responden",
      en: "add a backup server; with - before it, remove it; without an argument, show which backups answer",
    },
    run: (admin, { change: { isRemoval, typed } }) => {
      const { server } = admin;
      if (typed === "") return admin.showBackups();
      const backup = parseBackup(normalizeHostPort(typed), server.address.port);
      if (isRemoval) return server.removeBackup(formatAddress(backup.server));
      checkBackup(checkShareable(backup), { listening: server.address, localIPs: admin.localIPs() });
      server.addBackup(formatBackup(backup));
      void admin.reportBackup(formatBackup(backup));
    },
  }),
  command({
    names: ["stats", "estado"],
    help: {
      es: "mostrar clientes, mensajes por segundo, memoria, hora de inicio y huella del certificado",
      en: "show clients, messages per second, memory, start time and the TLS fingerprint",
    },
    run: (admin) => admin.showStats(),
  }),
  command({
    names: ["clear", "limpiar"],
    help: { es: "borrar la pantalla", en: "clear the screen" },
    run: (admin) => admin.clear(),
  }),
  QUIT_COMMAND,
]);

function parseMinutes(text: string): number {
  const minutes = /^\d{1,6}$/.test(text) ? Number(text) : Infinity;
  if (minutes <= MAX_BAN_MINUTES) return minutes;
  throw new InputError("minutes-invalid", { minutes: text, max: MAX_BAN_MINUTES });
}

/** `HOST:PORT` to announce a backup, `-HOST:PORT` to withdraw it, "" to list them. */
function parseBackupChange(raw: string): { isRemoval: boolean; typed: string } | undefined {
  const text = parseText(raw);
  // A bare word, or one with a number behind it, is most often a slip, and every client would be sent there.
  if (/^[\p{L}\p{M}\p{N}_-]+(\s+\d+)?$/u.test(text)) return undefined;
  const isRemoval = text.startsWith("-");
  return { isRemoval, typed: isRemoval ? text.slice(1) : text };
}

interface ConsoleParts {
  readonly server: ChatServer;
  readonly checker: Pick<BackupChecker, "stateOf">;
  /** Of the server's certificate; undefined without TLS. */
  readonly fingerprint?: string;
  readonly renderer: Renderer;
  /** Lines are requests of a program. */
  readonly isJson: boolean;
}

/** Runs the commands that are typed at a server's console. */
export class AdminConsole implements CommonContext {
  readonly server: ChatServer;
  readonly t: Translate;
  readonly #process: ProcessContext;
  readonly #renderer: Renderer;
  readonly #checker: ConsoleParts["checker"];
  readonly #fingerprint: string | undefined;
  readonly #isJson: boolean;
  #hasQuit = false;

  constructor({ server, checker, fingerprint, renderer, isJson }: ConsoleParts, process: ProcessContext) {
    this.#fingerprint = fingerprint;
    this.#isJson = isJson;
    this.#checker = checker;
    this.server = server;
    this.t = translator(process.language);
    this.#process = process;
    this.#renderer = renderer;
  }

  /** Reads lines until `quit`, or until the user ends the input. The end of a pipe does not end a server. */
  async run(): Promise<void> {
    const { terminal } = this.#process;
    const complete = (before: string) => {
      const nicks = [...this.server.members].map(({ nick }) => nick);
      return completeWord(before, {
        nicks,
        commands: ADMIN_COMMANDS.completions(this.#process.language),
        nickCommands: ADMIN_COMMANDS.nickCommands,
      });
    };
    let lineNumber = 0;
    terminal.releaseDraft(); // no question follows
    for await (const line of terminal.lines(PROMPT, { complete, searchPrompt: searchPrompt(this.t) })) {
      lineNumber++;
      if (line.text.trim() === "" && !line.isPasted) continue;
      try {
        await (this.#isJson ? this.#obey(line) : this.#runTyped(line));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        const { hasLineEditor } = terminal;
        await this.reply(inputErrorReply(error, line, { t: this.t, hasLineEditor, lineNumber }));
      }
      if (this.#hasQuit) return;
    }
    if (!terminal.isTty) await new Promise(() => {});
  }

  async #runTyped({ text, isPasted }: TypedLine): Promise<void> {
    // A pasted line never ends the server: the paste may have hit the wrong window.
    if (isPasted) await this.reply(this.t.message("server.pasted"));
    else if (!ADMIN_COMMANDS.isCommand(text)) await this.reply(this.t.message("server.commands"));
    else await this.#runCommand(text);
  }

  /** Does what a program asks for. */
  async #obey({ text }: TypedLine): Promise<void> {
    const request = parseRequest(text, ["say", "command", "quit"]);
    if ("say" in request) this.server.announce(sayText(request));
    else if ("command" in request) await this.#runCommand(request.command);
    else this.quit();
  }

  async #runCommand(line: string): Promise<void> {
    await ADMIN_COMMANDS.run(line, this, this.#process.language);
  }

  quit(): void {
    this.#hasQuit = true;
  }

  clear(): void {
    this.#process.terminal.clear();
  }

  /** IPs of this machine. */
  localIPs(): readonly string[] {
    return localIPs(this.#process);
  }

  reply(message: Message, list?: readonly (Message | string)[]): Promise<void> {
    return this.#process.terminal.print(...this.#renderer.reply(message, this.#nowMs, list));
  }

  get #nowMs(): number {
    return this.#process.clock().wallMs;
  }

  showHelp(): Promise<void> {
    const { language, terminal } = this.#process;
    return this.reply(this.t.message("command.list"), ADMIN_COMMANDS.help(language, terminal.columns));
  }

  showMembers(): Promise<void> {
    const members = [...this.server.members];
    const message = this.t.message("who.online", { count: members.length });
    return this.#process.terminal.print(...this.#renderer.members(message, members, this.#nowMs));
  }

  /** Replies with the state of a backup once it is known. */
  async reportBackup(backup: string): Promise<void> {
    const state = await this.#checker.stateOf(backup);
    if (state) await this.reply(state);
  }

  async showBackups(): Promise<void> {
    const { backups } = this.server;
    if (backups.length === 0) return await this.reply(this.t.message("server.no-backups"));
    const states = await Promise.all(backups.map((backup) => this.#checker.stateOf(backup)));
    await this.reply(this.t.message("server.backups"), states.filter((state) => state !== undefined));
  }

  showStats(): Promise<void> {
    const { memberCount, messagesPerSecond, residentBytes, startedMs, storedBytes } = this.server.stats;
    const { language, terminal } = this.#process;
    const oneDigit = new Intl.NumberFormat(language, ONE_DIGIT);
    const since = this.#renderer.formatTime(startedMs);
    const stats = this.t.message("server.stats", {
      clients: memberCount,
      rate: oneDigit.format(messagesPerSecond),
      megabytes: Math.round(residentBytes / BYTES_PER_MEGABYTE),
      since,
    });
    const values = { clients: memberCount, messagesPerSecond, residentBytes, since };
    const lines = this.#renderer.reply({ ...stats, values }, this.#nowMs);
    if (storedBytes !== undefined) {
      const size = storedBytes < BYTES_PER_MEGABYTE
        ? `${Math.ceil(storedBytes / BYTES_PER_KILOBYTE)} kB`
        : `${oneDigit.format(storedBytes / BYTES_PER_MEGABYTE)} MB`;
      const stored = this.t.message("server.stats-stored", { size });
      lines.push(...this.#renderer.reply({ ...stored, values: { storedBytes } }, this.#nowMs));
    }
    if (this.#fingerprint !== undefined) {
      const message = this.t.message("server.fingerprint", { fingerprint: this.#fingerprint });
      lines.push(...this.#renderer.reply(message, this.#nowMs));
    }
    return terminal.print(...lines);
  }
}
