// When a client dials the server again on which its connection broke, and when it goes elsewhere.

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
} from "./selector_fixture.ts";
import { flushMacrotasks } from "../support.ts";

const { dialTimeoutMs, welcomeTimeoutMs } = DEFAULT_CONFIG.redial;
const pure = { permissions: "none" } as const;

/** What says nothing of whether the server lives. */
const CUTS = [
  ...["closed", "broken"].map((code) => new ConnectionLostError(code as ConnectionLostCode)),
  ...["frame-late", "too-slow", "silent"].map((code) => new ServerError(code, { reason: "why" })),
];

function inVain(): never {
  throw new Error("There is to be no wait");
}

Deno.test(
  "ServerSelector dials a server again at once if it may live, and waits for it briefly",
  pure,
  async () => {
    for (const [isAuto, isTty] of [[true, false], [true, true], [false, true]] as const) {
      for (const error of CUTS) {
        await using choice = await selectorAfterJoin({ isAuto, random: inVain }, { isTty });
        choice.selector.rename("anita");
        const again = await choice.next({ ...lost(FIRST!), error });
        assertEquals(again, { server: FIRST!, nick: "anita", dialTimeoutMs });
        assertEquals([choice.notices, choice.person.output], [[], ""]);
      }
    }
  },
);

Deno.test(
  "ServerSelector dials a silent server again, which may hang: it must answer soon",
  pure,
  async () => {
    for (const isAuto of [true, false]) {
      await using choice = await selectorAfterJoin({ isAuto, random: inVain }, { isTty: true });
      const again = await choice.next({ ...lost(FIRST!), error: new ConnectionLostError("silent") });
      assertEquals(again, {
        server: FIRST!,
        nick: "ana",
        dialTimeoutMs,
        welcomeTimeoutMs,
      });
      assertEquals([choice.notices, choice.person.output], [[], ""]);
    }
  },
);

Deno.test("ServerSelector does not dial a server again that said why", pure, async () => {
  for (const code of ["closing", "garbled"] as const) {
    await using choice = await selectorAfterJoin({ isAuto: true, random: () => 0 });
    const target = await choice.next({ ...lost(FIRST!), error: new ConnectionLostError(code) });
    assertEquals(target, { server: SECOND!, nick: "ana" });
  }
});

Deno.test("ServerSelector leaves it to a script where to go after a break", pure, async () => {
  await using choice = await selectorAfterJoin();
  choice.person.type("\n\n");
  assertEquals((await choice.next({ ...lost(FIRST!), error: CUTS[0]! }))?.server, SECOND!);
  assertStringIncludes(choice.person.output, "Nuevo servidor");
});

Deno.test("ServerSelector dials again for a script that has ended: it has no answer", pure, async () => {
  await using choice = await selectorAfterJoin();
  choice.person.endInput();
  await flushMacrotasks();
  const again = await choice.next({ ...lost(FIRST!), error: CUTS[0]! });
  assertEquals(again, { server: FIRST!, nick: "ana", dialTimeoutMs });
  assertEquals(choice.person.output, "");
});

/** Dials the first server again, in vain. */
async function failAgain(choice: SelectorFixture): Promise<ConnectionFailure> {
  const target = (await choice.next({ ...lost(FIRST!), error: CUTS[0]! }))!;
  return { ...unreachable(FIRST!), target };
}

Deno.test(
  "ServerSelector --auto goes on without a word or a wait from a server that is gone",
  pure,
  async () => {
    let waits = 0;
    await using choice = await selectorAfterJoin({ isAuto: true, random: () => (waits++, 0) });
    const failure = await failAgain(choice);
    assertEquals(await choice.next(failure), { server: SECOND!, nick: "ana" });
    // Its system took the connection before it knew that there is nobody.
    const error = new ConnectionLostError("broken");
    assertEquals(await choice.next({ ...failure, error }), { server: SECOND!, nick: "ana" });
    assertEquals([waits, choice.notices], [0, []]);
    await choice.next(unreachable(SECOND!));
    assertEquals([waits, choice.notices.length], [1, 1]);
  },
);

Deno.test("ServerSelector --auto takes a server under another name for no other server", pure, async () => {
  let waits = 0;
  const server = { host: "localhost", port: 5_000 };
  const random = () => (waits++, 0);
  const backups = [{ host: "127.0.0.1", port: 5_000 }];
  await using choice = new SelectorFixture({ ...server, nick: "ana", isAuto: true, random, backups });
  await choice.next();
  choice.selector.onJoined(server, { ip: "127.0.0.1", logId: 1n, backups: [] });
  const target = (await choice.next({ ...lost(server), error: CUTS[0]! }))!;
  assertEquals(target, { server, nick: "ana", dialTimeoutMs });
  await choice.next({ ...unreachable(server), target });
  assertEquals(waits, 1);
});

