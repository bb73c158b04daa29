// What somebody may say through a connection, and what it takes from others.

import { assert, assertEquals } from "@std/assert";
import { FrameDecoder } from "../lib/codec.ts";
import type { Connection } from "../lib/connection.ts";
import { Gate } from "../lib/gate.ts";
import type { Member } from "../lib/members.ts";
import { encodeClient, MAX_CLIENT_FRAME_BYTES } from "../lib/protocol.ts";
import { Visit } from "../lib/visit.ts";
import { TestClock } from "./support.ts";

const pure = { permissions: "none" } as const;
const HOME = "10.0.0.7";

Deno.test("Only who is in uses up what one address may send again", pure, () => {
  const clock = new TestClock();
  clock.tick(0);
  const connection = { isOpen: true } as Connection;
  for (const isIn of [true, false]) {
    const gate = new Gate();
    const visit = new Visit(connection, { address: HOME, gate, nowMs: 0 });
    if (isIn) visit.member = {} as Member;
    const frames = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
    frames.push(encodeClient({ type: "say", n: 1, timeMs: 1, text: "hola" }));
    assertEquals(visit.next(frames, clock.now())?.type, "say");
    for (let i = isIn ? 1 : 0; i < 1_024; i++) assert(gate.isResendFree(HOME, 0));
    assert(!gate.isResendFree(HOME, 0));
  }
});
