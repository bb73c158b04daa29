// When a client redials the server that it lost, and when it goes to another.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ConnectError, type ConnectionLostCode, ConnectionLostError, ServerError } from "../../lib/errors.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import {
  FIRST,
  IP,
  lost,
  reasonPart,
  SECOND,
  selectorAfterJoin,
  SelectorFixture,
  THIRD,
  unreachable,
  VIOLATIONS,
} from "../testing/selector_fixture.ts";
import { flushTasks } from "../testing/waiting.ts";

const { dialTimeoutMs, welcomeTimeoutMs } = DEFAULT_CONFIG.redial;
const pure = { permissions: "none" } as const;

/** Errors after which the server may be alive. */
const CUTS = [
  ...["closed", "broken"].map((code) => new ConnectionLostError(code as ConnectionLostCode)),
  ...["frame-late", "too-slow", "silent"].map((code) => new ServerError(code, { reason: "why" })),
];

function inVain(): never {
  throw new Error("There is to be no wait");
}

Deno.test(
  "ServerSelector redials a server that may be alive at once, with a short timeout",
  pure,
  async () => {
    for (const [isAuto, isTty] of [[true, false], [true, true], [false, true]] as const) {
      for (const error of CUTS) {
        await using fixture = await selectorAfterJoin({ isAuto, random: inVain }, { isTty });
        fixture.selector.rename("anita");
        const again = await fixture.next({ ...lost(FIRST!), error });
        assertEquals(again, { server: FIRST!, nick: "anita", dialTimeoutMs });
        assertEquals([fixture.notices, fixture.user.output], [[], ""]);
      }
    }
  },
);

Deno.test(
  "ServerSelector redials a silent server with a short timeout for WELCOME: it may hang",
  pure,
  async () => {
    for (const isAuto of [true, false]) {
      await using fixture = await selectorAfterJoin({ isAuto, random: inVain }, { isTty: true });
      const again = await fixture.next({ ...lost(FIRST!), error: new ConnectionLostError("silent") });
      assertEquals(again, {
        server: FIRST!,
        nick: "ana",
        dialTimeoutMs,
        welcomeTimeoutMs,
      });
      assertEquals([fixture.notices, fixture.user.output], [[], ""]);
    }
  },
);

Deno.test("ServerSelector does not redial a server that is closing or broke the protocol", pure, async () => {
  for (const code of ["closing", "garbled"] as const) {
    await using fixture = await selectorAfterJoin({ isAuto: true, random: () => 0 });
    const target = await fixture.next({ ...lost(FIRST!), error: new ConnectionLostError(code) });
    assertEquals(target, { server: SECOND!, nick: "ana" });
  }
});

Deno.test("ServerSelector asks a script for the next server instead of redialling", pure, async () => {
  await using fixture = await selectorAfterJoin();
  fixture.user.type("\n\n");
  assertEquals((await fixture.next({ ...lost(FIRST!), error: CUTS[0]! }))?.server, SECOND!);
  assertStringIncludes(fixture.user.output, "Nuevo servidor");
});

Deno.test("ServerSelector redials for a script that has ended: it has no answer", pure, async () => {
  await using fixture = await selectorAfterJoin();
  fixture.user.endInput();
  await flushTasks();
  const again = await fixture.next({ ...lost(FIRST!), error: CUTS[0]! });
  assertEquals(again, { server: FIRST!, nick: "ana", dialTimeoutMs });
  assertEquals(fixture.user.output, "");
});

/** Redials the first server, in vain. */
async function failAgain(fixture: SelectorFixture): Promise<ConnectionFailure> {
  const target = (await fixture.next({ ...lost(FIRST!), error: CUTS[0]! }))!;
  return { ...unreachable(FIRST!), target };
}

Deno.test(
  "ServerSelector --auto leaves a server that is down without a report or a wait",
  pure,
  async () => {
    let waits = 0;
    await using fixture = await selectorAfterJoin({ isAuto: true, random: () => (waits++, 0) });
    const failure = await failAgain(fixture);
    assertEquals(await fixture.next(failure), { server: SECOND!, nick: "ana" });
    // The system accepted the connection of a process that was just killed.
    const error = new ConnectionLostError("broken");
    assertEquals(await fixture.next({ ...failure, error }), { server: SECOND!, nick: "ana" });
    assertEquals([waits, fixture.notices], [0, []]);
    await fixture.next(unreachable(SECOND!));
    assertEquals([waits, fixture.notices.length], [1, 1]);
  },
);

Deno.test("ServerSelector --auto waits before another address of the same server", pure, async () => {
  let waits = 0;
  const server = { host: "localhost", port: 5_000 };
  const random = () => (waits++, 0);
  const backups = [{ host: "127.0.0.1", port: 5_000 }];
  await using fixture = new SelectorFixture({ ...server, nick: "ana", isAuto: true, random, backups });
  await fixture.next();
  fixture.selector.onJoined(server, { ip: "127.0.0.1", logId: 1n, backups: [] });
  const target = (await fixture.next({ ...lost(server), error: CUTS[0]! }))!;
  assertEquals(target, { server, nick: "ana", dialTimeoutMs });
  await fixture.next({ ...unreachable(server), target });
  assertEquals(waits, 1);
});

