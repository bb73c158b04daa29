// State files and files that the user names.

import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "node:path";
import {
  checkIsFile,
  isReadableByOthers,
  readCertificates,
  readStateFile,
  readUserFile,
  writeStateFile,
} from "../../lib/base/files.ts";
import { InputError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { caSignedPair } from "../testing/certificates.ts";
import { danglingLink, pipeWithoutWriter, TestFolder, writing } from "../testing/test_folder.ts";
import { pure } from "../testing/test_options.ts";

const isWindows = Deno.build.os === "windows";

function namesIn(path: string): string[] {
  return Array.from(Deno.readDirSync(path), ({ name }) => name);
}

Deno.test("writeStateFile() replaces a file by one that only its owner may read", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/a/b/known`;
  assertEquals(await readStateFile(path), undefined);
  await writeStateFile(path, "uno\n");
  if (!isWindows) {
    assertEquals((await Deno.stat(`${folder.path}/a`)).mode! & 0o777, 0o700);
    await Deno.chmod(path, 0o644);
  }
  await writeStateFile(path, "dos\n");
  assertEquals(await readStateFile(path), "dos\n");
  assertEquals(namesIn(`${folder.path}/a/b`), ["known"]);
  if (!isWindows) assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

const unix = { ignore: writing.ignore || isWindows };
Deno.test("writeStateFile() writes to the file that links lead to, and makes it", writing, async () => {
  await using folder = new TestFolder();
  const [path, other] = [join(folder.path, "known"), join(folder.path, "dotfiles", "other")];
  await Deno.mkdir(dirname(other));
  using _link = danglingLink(path, join("dotfiles", "other"));
  using _otherLink = danglingLink(other, join("..", "new", "known"));
  for (const text of ["uno", "dos"]) {
    await writeStateFile(path, text);
    assertEquals(await Deno.readTextFile(join(folder.path, "new", "known")), text);
  }
  assertEquals([namesIn(folder.path).sort(), namesIn(dirname(other))], [["dotfiles", "new"], []]);
});

Deno.test("writeStateFile() replaces no socket or device", unix, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "socket");
  using _ = Deno.listen({ transport: "unix", path });
  const error = await assertRejects(() => writeStateFile(path, ""), InputError);
  assertEquals(errorText(error, "en"), `Cannot write ${path}: it is not a file.`);
  assertEquals([namesIn(folder.path), (await Deno.stat(path)).isSocket], [["socket"], true]);
});

Deno.test("writeStateFile() with isNew leaves a file that exists", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/once`;
  await writeStateFile(path, "uno", { isNew: true });
  await writeStateFile(path, "dos", { isNew: true });
  assertEquals(await readUserFile(path), "uno");
  assertEquals(namesIn(folder.path), ["once"]);
});

