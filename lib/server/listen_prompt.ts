// Listens where the flags say, and asks for what they do not say.

import { isQuit } from "../cli/commands.ts";
import type { ProcessContext } from "../cli/process.ts";
import { InputError, ListenError } from "../errors.ts";
import { errorText, translator } from "../i18n/translate.ts";
import { checkBackup, DEFAULT_PORT, parseBackup, parsePort } from "../net/address.ts";
import { listen } from "../net/tcp.ts";
import { promptUntilValid } from "../terminal/prompt.ts";
import type { AskOptions } from "../terminal/terminal.ts";
import type { ServerConfig } from "./config.ts";

const ALL_ADDRESSES = "0.0.0.0";
/** Answers that mean all of them, whatever the language. */
const ALL_WORDS = ["todas", "all"];

/** Asks again for an address or port that cannot be used. Undefined if the operator quits instead.
 * @throws {InputError} `backup-is-self`, or if the input ends before all is known
 * @throws {ListenError} if an address or port given by flags cannot be used */
export async function openListener(
  { listen: { host, port }, backups }: ServerConfig,
  process: ProcessContext,
): Promise<Deno.TcpListener | undefined> {
  const { terminal, language } = process;
  const asked: { host?: string; port?: number } = {};
  for (let isRetry = false;; isRetry = true) {
    asked.port ??= port ?? await askPort(process, { isRetry });
    if (asked.port === undefined) return undefined;
    asked.host ??= host ?? await askHost(process, { isRetry });
    if (asked.host === undefined) return undefined;
    const listening = { host: asked.host, port: asked.port };
    for (const backup of backups) {
      checkBackup(parseBackup(backup, asked.port), { listening, localIPs: localIPs(process) });
    }
    try {
      return listen(listening);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const culprit = error.code.startsWith("port-") ? "port" : "host";
      const isFlag = (culprit === "host" ? host : port) !== undefined;
      if (isFlag) throw error;
      await terminal.print(errorText(error, language));
      asked[culprit] = undefined;
    }
  }
}

/** Checks an address that flags give and no question may change, without keeping it.
 * @throws {ListenError} */
export function checkListen({ host, port }: ServerConfig["listen"], process: ProcessContext): void {
  const known = host ?? (process.localAddresses().length < 2 ? ALL_ADDRESSES : undefined);
  if (known !== undefined && port !== undefined) listen({ host: known, port }).close();
}

export function localIPs(process: ProcessContext): string[] {
  return process.localAddresses().map(({ address }) => address);
}

function askPort(process: ProcessContext, options: AskOptions): Promise<number | undefined> {
  return promptUntilValid(process, {
    text: translator(process.language)("ask.port"),
    isQuit,
    fallback: String(DEFAULT_PORT),
    parse: parsePort,
    signal: process.terminated,
    ...options,
  });
}

/** Asks for one of the machine's addresses, by number, address or name of its interface, if there are several. */
async function askHost(process: ProcessContext, options: AskOptions): Promise<string | undefined> {
  const t = translator(process.language);
  const local = process.localAddresses();
  if (local.length < 2) return ALL_ADDRESSES;
  const hosts = [ALL_ADDRESSES, ...local.map(({ address }) => address)];
  const all = t("interface.all", { address: ALL_ADDRESSES });
  const names = [all, ...local.map(({ address, name }) => `${address} (${name})`)];
  const choices = names.map((name, index) => `  ${index + 1}) ${name}`);
  await process.terminal.print(`${t("ask.interface")}:`, ...choices);
  return await promptUntilValid(process, {
    text: t("ask.choice"),
    isQuit,
    fallback: "1",
    parse: (answer) => {
      const typed = answer.trim().toLowerCase();
      const host = ALL_WORDS.includes(typed)
        ? ALL_ADDRESSES
        : hosts.find((known, index) => [known.toLowerCase(), `${index + 1}`].includes(typed)) ??
          local.find(({ name }) => name.toLowerCase() === typed)?.address;
      if (host === undefined) throw new InputError("choice-invalid", { max: hosts.length });
      return host;
    },
    signal: process.terminated,
    ...options,
  });
}
