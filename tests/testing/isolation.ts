// Runs a command in namespaces of its own: a network that no other process sees, and machines that it makes there.

/** /run is new, for the names of `ip netns` and for the socket of tmux. */
const SCRIPT = `unshare -rnm sh -c 'mount -t tmpfs none /run && ip link set lo up && exec "$@"' sh "$@"`;

/** Returns status 1 without the permission, or the programs. */
export async function runIsolated(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; errors: string }> {
  const options = { args: ["-c", SCRIPT, "sh", ...args], env };
  const { code, stderr } = await new Deno.Command("sh", options).output().catch(() => ({
    code: 1,
    stderr: undefined,
  }));
  return { code, errors: new TextDecoder().decode(stderr) };
}
