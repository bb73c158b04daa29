// Puts a recorded screen into README.md and README.es.md: a client from its first prompt to the chat on the backup.
// Needs tmux.
//
//   deno task readme:screen

import { delay } from "../lib/base/time.ts";
import { Terminals } from "../tests/testing/tmux.ts";
import { Program } from "../tests/testing/program.ts";
import "../tests/testing/exit_with_parent.ts";

const HOST = "127.0.0.1";
/** As a reader would type them: they must be free. */
const [PORT, BACKUP] = ["5000", "5001"];
const SCREEN = /(?<=<!-- screen -->\n\n)```text\n[^]*?```/;

interface Readme {
  readonly path: string;
  readonly language: "es" | "en";
  readonly questions: readonly [question: string, answer: string][];
  readonly listening: string;
  readonly offer: string;
  readonly texts: readonly [beto: string, ana: string, betoAgain: string];
}

const READMES: readonly Readme[] = [
  {
    path: "README.md",
    language: "en",
    questions: [["Server", HOST], ["Port", PORT], ["Nick", "ana"]],
    listening: "Listening",
    offer: `${BACKUP}, answers]`,
    texts: ["hi, ana", "hi, beto", "where were we?"],
  },
  {
    path: "README.es.md",
    language: "es",
    questions: [["Servidor", HOST], ["Puerto", PORT], ["Nick", "ana"]],
    listening: "Escuchando",
    offer: `${BACKUP}, responde]`,
    texts: ["hola, ana", "hola, beto", "¿dónde estábamos?"],
  },
];

/** What ana sees while beto talks with her, the server falls, and both go on at its backup. */
async function recordScreen({ language, questions, listening, offer, texts }: Readme): Promise<string[]> {
  const start = async (task: "server" | "client", ...args: string[]) => {
    const program = new Program(task, [...args, "--lang", language], { hasStdin: task === "client" });
    const signal = AbortSignal.timeout(10_000);
    if (task === "server") await program.waitForLine((line) => line.startsWith(listening), { signal });
    return program;
  };
  await using _second = await start("server", "--host", HOST, "--port", BACKUP);
  await using first = await start("server", "--host", HOST, "--port", PORT, "--backup", `${HOST}:${BACKUP}`);
  await using terminals = new Terminals();
  const ana = await terminals.open("ana");
  await ana.enterLine(`client --lang ${language}`);
  for (const [question, answer] of questions) {
    await ana.waitForText(question);
    await ana.enterLine(answer);
  }
  await ana.waitForText(`${HOST}:${PORT}.`);
  await using beto = await start("client", "--host", HOST, "--port", PORT, "--nick", "beto", "--auto");
  await ana.waitForText("* beto");
  const [greeting, answer, after] = texts;
  await beto.type(greeting);
  await ana.waitForText(`beto: ${greeting}`);
  await ana.enterLine(answer);
  await ana.waitForText(`ana: ${answer}`);
  first.sendSignal("SIGKILL");
  await ana.waitForText(offer);
  await delay(1_000); // until then keys belong to the chat line
  await ana.press("Enter");
  await ana.waitForText(`${HOST}:${BACKUP}.`);
  await beto.type(after);
  await ana.waitForText(`beto: ${after}`);
  const [command, ...rows] = await ana.rows();
  while (rows.at(-1) === "ana>") rows.pop();
  return [command!.replace("$ client", "$ npx --yes deno@2.9.6 task client"), ...rows];
}

for (const readme of READMES) {
  const rows = await recordScreen(readme);
  const text = await Deno.readTextFile(readme.path);
  await Deno.writeTextFile(readme.path, text.replace(SCREEN, () => `\`\`\`text\n${rows.join("\n")}\n\`\`\``));
}
Deno.exit(0);
