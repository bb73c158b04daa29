// LogPrinter: what a server prints of the room on its operator's terminal, and how the room waits for it.

import { assert, assertEquals } from "@std/assert";
import { translator } from "../../lib/i18n/translate.ts";
import { encodeServer } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import { LogPrinter, type LogPrinterConfig } from "../../lib/server/log_printer.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { makeSaid } from "../testing/raw_peer.ts";
import { newEventLog } from "../testing/room_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { testConfig } from "../testing/test_config.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

/** A LogPrinter on a log that retains two entries, and an output that takes the first write alone. */
class PrinterFixture implements AsyncDisposable {
  output = "";
  readonly printer: LogPrinter;
  readonly log = newEventLog({ segmentBytes: 60, retainedBytes: 120 });
  #unblocked = Promise.withResolvers<void>();
  readonly #terminal: Terminal;

  constructor(config: Partial<LogPrinterConfig> = {}) {
    const { now } = new TestClock();
    this.#terminal = new Terminal({
      input: new ReadableStream({ start: (controller) => controller.close() }),
      write: async (bytes) => {
        this.output += new TextDecoder().decode(bytes).replaceAll(/\[.{19}\] /g, "");
        await this.#unblocked.promise;
      },
      isTty: false,
    }, now);
    const renderer = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });
    const parts = { terminal: this.#terminal, renderer, t: translator("es") };
    this.printer = new LogPrinter(parts, testConfig({ logPrinter: config }).logPrinter, now);
    this.printer.attach({ log: this.log, startHead: 0, addConsumer: () => {} });
  }

  /** Appends messages, one to a segment. */
  append(...texts: string[]): void {
    for (const text of texts) {
      this.log.append(encodeServer(makeSaid("ana", { seq: this.log.head, clientSeq: 1, text })), 0);
    }
  }

  /** From now on the output takes everything. */
  unblock(): void {
    this.#unblocked.resolve();
  }

  /** From now on the output takes one more write. */
  block(): void {
    this.#unblocked = Promise.withResolvers();
  }

  async drained(): Promise<void> {
    await withTimeout(this.printer.drained(), "the printer to print the rest");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unblock();
    await this.#terminal[Symbol.asyncDispose]();
  }
}

Deno.test("LogPrinter prints the entries behind a NOOP, and nothing of it", async () => {
  await using fixture = new PrinterFixture();
  fixture.unblock();
  fixture.log.append(encodeServer({ type: "noop", seq: 0 }), 0);
  fixture.append("hola");
  await fixture.drained();
  assertEquals(fixture.output, "ana: hola\n");
});

Deno.test("LogPrinter.print() prints a notice with the time, and at most 100 that wait", async () => {
  await using fixture = new PrinterFixture();
  fixture.append("hola");
  for (let i = 0; i < 150; i++) fixture.printer.print(`notice ${i}`);
  fixture.unblock();
  await fixture.drained();
  const notices = fixture.output.split("\n").filter((line) => line.startsWith("! notice"));
  assert(notices.length >= 100 && notices.length <= 101, `${notices.length}`); // one may be on its way
  assertEquals(notices[0], "! notice 0");
});

Deno.test("LogPrinter prints how many entries it skips when it falls behind the log", async () => {
  await using fixture = new PrinterFixture();
  fixture.append("0");
  fixture.printer.flush();
  fixture.append("1", "2", "3", "4", "5", "6", "7", "8", "9");
  fixture.unblock();
  await fixture.drained();
  assertEquals(
    fixture.output,
    "ana: 0\n! Líneas que faltan aquí: 7. No se mostraron al ritmo de la sala.\nana: 8\nana: 9\n",
  );
});

Deno.test("LogPrinter.backPressure() lasts until a slow output has taken all entries", async () => {
  await using fixture = new PrinterFixture({ maxLagBytes: 60, maxWaitMs: 60_000 });
  const { printer } = fixture;
  fixture.append("0");
  printer.flush();
  assertEquals(printer.backPressure(), undefined);
  fixture.append("1", "2");
  const waiting = printer.backPressure();
  let isOver = false;
  void waiting!.then(() => isOver = true);
  await flushTasks();
  assertEquals([isOver, printer.backPressure() === waiting], [false, true]);
  fixture.unblock();
  await withTimeout(waiting!, "the printer");
  assertEquals([fixture.output, printer.backPressure()], ["ana: 0\nana: 1\nana: 2\n", undefined]);
});

Deno.test("LogPrinter.backPressure() ends after maxWaitMs, until all entries are printed or skipped", async () => {
  await using fixture = new PrinterFixture({ maxLagBytes: 60, maxWaitMs: 1 });
  const { printer } = fixture;
  for (let round = 0; round < 2; round++) {
    fixture.append("0");
    printer.flush();
    fixture.append("1", "2");
    const waiting = printer.backPressure();
    assert(waiting, `round ${round}`);
    await withTimeout(waiting, "maxWaitMs");
    assertEquals(printer.backPressure(), undefined);
    fixture.append("3", "4");
    assertEquals(printer.backPressure(), undefined);
    fixture.unblock();
    await fixture.drained();
    assertEquals(fixture.output.match(/faltan aquí/g)?.length, round + 1);
    fixture.block();
  }
});

Deno.test("LogPrinter.backPressure() is none at a terminal, which may skip entries", async () => {
  await using fixture = new PrinterFixture({ maxLagBytes: 0 });
  fixture.append("0", "1");
  assert(fixture.printer.backPressure() instanceof Promise);
  const parts = { terminal: { hasLineEditor: true } as Terminal, t: translator("es") };
  const renderer = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });
  const printer = new LogPrinter(
    { ...parts, renderer },
    { maxLagBytes: 0, maxWaitMs: 1 },
    new TestClock().now,
  );
  printer.attach({ log: fixture.log, startHead: 0, addConsumer: () => {} });
  assertEquals(printer.backPressure(), undefined);
});
