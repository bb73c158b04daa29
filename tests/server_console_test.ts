// The log on the screen of whoever runs a server.

import { assertEquals } from "@std/assert";
import type { ChatServer } from "../lib/chat_server.ts";
import { sentencesIn } from "../lib/i18n.ts";
import { encodeServer } from "../lib/protocol.ts";
import type { Renderer } from "../lib/render.ts";
import { RoomLog } from "../lib/room_log.ts";
import { ServerConsole } from "../lib/server_console.ts";
import type { Terminal } from "../lib/terminal.ts";

Deno.test("What came to nothing keeps nothing that comes behind it from the screen", async () => {
  const printed: string[] = [];
  const terminal = {
    isInteractive: false,
    print: (...lines: string[]) => Promise.resolve(void printed.push(...lines)),
  };
  const renderer = { newDay: () => [], entry: ({ seq }: { seq: number }) => `entry ${seq}` };
  const log = new RoomLog({ segmentBytes: 64 });
  const screen = new ServerConsole({
    terminal: terminal as unknown as Terminal,
    renderer: renderer as unknown as Renderer,
    sentences: sentencesIn("en"),
    wallMs: () => 0,
  });
  screen.follow({ log, firstSeq: 0, addReader: () => {} } as unknown as ChatServer);
  for (let seq = 0; seq < 8; seq++) log.append(encodeServer({ type: "hidden", seq }), 0);
  log.append(encodeServer({ type: "announced", seq: 8, timeMs: 0, text: "hi" }), 0);
  await screen.drained();
  assertEquals(printed, ["entry 8"]);
});
