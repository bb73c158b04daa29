// What the server prints of the room on its operator's terminal.

import { assert, assertEquals } from "@std/assert";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { testConfig } from "../testing/test_config.ts";
import { startServer } from "../testing/test_server.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { encodeServer } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer, type Renderer } from "../../lib/render/renderer.ts";
import { LogPrinter, type LogPrinterConfig } from "../../lib/server/log_printer.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { UNLIMITED } from "../../lib/base/limits.ts";
import { newEventLog } from "../testing/room_fixture.ts";
import { enterAs, say } from "../testing/raw_peer.ts";
import { TestClock } from "../testing/test_clock.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";

Deno.test("What came to nothing keeps nothing that comes behind it from the screen", async () => {
  const printed: string[] = [];
  const terminal = {
    hasLineEditor: false,
    print: (...lines: string[]) => Promise.resolve(void printed.push(...lines)),
  };
  const renderer = { dateSeparator: () => [], entry: ({ seq }: { seq: number }) => `entry ${seq}` };
  const log = newEventLog({ segmentBytes: 64 });
  const parts = {
    terminal: terminal as unknown as Terminal,
    renderer: renderer as unknown as Renderer,
    t: translator("en"),
  };
  const screen = new LogPrinter(parts, testConfig().logPrinter, new TestClock().now);
  screen.attach({ log, startHead: 0, addConsumer: () => {} });
  for (let seq = 0; seq < 8; seq++) log.append(encodeServer({ type: "noop", seq }), 0);
  log.append(encodeServer({ type: "announced", seq: 8, timeMs: 0, text: "hi" }), 0);
  await screen.drained();
  assertEquals(printed, ["entry 8"]);
});

/** A console that writes to something that takes nothing but the first write until it is told to. */
class StandingConsole implements AsyncDisposable {
  output = "";
  readonly printer: LogPrinter;
  readonly #taking = Promise.withResolvers<void>();
  readonly #terminal: Terminal;

  constructor(limits: Partial<LogPrinterConfig> = {}) {
    const { now } = new TestClock();
    this.#terminal = new Terminal({
      input: new ReadableStream({ start: (controller) => controller.close() }),
      write: async (bytes) => {
        this.output += new TextDecoder().decode(bytes);
        await this.#taking.promise;
      },
      isTty: false,
    }, now);
    const renderer = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });
    this.printer = new LogPrinter(
      { terminal: this.#terminal, renderer, t: translator("es") },
      testConfig({ logPrinter: limits }).logPrinter,
      now,
    );
  }

  /** From now on everything is taken. */
  takes(): void {
    this.#taking.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.takes();
    await this.#terminal[Symbol.asyncDispose]();
  }
}

/** A server with a short log and no rate limit. It sends no PING among the entries, however slow the machine is. */
function forgetfulServer(): ChatServer {
  return startServer({
    messages: UNLIMITED,
    connections: { pingMs: 60_000 },
    room: { log: { segmentBytes: 2_000, retainedBytes: 40_000 } },
  });
}

Deno.test("LogPrinter says how much it skips when it cannot keep up with the room", async () => {
  const log = newEventLog({ segmentBytes: 60, retainedBytes: 120 });
  const append = (text: string) => {
    const entry = {
      seq: log.head,
      timeMs: 0,
      sessionId: 1n,
      clientSeq: 1,
      redelivered: false,
      nick: "ana",
      text,
    };
    log.append(encodeServer({ type: "said", ...entry }), 0);
  };
  await using standing = new StandingConsole();
  const { printer } = standing;
  printer.attach({ log, startHead: 0, addConsumer: () => {} });
  append("0");
  printer.flush();
  for (let clientSeq = 1; clientSeq <= 9; clientSeq++) append(String(clientSeq)); // one to a segment: the last two are retained
  standing.takes();
  await withTimeout(printer.drained(), "the console to show the rest");
  assertEquals(
    standing.output.replaceAll(/\[.{19}\] /g, ""),
    [
      "ana: 0",
      "! Líneas que faltan aquí: 7. No se mostraron al ritmo de la sala.",
      "ana: 8",
      "ana: 9",
      "",
    ].join("\n"),
  );
});

Deno.test("A console that writes to a file leaves nothing out: the room waits for it", async () => {
  await using server = forgetfulServer();
  await using standing = new StandingConsole({ maxLagBytes: 20_000, maxWaitMs: 60_000 });
  const { printer } = standing;
  printer.attach(server);
  using ana = (await enterAs("ana", server)).peer;
  const numbers = Array.from({ length: 600 }, (_, index) => index + 1);
  for (const clientSeq of numbers) {
    await ana.send(say(clientSeq, "x".repeat(50) + clientSeq));
  }
  // Not earlier: the rest, which comes at once, must fit into what the log retains.
  await waitFor(() => printer.backPressure() !== undefined, "the printer to hold up the room");
  assert(server.log.head < 600);
  // The log must not forget what she has yet to read, when all the rest comes at once.
  const firstLeft = server.log.head - 1; // JOINED
  for (const clientSeq of numbers.slice(0, firstLeft)) {
    assertEquals((await ana.expect("said")).clientSeq, clientSeq);
  }
  standing.takes();
  for (const clientSeq of numbers.slice(firstLeft)) {
    assertEquals((await ana.expect("said")).clientSeq, clientSeq);
  }
  await printer.drained();
  const shown = [...standing.output.matchAll(/ana: x+(\d+)\n/g)].map(([, n]) => Number(n));
  assertEquals(shown, numbers);
});

Deno.test("A console that writes to a pipe that nobody reads holds the room up for a moment, then leaves lines out", async () => {
  await using server = forgetfulServer();
  await using standing = new StandingConsole({ maxLagBytes: 20_000, maxWaitMs: 20 });
  const { printer } = standing;
  printer.attach(server);
  using ana = (await enterAs("ana", server)).peer;
  for (let clientSeq = 1; clientSeq <= 600; clientSeq++) {
    await ana.send(say(clientSeq, "x".repeat(50) + clientSeq));
    assertEquals((await withTimeout(ana.expect("said"), "the room to go on")).clientSeq, clientSeq);
  }
  standing.takes();
  await printer.drained();
  assert(/! Líneas que faltan aquí: \d+\./.test(standing.output));
  assert(standing.output.endsWith("ana: " + "x".repeat(50) + "600\n"));
});
