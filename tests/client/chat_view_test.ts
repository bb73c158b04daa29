// What the chat shows by itself, on a terminal and in a pipe.

import { assertEquals } from "@std/assert";
import { ChatView, LINK_LAGGING_MS } from "../../lib/client/chat_view.ts";
import { IgnoreList } from "../../lib/client/ignore_list.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { type MessageBody, type RoomEvent, type Said, sessionIdOf } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer, type Presence } from "../../lib/render/renderer.ts";
import type { DeliveredEntry } from "../../lib/client/session.ts";
import { FakeScreen, type FakeScreenOptions } from "../testing/fake_screen.ts";
import { IDLE_MS } from "../../lib/terminal/focus.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { makeSaid, makeToken } from "../testing/raw_peer.ts";
import { msOf, TestClock } from "../testing/test_clock.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks } from "../testing/waiting.ts";

const NOON = "2026-11-22 12:00:00";
const READER = { sessionId: sessionIdOf(makeToken("yo")), nick: "yo" };

interface ChatFixtureOptions extends FakeScreenOptions {
  readonly isPipe?: boolean;
  readonly notify?: "off" | "bell" | "desktop";
}

class ChatFixture implements AsyncDisposable {
  readonly user: FakeUser;
  readonly clock = new TestClock(NOON, 0);
  readonly session: { unacked: MessageBody[]; idleMs: number | undefined } = { unacked: [], idleMs: 0 };
  readonly state = { isReadingPast: false };
  readonly view: ChatView;
  readonly ignored = new IgnoreList();
  readonly tty: FakeScreen | undefined;
  #seen = 0;

