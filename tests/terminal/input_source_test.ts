// readKeys() and readLines(): keys and lines, however the input is cut into chunks, and the end of the input.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type InputSource, readKeys, readLines } from "../../lib/terminal/input_source.ts";
import { InputRecorder } from "../testing/input_recorder.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor, withTimeout } from "../testing/waiting.ts";

Deno.test("readKeys() decodes UTF-8 across chunks, and reports the end", pure, async () => {
  const listener = new InputRecorder();
  const bytes = [...new TextEncoder().encode("é漢")].map((byte) => Uint8Array.of(byte));
  using _ = readKeys(ReadableStream.from(bytes), listener);
  await withTimeout(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["é", "漢", "end"]);
});

Deno.test("readKeys() does not take an error of its listener for the end of the input", pure, async () => {
  const error = new RangeError("no such cursor");
  const { promise: reported, resolve } = Promise.withResolvers<unknown>();
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    resolve(event.reason);
  };
  addEventListener("unhandledrejection", onRejection);
  const listener = new InputRecorder();
  listener.onKey = () => {
    throw error;
  };
  using _ = readKeys(ReadableStream.from([Uint8Array.of(97)]), listener);
  assertStrictEquals(await withTimeout(reported, "the error"), error);
  removeEventListener("unhandledrejection", onRejection);
  assertEquals(listener.heard, []);
});

Deno.test("readKeys() reads 8-bit controls in UTF-8 or a byte, and no letter as one", pure, async () => {
  const listener = new InputRecorder();
  const bytes = [...new TextEncoder().encode("é漢\x9d1\x9c👩"), 0x9d, 0x31, 0x9c, 0x9b, 0x41, 0x62];
  for (const chunks of [[bytes], bytes.map((byte) => [byte])]) {
    listener.heard.length = 0;
    using _ = readKeys(ReadableStream.from(chunks.map((chunk) => Uint8Array.from(chunk))), listener);
    await waitFor(() => listener.heard.at(-1) === "end", "the end");
    assertEquals(listener.heard.join(""), "é漢👩<up>bend");
  }
});

/** Whether a source is drained well before it would be in the middle of a paste. */
async function isDrainedAtOnce(source: InputSource, isBegun: boolean): Promise<boolean> {
  let isLate = false;
  const timer = setTimeout(() => isLate = true, 600);
  await source.drain({ isBegun });
  clearTimeout(timer);
  return !isLate;
}

const MIDDLES: [sent: string, isBegun: boolean, isAtOnce: boolean][] = [
  ["", false, true],
  ["quit\r", false, true],
  ["quit\r\x1b[200~uno\x1b[201~", false, true],
  ["quit\r\x1b[200~touch PW", false, false],
  ["quit\r\x1b[20", false, false],
  ["quit\runo\r", true, false],
];
for (const [sent, isBegun, isAtOnce] of MIDDLES) {
  const title = `readKeys() is drained ${isAtOnce ? "at once" : "after a pause"} after ${
    JSON.stringify(sent)
  }`;
  Deno.test(title, pure, async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    using source = readKeys(readable, new InputRecorder());
    await writable.getWriter().write(new TextEncoder().encode(sent));
    await flushTasks();
    assertEquals(await isDrainedAtOnce(source, isBegun), isAtOnce);
  });
}

Deno.test("readKeys() is drained in the end, though bytes keep coming", pure, async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const source = readKeys(readable, new InputRecorder());
  const writer = writable.getWriter();
  const typing = setInterval(() => void writer.write(Uint8Array.of(97)).catch(() => {}), 20);
  await withTimeout(source.drain({ isBegun: false }), "the end of draining");
  clearInterval(typing);
  source[Symbol.dispose]();
});

for (const read of [readKeys, readLines]) {
  Deno.test(`${read.name}() is not drained in a pause of a paste`, pure, async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const source = read(readable, new InputRecorder());
    let isDrained = false;
    const drained = source.drain({ isBegun: false }).then(() => isDrained = true);
    await writable.getWriter().write(Uint8Array.of(97));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(isDrained, false);
    await drained;
    source[Symbol.dispose]();
  });

  Deno.test(`${read.name}() takes an input that fails for ended`, pure, async () => {
    const listener = new InputRecorder();
    const failing = new ReadableStream<Uint8Array>({ start: (input) => input.error(new Error("gone")) });
    using _ = read(failing, listener);
    await withTimeout(listener.ended.promise, "the end");
    assertEquals(listener.heard, ["end"]);
  });
}

Deno.test("readLines() keeps a MiB of a line that does not end, and reads the next one", pure, async () => {
  const listener = new InputRecorder();
  const endless = Array.from({ length: 40 }, () => new Uint8Array(65_536)); // as /dev/zero
  using _ = readLines(ReadableStream.from([...endless, new TextEncoder().encode("\nuno\n")]), listener);
  await withTimeout(listener.ended.promise, "the end");
  assertEquals([listener.heard[0]!.length, ...listener.heard.slice(1)], [1 << 20, "uno", "end"]);
});

Deno.test("readLines() gives lines, also a last one without its line break", pure, async () => {
  const listener = new InputRecorder();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  using _ = readLines(readable, listener);
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("uno\r"));
  await new Promise((resolve) => setTimeout(resolve, 150)); // a CR and its LF are one line break, however late
  await writer.write(new TextEncoder().encode("\ndos\n\ntres"));
  await writer.close();
  await withTimeout(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["uno", "dos", "", "tres", "end"]);
});

for (
  const [cuts, heard] of [
    [["a\u2028b\u2029c\n"], ["a\u2028b\u2029c"]],
    [["a\r", "b\r\n\n", "\r\r\n"], ["a", "b", "", "", ""]],
    [["a\r", "", "\nb"], ["a", "b"]],
    [[Uint8Array.of(0x61, 0xf0, 0x9f), Uint8Array.of(0x98, 0x80), Uint8Array.of(0xff, 0x0a, 0xf0)], [
      "a😀�",
      "�",
    ]],
    [[""], []],
  ] as const
) {
  Deno.test(`readLines() makes ${JSON.stringify(heard)} of its chunks`, pure, async () => {
    const listener = new InputRecorder();
    const encoder = new TextEncoder();
    using _ = readLines(
      ReadableStream.from(cuts.map((cut) => typeof cut === "string" ? encoder.encode(cut) : cut)),
      listener,
    );
    await withTimeout(listener.ended.promise, "the end");
    assertEquals(listener.heard, [...heard, "end"]);
  });
}

Deno.test("readLines() reads no further chunk while it is paused", pure, async () => {
  const listener = new InputRecorder();
  const chunks = ["1\n2\n", "3\n", "4\n"].map((text) => new TextEncoder().encode(text));
  using source = readLines(ReadableStream.from(chunks), listener);
  source.pause();
  await flushTasks();
  assertEquals(listener.heard, ["1", "2"]);
  source.resume();
  await withTimeout(listener.ended.promise, "the end");
  assertEquals(listener.heard, ["1", "2", "3", "4", "end"]);
});
