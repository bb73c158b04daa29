// The file that remembers the server and the nick of the last join, as defaults of the next questions.

import { readStateFile, writeStateFile } from "../base/files.ts";
import { InputError } from "../errors.ts";
import { type Address, parseAddress, parsePort } from "../net/address.ts";
import { parseNick } from "../text/nick.ts";

export const LAST_JOIN_FILE = "last_join";

export interface LastJoin {
  readonly server: Address;
  readonly nick: string;
}

/** Undefined if there is no file, or it cannot be used: then the questions offer what they always do. */
export async function readLastJoin(path: string): Promise<LastJoin | undefined> {
  try {
    const [host, port, nick] = (await readStateFile(path) ?? "").split(/\r?\n/);
    return {
      server: { host: parseAddress(host!).host, port: parsePort(port ?? "") },
      nick: parseNick(nick ?? ""),
    };
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Host, port and nick, one a line. A file that cannot be written changes nothing but the next defaults. */
export async function writeLastJoin(path: string, { server: { host, port }, nick }: LastJoin): Promise<void> {
  try {
    await writeStateFile(path, `${host}\n${port}\n${nick}\n`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
}
