// Runs chat-client at a pipe in this process: its servers, its flags, and its expected lines.

import { assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { startServer as startTestServer, type TestServerOptions } from "./test_server.ts";
import { join, makeHello, type RawClient } from "./raw_peer.ts";
import { FakeUser } from "./fake_user.ts";
import { TestClock } from "./test_clock.ts";

/** The wall time on the clocks of all servers and clients. */
export const NOON = "2026-11-22 12:00:00";

/** A server with an empty room and no rate limit. */
export function startServer(options: TestServerOptions = {}): ChatServer {
  return startTestServer({ clock: new TestClock(NOON).now, ...options });
}

/** Joins as a raw client. */
export function enterAs(nick: string, server: ChatServer): Promise<RawClient> {
  return join(server.address, makeHello(nick));
}

/** A user at a pipe. */
export function newPerson(): FakeUser {
  return new FakeUser({ clock: new TestClock(NOON).now });
}

/** Flags that answer every prompt. */
export function flagsFor({ host, port }: Address, nick = "ana"): string[] {
  return ["--host", host, "--port", String(port), "--nick", nick];
}

/** The line after a join. */
export function greeting(server: Address, names = "ana"): string {
  return `Conectado a ${formatAddress(server)}. En línea: ${names}. Escriba "salir" para terminar.\n`;
}

/** The line that tells of a lost connection. */
export function loss(server: Address, why = "el servidor se ha cerrado"): string {
  return `[${NOON}] ! Se perdió la conexión con ${formatAddress(server)}: ${why}\n`;
}

/** Runs a client that ends by itself. Returns its output. */
export async function outputOf(person: FakeUser, ...args: string[]): Promise<string> {
  assertEquals(await person.run(runClient, ...args), 0);
  return person.output;
}

/** The entries of others that a raw client reads. */
export async function hear({ peer }: RawClient, count: number): Promise<string[]> {
  const lines = [];
  while (lines.length < count) {
    const message = await peer.receive();
    if (message?.type === "said") lines.push(`${message.nick}: ${message.text}`);
    else if (message?.type === "left") {
      lines.push(`${message.nick} ${message.connectionLost ? "lost" : "left"}`);
    } else lines.push(message?.type === "joined" ? `${message.nick} joined` : `${message?.type}`);
  }
  return lines;
}
