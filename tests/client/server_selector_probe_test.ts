// What ServerSelector asks servers before it leaves one for another, or goes back.

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { ConnectError, ConnectionLostError, ServerError } from "../../lib/errors.ts";
import type { ProbeAnswer } from "../../lib/client/failover.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import { formatAddress } from "../../lib/net/address.ts";
import {
  FIRST,
  IP,
  lost,
  probed,
  rejection,
  SECOND,
  selectorAfterJoin,
  THIRD,
  unreachable,
  VIOLATIONS,
} from "../testing/selector_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { TestClock } from "../testing/test_clock.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

const CUT = new ConnectionLostError("broken");
const HUNG_UP = new ConnectError("not-a-chat-server");
/** The room that the fixture joins. */
const SAME: ProbeAnswer = { logId: 1n, heardCount: 1 };
const OTHER: ProbeAnswer = { logId: 9n, heardCount: 1 };

Deno.test("ServerSelector --auto takes the first server in order that answers", pure, async () => {
  for (const [second, expected] of [[OTHER, SECOND], [undefined, THIRD]] as const) {
    const { probe, answer, seen } = probed();
    await using fixture = await selectorAfterJoin({ isAuto: true, backups: [THIRD], probe });
    const next = fixture.nextServer(lost(FIRST));
    await flushTasks();
    answer(THIRD, OTHER);
    await flushTasks();
    answer(SECOND, second);
    assertEquals(await next, expected);
    assertEquals(seen, ["10.0.0.7:5001", "[::1]:5002"]);
  }
});

Deno.test("ServerSelector --auto goes on with what it learnt, to the next if none lives", pure, async () => {
  const { probe, seen } = probed({ [formatAddress(SECOND)]: OTHER, [formatAddress(THIRD)]: undefined });
  await using fixture = await selectorAfterJoin({ isAuto: true, backups: [THIRD], probe });
  assertEquals(await fixture.nextServer(lost(FIRST)), SECOND);
  assertEquals(await fixture.nextServer(unreachable(SECOND)), THIRD);
  assertEquals(seen, ["10.0.0.7:5001", "[::1]:5002"]);
});

Deno.test("ServerSelector probes neither the only other server, nor for a script", pure, async () => {
  const { probe, seen } = probed();
  await using alone = await selectorAfterJoin({ isAuto: true, probe });
  assertEquals(await alone.nextServer(lost(FIRST)), SECOND);
  await using script = await selectorAfterJoin({ backups: [THIRD], probe, failover: { waitProbeMs: 0 } });
  assertEquals(await script.nextServer(lost(FIRST), "\n\n"), SECOND);
  assertEquals(seen, []);
});

Deno.test("ServerSelector probes the others beside a redial, or once it has failed", pure, async () => {
  for (const besideMs of [0, 60_000]) {
    const { probe, seen } = probed({ [formatAddress(SECOND)]: undefined, [formatAddress(THIRD)]: OTHER });
    const options = { isAuto: true, backups: [THIRD], probe, failover: { besideMs } };
    await using fixture = await selectorAfterJoin(options);
    const target = (await fixture.next(lost(FIRST, CUT)))!;
    assertEquals(target.isRedial, true);
    await flushTasks();
    assertEquals(seen.length, besideMs === 0 ? 2 : 0);
    assertEquals(await fixture.nextServer({ ...unreachable(FIRST), target }), THIRD);
    assertEquals(seen, ["10.0.0.7:5001", "[::1]:5002"]);
  }
});

Deno.test("ServerSelector offers a user the first server that answers", pure, async () => {
  const { probe } = probed({ [formatAddress(SECOND)]: undefined, [formatAddress(THIRD)]: OTHER });
  await using fixture = await selectorAfterJoin({ backups: [THIRD], probe }, { isTty: true });
  assertEquals(await fixture.nextServer(lost(FIRST), "\n\n"), THIRD);
  assertStringIncludes(fixture.user.output, "Nuevo servidor (IP o nombre) [::1]:");
});

Deno.test("ServerSelector ends a question when the lost server answers with the same log", pure, async () => {
  const { probe, seen } = probed({ [formatAddress(FIRST)]: SAME });
  await using fixture = await selectorAfterJoin({ probe, failover: { waitProbeMs: 0 } }, { isTty: true });
  assertEquals(await fixture.next(lost(FIRST)), { server: FIRST, nick: "ana", ip: IP });
  assertEquals(seen, [`aula:5000 at ${IP}`]);
  assertMatch(fixture.notices.join(), /^aula:5000 responde y conserva la sala/);
});

