// Self-extracting files around a fake Deno: where they unpack, which folders they trust, and what they pass on.

import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { type Archive, archiveOf, HEAD_BYTES, selfExtracting } from "../../tools/self_extracting.ts";

/** Shows each of its arguments and its input, and ends with a status of its own. */
const DENO = `#!/bin/sh
[ "$1" = --version ] && exit
for argument; do printf '<%s>' "$argument"; done
cat
exit 7
`;
const PERMISSIONS = ["--no-prompt", "--allow-env=A,B"];
const script = await Deno.readTextFile(new URL("../../tools/self_extracting.sh", import.meta.url));
const isRoot = Deno.uid() === 0;

/** A folder with a self-extracting file, a home and a folder for temporary files. */
class Place implements AsyncDisposable {
  readonly folder: string;
  readonly archive: Archive;

  private constructor(folder: string, archive: Archive) {
    this.folder = folder;
    this.archive = archive;
  }

  static async open(deno = DENO): Promise<Place> {
    const folder = await Deno.makeTempDir();
    const archive = await archiveOf(new TextEncoder().encode(deno), new Map([["chat-server", "serve()"]]));
    const file = selfExtracting({ name: "chat-server", permissions: PERMISSIONS }, {
      ...{ archive, script, machine: "PDP-11" },
    });
    await Deno.writeFile(`${folder}/chat-server`, file, { mode: 0o500 });
    for (const name of ["home", "tmp"]) await Deno.mkdir(`${folder}/${name}`);
    return new Place(folder, archive);
  }

  get file(): string {
    return `${this.folder}/chat-server`;
  }

  /** Where it unpacks if it can. */
  get cache(): string {
    return `${this.folder}/home/.cache/chat/${this.archive.hash}`;
  }

  /** Where it unpacks otherwise. */
  get refuge(): string {
    return `${this.folder}/tmp/chat-${Deno.uid()}/${this.archive.hash}`;
  }

