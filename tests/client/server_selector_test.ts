// Where a client goes next: what a person is asked, and what is done with their answer.

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
} from "./selector_fixture.ts";
import { FakeScreen } from "../terminal/fake_screen.ts";
import { linesOf } from "../fake_user.ts";
import { flushMacrotasks } from "../support.ts";

const pure = { permissions: "none" } as const;

/** Somebody who was in, and types below what is printed. */
function choiceAtAScreen(): Promise<SelectorFixture> {
  return selectorAfterJoin({}, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
}

Deno.test("ServerSelector does not come back by itself to where it is not wanted", pure, async () => {
  for (const code of ["kicked", "banned"]) {
    for (const isAuto of [false, true]) {
      await using choice = await selectorAfterJoin({ isAuto });
      const error = new ServerError(code, { reason: "why" });
      assertStrictEquals(
        await assertRejects(() => choice.next({ ...lost(FIRST!), error }), ServerError),
        error,
      );
    }
  }
});

Deno.test("ServerSelector goes on under a new nick, and to servers that it learned of", pure, async () => {
  for (const isAuto of [false, true]) {
    await using choice = await selectorAfterJoin({ isAuto });
    choice.selector.rename("anita");
    choice.selector.updateBackups([SECOND!, THIRD!]);
    choice.person.type("\n\n");
    assertEquals(await choice.next(lost(SECOND!)), { server: THIRD!, nick: "anita" });
    // What the client was let in with is what counts from then on.
    choice.selector.rename("norberta");
    choice.selector.onJoined(THIRD!, { ip: IP, logId: 3n, backups: [] });
    choice.person.type("\n\n");
    assertEquals((await choice.next(lost(THIRD!)))?.nick, "ana");
  }
});

Deno.test(
  "ServerSelector goes where all others of the room go, whatever a flag named before",
  pure,
  async () => {
    for (const isAuto of [false, true]) {
      await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto, backups: [SECOND!] });
      await choice.next();
      choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!, THIRD!] });
      if (!isAuto) choice.person.type("\n\n");
      assertEquals((await choice.next(lost(FIRST!)))?.server, SECOND);
    }
  },
);

Deno.test("ServerSelector offers no server that the room of now has ceased to name", pure, async () => {
  await using choice = await selectorAfterJoin({ isAuto: true });
  choice.selector.updateBackups([THIRD!]);
  assertEquals((await choice.next(lost(FIRST!)))?.server, THIRD);
  // What another room names is another matter.
  choice.selector.onJoined(THIRD!, { ip: IP, logId: 9n, backups: [] });
  choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!] });
  assertEquals((await choice.next(lost(FIRST!)))?.server, SECOND);
});

Deno.test(
  "ServerSelector goes to no server under its other name before it has tried the others",
  pure,
  async () => {
    for (const isAuto of [false, true]) {
      await using choice = new SelectorFixture({ ...FIRST, nick: "ana", isAuto, random: () => 0 });
      await choice.next();
      const other = { host: IP, port: FIRST!.port };
      choice.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [other, SECOND!] });
      if (!isAuto) choice.person.type("\n\n");
      assertEquals((await choice.next(lost(FIRST!)))?.server, SECOND);
      if (!isAuto) choice.person.type("\n\n");
      assertEquals((await choice.next(unreachable(SECOND!)))?.server, other);
    }
  },
);

Deno.test("ServerSelector takes a port alone for one of the host that is on offer", pure, async () => {
  await using choice = await choiceAtAScreen();
  const answer = choice.next(unreachable(FIRST!));
  choice.person.type("26001\r");
  assertEquals((await answer)?.server, { host: SECOND!.host, port: 26_001 });
});

Deno.test("ServerSelector asks nothing that it was given", pure, async () => {
  await using choice = new SelectorFixture({ ...FIRST, nick: "ana" });
  assertEquals(await choice.next(), TARGET);
  assertEquals(choice.person.output, "");
});

