// What the user is asked before a dial, and how the answers are read.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { promptForTarget, type TargetInput } from "../../lib/client/server_prompt.ts";
import { InputError } from "../../lib/errors.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser, linesOf } from "../testing/fake_user.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

const KNOWN_HOSTS = ["aula", "otra", "10.0.0.7", "192.168.1.6", "xn--pea-8ma"];

const FALLBACK: Address = { host: "10.0.0.7", port: 5_001 };
const NOTHING: TargetInput = { host: undefined, port: undefined, nick: undefined };

interface PromptOptions {
  readonly input?: TargetInput;
  readonly fallback?: Address;
  readonly isRejoin?: boolean;
}

function prompt(
  user: FakeUser,
  { input = { ...NOTHING, nick: "ana" }, fallback, isRejoin = false }: PromptOptions,
): ReturnType<typeof promptForTarget> {
  const { terminal } = user;
  const { signal } = new AbortController();
  const options = {
    offer: () => fallback && { server: fallback, state: "answers" as const },
    isRejoin,
    canResolve: (host: string) => Promise.resolve(KNOWN_HOSTS.includes(host)),
    portOf: (host: string) => Promise.resolve(host === "aula" ? 5_009 : undefined),
    signal,
  };
  const ask = () => promptForTarget({ terminal, language: "es" }, input, options);
  return withTimeout(terminal.exclusive(ask, { signal }), () => `an answer to\n${user.output}`);
}

const PIPED: [does: string, answers: string, server: string, options?: PromptOptions][] = [
  ["suggests this machine and port 5000", "\n\n", "127.0.0.1:5000"],
  ["suggests the next server", "\n\n", "10.0.0.7:5001", { fallback: FALLBACK }],
  ["takes any word as a host", "hola\n\n", "hola:5000"],
  ["takes host and port from a script that was disconnected", "192.168.1.6\n5001\n", "192.168.1.6:5001", {
    isRejoin: true,
  }],
  ["takes a blank for the colon before a port", "aula 5001\n", "aula:5001"],
  ["takes four or five digits for a port", "9001\n", "10.0.0.7:9001", { fallback: FALLBACK }],
  ["asks again for a port that is none", "10.0.0.8\n10.0.0.7:5009\n5001\n", "10.0.0.8:5001"],
];

for (const [does, answers, server, options = {}] of PIPED) {
  Deno.test(`promptForTarget() ${does}`, pure, async () => {
    await using user = new FakeUser();
    user.type(answers);
    const target = (await prompt(user, options))!;
    assertEquals([formatAddress(target.server), target.nick], [server, "ana"]);
  });
}

Deno.test(
  "promptForTarget() after a loss gives a pipe's lines that are no servers to the chat, as they are",
  pure,
  async () => {
    const words = [
      "linea 8",
      "s",
      "?",
      "hola",
      "  /quien",
      "12:30",
      "123456",
      "cpu:93",
      "ok:3",
      "4711",
      "42",
      ":99",
    ];
    for (
      const [answers, server, chat] of [
        [[...words, "aula 5002", "después"], "aula:5002", words],
        [[...words, "otra", "linea 9", "ok:3", "5003", "después"], "otra:5003", [
          ...words,
          "linea 9",
          "ok:3",
        ]],
        [words, "10.0.0.7:5001", words], // the end of the pipe stands for the offer
      ] as const
    ) {
      await using user = new FakeUser();
      const lines = linesOf(user.terminal);
      const said = [lines.next()];
      const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
      user.type(`${answers.join("\n")}\n`);
      user.endInput();
      assertEquals(formatAddress((await target)!.server), server);
      const all = [...chat, ...answers.includes("después") ? ["después"] : []];
      while (said.length < all.length) said.push(lines.next());
      assertEquals((await Promise.all(said)).map(({ value }) => value), all);
      assertStringIncludes(
        user.output,
        '[10.0.0.7]: linea 8\n"linea 8" no es un servidor: se envía al chat.\n',
      );
    }
  },
);

