// The manual pages name every flag, value and command of `--help`; the unit for systemd gives flags that exist.

import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../lib/cli/process.ts";
import { runClient } from "../../lib/client/main.ts";
import { serve } from "../../lib/server/main.ts";
import { FakeUser } from "../testing/fake_user.ts";

const { state } = await Deno.permissions.query({ name: "read", path: "." });
const reading = { ignore: state !== "granted" };

/** The lines of a page without what tells how they look, and without spaces. */
function linesOf(page: string): string[] {
  return page.replaceAll("\\-", "-").split("\n").map((line) => bare(line.replace(/^\.[A-Z]{1,2} /, "")));
}

function bare(text: string): string {
  return text.replaceAll(/[", ]|\.\.\.$/g, "");
}

for (const folder of ["", "es/"]) {
  for (const [name, main] of [["chat-server", serve], ["chat-client", runClient]] as const) {
    Deno.test(`docs/man/${folder}${name}.1 names all that --help does`, reading, async () => {
      await using person = new FakeUser({ language: folder === "" ? "en" : "es" });
      assertEquals(await person.run(main, "--help"), 0);
      const rows = person.output.matchAll(/^ {2}([-/]\S+(?: \S+)*) {2,}/gm);
      const names = [...rows].map(([, name]) => bare(name!));
      assert(names.length > 5, person.output);
      const page = await Deno.readTextFile(new URL(`../../docs/man/${folder}${name}.1`, import.meta.url));
      assert(page.startsWith(`.TH ${name.toUpperCase()} 1 `) && page.includes(`"chat ${VERSION}"`));
      const lines = linesOf(page);
      assertEquals(names.filter((name) => !lines.some((line) => line.startsWith(name))), []);
    });
  }
}

Deno.test(
  "The unit for systemd gives flags that there are, and keeps the room where it may write",
  reading,
  async () => {
    const unit = await Deno.readTextFile(new URL("../../docs/chat-server.service", import.meta.url));
    const [, command] = /^ExecStart=(.*)$/m.exec(unit)!;
    await using person = new FakeUser({ language: "en" });
    assertEquals(await person.run(serve, "--help"), 0);
    const flags = command!.split(" ").filter((word) => word.startsWith("--"));
    assertEquals(flags.filter((flag) => !person.output.includes(` ${flag} `)), []);
    assert(command!.endsWith("--data ${STATE_DIRECTORY}/room.db"), command);
    assert(/^StateDirectory=\S+$/m.test(unit) && /^StateDirectoryMode=0700$/m.test(unit));
  },
);
