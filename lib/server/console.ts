// What the person who runs a server types, and what the server does then.

import { checkBackup, parseBackup } from "../net/address.ts";
import type { ChatServer } from "./chat_server.ts";
import { unknownCommandText } from "../cli/commands.ts";
import { InputError } from "../errors.ts";
import { errorText, type Language, type Translate, translator } from "../i18n/translate.ts";
import { type AdminAction, ORDER_NAMES, orderHelp, orderUsage, parseOrder } from "./orders.ts";
import type { Renderer } from "../render/renderer.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { completeWord } from "../terminal/line_editor.ts";

const MINUTE_MS = 60_000;
const BYTES_PER_MEGABYTE = 1_000_000;
const ONE_DIGIT = { minimumFractionDigits: 1, maximumFractionDigits: 1 };

/** What an operator needs. */
interface AdminConsoleOptions {
  readonly terminal: Terminal;
  readonly renderer: Renderer;
  readonly language: Language;
  readonly server: ChatServer;
  /** IPs of this machine. */
  readonly localIPs: () => readonly string[];
}

/** Somebody at the console of a server. */
export class AdminConsole {
  readonly #options: AdminConsoleOptions;
  readonly #t: Translate;

  constructor(options: AdminConsoleOptions) {
    this.#options = options;
    this.#t = translator(options.language);
  }

  /** Takes in what is typed until it ends the server: `salir`, `quit`, or the end of what a person types. The
   * end of a pipe ends nothing: a server runs without anybody at its console. */
  async run(): Promise<void> {
    const { terminal, language, renderer, server } = this.#options;
    const complete = (before: string) => {
      const nicks = [...server.members].map(({ nick }) => nick);
      return completeWord(before, { nicks, commands: ORDER_NAMES });
    };
    for await (const { text, isPasted } of terminal.lines("", { complete })) {
      try {
        // Nobody means to end the server with a line of a text that was pasted into the wrong window.
        const order: AdminAction = isPasted ? { type: "talk" } : parseOrder(text);
        if (order.type === "quit") return;
        const answer = this.#run(order);
        if (answer.length > 0) await terminal.print(...answer);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        await terminal.print(...renderer.reply(errorText(error, language)));
      }
    }
    if (!terminal.isTty) await new Promise(() => {});
  }

  /** Does what it is told. Returns the lines that answer; what the room is told stands in its log. */
  #run(order: Exclude<AdminAction, { type: "quit" }>): string[] {
    const { server, renderer, terminal } = this.#options;
    switch (order.type) {
      case "help":
        return renderer.reply(this.#t("command.list"), orderHelp(this.#t, terminal.columns));
      case "who":
        return this.#who();
      case "kick":
        return this.#kick(order);
      case "ban":
        return renderer.reply(this.#ban(order));
      case "say":
        server.announce(order.text);
        return [];
      case "backup":
        checkBackup(parseBackup(order.server), {
          listening: server.address,
          localIPs: this.#options.localIPs(),
        });
        server.addBackup(order.server);
        return [];
      case "withdrawal":
        server.removeBackup(order.server);
        return [];
      case "stats":
        return this.#stats();
      case "incomplete":
      case "surplus":
        return renderer.reply(
          this.#t(`command.${order.type}`, { usage: orderUsage(order.command, this.#t) }),
        );
      case "unknown":
        return renderer.reply(unknownCommandText(order, this.#t));
      case "talk":
        return renderer.reply(this.#t("server.commands"));
      case "nothing":
        return [];
    }
  }

  #who(): string[] {
    const { server, renderer } = this.#options;
    const lines = [...server.members].map((person) => renderer.member(person));
    return renderer.reply(this.#t("who.online", { count: lines.length }), lines);
  }

  #kick({ nick, reason }: { nick: string; reason: string }): string[] {
    const { server, renderer } = this.#options;
    return server.kick(nick, reason) ? [] : renderer.reply(this.#t("server.nick-unknown", { nick }));
  }

  #ban({ address, minutes }: { address: string; minutes: number }): string {
    const count = this.#options.server.ban(address, minutes * MINUTE_MS);
    return minutes > 0
      ? this.#t("server.banned", { address, minutes, count })
      : this.#t("server.unbanned", { address });
  }

  #stats(): string[] {
    const { server, renderer, language } = this.#options;
    const { memberCount, eventsPerSecond, startedMs, storedBytes } = server.stats;
    const oneDigit = new Intl.NumberFormat(language, ONE_DIGIT);
    const lines = renderer.reply(this.#t("server.stats", {
      clients: memberCount,
      rate: oneDigit.format(eventsPerSecond),
      megabytes: Math.round(Deno.memoryUsage().rss / BYTES_PER_MEGABYTE),
      since: renderer.formatTime(startedMs),
    }));
    if (storedBytes !== undefined) {
      const megabytes = oneDigit.format(storedBytes / BYTES_PER_MEGABYTE);
      lines.push(...renderer.reply(this.#t("server.stats-stored", { megabytes })));
    }
    return lines;
  }
}
