// What stands between a client and a room, and a person can answer for: a password, a certificate that nobody
// knows yet.

import type { Address } from "./address.ts";
import { formatAddress } from "./address.ts";
import { ConnectError, InputError, RefusedError } from "./errors.ts";
import { explain, type Language, type Sentences, sentencesIn } from "./i18n.ts";
import { keyOf } from "./known_servers.ts";
import { parsePassword } from "./password.ts";
import { askFor } from "./questions.ts";
import type { Failure } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";

/** Whether a door is open now, stays shut, or the person wants to leave. */
export type DoorState = "open" | "shut" | "left";

/** What a doorman needs. */
export interface DoormanOptions {
  readonly terminal: Terminal;
  readonly language: Language;
  readonly trust: Trust;
  /** From a file. */
  readonly password?: string;
  /** Asks nothing that a person was not there for. */
  readonly isAuto: boolean;
}

/** Knows the password, and gives it to no server that has not asked for it. */
export class Doorman {
  readonly #options: DoormanOptions;
  readonly #sentences: Sentences;
  /** The one that is given to further servers unasked. */
  #password: string | undefined;
  /** By server, as `keyOf` writes it. */
  readonly #given = new Map<string, string>();

  constructor(options: DoormanOptions) {
    this.#options = options;
    this.#sentences = sentencesIn(options.language);
    this.#password = options.password;
  }

  /** The password for a server; empty if it has not asked for one. */
  passwordFor(server: Address): string {
    return this.#given.get(keyOf(server)) ?? "";
  }

  /** Whether a failure is about a door that may be opened: then there is nothing to tell yet. */
  static isAtDoor({ error }: Failure): boolean {
    return isRefusal(error, "password-needed") || isUnknownCertificate(error);
  }

  /** Tries to open the door that a client stands before, if it stands before one. `isKnown`: the server was named
   * when the program started, or by a server that the client was on; what opened that one opens this one.
   * @throws {InputError} if a pipe ends without an answer */
  async open(
    { target: { server }, error }: Failure,
    { signal, isKnown }: { signal: AbortSignal; isKnown: boolean },
  ): Promise<DoorState> {
    if (isUnknownCertificate(error)) return await this.#askTrust(server, error, signal);
    if (isRefusal(error, "password-wrong") || isRefusal(error, "password-needed")) {
      const isWrong = this.#given.delete(keyOf(server));
      const password = isWrong || !isKnown ? undefined : this.#password;
      return this.#use(server, password ?? await this.#askPassword(signal));
    }
    return "shut";
  }

  #use(server: Address, password: string | DoorState): DoorState {
    return "open";
  }
}
