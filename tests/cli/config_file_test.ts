// Config files: their lines, what the command line overrides, and what errors name.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  allArgs,
  type ConfigFile,
  locateErrors,
  readConfigFile,
  readFlags,
  typedValue,
} from "../../lib/cli/config_file.ts";
import { COMMON_FLAGS, type FlagTable, parseCount } from "../../lib/cli/flags.ts";
import { InputError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { pure } from "../testing/test_options.ts";

const FLAGS = {
  port: { value: "N", alias: "p", help: "flag.client-port" },
  backup: { value: "HOST:PORT", isRepeatable: true, help: "flag.client-backup" },
  time: { value: "PATTERN", help: "flag.time" },
  auto: { help: "flag.auto" },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** A file with one flag a line. */
function fileOf(...args: string[]): ConfigFile {
  return { path: "chat.conf", lines: args.map((arg, index) => ({ number: index + 1, text: arg, arg })) };
}

Deno.test("readConfigFile() reads flags with or without dashes, and skips comments", writing, async () => {
  await using folder = new TestFolder();
  const text = `# The lab
--port 5000
 port = 5001   # a comment
-p 5002\r
time dd/MM HH:mm

auto\rbackup lab:5001#SHA256:x
`;
  const path = await folder.file("chat.conf", text);
  const file = await readConfigFile([], path);
  assertEquals(file, {
    path,
    lines: [
      { number: 2, text: "--port 5000", arg: "--port=5000" },
      { number: 3, text: "port = 5001", arg: "--port=5001" },
      { number: 4, text: "-p 5002", arg: "-p=5002" },
      { number: 5, text: "time dd/MM HH:mm", arg: "--time=dd/MM HH:mm" },
      { number: 7, text: "auto", arg: "--auto" },
      { number: 8, text: "backup lab:5001#SHA256:x", arg: "--backup=lab:5001#SHA256:x" },
    ],
  });
  const { port, time, auto, backup } = readFlags({ args: [], configFile: file }, FLAGS);
  assertEquals([port, time, auto, backup], ["5002", "dd/MM HH:mm", true, ["lab:5001#SHA256:x"]]);
});

Deno.test("readConfigFile() prefers --config, and needs only a file that was named", writing, async () => {
  await using folder = new TestFolder();
  const [usual, named] = [await folder.file("usual", "port 1"), await folder.file("named", "port 2")];
  const missing = `${folder.path}/missing`;
  assertEquals((await readConfigFile([], usual))?.path, usual);
  assertEquals((await readConfigFile(["--config", named], usual))?.path, named);
  assertEquals((await readConfigFile([`--config=${named}`], usual))?.path, named);
  assertEquals(await readConfigFile([], missing), undefined);
  assertEquals(await readConfigFile([], undefined), undefined);
  const { code } = await assertRejects(() => readConfigFile(["--config", missing], usual), InputError);
  assertEquals(code, "file-unreadable");
});

Deno.test("readConfigFile() finds none in a folder where Deno refuses to look", pure, async () => {
  assertEquals(await readConfigFile([], "/dev/null/chat/client.conf"), undefined);
});

Deno.test("readFlags() lets the command line override the config file, flag by flag", pure, () => {
  const configFile = fileOf("--port=5000", "--backup=a:1", "--backup=b:2", "--lang=en", "--auto");
  const values = (args: string[]) => {
    const { port, backup, lang, auto } = readFlags({ args, configFile }, FLAGS);
    return [port, backup, lang, auto];
  };
  assertEquals(values([]), ["5000", ["a:1", "b:2"], "en", true]);
  assertEquals(values(["-p", "1", "--backup", "c:3"]), ["1", ["c:3"], "en", true]);
  assertEquals(allArgs({ args: ["--plain"], configFile: fileOf("--lang=en") }), ["--lang=en", "--plain"]);
});

Deno.test(
  "readFlags() names file and line of a flag that is unknown or only to be typed",
  writing,
  async () => {
    await using folder = new TestFolder();
    for (
      const [line, why] of [
        ["prot = 1  # ours", 'La opción "prot = 1" no existe. ¿Quiso decir --port? Pruebe con --help.'],
        ["--prot=1", 'La opción "--prot=1" no existe. ¿Quiso decir --port? Pruebe con --help.'],
        ["-q 3", 'La opción "-q 3" no existe. Pruebe con --help.'],
        ["port", 'La opción "port" necesita un valor. Pruebe con --help.'],
        ["auto no", 'La opción "--auto" no admite "no". Pruebe con --help.'],
        ["version", 'La opción "version" no existe. Pruebe con --help.'],
      ]
    ) {
      const path = await folder.file("chat.conf", `auto\n  ${line}\n`);
      const configFile = { ...(await readConfigFile([], path))!, path: "chat.conf" };
      const error = assertThrows(() => readFlags({ args: ["--port", "1"], configFile }, FLAGS), InputError);
      assertEquals(errorText(error, "es"), `chat.conf, línea 2: ${why}`);
    }
  },
);

Deno.test("locateErrors() names the line of a value that is refused, but not of one that was typed", async () => {
  const configFile = fileOf("--auto", "--port=x");
  const take = ({ port = "0" }) => parseCount("--port", port, 9);
  const refuse = async (args: string[]) => {
    const sources = { configFile, table: FLAGS };
    const flags = readFlags({ args, configFile }, FLAGS);
    return errorText(
      await assertRejects(async () => void await locateErrors(sources, flags, take), InputError),
      "en",
    );
  };
  assertEquals(await refuse([]), 'chat.conf, line 2: Flag "--port" does not accept "x". Try --help.');
  assertEquals(await refuse(["--port", "y"]), 'Flag "--port" does not accept "y". Try --help.');
});

Deno.test("typedValue() is the last value of a flag that is not parsed yet", pure, () => {
  assertEquals(typedValue(["--lang", "en", "--lang=es"], "lang"), "es");
  assertEquals(typedValue(["--lang=es", "--lang", "en"], "lang"), "en");
  assertEquals(typedValue(["--language"], "lang"), undefined);
});