Deno.test(
  "promptForTarget() after a loss takes the offer once a pipe has more lines than the chat takes",
  pure,
  async () => {
    await using user = new FakeUser();
    const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
    user.type("¡hola!\n".repeat(1_000)); // and no end
    assertEquals(formatAddress((await target)!.server), "10.0.0.7:5001");
    assertEquals(user.output.split("se envía al chat").length - 1, 64);
  },
);

Deno.test(
  "promptForTarget() after a loss sends a sentence typed without line editing, and no single word",
  pure,
  async () => {
    await using user = new FakeUser({ isTty: true });
    const line = linesOf(user.terminal).next();
    const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
    user.type("hola\n10.0.0. 7\nnada: 5000\n¿sigue alguien?\n\n\n");
    assertEquals(formatAddress((await target)!.server), "10.0.0.7:5001");
    for (const unsent of ["hola", "10.0.0. 7", "nada: 5000"]) {
      assertStringIncludes(user.output, `"${unsent}" no es un servidor, y no se envió al chat`);
    }
    assertStringIncludes(user.output, '"¿sigue alguien?" no es un servidor: se envía al chat.');
    assertEquals((await line).value, "¿sigue alguien?");
  },
);

const LAST_JOIN = { server: FALLBACK, nick: "beto" };
for (
  const [does, answers, input, target] of [
    ["offers the server and nick of the last join", "\n\n\n", {}, "10.0.0.7:5001 beto"],
    ["takes answers instead of the last join", "aula:1\nana\n", {}, "aula:1 ana"],
    ["offers its port for its host", "\n\n", { host: "10.0.0.7" }, "10.0.0.7:5001 beto"],
    [
      "offers port 5000 for another host than that of the last join",
      "\n\n",
      { host: "aula" },
      "aula:5000 beto",
    ],
  ] as const
) {
  Deno.test(`promptForTarget() ${does}`, pure, async () => {
    await using user = new FakeUser();
    user.type(answers);
    const { server, nick } = (await prompt(user, { input: { ...NOTHING, ...input, lastJoin: LAST_JOIN } }))!;
    assertEquals(`${formatAddress(server)} ${nick}`, target);
  });
}

const TYPED: [does: string, answers: string, server: string, chat: readonly string[]][] = [
  ["takes the offer with Enter", "\r", "10.0.0.7:5001", []],
  ["takes a host with its port", "otra:5009\r", "otra:5009", []],
  ["takes a port alone as one of the host on offer", "26001\r", "10.0.0.7:26001", []],
  ["asks for the port of a known host", "aula\r\r", "aula:5009", []],
  ["asks for the port of another host", "otra\r\r", "otra:5001", []],
  ["takes a host with an international name", "peña:5009\r", "xn--pea-8ma:5009", []],
  ["keeps words for the chat", "hola\r¿estáis ahí?\r\r", "10.0.0.7:5001", ["hola", "¿estáis ahí?"]],
  ["keeps smileys and dots for the chat", "12 ya\r:)\rsí...\r\r", "10.0.0.7:5001", ["12 ya", ":)", "sí..."]],
  ["keeps pages and dates for the chat", "http://aula/nota\r29.11.2026\r\r", "10.0.0.7:5001", [
    "http://aula/nota",
    "29.11.2026",
  ]],
  ["takes a blank for the colon before a port", "aula  5472\r", "aula:5472", []],
  ["takes a port after a colon as one of the host on offer", ":26001\r", "10.0.0.7:26001", []],
  ["takes host and port at the prompt for the port", "otra\r10.0.0.7:5010\r", "10.0.0.7:5010", []],
  ["takes no unknown host at the prompt for the port", "otra\rnada:5010\raula 5011\r", "aula:5011", []],
  ["takes a port after a colon at the prompt for it", "otra\r:5009\r", "otra:5009", []],
  [
    "keeps numbers in sentences for the chat",
    "son 5472\r12:30\r:3\r\r",
    "10.0.0.7:5001",
    ["son 5472", "12:30", ":3"],
  ],
  ["keeps words at the prompt for the port", "otra\rvale\rsí, sigo\r5009\r", "otra:5009", [
    "vale",
    "sí, sigo",
  ]],
];

