// The file that remembers the last join.

import { assertEquals } from "@std/assert";
import { readLastJoin, writeLastJoin } from "../../lib/client/last_join.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const JOIN = { server: { host: "::1", port: 5_001 }, nick: "año" };

Deno.test("readLastJoin() reads what writeLastJoin() wrote, for its owner alone", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/chat/last_join`;
  await writeLastJoin(path, JOIN);
  assertEquals(await readLastJoin(path), JOIN);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("readLastJoin() knows nothing of a file that is missing or was spoilt", writing, async () => {
  await using folder = new TestFolder();
  assertEquals(await readLastJoin(`${folder.path}/none`), undefined);
  for (const text of ["", "lab", "lab\n0\nana\n", "lab\n5000\na b\n", "\x1b[2J\n5000\nana\n", "\0"]) {
    assertEquals(await readLastJoin(await folder.file("spoilt", text)), undefined);
  }
});

Deno.test("writeLastJoin() does without a folder that it cannot make", writing, async () => {
  await using folder = new TestFolder();
  const file = await folder.file("file", "");
  await writeLastJoin(`${file}/last_join`, JOIN);
});
