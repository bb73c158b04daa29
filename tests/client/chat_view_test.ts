// What a client shows by itself, on a screen and in a pipe.

import { assertEquals } from "@std/assert";
import { ChatView, LINK_LAGGING_MS } from "../../lib/client/chat_view.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { type Joined, type MessageBody, type Said, sessionIdOf } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import type { DeliveredEntry } from "../../lib/client/session.ts";
import { FakeScreen } from "../terminal/fake_screen.ts";
import { makeSaid, makeToken } from "../raw_peer.ts";
import { FakeUser } from "../fake_user.ts";
import { flushMacrotasks, msOf, TestClock } from "../support.ts";

const pure = { permissions: "none" } as const;
const NOON = "2026-11-22 12:00:00";

/** A chat that was begun. */
class Chat implements AsyncDisposable {
  readonly person: FakeUser;
  readonly clock = new TestClock(NOON);
  readonly session: { unacked: MessageBody[]; idleMs: number | undefined } = { unacked: [], idleMs: 0 };
  readonly screen: ChatView;
  readonly #tty: FakeScreen | undefined;
  #seen = 0;

  constructor({ isPipe = false } = {}) {
    this.#tty = isPipe ? undefined : new FakeScreen({ columns: 60 });
    this.person = new FakeUser({ isTty: !isPipe, tty: this.#tty });
    const { terminal } = this.person;
    void terminal.lines("> ").next();
    const t = translator("es");
    this.screen = new ChatView({
      terminal,
      t,
      renderer: makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false }),
      session: this.session,
      reader: { sessionId: sessionIdOf(makeToken("yo")), nick: "yo" },
    }, this.clock.now);
    this.screen.setStatus();
  }

