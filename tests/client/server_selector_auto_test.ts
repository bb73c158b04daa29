// Which server is next with `--auto`, after which wait, and what is reported.

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
} from "../testing/selector_fixture.ts";
import { flushTasks } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "ServerSelector --auto goes round the known servers, and waits longer each time",
  pure,
  async () => {
    let waits = 0;
    await using fixture = await selectorAfterJoin({ isAuto: true, random: () => (waits++, 0.5) });
    const seen: Address[] = [];
    /** How long the next selection takes, in ms. */
    const timed = async (failure: ConnectionFailure): Promise<number> => {
      const beganMs = performance.now();
      seen.push((await fixture.next(failure))!.server);
      return performance.now() - beganMs;
    };
    assert(await timed(lost(FIRST!)) >= 45);
    await timed(unreachable(SECOND!));
    assert(await timed(unreachable(FIRST!)) >= 195);
    assertEquals([seen, waits], [[SECOND, FIRST, SECOND], 3]);
    // A long connection resets the backoff, a short one does not.
    fixture.selector.onJoined(SECOND!, { ip: IP, logId: 2n, backups: [] });
    assert(await timed({ ...lost(SECOND!), connectedForMs: 4_999 }) >= 395);
    assert(await timed({ ...lost(SECOND!), connectedForMs: 5_000 }) < 395);
  },
);

Deno.test(
  "ServerSelector --auto reports each reason once, until it joins or the user answers",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true, random: () => 0 });
    await fixture.next(lost(FIRST!));
    assertEquals(fixture.notices, []);
    for (const server of [SECOND!, FIRST!, SECOND!, FIRST!]) await fixture.next(unreachable(server));
    assertEquals(fixture.notices.splice(0).map(reasonPart), ["Se seguirá intentando."]);
    const full = { ...unreachable(FIRST!), error: new ServerError("room-full", { reason: "why" }) };
    for (const failure of [full, unreachable(SECOND!), full]) await fixture.next(failure);
    assertEquals(fixture.notices.splice(0), [
      "No se pudo entrar en aula:5000: la sala está llena: pruebe más tarde. Se seguirá intentando.",
    ]);
    fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [] });
    await fixture.next(lost(FIRST!));
    await fixture.next(unreachable(SECOND!));
    assertEquals(fixture.notices.length, 1);
  },
);

Deno.test("ServerSelector --auto does not announce a retry where there is none", pure, async () => {
  const cases: [ConnectionFailure["error"], { isTty?: boolean }][] = [
    [new ServerError("banned", { reason: "why" }), {}],
    [VIOLATIONS[2]!, {}],
    [new ServerError("nick-taken", { reason: "why" }), { isTty: true }],
  ];
  for (const [error, user] of cases) {
    await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true }, user);
    await fixture.next();
    for (let times = 1; times <= 2; times++) {
      fixture.user.type("ana2\n");
      await fixture.next({ ...unreachable(FIRST!), error }).catch(() => {});
      assertEquals(fixture.notices.map(reasonPart).includes("Se seguirá intentando."), false);
      // A user who is asked must know why, each time.
      assertEquals(fixture.notices.length, user.isTty ? times : 1);
    }
  }
});

Deno.test("ServerSelector --auto reports a reason again after the user has answered", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true }, { isTty: true });
  await fixture.next();
  for (let times = 1; times <= 2; times++) {
    fixture.user.type("aula\n5000\n");
    await fixture.next({ ...unreachable(FIRST!), error: VIOLATIONS[2]! });
    assertEquals(fixture.notices.length, times);
  }
});

Deno.test(
  "ServerSelector --auto tells the AuthPrompter whether a reason is new, server by server",
  pure,
  async () => {
    const heard: boolean[] = [];
    const authPrompter: ServerSelectorDeps["authPrompter"] = {
      authenticate: (_, { isFirstReport }) =>
        Promise.resolve(heard.push(isFirstReport) > 0 ? "denied" : "notApplicable"),
      canUpgrade: () => false,
    };
    await using fixture = await selectorAfterJoin({ isAuto: true, authPrompter, random: () => 0 });
    const error = new ConnectError("certificate-changed");
    for (const server of [FIRST!, SECOND!, FIRST!, SECOND!]) {
      await fixture.next({
        ...unreachable(server),
        error,
      });
    }
    assertEquals(heard.splice(0), [true, true, false, false]);
    assertEquals(fixture.notices, []);
    fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [] });
    await fixture.next({ ...unreachable(FIRST!), error });
    assertEquals(heard, [true]);
  },
);

Deno.test(
  "ServerSelector --auto retries the only known server, with the same nick",
  pure,
  async () => {
    await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true });
    await fixture.next();
    assertEquals(await fixture.next(unreachable(FIRST!)), TARGET);
    assertEquals(fixture.user.output, "");
  },
);

Deno.test("ServerSelector --auto comes round to the first server, reached or not", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true, backups: [SECOND!] });
  const seen = [(await fixture.next())!.server];
  while (seen.length < 4) seen.push((await fixture.next(unreachable(seen.at(-1)!)))!.server);
  assertEquals(seen, [FIRST, SECOND, FIRST, SECOND]);
});

Deno.test("ServerSelector --auto stops waiting when its signal says so", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true });
  for (let i = 0; i < 10; i++) await fixture.next(unreachable(FIRST!), AbortSignal.abort()); // at once
  const ending = new AbortController();
  const before = performance.now();
  const next = fixture.next(unreachable(FIRST!), ending.signal);
  ending.abort();
  await next; // it would have waited 2.5 s
  assert(performance.now() - before < 2_000);
});

Deno.test(
  "ServerSelector --auto never returns to a server that broke the protocol",
  pure,
  async () => {
    for (const error of VIOLATIONS) {
      await using fixture = await selectorAfterJoin({ isAuto: true });
      assertEquals((await fixture.next({ ...lost(FIRST!), error }))?.server, SECOND!);
      fixture.selector.onJoined(SECOND!, { ip: IP, logId: 2n, backups: [FIRST!, THIRD!] });
      assertEquals((await fixture.next(lost(SECOND!)))?.server, THIRD!);
      assertEquals((await fixture.next(lost(THIRD!)))?.server, SECOND!);
    }
  },
);

Deno.test(
  "ServerSelector --auto throws the error when every server broke the protocol",
  pure,
  async () => {
    for (const error of VIOLATIONS) {
      await using fixture = await selectorAfterJoin({ isAuto: true });
      await fixture.next({ ...lost(FIRST!), error });
      const { code, name } = await assertRejects(() => fixture.next({ ...lost(SECOND!), error }), ChatError);
      assertEquals([code, name], [error.code, error.name]);
    }
  },
);

Deno.test(
  "ServerSelector goes on after a denial once the input has ended, unless it knows no other server",
  pure,
  async () => {
    const authPrompter: ServerSelectorDeps["authPrompter"] = {
      authenticate: () => Promise.resolve("denied"),
      canUpgrade: () => false,
    };
    const error = new ServerError("password-needed", { reason: "why" });
    for (const isAuto of [false, true]) {
      await using fixture = await selectorAfterJoin({ isAuto, authPrompter });
      fixture.user.endInput();
      await flushTasks();
      const shut = { ...unreachable(SECOND!), error };
      assertEquals((await fixture.next(shut))?.server, FIRST);
      fixture.selector.updateBackups([]);
      assertStrictEquals(
        await assertRejects(() => fixture.next({ ...shut, target: TARGET }), ServerError),
        error,
      );
    }
  },
);
