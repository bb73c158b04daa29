// What the client asks the user when a server requires a password or trust.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AuthPrompter } from "../../lib/client/auth_prompt.ts";
import type { ClientConfig } from "../../lib/client/config.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import { TrustStore } from "../../lib/client/trust_store.ts";
import { ConnectError, ServerError } from "../../lib/errors.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import type { Message } from "../../lib/i18n/translate.ts";
import { FakeUser, type FakeUserOptions } from "../testing/fake_user.ts";
import { type DeepPartial, testClientConfig } from "../testing/test_config.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

const SECRET = "ábrete sésamo";
const PRINT = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const server = { host: "aula", port: 5_000 };
const needed = new ServerError("password-needed", { reason: "why" });
const wrong = new ServerError("password-wrong", { reason: "why" });
const unknown = new ConnectError("certificate-unknown", { fingerprint: PRINT });
const changed = new ConnectError("certificate-changed", { known: "SHA256:x", fingerprint: PRINT });
const gone = new ConnectError("tls-gone");
const tlsNeeded = new ServerError("tls-needed", { reason: "why" });

function failureOf(error: ConnectionFailure["error"], wasJoined = false): ConnectionFailure {
  return { target: { server, nick: "ana" }, error, wasJoined, connectedForMs: 0 };
}

/** A prompter, the user whom it asks, and the lines that it prints. */
class PrompterFixture implements AsyncDisposable {
  readonly user: FakeUser;
  readonly prompter: AuthPrompter;
  readonly trust: TrustStore;
  readonly notices: string[] = [];

  constructor(config: ClientConfig, trust: TrustStore, user?: FakeUserOptions) {
    this.user = new FakeUser(user);
    this.trust = trust;
    const { terminal } = this.user;
    const notify = (message: Message, list: readonly Message[] = []) => {
      this.notices.push(message.text, ...list.map(({ text }) => text));
      return Promise.resolve();
    };
    this.prompter = new AuthPrompter({ terminal, language: "es", notify, trust }, config);
  }

  authenticate(
    error: ConnectionFailure["error"],
    {
      wasJoined = false,
      isConfigured = true,
      isFirstReport = true,
      canAskPassword = true,
      isAfterLoss = false,
      signal = new AbortController().signal,
    } = {},
  ): ReturnType<AuthPrompter["authenticate"]> {
    const failure = failureOf(error, wasJoined);
    const options = { signal, isConfigured, isFirstReport, canAskPassword, isAfterLoss };
    const result = this.prompter.authenticate(failure, options);
    return withTimeout(result, () => `an answer to\n${this.user.output}`);
  }

