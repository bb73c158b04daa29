// What the client does when a server requires a password or trust. The prompts themselves are in
// password_prompt_test.ts and tls_trust_test.ts.

import { assertEquals } from "@std/assert";
import { AuthPrompter } from "../../lib/client/auth_prompt.ts";
import { ConnectError, ServerError } from "../../lib/errors.ts";
import { TrustStore } from "../../lib/client/trust_store.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { FakeUser } from "../testing/fake_user.ts";

const pure = { permissions: "none" } as const;

const SHUT = [
  new ConnectError("certificate-unknown", { fingerprint: "SHA256:x" }),
  new ConnectError("certificate-changed", { known: "SHA256:x", fingerprint: "SHA256:y" }),
  new ServerError("password-needed", { reason: "why" }),
];

Deno.test("AuthPrompter reports to a script why it is denied, and only the first time", pure, async () => {
  for (const error of SHUT) {
    for (const isFirstReport of [true, false]) {
      await using user = new FakeUser();
      const { terminal } = user;
      const notices: string[] = [];
      const notify = (text: string) => Promise.resolve(void notices.push(text));
      const trust = await TrustStore.open(testClientConfig().trust);
      const authPrompter = new AuthPrompter(
        { terminal, language: "es", notify, trust },
        testClientConfig({ isAuto: true }),
      );
      const target = { server: { host: "aula", port: 5_000 }, nick: "ana" };
      const state = await authPrompter.authenticate({ target, error, wasJoined: false, connectedForMs: 0 }, {
        signal: new AbortController().signal,
        isConfigured: true,
        isFirstReport,
      });
      assertEquals([state, notices.length > 0], ["denied", isFirstReport], error.code);
      if (!isFirstReport) assertEquals(user.output, "");
    }
  }
});

Deno.test("AuthPrompter upgrades to TLS only if the user can be asked, and once", pure, async () => {
  const target = { server: { host: "aula", port: 5_000 }, nick: "ana" };
  const failure = {
    target,
    error: new ServerError("tls-needed", { reason: "why" }),
    wasJoined: false,
    connectedForMs: 0,
  };
  const options = { signal: new AbortController().signal, isConfigured: true, isFirstReport: true };
  for (
    const [isTty, isAuto, states] of [
      [true, false, ["retry", "denied"]],
      [true, true, ["denied", "denied"]],
      [false, false, ["denied", "denied"]],
    ] as const
  ) {
    await using user = new FakeUser({ isTty });
    const { terminal } = user;
    const trust = await TrustStore.open(testClientConfig().trust);
    const notify = () => Promise.resolve();
    const authPrompter = new AuthPrompter(
      { terminal, language: "es", notify, trust },
      testClientConfig({ isAuto }),
    );
    assertEquals([
      await authPrompter.authenticate(failure, options),
      await authPrompter.authenticate(failure, options),
    ], [...states]);
  }
});
