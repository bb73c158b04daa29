// What a server announces on the local network, and when it does not. No network is asked.

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Announcement, Discovery } from "../../lib/net/dns_sd.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import type { FakeUserOptions } from "../testing/fake_user.ts";
import { RunningServer } from "../testing/running_server.ts";

const ETH0 = "192.168.1.5";
const LOCAL = [{ address: LOOPBACK, name: "lo" }, { address: ETH0, name: "eth0" }];

/** A network that remembers what was announced on it. */
function network() {
  const events: unknown[] = [];
  const announced: Announcement[] = [];
  const discovery: Discovery = {
    announce: (announcement, { hosts, localIPs }) => {
      announced.push(announcement);
      events.push(hosts(), localIPs());
      return { end: () => Promise.resolve(void events.push("goodbye")) };
    },
    browse: () => {},
  };
  return { announced, events, loadDiscovery: () => Promise.resolve(discovery) };
}

/** Starts a server, and ends it. Returns its output. */
async function run(
  loadDiscovery: () => Promise<Discovery>,
  flags: readonly string[],
  options: FakeUserOptions = {},
): Promise<string> {
  const settings = { localAddresses: LOCAL, parts: { loadDiscovery }, ...options };
  await using server = await RunningServer.start(flags, settings);
  return await server.quit();
}

for (
  const [flags, name] of [
    [["--host", "0.0.0.0"], "aula"],
    [["--host", "0.0.0.0", "--name", " aula 3 "], "aula 3"],
  ] as const
) {
  Deno.test(`chat-server ${flags.join(" ")} announces ${name}, and says goodbye once it closes`, async () => {
    const { announced, events, loadDiscovery } = network();
    const output = await run(loadDiscovery, flags);
    assertEquals(announced.map(({ name, version, hasPassword }) => [name, version, hasPassword]), [
      [name, 1, false],
    ]);
    assertEquals(events.slice(0, 3), [[ETH0], [LOOPBACK, ETH0], "goodbye"]);
    assertEquals(output.includes("Nombre en la red local"), false);
  });
}

Deno.test("chat-server at a screen shows the name that it announces", async () => {
  const screen = { isTty: true, tty: new FakeScreen({ columns: 100 }) };
  const output = await run(network().loadDiscovery, ["--host", "0.0.0.0", "--name", "aula 3"], screen);
  assertStringIncludes(output, 'Nombre en la red local: "aula 3".');
});

for (
  const [flags, options] of [
    [["--host", LOOPBACK], {}],
    [["--host", "0.0.0.0", "--no-announce"], {}],
    [["--host", "0.0.0.0"], { localAddresses: LOCAL.slice(0, 1) }],
  ] as const
) {
  const title = `chat-server ${flags.join(" ")} announces nothing${options ? "" : " without a network"}`;
  Deno.test(`${title}: ${JSON.stringify(options)}`, async () => {
    const { announced, loadDiscovery } = network();
    await run(loadDiscovery, flags, options);
    assertEquals(announced, []);
  });
}

Deno.test("chat-server serves without the library that announces it", async () => {
  const output = await run(() => Promise.reject(new TypeError("Cannot load")), ["--host", "0.0.0.0"]);
  assertStringIncludes(output, "Servidor cerrado.");
});
