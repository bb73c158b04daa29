// Which server is next: what the user is asked, and what an answer does.

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ConnectError, ServerError } from "../../lib/errors.ts";
import {
  FIRST,
  IP,
  lost,
  SECOND,
  selectorAfterJoin,
  SelectorFixture,
  TARGET,
  THIRD,
  unreachable,
  VIOLATIONS,
} from "../testing/selector_fixture.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { linesOf } from "../testing/fake_user.ts";
import { flushTasks } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

/** A user with a line editor whose client has joined before. */
function selectorAtScreen(): Promise<SelectorFixture> {
  return selectorAfterJoin({}, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
}

Deno.test("ServerSelector gives up after a kick or a ban", pure, async () => {
  for (const code of ["kicked", "banned"]) {
    for (const isAuto of [false, true]) {
      await using fixture = await selectorAfterJoin({ isAuto });
      const error = new ServerError(code, { reason: "why" });
      assertStrictEquals(
        await assertRejects(() => fixture.next({ ...lost(FIRST!), error }), ServerError),
        error,
      );
    }
  }
});

Deno.test(
  "ServerSelector takes a new nick to the next server, and goes to servers that the room listed",
  pure,
  async () => {
    for (const isAuto of [false, true]) {
      await using fixture = await selectorAfterJoin({ isAuto });
      fixture.selector.rename("anita");
      fixture.selector.updateBackups([SECOND!, THIRD!]);
      fixture.user.type("\n\n");
      assertEquals(await fixture.next(lost(SECOND!)), { server: THIRD!, nick: "anita" });
      // From then on the nick of the join counts.
      fixture.selector.rename("norberta");
      fixture.selector.onJoined(THIRD!, { ip: IP, logId: 3n, backups: [] });
      fixture.user.type("\n\n");
      assertEquals((await fixture.next(lost(THIRD!)))?.nick, "ana");
    }
  },
);

Deno.test(
  "ServerSelector goes to the backup that the room lists first, whatever flags named",
  pure,
  async () => {
    for (const isAuto of [false, true]) {
      await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto, backups: [SECOND!] });
      await fixture.next();
      fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!, THIRD!] });
      if (!isAuto) fixture.user.type("\n\n");
      assertEquals((await fixture.next(lost(FIRST!)))?.server, SECOND);
    }
  },
);

Deno.test("ServerSelector suggests no server that the current room no longer lists", pure, async () => {
  await using fixture = await selectorAfterJoin({ isAuto: true });
  fixture.selector.updateBackups([THIRD!]);
  assertEquals((await fixture.next(lost(FIRST!)))?.server, THIRD);
  // Lists of other rooms do not count.
  fixture.selector.onJoined(THIRD!, { ip: IP, logId: 9n, backups: [] });
  fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!] });
  assertEquals((await fixture.next(lost(FIRST!)))?.server, SECOND);
});

Deno.test(
  "ServerSelector tries other servers before another address of the same one",
  pure,
  async () => {
    for (const isAuto of [false, true]) {
      await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", isAuto, random: () => 0 });
      await fixture.next();
      const other = { host: IP, port: FIRST!.port };
      fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [other, SECOND!] });
      if (!isAuto) fixture.user.type("\n\n");
      assertEquals((await fixture.next(lost(FIRST!)))?.server, SECOND);
      if (!isAuto) fixture.user.type("\n\n");
      assertEquals((await fixture.next(unreachable(SECOND!)))?.server, other);
    }
  },
);

Deno.test("ServerSelector takes a port alone as one of the suggested host", pure, async () => {
  await using fixture = await selectorAtScreen();
  const answer = fixture.next(unreachable(FIRST!));
  fixture.user.type("26001\r");
  assertEquals((await answer)?.server, { host: SECOND!.host, port: 26_001 });
});

Deno.test("ServerSelector does not ask for what flags gave", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana" });
  assertEquals(await fixture.next(), TARGET);
  assertEquals(fixture.user.output, "");
});

