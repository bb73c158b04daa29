// A server in this process, and clients by hand that come in, say something and hear what comes.

import type { ChatServer } from "../lib/server/chat_server.ts";
import { makeServer, type TestServerOptions } from "./test_server.ts";
import type { Say, ServerMessage } from "../lib/protocol/frames.ts";
import { UNLIMITED } from "../lib/base/limits.ts";
import { join, makeHello, type Peer, type RawClient } from "./raw_peer.ts";

/** A server with an empty room that slows nobody. */
export function startServer(options: TestServerOptions = {}): ChatServer {
  return makeServer({ messages: UNLIMITED, ...options });
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