Deno.test("ServerSelector asks for another nick alone if that is what is wrong", pure, async () => {
  for (const code of ["nick-taken", "nick-invalid", "nick-mixed", "nick-lookalike"]) {
    await using choice = await selectorAfterJoin();
    choice.person.type("ana2\n");
    const failure = {
      target: TARGET,
      error: new ServerError(code, { reason: "why" }),
      wasJoined: false,
      connectedForMs: 0,
    };
    assertEquals(await choice.next(failure), { server: FIRST!, nick: "ana2" });
    assertStringIncludes(choice.person.output, "No se pudo entrar en aula:5000: ");
    assertMatch(choice.person.output, /^No se .*\nNick: ana2\n$/);
  }
});

Deno.test(
  "ServerSelector stays where the nick was wrong, wherever --auto or a backup has led",
  pure,
  async () => {
    await using choice = await selectorAfterJoin();
    choice.person.type("\n\nana2\n");
    const server = (await choice.next(lost(FIRST!)))!.server;
    assertEquals(server, SECOND);
    const failure = {
      target: { server, nick: "ana" },
      error: new ServerError("nick-taken"),
      wasJoined: false,
      connectedForMs: 0,
    };
    assertEquals(await choice.next(failure), { server, nick: "ana2" });
  },
);

Deno.test(
  "ServerSelector asks for the name alone if only that is wrong and it knows no other server",
  pure,
  async () => {
    await using choice = new SelectorFixture({ ...FIRST, nick: "ana" });
    await choice.next();
    choice.person.type("aula2\n");
    assertEquals(await choice.next(unreachable(FIRST!, "name-unknown")), {
      server: { host: "aula2", port: 5_000 },
      nick: "ana",
    });
    assertMatch(choice.person.output, /^No se .*\nServidor \(IP o nombre\) \[127.0.0.1\]: aula2\n$/);
  },
);

Deno.test(
  "ServerSelector gives back what somebody says who has not seen the question for a new server",
  pure,
  async () => {
    await using choice = await choiceAtAScreen();
    const { terminal } = choice.person;
    const line = linesOf(terminal).next();
    for (const answers of ["hola\r¿estáis ahí?\raula\r\r", "localhost\r\r", "otro\rotro:5009\r"]) {
      const next = choice.next(lost(FIRST!));
      await flushMacrotasks();
      choice.person.type(answers);
      assertMatch((await next)!.server.host, /^(aula|localhost|otro)$/);
    }
    assertStringIncludes(choice.person.output, '"hola" queda en la línea del chat');
    choice.person.type("\r");
    assertEquals((await line).value, "hola ¿estáis ahí? otro ");
  },
);

Deno.test(
  "ServerSelector says of words at the question for the port too that they are given back",
  pure,
  async () => {
    await using choice = await choiceAtAScreen();
    const line = linesOf(choice.person.terminal).next();
    const next = choice.next(lost(FIRST!));
    await flushMacrotasks();
    choice.person.type("\rvale, sigo\r10.0.0.7 5009\r");
    assertEquals((await next)!.server, { host: "10.0.0.7", port: 5_009 });
    assertStringIncludes(choice.person.output, '"vale, sigo" queda en la línea del chat');
    assertEquals(choice.person.output.includes("no vale:"), false);
    choice.person.type("\r");
    assertEquals((await line).value, "vale, sigo ");
  },
);

Deno.test(
  "ServerSelector takes a blank for the colon before a port, and words and smileys for talk",
  pure,
  async () => {
    await using choice = await choiceAtAScreen();
    const { terminal } = choice.person;
    const line = linesOf(terminal).next();
    for (
      const answers of ["10.0.0.7 5001\r", "somos 12\r:)\raula 5001\r", "sí...\r10.0.0.9\r10.0.0.7 5001\r"]
    ) {
      const next = choice.next(lost(FIRST!));
      await flushMacrotasks();
      choice.person.type(answers);
      assertEquals((await next)!.server.port, 5_001);
    }
    choice.person.type("\r");
    assertEquals((await line).value, "somos 12 :) sí... ");
    await using first = new SelectorFixture({ nick: "ana" });
    first.person.type("aula 5001\n");
    assertEquals((await first.next())?.server, { host: "aula", port: 5_001 });
  },
);

