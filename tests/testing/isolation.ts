// Tests in namespaces of their own: a network that no other process sees, and machines that a script makes there.

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

/** /run is new, for the names of `ip netns` and for the socket of tmux. */
const SCRIPT = `unshare -rnm sh -c 'mount -t tmpfs none /run && ip link set lo up && exec "$@"' sh "$@"`;
/** What a switch of machines needs (switch.ts). */
export const MACHINES = "ip netns add lab && ip link add lan type bridge && ip link add eth0 type veth && " +
  "nsenter --net=/run/netns/lab true";

/** Returns status 1 without the permission, or the programs. */
async function runIsolated(args: readonly string[], env: Record<string, string> = {}) {
  const options = { args: ["-c", SCRIPT, "sh", ...args], env };
  const { code, stderr } = await new Deno.Command("sh", options).output().catch(() => ({
    code: 1,
    stderr: undefined,
  }));
  return { code, errors: new TextDecoder().decode(stderr) };
}

/** Runs a script as a test, which is skipped where the shell command `needs` fails. */
export async function isolatedTest(
  title: string,
  { script, needs, env }: { script: URL; needs: string; env?: Record<string, string> },
): Promise<void> {
  const ignore = (await runIsolated(["sh", "-c", needs])).code !== 0;
  Deno.test(title, { ignore }, async () => {
    const command = [Deno.execPath(), "run", "-A", fileURLToPath(script)];
    const { code, errors } = await runIsolated(command, { NO_COLOR: "1", TMUX_TMPDIR: "/run", ...env });
    assertEquals([code, errors], [0, ""]);
  });
}
