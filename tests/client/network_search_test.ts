// Servers that the network offers at the first question: a list, and its numbers as answers. No network is asked.

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ProbeAnswer } from "../../lib/client/failover.ts";
import { FoundList, networkSearch } from "../../lib/client/network_search.ts";
import { promptForTarget, type TargetInput } from "../../lib/client/server_prompt.ts";
import type { Discovery, FoundService } from "../../lib/net/dns_sd.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

const LOCAL = [{ address: "127.0.0.1", name: "lo" }, { address: "192.168.1.7", name: "eth0" }];
const NOTHING: TargetInput = { host: undefined, port: undefined, nick: "ana" };

function service(name: string, host: string, more: Partial<FoundService> = {}): FoundService {
  return { name, server: { host, port: 5_000 }, version: 1, isTls: false, hasPassword: false, ...more };
}

const AULA = service("aula 3", "192.168.1.5");
const OTRA = service("otra", "192.168.1.6", { isTls: true, hasPassword: true });

/** A user at a screen who is asked for a server, and a network that has servers which answer with so many people. */
class Asked implements AsyncDisposable {
  readonly user = new FakeUser({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  readonly ask: () => ReturnType<typeof promptForTarget>;
  readonly target: ReturnType<typeof promptForTarget>;
  readonly chosen: string[] = [];
  readonly probed: string[] = [];
  /** The network tells of a server. */
  find: (service: FoundService) => void = () => {};
  isLoaded = false;
  isOver = false;

  constructor(
    found: readonly FoundService[],
    answers: Record<string, ProbeAnswer> = {},
    { input = {}, localAddresses = LOCAL, loadDiscovery }: {
      input?: Partial<TargetInput>;
      localAddresses?: typeof LOCAL;
      loadDiscovery?: () => Promise<Discovery>;
    } = {},
  ) {
    const discovery: Discovery = {
      announce: () => {
        throw new Error("A client announces nothing");
      },
      browse: (localIPs, onFound, { signal }) => {
        this.isLoaded = true;
        assertEquals(localIPs, ["192.168.1.7"]);
        signal.addEventListener("abort", () => this.isOver = true);
        this.find = onFound;
        for (const service of found) onFound(service);
      },
    };
    const { terminal } = this.user;
    const search = networkSearch({
      loadDiscovery: loadDiscovery ?? (() => Promise.resolve(discovery)),
      localAddresses: () => localAddresses,
      probePlainly: (server) => {
        this.probed.push(formatAddress(server));
        return Promise.resolve(answers[server.host]);
      },
    });
    const { signal } = new AbortController();
    const options = {
      offer: () => undefined,
      isRejoin: false,
      canResolve: () => Promise.resolve(true),
      network: {
        search,
        found: new FoundList({ terminal, language: "es" }),
        isAnswering: (server: Address) => Promise.resolve(server.host in answers),
        onChosen: (server: Address) => void this.chosen.push(formatAddress(server)),
      },
      signal,
    };
    this.ask = () => {
      const ask = () => promptForTarget({ terminal, language: "es" }, { ...NOTHING, ...input }, options);
      return withTimeout(terminal.exclusive(ask, { signal }), () => `an answer to\n${this.user.output}`);
    };
    this.target = this.ask();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
  }
}

const PEOPLE = { "192.168.1.5": { logId: 1n, heardCount: 1 }, "192.168.1.6": {} };
const LIST = [
  "Servidores en la red:",
  "  1) aula 3 · 192.168.1.5:5000 · 1 miembro",
  "  2) otra · 192.168.1.6:5000 · TLS · contraseña",
];

/** The rows on the screen that belong to the list. */
function listIn({ user }: Asked): string[] {
  const rows = new FakeScreen({ columns: 200 }).show(user.output);
  return rows.filter((row) => /^(?:Servidores| {2}\d)/.test(row));
}

for (
  const [typed, server, chosen] of [
    ["\r", "192.168.1.5:5000", true],
    ["2\r", "192.168.1.6:5000", true],
    ["3\r192.168.1.9:5001\r", "192.168.1.9:5001", false],
    ["3\r\r", "192.168.1.5:5000", true],
    ["aula\r\r", "aula:5000", false],
  ] as const
) {
  Deno.test(`promptForTarget() offers found servers by number: ${JSON.stringify(typed)}`, pure, async () => {
    await using asked = new Asked([AULA, OTRA], PEOPLE);
    await asked.user.waitForOutput("Servidor (número, IP o nombre) [1]:");
    assertEquals(listIn(asked), LIST);
    asked.user.type(typed);
    assertEquals(formatAddress((await asked.target)!.server), server);
    assertEquals(asked.chosen, chosen ? [server] : []);
    assertEquals(asked.isOver, true);
  });
}

Deno.test("promptForTarget() offers the port of a found server whose host is typed", pure, async () => {
  const other = { host: "192.168.1.6", port: 5_001 };
  await using asked = new Asked([AULA, service("otra", "", { server: other })], PEOPLE);
  await asked.user.waitForOutput("Servidor (número, IP o nombre) [1]:");
  asked.user.type("192.168.1.6\r");
  await asked.user.waitForOutput("Puerto [5001]:");
  asked.user.type("\r");
  assertEquals((await asked.target)!.server, other);
});

Deno.test("promptForTarget() shows servers that are found later above the question", pure, async () => {
  await using asked = new Asked([], PEOPLE);
  await asked.user.waitForOutput("Servidor (IP o nombre) [127.0.0.1]:");
  for (const service of [AULA, OTRA]) {
    asked.find(service);
    await flushTasks();
  }
  assertEquals(listIn(asked), LIST);
  const question = "Servidor (número, IP o nombre) [1]: |";
  assertEquals(new FakeScreen({ columns: 200 }).show(asked.user.output).at(-1), question);
  asked.user.type("2\r");
  assertEquals(formatAddress((await asked.target)!.server), "192.168.1.6:5000");
});

Deno.test("promptForTarget() offers the last server by number, as the user named it", pure, async () => {
  const lastJoin = { server: OTRA.server, nick: "ana" };
  await using asked = new Asked([AULA, OTRA], PEOPLE, { input: { lastJoin } });
  await asked.user.waitForOutput("Servidor (número, IP o nombre) [2]:");
  asked.user.type("\r");
  assertEquals([(await asked.target)!.server, asked.chosen], [OTRA.server, []]);
});

Deno.test("promptForTarget() offers a server with people instead of the last one without", pure, async () => {
  const lastJoin = { server: OTRA.server, nick: "ana" };
  const answers = { "192.168.1.5": { heardCount: 0 }, "192.168.1.6": { heardCount: 0 } };
  const busy = service("llena", "192.168.1.7");
  await using asked = new Asked([AULA, OTRA], answers, { input: { lastJoin } });
  await asked.user.waitForOutput("Servidor (número, IP o nombre) [2]:");
  Object.assign(answers, { "192.168.1.7": { heardCount: 3 } });
  asked.find(busy);
  await asked.user.waitForOutput("Servidor (número, IP o nombre) [3]:");
  asked.user.type("\r");
  assertEquals([(await asked.target)!.server, asked.chosen], [busy.server, ["192.168.1.7:5000"]]);
});

for (
  const [does, found, lastHost, question] of [
    ["a server that was found for a last one that does not answer", [AULA], "192.168.1.9", "[1]"],
    ["the last server if it answers, though it was not found", [AULA], "192.168.1.6", "[192.168.1.6]"],
    ["the last server if none is found", [], "192.168.1.9", "[192.168.1.9]"],
  ] as const
) {
  Deno.test(`promptForTarget() offers ${does}`, pure, async () => {
    const lastJoin = { server: { host: lastHost, port: 5_000 }, nick: "ana" };
    await using asked = new Asked(found, PEOPLE, { input: { lastJoin } });
    await asked.user.waitForOutput(`${question}:`);
    asked.user.type("\r\r");
    const { server } = (await asked.target)!;
    assertEquals(server.host, question === "[1]" ? AULA.server.host : lastHost);
  });
}

Deno.test(
  "promptForTarget() refuses a number that the list lacks, and asks for a number again",
  pure,
  async () => {
    await using asked = new Asked([], PEOPLE);
    await asked.user.waitForOutput("Servidor (IP o nombre) [127.0.0.1]:");
    asked.find(AULA);
    await flushTasks();
    asked.user.type("3\r");
    await asked.user.waitForOutput("Elija un número de 1 a 1.");
    await flushTasks();
    const question = "Servidor (número, IP o nombre) [1]: |";
    assertEquals(new FakeScreen({ columns: 200 }).show(asked.user.output).at(-1), question);
    asked.user.type("\r");
    assertEquals(formatAddress((await asked.target)!.server), "192.168.1.5:5000");
  },
);

Deno.test("FoundList keeps its numbers from one question to the next", pure, async () => {
  const answers: Record<string, ProbeAnswer> = { ...PEOPLE };
  await using asked = new Asked([OTRA, AULA], answers);
  await asked.user.waitForOutput("[1]:");
  asked.user.type("2\r");
  assertEquals(formatAddress((await asked.target)!.server), "192.168.1.6:5000");
  answers["192.168.1.6"] = { heardCount: 9 };
  const again = asked.ask();
  await asked.user.waitForOutput("9 miembros");
  asked.user.type("1\r");
  assertEquals(formatAddress((await again)!.server), "192.168.1.5:5000");
});

Deno.test("promptForTarget() takes an answer that is typed while it looks for servers", pure, async () => {
  await using asked = new Asked([AULA], PEOPLE);
  asked.user.type("aula:5001\r");
  assertEquals(formatAddress((await asked.target)!.server), "aula:5001");
});

const ADDRESSES = ["192.168.1.5", "10.0.0.5", "172.17.0.1"];
const LISTS: [does: string, found: FoundService[], answers: Record<string, ProbeAnswer>, list: string[]][] = [
  [
    "lists servers with the most people first",
    [AULA, service("otra", "192.168.1.6")],
    { "192.168.1.5": { heardCount: 3 }, "192.168.1.6": { heardCount: 12 } },
    ["otra · 192.168.1.6:5000 · 12 miembros", "aula 3 · 192.168.1.5:5000 · 3 miembros"],
  ],
  [
    "lists servers with as many people by their addresses",
    [service("a", "192.168.1.10"), service("b", "192.168.1.9")],
    { "192.168.1.9": { heardCount: 0 }, "192.168.1.10": { heardCount: 0 } },
    ["b · 192.168.1.9:5000 · 0 miembros", "a · 192.168.1.10:5000 · 0 miembros"],
  ],
  [
    "lists one room at several addresses once",
    ADDRESSES.map((host) => service("aula", host)),
    Object.fromEntries(ADDRESSES.map((host, index) => [host, { logId: index < 2 ? 1n : 2n }])),
    ["aula · 172.17.0.1:5000", "aula · 192.168.1.5:5000"],
  ],
  [
    "offers no server of another version or without an answer",
    [service("otra", "192.168.1.6", { version: 2 }), service("muda", "192.168.1.8"), AULA],
    PEOPLE,
    ["aula 3 · 192.168.1.5:5000 · 1 miembro"],
  ],
  [
    "shows names as safe text, without what looks like an address",
    [service(`\x1b[2Ja\u202e · 10.0.0.1:5000${"x".repeat(50)}`, "192.168.1.5")],
    PEOPLE,
    [`␛[2Ja\ufffd - 10.0.0.1:5000${"x".repeat(17)}… · 192.168.1.5:5000 · 1 miembro`],
  ],
];

for (const [does, found, answers, list] of LISTS) {
  Deno.test(`networkSearch() ${does}`, pure, async () => {
    await using asked = new Asked(found, answers);
    await asked.user.waitForOutput("]:");
    assertEquals(listIn(asked).slice(1), list.map((server, index) => `  ${index + 1}) ${server}`));
    const probed = found.filter(({ version }) => version === 1).map(({ server }) => formatAddress(server));
    assertEquals(asked.probed, probed);
    asked.user.type("\r");
    await asked.target;
  });
}

Deno.test("networkSearch() asks no network without one, and if a flag names the host", pure, async () => {
  for (const options of [{ localAddresses: LOCAL.slice(0, 1) }, { input: { host: "aula" } }]) {
    await using asked = new Asked([AULA], PEOPLE, options);
    asked.user.type("\r\r");
    await asked.target;
    assertEquals(asked.isLoaded, false);
  }
});

Deno.test("networkSearch() finds nothing without the library", pure, async () => {
  const loadDiscovery = () => Promise.reject(new TypeError("Cannot load"));
  await using asked = new Asked([AULA], PEOPLE, { loadDiscovery });
  await asked.user.waitForOutput("Servidor (IP o nombre) [127.0.0.1]:");
  asked.user.type("\r\r");
  assertEquals((await asked.target)!.server.host, "127.0.0.1");
  assertStringIncludes(asked.user.output, "Puerto [5000]:");
});
