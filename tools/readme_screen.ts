// Puts a recorded screen into README.md: a client from its first prompt to the chat on the backup. Needs tmux.
//
//   deno task readme:screen

import { delay } from "../lib/base/time.ts";
import { Terminals } from "../tests/testing/tmux.ts";
import { Program } from "../tests/testing/program.ts";
import "../tests/testing/exit_with_parent.ts";

const HOST = "127.0.0.1";
/** As a reader would type them: they must be free. */
const [PORT, BACKUP] = ["5000", "5001"];
const README = "README.md";
const SCREEN = /```text\n[^]*?```/;
const COMMAND = "client --lang es";

function start(task: "server" | "client", ...args: string[]): Program {
  return new Program(task, [...args, "--lang", "es"], { hasStdin: task === "client" });
}

async function isOpen(server: Program): Promise<void> {
  await server.waitForLine((line) => line.startsWith("Escuchando"), { signal: AbortSignal.timeout(10_000) });
}

/** What ana sees while beto talks with her, the server falls, and both go on at its backup. */
async function conversation(): Promise<string[]> {
  await using first = start("server", "--host", HOST, "--port", PORT, "--backup", `${HOST}:${BACKUP}`);
  await using second = start("server", "--host", HOST, "--port", BACKUP);
  await Promise.all([isOpen(first), isOpen(second)]);
  await using terminals = new Terminals();
  const ana = await terminals.open("ana");
  await ana.enterLine(COMMAND);
  for (const [question, answer] of [["Servidor", HOST], ["Puerto", PORT], ["Nick", "ana"]] as const) {
    await ana.waitForText(question);
    await ana.enterLine(answer);
  }
  await ana.waitForText("En línea: ana");
  await using beto = start("client", "--host", HOST, "--port", PORT, "--nick", "beto", "--auto");
  await ana.waitForText("beto (127.0.0.1) se ha conectado");
  await beto.type("hola, ana");
  await ana.waitForText("beto: hola, ana");
  await ana.enterLine("hola, beto");
  await ana.waitForText("ana: hola, beto");
  first.sendSignal("SIGKILL");
  await ana.waitForText(`${BACKUP}, responde]`);
  await delay(1_000); // until then keys belong to the chat line
  await ana.press("Enter");
  await ana.waitForText(`Conectado a ${HOST}:${BACKUP}`);
  await beto.type("¿dónde estábamos?");
  await ana.waitForText("beto: ¿dónde estábamos?");
  return await ana.rows();
}

const rows = (await conversation()).map((row) => row.replace(`$ ${COMMAND}`, "$ ./chat-client"));
while (rows.at(-1) === "ana>") rows.pop();
const text = await Deno.readTextFile(README);
await Deno.writeTextFile(README, text.replace(SCREEN, () => `\`\`\`text\n${rows.join("\n")}\n\`\`\``));
Deno.exit(0);
