import { assertEquals, assertRejects } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { isReadableByOthers, readStateFile, readUserFile, writeStateFile } from "../../lib/base/files.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

Deno.test("What is kept is written for its owner alone, in place of what was there", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/a/b/known`;
  assertEquals(await readStateFile(path), undefined);
  await writeStateFile(path, "uno\n");
  await Deno.chmod(path, 0o644);
  await writeStateFile(path, "dos\n");
  assertEquals(await readStateFile(path), "dos\n");
  assertEquals([...Deno.readDirSync(`${folder.path}/a/b`)].map(({ name }) => name), ["known"]);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("What is new does not take the place of what is there", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/once`;
  await writeStateFile(path, "uno", { isNew: true });
  await writeStateFile(path, "dos", { isNew: true });
  assertEquals(await readUserFile(path), "uno");
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("readStateFile() during a write gives the old text or the new one", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/known`;
  const texts = ["a".repeat(100_000), "b".repeat(100_000)];
  await writeStateFile(path, texts[0]!);
  const writing = (async () => {
    for (let i = 1; i <= 20; i++) await writeStateFile(path, texts[i % 2]!);
  })();
  for (let i = 0; i < 20; i++) assertEquals(texts.includes((await readStateFile(path))!), true);
  await writing;
});

Deno.test({
  name: "A file is open to others if everybody may read it",
  ignore: writing.ignore || Deno.build.os === "windows",
  fn: async () => {
    await using folder = new TestFolder();
    const path = await folder.file("password", "uno");
    for (const [mode, isOpen] of [[0o600, false], [0o640, false], [0o604, true], [0o633, false]] as const) {
      await Deno.chmod(path, mode);
      assertEquals([mode, await isReadableByOthers(path)], [mode, isOpen]);
    }
    assertEquals(await isReadableByOthers(`${path}2`), false);
  },
});

Deno.test("What cannot be read or written is named with the reason", writing, async () => {
  await using folder = new TestFolder();
  const file = await folder.file("file", "");
  for (
    const [code, act] of [
      ["file-unreadable", () => readUserFile(`${folder.path}/gone`)],
      ["file-unreadable", () => readStateFile(folder.path)],
      ["file-unwritable", () => writeStateFile(`${file}/below`, "")],
    ] as const
  ) {
    const error = await assertRejects(act, InputError);
    assertEquals([error.code, error.details.path !== "", error.details.reason !== ""], [code, true, true]);
  }
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("What could not be put in its place is not left beside it", writing, async () => {
  await using folder = new TestFolder();
  await Deno.mkdir(`${folder.path}/taken/by-a-folder`, { recursive: true });
  const { code } = await assertRejects(() => writeStateFile(`${folder.path}/taken`, ""), InputError);
  assertEquals(code, "file-unwritable");
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["taken"]);
});