for (const [does, answers, server, chat] of TYPED) {
  Deno.test(`promptForTarget() at a screen after a loss ${does}`, pure, async () => {
    await using user = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
    const lines = linesOf(user.terminal);
    const line = lines.next();
    const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
    await flushTasks();
    user.type(answers);
    assertEquals(formatAddress((await target)!.server), server);
    assertStringIncludes(user.output, "¿A qué servidor? IP o nombre[:puerto] [10.0.0.7:5001, responde]:");
    if (chat.length > 0) assertStringIncludes(user.output, "pasó a la línea del chat, sin enviar");
    user.terminal.releaseDraft();
    user.type("\r");
    const said: unknown[] = [(await line).value];
    while (said.length < chat.length) said.push((await lines.next()).value);
    assertEquals(said, chat.length > 0 ? [...chat] : [""]);
  });
}

Deno.test("promptForTarget() after a loss keeps no address and no question for the chat", pure, async () => {
  await using user = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  const line = linesOf(user.terminal).next();
  const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
  await flushTasks();
  const wrong = [
    "nada:5472",
    "aula:5o00",
    "10.0.0.7 99999",
    "10.0.0.300",
    "10.0.0.300:1",
    "[::1]:x",
    "10.0.0.7.5000",
    "http://10.0.0.7:5000",
    ":99999",
    "?",
    "s",
  ];
  user.type(`${wrong.join("\r")}\raula\r?\r10.0.0.300:1\r\r`);
  assertEquals(formatAddress((await target)!.server), "aula:5009");
  assertEquals(user.output.match(/(No se encuentra|El puerto)? ?"[^"]*" no es/g)?.length, 11);
  user.terminal.releaseDraft();
  user.type("\r");
  assertEquals((await line).value, "");
});

Deno.test(
  "promptForTarget() says once at a screen that sentences become a draft, and of each word",
  pure,
  async () => {
    await using user = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
    const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
    await flushTasks();
    user.type("a todos\r¿estáis ahí?\rvale\rbueno, sigo\r\r");
    await target;
    const told = [...user.output.matchAll(/"([^"]*)" no es un servidor: pasó a la línea del chat/g)];
    assertEquals(told.map(([_, text]) => text), ["a todos", "vale"]);
  },
);

Deno.test("promptForTarget() quotes 40 characters of a chat line", pure, async () => {
  await using user = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  const target = prompt(user, { fallback: FALLBACK, isRejoin: true });
  user.type(`${"a ".repeat(40)}\r\r`);
  await target;
  assertStringIncludes(user.output, `"${"a ".repeat(19)}a…" no es un servidor`);
});

Deno.test("promptForTarget() at the start takes a word typed at a screen as a host", pure, async () => {
  await using user = new FakeUser({ isTty: true, tty: new FakeScreen() });
  user.type("hola\r\r");
  assertEquals((await prompt(user, {}))?.server.host, "hola");
});

Deno.test(
  "promptForTarget() at the start takes host and port typed at the prompt for the port",
  pure,
  async () => {
    for (const tty of [undefined, new FakeScreen()]) {
      await using user = new FakeUser({ isTty: true, tty });
      user.type("aula\r10.0.0.300:1\rotra:5009\r");
      const { server } = (await prompt(user, {}))!;
      assertEquals([formatAddress(server), user.output.includes('10.0.0.300:1" no es')], ["otra:5009", true]);
    }
  },
);

Deno.test("promptForTarget() returns undefined if the user quits at any prompt", pure, async () => {
  for (const answers of ["salir\n", "\n quit \n", "\n5001\n/SALIR\n", "/salir adiós\n"]) {
    await using user = new FakeUser();
    user.type(answers);
    assertEquals(await prompt(user, { input: NOTHING }), undefined);
  }
});

Deno.test("promptForTarget() throws if a pipe ends before the nick", pure, async () => {
  await using user = new FakeUser();
  user.endInput();
  const { code, details } = await assertRejects(() => prompt(user, { input: NOTHING }), InputError);
  assertEquals<unknown>([code, details], ["input-ended", { question: "Nick" }]);
});
