// Whose messages are hidden, through renames, restarts and other servers.

import { assertEquals } from "@std/assert";
import { IgnoreList } from "../../lib/client/ignore_list.ts";
import { makeSaid } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";

const said = makeSaid("beto", { seq: 0, clientSeq: 1, text: "hola", timeMs: 0 });
const { sessionId } = said;
const base = { seq: 0, timeMs: 0, sessionId };

Deno.test("IgnoreList hides a session under any nick, and follows its nick", pure, () => {
  const list = new IgnoreList();
  assertEquals(list.toggle({ nick: "beto", sessionId }), true);
  assertEquals(list.hides({ ...said, nick: "otro" }), true);
  list.hides({ ...base, type: "renamed", oldNick: "beto", nick: "eva" });
  assertEquals([...list], [{ nick: "eva", sessionId }]);
  assertEquals(list.hides({ ...said, sessionId: 9n }), false); // another beto
  assertEquals(list.toggle({ nick: "EVA" }), false);
  assertEquals(list.hides(said), false);
});

Deno.test("IgnoreList hides a nick whose client was started again, and its new session", pure, () => {
  const list = new IgnoreList();
  list.toggle({ nick: "BETO", sessionId: 1n });
  const join = { ...base, type: "joined", nick: "beto", address: "::1", rejoined: false } as const;
  assertEquals(list.hides(join), false);
  assertEquals([...list], [{ nick: "beto", sessionId }]);
  assertEquals(list.hides({ ...said, nick: "otro" }), true);
});
