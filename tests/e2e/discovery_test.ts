// Servers that are found on the local network, with avahi as the other side. Needs network namespaces and avahi, else it
// is skipped: no packet leaves this machine.

import { isolatedTest, MACHINES } from "../testing/isolation.ts";

await isolatedTest("chat-client finds servers on the local network, and avahi finds chat-server", {
  script: new URL("./discovery.ts", import.meta.url),
  needs: `${MACHINES} && dbus-daemon --version && avahi-daemon --version && avahi-browse --version`,
});
