// How a process ends, and what it writes.

/** Gives a process its input, and waits until it has ended. */
export async function outcome(child: Deno.ChildProcess, input = "") {
  await new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}); // it may end before
  const { code, stdout, stderr } = await child.output();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, output: output!, errors: errors! };
}