  constructor({ isPipe = false, ...options }: ChatFixtureOptions = {}) {
    this.tty = isPipe ? undefined : new FakeScreen({ columns: 80, ...options });
    const typing = { idleMs: 0, clock: this.clock.now };
    this.user = new FakeUser({ isTty: !isPipe, tty: this.tty, typing });
    const { terminal } = this.user;
    void terminal.lines("yo> ").next();
    this.view = new ChatView({
      terminal,
      t: translator("es"),
      renderer: makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false, terminal }),
      session: this.session,
      state: this.state,
      reader: READER,
      ignored: this.ignored,
      notify: options.notify ?? "bell",
    }, this.clock.now);
    this.view.updateStatus();
  }

  /** Shows live entries. */
  async show(...entries: (RoomEvent | DeliveredEntry)[]): Promise<void> {
    await this.view.showEntries(
      entries.map((entry) => "entry" in entry ? entry : { entry, delivery: "live" }),
    );
  }

  /** Reports that the window has lost the focus. */
  async loseFocus(): Promise<void> {
    this.user.type("\x1b[O");
    await flushTasks();
  }

  async screen(): Promise<string[]> {
    await flushTasks();
    const text = this.user.output.slice(this.#seen);
    this.#seen = this.user.output.length;
    return this.tty!.show(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.view[Symbol.asyncDispose]();
    await this.user[Symbol.asyncDispose]();
  }
}

/** What all events of a member have. */
function of(nick: string) {
  return { seq: 0, timeMs: msOf(NOON), sessionId: sessionIdOf(makeToken(nick)), nick, address: "::1" };
}

function joined(nick: string, { rejoined = true, timeMs = msOf(NOON) } = {}): Presence {
  return { type: "joined", ...of(nick), timeMs, rejoined };
}

function left(nick: string, options: { connectionLost?: boolean; kicked?: true } = {}): Presence {
  return { type: "left", connectionLost: false, ...of(nick), ...options };
}

function said(nick: string, changes: Partial<Said> = {}): Said {
  return makeSaid(nick, { seq: 0, clientSeq: 1, text: "hola", timeMs: msOf(NOON), ...changes });
}

const BATCH = ["a", "b", "c", "d", "e"].map((nick) => joined(nick));
/** How the first of the batch are shown. */
const SINGLES = ["a", "b", "c"].map((nick) => `[${NOON}] * ${nick} (::1) se ha reconectado`);
const BATCHED = `[${NOON}] * 2 se han reconectado: d, e`;

Deno.test("ChatView shows a pipe every entry as it comes", pure, async () => {
  await using chat = new ChatFixture({ isPipe: true });
  await chat.show({ entry: said("ana"), delivery: "history" }, ...BATCH, said("ana"));
  assertEquals(chat.user.output.split("\n").length, 8);
  assertEquals(chat.user.output.split("\n")[0], `[${NOON}] ~ ana: hola`);
});

Deno.test("ChatView marks messages from before the join, unless redelivered", pure, async () => {
  await using chat = new ChatFixture({ isPipe: true });
  await chat.show(
    { entry: said("ana"), delivery: "backfill" },
    { entry: said("beto", { redelivered: true }), delivery: "backfill" },
    { entry: said("eva"), delivery: "missed" },
    said("leo"),
  );
  assertEquals(chat.user.output.split("\n").map((line) => line.slice(NOON.length + 3)), [
    ...["~ ana: hola", "+ beto: hola", "eva: hola", "leo: hola", ""],
  ]);
});

const NAMING = { text: "¡yo!" };

const BELLS: [what: string, entry: Said, delivery: DeliveredEntry["delivery"], bells: number][] = [
  ["rings for a message that names the reader", said("ana", NAMING), "live", 1],
  ["rings for a private message", said("ana", { to: READER }), "missed", 1],
  ["does not ring for other messages", said("ana"), "live", 0],
  ["does not ring for history", said("ana", NAMING), "history", 0],
  ["does not ring for the reader's own messages", said("yo", NAMING), "live", 0],
];

for (const [what, entry, delivery, bells] of BELLS) {
  Deno.test(`ChatView ${what}`, pure, async () => {
    await using chat = new ChatFixture();
    await chat.show({ entry, delivery });
    await chat.screen();
    assertEquals(chat.tty!.bells, bells);
  });
}

Deno.test("ChatView does not ring with --notify off", pure, async () => {
  await using chat = new ChatFixture({ notify: "off" });
  await chat.show(said("ana", NAMING));
  await chat.screen();
  assertEquals(chat.tty!.bells, 0);
});

Deno.test("ChatView notifies with --notify desktop while the window has no focus", pure, async () => {
  await using chat = new ChatFixture({ notify: "desktop", notification: "9;" });
  await chat.show(said("ana", NAMING));
  await chat.loseFocus();
  await chat.show(said("ana\x1b", { text: "¡yo!\x07\x1b[2J", to: READER }), said("ana"));
  await chat.screen();
  assertEquals([chat.tty!.notifications, chat.tty!.bells], [["9;?: ¡yo!␇␛[2J"], 0]);
});

Deno.test("ChatView rings with --notify desktop where no notifications are shown", pure, async () => {
  await using chat = new ChatFixture({ notify: "desktop" });
  await chat.show(said("ana", NAMING));
  await chat.screen();
  assertEquals([chat.tty!.notifications, chat.tty!.bells], [[], 1]);
});

const UNREAD = `${"─".repeat(71)} nuevo ──`;

Deno.test("ChatView marks and counts messages that come while the window has no focus", pure, async () => {
  await using chat = new ChatFixture();
  const line = `[${NOON}] ana: hola`;
  await chat.show(said("ana"));
  await chat.loseFocus();
  const others: DeliveredEntry = { entry: said("ana"), delivery: "history" };
  await chat.show(joined("leo"), others, said("yo"), said("ana"), said("ana"));
  const shown = [line, SINGLES[0]!.replace(" a ", " leo "), `[${NOON}] ~ ana: hola`, `[${NOON}] yo: hola`];
  const unread = [UNREAD, line, line];
  assertEquals(await chat.screen(), [...shown, ...unread, "yo> |"]);
  assertEquals(chat.tty!.titles, ["(2) chat · yo", "bash"]);
  chat.user.type("\x1b[I");
  await flushTasks();
  await chat.show(said("ana"));
  assertEquals(await chat.screen(), [...shown, ...unread, line, "yo> |"]);
  assertEquals(chat.tty!.titles, ["chat · yo", "bash"]);
  await chat.loseFocus();
  await chat.show(said("ana"));
  assertEquals(await chat.screen(), [...shown, ...unread, line, UNREAD, line, "yo> |"]);
});

Deno.test("ChatView takes two minutes without a key for absence if no focus is reported", pure, async () => {
  await using chat = new ChatFixture();
  const line = `[${NOON}] ana: hola`;
  chat.clock.advanceTo(IDLE_MS - 1);
  await chat.show(said("ana"));
  chat.clock.advanceTo(IDLE_MS);
  await chat.show(said("ana"));
  assertEquals(await chat.screen(), [line, UNREAD, line, "yo> |"]);
  chat.user.type("x");
  await flushTasks();
  await chat.show(said("ana"));
  assertEquals(await chat.screen(), [line, UNREAD, line, line, "yo> x|"]);
  assertEquals(chat.tty!.titles, ["chat · yo", "bash"]);
});

Deno.test("ChatView shows a message in one write, with its mark, its bell and the title", pure, async () => {
  await using chat = new ChatFixture();
  await chat.loseFocus();
  const { writes } = chat.user;
  await chat.show(said("ana", NAMING));
  await flushTasks();
  assertEquals(chat.user.writes, writes + 1);
});

Deno.test("ChatView writes no mark and no title to a pipe", pure, async () => {
  await using chat = new ChatFixture({ isPipe: true });
  chat.clock.advanceTo(IDLE_MS);
  await chat.show(said("ana", NAMING));
  assertEquals(chat.user.output, `[${NOON}] ana: ¡yo!\n`);
});

Deno.test("ChatView shows nothing of what an ignored member says", pure, async () => {
  await using chat = new ChatFixture();
  chat.ignored.toggle({ nick: "ana", sessionId: said("ana").sessionId });
  await chat.show(said("ana", NAMING), said("ana", { to: READER }), said("beto"));
  assertEquals(await chat.screen(), [`[${NOON}] beto: hola`, "yo> |"]);
  assertEquals(chat.tty!.bells, 0);
});

Deno.test("ChatView shows a presence batch in one line, and messages at once", pure, async () => {
  await using chat = new ChatFixture();
  await chat.show(...BATCH, said("ana"));
  const before = [...SINGLES, `[${NOON}] ana: hola`];
  assertEquals(await chat.screen(), [...before, "yo> |"]);
  await chat.user.waitForOutput("2 se han");
  assertEquals(await chat.screen(), [...before, BATCHED, "yo> |"]);
});

Deno.test("ChatView shows a batch of joins before one of them is renamed or kicked", pure, async () => {
  await using chat = new ChatFixture();
  await chat.show(...BATCH, { type: "renamed", ...of("e"), oldNick: "e", nick: "eva" });
  const before = [...SINGLES, BATCHED, `[${NOON}] * e se llama ahora eva`];
  assertEquals(await chat.screen(), [...before, "yo> |"]);
  await chat.show(...BATCH.slice(-2), left("e", { kicked: true }));
  assertEquals(await chat.screen(), [...before, BATCHED, `[${NOON}] * Se ha expulsado a e (::1)`, "yo> |"]);
});

Deno.test("ChatView shows a batch before one of its members speaks", pure, async () => {
  await using chat = new ChatFixture();
  await chat.show(...BATCH, said("a"), said("e"));
  const hola = ["a", "e"].map((nick) => `[${NOON}] ${nick}: hola`);
  assertEquals(await chat.screen(), [...SINGLES, hola[0]!, BATCHED, hola[1]!, "yo> |"]);
});

Deno.test("ChatView shows members who come and go one after another in their order", pure, async () => {
  await using chat = new ChatFixture();
  const visits = ["a", "b", "c", "d", "e"].flatMap((nick) => [joined(nick, { rejoined: false }), left(nick)]);
  await chat.show(...visits);
  await chat.view.flushPresence();
  assertEquals((await chat.screen()).slice(3), [
    `[${NOON}] * 3 se han conectado: c, d, e`,
    `[${NOON}] * 4 se han desconectado: b, c, d, e`,
    "yo> |",
  ]);
});

Deno.test("ChatView shows the date of a new day before its first message or batch", pure, async () => {
  await using chat = new ChatFixture();
  const days = ["2026-11-23 12:00:00", "2026-11-24 12:00:00"].map(msOf);
  await chat.show(...BATCH.slice(0, 3), said("ana"), said("ana", { timeMs: days[0] }));
  await chat.show(joined("d", { timeMs: days[1] }), joined("e", { timeMs: days[1] }));
  await chat.view.flushPresence();
  assertEquals((await chat.screen()).filter((line) => !line.includes("(::1)")), [
    `[${NOON}] ana: hola`,
    "--- lunes, 23 de noviembre de 2026 ---",
    "[2026-11-23 12:00:00] ana: hola",
    "--- martes, 24 de noviembre de 2026 ---",
    "[2026-11-24 12:00:00] * 2 se han reconectado: d, e",
    "yo> |",
  ]);
});

Deno.test("ChatView flushes presence when it is disposed", pure, async () => {
  await using chat = new ChatFixture();
  await chat.show(...BATCH);
  await chat.view[Symbol.asyncDispose]();
  assertEquals((await chat.screen()).at(-2), BATCHED);
});

Deno.test("ChatView shows in the prompt that the link is offline or lagging", pure, async () => {
  await using chat = new ChatFixture();
  const { session, view } = chat;
  const cases = [[0, "yo> |"], [undefined, "(sin conexión) yo> |"], [LINK_LAGGING_MS - 1, "yo> |"]] as const;
  for (const [idleMs, prompt] of cases) {
    session.idleMs = idleMs;
    view.updateStatus();
    assertEquals(await chat.screen(), [prompt]);
  }
  session.idleMs = LINK_LAGGING_MS;
  await chat.user.waitForOutput("(el servidor no responde) yo> "); // without a call
});

Deno.test("ChatView counts the unacked messages in the prompt while the link is offline", pure, async () => {
  await using chat = new ChatFixture();
  chat.session.unacked.push({ text: "uno" }, { text: "dos" });
  chat.session.idleMs = undefined;
  chat.view.updateStatus();
  assertEquals(await chat.screen(), ["(sin conexión · 2 sin confirmar) yo> |"]);
});

Deno.test("ChatView.onDial() names the server of a dial that takes a second", pure, async () => {
  await using chat = new ChatFixture();
  chat.view.onDial({ host: "aula", port: 5_000 });
  chat.view.updateStatus(); // it was quick
  chat.view.onDial({ host: "otra", port: 5_000 });
  chat.view.onDial({ host: "otra", port: 5_001 });
  await chat.user.waitForOutput("Conectando con otra:5001…");
  assertEquals(await chat.screen(), ["Conectando con otra:5001…", "yo> |"]);
});

Deno.test("ChatView shows unacked messages above the prompt, after a moment", pure, async () => {
  await using chat = new ChatFixture();
  const texts = ["uno", "x".repeat(70), "tres", "cuatro", "cinco"];
  chat.session.unacked.push(...texts.map((text) => ({ text })));
  chat.view.updateStatus();
  assertEquals(await chat.screen(), ["yo> |"]);
  await chat.user.waitForOutput("… tres");
  assertEquals(await chat.screen(), [
    "… uno",
    `… ${"x".repeat(59)}…`,
    "… tres",
    "… y 2 más sin confirmar",
    "yo> |",
  ]);
  // From then on messages disappear as they are acked.
  chat.session.unacked.splice(0, 3);
  chat.view.updateStatus();
  assertEquals(await chat.screen(), ["… cuatro", "… cinco", "yo> |"]);
  chat.session.unacked.length = 0;
  chat.view.updateStatus();
  assertEquals(await chat.screen(), ["yo> |"]);
  // The next one is not shown at once either, nor after one that was acked in time.
  chat.session.unacked.push({ text: "ya" });
  chat.view.updateStatus();
  chat.session.unacked.length = 0;
  chat.view.updateStatus();
  await new Promise((resolve) => setTimeout(resolve, 350));
  chat.session.unacked.push({ text: "hola", to: { sessionId: 5n, nick: "eva" } });
  chat.view.updateStatus();
  assertEquals(await chat.screen(), ["yo> |"]);
  await chat.user.waitForOutput("… @ eva: hola");
});