Deno.test(
  "ServerSelector asks a person where to go only if the server is gone, and offers another",
  pure,
  async () => {
    await using choice = await selectorAfterJoin({}, { isTty: true });
    const failure = await failAgain(choice);
    choice.person.type("\n\n");
    assertEquals(await choice.next(failure), { server: SECOND!, nick: "ana" });
    assertEquals(choice.person.output, "Nuevo servidor (IP o nombre) [10.0.0.7]:\nPuerto [5001]:\n");
  },
);

Deno.test("ServerSelector says why a server that lives does not let the client in again", pure, async () => {
  await using choice = await selectorAfterJoin({ isAuto: true, random: () => 0 });
  const failure = { ...await failAgain(choice), error: new ServerError("room-full", { reason: "why" }) };
  assertEquals((await choice.next(failure))?.server, SECOND!);
  assertEquals(choice.notices.map(reasonPart), ["Se seguirá intentando."]);
  await choice.next({ ...failure, error: new ConnectError("not-tls") });
  assertEquals(choice.notices.length, 2);
});

Deno.test(
  "ServerSelector waits before it dials the only server that it knows a third time",
  pure,
  async () => {
    let waits = 0;
    await using choice = new SelectorFixture({
      ...FIRST,
      nick: "ana",
      isAuto: true,
      random: () => (waits++, 0),
    });
    await choice.next();
    choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [] });
    assertEquals((await choice.next(await failAgain(choice)))?.server, FIRST!);
    assertEquals(waits, 1);
  },
);

Deno.test("ServerSelector does not stay with a server on which no connection lasts", pure, async () => {
  await using choice = await selectorAfterJoin({ isAuto: true, random: () => 0 });
  const cut = { ...lost(FIRST!), error: CUTS[0]! };
  assertEquals((await choice.next(cut))?.server, FIRST!);
  choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!] });
  assertEquals((await choice.next({ ...cut, connectedForMs: 4_999 }))?.server, SECOND!);
  choice.selector.onJoined(SECOND!, { ip: IP, logId: 2n, backups: [] });
  assertEquals((await choice.next({ ...cut, connectedForMs: 5_000 }))?.server, FIRST!);
});

Deno.test("ServerSelector goes back to a server that only waited too long for a frame", pure, async () => {
  await using choice = await selectorAfterJoin({ isAuto: true });
  await choice.next({
    ...lost(FIRST!),
    error: new ServerError("frame-late", { reason: "why" }),
    connectedForMs: 0,
  });
  assertEquals((await choice.next(lost(SECOND!)))?.server, FIRST!);
});

/** This machine has no network through which it could reach a server. */
function away(failure: ConnectionFailure): ConnectionFailure {
  return { ...failure, error: new ConnectError("network-away") };
}

Deno.test(
  "ServerSelector --auto without a network waits before the server of last, and at no other",
  pure,
  async () => {
    for (const code of ["network-away", "name-unknown", "unreachable"] as const) {
      let waits = 0;
      const random = () => (waits++, 0);
      await using choice = await selectorAfterJoin({ isAuto: true, random, backups: [THIRD!] });
      let failure: ConnectionFailure = { ...await failAgain(choice), error: new ConnectError(code) };
      const seen = [];
      while (seen.length < 6) {
        const before = waits;
        const target = (await choice.next(failure))!;
        seen.push([target.server, waits - before]);
        failure = { ...failure, target };
      }
      assertEquals(seen, [[SECOND, 0], [THIRD, 0], [FIRST, 1], [SECOND, 0], [THIRD, 0], [FIRST, 1]]);
      assertEquals(choice.notices.length, 1);
    }
  },
);

Deno.test(
  "ServerSelector --auto waits without a network, whatever became of the server of last",
  pure,
  async () => {
    let waits = 0;
    await using choice = await selectorAfterJoin({ isAuto: true, random: () => (waits++, 0) });
    choice.selector.updateBackups([SECOND!, THIRD!]);
    await choice.next({ ...lost(FIRST!), error: VIOLATIONS[0]! }); // it is out for good
    for (const server of [SECOND!, THIRD!, SECOND!]) await choice.next(away(unreachable(server)));
    assertEquals(waits, 4);
  },
);

Deno.test(
  "ServerSelector --auto begins with the first server too when there is a network",
  pure,
  async () => {
    let waits = 0;
    const random = () => (waits++, 0);
    await using choice = new SelectorFixture({
      ...FIRST,
      nick: "ana",
      isAuto: true,
      random,
      backups: [SECOND!],
    });
    await choice.next();
    assertEquals((await choice.next(away(unreachable(FIRST!))))?.server, SECOND);
    assertEquals(waits, 0);
    assertEquals((await choice.next(away(unreachable(SECOND!))))?.server, FIRST);
    assertEquals(waits, 1);
  },
);

Deno.test(
  "ServerSelector offers a person without a network the server of last, and says why",
  pure,
  async () => {
    await using choice = await selectorAfterJoin({}, { isTty: true });
    choice.person.type("\n\n\n\n");
    assertEquals((await choice.next(away(await failAgain(choice))))?.server, FIRST);
    assertStringIncludes(choice.person.output, "Este equipo no est");
    assertEquals((await choice.next(away(unreachable(SECOND!))))?.server, FIRST);
  },
);
