// chat-client --json: what it tells programs of a conversation, of failures and of its end, and what it does for them.

import { assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { freeAddress } from "../testing/addresses.ts";
import {
  ClientUser,
  readLines,
  startServerAtNoon,
  startServerWithPassword,
} from "../testing/client_fixture.ts";
import { parseLines } from "../testing/json_lines.ts";
import { enterAs, FakeServer, makeSaid } from "../testing/raw_peer.ts";

/** A program that speaks to a client as `ana`. */
class Bot extends ClientUser {
  send(...requests: readonly unknown[]): void {
    this.type(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  }

  /** Dials a server, and waits until it has joined. */
  static async joined(server: { readonly address: Address }, ...flags: string[]): Promise<Bot> {
    const bot = new Bot();
    bot.dial(server.address, "--json", ...flags);
    await bot.waitForOutput('"type":"connected"');
    return bot;
  }

  /** What it was told, without what differs from run to run. */
  get lines(): Record<string, unknown>[] {
    return parseLines(this.output).map(({ time: _, message: _message, ...line }) => line);
  }

  /** {@linkcode lines} of some types, in a few of their fields. */
  fieldsOf(types: readonly string[], ...names: readonly string[]): unknown[] {
    const lines = this.lines.filter(({ type }) => types.includes(type as string));
    return lines.map((line) => names.map((name) => line[name]));
  }
}

Deno.test("chat-client --json tells who it is and what happens, and says what it is asked to", async () => {
  await using server = startServerAtNoon();
  using beto = await enterAs("beto", server);
  await beto.send({ type: "say", clientSeq: 1, timeMs: 0, text: "antes" });
  await using ana = await Bot.joined(server);
  ana.send({ say: "/hola" }, { say: "sí", to: "Beto" }, { command: "/me saluda" }, { nick: "anita" });
  await ana.waitForOutput("renamed");
  ana.send({ command: "/who" }, { quit: true });
  const { type, server: where, nick, sessionId, memberCount } = parseLines(await ana.ended())[0]!;
  assertEquals([type, where, nick, memberCount], ["connected", formatAddress(server.address), "ana", 2]);
  const own = { nick: "ana", sessionId };
  const said = { type: "said", ...own, private: false, action: false, redelivered: false };
  const to = { nick: "beto", sessionId: ana.lines[1]!.sessionId };
  assertEquals(ana.lines.slice(1, 7).map(({ seq: _, ...line }) => line), [
    { ...said, ...to, clientSeq: 1, text: "antes", history: true },
    { ...said, clientSeq: 1, text: "/hola" },
    { ...said, clientSeq: 2, text: "sí", private: true, to },
    { ...said, clientSeq: 3, text: "saluda", action: true },
    { type: "renamed", nick: "anita", sessionId, oldNick: "ana" },
    { type: "members", members: ana.lines[6]!.members, code: "who-online", count: 2 },
  ]);
  assertEquals(await readLines(beto, 5), [
    "beto: antes",
    "ana joined",
    "ana: /hola",
    "ana: sí",
    "ana: saluda",
  ]);
});

Deno.test("chat-client --json answers a line that it cannot obey with its number, and goes on", async () => {
  await using server = startServerAtNoon();
  using _beto = await enterAs("beto", server);
  await using ana = await Bot.joined(server);
  ana.type("hola\n\n");
  ana.send({ say: "secreto", too: "beto" }, { say: "x", to: "betto" }, { say: "x", to: "eva" });
  ana.send({ nick: "a b" }, { nick: "beto" }, { command: "who" }, { say: "\n" }, { say: "x".repeat(2_001) });
  ana.type(new Uint8Array([...new TextEncoder().encode('{"say":"'), 0xff, 0x22, 0x7d, 0x0a]));
  for (const text of ["nick-taken", '"text":"�"']) await ana.waitForOutput(text);
  assertEquals(ana.fieldsOf(["error"], "line", "code").sort(), [
    [undefined, "nick-taken"],
    [1, "request-invalid"],
    [10, "text-too-long"],
    [3, "request-invalid"],
    [4, "nick-mistyped"],
    [5, "nick-unknown"],
    [6, "nick-invalid"],
    [8, "command-unknown"],
    [9, "args-missing"],
  ]);
  assertEquals(ana.fieldsOf(["said"], "clientSeq", "text"), [[1, "�"]]);
});

Deno.test("chat-client --json goes to the next server without a question, and has each message once", async () => {
  await using second = startServerAtNoon();
  await using first = FakeServer.withWelcome(async (client, { sessionId }) => {
    first.stop();
    await client.expect("say");
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "uno", sessionId }));
    await client.expect("say");
  }, { backups: [formatAddress(second.address)] });
  await using ana = await Bot.joined(first);
  ana.send({ say: "uno" }, { say: "dos" });
  await ana.waitForOutput('"text":"dos"');
  ana.endInput();
  await ana.ended();
  const [one, two] = [first, second].map(({ address }) => formatAddress(address));
  assertEquals(ana.fieldsOf(["connected", "lost"], "type", "server", "code", "resent"), [
    ["connected", one, undefined, 0],
    ["lost", one, "closed", undefined],
    ["connected", two, undefined, 2],
  ]);
  assertEquals(ana.fieldsOf(["notice"], "code", "count"), [["unacked", 1]]);
  assertEquals(ana.fieldsOf(["said"], "clientSeq", "text"), [[1, "uno"], [2, "dos"]]);
});