Deno.test("ServerSelector tells once that the lost server restarted, and goes on asking", pure, async () => {
  const { probe, seen } = probed({ [formatAddress(FIRST)]: OTHER });
  await using fixture = await selectorAfterJoin({ probe, failover: { waitProbeMs: 0 } }, { isTty: true });
  const next = fixture.nextServer(lost(FIRST));
  await waitFor(() => seen.length >= 3);
  fixture.user.type("\n\n");
  assertEquals(await next, SECOND);
  assertMatch(fixture.notices.join(), /^aula:5000 responde de nuevo, pero se reinició[^,]*$/);
});

Deno.test("ServerSelector offers a lost server that restarted, unless another answered", pure, async () => {
  const away = unreachable(FIRST, new ConnectError("network-away"));
  for (
    const [failure, first, second, server] of [
      [lost(FIRST), "10.0.0.7:5001, aún no responde", "aula:5000, reiniciado", FIRST],
      [lost(FIRST), "10.0.0.7:5001, aún no responde", "10.0.0.7:5001, responde", SECOND],
      [away, "aula:5000, aún no responde", "aula:5000, reiniciado", FIRST],
      [away, "aula:5000, aún no responde", "10.0.0.7:5001, responde", SECOND],
    ] as const
  ) {
    const known: Partial<Record<string, ProbeAnswer>> = {
      [formatAddress(FIRST)]: undefined,
      [formatAddress(SECOND)]: undefined,
    };
    const screen = new FakeScreen({ columns: 200 });
    const options = { probe: probed(known).probe, failover: { waitProbeMs: 0 } };
    await using fixture = await selectorAfterJoin(options, { isTty: true, tty: screen });
    const isOffered = (offer: string) => {
      const row = screen.show(fixture.user.output).at(-1);
      fixture.user.output = "";
      return row === `¿A qué servidor? IP o nombre[:puerto] [${offer}]: |`;
    };
    const next = fixture.nextServer(failure);
    await waitFor(() => isOffered(first));
    delete known[formatAddress(SECOND)]; // it takes its time
    known[formatAddress(server)] = OTHER;
    await waitFor(() => isOffered(second));
    known[formatAddress(FIRST)] = OTHER;
    await waitFor(() => fixture.notices.length > 0);
    fixture.user.type("\r");
    assertEquals(await next, server);
  }
});

Deno.test("ServerSelector offers another server when that on offer falls, not at a port", pure, async () => {
  const known: Partial<Record<string, ProbeAnswer>> = {
    [formatAddress(FIRST)]: undefined,
    [formatAddress(SECOND)]: OTHER,
    [formatAddress(THIRD)]: OTHER,
  };
  const screen = new FakeScreen({ columns: 200 });
  const options = { backups: [THIRD], probe: probed(known).probe, failover: { waitProbeMs: 0 } };
  await using fixture = await selectorAfterJoin(options, { isTty: true, tty: screen });
  const shows = (text: string) =>
    waitFor(() => {
      const rows = screen.show(fixture.user.output);
      fixture.user.output = "";
      return rows.at(-1)!.includes(text);
    });
  const next = fixture.nextServer(lost(FIRST));
  await shows("[10.0.0.7:5001, responde]");
  known[formatAddress(SECOND)] = undefined;
  await shows("[[::1]:5002, responde]");
  known[formatAddress(THIRD)] = undefined;
  await shows("[10.0.0.7:5001, aún no responde]");
  known[formatAddress(THIRD)] = OTHER;
  await shows("[[::1]:5002, responde]");
  fixture.user.type(`${SECOND.host}\r`);
  await shows("Puerto [5001]:");
  known[formatAddress(THIRD)] = undefined;
  for (let round = 0; round < 3; round++) await flushTasks();
  fixture.user.type("\r");
  assertEquals(await next, SECOND);
  assertMatch(fixture.user.output, /Puerto \[5001\]: /);
});

Deno.test("ServerSelector marks the lost server as restarted also while it is on offer", pure, async () => {
  const { probe } = probed({ [formatAddress(FIRST)]: OTHER });
  const tty = new FakeScreen({ columns: 200 });
  const options = { probe, failover: { waitProbeMs: 0 } };
  await using fixture = await selectorAfterJoin(options, { isTty: true, tty });
  const next = fixture.nextServer(unreachable(SECOND));
  const shows = () => {
    const rows = tty.show(fixture.user.output);
    fixture.user.output = "";
    return rows.at(-1)!.includes("[aula:5000, reiniciado]");
  };
  await waitFor(shows);
  for (let round = 0; round < 5; round++) await flushTasks();
  assertEquals(shows(), true);
  fixture.user.type("\r");
  assertEquals(await next, FIRST);
});

