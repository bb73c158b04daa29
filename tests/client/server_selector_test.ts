// Which server is next when the user is asked, and what the selector remembers.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { ConnectError, ServerError } from "../../lib/errors.ts";
import {
  FIRST,
  IP,
  lost,
  probed,
  rejection,
  SECOND,
  selectorAfterJoin,
  SelectorFixture,
  TARGET,
  THIRD,
  unreachable,
  VIOLATIONS,
} from "../testing/selector_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

/** Accepts the suggested host and port. */
const ACCEPT = "\n\n";
const UNKNOWN = new ConnectError("name-unknown");

Deno.test("ServerSelector does not ask for what flags gave", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana" });
  assertEquals(await fixture.next(), TARGET);
  assertEquals(fixture.user.output, "");
});

for (const isAuto of [false, true]) {
  const flag = isAuto ? " --auto" : "";

  Deno.test(`ServerSelector${flag} gives up after a kick or a ban`, pure, async () => {
    for (const error of ["kicked", "banned"].map(rejection)) {
      await using fixture = await selectorAfterJoin({ isAuto });
      assertStrictEquals(await assertRejects(() => fixture.next(lost(FIRST, error)), ServerError), error);
    }
  });

  Deno.test(`ServerSelector${flag} takes a new nick to the next server`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto });
    fixture.selector.rename("anita");
    fixture.selector.updateBackups([SECOND, THIRD]);
    fixture.user.type(ACCEPT);
    assertEquals(await fixture.next(lost(SECOND)), { server: THIRD, nick: "anita" });
    // From then on the nick of the join counts.
    fixture.selector.rename("norberta");
    fixture.join(THIRD, { logId: 3n });
    fixture.user.type(ACCEPT);
    assertEquals((await fixture.next(lost(THIRD)))?.nick, "ana");
  });

  Deno.test(`ServerSelector${flag} tries other servers before another address of one`, pure, async () => {
    const other = { host: IP, port: FIRST.port };
    await using fixture = await selectorAfterJoin({ isAuto, listed: [other, SECOND] });
    await using alone = await selectorAfterJoin({ isAuto, listed: [other] });
    assertEquals(await fixture.nextServer(lost(FIRST), isAuto ? "" : ACCEPT), SECOND);
    assertEquals(await fixture.nextServer(unreachable(SECOND), isAuto ? "" : ACCEPT), other);
    // A user is not offered another address of the server that just failed.
    assertEquals(await alone.nextServer(lost(FIRST), isAuto ? "" : ACCEPT), isAuto ? other : FIRST);
  });
}

for (
  const [title, { columns, isAlone, heardCount }] of [
    ["alone, where members are", { columns: 80, isAlone: true, heardCount: 3 }],
    ["not alone, nothing of other members", { columns: 80, isAlone: false, heardCount: 3 }],
    ["alone, nothing of an empty backup", { columns: 80, isAlone: true, heardCount: 0 }],
    ["alone, at a pipe, nothing of other members", { columns: undefined, isAlone: true, heardCount: 3 }],
  ] as const
) {
  Deno.test(`ServerSelector tells a user who has joined, ${title}`, pure, async () => {
    const answer = { logId: 9n, heardCount };
    const { probe } = probed({ [formatAddress(SECOND)]: answer, [formatAddress(THIRD)]: undefined });
    const user = columns ? { isTty: true, tty: new FakeScreen({ columns }) } : {};
    await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", probe }, user);
    await fixture.next();
    fixture.join(FIRST, { backups: [THIRD, SECOND], memberCount: () => isAlone ? 1 : 2 });
    await flushTasks();
    const text = `Aquí no hay nadie más. Miembros en ${formatAddress(SECOND)}: 3. ` +
      "Para ir con ellos, salga y entre en ese servidor.";
    assertEquals(fixture.notices, columns && isAlone && heardCount > 0 ? [text] : []);
  });
}

for (
  const [count, text] of [[1, "Aquí no hay nadie más. Miembros en"], [2, "Hay más miembros en"]] as const
) {
  Deno.test(
    `ServerSelector tells after a loss that a larger group than ${count} is elsewhere`,
    pure,
    async () => {
      const { probe } = probed({ [formatAddress(SECOND)]: { logId: 9n, heardCount: 3 } });
      const user = { isTty: true, tty: new FakeScreen({ columns: 80 }) };
      const failover = { settleMs: 1 };
      await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", failover, probe }, user);
      await fixture.next();
      fixture.join(FIRST, { backups: [SECOND], memberCount: () => 4 });
      await fixture.nextServer(lost(FIRST), ACCEPT);
      fixture.join(FIRST, { backups: [SECOND], memberCount: () => count });
      await waitFor(() => fixture.notices.some((notice) => notice.startsWith(text)));
    },
  );
}

