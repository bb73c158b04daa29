// Self-extracting files around a fake Deno: where they unpack, which folders they trust, and what they pass on.

import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { type Archive, archiveOf, HEAD_BYTES, selfExtracting } from "../../tools/self_extracting.ts";
import { Terminals } from "../testing/tmux.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { outcome } from "./outcome.ts";

/** Prints its arguments and its input, and ends with status 7. */
const DENO = `#!/bin/sh
[ "$1" = --version ] && exit
for argument; do printf '<%s>' "$argument"; done
cat
exit 7
`;
const PERMISSIONS = ["--no-prompt", "--allow-env=A,B"];
const script = await Deno.readTextFile(new URL("../../tools/self_extracting.sh", import.meta.url));
const isRoot = Deno.uid() === 0;

/** A self-extracting file, a home and a folder for temporary files. */
class Fixture extends TestFolder {
  archive!: Archive;

  static async open(deno = DENO): Promise<Fixture> {
    const fixture = new Fixture();
    const archive = await archiveOf(new TextEncoder().encode(deno), new Map([["chat-server.js", "serve()"]]));
    const file = selfExtracting({ name: "chat-server", permissions: PERMISSIONS }, {
      ...{ archive, script, machine: "PDP-11" },
    });
    await Deno.writeFile(`${fixture.executable}.copy`, file, { mode: 0o500 });
    // By another process: one that another test starts meanwhile would hold the file open for writing, and nothing could
    // run it ("Text file busy").
    await new Deno.Command("cp", { args: [`${fixture.executable}.copy`, fixture.executable] }).output();
    for (const name of ["home", "tmp"]) await Deno.mkdir(`${fixture.path}/${name}`);
    fixture.archive = archive;
    return fixture;
  }

  get executable(): string {
    return `${this.path}/chat-server`;
  }

  /** Where it unpacks if it can. */
  get cache(): string {
    return `${this.path}/home/.cache/chat/${this.archive.hash}`;
  }

  /** Where it unpacks otherwise. */
  get fallback(): string {
    return `${this.path}/tmp/chat-${Deno.uid()}/${this.archive.hash}`;
  }

