// Reports the start and the end of an outage; one that flaps is one outage.

import type { LogPrinter } from "./log_printer.ts";

export class OutageNotifier implements Disposable {
  /** Called with each report, also with those of the same outage. */
  onReport: (how: { isResolved: boolean }) => void = () => {};
  readonly #log: Pick<LogPrinter, "print">;
  readonly #outageClearMs: number;
  /** Text of the last report of the current outage. */
  #reported: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `outageClearMs`: how long an outage must be over before its end is reported. */
  constructor(log: Pick<LogPrinter, "print">, { outageClearMs }: { outageClearMs: number }) {
    this.#log = log;
    this.#outageClearMs = outageClearMs;
  }

  report(isResolved: boolean, text: string): void {
    clearTimeout(this.#timer);
    if (isResolved) this.#timer = setTimeout(() => this.#resolve(text), this.#outageClearMs);
    else {
      if (text !== this.#reported) this.#log.print(text);
      this.#reported = text;
      this.onReport({ isResolved });
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #resolve(text: string): void {
    this.#reported = undefined;
    this.#log.print(text);
    this.onReport({ isResolved: true });
  }
}
