// When a client redials the server that it lost, and when it goes to another.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ConnectError, type ConnectionLostCode, ConnectionLostError } from "../../lib/errors.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import {
  FIRST,
  IP,
  lost,
  reasonPart,
  rejection,
  SECOND,
  selectorAfterJoin,
  SelectorFixture,
  TARGET,
  THIRD,
  unreachable,
  VIOLATIONS,
} from "../testing/selector_fixture.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks } from "../testing/waiting.ts";

function broken(code: ConnectionLostCode): ConnectionLostError {
  return new ConnectionLostError(code);
}

const CUT = broken("broken");
/** The first server, redialled. */
const REDIAL = { server: FIRST, nick: "ana", isRedial: true, ip: IP, dialTimeoutMs: 1_000 } as const;

const REDIALS: [what: string, error: ConnectionFailure["error"], answerTimeoutMs?: number][] = [
  ["closed the connection", broken("closed")],
  ["broke off", CUT],
  ["had a frame timeout", rejection("frame-late")],
  ["found the client too slow", rejection("too-slow")],
  ["found the client silent", rejection("silent")],
  // It may hang, and still accept connections.
  ["fell silent, and waits for an answer", broken("silent"), 1_000],
];

for (const [what, error, answerTimeoutMs] of REDIALS) {
  Deno.test(`ServerSelector redials at once a server that ${what}`, pure, async () => {
    for (const [isAuto, isTty] of [[true, false], [true, true], [false, true]] as const) {
      await using fixture = await selectorAfterJoin({ isAuto }, { isTty });
      fixture.selector.rename("anita");
      const answer = answerTimeoutMs && { answerTimeoutMs };
      assertEquals(await fixture.next(lost(FIRST, error)), { ...REDIAL, nick: "anita", ...answer });
      assertEquals([fixture.notices, fixture.user.output, fixture.waits], [[], "", 0]);
    }
  });
}

Deno.test("ServerSelector redials a server just joined, but not one just redialled", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  assertEquals(await fixture.next(lost(FIRST, CUT)), REDIAL);
  assertEquals(await fixture.nextServer({ ...unreachable(FIRST), target: REDIAL }), SECOND);
  fixture.join(SECOND, { logId: 2n, backups: [FIRST] });
  const redial = { ...REDIAL, server: SECOND };
  assertEquals(await fixture.next(lost(SECOND, CUT, 10)), redial);
  assertEquals(await fixture.nextServer({ ...lost(SECOND, CUT, 10), target: redial }), FIRST);
});

Deno.test(
  "ServerSelector redials a server after each ERROR replaced, but waits from the second on",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true });
    const replaced = lost(FIRST, rejection("replaced"), 10);
    const again = { ...replaced, target: REDIAL };
    for (
      const [failure, waits] of [[replaced, 0], [again, 1], [again, 2], [
        { ...again, connectedForMs: 5_000 },
        2,
      ]] as const
    ) {
      assertEquals(await fixture.next(failure), REDIAL);
      assertEquals(fixture.waits, waits);
    }
  },
);

Deno.test(
  "ServerSelector --auto waits once every server has broken off, and again at the redial",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true });
    const waits = [];
    for (const server of [FIRST, SECOND, FIRST, SECOND]) {
      const target = (await fixture.next(lost(server, CUT, 10)))!;
      await fixture.next({ ...unreachable(server), target });
      fixture.join(server === FIRST ? SECOND : FIRST, { backups: [server] });
      waits.push(fixture.waits);
    }
    assertEquals(waits, [0, 0, 1, 2]);
  },
);

for (const code of ["closing", "garbled"] as const) {
  Deno.test(`ServerSelector does not redial a server after ${code}`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true });
    assertEquals(await fixture.next(lost(FIRST, broken(code))), { server: SECOND, nick: "ana" });
  });
}

Deno.test("ServerSelector asks a script for the next server instead of redialling", pure, async () => {
  await using fixture = await selectorAfterJoin();
  assertEquals(await fixture.nextServer(lost(FIRST, CUT), "\n\n"), SECOND);
  assertStringIncludes(fixture.user.output, "Nuevo servidor");
});

Deno.test("ServerSelector redials for a script whose input has ended", pure, async () => {
  await using fixture = await selectorAfterJoin();
  fixture.user.endInput();
  await flushTasks();
  assertEquals(await fixture.next(lost(FIRST, CUT)), REDIAL);
  assertEquals(fixture.user.output, "");
});

/** Redials the first server, in vain. */
async function failAgain(
  fixture: SelectorFixture,
  error: ConnectionFailure["error"] = new ConnectError("refused"),
): Promise<ConnectionFailure> {
  return { ...unreachable(FIRST, error), target: (await fixture.next(lost(FIRST, CUT)))! };
}

Deno.test("ServerSelector --auto leaves a server that is down without a report or a wait", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  const failure = await failAgain(fixture);
  assertEquals(await fixture.next(failure), { server: SECOND, nick: "ana" });
  // The system accepted the connection of a process that was just killed.
  assertEquals(await fixture.next({ ...failure, error: CUT }), { server: SECOND, nick: "ana" });
  assertEquals([fixture.waits, fixture.notices], [0, []]);
  await fixture.next(unreachable(SECOND));
  assertEquals([fixture.waits, fixture.notices.length], [1, 1]);
});

