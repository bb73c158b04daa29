// When ServerSelector goes back to a server that it left for another, and when it stays.

import { assertEquals, assertMatch } from "@std/assert";
import { ConnectError, ConnectionLostError } from "../../lib/errors.ts";
import type { ProbeAnswer } from "../../lib/client/failover.ts";
import type { ServerSelectorDeps } from "../../lib/client/server_selector.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import {
  FIRST,
  IP,
  lost,
  probed,
  rejection,
  SECOND,
  selectorAfterJoin,
  unreachable,
} from "../testing/selector_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

/** The room that the fixture joins. */
const SAME: ProbeAnswer = { logId: 1n, heardCount: 1 };
const OTHER: ProbeAnswer = { logId: 9n, heardCount: 1 };

/** A client that has left the first server for the second, after this loss and these failures, and its probes. */
async function selectorAway(
  known: Partial<Record<string, ProbeAnswer>>,
  { error = new ConnectionLostError("silent"), failures = [] }: {
    error?: ConnectionLostError;
    failures?: readonly ConnectionFailure[];
  } = {},
) {
  const clock = new TestClock(undefined, 0);
  const { probe, seen } = probed(known);
  const failover = { homeProbeMs: 0, homeJitterMs: 0 };
  const fixture = await selectorAfterJoin({ isAuto: true, clock: clock.now, probe, failover });
  await fixture.next(lost(FIRST, error));
  for (const failure of failures) await fixture.next(failure);
  fixture.join(SECOND, { logId: 2n });
  return { fixture, seen, clock };
}

Deno.test("ServerSelector.shouldMove() has a client go home, and the target is home", pure, async () => {
  const { fixture, seen } = await selectorAway({ [formatAddress(FIRST)]: SAME });
  await using _ = fixture;
  const ended = new AbortController();
  assertEquals(await fixture.selector.shouldMove(ended), true);
  assertEquals(seen, [`aula:5000 at ${IP}`]);
  assertEquals(fixture.notices.splice(0), ["Hay otros miembros en aula:5000: el cliente vuelve a él."]);
  const target = { server: FIRST, nick: "ana", ip: IP };
  assertEquals(await fixture.next({ ...lost(SECOND), isMove: true }), target);
  // If that fails, back to where the client was.
  assertEquals(await fixture.next({ ...unreachable(FIRST), target }), { ...target, server: SECOND });
  assertEquals(fixture.notices, []);
});

/** What proves that the process of the first server has ended. */
const ENDED: Record<string, { error?: ConnectionLostError; failures?: ConnectionFailure[] }> = {
  "said BYE": { error: new ConnectionLostError("closing") },
  "refuses the redial": {
    failures: [{ ...unreachable(FIRST), target: { server: FIRST, nick: "ana", dialTimeoutMs: 1 } }],
  },
};
for (const [did, loss] of Object.entries(ENDED)) {
  Deno.test(
    `ServerSelector.shouldMove() has a client stay with the most if its server ${did}`,
    pure,
    async () => {
      for (const [here, goes] of [[1, true], [2, false], [undefined, false]] as const) {
        const known = {
          [formatAddress(FIRST)]: SAME,
          [formatAddress(SECOND)]: here && { logId: 2n, heardCount: here },
        };
        const { fixture, seen, clock } = await selectorAway(known, loss);
        await using _ = fixture;
        const moving = fixture.selector.shouldMove(new AbortController());
        await waitFor(() => seen.includes(`10.0.0.7:5001 at ${IP}`));
        for (let round = 0; round < 3; round++) await flushTasks();
        clock.advanceTo(600_000);
        assertEquals(await moving, goes);
        assertEquals(seen[0], `aula:5000 at ${IP}`);
      }
    },
  );
}

