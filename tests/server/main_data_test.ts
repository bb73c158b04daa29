// chat-server with --data as a person meets it: what they give, what they read, and the next start.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/main.ts";
import { join, makeHello } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

Deno.test(
  "A room goes on at the next start, shows what is new alone, and is one server's at a time",
  writing,
  async () => {
    await using folder = new TestFolder();
    const data = `${folder.path}/room.db`;
    const { port } = freeAddress();
    const flags = ["--host", LOOPBACK, "--port", `${port}`, "--data", data];
    for (const nick of ["ana", "beto"]) {
      await using admin = new FakeUser();
      const serving = admin.run(
        serve,
        ...flags,
        "--keep",
        "1000",
        "--keep-days",
        "1",
        "--data-sync",
        "normal",
      );
      await admin.waitForOutput(`La sala se guarda en ${data}.\n`);
      assert(admin.hasGivenUpFiles);
      const { peer, history } = await join({ host: LOOPBACK, port }, makeHello(nick, { historyCount: 9 }));
      using _ = peer;
      const texts = history.flatMap((entry) => entry.type === "said" ? [entry.text] : []);
      assertEquals(texts, nick === "ana" ? [] : ["soy ana"]);
      await peer.send({ type: "say", clientSeq: 1, timeMs: 0, text: `soy ${nick}` });
      await admin.waitForOutput(`${nick}: soy ${nick}`);
      admin.type("/stats\n");
      await admin.waitForOutput("En disco: 0,0 MB.\n");
      const error = await assertRejects(() => new FakeUser().run(serve, ...flags), InputError);
      assertEquals(error.code, "data-busy");
      peer[Symbol.dispose](); // or the server waits for it to read the end
      admin.type("salir\n");
      assertEquals(await serving, 0);
      assertEquals(admin.output.includes("soy ana"), nick === "ana");
      // ana came and said something.
      assertEquals(admin.output.includes("Sigue con lo que ya había: 2 entradas.\n"), nick === "beto");
    }
  },
);

Deno.test("Without --data nothing is said of a disk", async () => {
  await using admin = new FakeUser();
  const serving = admin.run(serve, "--host", LOOPBACK, "--port", `${freeAddress().port}`);
  await admin.waitForOutput("Escuchando");
  admin.type("/stats\nsalir\n");
  assertEquals(await serving, 0);
  assertStringIncludes(admin.output, "Clientes: 0.");
  assert(!admin.output.includes("disco") && !admin.output.includes("guarda"));
});

const MISTAKES: [code: string, flags: string[]][] = [
  ["flag-alone", ["--keep", "5000"]],
  ["flag-alone", ["--keep-days", "5"]],
  ["flag-alone", ["--data-sync", "full"]],
  ["flag-value-invalid", ["--data", "x", "--data-sync", "never"]],
  ["flag-value-invalid", ["--data", "x", "--keep", "999"]],
  ["flag-value-invalid", ["--data", "x", "--keep", "100000001"]],
  ["flag-value-invalid", ["--data", "x", "--keep-days", "0"]],
  ["flag-value-invalid", ["--data", "x", "--keep-days", "soon"]],
];
for (const [code, flags] of MISTAKES) {
  Deno.test(`chat-server refuses ${flags.join(" ")}`, { permissions: "none" }, async () => {
    const error = await assertRejects(() => new FakeUser().run(serve, ...flags), InputError);
    assertEquals(error.code, code);
  });
}