Deno.test("chat-client --json marks as history only what precedes its first join on any server", async () => {
  await using second = startServerAtNoon();
  using beto = await enterAs("beto", second);
  await beto.send({ type: "say", clientSeq: 1, timeMs: 0, text: "!hora" });
  assertEquals(await readLines(beto, 1), ["beto: !hora"]);
  await using first = FakeServer.withWelcome(async (client) => {
    first.stop();
    await client.send(makeSaid("eva", { seq: 0, clientSeq: 1, text: "antes" }), { type: "bye" });
  }, { head: 1, backups: [formatAddress(second.address)] });
  await using ana = await Bot.joined(first);
  await ana.waitForOutput("!hora");
  assertEquals(ana.fieldsOf(["said"], "text", "history"), [["antes", true], ["!hora", undefined]]);
});

Deno.test("chat-client --json says how many events it skips, as the server no longer keeps them", async () => {
  await using server = FakeServer.withWelcome(async (client, { index }) => {
    await (index === 0 ? client.send({ type: "bye" }) : client.receiveAll());
  }, (_, visit) => ({ startSeq: visit * 6, head: visit * 6 }));
  await using ana = await Bot.joined(server);
  await ana.waitForOutput("skipped");
  assertEquals(ana.fieldsOf(["skipped"], "code", "count"), [["truncated", 6]]);
});

Deno.test("chat-client --json ends with status 1 if it is kicked, or not let in", async () => {
  await using server = startServerAtNoon();
  await using ana = await Bot.joined(server);
  server.kick("ana", "spam");
  await ana.ended(1);
  assertEquals(ana.fieldsOf(["lost"], "code", "reason"), [["kicked", "spam"]]);

  await using closed = startServerWithPassword();
  await using eva = new Bot();
  eva.dial(closed.address, "--json");
  await eva.ended(1);
  const where = formatAddress(closed.address);
  assertEquals(eva.fieldsOf(["error", "notice"], "code", "server"), [
    ["password-needed", where],
    ["no-password", undefined],
  ]);
});

Deno.test("chat-client --json says of a server that does not answer that it goes on trying", async () => {
  await using ana = new Bot();
  const server = freeAddress();
  ana.dial(server, "--json");
  await ana.waitForOutput("\n");
  assertEquals(ana.fieldsOf(["error"], "code", "server", "willRetry"), [
    ["refused", formatAddress(server), true],
  ]);
});

Deno.test("chat-client --json differs between languages only in what is for people", async () => {
  const server = freeAddress();
  const lines = await Promise.all((["es", "en"] as const).map(async (language) => {
    await using bot = new Bot({ language });
    bot.type('x\n{"command":"/ignore"}\n{"quit":true}\n');
    bot.dial(server, "--json");
    return parseLines(await bot.ended());
  }));
  const messages = lines.map((lines) => lines.map(({ message }) => message));
  assertEquals(messages.flat().length, new Set(messages.flat()).size);
  const rest = lines.map((lines) => lines.map(({ message: _, time: _time, ...line }) => line));
  assertEquals(rest[0], rest[1]);
  assertEquals(rest[0]!.map(({ code }) => code).sort(), ["ignore-none", "refused", "request-invalid"]);
});
