// A server in this process, and clients by hand that come in, say something and hear what comes.

import { ChatServer, type ChatServerOptions } from "../lib/server/chat_server.ts";
import type { Say, ServerMessage } from "../lib/protocol/frames.ts";
import { UNLIMITED } from "../lib/base/limits.ts";
import { join, makeHello, type Peer, type RawClient } from "./raw_peer.ts";
import { LOOPBACK } from "./support.ts";

/** A server with an empty room that slows nobody. */
export function startServer(options: Partial<ChatServerOptions> = {}): ChatServer {
  return new ChatServer({ host: LOOPBACK, port: 0, messages: UNLIMITED, ...options });
}

/** Somebody comes in, whom the test closes as a peer. */
export async function enterAs(nick: string, server: ChatServer, historyCount = 0): Promise<RawClient> {
  return await join(server.address, makeHello(nick, { historyCount }));
}

/** Message `n`. */
export function say(clientSeq: number, text: string): Say {
  return { type: "say", clientSeq, timeMs: 0, text };
}

/** What comes until the server ends the connection. */
export async function types(peer: Peer): Promise<ServerMessage["type"][]> {
  return (await peer.receiveAll()).map(({ type }) => type);
}