  async look(): Promise<string[]> {
    await flushMacrotasks();
    const text = this.person.output.slice(this.#seen);
    this.#seen = this.person.output.length;
    return this.#tty!.show(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.screen[Symbol.asyncDispose]();
    await this.person[Symbol.asyncDispose]();
  }
}

function joined(nick: string): DeliveredEntry {
  const sessionId = sessionIdOf(makeToken(nick));
  const entry: Joined = {
    type: "joined",
    seq: 0,
    timeMs: msOf(NOON),
    sessionId,
    nick,
    address: "::1",
    rejoined: true,
  };
  return { entry, delivery: "live" };
}

function said(nick: string, delivery: DeliveredEntry["delivery"] = "live"): DeliveredEntry {
  const entry: Said = makeSaid(nick, { seq: 0, clientSeq: 1, text: "hola", timeMs: msOf(NOON) });
  return { entry, delivery };
}

const BATCH = ["a", "b", "c", "d", "e"].map(joined);

Deno.test("A pipe gets every entry as it comes", pure, async () => {
  await using chat = new Chat({ isPipe: true });
  await chat.screen.showEntries([said("ana", "history"), ...BATCH, said("ana")]);
  assertEquals(chat.person.output.split("\n").length, 8);
  assertEquals(chat.person.output.split("\n")[0], `[${NOON}] ~ ana: hola`);
});

Deno.test(
  "What was said before one came has its mark on every server, unless its sender brought it",
  pure,
  async () => {
    await using chat = new Chat({ isPipe: true });
    const brought = (nick: string): DeliveredEntry => {
      const read = said(nick, "backfill");
      return { ...read, entry: { ...read.entry as Said, redelivered: true } };
    };
    await chat.screen.showEntries([
      said("ana", "backfill"),
      brought("beto"),
      said("eva", "missed"),
      said("leo"),
    ]);
    assertEquals(chat.person.output.split("\n").map((line) => line.slice(NOON.length + 3)), [
      "~ ana: hola",
      "+ beto: hola",
      "eva: hola",
      "leo: hola",
      "",
    ]);
  },
);

Deno.test("A screen shows who came in a crowd before it shows them renamed or thrown out", pure, async () => {
  await using chat = new Chat();
  chat.clock.advanceTo(0);
  const [last] = BATCH.slice(-1).map(({ entry }) => entry as Joined);
  const { sessionId, timeMs, seq, nick, address } = last!;
  const renamed = { type: "renamed", seq, timeMs, sessionId, oldNick: nick, nick: "eva" } as const;
  const left = {
    type: "left",
    seq,
    timeMs,
    sessionId,
    connectionLost: false,
    kicked: true,
    nick,
    address,
  } as const;
  const told = ["a", "b", "c"].map((nick) => `[${NOON}] * ${nick} (::1) se ha reconectado`);
  const batch = `[${NOON}] * 2 se han reconectado: d, e`;
  await chat.screen.showEntries([...BATCH, { entry: renamed, delivery: "live" }]);
  const before = [...told, batch, `[${NOON}] * e se llama ahora eva`];
  assertEquals(await chat.look(), [...before, "> |"]);
  await chat.screen.showEntries([...BATCH.slice(-2), { entry: left, delivery: "live" }]);
  assertEquals(await chat.look(), [...before, batch, `[${NOON}] * Se ha expulsado a e (::1)`, "> |"]);
});

Deno.test("A screen gets a crowd in one line, and what was said at once", pure, async () => {
  await using chat = new Chat();
  chat.clock.advanceTo(0);
  await chat.screen.showEntries([...BATCH, said("ana")]);
  const told = ["a", "b", "c"].map((nick) => `[${NOON}] * ${nick} (::1) se ha reconectado`);
  const before = [...told, `[${NOON}] ana: hola`];
  assertEquals(await chat.look(), [...before, "> |"]);
  await chat.person.waitForOutput("2 se han");
  assertEquals(await chat.look(), [...before, `[${NOON}] * 2 se han reconectado: d, e`, "> |"]);
});

Deno.test("A crowd is shown before a screen ends", pure, async () => {
  await using chat = new Chat();
  await chat.screen.showEntries(BATCH);
  await chat.screen[Symbol.asyncDispose]();
  assertEquals((await chat.look()).at(-2), `[${NOON}] * 2 se han reconectado: d, e`);
});

Deno.test("The prompt tells that a server is gone or does not answer", pure, async () => {
  await using chat = new Chat();
  const { session, screen } = chat;
  assertEquals(await chat.look(), ["> |"]);
  session.idleMs = undefined;
  screen.setStatus();
  assertEquals(await chat.look(), ["(sin conexión) > |"]);
  session.idleMs = LINK_LAGGING_MS - 1;
  screen.setStatus();
  assertEquals(await chat.look(), ["> |"]);
  session.idleMs = LINK_LAGGING_MS;
  await chat.person.waitForOutput("(el servidor no contesta) > ");
  session.idleMs = 0;
  screen.setStatus();
  assertEquals(await chat.look(), ["> |"]);
});

Deno.test("What waits for a server stands above the prompt, after a moment", pure, async () => {
  await using chat = new Chat();
  const texts = ["uno", "x".repeat(70), "tres", "cuatro", "cinco"];
  chat.session.unacked.push(...texts.map((text) => ({ text })));
  chat.screen.setStatus();
  assertEquals(await chat.look(), ["> |"]);
  await chat.person.waitForOutput("… tres");
  assertEquals(await chat.look(), [
    "… uno",
    `… ${"x".repeat(57)}…`,
    "… tres",
    "… y 2 más sin confirmar",
    "> |",
  ]);
  // From then on it goes as it is confirmed.
  chat.session.unacked.splice(0, 3);
  chat.screen.setStatus();
  assertEquals(await chat.look(), ["… cuatro", "… cinco", "> |"]);
  chat.session.unacked.length = 0;
  chat.screen.setStatus();
  assertEquals(await chat.look(), ["> |"]);
});

Deno.test("Who was thrown out has a line of their own, as all other news of the room", pure, async () => {
  await using chat = new Chat();
  const at = { seq: 0, timeMs: msOf(NOON), sessionId: 5n };
  await chat.screen.showEntries([
    ...BATCH,
    {
      entry: { type: "left", ...at, connectionLost: false, kicked: true, nick: "eva", address: "::1" },
      delivery: "live",
    },
    { entry: { type: "renamed", ...at, oldNick: "leo", nick: "leonor" }, delivery: "live" },
  ]);
  const lines = await chat.look();
  assertEquals(lines.filter((line) => /eva|leonor/.test(line)), [
    `[${NOON}] * Se ha expulsado a eva (::1)`,
    `[${NOON}] * leo se llama ahora leonor`,
  ]);
});

Deno.test("What is pending for one person says for whom", pure, async () => {
  await using chat = new Chat();
  chat.session.unacked.push({ text: "hola", to: { sessionId: 5n, nick: "eva" } });
  chat.screen.setStatus();
  await chat.person.waitForOutput("… @ eva: hola");
});
