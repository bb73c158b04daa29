// chat-server --json: what its console tells programs, and what it does for them.

import { assertEquals } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { serve } from "../../lib/server/main.ts";
import { freeAddress } from "../testing/addresses.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { parseLines } from "../testing/json_lines.ts";
import { dialPeer, enterAs, makeHello, makeToken } from "../testing/raw_peer.ts";

/** A program at the console of a server. */
class Moderator extends FakeUser {
  readonly address = freeAddress();
  #status: Promise<number> | undefined;

  async start(...flags: readonly string[]): Promise<void> {
    const { host, port } = this.address;
    this.#status = this.run(serve, "--json", "--host", host, "--port", `${port}`, ...flags);
    await this.waitForOutput("listening");
  }

  send(...requests: readonly unknown[]): void {
    this.type(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  }

  /** Ends the server. Returns all that it told, in a few fields. */
  async quit(...names: readonly string[]): Promise<unknown[][]> {
    this.send({ quit: true });
    assertEquals(await this.#status, 0);
    return parseLines(this.output).map((line) => names.map((name) => line[name]).filter(Boolean));
  }
}

Deno.test("chat-server --json tells what happens, and announces, kicks and answers as it is asked to", async () => {
  await using admin = new Moderator();
  await admin.start();
  using ana = await enterAs("ana", admin);
  await ana.send({ type: "say", clientSeq: 1, timeMs: 0, text: "spam" });
  await admin.waitForOutput('"said"');
  admin.send({ say: "/no" }, { command: "/kick Ana spam" });
  await admin.waitForOutput("left");
  admin.send({ command: "/who" }, { command: "/stats" }, { command: "/backup" });
  assertEquals(await admin.quit("type", "code", "nick", "text", "reason"), [
    ["notice", "listening"],
    ["notice", "join-here"],
    ["joined", "ana"],
    ["said", "ana", "spam"],
    ["announced", "/no"],
    ["left", "ana", "kicked"],
    ["announced", "Motivo de la expulsión de ana: spam"],
    ["members", "who-online"],
    ["notice", "stats"],
    ["notice", "no-backups"],
    ["notice", "closing"],
    ["notice", "closed"],
  ]);
  const [listening] = parseLines(admin.output);
  assertEquals(listening!.address, formatAddress(admin.address));
});

Deno.test("chat-server --json answers a line that it cannot obey with its number, and goes on", async () => {
  await using admin = new Moderator({ language: "en" });
  await admin.start("--backup", formatAddress(freeAddress()));
  await admin.waitForOutput("backup-fails");
  admin.type("hola\n\n");
  admin.send({ say: "x", to: "ana" }, { nick: "x" }, { command: "/kick ana" }, { command: "kick" }, {
    say: "",
  });
  admin.send({ command: "/backup" });
  await admin.waitForOutput('"backups"');
  assertEquals((await admin.quit("type", "line", "code", "why")).slice(2, -2), [
    ["notice", "backup-fails", "refused"],
    ["error", 1, "request-invalid"],
    ["error", 3, "request-invalid"],
    ["error", 4, "request-invalid"],
    ["error", 5, "nick-unknown"],
    ["error", 6, "command-unknown"],
    ["error", 7, "args-missing"],
    ["notice", "backups"],
  ]);
  const { list } = parseLines(admin.output).find(({ code }) => code === "backups")!;
  const [{ code, why }] = list as [Record<string, unknown>];
  assertEquals([code, why], ["backup-fails", "refused"]);
});

Deno.test("chat-server --json tells of a client that it refuses by code", async () => {
  await using admin = new Moderator();
  await admin.start();
  using _ana = await enterAs("ana", admin);
  using other = await dialPeer(admin.address);
  await other.send(makeHello("ana", { resumeToken: makeToken("other") }));
  await admin.waitForOutput("rejected");
  const lines = (await admin.quit("code", "address", "why")).filter(([code]) => code === "rejected");
  assertEquals(lines, [["rejected", "127.0.0.1", "nick-taken"]]);
});
