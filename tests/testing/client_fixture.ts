// chat-client in this process, with its servers, and the lines that it prints.

import { assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { type ChatError, ProtocolError } from "../../lib/errors.ts";
import { tlsServer } from "../../lib/net/tls_server.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import type { RejectedClient } from "../../lib/server/client_handler.ts";
import { errorFrame } from "../../lib/server/sessions.ts";
import { PasswordVerifier } from "../../lib/text/text.ts";
import type { CertificatePair } from "./certificates.ts";
import { FakeUser, type FakeUserOptions } from "./fake_user.ts";
import { type RawClient } from "./raw_peer.ts";
import { TestClock } from "./test_clock.ts";
import { startServer, type TestServerOptions } from "./test_server.ts";

/** The wall time on the clocks of all servers and clients. */
export const NOON = "2026-11-22 12:00:00";

export const SECRET = "ábrete sésamo";

/** A server whose clock stands at {@linkcode NOON}. */
export function startServerAtNoon(options: TestServerOptions = {}): ChatServer {
  return startServer({ clock: new TestClock(NOON).now, ...options });
}

/** A server over TLS. */
export async function startTlsServer(
  pair: CertificatePair,
  options: TestServerOptions = {},
): Promise<ChatServer> {
  const plaintextReply = errorFrame(new ProtocolError("tls-needed"));
  return startServerAtNoon({
    ...options,
    credentials: { wrapTls: await tlsServer({ ...pair, plaintextReply: () => plaintextReply }) },
  });
}

/** A server that asks for {@linkcode SECRET}. */
export function startServerWithPassword(options: TestServerOptions = {}): ChatServer {
  return startServerAtNoon({ ...options, credentials: { password: new PasswordVerifier(SECRET) } });
}

/** Collects the codes of the clients that the server rejects. */
export function rejections(): { codes: string[]; onReject: (peer: RejectedClient, error: Error) => void } {
  const codes: string[] = [];
  return { codes, onReject: (_, error) => void codes.push((error as ChatError).code) };
}

/** A user who runs chat-client, at a pipe unless the options say otherwise. */
export class ClientUser extends FakeUser {
  #status: Promise<number> | undefined;

  constructor(options: FakeUserOptions = {}) {
    super({ clock: new TestClock(NOON).now, ...options });
  }

  /** Starts the client with these flags. */
  start(...flags: string[]): void {
    this.#status = this.run(runClient, ...flags);
  }

  /** Starts the client with flags that answer every prompt. */
  dial({ host, port }: Address, ...flags: string[]): void {
    this.start("--host", host, "--port", String(port), "--nick", "ana", ...flags);
  }

  /** Dials a server, and waits for the WELCOME. */
  async join(server: Address, ...flags: string[]): Promise<void> {
    this.dial(server, ...flags);
    await this.waitForOutput("Conectado");
  }

  /** A user whose client has joined a server. */
  static async on(
    { address }: { readonly address: Address },
    { flags = [], ...options }: FakeUserOptions & { readonly flags?: readonly string[] } = {},
  ): Promise<ClientUser> {
    const user = new ClientUser(options);
    await user.join(address, ...flags);
    return user;
  }

  /** Waits until the client ends by itself. Returns its output. */
  async ended(status = 0): Promise<string> {
    assertEquals(await this.#status, status);
    return this.output;
  }

  /** Leaves by a command. Returns the output. */
  quit(): Promise<string> {
    this.type(this.terminal.hasLineEditor ? "salir\r" : "salir\n");
    return this.ended();
  }
}

/** The line after a join. */
export function welcomeLine(server: Address, names = "ana"): string {
  return `Conectado a ${formatAddress(server)}. En línea: ${names}. Escriba "salir" para terminar.\n`;
}

/** The line about a lost connection. */
export function lossLine(server: Address, why = "el servidor se ha cerrado"): string {
  return `[${NOON}] ! Se perdió la conexión con ${formatAddress(server)}: ${why}\n`;
}

/** The next entries that a raw client reads. */
export async function readLines(client: RawClient, count: number): Promise<string[]> {
  const lines = [];
  while (lines.length < count) {
    const message = await client.receive();
    if (message?.type === "said") lines.push(`${message.nick}: ${message.text}`);
    else if (message?.type === "left") {
      lines.push(`${message.nick} ${message.connectionLost ? "lost" : "left"}`);
    } else lines.push(message?.type === "joined" ? `${message.nick} joined` : `${message?.type}`);
  }
  return lines;
}
