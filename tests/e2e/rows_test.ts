// What the lines of chat-client and chat-server look like on real terminals (tmux): colors, and times by width.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { LINE_COLORS } from "../../lib/render/renderer.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { startClient, startServer } from "../testing/piped_program.ts";
import { Terminals, type TerminalScreen } from "../testing/tmux.ts";

/** The row that has this text, with its control sequences for colors. tmux repeats none of the row above. */
async function coloredRow(screen: TerminalScreen, text: string): Promise<string> {
  const rows = await screen.rows({ withColors: true });
  return rows.find((row) => row.includes(text)) ?? `no ${text} in\n${rows.join("\n")}`;
}

function sgr(line: keyof typeof LINE_COLORS): string {
  return `38;5;${LINE_COLORS[line]}m`;
}

Deno.test("chat-client colors its rows, and a nick alike everywhere", { ignore: Deno.noColor }, async () => {
  await using terminals = new Terminals();
  await using scope = new AsyncDisposableStack();
  const port = freePort();
  const server = scope.use(await startServer(port));
  const people: TerminalScreen[] = [];
  for (const nick of ["ana", "celia", "dora"]) {
    const screen = await terminals.open(nick);
    await screen.enterLine(`clear; client --host ${LOOPBACK}:${port} --nick ${nick}`);
    await screen.waitForLastRows(`${nick}>`);
    people.push(screen);
  }
  const [ana, celia, dora] = people as [TerminalScreen, TerminalScreen, TerminalScreen];
  const beto = scope.use(await startClient("beto", port));
  await beto.type("hola, celia", "/msg ana solo a ti");
  for (const screen of people) await screen.waitForText("beto: hola, celia");
  await ana.waitForText("solo a ti");
  const nickColor = /(38;5;\d+)mbeto/;
  const [onAna, onDora] = [await coloredRow(ana, "hola,"), await coloredRow(dora, "hola,")];
  assertMatch(onAna, nickColor);
  assertEquals(nickColor.exec(onDora)?.[1], nickColor.exec(onAna)?.[1]);
  assertStringIncludes(await coloredRow(celia, "hola,"), "\x1b[7mcelia");
  assertStringIncludes(await coloredRow(ana, "solo a ti"), sgr("private"));
  server.sendSignal("SIGKILL");
  await ana.waitForText("Se perdió");
  assertStringIncludes(await coloredRow(ana, "─".repeat(100)), sgr("loss"));
});
