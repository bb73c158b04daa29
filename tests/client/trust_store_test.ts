// Which certificate each server must show, and the text of known_servers.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Address, parseServerAddress } from "../../lib/net/address.ts";
import { ConnectError, InputError } from "../../lib/errors.ts";
import {
  knownFingerprint,
  MAX_KNOWN_SERVERS,
  type TrustConfig,
  TrustStore,
  upsertServer,
} from "../../lib/client/trust_store.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { pure } from "../testing/test_options.ts";

const ONE = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const TWO = ONE.replace("un", "nu");
const server = parseServerAddress("10.0.0.7:5000");
const other = parseServerAddress("10.0.0.8:5000");
const aula = parseServerAddress("Aula.uni.es:5001");

/** What the store says of a certificate: trusted, the code of an error, or no TLS at all. */
function verdict(trust: TrustStore, shown: string, on: Address = server): string {
  const requirement = trust.requirementFor(on);
  if (!requirement) return "plain";
  if ("ca" in requirement) return "ca";
  try {
    requirement.verify(shown);
    return "trusted";
  } catch (error) {
    assert(error instanceof ConnectError);
    return error.code;
  }
}

function trustWith(overrides: Partial<TrustConfig> = {}): Promise<TrustStore> {
  return TrustStore.open(testClientConfig({ trust: overrides }).trust);
}

const FLAGS: [what: string, config: Partial<TrustConfig>, verdicts: [Address, shown: string, string][]][] = [
  ["allows plain text by default", {}, [[server, ONE, "plain"]]],
  ["with --tls knows no certificate at first", { isTls: true }, [[server, ONE, "certificate-unknown"]]],
  ["trusts a fingerprint of a flag on any server, and requires TLS", { fingerprints: [ONE] }, [
    [server, ONE, "trusted"],
    [other, ONE, "trusted"],
    [server, TWO, "certificate-unknown"],
  ]],
  ["with --ca trusts nothing else", { ca: "PEM", backups: [{ server, fingerprint: ONE }] }, [
    [other, ONE, "ca"],
    [server, ONE, "ca"],
  ]],
  ["never downgrades after a backup with a fingerprint", { backups: [{ server: other, fingerprint: TWO }] }, [
    [server, ONE, "plain"],
    [other, TWO, "trusted"],
    [server, ONE, "certificate-unknown"],
  ]],
  ["downgrades after a backup with another fingerprint", { backups: [{ server: other, fingerprint: TWO }] }, [
    [server, ONE, "plain"],
    [other, ONE, "certificate-other"],
    [server, ONE, "plain"],
  ]],
  // An attacker who blocks the first server must not downgrade the others.
  ["never downgrades if TLS came first", { backups: [{ server: other, fingerprint: TWO }] }, [
    [other, ONE, "certificate-other"],
    [server, ONE, "certificate-unknown"],
  ]],
];

for (const [what, config, verdicts] of FLAGS) {
  Deno.test(`TrustStore ${what}`, pure, async () => {
    const trust = await trustWith(config);
    assertEquals(verdicts.map(([on, shown]) => verdict(trust, shown, on)), verdicts.map((row) => row[2]));
  });
}

Deno.test("TrustStore.requireTls() requires TLS of that server alone", pure, async () => {
  const trust = await trustWith();
  assertEquals(trust.requirementFor(server), undefined);
  trust.requireTls(server);
  assertEquals(verdict(trust, ONE), "certificate-unknown");
  // An attacker could have sent that in plain text: it does not affect other servers.
  assertEquals(verdict(trust, TWO, other), "plain");
  assertEquals(await trust.pin(server, ONE), false);
  assertEquals(verdict(trust, ONE), "trusted");
  assertEquals(verdict(trust, TWO, other), "certificate-unknown");
});