Deno.test("ServerSelector --auto waits before another address of the same server", pure, async () => {
  const server = { host: "localhost", port: 5_000 };
  const backups = [{ host: "127.0.0.1", port: 5_000 }];
  await using fixture = new SelectorFixture({ ...server, nick: "ana", isAuto: true, backups });
  await fixture.next();
  fixture.selector.onJoined(server, { ip: "127.0.0.1", logId: 1n, backups: [], memberCount: () => 2 });
  const target = (await fixture.next(lost(server, CUT)))!;
  assertEquals(target, { ...REDIAL, server, ip: "127.0.0.1" });
  await fixture.next({ ...unreachable(server), target });
  assertEquals(fixture.waits, 1);
});

for (const isAuto of [true, false]) {
  Deno.test(`ServerSelector dials its server where it was last, --auto: ${isAuto}`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto }, { isTty: true });
    assertEquals(await fixture.nextServer(lost(FIRST), isAuto ? "" : "\n\n"), SECOND);
    if (!isAuto) fixture.user.type("\n\n");
    assertEquals(await fixture.next(unreachable(SECOND)), { ...TARGET, ip: IP });
  });
}

Deno.test("ServerSelector --auto waits before it dials the only server a third time", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true, listed: [] });
  assertEquals(await fixture.nextServer(await failAgain(fixture)), FIRST);
  assertEquals(fixture.waits, 1);
});

Deno.test("ServerSelector asks a user only after a redial failed, and suggests another", pure, async () => {
  await using fixture = await selectorAfterJoin({}, { isTty: true });
  const failure = await failAgain(fixture);
  fixture.user.type("\n\n");
  assertEquals(await fixture.next(failure), { server: SECOND, nick: "ana" });
  assertEquals(fixture.user.output, "Nuevo servidor (IP o nombre) [10.0.0.7]:\nPuerto [5001]:\n");
});

Deno.test("ServerSelector --auto reports why a redialled server rejects the client", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  const failure = await failAgain(fixture, rejection("room-full"));
  assertEquals(await fixture.nextServer(failure), SECOND);
  assertEquals(fixture.notices.map(reasonPart), ["El cliente sigue intentándolo."]);
  await fixture.next({ ...failure, error: new ConnectError("not-tls") });
  assertEquals(fixture.notices.length, 2);
});

Deno.test("ServerSelector --auto leaves a server on which no connection lasts 5 s", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  assertEquals(await fixture.nextServer(lost(FIRST, CUT)), FIRST);
  fixture.join(FIRST, { backups: [SECOND] });
  assertEquals(await fixture.nextServer({ ...lost(FIRST, CUT, 4_999), target: REDIAL }), SECOND);
  assertEquals(fixture.waits, 1);
  fixture.join(SECOND, { logId: 2n });
  assertEquals(await fixture.nextServer(lost(SECOND, CUT, 5_000)), SECOND);
});

const AWAY = new ConnectError("network-away");

for (const code of ["network-away", "name-unknown", "unreachable"] as const) {
  Deno.test(`ServerSelector --auto after ${code} waits before the current server only`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true, backups: [THIRD] });
    let failure = await failAgain(fixture, new ConnectError(code));
    await fixture.next(failure);
    // Without a network, that is worth a report. A server that is down is left without one.
    assertEquals(fixture.notices.length, code === "network-away" ? 1 : 0);
    const seen = [];
    while (seen.length < 6) {
      const before = fixture.waits;
      const target = (await fixture.next(failure))!;
      seen.push([target.server, fixture.waits - before]);
      failure = { ...failure, target };
    }
    assertEquals(seen, [[SECOND, 0], [THIRD, 0], [FIRST, 1], [SECOND, 0], [THIRD, 0], [FIRST, 1]]);
    assertEquals(fixture.notices.length, 1);
  });
}

Deno.test("ServerSelector --auto without a network waits after an exclusion", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  fixture.selector.updateBackups([SECOND, THIRD]);
  await fixture.next(lost(FIRST, VIOLATIONS[0]));
  for (const server of [SECOND, THIRD, SECOND]) await fixture.next(unreachable(server, AWAY));
  assertEquals(fixture.waits, 4);
});

Deno.test("ServerSelector --auto without a network waits before the first server", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true, backups: [SECOND] });
  await fixture.next();
  assertEquals(await fixture.nextServer(unreachable(FIRST, AWAY)), SECOND);
  assertEquals(fixture.waits, 0);
  assertEquals(await fixture.nextServer(unreachable(SECOND, AWAY)), FIRST);
  assertEquals(fixture.waits, 1);
});

Deno.test("ServerSelector without a network suggests the current server, and reports why", pure, async () => {
  await using fixture = await selectorAfterJoin({}, { isTty: true });
  assertEquals(await fixture.nextServer(await failAgain(fixture, AWAY), "\n\n"), FIRST);
  assertStringIncludes(fixture.user.output, "No hay red para llegar a");
  assertEquals(await fixture.nextServer(unreachable(SECOND, AWAY), "\n\n"), FIRST);
});
