// A running ChatServer in this process, and raw clients that join it, send and read.

import type { ChatServer } from "../../lib/server/chat_server.ts";
import { makeServer, type TestServerOptions } from "./test_server.ts";
import type { Say, ServerMessage } from "../../lib/protocol/frames.ts";
import { UNLIMITED } from "../../lib/base/limits.ts";
import { join, makeHello, type Peer, type RawClient } from "./raw_peer.ts";

/** A server with an empty room and no rate limit. */
export function startServer(options: TestServerOptions = {}): ChatServer {
  return makeServer({ messages: UNLIMITED, ...options });
}

/** Joins as a raw client, which the test closes. */
export async function enterAs(nick: string, server: ChatServer, historyCount = 0): Promise<RawClient> {
  return await join(server.address, makeHello(nick, { historyCount }));
}

/** Message `n`. */
export function say(clientSeq: number, text: string): Say {
  return { type: "say", clientSeq, timeMs: 0, text };
}

/** All messages until the server ends the connection. */
export async function types(peer: Peer): Promise<ServerMessage["type"][]> {
  return (await peer.receiveAll()).map(({ type }) => type);
}
