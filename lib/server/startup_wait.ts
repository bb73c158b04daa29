// Waits for a part of the server that takes long to start, and lets the operator quit meanwhile.

import type { ProcessContext } from "../cli/process.ts";

/** After how long the operator is told, in ms. */
export const NOTICE_MS = 2_000;

/** Starts a part. If that takes longer than `noticeMs`, prints the notice, and from then on a line for which `isQuit` is
 * true ends the wait. Returns undefined if the operator quits, or a signal ends the program: the part is then closed when
 * it has started.
 * @throws errors of the start */
export async function untilStarted<Part extends AsyncDisposable>(
  start: (signal: AbortSignal) => Promise<Part>,
  { terminal, terminated }: Pick<ProcessContext, "terminal" | "terminated">,
  { notice, isQuit, noticeMs = NOTICE_MS }: {
    notice: string;
    isQuit: (line: string) => boolean;
    noticeMs?: number;
  },
): Promise<Part | undefined> {
  const [ended, quit] = [new AbortController(), new AbortController()];
  const signal = AbortSignal.any([terminated, quit.signal]);
  const timer = setTimeout(async () => {
    await terminal.print(notice);
    await terminal.untilEntered(isQuit, ended);
    if (!ended.signal.aborted) quit.abort();
  }, noticeMs);
  const starting = start(signal);
  try {
    return await Promise.race([starting, aborted(signal)]);
  } finally {
    clearTimeout(timer);
    if (signal.aborted) starting.then((part) => part[Symbol.asyncDispose](), () => {});
    ended.abort();
  }
}

/** Fulfilled when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