for (const change of ["a member has joined", "the client was lost"]) {
  Deno.test(`ServerSelector tells nothing of other members once ${change}`, pure, async () => {
    const { answer, probe } = probed();
    const user = { isTty: true, tty: new FakeScreen({ columns: 80 }) };
    await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", probe }, user);
    await fixture.next();
    let isAlone = true;
    fixture.join(FIRST, { backups: [SECOND], memberCount: () => isAlone ? 1 : 2 });
    if (change === "the client was lost") void fixture.next(lost(FIRST), AbortSignal.abort());
    else isAlone = false;
    answer(SECOND, { logId: 9n, heardCount: 3 });
    await flushTasks();
    assertEquals(fixture.notices, []);
  });
}

Deno.test("ServerSelector suggests the known servers in turn", pure, async () => {
  await using fixture = await selectorAfterJoin({ backups: [THIRD] });
  const offers = [FIRST];
  while (offers.length < 4) offers.push((await fixture.nextServer(lost(offers.at(-1)!), ACCEPT))!);
  assertEquals(offers, [FIRST, SECOND, THIRD, FIRST]);
  assertEquals(
    fixture.user.output,
    `Nuevo servidor (IP o nombre) [10.0.0.7]:
Puerto [5001]:
Nuevo servidor (IP o nombre) [::1]:
Puerto [5002]:
Nuevo servidor (IP o nombre) [aula]:
Puerto [5000]:
`,
  );
});

Deno.test("ServerSelector suggests the same server again after a mistyped address", pure, async () => {
  await using fixture = await selectorAfterJoin({ backups: [THIRD] });
  const typo = (await fixture.nextServer(lost(FIRST), "10.0.0.9:5000\n"))!;
  assertEquals(await fixture.nextServer(unreachable(typo), ACCEPT), SECOND);
});

Deno.test("ServerSelector offers the server that --host named again, after its backups", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", backups: [SECOND] }, { isTty: true });
  await fixture.next();
  assertEquals(await fixture.nextServer(unreachable(FIRST), ACCEPT), SECOND);
  assertEquals(await fixture.nextServer(unreachable(SECOND), ACCEPT), FIRST);
});

Deno.test(
  "ServerSelector offers another port, or the last server, after a typed one failed",
  pure,
  async () => {
    const typed = { host: "10.0.0.7", port: 5_001 };
    const lastJoin = { server: THIRD, nick: "ana" };
    const cases = [
      [typed, undefined, "refused", { ...typed, port: 5_000 }],
      [typed, undefined, "no-answer", typed],
      [typed, lastJoin, "no-answer", THIRD],
      [THIRD, lastJoin, "no-answer", THIRD],
    ] as const;
    for (const [server, lastJoin, code, offered] of cases) {
      const screen = { isTty: true, tty: new FakeScreen({ columns: 200 }) };
      await using fixture = new SelectorFixture({ nick: "ana", lastJoin }, screen);
      const keys = [...`${server.host}\r${server.port}\r`];
      assertEquals(await fixture.nextServer(undefined, keys.join("")), server);
      assertEquals(await fixture.nextServer(unreachable(server, new ConnectError(code)), "\r\r"), offered);
    }
  },
);

for (const code of ["nick-taken", "nick-invalid", "nick-mixed", "nick-lookalike"]) {
  Deno.test(`ServerSelector asks for the nick alone after ${code}`, pure, async () => {
    await using fixture = await selectorAfterJoin({}, { isTty: true });
    fixture.user.type("ana2\n");
    const target = await fixture.next(unreachable(SECOND, rejection(code)));
    assertEquals(target, { server: SECOND, nick: "ana2" });
    assertMatch(fixture.user.output, /^No se pudo entrar en 10\.0\.0\.7:5001: .*\nNick:/);
  });
}

Deno.test("ServerSelector forgets the nick of /nick when the user is asked for another", pure, async () => {
  await using fixture = await selectorAfterJoin({}, { isTty: true });
  fixture.selector.rename("anita");
  fixture.user.type("ana2\n");
  const target = await fixture.next(unreachable(SECOND, rejection("nick-taken")));
  fixture.user.type(ACCEPT);
  assertEquals((await fixture.next({ ...unreachable(SECOND), target: target! }))?.nick, "ana2");
});

Deno.test("ServerSelector asks for the host alone if the name is unknown", pure, async () => {
  await using fixture = new SelectorFixture({ host: FIRST.host, port: 5_009, nick: "ana" }, { isTty: true });
  const { server } = (await fixture.next())!;
  assertEquals(await fixture.nextServer(unreachable(server, UNKNOWN), "aula2\n"), {
    host: "aula2",
    port: 5_009,
  });
  assertMatch(fixture.user.output, /^No se .*\nServidor \(IP o nombre\) \[127.0.0.1\]: aula2\n$/);
});

