// Many raw clients of one room, with a closed loop of messages: senders wait until earlier ones are read.

import { quantile } from "./statistics.ts";
import { type LoadClient, type LoadClientOptions, RawClient } from "./raw_client.ts";

/** How many dial at a time, unless told otherwise. */
const DIAL_CONCURRENCY = 100;
/** What a client of a busy room reads at once at most. */
const READ_BYTES = 65_536;
/** How long anything may take that must happen, in ms. */
const TEST_TIMEOUT_MS = 60_000;
/** How often to look whether it has happened, in ms. */
const POLL_MS = 2;
/** How long the last messages may take to reach everyone, unless told otherwise, in ms. */
const DRAIN_MS = 15_000;

/** Who comes. */
interface LoadClientsOptions {
  /** One of a server, or of each server of a room: the clients are spread over them. */
  readonly port: number | readonly number[];
  readonly size: number;
  /** How many dial at a time; the next ones when these are in. */
  readonly atOnce?: number;
  /** What one of them reads at once at most, in bytes. */
  readonly readBytes?: number;
}

/** Connects a client. */
type Dial<C extends LoadClient> = (options: LoadClientOptions) => Promise<C>;

/** A conversation. The first client only listens; those behind it speak in turn. */
interface Conversation {
  readonly senders: number;
  /** Most messages that may be on their way, as the first client sees it. */
  readonly window: number;
  /** Fulfilled when it is to end. */
  readonly waitUntil: Promise<unknown>;
  /** How long the last messages may take to reach everyone, in ms. */
  readonly drainMs?: number;
}

/** What came of a conversation. Every message reached everyone. */
export interface Outcome {
  /** How long it went on. */
  readonly seconds: number;
  readonly messages: number;
  /** Messages that were read, by all clients together, the last ones after its end. */
  readonly deliveries: number;
  readonly messagesPerSecond: number;
  /** Of those before its end. */
  readonly deliveriesPerSecond: number;
  /** From the sender to a reader, echoes included. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Clients of one room, all in this process. */
export class LoadClients<C extends LoadClient = RawClient> implements Disposable {
  readonly clients: C[] = [];
  /** Rejected when a client loses its connection. */
  readonly #failure = Promise.withResolvers<never>();

  private constructor() {
    this.#failure.promise.catch(() => {}); // each waiting call gets the error
  }

  /** Connects clients of the chat, as {@linkcode openWith}. */
  static open(options: LoadClientsOptions): Promise<LoadClients<RawClient>> {
    return LoadClients.openWith(RawClient.dial, options);
  }

  /** Connects the clients; fulfilled when the server has let all of them in. A client dials once the
   * earlier ones have read everything: 10,000 at once would keep each other waiting until the server gives up.
   * @throws {Error} */
  static async openWith<C extends LoadClient>(
    dial: Dial<C>,
    { port, size, atOnce = DIAL_CONCURRENCY, readBytes = READ_BYTES }: LoadClientsOptions,
  ): Promise<LoadClients<C>> {
    const batch = new LoadClients<C>();
    const { clients } = batch;
    const ports = [port].flat();
    const onLost = batch.#failure.reject;
    try {
      while (clients.length < size) {
        const indices = Array.from(
          { length: Math.min(atOnce, size - clients.length) },
          (_, i) => clients.length + i,
        );
        // Each one is kept as it comes: should one fail, the others are closed.
        await Promise.all(indices.map(async (index) => {
          clients[index] = await dial({
            port: ports[index % ports.length]!,
            index,
            readBytes,
            onLost,
          });
        }));
        await batch.waitUntil("to be let in", ({ isIn }) => isIn);
        if (clients.length < size) await batch.waitUntilIdle();
      }
      return batch;
    } catch (error) {
      batch[Symbol.dispose]();
      throw error;
    }
  }

  /** Fulfilled when it is so of every client.
   * @throws {Error} if one loses its connection, or it takes longer than `drainTimeoutMs` */
  async waitUntil(
    what: string,
    condition: (client: C, index: number) => boolean,
    { timeoutMs = TEST_TIMEOUT_MS }: { timeoutMs?: number } = {},
  ): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!this.clients.every(condition)) {
      if (performance.now() > endMs) {
        const count = this.clients.filter((client, index) => !condition(client, index)).length;
        throw new Error(`Cannot go on: ${count} of ${this.clients.length} clients still wait ${what}`);
      }
      await Promise.race([delay(POLL_MS), this.#failure.promise]);
    }
  }

  /** Fulfilled when everyone has read all that there is: a message behind it shows that.
   * @throws {Error} as {@linkcode until} */
  async waitUntilIdle(): Promise<void> {
    const before = this.clients.map(({ received }) => received);
    this.clients[0]!.say();
    this.clients[0]!.flush();
    await this.waitUntil("for a message", ({ received }, index) => received > before[index]!);
  }

  /** Holds a conversation.
   * @throws {Error} if a message does not reach everyone, once */
  async runConversation({ senders, window, waitUntil, drainMs = DRAIN_MS }: Conversation): Promise<Outcome> {
    const { clients } = this;
    const before = clients.map(({ received }) => received);
    const read = () => clients.reduce((sum, { received }, index) => sum + received - before[index]!, 0);
    const agesMs: number[] = [];
    for (const client of clients) client.onAge = (ms) => agesMs.push(ms);
    const runConversation = new ClosedLoop(clients[0]!, clients.slice(1, 1 + senders), window);
    const startedMs = performance.now();
    runConversation.start();
    await Promise.race([waitUntil, this.#failure.promise]);
    runConversation.stop();
    const seconds = (performance.now() - startedMs) / 1_000;
    const deliveriesPerSecond = read() / seconds;
    const { messages } = runConversation;
    const hasAll = ({ received }: LoadClient, index: number) => received - before[index]! >= messages;
    await this.waitUntil("for a message", hasAll, { timeoutMs: drainMs });
    const deliveries = read();
    if (deliveries > messages * clients.length) {
      throw new Error("Cannot trust the server: it repeats messages");
    }
    const ascending = Float64Array.from(agesMs).sort();
    return {
      seconds,
      messages,
      deliveries,
      messagesPerSecond: messages / seconds,
      deliveriesPerSecond,
      p50Ms: quantile(ascending, 0.5),
      p99Ms: quantile(ascending, 0.99),
    };
  }

  /** Has everyone take leave, so that their nicks are free again. */
  async leave(): Promise<void> {
    for (const client of this.clients) client.leave();
    await this.waitUntil("to be dismissed", ({ hasLeft }) => hasLeft);
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client?.[Symbol.dispose]();
  }
}

/** Has speakers say something whenever the pacer has read. */
class ClosedLoop {
  /** How many messages were said. */
  messages = 0;
  readonly #pacer: LoadClient;
  readonly #speakers: readonly LoadClient[];
  readonly #window: number;
  readonly #before: number;

  constructor(pacer: LoadClient, speakers: readonly LoadClient[], window: number) {
    this.#pacer = pacer;
    this.#speakers = speakers;
    this.#window = window;
    this.#before = pacer.received;
  }

  start(): void {
    this.#pacer.onRead = () => this.#sayMore();
    this.#sayMore();
  }

  stop(): void {
    this.#pacer.onRead = undefined;
  }

  #sayMore(): void {
    const end = this.#pacer.received - this.#before + this.#window;
    const { length } = this.#speakers;
    const count = Math.min(end - this.messages, length);
    const first = this.messages;
    while (this.messages < end) this.#speakers[this.messages++ % length]!.say();
    for (let i = first; i < first + count; i++) this.#speakers[i % length]!.flush();
  }
}

/** Fulfilled after a time. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
