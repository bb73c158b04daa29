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
  readonly messages: FakeMessage[];
  lastSeq: number;
}

/** An error of JetStream's API (nats-server, server/errors.json). */
export function apiError(err_code: number, description = "no"): FakeAnswer {
  return { error: { code: 400, err_code, description } };
}

export class FakeJetStream extends FakeNats {
  readonly streams = new Map<string, FakeStream>();
  /** Answers a request instead of JetStream, unless it returns undefined. */
  intercept: (request: FakeRequest) => FakeAnswer = () => undefined;
  override answer = (request: FakeRequest): FakeAnswer => this.intercept(request) ?? this.#answer(request);

  #answer({ subject, body }: FakeRequest): FakeAnswer {
    const [api, verb = "", name = ""] = /^\$JS\.API\.([A-Z.]+?)(?:\.([^.]*[a-z_].*))?$/.exec(subject) ?? [];
    const request = () => JSON.parse(new TextDecoder().decode(body) || "{}");
    if (!api) return this.#publish(subject, body);
    if (verb === "INFO") return { streams: this.streams.size };
    const stream = this.streams.get(name);
    if (verb === "STREAM.CREATE") return this.#create(request());
    if (!stream) return apiError(10_059, "stream not found");
    switch (verb) {
      case "STREAM.INFO":
        return this.#info(stream);
      case "STREAM.UPDATE":
        stream.config = request();
        return this.#info(stream);
      default:
        return undefined;
    }
  }

  #create(config: FakeStream["config"]): FakeAnswer {
    const defaults = { num_replicas: 1, max_msgs_per_subject: -1, sealed: false, max_msgs: -1 };
    const stream = { config: { ...defaults, ...config }, messages: [], lastSeq: 0 };
    this.streams.set(config.name, stream);
    return this.#info(stream);
  }

  #info({ config, messages, lastSeq }: FakeStream): FakeAnswer {
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    const state = {
      first_seq: messages[0]?.seq ?? lastSeq + 1,
      last_seq: lastSeq,
      messages: messages.length,
      bytes,
    };
    return { config, created: new Date().toISOString(), state };
  }

  #publish(subject: string, body: Uint8Array): FakeAnswer {
    const isFor = ({ config }: FakeStream) =>
      config.subjects.some((own) =>
        own === subject || (own.endsWith(">") && subject.startsWith(own.slice(0, -1)))
      );
    const stream = [...this.streams.values()].find(isFor);
    if (!stream) return "no-responders";
    const seq = ++stream.lastSeq;
    stream.messages.push({ seq, subject, body, timeMs: Date.now() });
    return { stream: stream.config.name, seq };
  }
}
