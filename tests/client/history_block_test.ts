// The history at a screen: once it is complete, in the order in which it was said.

import { assertEquals } from "@std/assert";
import { HistoryBlock } from "../../lib/client/history_block.ts";
import type { DeliveredEntry } from "../../lib/client/session.ts";
import { makeSaid } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";

const [MORE, COMPLETE] = [{ isReadingPast: true }, { isReadingPast: false }];

/** A message; "+" after its time: sent again. */
function message(
  nick: string,
  time: string,
  delivery: DeliveredEntry["delivery"] = "history",
): DeliveredEntry {
  const timeMs = parseInt(time);
  const entry = makeSaid(nick, {
    seq: 0,
    clientSeq: 1,
    text: "hola",
    timeMs,
    redelivered: time.endsWith("+"),
  });
  return { entry, delivery };
}

/** Nicks and times. */
function shown(delivered: readonly DeliveredEntry[]): string[] {
  return delivered.map(({ entry }) => `${entry.type === "said" ? entry.nick : "#"} ${entry.timeMs}`);
}

function block(...messages: [nick: string, time: string][]): string[] {
  return shown(new HistoryBlock().take(messages.map(([nick, time]) => message(nick, time)), COMPLETE));
}

Deno.test("HistoryBlock puts messages that were sent again back to their time", pure, () => {
  assertEquals(
    block(["ana", "1+"], ["ana", "4+"], ["ana", "9"], ["beto", "2+"], ["beto", "5+"], ["eva", "3+"]),
    ["ana 1", "beto 2", "eva 3", "ana 4", "beto 5", "ana 9"],
  );
});

Deno.test("HistoryBlock keeps the order of the log where clocks disagree", pure, () => {
  // The clock of this server is behind the one of the server before.
  assertEquals(block(["ana", "8+"], ["beto", "3"], ["ana", "4"]), ["ana 8", "beto 3", "ana 4"]);
  // The second message of ana was said on a server whose clock was behind.
  assertEquals(block(["ana", "8+"], ["ana", "4+"], ["beto", "5+"]), ["ana 8", "ana 4", "beto 5"]);
});

Deno.test("HistoryBlock holds history back until it is complete, and nothing else", pure, () => {
  const history = new HistoryBlock();
  assertEquals(history.take([message("ana", "4+")], MORE), []);
  assertEquals(history.take([], MORE), []);
  assertEquals(shown(history.take([message("beto", "2+"), message("eva", "1", "live")], COMPLETE)), [
    "beto 2",
    "ana 4",
    "eva 1",
  ]);
  assertEquals(shown(history.take([message("eva", "9+", "live"), message("ana", "3+", "live")], COMPLETE)), [
    "eva 9",
    "ana 3",
  ]);
});