Deno.test(
  "ServerSelector probes a server that broke the redial once more: it may have ended",
  pure,
  async () => {
    const clock = new TestClock(undefined, 0);
    const seen: string[] = [];
    const probe: ServerSelectorDeps["probe"] = (server, { onDown }) => {
      seen.push(formatAddress(server));
      if (seen.length > 1) return Promise.resolve(isFirst(server) ? SAME : { logId: 2n, heardCount: 2 });
      onDown?.();
      return Promise.resolve(undefined);
    };
    const isFirst = (server: Address) => formatAddress(server) === formatAddress(FIRST);
    const failover = { besideMs: 0, homeProbeMs: 0, homeJitterMs: 0 };
    await using fixture = await selectorAfterJoin({ isAuto: true, clock: clock.now, probe, failover });
    const target = (await fixture.next(lost(FIRST, new ConnectionLostError("closed"))))!;
    const hungUp = { ...unreachable(FIRST, new ConnectError("not-a-chat-server")), target };
    assertEquals(await fixture.nextServer(hungUp), SECOND);
    fixture.join(SECOND, { logId: 2n });
    await waitFor(() => seen.length > 0);
    const moving = fixture.selector.shouldMove(new AbortController());
    await waitFor(() => seen.includes(formatAddress(SECOND)));
    clock.advanceTo(600_000);
    assertEquals([await moving, seen[0]], [false, formatAddress(FIRST)]);
  },
);

for (
  const [code, why, isBarred] of [
    ["banned", "vetado", true],
    ["kicked", "expulsó", true],
    ["password-needed", "contraseña", true],
    ["password-wrong", "contraseña", true],
    ["version-unsupported", "actualice", true],
    ["nick-taken", "el nick", false],
    ["nick-lookalike", "nick", false],
    ["room-full", "llena", false],
    ["store-away", "guardar", false],
    ["address-crowded", "red", false],
    ["entering-too-often", "minuto", false],
    ["of-a-later-version", "why", false],
    ["no-answer", undefined, false],
  ] as const
) {
  const what = isBarred ? "tells why it stays, for good," : "goes home later";
  Deno.test(`ServerSelector ${what} if the return fails with ${code}`, pure, async () => {
    const { fixture, clock } = await selectorAway({ [formatAddress(FIRST)]: SAME });
    await using _ = fixture;
    assertEquals(await fixture.selector.shouldMove(new AbortController()), true);
    assertEquals(await fixture.nextServer({ ...lost(SECOND), isMove: true }), FIRST);
    fixture.notices.length = 0;
    const error = why ? rejection(code) : new ConnectError("no-answer");
    assertEquals(await fixture.nextServer(unreachable(FIRST, error)), SECOND);
    assertEquals(fixture.notices.length, why ? 1 : 0);
    if (why) assertMatch(fixture.notices[0]!, new RegExp(`^No se pudo entrar en aula:5000: .*${why}`));
    if (why) assertEquals(/sigue intentándolo/.test(fixture.notices[0]!), !isBarred);
    fixture.join(SECOND, { logId: 2n });
    clock.advanceTo(120_000);
    assertEquals(await fixture.selector.shouldMove(new AbortController()), !isBarred);
  });
}

Deno.test("ServerSelector.shouldMove() ends with its signal, or at once without a home", pure, async () => {
  const { fixture, seen, clock } = await selectorAway({ [formatAddress(FIRST)]: OTHER });
  await using _ = fixture;
  const ended = new AbortController();
  const moving = fixture.selector.shouldMove(ended);
  await waitFor(() => seen.length >= 3);
  ended.abort();
  assertEquals(await moving, false);
  clock.advanceTo(600_000);
  assertEquals(await fixture.selector.shouldMove(new AbortController()), false);
});

Deno.test("ServerSelector goes home also if the other server is lost before it leaves", pure, async () => {
  const { fixture } = await selectorAway({ [formatAddress(FIRST)]: SAME });
  await using _ = fixture;
  assertEquals(await fixture.selector.shouldMove(new AbortController()), true);
  assertEquals(await fixture.nextServer(lost(SECOND)), FIRST);
});
