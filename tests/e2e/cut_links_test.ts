// Several clients lose the network at once: a pulled cable, a restarted switch. Needs network namespaces, else it is
// skipped. The timeouts are real, so both happen beside each other.

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runIsolated } from "../testing/isolation.ts";

const PARTS = "ip netns add lab && ip link add lan type bridge && ip link add eth0 type veth && " +
  "nsenter --net=/run/netns/lab true";
const isPossible = (await runIsolated(["sh", "-c", PARTS])).code === 0;

Deno.test("chat-client goes back to a server behind a pulled cable or a restarted switch: one room", {
  ignore: !isPossible,
}, async () => {
  const script = fileURLToPath(new URL("./cut_links.ts", import.meta.url));
  const { code, errors } = await runIsolated([Deno.execPath(), "run", "-A", script], {
    NO_COLOR: "1",
    TMUX_TMPDIR: "/run",
  });
  assertEquals([code, errors], [0, ""]);
});
