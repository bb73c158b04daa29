// After a loss: servers of the same room that the network offers, behind those that the client knows.

import { assertEquals } from "@std/assert";
import type { ProbeAnswer } from "../../lib/client/failover.ts";
import type { FoundServer, NetworkSearch } from "../../lib/client/network_search.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import {
  FIRST,
  lost,
  rejection,
  SECOND,
  selectorAfterJoin,
  SelectorFixture,
  unreachable,
} from "../testing/selector_fixture.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks } from "../testing/waiting.ts";

const SCREEN = { isTty: true, tty: new FakeScreen({ columns: 200 }) };
/** Two more servers. */
const FOUND: Address = { host: "192.168.1.5", port: 5_000 };
const LATER: Address = { host: "192.168.1.6", port: 5_000 };
/** What the server that the fixture joins tells. */
const LOST: ProbeAnswer = { logId: 1n, heardCount: 1, name: "aula 3" };
const NAMED: ProbeAnswer = { logId: 8n, heardCount: 0, name: "aula 3" };
const OTHER: ProbeAnswer = { logId: 9n, heardCount: 0, name: "otra" };

/** A network with these servers, in this order, and what they answer. */
function network(answers: readonly (readonly [Address, ProbeAnswer])[]) {
  const found = new Map(answers.map(([server, answer]) => [formatAddress(server), answer]));
  let searches = 0;
  const search: NetworkSearch = (onFound, { signal, probe }) => {
    searches++;
    for (const [server] of answers) {
      void probe?.(server, { signal }).then((answer) => {
        const service = { name: "", server, version: 1, isTls: false, hasPassword: false };
        if (answer) onFound({ ...service, answer } satisfies FoundServer);
      });
    }
    return flushTasks();
  };
  return {
    search,
    searches: () => searches,
    /** The lost server has been asked once, and is down. */
    probe: (server: Address) => {
      const key = formatAddress(server);
      const answer = found.get(key);
      if (key === formatAddress(FIRST)) found.delete(key);
      return Promise.resolve(answer);
    },
    found,
  };
}

for (
  const [does, answers, backup, offered] of [
    ["offers one with the same log", [[FOUND, { logId: 1n }]], undefined, FOUND],
    ["offers one whose room has the same name", [[FOUND, NAMED]], undefined, FOUND],
    ["offers the same one to all members", [[LATER, NAMED], [FOUND, NAMED]], undefined, FOUND],
    ["offers no other room", [[FOUND, OTHER]], undefined, SECOND],
    ["offers no room without a name for another one", [[FOUND, { ...OTHER, name: "" }]], undefined, SECOND],
    ["prefers a backup that answers", [[FOUND, NAMED]], OTHER, SECOND],
  ] as const
) {
  Deno.test(`RoomFinder ${does}`, pure, async () => {
    const { search, probe, found } = network(answers);
    await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", search, probe }, SCREEN);
    await fixture.next();
    found.set(formatAddress(FIRST), LOST);
    fixture.join(FIRST, { backups: [SECOND] });
    await flushTasks();
    if (backup) found.set(formatAddress(SECOND), backup);
    const state = offered === SECOND && !backup ? "aún no responde" : "responde";
    const next = fixture.next(lost(FIRST));
    await fixture.user.waitForOutput(`[${formatAddress(offered)}, ${state}]:`);
    fixture.user.type("\r");
    assertEquals((await next)?.server, offered);
  });
}

Deno.test("RoomFinder offers one that is found while the question waits", pure, async () => {
  const { search, probe, found } = network([[FOUND, NAMED]]);
  const { promise: isUp, resolve: start } = Promise.withResolvers<void>();
  const later: NetworkSearch = (...args) => {
    void isUp.then(() => search(...args));
    return Promise.resolve();
  };
  const options = { ...FIRST, nick: "ana", search: later, probe, failover: { waitProbeMs: 1 } };
  await using fixture = new SelectorFixture(options, SCREEN);
  await fixture.next();
  found.set(formatAddress(FIRST), LOST);
  fixture.join(FIRST);
  await flushTasks();
  const next = fixture.next(lost(FIRST));
  await fixture.user.waitForOutput("[aula:5000, aún no responde]:");
  start();
  await fixture.user.waitForOutput(`${formatAddress(FOUND)}, responde]:`);
  fixture.user.type("\r");
  assertEquals((await next)?.server, FOUND);
});

for (
  const [title, options, ip] of [
    ["with --auto", { isAuto: true }, "192.168.1.4"],
    ["after the loss of a server on this machine", {}, "127.0.0.1"],
  ] as const
) {
  Deno.test(`RoomFinder asks no network ${title}`, pure, async () => {
    const { search, searches, probe } = network([[FOUND, LOST]]);
    await using fixture = await selectorAfterJoin({ ...options, search, probe }, SCREEN);
    fixture.join(FIRST, { backups: [SECOND], ip });
    fixture.user.type("\r");
    assertEquals([(await fixture.next(lost(FIRST)))?.server, searches()], [SECOND, 0]);
  });
}

for (const [typed, isAnswering] of [["1\r", false], ["\r", false], ["\r", true]] as const) {
  const when = isAnswering ? "one of the room answers" : `none of the room answers: ${JSON.stringify(typed)}`;
  Deno.test(
    `ServerSelector lists ${isAnswering ? "no" : "the network's"} servers if ${when}`,
    pure,
    async () => {
      const { search, probe, found } = network([[FOUND, OTHER]]);
      const asking: NetworkSearch = (onFound, options) => search(onFound, { probe, ...options });
      await using fixture = new SelectorFixture({ ...FIRST, nick: "ana", search: asking, probe }, SCREEN);
      await fixture.next();
      found.set(formatAddress(FIRST), LOST);
      fixture.join(FIRST, { backups: [SECOND] });
      await flushTasks();
      if (isAnswering) found.set(formatAddress(SECOND), NAMED);
      const next = fixture.next(lost(FIRST));
      const text = `${isAnswering ? "IP" : "Número, IP"} o nombre[:puerto] [${formatAddress(SECOND)}, `;
      await fixture.user.waitForOutput(text);
      assertEquals(fixture.user.output.includes("1) "), !isAnswering);
      fixture.user.type(typed);
      assertEquals((await next)?.server, typed === "\r" ? SECOND : FOUND);
    },
  );
}

Deno.test("ServerSelector asks for the password of a server known only from the network", pure, async () => {
  for (
    const [typed, backups, isConfigured] of [
      ["1\rana\r", [], false],
      ["1\rana\r", [FOUND], true],
      ["192.168.1.9:5000\rana\r", [], true],
    ] as const
  ) {
    const asked: boolean[] = [];
    const search: NetworkSearch = (onFound) => {
      const service = { name: "aula", server: FOUND, version: 1, isTls: false, hasPassword: true };
      return Promise.resolve(onFound({ ...service, answer: OTHER }));
    };
    const authenticate = (_: unknown, options: { isConfigured: boolean }) => {
      asked.push(options.isConfigured);
      return Promise.resolve("quit" as const);
    };
    await using fixture = new SelectorFixture({ search, authenticate, backups }, SCREEN);
    fixture.user.type(typed);
    const target = (await fixture.next())!;
    await fixture.next(unreachable(target.server, rejection("password-needed")));
    assertEquals(asked, [isConfigured]);
  }
});