Deno.test("ServerSelector goes back to the lost server from a question of AuthPrompter", pure, async () => {
  const { probe } = probed({ [formatAddress(FIRST)]: SAME });
  const authenticate = (_: ConnectionFailure, { signal }: { signal: AbortSignal }) =>
    new Promise<"quit">((resolve) => signal.addEventListener("abort", () => resolve("quit")));
  const options = { probe, authenticate, failover: { waitProbeMs: 0 } };
  await using fixture = await selectorAfterJoin(options, { isTty: true });
  const next = await fixture.next(unreachable(SECOND, rejection("password-wrong")));
  assertEquals(next, { server: FIRST, nick: "ana", ip: IP });
  assertMatch(fixture.notices.join(), /^aula:5000 responde y conserva la sala/);
});

Deno.test("ServerSelector probes a server once at a time", pure, async () => {
  const { probe, answer, seen } = probed({ [formatAddress(SECOND)]: undefined });
  const screen = { isTty: true, tty: new FakeScreen({ columns: 200 }) };
  await using fixture = await selectorAfterJoin({ probe, failover: { waitProbeMs: 0 } }, screen);
  const next = fixture.nextServer(lost(FIRST));
  const probes = () => seen.filter((server) => server.startsWith(formatAddress(FIRST))).length;
  for (const count of [1, 2, 3]) {
    await waitFor(() => probes() === count);
    for (let round = 0; round < 5; round++) await flushTasks();
    assertEquals(probes(), count);
    answer(FIRST);
  }
  fixture.user.type("\r");
  assertEquals(await next, SECOND);
});

Deno.test("ServerSelector suggests the port of a known server that answers at the host", pure, async () => {
  const [one, two] = [{ host: FIRST.host, port: 5_005 }, { host: FIRST.host, port: 5_006 }];
  for (const [second, port] of [[OTHER, 5_006], [undefined, 5_006], [OTHER, 5_005]] as const) {
    const { probe } = probed({
      [formatAddress(FIRST)]: undefined,
      [formatAddress(SECOND)]: second,
      [formatAddress(one)]: port === one.port ? OTHER : undefined,
      [formatAddress(two)]: OTHER,
    });
    const screen = { isTty: true, tty: new FakeScreen({ columns: 200 }) };
    await using fixture = await selectorAfterJoin({ backups: [one, two], probe }, screen);
    const next = fixture.nextServer(lost(FIRST));
    await fixture.user.waitForOutput(second ? "[10.0.0.7:5001, responde]" : "[aula:5006, responde]");
    fixture.user.type(`${FIRST.host}\r`);
    await fixture.user.waitForOutput(`Puerto [${port}]:`);
    fixture.user.type("\r");
    assertEquals(await next, { host: FIRST.host, port });
  }
});

Deno.test("ServerSelector --auto goes back to the lost server from a wait", pure, async () => {
  const { probe } = probed({ [formatAddress(FIRST)]: SAME });
  const options = { isAuto: true, random: () => 1_000, probe, failover: { waitProbeMs: 0 } };
  await using fixture = await selectorAfterJoin(options);
  assertEquals(await fixture.next(unreachable(SECOND)), { server: FIRST, nick: "ana", ip: IP });
});

Deno.test("ServerSelector --auto goes back to the lost server while it dials another", pure, async () => {
  const { probe, answer, seen } = probed();
  await using fixture = await selectorAfterJoin({ isAuto: true, probe, failover: { waitProbeMs: 0 } });
  assertEquals(await fixture.nextServer(lost(FIRST)), SECOND);
  const { abandoned } = fixture;
  seen.length = 0;
  await waitFor(() => seen.length > 0);
  assertEquals([seen, abandoned?.aborted], [[`aula:5000 at ${IP}`], false]);
  answer(FIRST, SAME);
  await flushTasks();
  assertEquals(abandoned?.aborted, true);
  const { target, ...failure } = unreachable(SECOND, new ConnectError("no-answer"));
  const next = await fixture.next({ ...failure, target: { ...target, abandoned } });
  assertEquals(next, { server: FIRST, nick: "ana", ip: IP });
  assertEquals(fixture.notices.length, 1);
  assertMatch(fixture.notices[0]!, /^aula:5000 responde y conserva la sala/);
});

