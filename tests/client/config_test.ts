// The flags of chat-client, and what they set.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags.ts";
import {
  CLIENT_FLAGS,
  type ClientConfig,
  clientConfig,
  clientFlags,
  DEFAULT_CONFIG,
} from "../../lib/client/config.ts";
import { InputError } from "../../lib/errors.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { parseBackup } from "../../lib/net/address.ts";
import { DEFAULT_DISPLAY } from "../../lib/render/renderer.ts";
import { selfSignedPair } from "../testing/certificates.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const PRINT = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";

async function configOf(
  flags: string[],
  { runtime = "Deno 2.9.6, here", configFolder }: { runtime?: string; configFolder?: string } = {},
): Promise<ClientConfig> {
  const buildInfo = { distribution: "source", runtime } as const;
  const { signal: terminated } = new AbortController();
  return await clientConfig(parseFlags(flags, CLIENT_FLAGS), { buildInfo, configFolder, terminated });
}

const { trust } = DEFAULT_CONFIG;
const backup = parseBackup(`aula:5001#${PRINT}`);
const FLAGS: [flags: string, changes: Partial<ClientConfig>][] = [
  ["", {}],
  ["--host aula", { host: "aula" }],
  ["--host aula:5001", { host: "aula", port: 5_001 }],
  ["aula:5001", { host: "aula", port: 5_001 }],
  ["aula 5001", { host: "aula", port: 5_001 }],
  ["--host aula:5001 --port 5002", { host: "aula", port: 5_002 }],
  ["--nick ana", { nick: "ana" }],
  ["-n ana -p 5001", { nick: "ana", port: 5_001 }],
  ["--auto", { isAuto: true }],
  ["--history 0", { historyCount: 0 }],
  ["--history=1000", { historyCount: 1_000 }],
  ["--time d/M", { display: { ...DEFAULT_DISPLAY, pattern: "d/M" } }],
  ["--utc", { display: { ...DEFAULT_DISPLAY, isUtc: true } }],
  [`--backup aula:5001#${PRINT}`, { backups: [backup], trust: { ...trust, backups: [backup] } }],
  ["--json aula --nick ana", {
    ...{ host: "aula", port: 5_000, nick: "ana", isAuto: true },
    display: { ...DEFAULT_DISPLAY, isJson: true },
  }],
  ["--tls", { trust: { ...trust, isTls: true } }],
  [`--tls-fingerprint ${PRINT}`, { trust: { ...trust, fingerprints: [PRINT] } }],
];

for (const [flags, changes] of FLAGS) {
  Deno.test(`clientConfig() reads ${flags || "no flags"}`, async () => {
    assertEquals(await configOf(flags.split(" ").filter(Boolean)), { ...DEFAULT_CONFIG, ...changes });
  });
}

Deno.test("clientConfig() reads --password-file and --ca, and knows known_servers", writing, async () => {
  await using folder = new TestFolder();
  const { cert } = await selfSignedPair();
  const files = [await folder.file("password", "ábrete\r\nnot this\n"), await folder.file("ca", cert)];
  const options = { configFolder: folder.path };
  const config = await configOf(["--password-file", files[0]!, "--ca", files[1]!], options);
  assertEquals([config.password, config.trust.ca], ["ábrete", cert]);
  assertEquals(config.trust.knownServersPath, `${folder.path}/known_servers`);
  assertEquals(config.lastJoinPath, `${folder.path}/last_join`);
});

Deno.test("clientFlags() takes the port of a typed host before that of the config file", () => {
  const configFile = { path: "client.conf", lines: [{ number: 1, text: "port 5001", arg: "--port=5001" }] };
  const portOf = (...args: string[]) => clientFlags({ args, configFile }).port;
  assertEquals([portOf(), portOf("--host", "aula")], ["5001", "5001"]);
  assertEquals([portOf("--host", "aula:5002"), portOf("--host=aula:5002", "-p", "1")], [undefined, "1"]);
});

Deno.test("DEFAULT_CONFIG waits 5 s for WELCOME, and 0.5 s when it leaves", () => {
  const { session: { connections, welcomeTimeoutMs } } = DEFAULT_CONFIG;
  assertEquals([welcomeTimeoutMs, connections.closeTimeoutMs], [5_000, 500]);
  // A client pings in silence only, and WELCOME has a time limit of its own.
  assertEquals([connections.pingAlways, connections.handshakeMs], [false, Infinity]);
});

const WRONG: [code: string, flags: string[]][] = [
  ["port-invalid", ["--port", "0"]],
  ["address-invalid", ["--host", "a b"]],
  ["port-invalid", ["--host", "aula:0"]],
  ["nick-invalid", ["--nick", "a b"]],
  ["address-invalid", ["--backup", "a b"]],
  ["flag-value-invalid", ["--history", "1001"]],
  ["flag-value-missing", ["--nick"]],
  ["flag-mistyped", ["--hots", "aula"]],
  ["port-invalid", ["aula", "otra"]],
  ["argument-unexpected", ["aula", "5000", "5001"]],
  ["argument-unexpected", ["--host", "aula", "-p", "5000", "aula"]],
  ["fingerprint-invalid", ["--tls-fingerprint", "no"]],
  ["flags-contrary", ["--ca", "ca", "--tls-fingerprint", PRINT]],
  ["flag-alone", ["--json", "--nick", "ana"]],
  ["flag-alone", ["--json", "aula"]],
  ["pattern-invalid", ["--time", "hola"]],
];

for (const [code, flags] of WRONG) {
  Deno.test(`clientConfig() refuses ${flags.join(" ")}: ${code}`, async () => {
    assertEquals((await assertRejects(() => configOf(flags), InputError)).code, code);
  });
}

const WRONG_FILES: [code: string, flag: string, text?: string][] = [
  ["file-unreadable", "--password-file"],
  ["authority-invalid", "--ca", "hola"],
];

for (const [code, flag, text] of WRONG_FILES) {
  Deno.test(`clientConfig() refuses a file of ${flag}: ${code}`, writing, async () => {
    await using folder = new TestFolder();
    const path = text ? await folder.file("file", text) : `${folder.path}/gone`;
    assertEquals((await assertRejects(() => configOf([flag, path]), InputError)).code, code);
  });
}

for (const flags of [["--tls"], ["--ca", "ca"], ["--tls-fingerprint", PRINT]]) {
  Deno.test(`clientConfig() refuses ${flags[0]} on a Deno without TLS`, async () => {
    for (const runtime of ["Deno 2.6.10, here", "Deno 2.7.14, here", "Deno 1.46.3, here"]) {
      const error = await assertRejects(() => configOf(flags, { runtime }), InputError);
      assertEquals(error.code, "tls-lacking");
      assertStringIncludes(errorText(error, "es"), runtime);
    }
  });
}