Deno.test("ServerSelector asks for the nick alone if the server rejected it", pure, async () => {
  for (const code of ["nick-taken", "nick-invalid", "nick-mixed", "nick-lookalike"]) {
    await using fixture = await selectorAfterJoin();
    fixture.user.type("ana2\n");
    const failure = {
      target: TARGET,
      error: new ServerError(code, { reason: "why" }),
      wasJoined: false,
      connectedForMs: 0,
    };
    assertEquals(await fixture.next(failure), { server: FIRST!, nick: "ana2" });
    assertStringIncludes(fixture.user.output, "No se pudo entrar en aula:5000: ");
    assertMatch(fixture.user.output, /^No se .*\nNick: ana2\n$/);
  }
});

Deno.test(
  "ServerSelector stays on the server that rejected the nick, also on a backup",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin();
    fixture.user.type("\n\nana2\n");
    const server = (await fixture.next(lost(FIRST!)))!.server;
    assertEquals(server, SECOND);
    const failure = {
      target: { server, nick: "ana" },
      error: new ServerError("nick-taken"),
      wasJoined: false,
      connectedForMs: 0,
    };
    assertEquals(await fixture.next(failure), { server, nick: "ana2" });
  },
);

Deno.test(
  "ServerSelector asks for the host alone if its name is unknown and there is no other server",
  pure,
  async () => {
    await using fixture = new SelectorFixture({ ...FIRST, nick: "ana" });
    await fixture.next();
    fixture.user.type("aula2\n");
    assertEquals(await fixture.next(unreachable(FIRST!, "name-unknown")), {
      server: { host: "aula2", port: 5_000 },
      nick: "ana",
    });
    assertMatch(fixture.user.output, /^No se .*\nServidor \(IP o nombre\) \[127.0.0.1\]: aula2\n$/);
  },
);

Deno.test(
  "ServerSelector restores chat that was typed at the prompt for a new server",
  pure,
  async () => {
    await using fixture = await selectorAtScreen();
    const { terminal } = fixture.user;
    const line = linesOf(terminal).next();
    for (const answers of ["hola\r¿estáis ahí?\raula\r\r", "localhost\r\r", "otro\rotro:5009\r"]) {
      const next = fixture.next(lost(FIRST!));
      await flushTasks();
      fixture.user.type(answers);
      assertMatch((await next)!.server.host, /^(aula|localhost|otro)$/);
    }
    assertStringIncludes(fixture.user.output, '"hola" queda en la línea del chat');
    fixture.user.type("\r");
    assertEquals((await line).value, "hola ¿estáis ahí? otro ");
  },
);

Deno.test(
  "ServerSelector restores chat that was typed at the prompt for the port",
  pure,
  async () => {
    await using fixture = await selectorAtScreen();
    const line = linesOf(fixture.user.terminal).next();
    const next = fixture.next(lost(FIRST!));
    await flushTasks();
    fixture.user.type("\rvale, sigo\r10.0.0.7 5009\r");
    assertEquals((await next)!.server, { host: "10.0.0.7", port: 5_009 });
    assertStringIncludes(fixture.user.output, '"vale, sigo" queda en la línea del chat');
    assertEquals(fixture.user.output.includes("no vale:"), false);
    fixture.user.type("\r");
    assertEquals((await line).value, "vale, sigo ");
  },
);

Deno.test(
  "ServerSelector takes a blank for the colon before a port, and words and smileys for chat",
  pure,
  async () => {
    await using fixture = await selectorAtScreen();
    const { terminal } = fixture.user;
    const line = linesOf(terminal).next();
    for (
      const answers of ["10.0.0.7 5001\r", "somos 12\r:)\raula 5001\r", "sí...\r10.0.0.9\r10.0.0.7 5001\r"]
    ) {
      const next = fixture.next(lost(FIRST!));
      await flushTasks();
      fixture.user.type(answers);
      assertEquals((await next)!.server.port, 5_001);
    }
    fixture.user.type("\r");
    assertEquals((await line).value, "somos 12 :) sí... ");
    await using first = new SelectorFixture({ nick: "ana" });
    first.user.type("aula 5001\n");
    assertEquals((await first.next())?.server, { host: "aula", port: 5_001 });
  },
);

