// A second decoder, written from docs/PROTOCOL.md alone: what a server and a client must accept and refuse.

/** A frame as values of its fields, by the names of docs/PROTOCOL.md. */
interface ReferenceFrame {
  readonly type: number;
  /** With length and type. */
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The frames of a stream up to the first that is refused, with the code for it. */
export interface Reading {
  readonly frames: readonly ReferenceFrame[];
  readonly refusal?: "frame-too-long" | "frame-malformed" | "frame-unknown" | "version-unsupported";
}

export type Side = "client" | "server";

export const HELLO = 0x01, SAY = 0x02, BYE = 0x05, PROBE = 0x07;
export const WELCOME = 0x81,
  SAID = 0x82,
  SERVER_PING = 0x83,
  SERVER_BYE = 0x85,
  ERROR = 0x86,
  REJECTED = 0x8d,
  STATUS = 0x8f;
/** From SAID, JOINED, LEFT and NOOP to BACKUPS. */
export const ENTRIES: readonly number[] = [SAID, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c];

const MAX_BYTES: Readonly<Record<Side, number>> = { client: 16_384, server: 65_536 };

class RefusedFrame extends Error {
  constructor(readonly code: NonNullable<Reading["refusal"]>) {
    super(code);
  }
}

/** The body of a frame, read field by field. */
class Body {
  readonly #view: DataView;
  #at = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get rest(): number {
    return this.bytes.length - this.#at;
  }

  take(count: number): number {
    if (count > this.rest) throw new RefusedFrame("frame-malformed");
    this.#at += count;
    return this.#at - count;
  }

  number(bytes: 1 | 2 | 4 | 8): number {
    const at = this.take(bytes);
    let value = 0n;
    for (let i = 0; i < bytes; i++) value = value << 8n | BigInt(this.#view.getUint8(at + i));
    if (value > 2n ** 53n - 1n) throw new RefusedFrame("frame-malformed");
    return Number(value);
  }

  id(): bigint {
    return this.#view.getBigUint64(this.take(8));
  }

  string(max = 65_535): string {
    const length = this.number(2);
    if (length > max) throw new RefusedFrame("frame-malformed");
    const at = this.take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
        .decode(this.bytes.subarray(at, at + length));
    } catch {
      throw new RefusedFrame("frame-malformed");
    }
  }

  flags(known: number): number {
    const flags = this.number(1);
    if ((flags & ~known) !== 0) throw new RefusedFrame("frame-malformed");
    return flags;
  }

  version(): void {
    if (this.number(1) !== 1) throw new RefusedFrame("version-unsupported");
  }

  list<Item>(max: number, read: () => Item): Item[] {
    const count = this.number(1);
    if (count > max) throw new RefusedFrame("frame-malformed");
    return Array.from({ length: count }, read);
  }
}

const nick = (body: Body) => body.string(80);
const address = (body: Body) => body.string(64);
const backups = (body: Body) => body.list(16, () => body.string(310));
const recipient = (body: Body) => ({ sessionId: body.id(), nick: nick(body) });
const entry = (body: Body) => ({ seq: body.number(8), timeMs: body.number(8) });
const nothing = () => ({});

/** What the body of each type holds. */
const FRAMES: Readonly<Record<Side, Readonly<Record<number, (body: Body) => ReferenceFrame["fields"]>>>> = {
  client: {
    [HELLO]: (body) => {
      body.version();
      const resumeToken = body.bytes.slice(body.take(16), 17);
      const nick = body.string();
      const password = body.string(256);
      const lagMs = body.number(4);
      const historyCount = body.number(2);
      body.list(16, () => [body.id(), body.number(8)]);
      return { resumeToken, nick, password, lagMs, historyCount };
    },
    [SAY]: (body) => {
      const clientSeq = body.number(4);
      body.number(8);
      const to = body.flags(3) & 2 ? recipient(body) : undefined;
      return { clientSeq, to, text: body.string() };
    },
    0x03: nothing,
    0x04: nothing,
    [BYE]: nothing,
    0x06: (body) => ({ nick: body.string() }),
    [PROBE]: () => ({}),
  },
  server: {
    [WELCOME]: (body) => {
      body.version();
      const sessionId = body.id();
      body.id();
      nick(body);
      const lastClientSeq = body.number(4);
      const startSeq = body.number(8);
      const head = body.number(8);
      backups(body);
      body.number(4);
      while (body.rest > 0) [body.id(), nick(body), address(body), body.number(8)];
      return { sessionId, lastClientSeq, startSeq, head };
    },
    [SAID]: (body) => {
      const { seq } = entry(body);
      const sessionId = body.id();
      const clientSeq = body.number(4);
      const flags = body.flags(7);
      nick(body);
      const to = flags & 4 ? recipient(body) : undefined;
      return { seq, sessionId, clientSeq, to, text: body.string() };
    },
    [SERVER_PING]: (body) => ({ head: body.number(8) }),
    0x84: nothing,
    [SERVER_BYE]: nothing,
    [ERROR]: (body) => ({ code: body.string(), reason: body.string() }),
    0x87: (body) => ({
      ...entry(body),
      sessionId: body.id(),
      flags: body.flags(1),
      nick: nick(body),
      address: address(body),
    }),
    0x88: (body) => ({
      ...entry(body),
      sessionId: body.id(),
      flags: body.flags(3),
      nick: nick(body),
      address: address(body),
    }),
    0x89: (body) => ({ seq: body.number(8) }),
    0x8a: (body) => ({ ...entry(body), sessionId: body.id(), oldNick: nick(body), nick: nick(body) }),
    0x8b: (body) => ({ ...entry(body), text: body.string() }),
    0x8c: (body) => ({ ...entry(body), backups: backups(body) }),
    [REJECTED]: (body) => ({ code: body.string(), request: body.string(), reason: body.string() }),
    0x8e: (body) => ({ flags: body.flags(1) }),
    [STATUS]: (body) => ({ logId: body.id(), heardCount: body.number(4), name: body.string() }),
  },
};

