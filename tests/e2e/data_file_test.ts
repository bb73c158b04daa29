// The file of chat-server --data, which has any name, may be a link, and may be moved or deleted meanwhile.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { resolve } from "node:path";
import { StoreError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { EXECUTABLES_FOLDER, startClient, startServer } from "../testing/piped_program.ts";
import { commandOf } from "../testing/program.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { LEFT, presence, TIME } from "./expected_lines.ts";

/** Runs a server on a room that is kept in a file, while ana says something. */
async function sayTo(file: string, text: string, act: () => Promise<void> = async () => {}) {
  const port = freePort();
  const server = await startServer(port, "--data", file);
  {
    await using ana = await startClient("ana", port);
    await ana.type(text, "salir");
    await ana.expectExit(0);
  }
  await server.waitForOutput(presence("ana", LEFT).slice(TIME.length));
  await act();
  server.sendSignal("SIGTERM");
  return server;
}

Deno.test("chat-server --data keeps the room in the file that a link leads to", async () => {
  await using folder = new TestFolder();
  await Deno.mkdir(`${folder.path}/there`);
  const [link, file] = [`${folder.path}/room.db`, `${folder.path}/there/real.db`];
  await new Deno.Command("sh", { args: ["-c", `ln -s there/real.db '${link}'`] }).output();
  for (const [path, text] of [[link, "uno"], [link, "dos"], [file, "tres"]] as const) {
    await using server = await sayTo(path, text);
    await server.expectExit(0);
  }
  const port = freePort();
  await using _server = await startServer(port, "--data", link);
  await using ana = await startClient("ana", port);
  await ana.waitForOutput("ana: uno", "ana: dos", "ana: tres");
});

Deno.test("chat-server --data takes what SQLite reads in another way for the name of a file", async () => {
  const [path, ...args] = commandOf("server", { folder: EXECUTABLES_FOLDER });
  const program = args.map((arg) => arg === "server.ts" ? resolve(arg) : arg);
  for (const name of [":memory:", "file:x?mode=memory", "a b#%41.db"]) {
    await using folder = new TestFolder();
    const flags = ["--host", LOOPBACK, "--port", `${freePort()}`, "--data", name];
    const server = new Deno.Command(path, {
      args: [...program, ...flags],
      cwd: folder.path,
      stdin: "piped",
      stdout: "null",
    }).spawn();
    await ReadableStream.from(["salir\n"]).pipeThrough(new TextEncoderStream()).pipeTo(server.stdin);
    const { code } = await server.status;
    const files = [...Deno.readDirSync(folder.path)].map((entry) => entry.name);
    assertEquals([code, files], [0, [name]]);
    assert(Deno.statSync(`${folder.path}/${name}`).size > 0);
  }
});

Deno.test("chat-server --data ends with 1 if the file was moved, which holds the room, or deleted", async () => {
  await using folder = new TestFolder();
  const [file, moved] = [`${folder.path}/room.db`, `${folder.path}/moved.db`];
  const gone = (path: string) => `${errorText(new StoreError("data-gone", { path }), "es")}\n`;
  {
    await using server = await sayTo(file, "uno", () => Deno.rename(file, moved));
    await server.expectExit(1, gone(file));
  }
  await using server = await sayTo(moved, "dos", () => Deno.remove(moved));
  await server.expectExit(1, gone(moved));
  assertMatch(server.output, /^Líneas de la sala recuperadas: 3\.$/m);
});
