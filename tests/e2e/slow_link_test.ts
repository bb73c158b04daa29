// Clients far from their server stay on it when a connection breaks. Needs a network namespace and a TUN device, else it
// is skipped.

import { isolatedTest } from "../testing/isolation.ts";

for (const rttMs of [400, 800]) {
  await isolatedTest(`chat-client ${rttMs} ms from its server dials it again when its connection breaks`, {
    script: new URL("./slow_link.ts", import.meta.url),
    needs: "ip tuntap add dev tun0 mode tun",
    env: { RTT_MS: `${rttMs}` },
  });
}