/** Decodes what one side sent. A frame that is not whole at the end of the stream is not refused. */
export function readStream(side: Side, stream: Uint8Array): Reading {
  const frames: ReferenceFrame[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  try {
    for (let at = 0; at + 4 <= stream.length;) {
      const length = view.getUint32(at);
      if (length > MAX_BYTES[side]) throw new RefusedFrame("frame-too-long");
      if (length === 0) throw new RefusedFrame("frame-malformed");
      const end = at + 4 + length;
      if (end > stream.length) break;
      const type = stream[at + 4]!;
      const read = FRAMES[side][type];
      if (!read) throw new RefusedFrame("frame-unknown");
      const body = new Body(stream.subarray(at + 5, end));
      const fields = read(body);
      if (body.rest > 0) throw new RefusedFrame("frame-malformed");
      frames.push({ type, bytes: stream.subarray(at, end), fields });
      at = end;
    }
  } catch (error) {
    if (!(error instanceof RefusedFrame)) throw error;
    return { frames, refusal: error.code };
  }
  return { frames };
}

/** Why the server must end a connection on which a client sent this; undefined if there is no reason in it. */
export function serverRefusal({ frames, refusal }: Reading): string | undefined {
  if (frames.length === 0) return refusal;
  let lastClientSeq = 0;
  for (const [index, { type, fields }] of frames.entries()) {
    if (index === 0 && type === PROBE) return undefined; // answered, and the end
    if ((index === 0) !== (type === HELLO) || type === PROBE) return "frame-unexpected";
    if (type === BYE) return undefined;
    if (type !== SAY) continue;
    const { clientSeq, to, text } = fields as { clientSeq: number; to?: { nick: string }; text: string };
    if (clientSeq <= lastClientSeq) return "counter-backwards";
    lastClientSeq = clientSeq;
    if (!isText(text) || (to && !isNick(to.nick))) return "text-invalid";
  }
  return refusal;
}

/** What a client must do with what a server sent: the entries that it may show, by `seq`, and whether the server broke
 * the protocol. */
export function clientVerdict(
  { frames, refusal }: Reading,
  { sessionId, sentCount }: { sessionId: bigint; sentCount: number },
): { shownSeqs: ReadonlySet<number>; isViolation: boolean } {
  const shownSeqs = new Set<number>();
  const violation = { shownSeqs, isViolation: true };
  const [welcome, ...rest] = frames;
  if (!welcome) return { shownSeqs, isViolation: refusal !== undefined };
  if (welcome.type === ERROR || welcome.type === SERVER_BYE) return { shownSeqs, isViolation: false };
  if (welcome.type !== WELCOME) return violation;
  const { lastClientSeq, startSeq, head } = welcome.fields as Record<string, number>;
  if (welcome.fields.sessionId !== sessionId || lastClientSeq! > sentCount || startSeq! > head!) {
    return violation;
  }
  let nextSeq = startSeq!;
  for (const { type, fields } of rest) {
    if (type === WELCOME || type === REJECTED) return violation;
    if (type === ERROR || type === SERVER_BYE) return { shownSeqs, isViolation: false };
    if (!ENTRIES.includes(type)) continue;
    if (fields.seq !== nextSeq) return violation;
    shownSeqs.add(nextSeq++);
  }
  return { shownSeqs, isViolation: refusal !== undefined };
}

// deno-lint-ignore no-control-regex -- tabs and line feeds are white space
const WHITE_SPACE = /[\u0009-\u000d\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/;

/** The rules of "Nicks and text" for the text of a message. */
export function isText(text: string): boolean {
  const chars = [...text];
  if (chars.length > 2_000 || WHITE_SPACE.test(chars.at(-1) ?? "")) return false;
  let marks = 0;
  let isVisible = false;
  for (const char of chars) {
    const code = char.codePointAt(0)!;
    const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    const isReordering = code === 0x2028 || code === 0x2029 || (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);
    marks = /\p{M}/u.test(char) ? marks + 1 : 0;
    if (isControl || isReordering || marks > 8 || (code >= 0xd800 && code <= 0xdfff)) return false;
    const isBlank = WHITE_SPACE.test(char) || /\p{White_Space}|\p{Default_Ignorable_Code_Point}/u.test(char);
    isVisible ||= marks === 0 && !isBlank && code !== 0x2800;
  }
  return isVisible;
}

/** The rules of "Nicks and text" for a nick that a server gave. */
export function isNick(nick: string): boolean {
  const chars = [...nick];
  let marks = 0;
  for (const [index, char] of chars.entries()) {
    if (/\p{Default_Ignorable_Code_Point}/u.test(char)) return false;
    marks = /\p{M}/u.test(char) ? marks + 1 : 0;
    const isAllowed = marks > 0 ? index > 0 && marks <= 4 : /[\p{L}\p{Nd}_-]/u.test(char);
    if (!isAllowed) return false;
  }
  return chars.length >= 1 && chars.length <= 20 && nick === nick.normalize("NFKC");
}
