// The draft: a chat line that a prompt sets aside. When the prompt may come, and when keys and Enter belong to the line.

import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../base/time.ts";
import type { InputRouter } from "./input_router.ts";

export interface DraftConfig {
  /** How long after the last key a prompt may interrupt a partial line, in ms. */
  readonly idleMs: number;
  /** For so long after a prompt has interrupted the chat, Enter does not answer it, and keys still belong to a partial
   * chat line, in ms. Likewise Enter still belongs to the prompt for so long after a server has taken the client in
   * again, and keys to a prompt for a secret that is gone. */
  readonly graceMs: number;
}

export const DRAFT_CONFIG: DraftConfig = { idleMs: 1_500, graceMs: 1_000 };

export class DraftKeeper {
  readonly #router: InputRouter;
  readonly #clock: Clock;
  readonly #config: DraftConfig;
  #lastKeyMs = -Infinity;
  #interruptedMs = -Infinity;
  /** A prompt was answered, and since then no key was pressed in the chat, and no server has taken the client in: a
   * further prompt is no surprise. */
  #hasAnswered = false;
  /** From when on Enter sends the draft; 0 without one. */
  #sendFromMs = 0;
  /** Until then, what is typed may be the rest of a secret whose prompt is gone. */
  #secretUntilMs = -Infinity;
  /** Makes a prompt that waits for an idle keyboard check again. */
  #recheck = () => {};

  constructor(router: InputRouter, clock: Clock, config: DraftConfig) {
    this.#router = router;
    this.#clock = clock;
    this.#config = config;
  }

  /** A prompt has just interrupted the chat: its user has not seen it yet. */
  get isInGrace(): boolean {
    const { activeQueue, promptQueue, isChatting } = this.#router;
    return activeQueue === promptQueue && isChatting &&
      this.#clock().monotonicMs - this.#interruptedMs < this.#config.graceMs;
  }

  /** Whether keys belong to the chat line, though a prompt has set it aside: its user goes on with it. A secret would be
   * shown there, and said. */
  get takesKeys(): boolean {
    const { chatQueue, promptQueue } = this.#router;
    return this.isInGrace && !promptQueue.isSecret && chatQueue.editor.text.trim() !== "";
  }

  /** The same for a paste. One that begins a line is an answer only if it is an address, or if the prompt is for a secret. */
  takesPaste(text: string): boolean {
    const isAnswer = this.#router.promptQueue.isSecret || this.#router.isPartOfAnswer(text.trim());
    return this.takesKeys || (this.isInGrace && !isAnswer);
  }

  /** Whether a key or a paste is the rest of a secret whose prompt is gone: until its user has paused. */
  isOfSecret(): boolean {
    const { monotonicMs } = this.#clock();
    if (monotonicMs >= this.#secretUntilMs) return false;
    this.#secretUntilMs = monotonicMs + this.#config.graceMs;
    return true;
  }

  /** To be called when a prompt for a secret is over. What was typed of the secret must not be shown, or said, nor its
   * rest if the prompt was aborted. */
  onSecretOver({ isAborted }: { isAborted: boolean }): void {
    this.#router.promptQueue.editor.submit();
    if (isAborted) this.#secretUntilMs = this.#clock().monotonicMs + this.#config.graceMs;
  }

  /** How long until a prompt may interrupt a partial line, in ms. Without line editing no partial line is seen. */
  get msUntilIdle(): number {
    if (!this.#router.hasPartialLine) return 0;
    return this.#lastKeyMs + this.#config.idleMs - this.#clock().monotonicMs;
  }

  /** Fulfilled when the user pauses or presses Enter, or when the signal is aborted. */
  async untilIdle(signal: AbortSignal | undefined): Promise<void> {
    for (let ms = this.msUntilIdle; ms > 0 && !signal?.aborted; ms = this.msUntilIdle) {
      const recheck = new AbortController();
      this.#recheck = () => recheck.abort();
      const signals = [recheck.signal, ...signal ? [signal] : []];
      await delay(ms, undefined, { signal: AbortSignal.any(signals) }).catch(() => {});
    }
  }

  /** To be called when lines have changed. */
  onDispatch(): void {
    if (!this.#router.hasPartialLine) this.#recheck();
  }

  /** To be called before a prompt begins. Returns whether it interrupts the chat. */
  onPrompt(): boolean {
    if (this.#router.activeQueue === this.#router.promptQueue) return false;
    this.#interruptedMs = this.#hasAnswered ? -Infinity : this.#clock().monotonicMs;
    this.#sendFromMs = Infinity;
    return true;
  }

  /** To be called with each key, before it changes anything. Keys of an answer do not count: the next prompt may follow at
   * once. */
  onKey(): void {
    const { activeQueue, promptQueue } = this.#router;
    if (activeQueue === promptQueue) return;
    this.#hasAnswered = false;
    this.#lastKeyMs = this.#clock().monotonicMs;
  }

  /** To be called at Enter, before it ends a line. */
  onEnter(): void {
    this.#hasAnswered = this.#router.activeQueue === this.#router.promptQueue;
  }

  /** To be called when keys have changed a line. A user who edits a draft has seen it: Enter sends it. One who goes on
   * with an answer has not seen that the prompt is gone. */
  onEdit(): void {
    const { activeQueue, chatQueue } = this.#router;
    if (activeQueue !== chatQueue) return;
    if (this.#router.isPartOfAnswer(chatQueue.editor.text) && this.holdLine()) return;
    this.#sendFromMs = 0;
  }

  /** To be called with each paste. What follows a pasted answer is a draft too. */
  onPaste(): void {
    if (this.#router.activeQueue === this.#router.promptQueue) this.#sendFromMs = Infinity;
    else this.onEdit();
  }

  /** To be called when lines reach a server again: then Enter alone sends the draft, unless it comes so soon that it was
   * meant for the prompt. */
  release(): void {
    this.#router.onReleased();
    this.#hasAnswered = false;
    if (this.#sendFromMs > 0) this.#sendFromMs = this.#clock().monotonicMs + this.#config.graceMs;
  }

  /** To be called at Enter, and with each key of an address. Whether the line was meant for a prompt that is gone: then it
   * is kept for `graceMs` from now. */
  holdLine(): boolean {
    const { activeQueue, chatQueue } = this.#router;
    if (activeQueue !== chatQueue || chatQueue.editor.text.trim() === "") return false;
    const { monotonicMs } = this.#clock();
    if (monotonicMs >= this.#sendFromMs) {
      this.#sendFromMs = 0;
      return false;
    }
    if (this.#sendFromMs !== Infinity) this.#sendFromMs = monotonicMs + this.#config.graceMs;
    return true;
  }
}
