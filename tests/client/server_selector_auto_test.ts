// Which server is next with `--auto`, after which wait, and what is reported.

import { assert, assertEquals, assertNotEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ChatError, ConnectError, ServerError } from "../../lib/errors.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import type { ServerSelectorDeps } from "../../lib/client/server_selector.ts";
import {
  FIRST,
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

type Authenticate = ServerSelectorDeps["authPrompter"]["authenticate"];
const RETRY = "El cliente sigue intentándolo.";

/** An `--auto` selector before its first join. */
async function newSelector(options = {}, user = {}): Promise<SelectorFixture> {
  const fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto: true, ...options }, user);
  assertEquals(await fixture.next(), TARGET);
  return fixture;
}

Deno.test("ServerSelector --auto goes round the servers, and waits longer each time", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true, random: () => 0.5 });
  const seen: Address[] = [];
  /** How long the next selection takes, in ms. */
  const timed = async (failure: ConnectionFailure): Promise<number> => {
    const beganMs = performance.now();
    seen.push((await fixture.nextServer(failure))!);
    return performance.now() - beganMs;
  };
  assert(await timed(lost(FIRST)) >= 45);
  await timed(unreachable(SECOND));
  assert(await timed(unreachable(FIRST)) >= 195);
  assertEquals([seen, fixture.waits], [[SECOND, FIRST, SECOND], 3]);
  // A connection of less than 5 s does not reset the backoff.
  fixture.join(SECOND, { logId: 2n });
  assert(await timed(lost(SECOND, undefined, 4_999)) >= 395);
});

Deno.test("ServerSelector --auto retries the only known server, with the same nick", pure, async () => {
  await using fixture = await newSelector();
  assertEquals(await fixture.next(unreachable(FIRST)), TARGET);
  assertEquals(fixture.user.output, "");
});

for (
  const [when, code] of [["before", "nick-taken"], ["before", "nick-invalid"], [
    "during",
    "nick-taken",
  ]] as const
) {
  const title = `ServerSelector.rename() ${when} a wait counts, and after ${code} the last nick does`;
  Deno.test(title, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true });
    if (when === "before") fixture.selector.rename("anita");
    const next = fixture.next(lost(FIRST));
    fixture.selector.rename("anita");
    const target = { server: SECOND, nick: "anita" };
    assertEquals(await next, target);
    const refused = { ...unreachable(SECOND, rejection(code)), target };
    assertEquals(await fixture.next(refused), { server: SECOND, nick: "ana" });
    assertEquals(fixture.notices.map(reasonPart), [RETRY]);
    await assertRejects(
      async () => await fixture.next({ ...refused, target: TARGET, error: rejection("nick-invalid") }),
      ServerError,
    );
  });
}

Deno.test("ServerSelector.onNickGranted() sets the nick that a refused one gives way to", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  fixture.selector.onNickGranted("anita");
  fixture.selector.rename("eva");
  const target = { server: SECOND, nick: "eva" };
  assertEquals(await fixture.next(lost(FIRST)), target);
  const refused = { ...unreachable(SECOND, rejection("nick-taken")), target };
  assertEquals(await fixture.next(refused), { server: SECOND, nick: "anita" });
});

Deno.test("ServerSelector --auto stops waiting when its signal is aborted", pure, async () => {
  await using fixture = await newSelector({ random: () => 1_000 });
  const ending = new AbortController();
  const next = fixture.next(unreachable(FIRST), ending.signal);
  ending.abort();
  await next; // it would have waited 100 s
});

Deno.test("ServerSelector --auto reports each reason once, until it joins", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  await fixture.next(lost(FIRST));
  assertEquals(fixture.notices, []);
  for (const server of [SECOND, FIRST, SECOND, FIRST]) await fixture.next(unreachable(server));
  assertEquals(fixture.notices.splice(0).map(reasonPart), [RETRY]);
  const full = unreachable(FIRST, rejection("room-full"));
  for (const failure of [full, unreachable(SECOND), full]) await fixture.next(failure);
  assertEquals(fixture.notices.splice(0), [
    `No se pudo entrar en aula:5000: la sala está llena; hay que esperar a que salga un miembro. ${RETRY}`,
  ]);
  fixture.join(FIRST);
  await fixture.next(unreachable(SECOND));
  assertEquals(fixture.notices.length, 1);
});

Deno.test("ServerSelector --auto reports each reason again after the user has answered", pure, async () => {
  await using fixture = await newSelector({}, { isTty: true });
  for (let times = 1; times <= 2; times++) {
    fixture.user.type("aula\n5000\n");
    await fixture.next(unreachable(FIRST, VIOLATIONS[2]));
    assertEquals(fixture.notices.length, times);
  }
});

const NO_RETRY: [what: string, error: ConnectionFailure["error"], isTty: boolean, reports: number][] = [
  ["a ban", rejection("banned"), false, 1],
  ["a violation of the protocol", VIOLATIONS[2]!, false, 1],
  ["a server without TLS", new ConnectError("not-tls"), false, 1],
  // A user who is asked must know why, each time.
  ["a nick that the user is asked for", rejection("nick-taken"), true, 2],
];

