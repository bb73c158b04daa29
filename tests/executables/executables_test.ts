// ./chat-server and ./chat-client, compiled or self-extracting: they run anywhere, and need no other file.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { TEST_TIMEOUT_MS } from "../testing/waiting.ts";
import { outcome } from "./outcome.ts";

const PROGRAMS = ["chat-server", "chat-client"] as const;

/** The programs in a read-only folder. */
class ReadOnlyFolder implements AsyncDisposable {
  readonly path: string;
  readonly #temporary: string;

  private constructor(path: string, temporary: string) {
    this.path = path;
    this.#temporary = temporary;
  }

  static async open(): Promise<ReadOnlyFolder> {
    const folder = new ReadOnlyFolder(await Deno.makeTempDir(), await Deno.makeTempDir());
    for (const name of PROGRAMS) {
      const path = `${folder.path}/${name}`;
      // Not by Deno.copyFile(): a process that another test starts meanwhile would hold the file open for writing, and
      // nothing could run it ("Text file busy").
      await new Deno.Command("cp", { args: [`${Deno.args[0]}/${name}`, path] }).output();
      await Deno.chmod(path, 0o555);
    }
    await Deno.chmod(folder.path, 0o555);
    return folder;
  }

  /** Starts a program without HOME, PATH and locale. */
  start(name: typeof PROGRAMS[number], ...args: string[]): Deno.ChildProcess {
    return new Deno.Command(`./${name}`, {
      cwd: this.path,
      args,
      clearEnv: true,
      env: { TMPDIR: this.#temporary },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.chmod(this.path, 0o755);
    for (const path of [this.path, this.#temporary]) await Deno.remove(path, { recursive: true });
  }
}

Deno.test("chat-server and chat-client chat in a read-only folder without HOME and PATH", async () => {
  await using folder = await ReadOnlyFolder.open();
  const port = `${freePort()}`;
  const server = folder.start("chat-server", "--host", LOOPBACK, "--port", port);
  const [shown, rest] = server.stdout.tee();
  const lines = shown.pipeThrough(new TextDecoderStream()).getReader();
  let shownText = "";
  const waitFor = async (text: string) => {
    while (!shownText.includes(text)) {
      const { value, done } = await lines.read();
      assert(!done, `The server ended before "${text}":\n${shownText}`);
      shownText += value;
    }
  };
  await waitFor(
    `equipo: ${Deno.build.os === "windows" ? "" : "./"}chat-client --host ${LOOPBACK} --port ${port}\n`,
  );
  const said = `${LOOPBACK}\n${port}\nana\nhola\nsalir\n`;
  const client = await outcome(folder.start("chat-client"), said);
  assertMatch(client.output, /Nick: ana\nConectado a .*\n\[.{19}\] ana: hola\n$/);
  assertEquals([client.code, client.errors], [0, ""]);
  await waitFor("se ha desconectado");
  server.kill("SIGTERM");
  assertMatch(await new Response(rest).text(), /\] ana: hola\n.*\nCerrando .*\nServidor cerrado\.\n$/);
  assertEquals((await server.status).code, 0);
  await Promise.all([lines.cancel(), server.stderr.cancel(), server.stdin.close()]);
});

for (const name of PROGRAMS) {
  Deno.test(`${name} --version prints which kind of file it is`, async () => {
    await using folder = await ReadOnlyFolder.open();
    const { output } = await outcome(folder.start(name, "--version"));
    const bytes = await Deno.readFile(`${folder.path}/${name}`);
    const isScript = new TextDecoder().decode(bytes.subarray(0, 9)) === "#!/bin/sh";
    assert(output.includes(isScript ? "(autoextraíble, Deno " : "(compilado, Deno "), output);
  });

  Deno.test(`${name} --licenses prints the licences, which are in the file`, async () => {
    await using folder = await ReadOnlyFolder.open();
    const { output } = await outcome(folder.start(name, "--licenses"));
    assertEquals(output, await Deno.readTextFile(new URL("../../licenses.txt", import.meta.url)));
  });

  Deno.test(`${name} passes on its exit status and its errors`, async () => {
    await using folder = await ReadOnlyFolder.open();
    assertEquals(await outcome(folder.start(name, "--lang", "en", "--no such flag")), {
      code: 2,
      output: "",
      errors: 'Unknown flag "--no such flag". Try --help.\n',
    });
  });

  Deno.test(`${name} --completions bash prints a completion that works`, async () => {
    await using folder = await ReadOnlyFolder.open();
    const { output } = await outcome(folder.start(name, "--completions", "bash"));
    const complete = `
      complete() { call=$2; }
      ${output}
      completes() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "$call"; echo "\${COMPREPLY[@]}"; }
      completes ${name} --po
      completes ${name} --lang ''
      completes ${name} --lang =
      completes ${name} --lang = e
      completes ${name} --port 5`;
    const { stdout } = await new Deno.Command("bash", { args: ["-c", complete] }).output();
    assertEquals(new TextDecoder().decode(stdout), "--port\nes en\nes en\nes en\n\n");
  });
}

/** TLS needs Deno 2.8. */
async function speaksTls(): Promise<boolean> {
  const { stdout } = await new Deno.Command("./chat-server", { args: ["--version"] }).output();
  return !/Deno 2\.[67]\./.test(new TextDecoder().decode(stdout));
}

const overTls = { ignore: !await speaksTls() };

Deno.test("chat-server --tls-auto makes a certificate that --tls-fingerprint trusts", overTls, async () => {
  await using folder = await ReadOnlyFolder.open();
  await using kept = new TestFolder();
  const port = `${freePort()}`;
  const flags = ["--host", LOOPBACK, "--port", port];
  const server = folder.start("chat-server", ...flags, "--tls-auto", "--tls-dir", kept.path);
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let output = "";
  while (!/SHA256:\S{43}/.test(output)) output += (await reader.read()).value ?? "";
  const [fingerprint] = /SHA256:\S{43}/.exec(output)!;
  assertEquals([...Deno.readDirSync(kept.path)].map(({ name }) => name), ["server.pem"]);
  const who = ["--nick", "ana", "--auto", "--tls-fingerprint", fingerprint];
  const client = await outcome(folder.start("chat-client", ...flags, ...who), "hola\n");
  assertEquals([client.code, client.errors], [0, ""], client.output);
  assertMatch(client.output, /ana: hola/);
  await server.stdin.close();
  await reader.cancel();
  server.kill("SIGTERM");
  await Promise.all([server.status, server.stderr.cancel()]);
});