Deno.test("ServerSelector takes any word for a server at the start, and from a script", pure, async () => {
  await using first = new SelectorFixture({ nick: "ana" }, { isTty: true, tty: new FakeScreen() });
  first.person.type("hola\r\r");
  assertEquals((await first.next())?.server.host, "hola");
  await using script = await selectorAfterJoin();
  script.person.type("hola\n\n");
  assertEquals((await script.next(lost(FIRST!)))?.server.host, "hola");
});

Deno.test(
  "ServerSelector offers a person the server whose store is away again; others go on to the next",
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
      await using choice = await selectorAfterJoin(options, { isTty });
      choice.person.type("\n\n");
      assertEquals((await choice.next(away))?.server, server);
    }
  },
);

Deno.test("ServerSelector takes a whole address at the question for the port", pure, async () => {
  await using choice = new SelectorFixture({ nick: "ana" });
  choice.person.type("10.0.0.8\n10.0.0.7\n5001\n");
  assertEquals((await choice.next())?.server, SECOND);
  await using other = new SelectorFixture({ nick: "ana" });
  other.person.type("10.0.0.8\n10.0.0.7:5001\n");
  assertEquals((await other.next())?.server, SECOND);
});

Deno.test("ServerSelector offers another server that it knows if a name is wrong", pure, async () => {
  await using choice = new SelectorFixture({ ...FIRST, nick: "ana", backups: [SECOND!] });
  await choice.next();
  choice.person.type("\n\n");
  assertEquals((await choice.next(unreachable(FIRST!, "name-unknown")))?.server, SECOND);
});

Deno.test(
  "ServerSelector offers what it knows in turn, and calls the first one new once it was in",
  pure,
  async () => {
    await using choice = await selectorAfterJoin({ backups: [THIRD!] });
    choice.person.type("\n\n".repeat(3));
    const offers = [];
    for (let server = FIRST!; offers.length < 3; offers.push(server)) {
      server = (await choice.next(lost(server)))!.server;
    }
    assertEquals(offers, [SECOND, THIRD, FIRST]);
    assertEquals(
      choice.person.output,
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

Deno.test("ServerSelector gives up where a person wants to leave, or is told to", pure, async () => {
  await using choice = await selectorAfterJoin();
  choice.person.type("salir\n\nquit\n");
  assertEquals(await choice.next(lost(FIRST!)), undefined);
  assertEquals(await choice.next(lost(FIRST!)), undefined);
  assertEquals(await choice.next(lost(FIRST!), AbortSignal.abort()), undefined);
});

Deno.test(
  "ServerSelector tries all that it knows where the input has ended, then gives the last reason",
  pure,
  async () => {
    await using choice = await selectorAfterJoin();
    choice.person.endInput();
    const tried: Address[] = [];
    let failure = lost(FIRST!);
    const error = await assertRejects(async () => {
      for (;;) {
        const { server } = (await choice.next(failure))!;
        tried.push(server);
        failure = unreachable(server);
      }
    }, ConnectError);
    assertEquals(tried, [SECOND, FIRST, SECOND]);
    assertStrictEquals(error, failure.error);
  },
);

Deno.test(
  "ServerSelector gives the reason, not that nobody answers, where the input has ended",
  pure,
  async () => {
    await using choice = await selectorAfterJoin();
    choice.person.endInput();
    const failure = {
      target: TARGET,
      error: new ServerError("nick-taken", { reason: "why" }),
      wasJoined: false,
      connectedForMs: 0,
    };
    assertStrictEquals(await assertRejects(() => choice.next(failure), ServerError), failure.error);
  },
);

Deno.test(
  "ServerSelector offers a person another server than the one that broke the rules",
  pure,
  async () => {
    await using choice = await selectorAfterJoin();
    choice.person.type("\n\n");
    assertEquals((await choice.next({ ...lost(FIRST!), error: VIOLATIONS[0]! }))?.server, SECOND!);
    choice.person.type("\n\n");
    const { server } = (await choice.next({ ...lost(SECOND!), error: VIOLATIONS[0]! }))!;
    assertEquals(server, { host: "127.0.0.1", port: 5_000 }); // as at the start: none is left to offer
  },
);