Deno.test("TrustStore.open() reads the pins of an earlier run, and never downgrades", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/chat/known_servers`;
  assertEquals(await (await trustWith({ isTls: true, knownServersPath: path })).pin(server, ONE), true);
  const trust = await trustWith({ knownServersPath: path });
  assertEquals(verdict(trust, ONE, other), "plain");
  assertEquals(verdict(trust, ONE), "trusted");
  assertEquals(verdict(trust, ONE, other), "certificate-unknown");
  const requirement = trust.requirementFor(server);
  assert(requirement && "verify" in requirement);
  const { details } = assertThrows(() => requirement.verify(TWO), ConnectError);
  assertEquals(details, {
    server: "10.0.0.7:5000",
    fingerprint: TWO,
    known: ONE,
    client: "deno task client",
  });
});

Deno.test("TrustStore.probeRequirementFor() checks a certificate of that server alone", pure, async () => {
  const trust = await trustWith({ backups: [{ server: other, fingerprint: ONE }] });
  const probed = trust.probeRequirementFor(other);
  assert(probed && "verify" in probed);
  probed.verify(ONE);
  assertThrows(() => probed.verify(TWO), ConnectError);
  assertEquals(trust.probeRequirementFor(server), undefined);
  assertEquals([verdict(trust, ONE), verdict(trust, ONE, other), verdict(trust, ONE)], [
    "plain",
    "trusted",
    "certificate-unknown",
  ]);
});

Deno.test("TrustStore.pin() keeps the pins of another process", writing, async () => {
  await using folder = new TestFolder();
  const config = { isTls: true, knownServersPath: `${folder.path}/known_servers` };
  const [first, second] = [await trustWith(config), await trustWith(config)];
  await first.pin(server, ONE);
  await second.pin(other, TWO);
  const third = await trustWith(config);
  assertEquals([verdict(third, ONE), verdict(third, TWO, other)], ["trusted", "trusted"]);
});

Deno.test("TrustStore.addPeerPins() trusts announced fingerprints, the user's more", pure, async () => {
  const trust = await trustWith({ isTls: true });
  trust.addPeerPins([{ server: other, fingerprint: TWO }]);
  assertEquals(verdict(trust, TWO, other), "trusted");
  assertEquals(verdict(trust, ONE, other), "certificate-other");
  await trust.pin(other, ONE);
  trust.addPeerPins([{ server: other, fingerprint: TWO }]);
  assertEquals(verdict(trust, ONE, other), "trusted");
  assertEquals(verdict(trust, TWO, other), "certificate-changed");
});

Deno.test("TrustStore.addPeerPins() ignores what was announced in plain text", pure, async () => {
  const trust = await trustWith();
  trust.addPeerPins([{ server: other, fingerprint: TWO }]);
  assertEquals(verdict(trust, TWO, other), "plain");
});

Deno.test("TrustStore.addPeerPins() keeps 64 servers", pure, async () => {
  const trust = await trustWith({ isTls: true });
  const servers = Array.from({ length: 65 }, (_, i) => ({ host: "10.0.0.8", port: i + 1 }));
  trust.addPeerPins(servers.map((server) => ({ server, fingerprint: ONE })));
  const verdicts = [0, 63, 64].map((i) => verdict(trust, ONE, servers[i]));
  assertEquals(verdicts, ["trusted", "trusted", "certificate-unknown"]);
  trust.addPeerPins([{ server: servers[0]!, fingerprint: TWO }]);
  assertEquals(verdict(trust, TWO, servers[0]), "trusted");
});

Deno.test("upsertServer() adds a server that knownFingerprint() finds in any case", pure, () => {
  const text = upsertServer("", aula, ONE);
  assertEquals(text, `aula.uni.es:5001 ${ONE}\n`);
  for (const [address, known] of [["aula.UNI.es:5001", ONE], ["aula.uni.es:5002"], ["la.uni.es:5001"]]) {
    assertEquals(knownFingerprint(text, parseServerAddress(address!)), known);
  }
});

Deno.test("upsertServer() replaces the line of a server in known_servers, in any case", pure, () => {
  const text = `AULA.uni.ES:5001 ${ONE}\n[::1]:5000 ${ONE}\n`;
  assertEquals(upsertServer(text, aula, TWO), `[::1]:5000 ${ONE}\naula.uni.es:5001 ${TWO}\n`);
});

Deno.test("upsertServer() writes nothing but a fingerprint", pure, () => {
  assertThrows(() => upsertServer("", aula, `${ONE}\nevil:5000 ${TWO}`), InputError);
});

Deno.test("upsertServer() drops the oldest line of a full file", pure, () => {
  const full = Array.from({ length: MAX_KNOWN_SERVERS }, (_, i) => `h:${i + 1} ${ONE}\n`).join("");
  const lines = upsertServer(full, aula, TWO).trim().split("\n");
  assertEquals([lines.length, lines[0], lines.at(-1)], [
    MAX_KNOWN_SERVERS,
    `h:2 ${ONE}`,
    `aula.uni.es:5001 ${TWO}`,
  ]);
});

const KNOWN: [what: string, text: string, known: string][] = [
  [
    "takes the last of several lines",
    `aula.uni.es:5001 ${ONE}\r\n\n  aula.uni.es:5001\t${TWO}  comment\n`,
    TWO,
  ],
  ["finds a server in any case in the file", `AULA.uni.ES:5001 ${ONE}`, ONE],
  // No certificate matches, and the server does not pass for a new one.
  ["returns an empty text for a line without one", "aula.uni.es:5001", ""],
  ["returns what is no fingerprint", "aula.uni.es:5001 quizá", "quizá"],
];

for (const [what, text, known] of KNOWN) {
  Deno.test(`knownFingerprint() ${what}`, pure, () => assertEquals(knownFingerprint(text, aula), known));
}

Deno.test("TrustStore.explain() names the line that remembers a server without TLS", writing, async () => {
  await using folder = new TestFolder();
  const knownServersPath = await folder.file("known_servers", `10.0.0.8:5000 ${TWO}\n10.0.0.7:5000 ${ONE}\n`);
  const trust = await trustWith({ knownServersPath });
  const { code, details } = trust.explain(new ConnectError("not-tls"), server) as ConnectError;
  assertEquals<unknown>([code, details], [
    "tls-gone",
    { server: "10.0.0.7:5000", path: knownServersPath, line: 2, client: "deno task client" },
  ]);
  for (const [error, on] of [["not-tls", aula], ["tls-failed", server]] as const) {
    const other = new ConnectError(error);
    assertEquals(trust.explain(other, on), other);
  }
});

Deno.test("TrustStore.forget() allows plain text, and writes the file", writing, async () => {
  await using folder = new TestFolder();
  const knownServersPath = await folder.file("known_servers", `10.0.0.8:5000 ${TWO}\n10.0.0.7:5000 ${ONE}\n`);
  const trust = await trustWith({ knownServersPath });
  assertEquals(verdict(trust, TWO), "certificate-changed"); // dialled with TLS, as the file says
  assertEquals([trust.canForget(server), trust.canForget(aula)], [true, false]);
  assertEquals([await trust.forget(server), await trust.forget(server)], [true, false]);
  assertEquals(verdict(trust, ONE), "plain");
  assertEquals(await Deno.readTextFile(knownServersPath), `10.0.0.8:5000 ${TWO}\n`);
});

Deno.test("TrustStore.canForget() is false once TLS is required or proven", writing, async () => {
  await using folder = new TestFolder();
  const knownServersPath = await folder.file("known_servers", `10.0.0.8:5000 ${TWO}\n10.0.0.7:5000 ${ONE}\n`);
  const demands = [{ isTls: true }, { fingerprints: [ONE] }, { backups: [{ server, fingerprint: ONE }] }];
  for (const demand of demands) {
    assertEquals((await trustWith({ knownServersPath, ...demand })).canForget(server), false);
  }
  const trust = await trustWith({ knownServersPath });
  assertEquals([trust.canForget(server), verdict(trust, TWO, other)], [true, "trusted"]);
  assertEquals(trust.canForget(server), false);
  await trust.forget(server);
  assertEquals(verdict(trust, ONE), "certificate-unknown"); // never plain text after TLS
});
