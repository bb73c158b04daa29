// Waiting for NATS at the start of a server: what the operator is told, and how they quit.

import { assertEquals, assertRejects } from "@std/assert";
import { isQuit } from "../../lib/cli/commands.ts";
import { NOTICE_MS, untilStarted } from "../../lib/server/startup_wait.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { flushTasks } from "../testing/waiting.ts";

const NOTICE = "wait";

/** Waits for a part that starts when the test says so. */
function startWait({ noticeMs = 0, user = new FakeUser() } = {}) {
  const started = Promise.withResolvers<AsyncDisposable>();
  const part = { isClosed: false, [Symbol.asyncDispose]: () => Promise.resolve(void (part.isClosed = true)) };
  const signals: AbortSignal[] = [];
  let result: Promise<AsyncDisposable | undefined> | undefined;
  const start = (signal: AbortSignal) => (signals.push(signal), started.promise);
  const running = user.run(async (process) => {
    result = untilStarted(start, process, { notice: NOTICE, isQuit, noticeMs });
    return await result ? 0 : 1;
  });
  return { user, started, part, running, signals };
}

Deno.test("untilStarted() gives back the part, and prints nothing if that is in time", async () => {
  const { user, started, part, running, signals } = startWait({ noticeMs: 60_000 });
  await using _ = user;
  started.resolve(part);
  assertEquals([await running, user.output, part.isClosed, signals[0]!.aborted], [0, "", false, false]);
});

Deno.test("NOTICE_MS is 2 s", () => {
  assertEquals(NOTICE_MS, 2_000);
});

Deno.test("untilStarted() throws the error of the start", async () => {
  const { user, started, running } = startWait();
  await using _ = user;
  started.reject(new Error("no"));
  await assertRejects(() => running, Error, "no");
});

Deno.test("untilStarted() prints the notice once, and leaves typed lines to the server", async () => {
  const { user, started, part, running, signals } = startWait();
  await using _ = user;
  user.type("5001\n");
  await user.waitForOutput(`${NOTICE}\n`);
  user.type("/who\n");
  await flushTasks();
  started.resolve(part);
  assertEquals([await running, user.output, signals[0]!.aborted], [0, `${NOTICE}\n`, false]);
  assertEquals([await user.terminal.ask("?"), await user.terminal.ask("?")], ["5001", "/who"]);
});

const ENDINGS: readonly [how: string, end: (user: FakeUser) => void][] = [
  ["a signal", (user) => user.terminate()],
  ["`salir`", (user) => user.type("salir\n")],
  ["`/quit` behind another line", (user) => user.type("5001\n/quit\n")],
];

for (const [how, end] of ENDINGS) {
  Deno.test(`untilStarted() ends at once by ${how}, and closes a part that starts later`, async () => {
    const { user, started, part, running, signals } = startWait();
    await using _ = user;
    await user.waitForOutput(NOTICE);
    end(user);
    assertEquals([await running, signals[0]!.aborted, part.isClosed], [1, true, false]);
    started.resolve(part);
    await flushTasks();
    assertEquals(part.isClosed, true);
  });
}

const TYPED_AHEAD = [
  {
    typed: "salir\n",
    status: 1,
    isObeyed: "obeys `salir` that was typed before the notice as the next line",
  },
  { typed: "/who\nsalir\n", status: 0, isObeyed: "leaves `salir` behind another line to the server" },
];

for (const { typed, status, isObeyed } of TYPED_AHEAD) {
  Deno.test(`untilStarted() ${isObeyed}`, async () => {
    const user = new FakeUser();
    await using _ = user;
    user.type(typed);
    await flushTasks();
    const { started, part, running } = startWait({ user });
    await user.waitForOutput(NOTICE);
    await flushTasks();
    started.resolve(part);
    assertEquals(await running, status);
  });
}
