// docs/man/, docs/FLAGS.md and docs/chat-server.service against `--help`.

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { CLIENT_FLAGS } from "../../lib/client/config.ts";
import { runClient } from "../../lib/client/main.ts";
import { SERVER_FLAGS } from "../../lib/server/config.ts";
import { serve } from "../../lib/server/main.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { reading } from "../testing/test_options.ts";

/** The lines of a page, without markup and spaces. */
function linesOf(page: string): string[] {
  return page.replaceAll("\\-", "-").split("\n").map((line) => bare(line.replace(/^\.[A-Z]{1,2} /, "")));
}

function bare(text: string): string {
  return text.replaceAll(/[", ]|\.\.\.$/g, "");
}

for (const folder of ["", "es/"]) {
  for (const [name, main] of [["chat-server", serve], ["chat-client", runClient]] as const) {
    Deno.test(`docs/man/${folder}${name}.1 names all flags and commands of --help`, reading, async () => {
      await using user = new FakeUser({ language: folder === "" ? "en" : "es" });
      assertEquals(await user.run(main, "--help"), 0);
      const rows = user.output.matchAll(/^ {2}([-/]\S+(?: \S+)*) {2,}/gm);
      const names = [...rows].map(([, name]) => bare(name!));
      assert(names.length > 5, user.output);
      const page = await Deno.readTextFile(new URL(`../../docs/man/${folder}${name}.1`, import.meta.url));
      assert(page.startsWith(`.TH ${name.toUpperCase()} 1 `) && page.includes(`"chat ${config.version}"`));
      const lines = linesOf(page);
      assertEquals(names.filter((name) => !lines.some((line) => line.startsWith(name))), []);
    });
  }
}

for (const [name, flags] of [["server", SERVER_FLAGS], ["client", CLIENT_FLAGS]] as const) {
  Deno.test(`docs/FLAGS.md has every flag of chat-${name}, in the order of --help`, reading, async () => {
    const page = await Deno.readTextFile(new URL("../../docs/FLAGS.md", import.meta.url));
    const [, table] = page.split(`flags:${name} -->`);
    const rows = table!.matchAll(/^\| (?:`-\w`, )?`--([\w-]+)/gm);
    assertEquals([...rows].map(([, flag]) => flag), Object.keys(flags));
  });
}

Deno.test("docs/chat-server.service gives flags that exist, and a writable room", reading, async () => {
  const unit = await Deno.readTextFile(new URL("../../docs/chat-server.service", import.meta.url));
  const [, command] = /^ExecStart=(.*)$/m.exec(unit)!;
  await using user = new FakeUser({ language: "en" });
  assertEquals(await user.run(serve, "--help"), 0);
  const flags = command!.split(" ").filter((word) => word.startsWith("--"));
  assertEquals(flags.filter((flag) => !user.output.includes(` ${flag} `)), []);
  assert(command!.endsWith("--data ${STATE_DIRECTORY}/room.db"), command);
  assert(/^StateDirectory=\S+$/m.test(unit) && /^StateDirectoryMode=0700$/m.test(unit));
});