  /** How the trust store judges a certificate of the server. */
  isTrusted(fingerprint: string): boolean {
    const requirement = this.trust.requirementFor(server);
    assert(requirement && "verify" in requirement);
    try {
      requirement.verify(fingerprint);
      return true;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
  }
}

async function newFixture(
  overrides: DeepPartial<ClientConfig> = {},
  user?: FakeUserOptions,
): Promise<PrompterFixture> {
  const config = testClientConfig(overrides);
  return new PrompterFixture(config, await TrustStore.open(config.trust), user);
}

Deno.test("AuthPrompter asks a pipe for the password, and again if it is wrong", pure, async () => {
  await using fixture = await newFixture();
  const { prompter, user } = fixture;
  assertEquals(prompter.passwordFor(server), "");
  user.type(`salir\n\n${SECRET}\n`);
  assertEquals(await fixture.authenticate(needed), "retry");
  assertEquals(prompter.passwordFor(server), "salir");
  assertEquals(await fixture.authenticate(wrong), "retry");
  assertEquals(prompter.passwordFor({ ...server, host: "AULA" }), SECRET);
  assertEquals(prompter.passwordFor({ ...server, port: 1 }), "");
  assertEquals(
    user.output,
    `Contraseña:
Contraseña:
La contraseña está vacía: escríbala.
Contraseña:
`,
  );
});

for (
  const [title, { isScreen, isTls }] of [
    ["before it asks for a password that goes unencrypted", { isScreen: true, isTls: false }],
    ["not with TLS", { isScreen: true, isTls: true }],
    ["not a pipe", { isScreen: false, isTls: false }],
  ] as const
) {
  Deno.test(`AuthPrompter warns ${title}`, pure, async () => {
    const user = isScreen ? { isTty: true, tty: new FakeScreen({ columns: 200 }) } : {};
    await using fixture = await newFixture({ trust: { isTls } }, user);
    const result = fixture.authenticate(needed);
    await fixture.user.waitForOutput("Contraseña:");
    fixture.user.type(`${SECRET}\r\n`);
    assertEquals(await result, "retry");
    assertEquals(fixture.user.output.includes("sin cifrar"), isScreen && !isTls);
  });
}

Deno.test("AuthPrompter shows no typed password", pure, async () => {
  await using fixture = await newFixture({}, { isTty: true, tty: new FakeScreen({ columns: 200 }) });
  const result = fixture.authenticate(needed);
  await fixture.user.waitForOutput("Contraseña:");
  for (const keys of ["ábrete", " sésamo", "\r"]) fixture.user.type(keys);
  assertEquals(await result, "retry");
  for (const part of ["ábrete", "sésamo", "sés"]) assert(!fixture.user.output.includes(part));
});

Deno.test("AuthPrompter gives a configured password without a question, and only once", pure, async () => {
  await using fixture = await newFixture({ password: SECRET });
  assertEquals(await fixture.authenticate(needed), "retry");
  assertEquals([fixture.prompter.passwordFor(server), fixture.user.output], [SECRET, ""]);
  fixture.user.endInput();
  assertEquals(await fixture.authenticate(wrong), "denied");
  assertEquals([fixture.prompter.passwordFor(server), fixture.user.output], ["", "Contraseña:\n"]);
});

Deno.test("AuthPrompter gives no password to a server that no flag and no room named", pure, async () => {
  await using fixture = await newFixture({ password: SECRET });
  fixture.user.endInput();
  assertEquals(await fixture.authenticate(needed, { isConfigured: false }), "denied");
  assertEquals([fixture.prompter.passwordFor(server), fixture.user.output], ["", "Contraseña:\n"]);
});

const UNASKED: [who: string, canAskPassword: boolean, user: FakeUserOptions][] = [
  ["a pipe whose lines are for the chat", false, {}],
  ["a user whose system echoes input", true, { isTty: true }],
];

for (const [who, canAskPassword, options] of UNASKED) {
  Deno.test(`AuthPrompter tells ${who} how to give a password`, pure, async () => {
    await using fixture = await newFixture({}, options);
    fixture.user.type("hola\n");
    assertEquals(await fixture.authenticate(needed, { canAskPassword }), "denied");
    assertEquals(await fixture.authenticate(needed, { isFirstReport: false, canAskPassword }), "denied");
    assertEquals(fixture.notices.length, 2);
    assertStringIncludes(fixture.notices[0]!, "pide una contraseña");
    assertStringIncludes(fixture.notices[1]!, "--password-file");
    assertEquals(fixture.user.output, "");
    // The selector has reported a wrong one.
    await fixture.authenticate(wrong, { canAskPassword });
    assertEquals(fixture.notices.length, 3);
  });
}

for (const error of [needed, wrong]) {
  Deno.test(`AuthPrompter leaves a server by Enter after ${error.code} and a loss`, pure, async () => {
    await using fixture = await newFixture({}, { isTty: true, tty: new FakeScreen({ columns: 80 }) });
    const result = fixture.authenticate(error, { isAfterLoss: true });
    await fixture.user.waitForOutput("Contraseña de aula:5000 (Enter: otro servidor):");
    fixture.user.type("\r");
    assertEquals([await result, fixture.notices], ["denied", []]);
    const again = fixture.authenticate(needed, { isAfterLoss: true });
    fixture.user.type(`${SECRET}\r`);
    assertEquals([await again, fixture.prompter.passwordFor(server)], ["retry", SECRET]);
  });
}

Deno.test("AuthPrompter --auto says nothing more of a wrong password at a screen", pure, async () => {
  await using fixture = await newFixture({ isAuto: true }, { isTty: true, tty: new FakeScreen() });
  for (const [error, notices] of [[wrong, 0], [needed, 2]] as const) {
    assertEquals(await fixture.authenticate(error, { canAskPassword: false, isAfterLoss: true }), "denied");
    assertEquals(fixture.notices.length, notices);
  }
});

for (const error of [needed, unknown]) {
  Deno.test(`AuthPrompter quits if the user leaves at the question after ${error.code}`, pure, async () => {
    await using fixture = await newFixture({}, { isTty: true, tty: new FakeScreen() });
    const leaving = new AbortController();
    const result = fixture.authenticate(error, { signal: leaving.signal });
    await flushTasks();
    leaving.abort();
    assertEquals(await result, "quit");
  });
}

const TRUST: [answers: string, result: string, isTrusted: boolean][] = [
  ["quizá\nSí\n", "retry", true],
  ["no\n", "denied", false],
  ["salir\n", "quit", false],
];

for (const [answers, result, isTrusted] of TRUST) {
  Deno.test(`AuthPrompter asks for trust, and takes ${JSON.stringify(answers)}`, pure, async () => {
    await using fixture = await newFixture({ trust: { isTls: true } }, { isTty: true });
    fixture.user.type(answers);
    assertEquals(await fixture.authenticate(unknown), result);
    const { output } = fixture.user;
    assertStringIncludes(output, `  ${PRINT}\n¿Confiar en este certificado?`);
    assertEquals(output.includes("Responda sí o no."), answers.startsWith("quizá"));
    assertEquals(
      output.includes("El certificado de aula:5000 se acepta solo hasta que usted salga."),
      isTrusted,
    );
    assertEquals(output.includes("El cliente no entró en aula:5000: "), answers === "no\n");
    assertEquals(fixture.isTrusted(PRINT), isTrusted);
  });
}

const FORGET: [answers: string, result: string][] = [["\n", "denied"], ["no\n", "denied"], ["sí\n", "retry"]];

for (const [answers, result] of FORGET) {
  Deno.test(`AuthPrompter asks whether to forget: ${JSON.stringify(answers)}`, writing, async () => {
    await using folder = new TestFolder();
    const knownServersPath = await folder.file("known_servers", `aula:5000 ${PRINT}\n`);
    await using fixture = await newFixture({ trust: { knownServersPath } }, { isTty: true });
    fixture.user.type(answers);
    assertEquals(await fixture.authenticate(gone), result);
    assertEquals(
      fixture.user.output,
      "¿Olvidar el certificado del servidor y entrar sin cifrar? (s/n) [n]:\n",
    );
    assertEquals(fixture.trust.allowsPlaintext(server), result === "retry");
  });
}

for (const [who, isAuto, options] of [["a pipe", false, {}], ["--auto", true, { isTty: true }]] as const) {
  Deno.test(`AuthPrompter forgets nothing for ${who}`, writing, async () => {
    await using folder = new TestFolder();
    const knownServersPath = await folder.file("known_servers", `aula:5000 ${PRINT}\n`);
    await using fixture = await newFixture({ isAuto, trust: { knownServersPath } }, options);
    fixture.user.type("sí\n");
    assertEquals([await fixture.authenticate(gone), fixture.user.output], ["denied", ""]);
  });
}

Deno.test("AuthPrompter reports that known_servers cannot be written", writing, async () => {
  await using folder = new TestFolder();
  const trust = { isTls: true, knownServersPath: `${await folder.file("file", "")}/known_servers` };
  const config = testClientConfig({ trust });
  const store = await TrustStore.open({ ...config.trust, knownServersPath: `${folder.path}/none` });
  await using fixture = new PrompterFixture(config, store, { isTty: true });
  await Deno.mkdir(`${folder.path}/none`);
  fixture.user.type("sí\n");
  assertEquals(await fixture.authenticate(unknown), "retry");
  assertStringIncludes(fixture.user.output, `${folder.path}/none`);
  assertStringIncludes(fixture.user.output, "solo hasta que usted salga");
  assert(fixture.isTrusted(PRINT));
});

for (const error of [unknown, changed, needed]) {
  Deno.test(`AuthPrompter --auto reports ${error.code} only the first time`, pure, async () => {
    for (const isFirstReport of [true, false]) {
      await using fixture = await newFixture({ isAuto: true });
      assertEquals(await fixture.authenticate(error, { isFirstReport, canAskPassword: false }), "denied");
      assertEquals(fixture.notices.length > 0, isFirstReport);
      if (!isFirstReport) assertEquals(fixture.user.output, "");
    }
  });
}

Deno.test("AuthPrompter shows both fingerprints of a changed certificate", pure, async () => {
  await using fixture = await newFixture();
  assertEquals(await fixture.authenticate(changed), "denied");
  assertStringIncludes(fixture.notices[0]!, "¡CUIDADO!");
  assertEquals(fixture.notices.slice(1).map((line) => line.replaceAll(/: +/g, ": ")), [
    "Huella esperada: SHA256:x",
    `Huella recibida: ${PRINT}`,
  ]);
});

const UPGRADES: [isTty: boolean, isAuto: boolean, states: string[]][] = [
  [true, false, ["retry", "denied"]],
  [true, true, ["denied", "denied"]],
  [false, false, ["denied", "denied"]],
];

for (const [isTty, isAuto, states] of UPGRADES) {
  const who = `${isTty ? "a user" : "a pipe"}${isAuto ? " with --auto" : ""}`;
  Deno.test(`AuthPrompter upgrades to TLS for ${who}: ${states}`, pure, async () => {
    await using fixture = await newFixture({ isAuto }, { isTty });
    for (const state of states) {
      assertEquals(fixture.prompter.canUpgrade(failureOf(tlsNeeded)), state === "retry");
      assertEquals(await fixture.authenticate(tlsNeeded), state);
    }
  });
}

Deno.test("AuthPrompter leaves other failures to the selector", pure, async () => {
  await using fixture = await newFixture({ password: SECRET });
  assertEquals(await fixture.authenticate(needed, { wasJoined: true }), "notApplicable");
  assertEquals(await fixture.authenticate(new ConnectError("refused")), "notApplicable");
  assertEquals(await fixture.authenticate(new ConnectError("tls-failed")), "denied");
});
