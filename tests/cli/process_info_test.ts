// What a program says about itself.

import { assertEquals, assertMatch } from "@std/assert";
import { type BuildInfo, infoOutput } from "../../lib/cli/process.ts";
import { COMMON_FLAGS, parseFlags } from "../../lib/cli/flags.ts";
import { translator } from "../../lib/i18n/translate.ts";

const pure = { permissions: "none" } as const;

function answerTo(args: readonly string[], distribution: BuildInfo["distribution"] = "source") {
  return infoOutput(parseFlags(args, COMMON_FLAGS), {
    name: "chat-server",
    table: COMMON_FLAGS,
    help: ["Help"],
    build: { distribution, runtime: "Deno 2.9.6, x86_64-unknown-linux-gnu" },
    t: translator("en"),
  });
}

Deno.test("infoOutput() answers --help, and --help alone if more is asked", pure, () => {
  assertEquals(answerTo(["--help"]), ["Help"]);
  assertEquals(answerTo(["--version", "-h", "--completions", "zsh"]), ["Help"]);
});

for (const kind of ["source", "compiled", "self-extracting"] as const) {
  Deno.test(`infoOutput() tells the version, and that the program is ${kind}`, pure, () => {
    const [line, ...more] = answerTo(["--version"], kind)!;
    assertMatch(line!, /^chat-server \d+\.\d+\.\d+ \(/);
    assertEquals(line!.includes(`${kind}, Deno 2.9.6, x86_64-unknown-linux-gnu)`), true);
    assertEquals(more, []);
  });
}

Deno.test("infoOutput() gives the completions of the shell that is asked for", pure, () => {
  assertEquals(answerTo(["--completions", "zsh"])![0], "#compdef chat-server");
  assertEquals(answerTo(["--completions", "bash"])!.at(-1), "complete -F _chat_server chat-server");
});

Deno.test("infoOutput() has nothing to say where nothing is asked", pure, () => {
  assertEquals(answerTo(["--lang", "es"]), undefined);
});
