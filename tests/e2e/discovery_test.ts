// Servers that are found on the local network, with avahi as the other side. Needs network namespaces and avahi, else it
// is skipped: no packet leaves this machine.

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runIsolated } from "../testing/isolation.ts";

const PARTS = "ip netns add lab && ip link add lan type bridge && ip link add eth0 type veth && " +
  "nsenter --net=/run/netns/lab true && dbus-daemon --version && avahi-daemon --version && avahi-browse --version";
const isPossible = (await runIsolated(["sh", "-c", PARTS])).code === 0;

Deno.test("chat-client finds servers on the local network, and avahi finds chat-server", {
  ignore: !isPossible,
}, async () => {
  const script = fileURLToPath(new URL("./discovery.ts", import.meta.url));
  const { code, errors } = await runIsolated([Deno.execPath(), "run", "-A", script], {
    NO_COLOR: "1",
    TMUX_TMPDIR: "/run",
  });
  assertEquals([code, errors], [0, ""]);
});