Deno.test("ServerSelector suggests another known server if a name is unknown", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", backups: [SECOND] }, { isTty: true });
  await fixture.next();
  assertEquals(await fixture.nextServer(unreachable(FIRST, UNKNOWN), ACCEPT), SECOND);
});

const STORE_AWAY: [who: string, isAuto: boolean, isTty: boolean, server: Address][] = [
  ["suggests to a user the same server", false, true, SECOND],
  ["suggests to a script the next server", false, false, FIRST],
  ["--auto takes the next server", true, true, FIRST],
];

for (const [does, isAuto, isTty, server] of STORE_AWAY) {
  Deno.test(`ServerSelector ${does} after store-away`, pure, async () => {
    await using fixture = await selectorAfterJoin({ isAuto }, { isTty });
    assertEquals(await fixture.nextServer(unreachable(SECOND, rejection("store-away")), ACCEPT), server);
  });
}

Deno.test("ServerSelector suggests another server than one that broke the protocol", pure, async () => {
  await using fixture = await selectorAfterJoin();
  assertEquals(await fixture.nextServer(lost(FIRST, VIOLATIONS[0]), ACCEPT), SECOND);
  // None is left: as at the start.
  assertEquals(await fixture.nextServer(lost(SECOND, VIOLATIONS[0]), ACCEPT), {
    host: "127.0.0.1",
    port: 5_000,
  });
});

Deno.test("ServerSelector ends if the user quits or the signal is aborted", pure, async () => {
  await using fixture = await selectorAfterJoin();
  assertEquals(await fixture.nextServer(lost(FIRST), "salir\n"), undefined);
  assertEquals(await fixture.next(lost(FIRST), AbortSignal.abort()), undefined);
});

Deno.test("ServerSelector ends if the user quits at a question of AuthPrompter", pure, async () => {
  await using fixture = await selectorAfterJoin({ authenticate: () => Promise.resolve("quit") });
  assertEquals(await fixture.nextServer(unreachable(SECOND, rejection("password-wrong")), ACCEPT), undefined);
});

Deno.test("ServerSelector at the end of a pipe tries each server, then throws", pure, async () => {
  await using fixture = await selectorAfterJoin();
  fixture.user.endInput();
  const tried = [FIRST];
  let failure = lost(FIRST);
  const error = await assertRejects(async () => {
    for (;;) {
      tried.push((await fixture.next(failure))!.server);
      failure = unreachable(tried.at(-1)!);
    }
  }, ConnectError);
  assertEquals(tried, [FIRST, SECOND, FIRST, SECOND]);
  assertStrictEquals(error, failure.error);
});

Deno.test("ServerSelector at the end of a pipe waits between tries, longer each time", pure, async () => {
  await using fixture = await selectorAfterJoin({ random: () => 0.5 });
  fixture.user.endInput();
  await flushTasks();
  for (const [failure, waitMs] of [[lost(FIRST), 50], [unreachable(SECOND), 100]] as const) {
    const beganMs = performance.now();
    await fixture.next(failure);
    const elapsedMs = performance.now() - beganMs;
    assert(elapsedMs >= waitMs - 5, `${elapsedMs} ms`);
  }
});

Deno.test("ServerSelector at the end of a pipe throws the server's error", pure, async () => {
  await using fixture = await selectorAfterJoin();
  fixture.user.endInput();
  const error = rejection("nick-invalid");
  assertStrictEquals(await assertRejects(() => fixture.next(unreachable(FIRST, error)), ServerError), error);
});

Deno.test("ServerSelector prints only printable text of a server's reason", pure, async () => {
  await using fixture = await selectorAfterJoin();
  const error = new ServerError("\x9b2J", { reason: "\x1b]0;title\x07\r\n[root] !" });
  assertEquals(await fixture.nextServer(unreachable(SECOND, error), ACCEPT), FIRST);
  assertStringIncludes(fixture.user.output, "␛]0;title␇␍␊[root] !");
});

for (const code of ["nick-taken", "nick-invalid"]) {
  for (const isAuto of [false, true]) {
    const title = `ServerSelector${
      isAuto ? " --auto" : ""
    } of a pipe ends with ${code} before its first join`;
    Deno.test(title, pure, async () => {
      await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto });
      await fixture.next();
      fixture.user.type("a message\n");
      const error = rejection(code);
      await assertRejects(() => fixture.next(unreachable(FIRST, error)), ServerError);
      const [report] = isAuto ? fixture.notices : fixture.user.output.split("\n");
      assertMatch(report!, /^No se pudo entrar en aula:5000: el nick .*\.$/);
      assert(!report!.includes("intentando"));
    });
  }
}
