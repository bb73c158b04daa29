// chat-server --export: lines and objects of a room's file, and which of them.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { InputError, StoreError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/main.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { parseLines } from "../testing/json_lines.ts";
import { CTRL_C } from "../testing/terminal_fixture.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const ana = { nick: "ana", sessionId: 1n };
const said = { type: "said", ...ana, redelivered: false } as const;

/** What is printed of a file that a server has open. */
async function exported(...flags: readonly string[]): Promise<string[]> {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  using store = await SqliteStore.open(path);
  store.append([
    { type: "joined", timeMs: Date.UTC(2026, 10, 28, 23), ...ana, rejoined: false, address: "::1" },
    { ...said, timeMs: Date.UTC(2026, 10, 29), clientSeq: 1, text: "hola" },
    {
      ...said,
      timeMs: Date.UTC(2026, 10, 29, 9),
      clientSeq: 2,
      text: "secreto",
      to: { ...ana, nick: "beto" },
    },
    { ...said, timeMs: Date.UTC(2026, 10, 29, 10), clientSeq: 3, text: "adiós" },
  ], 1);
  await using operator = new FakeUser();
  assertEquals(await operator.run(serve, "--export", path, "--utc", ...flags), 0);
  assertEquals(operator.hasGivenUpFiles, true);
  return operator.output.split("\n").slice(0, -1);
}

Deno.test("--export prints the lines of a room, private ones only with --private", writing, async () => {
  const lines = [
    "[2026-11-28 23:00:00] * ana (::1) se ha conectado",
    "--- domingo, 29 de noviembre de 2026 ---",
    "[2026-11-29 00:00:00] ana: hola",
    "[2026-11-29 09:00:00] @ ana → beto: secreto",
    "[2026-11-29 10:00:00] ana: adiós",
  ];
  assertEquals(await exported(), lines.filter((line) => !line.includes("@")));
  assertEquals(await exported("--private"), lines);
});

Deno.test("--since and --until bound what --export prints", writing, async () => {
  assertEquals((await exported("--since", "2026-11-29")).length, 2);
  assertEquals((await exported("--since", "2026-11-29T00:00:01Z")).length, 1);
  assertEquals((await exported("--until", "2026-11-29 10:00")).length, 3);
});

Deno.test("--since and --until take a time as --json prints it", writing, async () => {
  assertEquals((await exported("--since", "2026-11-29T10:00:00.000Z")).length, 1);
  assertEquals((await exported("--since", "2026-11-29T10:00:00.001Z")).length, 0);
  assertEquals((await exported("--until", "2026-11-29T10:00:00.001Z")).length, 4);
});

Deno.test("--json has --export print objects", writing, async () => {
  const [line] = await exported("--json", "--since", "2026-11-29", "--until", "2026-11-29T01:00");
  assertEquals(parseLines(`${line}\n`)[0], {
    type: "said",
    seq: 1,
    time: "2026-11-29T00:00:00.000Z",
    nick: "ana",
    sessionId: "0000000000000001",
    clientSeq: 1,
    text: "hola",
    private: false,
    action: false,
    redelivered: false,
  });
});

Deno.test("--export throws export-cut if a signal ends it before it has printed all", writing, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  {
    using store = await SqliteStore.open(path);
    store.append([{ ...said, timeMs: 1, clientSeq: 1, text: "hola" }], 1);
  }
  await using operator = new FakeUser();
  const running = operator.run(serve, "--export", path);
  operator.terminate();
  assertEquals((await assertRejects(() => running, StoreError)).code, "export-cut");
  assertEquals(operator.output, "");
});

Deno.test(
  "--export throws export-cut after Ctrl-C, but just ends when its reader goes",
  writing,
  async () => {
    await using folder = new TestFolder();
    const path = join(folder.path, "room.db");
    {
      using store = await SqliteStore.open(path);
      const events = Array.from(
        { length: 1_501 },
        (_, n) => ({ ...said, timeMs: 1, clientSeq: n + 1, text: "hola" }),
      );
      store.append(events, 1);
    }
    await using operator = new FakeUser({ isTty: true, tty: new FakeScreen() });
    const running = operator.run(serve, "--export", path);
    await operator.waitForOutput("hola");
    operator.type(CTRL_C);
    assertEquals((await assertRejects(() => running, StoreError)).code, "export-cut");

    await using reader = new FakeUser();
    const read = reader.run(serve, "--export", path);
    await reader.waitForOutput("hola");
    reader.closeOutput();
    assertEquals(await read, 0);
    assertEquals([operator, reader].map(({ writes }) => writes < 4), [true, true]);
  },
);

for (
  const [flags, code] of [
    [["--since", "2026-11-29"], "flag-alone"],
    [["--export", "x", "--since", "2026-13-29"], "time-invalid"],
    [["--export", "x", "--since", "2026-02-30"], "time-invalid"],
    [["--export", "x", "--until", "yesterday"], "time-invalid"],
    [["--export", "x", "--data", "y"], "flags-contrary"],
  ] as const
) {
  Deno.test(`--export: ${flags.join(" ")} is ${code}`, async () => {
    await using operator = new FakeUser();
    const error = await assertRejects(() => operator.run(serve, ...flags), InputError);
    assertEquals(error.code, code);
  });
}