Deno.test(
  "ServerSelector asks the user only if the server is down, and suggests another",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin({}, { isTty: true });
    const failure = await failAgain(fixture);
    fixture.user.type("\n\n");
    assertEquals(await fixture.next(failure), { server: SECOND!, nick: "ana" });
    assertEquals(fixture.user.output, "Nuevo servidor (IP o nombre) [10.0.0.7]:\nPuerto [5001]:\n");
  },
);

Deno.test("ServerSelector reports why a server that is alive rejects the client", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true, random: () => 0 });
  const failure = { ...await failAgain(fixture), error: new ServerError("room-full", { reason: "why" }) };
  assertEquals((await fixture.next(failure))?.server, SECOND!);
  assertEquals(fixture.notices.map(reasonPart), ["Se seguirá intentando."]);
  await fixture.next({ ...failure, error: new ConnectError("not-tls") });
  assertEquals(fixture.notices.length, 2);
});

Deno.test(
  "ServerSelector waits before it dials the only known server a third time",
  pure,
  async () => {
    let waits = 0;
    await using fixture = new SelectorFixture({
      ...FIRST,
      nick: "ana",
      isAuto: true,
      random: () => (waits++, 0),
    });
    await fixture.next();
    fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [] });
    assertEquals((await fixture.next(await failAgain(fixture)))?.server, FIRST!);
    assertEquals(waits, 1);
  },
);

Deno.test("ServerSelector does not stay with a server on which no connection lasts", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true, random: () => 0 });
  const cut = { ...lost(FIRST!), error: CUTS[0]! };
  assertEquals((await fixture.next(cut))?.server, FIRST!);
  fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!] });
  assertEquals((await fixture.next({ ...cut, connectedForMs: 4_999 }))?.server, SECOND!);
  fixture.selector.onJoined(SECOND!, { ip: IP, logId: 2n, backups: [] });
  assertEquals((await fixture.next({ ...cut, connectedForMs: 5_000 }))?.server, FIRST!);
});

Deno.test("ServerSelector returns to a server that only had a frame timeout", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  await fixture.next({
    ...lost(FIRST!),
    error: new ServerError("frame-late", { reason: "why" }),
    connectedForMs: 0,
  });
  assertEquals((await fixture.next(lost(SECOND!)))?.server, FIRST!);
});

/** The same without a network. */
function away(failure: ConnectionFailure): ConnectionFailure {
  return { ...failure, error: new ConnectError("network-away") };
}

Deno.test(
  "ServerSelector --auto without a network waits before the current server only",
  pure,
  async () => {
    for (const code of ["network-away", "name-unknown", "unreachable"] as const) {
      let waits = 0;
      const random = () => (waits++, 0);
      await using fixture = await selectorAfterJoin({ isAuto: true, random, backups: [THIRD!] });
      let failure: ConnectionFailure = { ...await failAgain(fixture), error: new ConnectError(code) };
      const seen = [];
      while (seen.length < 6) {
        const before = waits;
        const target = (await fixture.next(failure))!;
        seen.push([target.server, waits - before]);
        failure = { ...failure, target };
      }
      assertEquals(seen, [[SECOND, 0], [THIRD, 0], [FIRST, 1], [SECOND, 0], [THIRD, 0], [FIRST, 1]]);
      assertEquals(fixture.notices.length, 1);
    }
  },
);

Deno.test(
  "ServerSelector --auto without a network waits also if the current server is excluded",
  pure,
  async () => {
    let waits = 0;
    await using fixture = await selectorAfterJoin({ isAuto: true, random: () => (waits++, 0) });
    fixture.selector.updateBackups([SECOND!, THIRD!]);
    await fixture.next({ ...lost(FIRST!), error: VIOLATIONS[0]! }); // it is out for good
    for (const server of [SECOND!, THIRD!, SECOND!]) await fixture.next(away(unreachable(server)));
    assertEquals(waits, 4);
  },
);

Deno.test(
  "ServerSelector --auto without a network waits before the first server",
  pure,
  async () => {
    let waits = 0;
    const random = () => (waits++, 0);
    await using fixture = new SelectorFixture({
      ...FIRST,
      nick: "ana",
      isAuto: true,
      random,
      backups: [SECOND!],
    });
    await fixture.next();
    assertEquals((await fixture.next(away(unreachable(FIRST!))))?.server, SECOND);
    assertEquals(waits, 0);
    assertEquals((await fixture.next(away(unreachable(SECOND!))))?.server, FIRST);
    assertEquals(waits, 1);
  },
);

Deno.test(
  "ServerSelector without a network suggests the current server, and reports why",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin({}, { isTty: true });
    fixture.user.type("\n\n\n\n");
    assertEquals((await fixture.next(away(await failAgain(fixture))))?.server, FIRST);
    assertStringIncludes(fixture.user.output, "Este equipo no est");
    assertEquals((await fixture.next(away(unreachable(SECOND!))))?.server, FIRST);
  },
);
