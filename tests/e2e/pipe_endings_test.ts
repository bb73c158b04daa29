// The ways in which chat-server and chat-client with pipes end, and their exit status.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { resolve } from "node:path";
import { StoreError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { freePort } from "../testing/addresses.ts";
import {
  EXECUTABLES_FOLDER,
  joining,
  listening,
  PipedProgram,
  startClient,
  startServer,
} from "../testing/piped_program.ts";
import { commandOf } from "../testing/program.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { connected, disconnected, JOINED, LEFT, presence, TIME } from "./expected_lines.ts";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`chat-server ends by ${signal} with BYE to its clients`, async () => {
    const port = freePort();
    await using server = await startServer(port);
    await using ana = await startClient("ana", port);
    await server.waitForOutput("ana");
    server.sendSignal(signal);
    await ana.waitForOutput("Nuevo servidor");
    await server.expectExit(0);
    assertEquals(server.lines, [
      listening(port),
      joining(port),
      presence("ana", JOINED),
      "Cerrando el servidor: se avisa a los clientes.",
      "Servidor cerrado.",
    ]);
    assertEquals(ana.lines.slice(0, 2), [
      connected(port, "ana"),
      disconnected(port, "el servidor se ha cerrado"),
    ]);
  });
}

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
    const flags = ["--host", "192.0.2.1", "--port", "5000", "--data", name]; // ends at once
    const { code } = await new Deno.Command(path, { args: [...program, ...flags], cwd: folder.path })
      .output();
    const files = [...Deno.readDirSync(folder.path)].map((entry) => entry.name);
    assertEquals([code, files], [1, [name]]);
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
  assertMatch(server.output, /^Entradas recuperadas: 3\.$/m);
});

/** What is written after the end of the input, with this exit status. */
interface Exit {
  readonly task: "server" | "client";
  readonly args: readonly string[];
  readonly status: number;
  readonly output?: RegExp;
  readonly errors?: string;
}

const port = freePort();
const EXITS: Exit[] = [
  { task: "client", args: ["--version"], status: 0, output: /^chat-client \d+\.\d+\.\d+ \(.+, Deno .+\)\n$/ },
  {
    ...{ task: "server", args: ["--host", "192.0.2.1", "--port", `${port}`], status: 1 },
    errors: "192.0.2.1 no es una dirección de este equipo: elija una de las suyas.\n",
  },
  {
    ...{ task: "client", args: [], status: 2, output: /^Servidor/ },
    errors: 'La entrada terminó sin responder a "Nick": use una opción. Pruebe con --help.\n',
  },
];
for (const { task, args, status, output = /^$/, errors } of EXITS) {
  const flags = args.join(" ").replace(`${port}`, "PORT") || "without flags";
  Deno.test(`chat-${task} ${flags} ends with status ${status}`, async () => {
    await using program = new PipedProgram(task, ...args);
    await program.closeStdin();
    await program.expectExit(status, errors);
    assertMatch(program.output, output);
  });
}
