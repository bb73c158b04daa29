// The fuzzer's oracles: the reference decoder, and the checks against it.

import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { isNick, parseNick } from "../../lib/text/nick.ts";
import { isText } from "../../lib/text/text.ts";
import {
  type ClientMessage,
  encodeClient,
  encodeServer,
  MAX_CLIENT_FRAME_BYTES,
  type ServerMessage,
} from "../../lib/protocol/frames.ts";
import { checkReply, checkTexts } from "../../tools/fuzz/oracles.ts";
import * as reference from "../../tools/fuzz/reference.ts";
import { makeHello, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";

const fromClient = (...messages: ClientMessage[]) => concat(messages.map(encodeClient));
const fromServer = (...messages: ServerMessage[]) => concat(messages.map(encodeServer));
const hello = makeHello("ana");
const say = (clientSeq: number, text = "hola") => ({ type: "say", clientSeq, timeMs: 0, text }) as const;
const error = (code: string) => ({ type: "error", code, reason: "" }) as const;

const REFUSALS: [title: string, stream: Uint8Array, code: string | undefined][] = [
  ["a HELLO and two messages", fromClient(hello, say(1), say(2)), undefined],
  ["anything after BYE", fromClient(hello, { type: "bye" }, hello), undefined],
  ["anything after PROBE", fromClient({ type: "probe" }, say(1)), undefined],
  ["a PROBE after HELLO", fromClient(hello, { type: "probe" }), "frame-unexpected"],
  ["half a frame", fromClient(hello).slice(0, 9), undefined],
  ["a message before HELLO", fromClient(say(1)), "frame-unexpected"],
  ["a second HELLO", fromClient(hello, hello), "frame-unexpected"],
  ["the same clientSeq twice", fromClient(hello, say(2), say(2)), "counter-backwards"],
  ["a text with a control", fromClient(hello, say(1, "a\tb")), "text-invalid"],
  ["a length of 0", Uint8Array.of(0, 0, 0, 0), "frame-malformed"],
  ["a length over the limit", Uint8Array.of(0, 0, 0x40, 1), "frame-too-long"],
  ["an unknown type", Uint8Array.of(0, 0, 0, 1, 0x77), "frame-unknown"],
];
for (const [title, stream, code] of REFUSALS) {
  Deno.test(`serverRefusal() of ${title} is ${code}`, pure, () => {
    assertEquals(MAX_CLIENT_FRAME_BYTES, 0x4000);
    assertEquals(reference.serverRefusal(reference.readStream("client", stream)), code);
  });
}

const FAULTS: [title: string, sent: Uint8Array, reply: Uint8Array, message: string][] = [
  ["an accepted violation", fromClient(hello, hello), fromServer(welcomeTo("ana")), "no ERROR"],
  ["a refusal without reason", fromClient(hello), fromServer(error("frame-unexpected")), "frame-unexpected"],
  ["a full room", fromClient(hello), fromServer(error("room-full")), "room-full"],
  [
    "a gap in the log",
    fromClient(hello),
    fromServer(welcomeTo("ana"), makeSaid("bea", { seq: 1, clientSeq: 1, text: "hola" })),
    "entry 1",
  ],
  ["a frame that is none", fromClient(hello), Uint8Array.of(0, 0, 0, 1, 0x01), "frame-unknown"],
];
for (const [title, sent, reply, message] of FAULTS) {
  Deno.test(`checkReply() finds ${title}`, pure, () => {
    assertThrows(() => checkReply(sent, reply), Error, message);
  });
}

Deno.test("checkTexts() finds a text and a nick that the protocol does not allow", pure, () => {
  const said = makeSaid("bea", { seq: 0, clientSeq: 1, text: "hola" });
  checkTexts(said);
  assertThrows(() => checkTexts({ ...said, text: "hola " }), Error, "hola ");
  assertThrows(() => checkTexts({ ...said, nick: "b a" }), Error, "b a");
});

Deno.test("The reference agrees with isText() and isNick() on every character up to U+2FFFF", pure, () => {
  for (let code = 0; code < 0x30000; code++) {
    const char = String.fromCodePoint(code);
    for (const text of [char, `a${char}`, `a${char}b`]) {
      if (reference.isText(text) !== isText(text)) assertEquals(isText(text), reference.isText(text), text);
      if (reference.isNick(text) !== isNick(text)) assertEquals(isNick(text), reference.isNick(text), text);
    }
  }
  assertEquals(reference.isNick(parseNick("Ａna")), true);
});
