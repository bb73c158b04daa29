// Where a client goes next: what a person is asked, and what `--auto` does. Nobody is really dialled.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { Address } from "../lib/address.ts";
import {
  ChatError,
  ConnectError,
  type LossCode,
  LostError,
  ProtocolError,
  RefusedError,
} from "../lib/errors.ts";
import type { Failure, Target } from "../lib/session.ts";
import { AGAIN_DIAL_MS, TargetChooser, type TargetChooserOptions } from "../lib/target_chooser.ts";
import { FakeScreen } from "./fake_screen.ts";
import { linesOf, Person, type PersonOptions, settle, soon } from "./support.ts";

const pure = { permissions: "none" } as const;

const [FIRST, SECOND, THIRD]: Address[] = [
  { host: "aula", port: 5_000 },
  { host: "10.0.0.7", port: 5_001 },
  { host: "::1", port: 5_002 },
] as const;
/** Of all of them: their ports tell them apart. */
const IP = "10.9.9.9";
const TARGET: Target = { server: FIRST!, nick: "ana" };

function lost(server: Address): Failure {
  return {
    target: { ...TARGET, server },
    error: new LostError("closing", "why"),
    wasIn: true,
    stayedMs: 60_000,
  };
}

function unreached(server: Address, code: "refused" | "name-unknown" = "refused"): Failure {
  return { target: { ...TARGET, server }, error: new ConnectError(code, "why"), wasIn: false, stayedMs: 0 };
}

/** A chooser, the person whom it asks, and the lines that it prints. */
class Choice implements AsyncDisposable {
  readonly person: Person;
  readonly notices: string[] = [];
  readonly chooser: TargetChooser;

  constructor(options: Partial<TargetChooserOptions> = {}, person: PersonOptions = {}) {
    this.person = new Person(person);
    this.chooser = new TargetChooser({
      terminal: this.person.terminal,
      language: "es",
      notify: (text) => {
        this.notices.push(text);
        return Promise.resolve();
      },
      backups: [],
      isAuto: false,
      random: () => 0.5,
      ...options,
    });
  }

