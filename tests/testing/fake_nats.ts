// FakeNats: a NATS server in this process that answers each request as a test says.

import { LOOPBACK } from "./addresses.ts";

/** A message that a client has published. */
export interface FakeRequest {
  readonly subject: string;
  /** Where the answer goes. */
  readonly reply: string;
  /** The headers, as they are on the wire. */
  readonly headers: string;
  readonly body: Uint8Array;
  /** Sends the client a message to a subscription; `subject` is what the message says that it was published to. */
  readonly send: (to: string, body: Uint8Array, message: { subject: string; reply: string }) => void;
}

/** JSON of an answer, `no-responders` if no client subscribes to the subject, undefined for silence. */
export type FakeAnswer = object | "no-responders" | undefined;

interface FakeNatsOptions {
  /** Merged into INFO. */
  readonly info?: Readonly<Record<string, unknown>>;
  readonly answer?: (request: FakeRequest) => FakeAnswer;
}

export class FakeNats implements Disposable {
  /** `host:port`. */
  readonly address: string;
  /** Subjects of all requests so far. */
  readonly subjects: string[] = [];
  /** How many clients have connected. */
  connections = 0;
  /** What the last client said of itself. */
  client: Readonly<Record<string, unknown>> = {};
  /** Why it refuses every login. */
  refusal: string | undefined;
  /** Whether it hangs up on every client. */
  isDown = false;
  answer: (request: FakeRequest) => FakeAnswer;
  info: Readonly<Record<string, unknown>>;
  readonly #listener: Deno.TcpListener;
  readonly #sockets = new Set<Deno.TcpConn>();

  constructor({ info = {}, answer = () => undefined }: FakeNatsOptions = {}) {
    this.#listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    const { port } = this.#listener.addr;
    this.address = `${LOOPBACK}:${port}`;
    const defaults = { server_id: "N1", version: "2.9.10", proto: 1, headers: true, max_payload: 1_048_576 };
    this.info = { ...defaults, host: LOOPBACK, port, jetstream: true, ...info };
    this.answer = answer;
    void this.#accept();
  }

  /** How many clients are connected. */
  get clients(): number {
    return this.#sockets.size;
  }

  /** Hangs up on all clients. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.disconnect();
  }

  async #accept(): Promise<void> {
    for await (const socket of this.#listener) {
      this.connections++;
      if (this.isDown) {
        socket.close();
        continue;
      }
      this.#sockets.add(socket);
      // An error means that the client has hung up.
      void this.#serve(socket).catch(() => {}).finally(() => {
        if (this.#sockets.delete(socket)) socket.close();
      });
    }
  }

  async #serve(socket: Deno.TcpConn): Promise<void> {
    /** Subjects by subscription id. */
    const subscriptions = new Map<string, string>();
    let writing: Promise<unknown> = Promise.resolve();
    const write = (...parts: (Uint8Array | string)[]) => {
      const bytes = new Uint8Array(
        parts.flatMap((part) => [...(typeof part === "string" ? encode(part) : part)]),
      );
      writing = writing.then(() => writeAll(socket, bytes)).catch(() => {});
    };
    const deliver = (to: string, headers: string, body: Uint8Array, { subject = to, reply = "" } = {}) => {
      for (const [id, pattern] of subscriptions) {
        if (!matches(pattern, to)) continue;
        const start = `${headers && "H"}MSG ${subject} ${id} ${reply && `${reply} `}`;
        const size = headers ? `${headers.length} ${headers.length + body.length}` : `${body.length}`;
        write(`${start}${size}\r\n`, headers, body, "\r\n");
      }
    };
    write(`INFO ${JSON.stringify(this.info)}\r\n`);
    for await (const { words: [verb = "", ...words], headers, body } of readProtocol(socket)) {
      if (verb === "PING" && this.refusal === undefined) write("PONG\r\n");
      else if (verb === "CONNECT") {
        this.client = JSON.parse(words.join(" "));
        if (this.refusal !== undefined) write(`-ERR '${this.refusal}'\r\n`);
      } else if (verb === "SUB") subscriptions.set(words.at(-1)!, words[0]!);
      else if (verb === "UNSUB" && words.length === 1) subscriptions.delete(words[0]!);
      else if (verb === "PUB" || verb === "HPUB") {
        const subject = words[0]!;
        const reply = words.length > (verb === "PUB" ? 2 : 3) ? words[1]! : "";
        this.subjects.push(subject);
        const answer = this.answer({
          ...{ subject, reply, headers, body },
          send: (to, content, message) => deliver(to, "", content, message),
        });
        if (answer === "no-responders") deliver(reply, "NATS/1.0 503\r\n\r\n", new Uint8Array());
        else if (answer) deliver(reply, "", encode(JSON.stringify(answer)));
      }
    }
  }
}

const encode = (text: string) => new TextEncoder().encode(text);

async function writeAll(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}

/** Whether a subscription is for this subject: `*` stands for one token, `>` for the rest. */
function matches(pattern: string, subject: string): boolean {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  if (wanted.at(-1) !== ">" && wanted.length !== tokens.length) return false;
  return wanted.every((token, index) => token === "*" || token === ">" || token === tokens[index]);
}

interface ProtocolLine {
  readonly words: readonly string[];
  readonly headers: string;
  readonly body: Uint8Array;
}

/** The lines of a client, those that publish with their payload. */
async function* readProtocol(socket: Deno.TcpConn): AsyncGenerator<ProtocolLine> {
  const chunk = new Uint8Array(65_536);
  let received = new Uint8Array();
  const decoder = new TextDecoder();
  for (;;) {
    const end = received.indexOf(10);
    const words = end < 0 ? [] : decoder.decode(received.subarray(0, end)).trim().split(/ +/);
    const isPublish = words[0] === "PUB" || words[0] === "HPUB";
    const size = isPublish ? Number(words.at(-1)) : 0;
    const next = end + 1 + (isPublish ? size + 2 : 0);
    if (end >= 0 && received.length >= next) {
      const headerSize = words[0] === "HPUB" ? Number(words.at(-2)) : 0;
      const payload = received.slice(end + 1, end + 1 + size);
      received = received.slice(next);
      yield {
        words,
        headers: decoder.decode(payload.subarray(0, headerSize)),
        body: payload.slice(headerSize),
      };
      continue;
    }
    const count = await socket.read(chunk);
    if (count === null) return;
    received = Uint8Array.of(...received, ...chunk.subarray(0, count));
  }
}
