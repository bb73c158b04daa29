// LogPrinter: what a server prints of the room on its operator's terminal.

import { delay } from "../../lib/base/time.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { translator } from "../../lib/i18n/translate.ts";
import { encodeServer } from "../../lib/protocol/frames.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import { LogPrinter } from "../../lib/server/log_printer.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import type { Tty } from "../../lib/terminal/tty.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { messageOf } from "../testing/message.ts";
import { makeSaid } from "../testing/raw_peer.ts";
import { newEventLog } from "../testing/room_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

/** A LogPrinter on a log that retains two entries, and an output that takes the first write alone. */
class PrinterFixture implements AsyncDisposable {
  output = "";
  readonly printer: LogPrinter;
  readonly log = newEventLog({ segmentBytes: 60, retainedBytes: 120 });
  readonly #unblocked = Promise.withResolvers<void>();
  readonly #terminal: Terminal;

  constructor({ tty, isJson = false }: { tty?: Tty; isJson?: boolean } = {}) {
    const { now } = new TestClock();
    this.#terminal = new Terminal({
      input: new ReadableStream({ start: (controller) => tty || controller.close() }),
      write: async (bytes) => {
        this.output += new TextDecoder().decode(bytes).replaceAll(/\[.{19}\] /g, "");
        await this.#unblocked.promise;
        return bytes.length;
      },
      isTty: tty !== undefined,
      tty,
    }, now);
    const renderer = makeRenderer({ ...DEFAULT_DISPLAY, isJson }, { language: "es", hasColors: false });
    const parts = { terminal: this.#terminal, renderer, t: translator("es") };
    this.printer = new LogPrinter(parts, now);
    this.printer.attach({ log: this.log, startHead: 0, members: [], addConsumer: () => {} });
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

  /** What is in the log has been read. */
  async printed(): Promise<void> {
    this.printer.flush();
    await flushTasks();
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
  for (let i = 0; i < 150; i++) fixture.printer.print(messageOf(`notice ${i}`));
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
    "ana: 0\n! Aquí pueden faltar líneas, 7 como máximo: no se pudieron escribir a tiempo.\nana: 8\nana: 9\n",
  );
});

Deno.test("LogPrinter prints objects, and how many are skipped, with --json", async () => {
  await using fixture = new PrinterFixture({ isJson: true });
  fixture.append("0");
  fixture.printer.flush();
  fixture.append("1", "2", "3", "4", "5", "6", "7", "8", "9");
  fixture.unblock();
  await fixture.drained();
  fixture.printer.printReturn({ sessionId: 1n, nick: "ana", address: "::1", sinceMs: 0 });
  fixture.printer.print(messageOf("x"));
  await fixture.drained();
  const found = fixture.output.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  assertEquals(found.map(({ type, text, count, seq }) => [type, text ?? count, seq]), [
    ["said", "0", 0],
    ["skipped", 7, undefined],
    ["said", "8", 8],
    ["said", "9", 9],
    ["joined", undefined, undefined],
    ["notice", undefined, undefined],
  ]);
});

Deno.test("LogPrinter joins more than three messages that a member sends again, at a screen only", async () => {
  for (
    const [tty, expected] of [[new FakeScreen({ columns: 200 }), "+ ana: 4 mensajes enviados de nuevo"], [
      undefined,
      "+ ana: 4",
    ]] as const
  ) {
    await using fixture = new PrinterFixture({ tty });
    fixture.unblock();
    for (const text of ["1", "2", "3", "4"]) {
      const said = makeSaid("ana", { seq: fixture.log.head, clientSeq: Number(text), text });
      fixture.log.append(encodeServer({ ...said, redelivered: true }), 0);
      await fixture.printed();
    }
    await fixture.drained();
    assertStringIncludes(fixture.output, expected);
    assertEquals(fixture.output.includes("+ ana: 2"), tty === undefined);
  }
});

Deno.test("LogPrinter shows within a second what a member sends again without a pause", async () => {
  await using fixture = new PrinterFixture({ tty: new FakeScreen({ columns: 200 }) });
  fixture.unblock();
  const began = performance.now();
  for (let i = 1; !fixture.output.includes("enviados de nuevo") && performance.now() - began < 10_000; i++) {
    const said = makeSaid("ana", { seq: fixture.log.head, clientSeq: i, text: `${i}` });
    fixture.log.append(encodeServer({ ...said, redelivered: true }), 0);
    fixture.printer.flush();
    await delay(50);
  }
  assertStringIncludes(fixture.output, "mensajes enviados de nuevo");
});
