// Where a client with `--auto` goes next, how long it waits, and what it says.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ChatError, ConnectError, ServerError } from "../../lib/errors.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import type { ServerSelectorDeps } from "../../lib/client/server_selector.ts";
import {
  FIRST,
  IP,
  lost,
  reasonPart,
  SECOND,
  selectorAfterJoin,
  SelectorFixture,
  TARGET,
  THIRD,
  unreachable,
  VIOLATIONS,
} from "./selector_fixture.ts";
import { flushMacrotasks } from "../support.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "ServerSelector --auto goes round what it knows, and waits longer from time to time",
  pure,
  async () => {
    let waits = 0;
    await using choice = await selectorAfterJoin({ isAuto: true, random: () => (waits++, 0.5) });
    const seen: Address[] = [];
    /** How long the next choice takes, in ms. */
    const timed = async (failure: ConnectionFailure): Promise<number> => {
      const beganMs = performance.now();
      seen.push((await choice.next(failure))!.server);
      return performance.now() - beganMs;
    };
    assert(await timed(lost(FIRST!)) >= 45);
    await timed(unreachable(SECOND!));
    assert(await timed(unreachable(FIRST!)) >= 195);
    assertEquals([seen, waits], [[SECOND, FIRST, SECOND], 3]);
    // Somebody who was in for long begins anew; who is thrown out at once does not.
    choice.selector.onJoined(SECOND!, { ip: IP, logId: 2n, backups: [] });
    assert(await timed({ ...lost(SECOND!), connectedForMs: 4_999 }) >= 395);
    assert(await timed({ ...lost(SECOND!), connectedForMs: 5_000 }) < 395);
  },
);

Deno.test(
  "ServerSelector --auto says why it could not enter once for each reason, until it is in or somebody answers",
  pure,
  async () => {
    await using choice = await selectorAfterJoin({ isAuto: true, random: () => 0 });
    await choice.next(lost(FIRST!));
    assertEquals(choice.notices, []);
    for (const server of [SECOND!, FIRST!, SECOND!, FIRST!]) await choice.next(unreachable(server));
    assertEquals(choice.notices.splice(0).map(reasonPart), ["Se seguirá intentando."]);
    const full = { ...unreachable(FIRST!), error: new ServerError("room-full", { reason: "why" }) };
    for (const failure of [full, unreachable(SECOND!), full]) await choice.next(failure);
    assertEquals(choice.notices.splice(0), [
      "No se pudo entrar en aula:5000: la sala está llena: pruebe más tarde. Se seguirá intentando.",
    ]);
    choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [] });
    await choice.next(lost(FIRST!));
    await choice.next(unreachable(SECOND!));
    assertEquals(choice.notices.length, 1);
  },
);

Deno.test("ServerSelector --auto does not say that it goes on where it does not", pure, async () => {
  const cases: [ConnectionFailure["error"], { isTty?: boolean }][] = [
    [new ServerError("banned", { reason: "why" }), {}],
    [VIOLATIONS[2]!, {}],
    [new ServerError("nick-taken", { reason: "why" }), { isTty: true }],
  ];
  for (const [error, person] of cases) {
    await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true }, person);
    await choice.next();
    for (let times = 1; times <= 2; times++) {
      choice.person.type("ana2\n");
      await choice.next({ ...unreachable(FIRST!), error }).catch(() => {});
      assertEquals(choice.notices.map(reasonPart).includes("Se seguirá intentando."), false);
      // Who is asked must know why, each time.
      assertEquals(choice.notices.length, person.isTty ? times : 1);
    }
  }
});

Deno.test("ServerSelector --auto says why again to somebody who has answered", pure, async () => {
  await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true }, { isTty: true });
  await choice.next();
  for (let times = 1; times <= 2; times++) {
    choice.person.type("aula\n5000\n");
    await choice.next({ ...unreachable(FIRST!), error: VIOLATIONS[2]! });
    assertEquals(choice.notices.length, times);
  }
});