Deno.test("ServerSelector --auto does not probe the lost server on and on", pure, async () => {
  const { probe, answer, seen } = probed();
  await using fixture = await selectorAfterJoin({ isAuto: true, probe, failover: { waitProbeMs: 0 } });
  await fixture.next(lost(FIRST));
  seen.length = 0;
  await waitFor(() => seen.length > 0);
  fixture.join(SECOND, { logId: 2n });
  answer(FIRST, SAME);
  await flushTasks();
  assertEquals([seen.length, fixture.abandoned?.aborted], [1, false]);
});

const NO_WAY_BACK: Record<string, ConnectionFailure[]> = {
  "refused the client": [unreachable(FIRST, rejection("room-full"))],
  "broke the protocol": [lost(FIRST, VIOLATIONS[0]), unreachable(SECOND)],
};
for (const [did, failures] of Object.entries(NO_WAY_BACK)) {
  Deno.test(`ServerSelector does not go back to a server that ${did}`, pure, async () => {
    const { probe, seen } = probed({ [formatAddress(FIRST)]: SAME });
    const failover = { waitProbeMs: 0, homeProbeMs: 0, homeJitterMs: 0 };
    await using fixture = await selectorAfterJoin({ probe, failover }, { isTty: true });
    for (const failure of failures) {
      const next = fixture.nextServer(failure);
      await flushTasks();
      fixture.user.type("\n\n");
      assertEquals(await next, SECOND);
    }
    fixture.join(SECOND, { logId: 2n });
    assertEquals(await fixture.selector.shouldMove(new AbortController()), false);
    assertEquals(seen, []);
  });
}

for (const isAuto of [true, false]) {
  const flag = isAuto ? " --auto" : "";
  Deno.test(`ServerSelector${flag} redials what hangs up before WELCOME, then reports it`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto });
    for (const server of [FIRST, SECOND]) {
      const target = (await fixture.next(unreachable(server, HUNG_UP)))!;
      assertEquals(target, { server, nick: "ana", isRedial: true });
      assertEquals([fixture.notices, fixture.user.output], [[], ""]);
      const next = fixture.nextServer({ ...unreachable(server, HUNG_UP), target }, isAuto ? "" : "\n\n");
      assertEquals(await next, server === FIRST ? SECOND : FIRST);
      assertStringIncludes(fixture.notices.splice(0).join() + fixture.user.output, "servidor de este chat");
      fixture.join(FIRST, { backups: [SECOND] });
      fixture.user.output = "";
    }
  });
}

Deno.test("ServerSelector waits before it goes back to a server that it joined too often", pure, async () => {
  for (const options of [{ isAuto: true }, {}]) {
    await using fixture = await selectorAfterJoin({ ...options, failover: { joinWaitMs: 0 } }, {
      isTty: true,
    });
    const error = rejection("entering-too-often");
    assertEquals(await fixture.next(unreachable(FIRST, error)), { server: FIRST, nick: "ana" });
    assertEquals([fixture.notices.length, fixture.user.output], [1, ""]);
    assertStringIncludes(fixture.notices[0]!, "Demasiados intentos de entrar en aula:5000");
  }
});

for (const isAuto of [true, false]) {
  const flag = isAuto ? " --auto" : " at a pipe";
  Deno.test(`ServerSelector${flag} tries a taken nick for 21 s a server, then throws`, pure, async () => {
    const clock = new TestClock(undefined, 0);
    await using fixture = await selectorAfterJoin({ isAuto, clock: clock.now, failover: { nickRetryMs: 0 } });
    const error = rejection("nick-taken");
    fixture.user.type("hola\n"); // a line of the chat, and no nick
    for (
      const [nowMs, server, next] of [
        [0, SECOND, SECOND],
        [20_999, SECOND, SECOND],
        [21_000, SECOND, FIRST],
        [22_000, FIRST, FIRST],
      ] as const
    ) {
      clock.advanceTo(nowMs);
      assertEquals(await fixture.next(unreachable(server, error)), { server: next, nick: "ana" });
    }
    clock.advanceTo(43_000);
    const thrown = await assertRejects(() => fixture.next(unreachable(FIRST, error)), ServerError);
    assertStrictEquals(thrown, error);
    assertEquals((fixture.notices.join("\n") + fixture.user.output).split("ya está en uso").length, 2);
  });
}
