// Waiting in tests: with a time limit, for a condition, and for the event loop.

/** Longest wait of a test, in ms: only a test that fails waits so long, also on a busy machine. */
export const TEST_TIMEOUT_MS = 30_000;

/** Awaits a promise for at most {@linkcode TEST_TIMEOUT_MS}. */
export async function withTimeout<Value>(
  promise: Promise<Value>,
  what: string | (() => string),
): Promise<Value> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`Still waiting for ${typeof what === "string" ? what : what()}`));
  }, TEST_TIMEOUT_MS);
  try {
    return await Promise.race([promise, never]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until the condition holds.
 * @throws {Error} after {@linkcode TEST_TIMEOUT_MS} */
export async function waitFor(condition: () => boolean, what = `${condition}`): Promise<void> {
  for (const endMs = performance.now() + TEST_TIMEOUT_MS; !condition();) {
    if (performance.now() > endMs) throw new Error(`Still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets the event loop run `turns` times. */
export async function flushTasks(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
}