  async next(failure?: Failure, signal = new AbortController().signal): Promise<Target | undefined> {
    return await soon(this.chooser.next(failure, { signal }), () => `an answer to\n${this.person.output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.person[Symbol.asyncDispose]();
  }
}

/** A choice by somebody who has been on the first server, which told of the second. */
async function choiceOfSomebodyWhoWasIn(
  options: Partial<TargetChooserOptions> = {},
  person?: PersonOptions,
): Promise<Choice> {
  const choice = new Choice({ ...FIRST, nick: "ana", ...options }, person);
  assertEquals(await choice.next(), TARGET);
  choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [SECOND!] });
  return choice;
}

Deno.test("TargetChooser does not come back by itself to where it is not wanted", pure, async () => {
  for (const code of ["kicked", "banned"]) {
    for (const isAuto of [false, true]) {
      await using choice = await choiceOfSomebodyWhoWasIn({ isAuto });
      const error = new RefusedError(code, "why");
      assertStrictEquals(
        await assertRejects(() => choice.next({ ...lost(FIRST!), error }), RefusedError),
        error,
      );
    }
  }
});

Deno.test("TargetChooser goes on under a new nick, and to servers that it learned of", pure, async () => {
  for (const isAuto of [false, true]) {
    await using choice = await choiceOfSomebodyWhoWasIn({ isAuto });
    choice.chooser.rename("anita");
    choice.chooser.learn([SECOND!, THIRD!]);
    choice.person.types("\n\n");
    assertEquals(await choice.next(lost(SECOND!)), { server: THIRD!, nick: "anita" });
    // What the client was let in with is what counts from then on.
    choice.chooser.rename("norberta");
    choice.chooser.entered(THIRD!, { ip: IP, room: 3n, backups: [] });
    choice.person.types("\n\n");
    assertEquals((await choice.next(lost(THIRD!)))?.nick, "ana");
  }
});

Deno.test("TargetChooser offers no server that the room of now has ceased to name", pure, async () => {
  await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true });
  choice.chooser.learn([THIRD!]);
  assertEquals((await choice.next(lost(FIRST!)))?.server, THIRD);
  // What another room names is another matter.
  choice.chooser.entered(THIRD!, { ip: IP, room: 9n, backups: [] });
  choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [SECOND!] });
  assertEquals((await choice.next(lost(FIRST!)))?.server, SECOND);
});

Deno.test("TargetChooser offers no server again under the address at which it was found", pure, async () => {
  await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true, random: () => 0 });
  await choice.next();
  choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [SECOND!] });
  choice.chooser.entered(SECOND!, { ip: IP, room: 2n, backups: [{ host: IP, port: FIRST!.port }, THIRD!] });
  const offers = [];
  for (let server = SECOND!; offers.length < 3; offers.push(server)) {
    server = (await choice.next(unreached(server)))!.server;
  }
  assertEquals(offers, [THIRD, FIRST, SECOND]);
});

Deno.test("TargetChooser asks nothing that it was given", pure, async () => {
  await using choice = new Choice({ ...FIRST, nick: "ana" });
  assertEquals(await choice.next(), TARGET);
  assertEquals(choice.person.output, "");
});

Deno.test("TargetChooser asks for another nick alone if that is what is wrong", pure, async () => {
  for (const code of ["nick-taken", "nick-invalid", "nick-mixed", "nick-lookalike"]) {
    await using choice = await choiceOfSomebodyWhoWasIn();
    choice.person.types("ana2\n");
    const failure = { target: TARGET, error: new RefusedError(code, "why"), wasIn: false, stayedMs: 0 };
    assertEquals(await choice.next(failure), { server: FIRST!, nick: "ana2" });
    assertStringIncludes(choice.person.output, "No se pudo entrar en aula:5000: ");
    assertMatch(choice.person.output, /^No se .*\nNick: ana2\n$/);
  }
});

Deno.test(
  "TargetChooser stays where the nick was wrong, wherever --auto or a backup has led",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn();
    choice.person.types("\n\nana2\n");
    const server = (await choice.next(lost(FIRST!)))!.server;
    assertEquals(server, SECOND);
    const failure = {
      target: { server, nick: "ana" },
      error: new RefusedError("nick-taken", ""),
      wasIn: false,
      stayedMs: 0,
    };
    assertEquals(await choice.next(failure), { server, nick: "ana2" });
  },
);

Deno.test(
  "TargetChooser asks for the name alone if only that is wrong and it knows no other server",
  pure,
  async () => {
    await using choice = new Choice({ ...FIRST, nick: "ana" });
    await choice.next();
    choice.person.types("aula2\n");
    assertEquals(await choice.next(unreached(FIRST!, "name-unknown")), {
      server: { host: "aula2", port: 5_000 },
      nick: "ana",
    });
    assertMatch(choice.person.output, /^No se .*\nServidor \(IP o nombre\) \[127.0.0.1\]: aula2\n$/);
  },
);

Deno.test(
  "TargetChooser gives back what somebody says who has not seen the question for a new server",
  pure,
  async () => {
    const tty = new FakeScreen({ columns: 200 });
    await using choice = await choiceOfSomebodyWhoWasIn({}, { isKeyboard: true, tty });
    const { terminal } = choice.person;
    const line = linesOf(terminal).next();
    for (const answers of ["hola\r¿estáis ahí?\raula\r\r", "localhost\r\r", "otro\rotro:5009\r"]) {
      const next = choice.next(lost(FIRST!));
      await settle();
      choice.person.types(answers);
      assertMatch((await next)!.server.host, /^(aula|localhost|otro)$/);
    }
    assertStringIncludes(choice.person.output, '"hola" queda en la línea del chat');
    choice.person.types("\r");
    assertEquals((await line).value, "hola ¿estáis ahí? otro ");
  },
);

Deno.test(
  "TargetChooser takes a blank for the colon before a port, and words and smileys for talk",
  pure,
  async () => {
    const tty = new FakeScreen({ columns: 200 });
    await using choice = await choiceOfSomebodyWhoWasIn({}, { isKeyboard: true, tty });
    const { terminal } = choice.person;
    const line = linesOf(terminal).next();
    for (
      const answers of ["10.0.0.7 5001\r", "somos 12\r:)\raula 5001\r", "sí...\r10.0.0.9\r10.0.0.7 5001\r"]
    ) {
      const next = choice.next(lost(FIRST!));
      await settle();
      choice.person.types(answers);
      assertEquals((await next)!.server.port, 5_001);
    }
    choice.person.types("\r");
    assertEquals((await line).value, "somos 12 :) sí... ");
    await using first = new Choice({ nick: "ana" });
    first.person.types("aula 5001\n");
    assertEquals((await first.next())?.server, { host: "aula", port: 5_001 });
  },
);

Deno.test("TargetChooser takes any word for a server at the start, and from a script", pure, async () => {
  await using first = new Choice({ nick: "ana" }, { isKeyboard: true, tty: new FakeScreen() });
  first.person.types("hola\r\r");
  assertEquals((await first.next())?.server.host, "hola");
  await using script = await choiceOfSomebodyWhoWasIn();
  script.person.types("hola\n\n");
  assertEquals((await script.next(lost(FIRST!)))?.server.host, "hola");
});

Deno.test(
  "TargetChooser offers a person the server whose store is away again; others go on to the next",
  pure,
  async () => {
    const error = new RefusedError("store-away", "why");
    const away = { target: { ...TARGET, server: SECOND! }, error, wasIn: false, stayedMs: 0 };
    for (
      const [options, isKeyboard, server] of [
        [{}, true, SECOND!],
        [{}, false, FIRST!],
        [{ isAuto: true }, true, FIRST!],
      ] as const
    ) {
      await using choice = await choiceOfSomebodyWhoWasIn(options, { isKeyboard });
      choice.person.types("\n\n");
      assertEquals((await choice.next(away))?.server, server);
    }
  },
);

Deno.test("TargetChooser takes a whole address at the question for the port", pure, async () => {
  await using choice = new Choice({ nick: "ana" });
  choice.person.types("10.0.0.8\n10.0.0.7\n5001\n");
  assertEquals((await choice.next())?.server, SECOND);
  await using other = new Choice({ nick: "ana" });
  other.person.types("10.0.0.8\n10.0.0.7:5001\n");
  assertEquals((await other.next())?.server, SECOND);
});

Deno.test("TargetChooser offers another server that it knows if a name is wrong", pure, async () => {
  await using choice = new Choice({ ...FIRST, nick: "ana", backups: [SECOND!] });
  await choice.next();
  choice.person.types("\n\n");
  assertEquals((await choice.next(unreached(FIRST!, "name-unknown")))?.server, SECOND);
});

Deno.test(
  "TargetChooser offers what it knows in turn, and calls the first one new once it was in",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn({ backups: [THIRD!] });
    choice.person.types("\n\n".repeat(3));
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

Deno.test(
  "TargetChooser --auto goes round what it knows, and waits longer from time to time",
  pure,
  async () => {
    let waits = 0;
    await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, random: () => (waits++, 0.5) });
    const seen: Address[] = [];
    /** How long the next choice takes, in ms. */
    const timed = async (failure: Failure): Promise<number> => {
      const beganMs = performance.now();
      seen.push((await choice.next(failure))!.server);
      return performance.now() - beganMs;
    };
    assert(await timed(lost(FIRST!)) >= 45);
    await timed(unreached(SECOND!));
    assert(await timed(unreached(FIRST!)) >= 195);
    assertEquals([seen, waits], [[SECOND, FIRST, SECOND], 3]);
    // Somebody who was in for long begins anew; who is thrown out at once does not.
    choice.chooser.entered(SECOND!, { ip: IP, room: 2n, backups: [] });
    assert(await timed({ ...lost(SECOND!), stayedMs: 4_999 }) >= 395);
    assert(await timed({ ...lost(SECOND!), stayedMs: 5_000 }) < 395);
  },
);

Deno.test(
  "TargetChooser --auto says why it could not enter once for each reason, until it is in or somebody answers",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, random: () => 0 });
    await choice.next(lost(FIRST!));
    assertEquals(choice.notices, []);
    for (const server of [SECOND!, FIRST!, SECOND!, FIRST!]) await choice.next(unreached(server));
    assertEquals(choice.notices.splice(0).map(endOf), ["Se seguirá intentando."]);
    const full = { ...unreached(FIRST!), error: new RefusedError("room-full", "why") };
    for (const failure of [full, unreached(SECOND!), full]) await choice.next(failure);
    assertEquals(choice.notices.splice(0), [
      "No se pudo entrar en aula:5000: la sala está llena: pruebe más tarde. Se seguirá intentando.",
    ]);
    choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [] });
    await choice.next(lost(FIRST!));
    await choice.next(unreached(SECOND!));
    assertEquals(choice.notices.length, 1);
  },
);

Deno.test("TargetChooser --auto does not say that it goes on where it does not", pure, async () => {
  const cases: [Failure["error"], { isKeyboard?: boolean }][] = [
    [new RefusedError("banned", "why"), {}],
    [VIOLATIONS[2]!, {}],
    [new RefusedError("nick-taken", "why"), { isKeyboard: true }],
  ];
  for (const [error, person] of cases) {
    await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true }, person);
    await choice.next();
    for (let times = 1; times <= 2; times++) {
      choice.person.types("ana2\n");
      await choice.next({ ...unreached(FIRST!), error }).catch(() => {});
      assertEquals(choice.notices.map(endOf).includes("Se seguirá intentando."), false);
      // Who is asked must know why, each time.
      assertEquals(choice.notices.length, person.isKeyboard ? times : 1);
    }
  }
});

Deno.test("TargetChooser --auto says why again to somebody who has answered", pure, async () => {
  await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true }, { isKeyboard: true });
  await choice.next();
  for (let times = 1; times <= 2; times++) {
    choice.person.types("aula\n5000\n");
    await choice.next({ ...unreached(FIRST!), error: VIOLATIONS[2]! });
    assertEquals(choice.notices.length, times);
  }
});

Deno.test(
  "TargetChooser --auto tells the doorman whether a shut door is news, server by server",
  pure,
  async () => {
    const heard: boolean[] = [];
    const doorman: TargetChooserOptions["doorman"] = {
      open: (_, { isNews }) => Promise.resolve(heard.push(isNews) > 0 ? "shut" : "none"),
      opensUnasked: () => false,
    };
    await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, doorman, random: () => 0 });
    const error = new ConnectError("certificate-changed", "why");
    for (const server of [FIRST!, SECOND!, FIRST!, SECOND!]) {
      await choice.next({
        ...unreached(server),
        error,
      });
    }
    assertEquals(heard.splice(0), [true, true, false, false]);
    assertEquals(choice.notices, []);
    choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [] });
    await choice.next({ ...unreached(FIRST!), error });
    assertEquals(heard, [true]);
  },
);

function endOf(notice: string): string {
  return notice.split(/(?<=\.) /).at(-1)!;
}

/** What says nothing of whether the server lives. */
const CUTS = [
  ...["closed", "broken"].map((code) => new LostError(code as LossCode, "why")),
  ...["frame-late", "too-slow", "silent"].map((code) => new RefusedError(code, "why")),
];

function inVain(): never {
  throw new Error("There is to be no wait");
}

Deno.test(
  "TargetChooser dials a server again at once if it may live, and waits for it briefly",
  pure,
  async () => {
    for (const [isAuto, isKeyboard] of [[true, false], [true, true], [false, true]] as const) {
      for (const error of CUTS) {
        await using choice = await choiceOfSomebodyWhoWasIn({ isAuto, random: inVain }, { isKeyboard });
        choice.chooser.rename("anita");
        const again = await choice.next({ ...lost(FIRST!), error });
        assertEquals(again, { server: FIRST!, nick: "anita", dialMs: AGAIN_DIAL_MS });
        assertEquals([choice.notices, choice.person.output], [[], ""]);
      }
    }
  },
);

Deno.test("TargetChooser does not dial a server again that said why, or is silent", pure, async () => {
  for (const code of ["closing", "silent", "garbled"] as const) {
    await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, random: () => 0 });
    const target = await choice.next({ ...lost(FIRST!), error: new LostError(code, "why") });
    assertEquals(target, { server: SECOND!, nick: "ana" });
  }
});

Deno.test("TargetChooser leaves it to a script where to go after a break", pure, async () => {
  await using choice = await choiceOfSomebodyWhoWasIn();
  choice.person.types("\n\n");
  assertEquals((await choice.next({ ...lost(FIRST!), error: CUTS[0]! }))?.server, SECOND!);
  assertStringIncludes(choice.person.output, "Nuevo servidor");
});

/** Dials the first server again, in vain. */
async function failAgain(choice: Choice): Promise<Failure> {
  const target = (await choice.next({ ...lost(FIRST!), error: CUTS[0]! }))!;
  return { ...unreached(FIRST!), target };
}

Deno.test(
  "TargetChooser --auto goes on without a word or a wait from a server that is gone",
  pure,
  async () => {
    let waits = 0;
    await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, random: () => (waits++, 0) });
    const failure = await failAgain(choice);
    assertEquals(await choice.next(failure), { server: SECOND!, nick: "ana" });
    // Its system took the connection before it knew that there is nobody.
    const error = new LostError("broken", "why");
    assertEquals(await choice.next({ ...failure, error }), { server: SECOND!, nick: "ana" });
    assertEquals([waits, choice.notices], [0, []]);
    await choice.next(unreached(SECOND!));
    assertEquals([waits, choice.notices.length], [1, 1]);
  },
);

Deno.test("TargetChooser --auto takes a server under another name for no other server", pure, async () => {
  let waits = 0;
  const server = { host: "localhost", port: 5_000 };
  const random = () => (waits++, 0);
  const backups = [{ host: "127.0.0.1", port: 5_000 }];
  await using choice = new Choice({ ...server, nick: "ana", isAuto: true, random, backups });
  await choice.next();
  choice.chooser.entered(server, { ip: "127.0.0.1", room: 1n, backups: [] });
  const target = (await choice.next({ ...lost(server), error: CUTS[0]! }))!;
  assertEquals(target, { server, nick: "ana", dialMs: AGAIN_DIAL_MS });
  await choice.next({ ...unreached(server), target });
  assertEquals(waits, 1);
});

Deno.test(
  "TargetChooser asks a person where to go only if the server is gone, and offers another",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn({}, { isKeyboard: true });
    const failure = await failAgain(choice);
    choice.person.types("\n\n");
    assertEquals(await choice.next(failure), { server: SECOND!, nick: "ana" });
    assertEquals(choice.person.output, "Nuevo servidor (IP o nombre) [10.0.0.7]:\nPuerto [5001]:\n");
  },
);

Deno.test("TargetChooser says why a server that lives does not let the client in again", pure, async () => {
  await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, random: () => 0 });
  const failure = { ...await failAgain(choice), error: new RefusedError("room-full", "why") };
  assertEquals((await choice.next(failure))?.server, SECOND!);
  assertEquals(choice.notices.map(endOf), ["Se seguirá intentando."]);
  await choice.next({ ...failure, error: new ConnectError("not-tls", "why") });
  assertEquals(choice.notices.length, 2);
});

Deno.test(
  "TargetChooser waits before it dials the only server that it knows a third time",
  pure,
  async () => {
    let waits = 0;
    await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true, random: () => (waits++, 0) });
    await choice.next();
    choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [] });
    assertEquals((await choice.next(await failAgain(choice)))?.server, FIRST!);
    assertEquals(waits, 1);
  },
);

Deno.test("TargetChooser does not stay with a server on which no connection lasts", pure, async () => {
  await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true, random: () => 0 });
  const cut = { ...lost(FIRST!), error: CUTS[0]! };
  assertEquals((await choice.next(cut))?.server, FIRST!);
  choice.chooser.entered(FIRST!, { ip: IP, room: 1n, backups: [SECOND!] });
  assertEquals((await choice.next({ ...cut, stayedMs: 4_999 }))?.server, SECOND!);
  choice.chooser.entered(SECOND!, { ip: IP, room: 2n, backups: [] });
  assertEquals((await choice.next({ ...cut, stayedMs: 5_000 }))?.server, FIRST!);
});

Deno.test(
  "TargetChooser --auto tries the only server that it knows again, with the same nick",
  pure,
  async () => {
    await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true });
    await choice.next();
    assertEquals(await choice.next(unreached(FIRST!)), TARGET);
    assertEquals(choice.person.output, "");
  },
);

Deno.test("TargetChooser --auto comes round to the first server, be it reached or not", pure, async () => {
  await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true, backups: [SECOND!] });
  const seen = [(await choice.next())!.server];
  while (seen.length < 4) seen.push((await choice.next(unreached(seen.at(-1)!)))!.server);
  assertEquals(seen, [FIRST, SECOND, FIRST, SECOND]);
});

Deno.test("TargetChooser --auto stops waiting when its signal says so", pure, async () => {
  await using choice = new Choice({ ...FIRST, nick: "ana", isAuto: true });
  for (let i = 0; i < 10; i++) await choice.next(unreached(FIRST!), AbortSignal.abort()); // at once
  const ending = new AbortController();
  const before = performance.now();
  const next = choice.next(unreached(FIRST!), ending.signal);
  ending.abort();
  await next; // it would have waited 2.5 s
  assert(performance.now() - before < 2_000);
});

Deno.test("TargetChooser gives up where a person wants to leave, or is told to", pure, async () => {
  await using choice = await choiceOfSomebodyWhoWasIn();
  choice.person.types("salir\n\nquit\n");
  assertEquals(await choice.next(lost(FIRST!)), undefined);
  assertEquals(await choice.next(lost(FIRST!)), undefined);
  assertEquals(await choice.next(lost(FIRST!), AbortSignal.abort()), undefined);
});

Deno.test(
  "TargetChooser tries all that it knows where the input has ended, then gives the last reason",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn();
    choice.person.ends();
    const tried: Address[] = [];
    let failure = lost(FIRST!);
    const error = await assertRejects(async () => {
      for (;;) {
        const { server } = (await choice.next(failure))!;
        tried.push(server);
        failure = unreached(server);
      }
    }, ConnectError);
    assertEquals(tried, [SECOND, FIRST, SECOND]);
    assertStrictEquals(error, failure.error);
  },
);

Deno.test(
  "TargetChooser gives the reason, not that nobody answers, where the input has ended",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn();
    choice.person.ends();
    const failure = {
      target: TARGET,
      error: new RefusedError("nick-taken", "why"),
      wasIn: false,
      stayedMs: 0,
    };
    assertStrictEquals(await assertRejects(() => choice.next(failure), RefusedError), failure.error);
  },
);

/** All that says that one side breaks the rules. */
const VIOLATIONS = [
  new LostError("garbled", "why", { cause: new ProtocolError("frame-malformed", "why") }),
  new ConnectError("not-a-chat-server", "why", { cause: new ProtocolError("frame-too-long", "why") }),
  ...["frame-malformed", "frame-unexpected", "counter-backwards", "text-invalid", "replaced"]
    .map((code) => new RefusedError(code, "why")),
];

Deno.test(
  "TargetChooser with --auto never goes back by itself to where the rules are broken",
  pure,
  async () => {
    for (const error of VIOLATIONS) {
      await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true });
      assertEquals((await choice.next({ ...lost(FIRST!), error }))?.server, SECOND!);
      choice.chooser.entered(SECOND!, { ip: IP, room: 2n, backups: [FIRST!, THIRD!] });
      assertEquals((await choice.next(lost(SECOND!)))?.server, THIRD!);
      assertEquals((await choice.next(lost(THIRD!)))?.server, SECOND!);
    }
  },
);

Deno.test(
  "TargetChooser with --auto gives the reason up when the rules are broken everywhere",
  pure,
  async () => {
    for (const error of VIOLATIONS) {
      await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true });
      await choice.next({ ...lost(FIRST!), error });
      const { code, name } = await assertRejects(() => choice.next({ ...lost(SECOND!), error }), ChatError);
      assertEquals([code, name], [error.code, error.name]);
    }
  },
);

Deno.test(
  "TargetChooser offers a person another server than the one that broke the rules",
  pure,
  async () => {
    await using choice = await choiceOfSomebodyWhoWasIn();
    choice.person.types("\n\n");
    assertEquals((await choice.next({ ...lost(FIRST!), error: VIOLATIONS[0]! }))?.server, SECOND!);
    choice.person.types("\n\n");
    const { server } = (await choice.next({ ...lost(SECOND!), error: VIOLATIONS[0]! }))!;
    assertEquals(server, { host: "127.0.0.1", port: 5_000 }); // as at the start: none is left to offer
  },
);

Deno.test("TargetChooser goes back to a server that only waited too long for a frame", pure, async () => {
  await using choice = await choiceOfSomebodyWhoWasIn({ isAuto: true });
  await choice.next({ ...lost(FIRST!), error: new RefusedError("frame-late", "why"), stayedMs: 0 });
  assertEquals((await choice.next(lost(SECOND!)))?.server, FIRST!);
});