Deno.test("readStateFile() during writeStateFile() reads the old text or the new one", writing, async () => {
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

Deno.test("readUserFile() reads UTF-8 with or without a mark, and nothing else", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/password`;
  const read = async (...bytes: number[]) => {
    await Deno.writeFile(path, Uint8Array.from(bytes));
    return await readUserFile(path).catch((error) => error.code);
  };
  assertEquals(await read(0xef, 0xbb, 0xbf, 0x61, 0xc3, 0xb1), "añ");
  assertEquals(await read(0x61, 0xc3, 0xb1), "añ");
  assertEquals(await read(0xff, 0xfe, 0x61, 0), "file-not-text"); // UTF-16
  assertEquals(await read(0x61, 0, 0x62, 0), "file-not-text"); // UTF-16 without a mark
  assertEquals(await read(0x61, 0xf1), "file-not-text"); // Latin-1
});

Deno.test("readUserFile() and readStateFile() refuse a file of more than 1 MiB", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("file", "x".repeat(1_048_576));
  assertEquals((await readUserFile(path)).length, 1_048_576);
  await Deno.writeTextFile(path, "x", { append: true });
  for (const read of [readUserFile, readStateFile]) {
    assertEquals((await assertRejects(() => read(path), InputError)).code, "file-too-large");
  }
});

Deno.test("readUserFile() waits for the writer of a pipe until its signal", pure, async () => {
  using _ = pipeWithoutWriter("pipe");
  const ending = new AbortController();
  const reading = readUserFile("pipe", ending.signal);
  ending.abort(new Error("signal"));
  await assertRejects(() => reading, Error, "signal");
  await assertRejects(() => readUserFile("pipe", ending.signal), Error, "signal");
});

Deno.test("readStateFile() refuses a pipe, whose writer may never come", pure, async () => {
  using _ = pipeWithoutWriter("pipe");
  const error = await assertRejects(() => readStateFile("pipe"), InputError);
  assertEquals(errorText(error, "en"), "Cannot read pipe: it is not a file.");
});

Deno.test("readStateFile() finds nothing in a folder where Deno refuses to look", pure, async () => {
  assertEquals(await readStateFile("/dev/null/chat/known_servers"), undefined);
  const error = await assertRejects(() => writeStateFile("/dev/null/chat/known_servers", ""), InputError);
  assertEquals(error.code, "file-unwritable");
});

Deno.test("readCertificates() refuses a file if one of its certificates is none", writing, async () => {
  await using folder = new TestFolder();
  const { ca, cert } = await caSignedPair("127.0.0.1");
  const read = async (text: string) => await readCertificates(await folder.file("ca.pem", text));
  assertEquals(await read(`\ufeff${ca}${cert}`), `${ca}${cert}`);
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  for (const text of ["", "hola", `${ca}\n${broken}`]) {
    assertEquals((await assertRejects(() => read(text), InputError)).code, "authority-invalid");
  }
});

Deno.test(
  "writeStateFile() says that part of a path is a file, and readStateFile() finds none",
  unix,
  async () => {
    await using folder = new TestFolder();
    const file = await folder.file("config", "");
    for (const path of [`${file}/known`, `${file}/chat/known`]) {
      const why = "part of that path is a file, not a folder; correct the path.";
      assertEquals(await readStateFile(path), undefined);
      const unwritten = await assertRejects(() => writeStateFile(path, ""), InputError);
      assertEquals(errorText(unwritten, "en"), `Cannot write ${path}: ${why}`);
    }
  },
);

Deno.test("isReadableByOthers() looks at the mode for all other users", unix, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("password", "uno");
  for (const [mode, isReadable] of [[0o600, false], [0o640, false], [0o604, true], [0o633, false]] as const) {
    await Deno.chmod(path, mode);
    assertEquals([mode, await isReadableByOthers(path)], [mode, isReadable]);
  }
  assertEquals(await isReadableByOthers(`${path}2`), false);
});

Deno.test("readUserFile(), readStateFile() and writeStateFile() name path and reason", writing, async () => {
  await using folder = new TestFolder();
  const file = await folder.file("file", "");
  await Deno.mkdir(`${folder.path}/taken/by-a-folder`, { recursive: true });
  const paths = [`${folder.path}/gone`, folder.path, `${file}/below`, `${folder.path}/taken`] as const;
  const calls = [
    ["file-unreadable", paths[0], () => readUserFile(paths[0])],
    ["file-unreadable", paths[1], () => readStateFile(paths[1])],
    ["file-unwritable", paths[2], () => writeStateFile(paths[2], "")],
    ["file-unwritable", paths[3], () => writeStateFile(paths[3], "")],
  ] as const;
  for (const [code, path, call] of calls) {
    const error = await assertRejects(call, InputError);
    assertEquals<unknown>([error.code, error.details.path, error.details.reason !== ""], [code, path, true]);
  }
  assertEquals(namesIn(folder.path).sort(), ["file", "taken"]);
});

Deno.test("checkIsFile() takes a file and nothing, but no folder or other thing", unix, async () => {
  await using folder = new TestFolder();
  const [file, socket] = [await folder.file("file", ""), `${folder.path}/socket`];
  using _ = Deno.listen({ transport: "unix", path: socket });
  await checkIsFile(file);
  await checkIsFile(`${file}2`);
  for (const [path, reason] of [[folder.path, "is-folder"], [socket, "no-file"]] as const) {
    const { code, details } = await assertRejects(() => checkIsFile(path), InputError);
    assertEquals<unknown>([code, details.systemReason], ["data-unusable", reason]);
  }
});

Deno.test("checkIsFile() refuses a file with two names, and with lstat() a link", unix, async () => {
  await using folder = new TestFolder();
  const [file, link] = [await folder.file("file", ""), `${folder.path}/link`];
  using _ = danglingLink(link, "nowhere");
  await Deno.link(file, `${file}2`);
  for (
    const [path, stat, reason] of [[file, Deno.stat, "has-names"], [link, Deno.lstat, "is-link"]] as const
  ) {
    const { details } = await assertRejects(() => checkIsFile(path, stat), InputError);
    assertEquals(details.systemReason, reason);
  }
});
