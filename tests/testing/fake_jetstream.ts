// FakeJetStream: the streams of a fake NATS server, as far as this project uses them.

import { type FakeAnswer, FakeNats, type FakeRequest } from "./fake_nats.ts";

interface FakeMessage {
  readonly seq: number;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly timeMs: number;
}

interface FakeStream {
  config: Record<string, unknown> & { name: string; subjects: string[] };
  messages: FakeMessage[];
  lastSeq: number;
}

/** A pull of a consumer, which a later message may answer. */
interface Pull {
  readonly stream: FakeStream;
  readonly consumer: string;
  readonly request: FakeRequest;
  remaining: number;
}

/** An error of JetStream's API (nats-server, server/errors.json). */
export function apiError(err_code: number, description = "no", status = 400): FakeAnswer {
  return { error: { code: status, err_code, description } };
}

export class FakeJetStream extends FakeNats {
  readonly streams = new Map<string, FakeStream>();
  /** Positions of messages that get lost on their way to a consumer, once each. */
  readonly losses = new Set<number>();
  /** Answers a request instead of JetStream, unless it returns undefined. */
  intercept: (request: FakeRequest) => FakeAnswer = () => undefined;
  override answer = (request: FakeRequest): FakeAnswer => this.intercept(request) ?? this.#answer(request);
  /** Position of the next message, and how many were delivered, by consumer. */
  readonly #consumers = new Map<string, { next: number; delivered: number }>();
  #pulls: Pull[] = [];

  /** The configuration of a stream. */
  configOf(name: string): Record<string, unknown> {
    return this.streams.get(name)!.config;
  }

  /** Stores a message in a stream, and sends it to the consumers that wait for it. */
  store(stream: FakeStream, subject: string, body: Uint8Array): number {
    const seq = ++stream.lastSeq;
    stream.messages.push({ seq, subject, body, timeMs: Date.now() });
    for (const pull of this.#pulls) this.#deliver(pull);
    return seq;
  }

  #answer(request: FakeRequest): FakeAnswer {
    const { subject, body } = request;
    if (!subject.startsWith("$JS.API.")) return this.#publish(request);
    const [kind, verb = "", ...rest] = subject.slice("$JS.API.".length).split(".");
    const query = JSON.parse(new TextDecoder().decode(body) || "{}");
    if (kind === "INFO") return { streams: this.streams.size };
    const name = verb === "MSG" ? rest[1]! : rest[0]!;
    if (`${kind}.${verb}` === "STREAM.CREATE") return this.#create(query);
    const stream = this.streams.get(name);
    if (!stream) return apiError(10_059, "stream not found");
    switch (`${kind}.${verb}`) {
      case "STREAM.INFO":
        return this.#info(stream, query);
      case "STREAM.UPDATE":
        stream.config = query;
        return this.#info(stream);
      case "STREAM.PURGE":
        return purge(stream, query);
      case "STREAM.MSG":
        return message(stream, query);
      case "CONSUMER.CREATE":
        this.#consumers.set(rest[1]!, { next: query.config.opt_start_seq, delivered: 0 });
        return { stream_name: name, name: rest[1]!, config: query.config };
      case "CONSUMER.MSG":
        this.#pull({ stream, consumer: rest[2]!, request, remaining: query.batch });
        return undefined;
      default:
        return { success: true };
    }
  }

  #create(config: FakeStream["config"]): FakeAnswer {
    const defaults = { num_replicas: 1, max_msgs_per_subject: -1, sealed: false, max_msgs: -1 };
    const stream = { config: { ...defaults, ...config }, messages: [], lastSeq: 0 };
    this.streams.set(config.name, stream);
    return this.#info(stream);
  }

  #info(stream: FakeStream, { subjects_filter }: { subjects_filter?: string } = {}): FakeAnswer {
    const { config, messages, lastSeq } = stream;
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    const first_seq = messages[0]?.seq ?? lastSeq + 1;
    const subjects = subjects_filter && Object.fromEntries(messages.map(({ subject }) => [subject, 1]));
    const state = { first_seq, last_seq: lastSeq, messages: messages.length, bytes, subjects };
    return { config, created: new Date().toISOString(), state };
  }

  #publish({ subject, headers, body }: FakeRequest): FakeAnswer {
    const isOwn = (own: string) =>
      own === subject || (own.endsWith(">") && subject.startsWith(own.slice(0, -1)));
    const stream = [...this.streams.values()].find(({ config }) => config.subjects.some(isOwn));
    if (!stream) return "no-responders";
    const after = /Nats-Expected-Last-Sequence: (\d+)/.exec(headers)?.[1];
    if (after !== undefined && Number(after) !== stream.lastSeq) return apiError(10_071);
    return { stream: stream.config.name, seq: this.store(stream, subject, body) };
  }

  #pull(pull: Pull): void {
    this.#pulls = [...this.#pulls.filter(({ consumer }) => consumer !== pull.consumer), pull];
    this.#deliver(pull);
  }

  #deliver(pull: Pull): void {
    const { stream, consumer, request } = pull;
    const cursor = this.#consumers.get(consumer)!;
    for (const { seq, subject, body, timeMs } of stream.messages) {
      if (seq < cursor.next || pull.remaining === 0) continue;
      pull.remaining--;
      cursor.next = seq + 1;
      cursor.delivered++;
      if (this.losses.delete(seq)) continue;
      const reply =
        `$JS.ACK.${stream.config.name}.${consumer}.1.${seq}.${cursor.delivered}.${timeMs}000000.0`;
      request.send(request.reply, body, { subject, reply });
    }
  }
}

function purge(
  stream: FakeStream,
  { filter, keep = 0, seq }: { filter?: string; keep?: number; seq?: number },
) {
  const isPurged = (one: FakeMessage) =>
    seq === undefined ? one.subject === (filter ?? one.subject) : one.seq < seq;
  const kept = stream.messages.filter(isPurged).slice(keep > 0 ? -keep : Infinity);
  stream.messages = stream.messages.filter((one) => !isPurged(one) || kept.includes(one));
  return { success: true, purged: 1 };
}

function message(
  { messages }: FakeStream,
  query: { seq?: number; next_by_subj?: string; last_by_subj?: string },
): FakeAnswer {
  const { seq = 0, next_by_subj: next, last_by_subj: last } = query;
  const found = last === undefined
    ? messages.find((one) => one.seq >= seq && one.subject === (next ?? one.subject))
    : messages.findLast(({ subject }) => subject === last);
  if (!found) return apiError(10_037);
  const { subject, body, timeMs } = found;
  return {
    message: { subject, seq: found.seq, data: body.toBase64(), time: new Date(timeMs).toISOString() },
  };
}
