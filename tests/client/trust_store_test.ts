import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Address, parseServerAddress } from "../../lib/net/address.ts";
import { ConnectError } from "../../lib/errors.ts";
import { type TrustConfig, TrustStore } from "../../lib/client/trust_store.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { testClientConfig } from "../testing/test_config.ts";

const ONE = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const TWO = ONE.replace("un", "nu");
const server = parseServerAddress("10.0.0.7:5000");
const other = parseServerAddress("10.0.0.8:5000");
const pure = { permissions: "none" } as const;

/** What the store says of a certificate: trusted, the code of an error, or no TLS at all. */
function verdict(trust: TrustStore, shown: string, on: Address = server): string {
  const proof = trust.requirementFor(on);
  if (!proof) return "plain";
  if ("ca" in proof) return "ca";
  try {
    proof.verify(shown);
    return "trusted";
  } catch (error) {
    assert(error instanceof ConnectError);
    return error.code;
  }
}

function trustIn(overrides: Partial<TrustConfig> = {}): Promise<TrustStore> {
  return TrustStore.open(testClientConfig({ trust: overrides }).trust);
}

Deno.test("TrustStore allows plain text by default", pure, async () => {
  const trust = await trustIn();
  assertEquals(verdict(trust, ONE), "plain");
});

Deno.test(
  "TrustStore.requireTls() requires TLS of that server alone, and trusts no certificate",
  pure,
  async () => {
    const trust = await trustIn();
    assertEquals(trust.requirementFor(server), undefined);
    trust.requireTls(server);
    assertEquals(verdict(trust, ONE), "certificate-unknown");
    // Anybody could have sent that in plain text: it does not affect other servers.
    assertEquals(verdict(trust, TWO, other), "plain");
    await trust.pin(server, ONE);
    assertEquals(verdict(trust, ONE), "trusted");
    assertEquals(verdict(trust, TWO, other), "certificate-unknown");
  },
);

Deno.test("TrustStore with --tls knows no certificate at first", pure, async () => {
  const trust = await trustIn({ isTls: true });
  assertEquals(verdict(trust, ONE), "certificate-unknown");
});

Deno.test("TrustStore trusts a fingerprint of a flag on any server, and requires TLS", pure, async () => {
  const trust = await trustIn({ fingerprints: [ONE] });
  assertEquals([verdict(trust, ONE), verdict(trust, ONE, other)], ["trusted", "trusted"]);
  assertEquals(verdict(trust, TWO), "certificate-unknown");
});

Deno.test("TrustStore with an authority trusts nothing else", pure, async () => {
  const trust = await trustIn({ ca: "PEM", backups: [{ server, fingerprint: ONE }] });
  assertEquals(verdict(trust, ONE), "ca");
});

Deno.test("TrustStore.pin() trusts a certificate from then on, and on that server only", pure, async () => {
  const trust = await trustIn({ isTls: true });
  assertEquals(await trust.pin(server, ONE), false);
  assertEquals(verdict(trust, ONE), "trusted");
  assertEquals(verdict(trust, TWO), "certificate-changed");
  assertEquals(verdict(trust, ONE, other), "certificate-unknown");
});

Deno.test(
  "TrustStore reads the pins of an earlier run, and never downgrades",
  writing,
  async () => {
    await using folder = new TestFolder();
    const path = `${folder.path}/chat/known_servers`;
    assertEquals(await (await trustIn({ isTls: true, knownServersPath: path })).pin(server, ONE), true);
    const trust = await trustIn({ knownServersPath: path });
    assertEquals(verdict(trust, ONE, other), "plain");
    assertEquals(verdict(trust, ONE), "trusted");
    // From here on the client never downgrades.
    assertEquals(verdict(trust, ONE, other), "certificate-unknown");
    const error = assertThrows(() => {
      const proof = trust.requirementFor(server);
      if (proof && "verify" in proof) proof.verify(TWO);
    }, ConnectError);
    assertEquals(error.details, { server: "10.0.0.7:5000", fingerprint: TWO, known: ONE, path });
  },
);

Deno.test("TrustStore.pin() keeps the pins of another process", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/known_servers`;
  const [first, second] = [
    await trustIn({ isTls: true, knownServersPath: path }),
    await trustIn({ isTls: true, knownServersPath: path }),
  ];
  await first.pin(server, ONE);
  await second.pin(other, TWO);
  const third = await trustIn({ knownServersPath: path });
  assertEquals([verdict(third, ONE), verdict(third, TWO, other)], ["trusted", "trusted"]);
});

Deno.test(
  "TrustStore takes the fingerprints that a trusted server announces; those of the user take precedence",
  pure,
  async () => {
    const trust = await trustIn({ isTls: true });
    trust.addPeerPins([{ server: other, fingerprint: TWO }]);
    assertEquals(verdict(trust, TWO, other), "trusted");
    assertEquals(verdict(trust, ONE, other), "certificate-other");
    await trust.pin(other, ONE);
    trust.addPeerPins([{ server: other, fingerprint: TWO }]);
    assertEquals(verdict(trust, ONE, other), "trusted");
    assertEquals(verdict(trust, TWO, other), "certificate-changed");
  },
);

Deno.test("TrustStore takes no fingerprint that was announced in plain text", pure, async () => {
  const trust = await trustIn();
  trust.addPeerPins([{ server: other, fingerprint: TWO }]);
  assertEquals(verdict(trust, TWO, other), "plain");
});

Deno.test(
  "TrustStore requires TLS of a backup with a fingerprint, and of other servers after it",
  pure,
  async () => {
    const trust = await trustIn({ backups: [{ server: other, fingerprint: TWO }] });
    assertEquals(verdict(trust, ONE), "plain");
    assertEquals(verdict(trust, TWO, other), "trusted");
    assertEquals(verdict(trust, ONE), "certificate-unknown");
  },
);

Deno.test(
  "TrustStore keeps allowing plain text if a backup with a fingerprint is down or shows another",
  pure,
  async () => {
    const trust = await trustIn({ backups: [{ server: other, fingerprint: TWO }] });
    assertEquals(verdict(trust, ONE), "plain");
    assert(trust.requirementFor(other));
    assertEquals(verdict(trust, ONE), "plain");
    assertEquals(verdict(trust, ONE, other), "certificate-other");
    assertEquals(verdict(trust, ONE), "plain");
    // Blocking the first server must not downgrade the others.
    const secret = await trustIn({ backups: [{ server: other, fingerprint: TWO }] });
    assert(secret.requirementFor(other));
    assertEquals(verdict(secret, ONE), "certificate-unknown");
  },
);

Deno.test("TrustStore is bounded", pure, async () => {
  const trust = await trustIn({ isTls: true });
  for (let port = 1; port <= 100; port++) {
    trust.addPeerPins([{ server: { host: "10.0.0.8", port }, fingerprint: ONE }]);
  }
  const verdicts = [1, 64, 65, 100].map((port) => verdict(trust, ONE, { host: "10.0.0.8", port }));
  assertEquals(verdicts, ["trusted", "trusted", "certificate-unknown", "certificate-unknown"]);
  trust.addPeerPins([{ server: { host: "10.0.0.8", port: 1 }, fingerprint: TWO }]);
  assertEquals(verdict(trust, TWO, { host: "10.0.0.8", port: 1 }), "trusted");
});