for (const [what, error, isTty, reports] of NO_RETRY) {
  Deno.test(`ServerSelector --auto announces no retry after ${what}`, pure, async () => {
    await using fixture = await newSelector({}, { isTty });
    for (let times = 1; times <= 2; times++) {
      fixture.user.type("ana2\n");
      await fixture.next(unreachable(FIRST, error)).catch(() => {});
    }
    assertEquals(fixture.notices.map(reasonPart).includes(RETRY), false);
    assertEquals(fixture.notices.length, reports);
  });
}

Deno.test("ServerSelector --auto tells AuthPrompter whether a server's reason is new", pure, async () => {
  const heard: boolean[] = [];
  const authenticate: Authenticate = (_, { isFirstReport }) => {
    heard.push(isFirstReport);
    return Promise.resolve("denied");
  };
  await using fixture = await selectorAfterJoin({ isAuto: true, authenticate });
  const error = new ConnectError("certificate-changed");
  for (const server of [FIRST, SECOND, FIRST, SECOND]) await fixture.next(unreachable(server, error));
  assertEquals(heard.splice(0), [true, true, false, false]);
  assertEquals(fixture.notices, []);
  fixture.join(FIRST);
  await fixture.next(unreachable(FIRST, error));
  assertEquals(heard, [true]);
});

Deno.test("ServerSelector tells AuthPrompter whether flags or a room named the server", pure, async () => {
  const heard: boolean[] = [];
  const authenticate: Authenticate = (_, { isConfigured }) => {
    heard.push(isConfigured);
    return Promise.resolve("retry");
  };
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", authenticate });
  await fixture.next();
  const error = rejection("password-needed");
  assertEquals(await fixture.next(unreachable(FIRST, error)), TARGET);
  fixture.join(FIRST, { backups: [SECOND] });
  for (const server of [FIRST, SECOND, THIRD]) await fixture.next(unreachable(server, error));
  assertEquals(heard, [true, true, true, false]);
});

for (const isAuto of [false, true]) {
  const flag = isAuto ? " --auto" : "";
  Deno.test(`ServerSelector${flag} throws a denial at the end of a pipe`, pure, async () => {
    const error = rejection("password-needed");
    const authenticate: Authenticate = () => Promise.resolve("denied");
    await using fixture = await selectorAfterJoin({ isAuto, authenticate });
    await using alone = await selectorAfterJoin({ isAuto, authenticate, listed: [] });
    for (const { user } of [fixture, alone]) user.endInput();
    await flushTasks();
    assertEquals(await fixture.nextServer(unreachable(SECOND, error)), FIRST);
    assertStrictEquals(
      await assertRejects(() => alone.next(unreachable(FIRST, error)), ServerError),
      error,
    );
  });
}

Deno.test("ServerSelector --auto passes over servers that need TLS, and ends if all do", pure, async () => {
  const authenticate: Authenticate = ({ error }) =>
    Promise.resolve(error.code === "tls-needed" ? "denied" : "notApplicable");
  await using fixture = await newSelector({ backups: [SECOND, THIRD], authenticate });
  const needsTls = (server: Address) => unreachable(server, rejection("tls-needed"));
  assertEquals(await fixture.nextServer(needsTls(FIRST)), SECOND);
  assertEquals(fixture.notices.splice(0).map(reasonPart), [RETRY]);
  assertEquals(await fixture.nextServer(unreachable(SECOND)), THIRD);
  assertEquals(await fixture.nextServer(needsTls(THIRD)), SECOND);
  await assertRejects(() => fixture.next(needsTls(SECOND)), ServerError);
  assertNotEquals(fixture.notices.map(reasonPart).at(-1), RETRY);
});

for (const code of ["password-needed", "password-wrong"]) {
  Deno.test(
    `ServerSelector --auto passes over a server after ${code}, once it has joined`,
    pure,
    async () => {
      const asked: boolean[] = [];
      const authenticate: Authenticate = (_, { canAskPassword }) => {
        asked.push(canAskPassword);
        return Promise.resolve("denied");
      };
      await using fixture = await newSelector({ backups: [SECOND], authenticate }, { isTty: true });
      const failure = unreachable(SECOND, rejection(code));
      await assertRejects(() => fixture.next(failure), ServerError);
      fixture.notices.length = 0;
      fixture.join(FIRST, { backups: [SECOND] });
      for (let round = 0; round < 2; round++) assertEquals(await fixture.nextServer(failure), FIRST);
      assertEquals(fixture.notices.map(reasonPart), code === "password-wrong" ? [RETRY] : []);
      await using alone = await selectorAfterJoin({ isAuto: true, authenticate, listed: [] }, {
        isTty: true,
      });
      assertEquals(await alone.nextServer(unreachable(FIRST, rejection(code)), "\n\n"), FIRST);
      assertEquals(asked, [true, false, false, true]);
    },
  );
}

for (const error of VIOLATIONS) {
  Deno.test(`ServerSelector --auto never returns after ${error.name} ${error.code}`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto: true });
    assertEquals(await fixture.nextServer(lost(FIRST, error)), SECOND);
    fixture.join(SECOND, { logId: 2n, backups: [FIRST, THIRD] });
    assertEquals(await fixture.nextServer(lost(SECOND)), THIRD);
    assertEquals(await fixture.nextServer(lost(THIRD, error)), SECOND);
    // Every server broke the protocol.
    const { code, name } = await assertRejects(() => fixture.next(lost(SECOND, error)), ChatError);
    assertEquals([code, name], [error.code, error.name]);
  });
}
