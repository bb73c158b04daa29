// A client of a server whose socket, room and clock are fakes.

import type { RateLimit } from "../../lib/base/limits.ts";
import { FrameDecoder } from "../../lib/codec.ts";
import type { ProtocolError } from "../../lib/errors.ts";
import { type ClientMessage, encodeClient, MAX_CLIENT_FRAME_BYTES } from "../../lib/protocol/frames.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import { ClientHandler, type ServerContext } from "../../lib/server/client_handler.ts";
import { BanList, ConnectionLimiter } from "../../lib/server/connection_limiter.ts";
import { PasswordVerifier } from "../../lib/text/text.ts";
import { makeHello } from "./raw_peer.ts";
import { TestClock } from "./test_clock.ts";
import { testConfig } from "./test_config.ts";

/** IP address of the client. */
export const HOME = "10.0.0.7";

/** A request of the room: returns whether it is done; if not, `onSettled` is to be called. */
export type Attempt = (now: unknown, onSettled: () => void) => boolean;

/** Requests of the room are done at once unless `attempt` says otherwise. */
export function makeClient({ attempt = () => true, isBlocked = false, commitWaitMs = 3_000, ...options }: {
  attempt?: Attempt;
  isBlocked?: boolean;
  commitWaitMs?: number;
  /** Of the room. */
  password?: string;
  limiter?: ConnectionLimiter;
  messages?: RateLimit;
} = {}) {
  const clock = new TestClock();
  let nowMs = 0;
  clock.advanceTo(0);
  const { messages = testConfig().messages } = options;
  const config = testConfig({ timeouts: { commitWaitMs }, messages });
  const commitLog: { isBlocked: boolean } = Object.assign(new InMemoryCommitLog(1n), { isBlocked });
  const { password, limiter = new ConnectionLimiter(config.limits) } = options;
  const bans = new BanList(config.limits);
  const seen = {
    /** Pauses, in ms. */
    paused: [] as number[],
    sent: [] as Uint8Array[],
    said: [] as ClientMessage[],
    /** How often departures were announced. */
    expiries: 0,
    rejections: [] as Error[],
    /** Codes of the errors with which the member was kicked. */
    kicks: [] as string[],
    /** ERROR or BYE. */
    last: undefined as Uint8Array | undefined,
  };
  let tryJoin = attempt;
  const room = {
    join: (_: unknown, now: unknown, onSettled: () => void) =>
      tryJoin(now, onSettled) ? { member: {} } : undefined,
    say: (_: unknown, message: ClientMessage) => seen.said.push(message),
    rename: (_member: unknown, _nick: string, now: unknown, onSettled: () => void) => attempt(now, onSettled),
  };
  const sessions = {
    attach() {},
    takeRestored: () => false,
    memberOf: () => undefined,
    expireGrace: () => seen.expiries++,
    kick: (_: unknown, error: ProtocolError) => seen.kicks.push(error.code),
  };
  let pause = Promise.withResolvers<void>();
  let reading = Promise.withResolvers<FrameDecoder | undefined>();
  const decoder = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
  const connection = {
    isOpen: true,
    peer: { hostname: HOME },
    read: () => reading.promise,
    pauseReading: (ms: number) => {
      seen.paused.push(ms);
      pause = Promise.withResolvers();
      return pause.promise;
    },
    resumeReading: () => pause.resolve(),
    send: (frame: Uint8Array) => seen.sent.push(frame),
    end: (frame: Uint8Array) => {
      connection.isOpen = false;
      seen.last = frame;
    },
  };
  const server = {
    config,
    clock: clock.now,
    commitLog,
    room,
    manager: { scheduleFlush() {}, remove() {} },
    sessions,
    limiter,
    bans,
    password: password === undefined ? undefined : new PasswordVerifier(password),
    isTls: false,
    handlers: new Map(),
    onReturn() {},
    onReject: (_: unknown, error: Error) => void seen.rejections.push(error),
  };
  const handler = new ClientHandler(
    server as unknown as ServerContext,
    connection as unknown as ConstructorParameters<typeof ClientHandler>[1],
  );
  void handler.run();

  /** Has everything happen that waits for no time. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }

  const client = {
    commitLog,
    connection,
    limiter,
    bans,
    seen,
    /** The client sends messages. */
    async send(...messages: ClientMessage[]): Promise<void> {
      for (const message of messages) decoder.push(encodeClient(message));
      const { resolve } = reading;
      reading = Promise.withResolvers();
      resolve(decoder);
      await settle();
    },
    /** Time passes, and the pause of now is over. */
    async advance(ms: number): Promise<void> {
      clock.advanceTo(nowMs += ms);
      pause.resolve();
      await settle();
    },
    /** The client joins, and waits until it may send at full rate again. */
    async join(): Promise<void> {
      tryJoin = () => true;
      await client.send(makeHello("ana"));
      await client.advance(60_000);
    },
  };
  return client;
}
