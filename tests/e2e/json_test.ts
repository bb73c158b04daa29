// The bot of docs/JSON.md, and chat-client --json in a shell.

import { assertEquals } from "@std/assert";
import { resolve } from "node:path";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { startClient, startServer } from "../testing/piped_program.ts";
import { commandOf } from "../testing/program.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { textsOf } from "./expected_lines.ts";

const hasPython = (await new Deno.Command("sh", { args: ["-c", "command -v python3"] }).output()).success;

/** The bot, as a file beside a `./chat-client`. */
async function installBot(folder: TestFolder): Promise<void> {
  const [, bot] = /^```python\n([^]*?)^```$/m.exec(Deno.readTextFileSync("docs/JSON.md"))!;
  assertEquals(bot!.trimEnd().split("\n").length <= 20, true);
  await folder.file("bot.py", bot!);
  const command = commandOf("client").map((arg) => `'${arg === "client.ts" ? resolve(arg) : arg}'`).join(" ");
  await Deno.chmod(await folder.file("chat-client", `#!/bin/sh\nexec ${command} "$@"\n`), 0o755);
}

Deno.test("chat-client --json runs the bot of docs/JSON.md through a failover", {
  ignore: !hasPython,
}, async () => {
  await using folder = new TestFolder();
  await installBot(folder);
  const [first, second] = [freePort(), freePort()];
  await using one = await startServer(first, "--backup", `${LOOPBACK}:${second}`);
  await using two = await startServer(second);
  await using ana = await startClient("ana", first, "--auto");
  await ana.type("!hora");
  await one.waitForOutput("ana: !hora");
  await using bot = new Deno.Command("sh", {
    args: ["-c", `exec python3 bot.py ${LOOPBACK}:${first}`],
    cwd: folder.path,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await ana.waitForOutput("reloj (127.0.0.1) se ha conectado");
  await ana.type("!hora", "/msg reloj !hora", "!hora ya");
  await ana.waitForOutput("@ reloj → ana: ");
  one.sendSignal("SIGKILL");
  await two.waitForOutput("ana (127.0.0.1) se ha reconectado", "reloj (127.0.0.1) se ha reconectado");
  await ana.type("!hora");
  await ana.waitForOutput("ana: !hora", "reloj: ");
  await two.type("/kick reloj gracias");
  const { code, stderr } = await bot.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [1, ""]);
  const answers = textsOf("reloj", ana.lines);
  assertEquals(answers.map((text) => /^\d\d:\d\d:\d\d$/.test(text)), [true, true]);
});