Deno.test(
  "ServerSelector --auto tells the doorman whether a shut door is news, server by server",
  pure,
  async () => {
    const heard: boolean[] = [];
    const authPrompter: ServerSelectorDeps["authPrompter"] = {
      authenticate: (_, { isFirstReport }) =>
        Promise.resolve(heard.push(isFirstReport) > 0 ? "denied" : "notApplicable"),
      canUpgrade: () => false,
    };
    await using choice = await selectorAfterJoin({ isAuto: true, authPrompter, random: () => 0 });
    const error = new ConnectError("certificate-changed");
    for (const server of [FIRST!, SECOND!, FIRST!, SECOND!]) {
      await choice.next({
        ...unreachable(server),
        error,
      });
    }
    assertEquals(heard.splice(0), [true, true, false, false]);
    assertEquals(choice.notices, []);
    choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [] });
    await choice.next({ ...unreachable(FIRST!), error });
    assertEquals(heard, [true]);
  },
);

Deno.test(
  "ServerSelector --auto tries the only server that it knows again, with the same nick",
  pure,
  async () => {
    await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true });
    await choice.next();
    assertEquals(await choice.next(unreachable(FIRST!)), TARGET);
    assertEquals(choice.person.output, "");
  },
);

Deno.test("ServerSelector --auto comes round to the first server, be it reached or not", pure, async () => {
  await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true, backups: [SECOND!] });
  const seen = [(await choice.next())!.server];
  while (seen.length < 4) seen.push((await choice.next(unreachable(seen.at(-1)!)))!.server);
  assertEquals(seen, [FIRST, SECOND, FIRST, SECOND]);
});

Deno.test("ServerSelector --auto stops waiting when its signal says so", pure, async () => {
  await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true });
  for (let i = 0; i < 10; i++) await choice.next(unreachable(FIRST!), AbortSignal.abort()); // at once
  const ending = new AbortController();
  const before = performance.now();
  const next = choice.next(unreachable(FIRST!), ending.signal);
  ending.abort();
  await next; // it would have waited 2.5 s
  assert(performance.now() - before < 2_000);
});

Deno.test(
  "ServerSelector with --auto never goes back by itself to where the rules are broken",
  pure,
  async () => {
    for (const error of VIOLATIONS) {
      await using choice = await selectorAfterJoin({ isAuto: true });
      assertEquals((await choice.next({ ...lost(FIRST!), error }))?.server, SECOND!);
      choice.selector.onJoined(SECOND!, { ip: IP, logId: 2n, backups: [FIRST!, THIRD!] });
      assertEquals((await choice.next(lost(SECOND!)))?.server, THIRD!);
      assertEquals((await choice.next(lost(THIRD!)))?.server, SECOND!);
    }
  },
);

Deno.test(
  "ServerSelector with --auto gives the reason up when the rules are broken everywhere",
  pure,
  async () => {
    for (const error of VIOLATIONS) {
      await using choice = await selectorAfterJoin({ isAuto: true });
      await choice.next({ ...lost(FIRST!), error });
      const { code, name } = await assertRejects(() => choice.next({ ...lost(SECOND!), error }), ChatError);
      assertEquals([code, name], [error.code, error.name]);
    }
  },
);

Deno.test(
  "ServerSelector goes on where the input has ended and a door is shut, unless it knows no other server",
  pure,
  async () => {
    const authPrompter: ServerSelectorDeps["authPrompter"] = {
      authenticate: () => Promise.resolve("denied"),
      canUpgrade: () => false,
    };
    const error = new ServerError("password-needed", { reason: "why" });
    for (const isAuto of [false, true]) {
      await using choice = await selectorAfterJoin({ isAuto, authPrompter });
      choice.person.endInput();
      await flushMacrotasks();
      const shut = { ...unreachable(SECOND!), error };
      assertEquals((await choice.next(shut))?.server, FIRST);
      choice.selector.updateBackups([]);
      assertStrictEquals(
        await assertRejects(() => choice.next({ ...shut, target: TARGET }), ServerError),
        error,
      );
    }
  },
);