Deno.test("ServerSelector takes any word as a host at the start, and from a script", pure, async () => {
  await using first = new SelectorFixture({ nick: "ana" }, { isTty: true, tty: new FakeScreen() });
  first.user.type("hola\r\r");
  assertEquals((await first.next())?.server.host, "hola");
  await using script = await selectorAfterJoin();
  script.user.type("hola\n\n");
  assertEquals((await script.next(lost(FIRST!)))?.server.host, "hola");
});

Deno.test(
  "ServerSelector suggests the server whose store is unavailable again to a user, others go to the next",
  pure,
  async () => {
    const error = new ServerError("store-away", { reason: "why" });
    const away = { target: { ...TARGET, server: SECOND! }, error, wasJoined: false, connectedForMs: 0 };
    for (
      const [options, isTty, server] of [
        [{}, true, SECOND!],
        [{}, false, FIRST!],
        [{ isAuto: true }, true, FIRST!],
      ] as const
    ) {
      await using fixture = await selectorAfterJoin(options, { isTty });
      fixture.user.type("\n\n");
      assertEquals((await fixture.next(away))?.server, server);
    }
  },
);

Deno.test("ServerSelector takes an address at the prompt for the port", pure, async () => {
  await using fixture = new SelectorFixture({ nick: "ana" });
  fixture.user.type("10.0.0.8\n10.0.0.7\n5001\n");
  assertEquals((await fixture.next())?.server, SECOND);
  await using other = new SelectorFixture({ nick: "ana" });
  other.user.type("10.0.0.8\n10.0.0.7:5001\n");
  assertEquals((await other.next())?.server, SECOND);
});

Deno.test("ServerSelector suggests another known server if a name is unknown", pure, async () => {
  await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", backups: [SECOND!] });
  await fixture.next();
  fixture.user.type("\n\n");
  assertEquals((await fixture.next(unreachable(FIRST!, "name-unknown")))?.server, SECOND);
});

Deno.test(
  "ServerSelector suggests the known servers in turn, and asks for a new server once it has joined",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin({ backups: [THIRD!] });
    fixture.user.type("\n\n".repeat(3));
    const offers = [];
    for (let server = FIRST!; offers.length < 3; offers.push(server)) {
      server = (await fixture.next(lost(server)))!.server;
    }
    assertEquals(offers, [SECOND, THIRD, FIRST]);
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
  },
);

Deno.test("ServerSelector ends if the user quits or the signal is aborted", pure, async () => {
  await using fixture = await selectorAfterJoin();
  fixture.user.type("salir\n\nquit\n");
  assertEquals(await fixture.next(lost(FIRST!)), undefined);
  assertEquals(await fixture.next(lost(FIRST!)), undefined);
  assertEquals(await fixture.next(lost(FIRST!), AbortSignal.abort()), undefined);
});

Deno.test(
  "ServerSelector tries all known servers once the input has ended, then throws the last error",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin();
    fixture.user.endInput();
    const tried: Address[] = [];
    let failure = lost(FIRST!);
    const error = await assertRejects(async () => {
      for (;;) {
        const { server } = (await fixture.next(failure))!;
        tried.push(server);
        failure = unreachable(server);
      }
    }, ConnectError);
    assertEquals(tried, [SECOND, FIRST, SECOND]);
    assertStrictEquals(error, failure.error);
  },
);

Deno.test(
  "ServerSelector throws the server's error, not that of the ended input",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin();
    fixture.user.endInput();
    const failure = {
      target: TARGET,
      error: new ServerError("nick-taken", { reason: "why" }),
      wasJoined: false,
      connectedForMs: 0,
    };
    assertStrictEquals(await assertRejects(() => fixture.next(failure), ServerError), failure.error);
  },
);

Deno.test(
  "ServerSelector suggests another server than the one that broke the protocol",
  pure,
  async () => {
    await using fixture = await selectorAfterJoin();
    fixture.user.type("\n\n");
    assertEquals((await fixture.next({ ...lost(FIRST!), error: VIOLATIONS[0]! }))?.server, SECOND!);
    fixture.user.type("\n\n");
    const { server } = (await fixture.next({ ...lost(SECOND!), error: VIOLATIONS[0]! }))!;
    assertEquals(server, { host: "127.0.0.1", port: 5_000 }); // as at the start: none is left to offer
  },
);
