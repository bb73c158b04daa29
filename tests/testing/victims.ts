// The victims of hostile clients: two members chat during an attack, and check that it leaves nothing behind.

import { assertEquals } from "@std/assert";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { merge } from "./test_config.ts";
import { startServer, type TestServerOptions } from "./test_server.ts";
import type { ChatError, WireCode } from "../../lib/errors.ts";
import { dialPeer, join, makeHello, type Peer, say } from "./raw_peer.ts";
import { waitFor, withTimeout } from "./waiting.ts";
import { TCP, type Transport } from "./transport.ts";

/** Between two checks of a condition, in ms. */
export const POLL_MS = 5;

/** The HELLO of the attacker. */
export const eva = makeHello("eva");

/** What the bystanders read of an attacker that joins. */
export const COMES_AND_GOES: readonly string[] = ["joined eva", "left eva"];

/** An honest member: reads all the time and answers PINGs. */
class Bystander implements AsyncDisposable {
  readonly #peer: Peer;
  readonly #reading: Promise<void>;
  readonly bystanderLines: string[] = [];
  #n = 0;

  private constructor(peer: Peer) {
    this.#peer = peer;
    this.#reading = this.#read();
  }

  static async enter(nick: string, server: ChatServer, wire: Transport): Promise<Bystander> {
    return new Bystander(await join(server.address, makeHello(nick), wire));
  }

  async #read(): Promise<void> {
    for (let message = await this.#peer.receive(); message; message = await this.#peer.receive()) {
      if (message.type === "ping") await this.#peer.send({ type: "pong" });
      else if (message.type === "said") this.bystanderLines.push(`${message.nick}: ${message.text}`);
      else if (message.type !== "pong") {
        this.bystanderLines.push(`${message.type} ${"nick" in message ? message.nick : ""}`);
      }
    }
  }

  say(text: string): Promise<void> {
    return this.#peer.send(say(++this.#n, text));
  }

  async expectLine(line: string): Promise<void> {
    await waitFor(() => this.bystanderLines.includes(line), line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.send({ type: "bye" });
    await this.#reading;
    this.#peer[Symbol.dispose]();
  }
}

/** The expected effects of one attack. */
export interface Case {
  /** The error that ends the attacker's connection; undefined if the attack is allowed. */
  readonly code?: WireCode;
  readonly server?: TestServerOptions;
  readonly attack: (peer: Peer, server: ChatServer) => Promise<unknown>;
  /** The entries that the victims read because of it. */
  readonly bystanderLines?: readonly string[];
  /** The code and the nick, or `-`, of each client that the server reports; undefined: any. */
  readonly rejections?: readonly string[];
}

/** ana and beto talk before, during and after an attack. */
export async function runAttack(
  { code, server: options = {}, attack, bystanderLines = [], rejections }: Case,
  wire = TCP,
): Promise<void> {
  const reported: string[] = [];
  const defaults: TestServerOptions = {
    room: { graceMs: 0 },
    onReject: ({ nick = "-" }, error) => void reported.push(`${(error as ChatError).code} ${nick}`),
  };
  await using server = startServer(merge(defaults, options), wire);
  await using ana = await Bystander.enter("ana", server, wire);
  await using beto = await Bystander.enter("beto", server, wire);
  await ana.expectLine("joined beto");
  await ana.say("before");
  await beto.expectLine("ana: before");
  {
    using peer = await dialPeer(server.address, wire);
    const outcome = withTimeout(attack(peer, server), "the attack to end");
    await beto.say("during");
    await ana.expectLine("beto: during");
    await outcome;
    if (code !== undefined) assertEquals(await codeOf(peer), code);
  }
  await waitFor(() => server.stats.connectionCount === 2, "the attacker's sockets to be closed");
  if (rejections) assertEquals(reported, rejections);
  await ana.say("after");
  await beto.expectLine("ana: after");
  await ana.expectLine("ana: after");
  assertEquals(server.stats.memberCount, 2);
  const own = ["ana: before", "beto: during", "ana: after"];
  const others = beto.bystanderLines.filter((line) => !own.includes(line));
  assertEquals(others.sort(), [...bystanderLines].sort());
  assertEquals(beto.bystanderLines.filter((line) => own.includes(line)), own);
}

/** The code of the last frame if it is ERROR. */
async function codeOf(peer: Peer): Promise<string> {
  const last = (await peer.receiveAll()).at(-1);
  return last?.type === "error" ? last.code : `no ERROR but ${Deno.inspect(last)}`;
}