  /** Runs it where nothing else is known than this. */
  async run({ args = [], input = "", env = {}, by = [this.file] }: {
    args?: string[];
    input?: string;
    env?: Record<string, string>;
    by?: [string, ...string[]];
  } = {}) {
    const child = new Deno.Command(by[0], {
      args: [...by.slice(1), ...args],
      clearEnv: true,
      env: { HOME: `${this.folder}/home`, TMPDIR: `${this.folder}/tmp`, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await Promise.all([new Blob([input]).stream().pipeTo(child.stdin).catch(() => {})]);
    const { code, stdout, stderr } = await child.output();
    const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, output: output!, errors: errors! };
  }

  /** What it shows if it ran from this folder. */
  outputFrom(folder: string, ...args: string[]): string {
    const words = ["run", "--quiet", "--no-config", "--no-lock", "--no-remote", "--no-npm", ...PERMISSIONS];
    return [...words, `${folder}/chat-server.js`, ...args].map((word) => `<${word}>`).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("It passes arguments, input and exit status through, whatever they are", async () => {
  await using place = await Place.open();
  const args = ["--port", "5000", "", "a b", "'\"$HOME`*\\", "é\nñ", "-e"];
  for (let start = 1; start <= 2; start++) {
    assertEquals(await place.run({ args, input: "hola\n" }), {
      code: 7,
      output: `${place.outputFrom(place.cache, ...args)}hola\n`,
      errors: "",
    });
  }
});

Deno.test("It unpacks once, to the cache of the user and for nobody else", async () => {
  await using place = await Place.open();
  await place.run();
  assertEquals(namesIn(place.cache), ["chat-server.js", "deno"]);
  assertEquals(await Deno.readTextFile(`${place.cache}/deno`), DENO);
  assertEquals(await Deno.readTextFile(`${place.cache}/chat-server.js`), "serve()");
  for (const folder of [`${place.folder}/home/.cache`, `${place.cache}/..`, place.cache]) {
    assertEquals((await Deno.stat(folder)).mode! & 0o777, 0o700, folder);
  }
  const { ino } = await Deno.stat(`${place.cache}/deno`);
  await place.run();
  assertEquals((await Deno.stat(`${place.cache}/deno`)).ino, ino);
  assertEquals(namesIn(`${place.folder}/tmp`), []);
});

Deno.test("It goes by XDG_CACHE_HOME, unless that is relative", async () => {
  await using place = await Place.open();
  const cache = `${place.folder}/my cache`;
  const { output } = await place.run({ env: { XDG_CACHE_HOME: cache } });
  assertEquals(output, place.outputFrom(`${cache}/chat/${place.archive.hash}`));
  assertEquals(
    (await place.run({ env: { XDG_CACHE_HOME: "cache" } })).output,
    place.outputFrom(place.cache),
  );
});

Deno.test("Started many times at once, it runs every time and leaves one copy", async () => {
  await using place = await Place.open();
  const runs = await Promise.all(Array.from({ length: 8 }, () => place.run()));
  assertEquals(runs, runs.map(() => ({ code: 7, output: place.outputFrom(place.cache), errors: "" })));
  assertEquals(namesIn(place.cache), ["chat-server.js", "deno"]);
});

for (const home of ["", "/dev/null", "relative"]) {
  Deno.test(`With HOME=${home} it unpacks to a folder of its own among the temporary files`, async () => {
    await using place = await Place.open();
    assertEquals((await place.run({ env: { HOME: home } })).output, place.outputFrom(place.refuge));
    assertEquals((await Deno.stat(`${place.refuge}/..`)).mode! & 0o777, 0o700);
  });
}

Deno.test("A home without room for it is not filled anew at each start", async () => {
  await using place = await Place.open();
  await place.run({ env: { HOME: "" } });
  assertEquals((await place.run()).output, place.outputFrom(place.refuge));
  assertEquals(namesIn(`${place.folder}/home/.cache`), []);
});

Deno.test("A file that somebody took away is unpacked again", async () => {
  await using place = await Place.open();
  for (const name of ["deno", "chat-server.js"]) {
    await place.run();
    await Deno.remove(`${place.cache}/${name}`);
    assertEquals((await place.run()).code, 7);
    await Deno.truncate(`${place.cache}/${name}`);
    assertEquals((await place.run()).code, 7);
  }
});

Deno.test("What was left half unpacked goes after a day", async () => {
  await using place = await Place.open();
  for (const [name, hours] of [["new.1", 49], ["new.2", 1]] as const) {
    await Deno.mkdir(`${place.cache}/${name}`, { recursive: true });
    const time = new Date(Date.now() - hours * 3_600_000);
    await Deno.utime(`${place.cache}/${name}`, time, time);
  }
  await place.run();
  assertEquals(namesIn(place.cache), ["chat-server.js", "deno", "new.2"]);
});

Deno.test("It takes no folder through a link that somebody laid among the temporary files", async () => {
  await using place = await Place.open();
  await place.run({ env: { HOME: "" } });
  const name = `${place.folder}/tmp/chat-${Deno.uid()}`;
  await Deno.rename(name, `${place.folder}/elsewhere`);
  await Deno.symlink(`${place.folder}/elsewhere`, name);
  const { code, output, errors } = await place.run({ env: { HOME: "" } });
  assertEquals([code, output], [1, ""]);
  assertStringIncludes(errors, `${name} -> ${place.folder}/elsewhere`);
});

Deno.test("It trusts no folder and no Deno of anybody else", { ignore: !isRoot }, async () => {
  await using place = await Place.open();
  await place.run();
  await Deno.chown(`${place.cache}/deno`, 1, 1);
  await Deno.writeTextFile(`${place.cache}/deno`, "#!/bin/sh\necho stolen");
  assertEquals((await place.run()).output, place.outputFrom(place.cache));
  for (const folder of [`${place.cache}/..`, `${place.folder}/home/.cache`]) {
    await Deno.chown(folder, 1, 1);
    assertEquals((await place.run()).output, place.outputFrom(place.refuge), folder);
    await Deno.chown(folder, 0, 0);
  }
  await Deno.chown(`${place.refuge}/..`, 1, 1);
  const { code, errors } = await place.run({ env: { HOME: "" } });
  assertEquals(code, 1);
  assertStringIncludes(errors, `${place.folder}/tmp/chat-0\n`, "it does not say which folder is in the way");
});

const ELSEWHERE = "\x7fELF of another machine";
for (
  const [locales, sentence] of [
    [{ LANG: "en_GB.UTF-8" }, "Cannot unpack chat-server: it needs PDP-11"],
    [{ LC_ALL: "es_ES", LANG: "en" }, "No se puede desempaquetar chat-server: hacen falta PDP-11"],
    [{ LC_MESSAGES: "EN" }, "Cannot unpack chat-server"],
    [{ LANG: "english" }, "No se puede desempaquetar chat-server"],
    [{}, "No se puede desempaquetar chat-server"],
  ] as const
) {
  Deno.test(`On a machine where its Deno does not run it says so, with ${JSON.stringify(locales)}`, async () => {
    await using place = await Place.open(ELSEWHERE);
    const { code, output, errors } = await place.run({ env: locales });
    assertEquals([code, output], [1, ""]);
    assertStringIncludes(errors, sentence);
    for (const folder of [place.cache, place.refuge]) assertEquals(namesIn(folder), []);
  });
}

Deno.test("A file that was cut off on its way does not run", async () => {
  await using place = await Place.open();
  await Deno.chmod(place.file, 0o700);
  await Deno.truncate(place.file, HEAD_BYTES + 200);
  const { code, output, errors } = await place.run();
  assertEquals([code, output], [1, ""]);
  assertStringIncludes(errors, "gzip: ");
});

for (
  const shell of [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"]]
) {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${shell[0]}`] }).output();
  Deno.test(`It is understood by ${shell.join(" ")}`, { ignore: !success }, async () => {
    await using place = await Place.open();
    const path = Deno.env.get("PATH")!;
    const by = [shell[0]!, ...shell.slice(1), place.file] as [string, ...string[]];
    const { code, output, errors } = await place.run({ by, env: { PATH: path }, args: ["a b"] });
    assertEquals([code, output, errors], [7, place.outputFrom(place.cache, "a b"), ""]);
  });
}

Deno.test("The same contents make the same file, other contents another one", async () => {
  await using one = await Place.open();
  await using other = await Place.open();
  await using third = await Place.open(`${DENO}\n`);
  assertEquals(await Deno.readFile(one.file), await Deno.readFile(other.file));
  assertNotEquals(third.archive.hash, one.archive.hash);
  assertMatch(one.archive.hash, /^[0-9a-f]{64}$/);
  assert(script.length < HEAD_BYTES);
});