  /** Runs it with no other environment. */
  run({ args = [], input = "", env = {}, by = [this.executable] }: {
    args?: string[];
    input?: string;
    env?: Record<string, string>;
    by?: [string, ...string[]];
  } = {}) {
    const child = new Deno.Command(by[0], {
      args: [...by.slice(1), ...args],
      clearEnv: true,
      env: { HOME: `${this.path}/home`, TMPDIR: `${this.path}/tmp`, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return outcome(child, input);
  }

  /** Its output if it ran from this folder. */
  outputFrom(folder: string, ...args: string[]): string {
    const words = ["run", "--quiet", "--no-config", "--no-lock", "--no-remote", "--no-npm", ...PERMISSIONS];
    return [...words, `${folder}/chat-server.js`, ...args].map((word) => `<${word}>`).join("");
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

for (const [how, typed] of [["&", ""], ["", "hola"]] as const) {
  const title = how ? "no input in the background of a terminal" : "the terminal in its foreground";
  Deno.test(`self_extracting.sh gives a server ${title}`, async () => {
    await using fixture = await Fixture.open();
    await using terminals = new Terminals();
    const screen = await terminals.open("screen");
    await screen.runCommand(`export HOME=${fixture.path}/home`);
    await screen.enterLine(`clear; ${fixture.executable} ${how}`);
    if (typed !== "") {
      await screen.waitForText("chat-server.js>");
      await screen.enterLine(typed);
      await screen.waitForMatch(/chat-server\.js>hola\nhola/);
      await screen.press("C-d");
    }
    await screen.enterLine(`clear; wait ${how && "%1"}; echo "status $?"`);
    await screen.waitForText(how ? "status 7" : "status 0");
  });
}

Deno.test("self_extracting.sh passes arguments, input and exit status through", async () => {
  await using fixture = await Fixture.open();
  const args = ["--port", "5000", "", "a b", "'\"$HOME`*\\", "é\nñ", "-e"];
  for (let start = 1; start <= 2; start++) {
    assertEquals(await fixture.run({ args, input: "hola\n" }), {
      code: 7,
      output: `${fixture.outputFrom(fixture.cache, ...args)}hola\n`,
      errors: "",
    });
  }
});

Deno.test("self_extracting.sh unpacks once, to the cache of the user, with mode 700", async () => {
  await using fixture = await Fixture.open();
  await fixture.run();
  assertEquals(namesIn(fixture.cache), ["chat-server.js", "deno"]);
  assertEquals(await Deno.readTextFile(`${fixture.cache}/deno`), DENO);
  assertEquals(await Deno.readTextFile(`${fixture.cache}/chat-server.js`), "serve()");
  for (const folder of [`${fixture.path}/home/.cache`, `${fixture.cache}/..`, fixture.cache]) {
    assertEquals((await Deno.stat(folder)).mode! & 0o777, 0o700, folder);
  }
  const { ino } = await Deno.stat(`${fixture.cache}/deno`);
  await fixture.run();
  assertEquals((await Deno.stat(`${fixture.cache}/deno`)).ino, ino);
  assertEquals(namesIn(`${fixture.path}/tmp`), []);
});

Deno.test("self_extracting.sh unpacks to XDG_CACHE_HOME, unless that is relative", async () => {
  await using fixture = await Fixture.open();
  const cache = `${fixture.path}/my cache`;
  const { output } = await fixture.run({ env: { XDG_CACHE_HOME: cache } });
  assertEquals(output, fixture.outputFrom(`${cache}/chat/${fixture.archive.hash}`));
  assertEquals(
    (await fixture.run({ env: { XDG_CACHE_HOME: "cache" } })).output,
    fixture.outputFrom(fixture.cache),
  );
});

Deno.test("self_extracting.sh runs eight times at once, and leaves one copy", async () => {
  await using fixture = await Fixture.open();
  const runs = await Promise.all(Array.from({ length: 8 }, () => fixture.run()));
  assertEquals(runs, runs.map(() => ({ code: 7, output: fixture.outputFrom(fixture.cache), errors: "" })));
  assertEquals(namesIn(fixture.cache), ["chat-server.js", "deno"]);
});

for (const home of ["", "/dev/null", "relative"]) {
  Deno.test(`self_extracting.sh with HOME=${home} unpacks to a folder in TMPDIR`, async () => {
    await using fixture = await Fixture.open();
    assertEquals((await fixture.run({ env: { HOME: home } })).output, fixture.outputFrom(fixture.fallback));
    assertEquals((await Deno.stat(`${fixture.fallback}/..`)).mode! & 0o777, 0o700);
  });
}

Deno.test("self_extracting.sh uses a copy in TMPDIR again, and does not try the home anew", async () => {
  await using fixture = await Fixture.open();
  await fixture.run({ env: { HOME: "" } });
  assertEquals((await fixture.run()).output, fixture.outputFrom(fixture.fallback));
  assertEquals(namesIn(`${fixture.path}/home/.cache`), []);
});

Deno.test("self_extracting.sh unpacks a file again that is gone or empty", async () => {
  await using fixture = await Fixture.open();
  for (const name of ["deno", "chat-server.js"]) {
    await fixture.run();
    await Deno.remove(`${fixture.cache}/${name}`);
    assertEquals((await fixture.run()).code, 7);
    await Deno.truncate(`${fixture.cache}/${name}`);
    assertEquals((await fixture.run()).code, 7);
  }
});

Deno.test("self_extracting.sh removes half unpacked folders after a day", async () => {
  await using fixture = await Fixture.open();
  for (const [name, hours] of [["new.1", 49], ["new.2", 1]] as const) {
    await Deno.mkdir(`${fixture.cache}/${name}`, { recursive: true });
    const time = new Date(Date.now() - hours * 3_600_000);
    await Deno.utime(`${fixture.cache}/${name}`, time, time);
  }
  await fixture.run();
  assertEquals(namesIn(fixture.cache), ["chat-server.js", "deno", "new.2"]);
});

Deno.test("self_extracting.sh refuses a symbolic link in TMPDIR", async () => {
  await using fixture = await Fixture.open();
  await fixture.run({ env: { HOME: "" } });
  const name = `${fixture.path}/tmp/chat-${Deno.uid()}`;
  await Deno.rename(name, `${fixture.path}/elsewhere`);
  await Deno.symlink(`${fixture.path}/elsewhere`, name);
  const { code, output, errors } = await fixture.run({ env: { HOME: "" } });
  assertEquals([code, output], [1, ""]);
  assertStringIncludes(errors, `${name} -> ${fixture.path}/elsewhere`);
});

Deno.test("self_extracting.sh trusts no folder or Deno of another user", { ignore: !isRoot }, async () => {
  await using fixture = await Fixture.open();
  await fixture.run();
  await Deno.chown(`${fixture.cache}/deno`, 1, 1);
  await Deno.writeTextFile(`${fixture.cache}/deno`, "#!/bin/sh\necho stolen");
  assertEquals((await fixture.run()).output, fixture.outputFrom(fixture.cache));
  for (const folder of [`${fixture.cache}/..`, `${fixture.path}/home/.cache`]) {
    await Deno.chown(folder, 1, 1);
    assertEquals((await fixture.run()).output, fixture.outputFrom(fixture.fallback), folder);
    await Deno.chown(folder, 0, 0);
  }
  await Deno.chown(`${fixture.fallback}/..`, 1, 1);
  const { code, errors } = await fixture.run({ env: { HOME: "" } });
  assertEquals(code, 1);
  assertStringIncludes(errors, `${fixture.path}/tmp/chat-0\n`, "the folder in the way");
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
  Deno.test(`self_extracting.sh says that its Deno does not run, with ${JSON.stringify(locales)}`, async () => {
    await using fixture = await Fixture.open(ELSEWHERE);
    const { code, output, errors } = await fixture.run({ env: locales });
    assertEquals([code, output], [1, ""]);
    assertStringIncludes(errors, sentence);
    for (const folder of [fixture.cache, fixture.fallback]) assertEquals(namesIn(folder), []);
  });
}

Deno.test("self_extracting.sh refuses a truncated file", async () => {
  await using fixture = await Fixture.open();
  await Deno.chmod(fixture.executable, 0o700);
  await Deno.truncate(fixture.executable, HEAD_BYTES + 200);
  const { code, output, errors } = await fixture.run();
  assertEquals([code, output], [1, ""]);
  assertStringIncludes(errors, "gzip: ");
});

for (
  const shell of [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"]]
) {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${shell[0]}`] }).output();
  Deno.test(`self_extracting.sh runs in ${shell.join(" ")}`, { ignore: !success }, async () => {
    await using fixture = await Fixture.open();
    const path = Deno.env.get("PATH")!;
    const by = [shell[0]!, ...shell.slice(1), fixture.executable] as [string, ...string[]];
    const { code, output, errors } = await fixture.run({ by, env: { PATH: path }, args: ["a b"] });
    assertEquals([code, output, errors], [7, fixture.outputFrom(fixture.cache, "a b"), ""]);
  });
}

Deno.test("selfExtracting() makes the same file of the same contents", async () => {
  await using one = await Fixture.open();
  await using other = await Fixture.open();
  await using third = await Fixture.open(`${DENO}\n`);
  assertEquals(await Deno.readFile(one.executable), await Deno.readFile(other.executable));
  assertNotEquals(third.archive.hash, one.archive.hash);
  assertMatch(one.archive.hash, /^[0-9a-f]{64}$/);
  assert(script.length < HEAD_BYTES);
});
