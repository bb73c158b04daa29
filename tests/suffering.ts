// What the victims of hostile clients do meanwhile: they chat as if nothing were, and see to it that nothing of an
// attack stays behind.

import { assertEquals } from "@std/assert";
import { ChatServer, type ChatServerOptions } from "../lib/chat_server.ts";
import type { WireCode } from "../lib/errors.ts";
import type { Say } from "../lib/protocol.ts";
import { dialPeer, enter, helloOf, type Peer } from "./peers.ts";
import { LOOPBACK, soon, until } from "./support.ts";
import { WIRE, type Wire } from "./wire.ts";

/** How often to look whether something has happened, in ms. */
export const LOOK_MS = 5;

/** Message `n`. */
export function say(clientSeq: number, text = "hola", more: Partial<Say> = {}): Say {
  return { type: "say", clientSeq, timeMs: 0, text, ...more };
}

/** The HELLO of whoever does harm. */
export const eva = helloOf("eva");

/** A server on this machine. */
export function startServer(options: Partial<ChatServerOptions> = {}, wire = WIRE): ChatServer {
  return new ChatServer({ host: LOOPBACK, port: 0, wrapTls: wire.wrapTls, ...options });
}

/** Someone honest, who reads all the time and answers PINGs. */
class Honest implements AsyncDisposable {
  readonly #peer: Peer;
  readonly #reading: Promise<void>;
  readonly heard: string[] = [];
  #n = 0;

  private constructor(peer: Peer) {
    this.#peer = peer;
    this.#reading = this.#read();
  }

  static async enter(nick: string, server: ChatServer, wire: Wire): Promise<Honest> {
    return new Honest((await enter(server.address, helloOf(nick), wire)).peer);
  }

  async #read(): Promise<void> {
    for (let message = await this.#peer.hear(); message; message = await this.#peer.hear()) {
      if (message.type === "ping") await this.#peer.say({ type: "pong" });
      else if (message.type === "said") this.heard.push(`${message.nick}: ${message.text}`);
      else if (message.type !== "pong") {
        this.heard.push(`${message.type} ${"nick" in message ? message.nick : ""}`);
      }
    }
  }

  says(text: string): Promise<void> {
    return this.#peer.say(say(++this.#n, text));
  }

  async hears(line: string): Promise<void> {
    await until(() => this.heard.includes(line), line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.say({ type: "bye" });
    await this.#reading;
    this.#peer[Symbol.dispose]();
  }
}

/** What comes of one attack. */
export interface Case {
  /** What the offender is told in the end; undefined if it does nothing that is forbidden. */
  readonly code?: WireCode;
  readonly server?: Partial<ChatServerOptions>;
  readonly attack: (peer: Peer, server: ChatServer) => Promise<unknown>;
  /** What the others hear of it besides. */
  readonly heard?: readonly string[];
}

/** ana and beto talk before, during and after an attack. */
export async function suffer(
  { code, server: options, attack, heard = [] }: Case,
  wire = WIRE,
): Promise<void> {
  await using server = startServer({ graceMs: 0, ...options }, wire);
  await using ana = await Honest.enter("ana", server, wire);
  await using beto = await Honest.enter("beto", server, wire);
  await ana.hears("joined beto");
  await ana.says("before");
  await beto.hears("ana: before");
  {
    using peer = await dialPeer(server.address, wire);
    const outcome = soon(attack(peer, server), "the attack to end");
    await beto.says("during");
    await ana.hears("beto: during");
    await outcome;
    if (code !== undefined) assertEquals(await natsErrorCode(peer), code);
  }
  await until(() => server.stats.connections === 2, "the offender's sockets to be closed");
  await ana.says("after");
  await beto.hears("ana: after");
  await ana.hears("ana: after");
  assertEquals(server.stats.memberCount, 2);
  const own = ["ana: before", "beto: during", "ana: after"];
  const others = beto.heard.filter((line) => !own.includes(line));
  assertEquals(others.sort(), [...heard].sort());
  assertEquals(beto.heard.filter((line) => own.includes(line)), own);
}

/** What the last frame says, if it is ERROR. */
async function natsErrorCode(peer: Peer): Promise<string> {
  const last = (await peer.rest()).at(-1);
  return last?.type === "error" ? last.code : `no ERROR but ${Deno.inspect(last)}`;
}
