// serverConfig(): the settings that flags make, and the flags that it refuses.

import { assertEquals, assertThrows } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags.ts";
import { InputError } from "../../lib/errors.ts";
import { DEFAULT_CONFIG, SERVER_FLAGS, serverConfig } from "../../lib/server/config.ts";
import { pure } from "../testing/test_options.ts";

const FINGERPRINT = `SHA256:${"A".repeat(43)}`;

function configOf(flags: string) {
  return serverConfig(parseFlags(flags.split(" "), SERVER_FLAGS));
}

Deno.test("serverConfig() without flags is DEFAULT_CONFIG", pure, () => {
  const withoutUndefined = (config: unknown) => JSON.parse(JSON.stringify(config));
  assertEquals(
    withoutUndefined(serverConfig(parseFlags([], SERVER_FLAGS))),
    withoutUndefined(DEFAULT_CONFIG),
  );
});

const ACCEPTED: Record<string, Record<string, unknown>> = {
  "--host ::1 --port 65535": { listen: { host: "::1", port: 65_535 } },
  "--backup 10.0.0.7 --backup [::1]:5002": { backups: ["10.0.0.7", "[::1]:5002"] },
  "--host peña.test --backup peña.test": {
    listen: { host: "xn--pea-8ma.test", port: undefined },
    backups: ["peña.test"],
  },
  [`--backup a:1#${FINGERPRINT}`]: { backups: [`a:1#${FINGERPRINT}`] },
  "--name aula": { name: "aula" },
  "--no-announce": { isAnnounced: false },
  "--grace 0": { room: { ...DEFAULT_CONFIG.room, graceMs: 0 } },
  "--grace 3600": { room: { ...DEFAULT_CONFIG.room, graceMs: 3_600_000 } },
  "--burst 5": { messages: { burst: 5, perSecond: 5 } },
  "--rate 9": { messages: { burst: 20, perSecond: 9 } },
  "--burst 5 --rate 0": { messages: { burst: Infinity, perSecond: Infinity } },
  "--max-clients 1 --max-per-address 2": {
    limits: { ...DEFAULT_CONFIG.limits, maxClients: 1, maxPerAddress: 2 },
  },
  "--data f --keep 1000 --keep-days 36500": {
    dataFile: "f",
    storage: { ...DEFAULT_CONFIG.storage, retainEntries: 1_000, retainMs: 36_500 * 86_400_000 },
  },
  "--data f --data-sync normal": { storage: { ...DEFAULT_CONFIG.storage, sync: "normal" } },
  "--data f --data-sync full": { storage: DEFAULT_CONFIG.storage },
  "--password-file p": { credentials: { passwordFile: "p" } },
  "--tls-cert c --tls-key k": {
    credentials: { passwordFile: undefined, certificate: { type: "files", cert: "c", key: "k" } },
  },
  "--password-file p --tls-auto --tls-dir d": {
    credentials: { passwordFile: "p", certificate: { type: "self-signed", folder: "d" } },
  },
  "--metrics 9464": { metrics: { host: "127.0.0.1", port: 9_464 } },
  "--metrics [::1]:9464": { metrics: { host: "::1", port: 9_464 } },
  "--nats tls://u:p@n --room r --advertise a --nats-creds c --nats-ca f": {
    nats: {
      room: "r",
      advertised: "a:5000",
      servers: ["n:4222"],
      credentials: { type: "user", user: "u", password: "p" },
      isTls: true,
      credentialsFile: "c",
      caFile: "f",
    },
  },
};

for (const [flags, expected] of Object.entries(ACCEPTED)) {
  Deno.test(`serverConfig() of ${flags} sets ${Object.keys(expected)}`, pure, () => {
    const config: Record<string, unknown> = { ...configOf(flags) };
    assertEquals(Object.fromEntries(Object.keys(expected).map((key) => [key, config[key]])), expected);
  });
}

const REFUSED: Record<string, string[]> = {
  "port-invalid": ["--port 0", "--port 70000", "--metrics 0", "--metrics 127.0.0.1:x"],
  "address-invalid": ["--backup a_!", "--metrics :9464", "--nats n --room r --advertise a_!"],
  "address-link-local": [
    ...["--backup fe80::1%vb", "--backup [fe80::1]:5000", "--backup fd00::1%vb"],
    "--nats n --room r --advertise fe80::1%vb",
  ],
  "flag-value-invalid": [
    ...["--grace soon", "--grace 3601", "--burst 0", "--rate=-1", "--rate many", "--rate 1000001"],
    ...["--max-clients 0", "--max-clients 1000001", "--max-per-address x", "--max-per-address 0"],
    ...["--data x --data-sync never", "--data x --keep 999", "--data x --keep 100000001"],
    ...[
      "--metrics 127.0.0.1",
      "--metrics ::1",
      "--data x --keep-days 0",
      "--data x --keep-days 36501",
      "--data x --keep-days soon",
    ],
    ...["--name \u200b", "--name a\u202eb", "--name a·b", `--name ${"x".repeat(41)}`],
    Array.from({ length: 17 }, (_, n) => `--backup 10.0.0.${n}`).join(" "),
  ],
  "flag-alone": [
    ...["--keep 5000", "--keep-days 5", "--data-sync full"],
    ...["--room r", "--nats n", "--nats-creds c", "--nats-ca f", "--advertise a"],
    ...["--tls-cert c", "--tls-key k", "--tls-dir d"],
    ...["--json --port 5000", "--json --host ::1"],
  ],
  "flags-contrary": ["--nats n --room r --data f", "--tls-auto --tls-cert c --tls-key k"],
  "room-invalid": ["--nats n --room a.b"],
  "nats-url-invalid": ["--nats http://n --room r"],
};

for (const [code, all] of Object.entries(REFUSED)) {
  for (const flags of all) {
    Deno.test(`serverConfig() refuses ${flags}: ${code}`, pure, () => {
      assertEquals(assertThrows(() => configOf(flags), InputError).code, code);
    });
  }
}
