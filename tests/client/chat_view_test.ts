// What the client shows by itself, on a terminal and in a pipe.

import { assertEquals } from "@std/assert";
import { ChatView, LINK_LAGGING_MS } from "../../lib/client/chat_view.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { type Joined, type MessageBody, type Said, sessionIdOf } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import type { DeliveredEntry } from "../../lib/client/session.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { makeSaid, makeToken } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { msOf, TestClock } from "../testing/test_clock.ts";
import { flushTasks } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;
const NOON = "2026-11-22 12:00:00";

class Chat implements AsyncDisposable {
  readonly user: FakeUser;
  readonly clock = new TestClock(NOON);
  readonly session: { unacked: MessageBody[]; idleMs: number | undefined } = { unacked: [], idleMs: 0 };
  readonly view: ChatView;
  readonly #tty: FakeScreen | undefined;
  #seen = 0;

  constructor({ isPipe = false } = {}) {
    this.#tty = isPipe ? undefined : new FakeScreen({ columns: 60 });
    this.user = new FakeUser({ isTty: !isPipe, tty: this.#tty });
    const { terminal } = this.user;
    void terminal.lines("> ").next();
    const t = translator("es");
    this.view = new ChatView({
      terminal,
      t,
      renderer: makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false }),
      session: this.session,
      reader: { sessionId: sessionIdOf(makeToken("yo")), nick: "yo" },
    }, this.clock.now);
    this.view.updateStatus();
  }

  async look(): Promise<string[]> {
    await flushTasks();
    const text = this.user.output.slice(this.#seen);
    this.#seen = this.user.output.length;
    return this.#tty!.show(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.view[Symbol.asyncDispose]();
    await this.user[Symbol.asyncDispose]();
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

Deno.test("ChatView shows a pipe every entry as it comes", pure, async () => {
  await using chat = new Chat({ isPipe: true });
  await chat.view.showEntries([said("ana", "history"), ...BATCH, said("ana")]);
  assertEquals(chat.user.output.split("\n").length, 8);
  assertEquals(chat.user.output.split("\n")[0], `[${NOON}] ~ ana: hola`);
});

Deno.test(
  "ChatView marks messages from before the join on every server, unless they were redelivered",
  pure,
  async () => {
    await using chat = new Chat({ isPipe: true });
    const brought = (nick: string): DeliveredEntry => {
      const read = said(nick, "backfill");
      return { ...read, entry: { ...read.entry as Said, redelivered: true } };
    };
    await chat.view.showEntries([
      said("ana", "backfill"),
      brought("beto"),
      said("eva", "missed"),
      said("leo"),
    ]);
    assertEquals(chat.user.output.split("\n").map((line) => line.slice(NOON.length + 3)), [
      "~ ana: hola",
      "+ beto: hola",
      "eva: hola",
      "leo: hola",
      "",
    ]);
  },
);

Deno.test("ChatView shows a batch of joins before one of them is renamed or kicked", pure, async () => {
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
  await chat.view.showEntries([...BATCH, { entry: renamed, delivery: "live" }]);
  const before = [...told, batch, `[${NOON}] * e se llama ahora eva`];
  assertEquals(await chat.look(), [...before, "> |"]);
  await chat.view.showEntries([...BATCH.slice(-2), { entry: left, delivery: "live" }]);
  assertEquals(await chat.look(), [...before, batch, `[${NOON}] * Se ha expulsado a e (::1)`, "> |"]);
});

Deno.test("ChatView shows a presence batch in one line, and messages at once", pure, async () => {
  await using chat = new Chat();
  chat.clock.advanceTo(0);
  await chat.view.showEntries([...BATCH, said("ana")]);
  const told = ["a", "b", "c"].map((nick) => `[${NOON}] * ${nick} (::1) se ha reconectado`);
  const before = [...told, `[${NOON}] ana: hola`];
  assertEquals(await chat.look(), [...before, "> |"]);
  await chat.user.waitForOutput("2 se han");
  assertEquals(await chat.look(), [...before, `[${NOON}] * 2 se han reconectado: d, e`, "> |"]);
});

Deno.test("ChatView flushes presence when it is disposed", pure, async () => {
  await using chat = new Chat();
  await chat.view.showEntries(BATCH);
  await chat.view[Symbol.asyncDispose]();
  assertEquals((await chat.look()).at(-2), `[${NOON}] * 2 se han reconectado: d, e`);
});

Deno.test("ChatView shows in the prompt that the link is offline or lagging", pure, async () => {
  await using chat = new Chat();
  const { session, view } = chat;
  assertEquals(await chat.look(), ["> |"]);
  session.idleMs = undefined;
  view.updateStatus();
  assertEquals(await chat.look(), ["(sin conexión) > |"]);
  session.idleMs = LINK_LAGGING_MS - 1;
  view.updateStatus();
  assertEquals(await chat.look(), ["> |"]);
  session.idleMs = LINK_LAGGING_MS;
  await chat.user.waitForOutput("(el servidor no contesta) > ");
  session.idleMs = 0;
  view.updateStatus();
  assertEquals(await chat.look(), ["> |"]);
});

Deno.test("ChatView shows unacked messages above the prompt, after a moment", pure, async () => {
  await using chat = new Chat();
  const texts = ["uno", "x".repeat(70), "tres", "cuatro", "cinco"];
  chat.session.unacked.push(...texts.map((text) => ({ text })));
  chat.view.updateStatus();
  assertEquals(await chat.look(), ["> |"]);
  await chat.user.waitForOutput("… tres");
  assertEquals(await chat.look(), [
    "… uno",
    `… ${"x".repeat(57)}…`,
    "… tres",
    "… y 2 más sin confirmar",
    "> |",
  ]);
  // From then on messages disappear as they are acked.
  chat.session.unacked.splice(0, 3);
  chat.view.updateStatus();
  assertEquals(await chat.look(), ["… cuatro", "… cinco", "> |"]);
  chat.session.unacked.length = 0;
  chat.view.updateStatus();
  assertEquals(await chat.look(), ["> |"]);
});

Deno.test("ChatView shows a kick on a line of its own, like all other room events", pure, async () => {
  await using chat = new Chat();
  const at = { seq: 0, timeMs: msOf(NOON), sessionId: 5n };
  await chat.view.showEntries([
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

Deno.test("ChatView shows the recipient of an unacked private message", pure, async () => {
  await using chat = new Chat();
  chat.session.unacked.push({ text: "hola", to: { sessionId: 5n, nick: "eva" } });
  chat.view.updateStatus();
  await chat.user.waitForOutput("… @ eva: hola");
});
