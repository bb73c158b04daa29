// Throws streams that no honest peer sends at a live server and at a live client, until the time is up or one of
// them does what it must not: throw anything but its own errors, stop serving others, or let a control through to
// a screen.
//
//   deno task fuzz [--minutes 1] [--seed 1]
//
// Every stream has a seed of its own, one more than the one before: the seed that a failure names replays it.

import { parseArgs } from "@std/cli/parse-args";
import { ChatServer } from "../lib/chat_server.ts";
import { ChatError } from "../lib/errors.ts";
import { explain, sentencesIn } from "../lib/i18n.ts";
import { Mailbox } from "../lib/mailbox.ts";
import { sessionOf, TOKEN_BYTES } from "../lib/protocol.ts";
import { Renderer } from "../lib/render.ts";
import { Session, type SessionEvent } from "../lib/session.ts";
import { UNLIMITED } from "../lib/token_bucket.ts";
import { dialPeer, helloOf, LOOPBACK, type Peer } from "../tests/support.ts";
import { clientStream, serverStream } from "./streams.ts";

/** Streams that are on their way at a time, to each side. */
const AT_ONCE = 16;
/** Batches of them between two looks at whether the server still serves others. */
const LOOK_EVERY = 16;
/** How long a peer may take to be done with a stream, in ms. */
const PATIENCE_MS = 20_000;

// deno-lint-ignore no-control-regex -- these are the very characters that must not come
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** Streams that are thrown, and until when. */
interface Plan {
  readonly seed: number;
  readonly endMs: number;
}

/** Throws streams at a server in which somebody honest chats. Returns how many. */
async function fuzzServer({ seed, endMs }: Plan): Promise<number> {
  const faults: Error[] = [];
  await using server = new ChatServer({
    host: LOOPBACK,
    port: 0,
    graceMs: 5,
    messages: UNLIMITED,
    onRefused: (_, error) => {
      if (!(error instanceof ChatError)) faults.push(error);
    },
  });
  using honest = await dialPeer(server.address);
  await honest.say(helloOf("honest"));
  await honest.expect("welcome");
  let next = seed;
  for (let batch = 0; batch === 0 || performance.now() < endMs; batch++) {
    const seeds = Array.from({ length: AT_ONCE }, (_, i) => next + i);
    await Promise.all(seeds.map((seed) => patiently(seed, throwAt(server, clientStream(seed)))));
    if (faults.length > 0) throw notSurvived(next, faults[0]);
    if (batch % LOOK_EVERY === 0) await patiently(next, chatOn(honest, batch + 1));
    next += AT_ONCE;
  }
  return next - seed;
}

/** One connection: all of a stream, then the end; done when the server has ended its side too. */
async function throwAt(server: ChatServer, stream: Uint8Array): Promise<void> {
  using conn = await Deno.connect({ hostname: LOOPBACK, port: server.address.port });
  try {
    for (let at = 0; at < stream.length;) at += await conn.write(stream.subarray(at));
    await conn.closeWrite();
    const buffer = new Uint8Array(65_536);
    while (await conn.read(buffer) !== null) { /* whatever it says */ }
  } catch {
    // The server had enough of it before it had all: its right.
  }
}

/** Somebody honest says something and reads it back. */
async function chatOn(peer: Peer, n: number): Promise<void> {
  await peer.say({ type: "say", n, timeMs: 0, text: "hola" });
  for (;;) {
    const message = await peer.hear();
    if (message?.type === "said" && message.nick === "honest" && message.n === n) return;
    if (message?.type === "ping") await peer.say({ type: "pong" });
    if (message === undefined || message.type === "error") throw new Error(`${Deno.inspect(message)}`);
  }
}

/** Throws streams at clients. Returns how many. */
async function fuzzClients({ seed, endMs }: Plan): Promise<number> {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  let next = seed;
  const answer = async (conn: Deno.TcpConn) => {
    using _ = conn;
    try {
      const buffer = new Uint8Array(65_536);
      await conn.read(buffer);
      const token = buffer.subarray(TOKEN_AT, TOKEN_AT + TOKEN_BYTES);
      const stream = serverStream(next++, sessionOf(token));
      for (let at = 0; at < stream.length;) at += await conn.write(stream.subarray(at));
      await conn.closeWrite();
      while (await conn.read(buffer) !== null) { /* whatever it says */ }
    } catch {
      // The client had enough of it.
    }
  };
  const answering = (async () => {
    for await (const conn of listener) answer(conn);
  })();
  const server = { host: LOOPBACK, port: listener.addr.port };
  const isOver = () => next > seed && performance.now() >= endMs;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    using session = new Session({
      mailbox: new Mailbox({ token: crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)) }),
      nextTarget: () => Promise.resolve(isOver() ? undefined : { server, nick: "ana" }),
    });
    try {
      for await (const event of session.run()) show(event, session);
    } catch (error) {
      throw notSurvived(Math.max(seed, next - AT_ONCE), error);
    }
  }));
  listener.close();
  await answering;
  return next - seed;
}

/** Where the token of a HELLO begins: length, type, version. */
const TOKEN_AT = 4 + 1 + 1;
const renderer = new Renderer(sentencesIn("en"));

/** Does with an event what chat-client does. */
function show(event: SessionEvent, session: Session): void {
  const lines: string[] = [];
  switch (event.type) {
    case "entered":
      lines.push(...event.welcome.online.map((person) => renderer.person(person)));
      if (!session.isFull) session.say("hola");
      break;
    case "read":
      lines.push(...event.entries.map(({ entry }) => renderer.entry(entry, { reader: "ana" })));
      break;
    case "refused":
      lines.push(renderer.notice(explain(event.error, "en"), 0));
      break;
    case "failed":
      lines.push(renderer.notice(explain(event.failure.error, "en"), 0));
  }
  const unsafe = lines.find((line) => CONTROL.test(line));
  if (unsafe !== undefined) throw new Error(`A control reached the screen: ${JSON.stringify(unsafe)}`);
}

/** What a promise gives, unless it takes too long. */
async function patiently(seed: number, promise: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("It took too long")), PATIENCE_MS);
  try {
    await Promise.race([promise, late]);
  } catch (cause) {
    throw notSurvived(seed, cause);
  } finally {
    clearTimeout(timer);
  }
}

function notSurvived(seed: number, cause: unknown): Error {
  return new Error(`A stream was not survived: --seed ${seed} replays it`, { cause });
}

function positive(name: string, value: unknown): number {
  const number = Number(value);
  if (number > 0) return number;
  console.error(`Cannot use --${name} ${value}: it is no number above 0`);
  Deno.exit(2);
}

const flags = parseArgs(Deno.args, { string: ["minutes", "seed"], default: { minutes: "1", seed: "1" } });
const seed = positive("seed", flags.seed);
const minutes = positive("minutes", flags.minutes);
const began = performance.now();
const plan = { seed, endMs: began + minutes * 60_000 };
console.log(`Throwing streams for ${minutes} min, from --seed ${seed} on`);
const [atServer, atClients] = await Promise.all([fuzzServer(plan), fuzzClients(plan)]);
const perSecond = (atServer + atClients) / (performance.now() - began) * 1_000;
console.log(`Survived: ${atServer} at a server, ${atClients} at clients, ${perSecond.toFixed(0)} a second`);
