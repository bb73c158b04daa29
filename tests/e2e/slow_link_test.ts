// Clients far from their server stay on it when a connection breaks. Needs a network namespace and a TUN device, else it
// is skipped.

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runIsolated } from "../testing/isolation.ts";

const isPossible = (await runIsolated(["ip", "tuntap", "add", "dev", "tun0", "mode", "tun"])).code === 0;

for (const rttMs of [400, 800]) {
  Deno.test(`chat-client ${rttMs} ms from its server dials it again when its connection breaks`, {
    ignore: !isPossible,
  }, async () => {
    const script = fileURLToPath(new URL("./slow_link.ts", import.meta.url));
    const { code, errors } = await runIsolated([Deno.execPath(), "run", "-A", script], {
      RTT_MS: `${rttMs}`,
    });
    assertEquals([code, errors], [0, ""]);
  });
}
