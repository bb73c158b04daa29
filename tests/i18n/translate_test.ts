// The catalogue is complete in both languages, and every error has its sentence.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { parseAddress, parsePort } from "../../lib/net/address.ts";
import {
  ChatError,
  ConnectError,
  ConnectionLostError,
  type InputCode,
  InputError,
  ListenError,
  ProtocolError,
  ServerError,
  WIRE_CODES,
} from "../../lib/errors.ts";
import type { ConnectCode, ConnectionLostCode, ListenCode, NatsCode, StoreCode } from "../../lib/errors.ts";
import { parseCount, parseFlags } from "../../lib/cli/flags.ts";
import {
  chooseLanguage,
  errorText,
  LANGUAGES,
  type TranslationKey,
  TRANSLATIONS,
  translator,
} from "../../lib/i18n/translate.ts";
import { parseNick } from "../../lib/text/nick.ts";
import { parseText } from "../../lib/text/text.ts";

const pure = { permissions: "none" } as const;

const KEYS = Object.keys(TRANSLATIONS.es) as TranslationKey[];

function placeholdersOf(sentence: string): string[] {
  return [...sentence.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name!).sort();
}

/** All codes but those of the wire; the compiler sees that none is missing and none too many. */
const CODES: Record<ConnectCode | ListenCode | ConnectionLostCode | InputCode | NatsCode | StoreCode, true> =
  {
    "name-unknown": true,
    "refused": true,
    "unreachable": true,
    "network-away": true,
    "no-answer": true,
    "not-a-chat-server": true,
    "not-tls": true,
    "tls-failed": true,
    "certificate-refused": true,
    "certificate-unfit": true,
    "certificate-expired": true,
    "certificate-unknown": true,
    "certificate-changed": true,
    "certificate-other": true,
    "flag-alone": true,
    "flags-contrary": true,
    "no-folder": true,
    "tls-lacking": true,
    "password-empty": true,
    "password-too-long": true,
    "file-unreadable": true,
    "file-unwritable": true,
    "fingerprint-invalid": true,
    "nats-unreachable": true,
    "nats-refused": true,
    "nats-forbidden": true,
    "nats-tls": true,
    "nats-no-jetstream": true,
    "nats-full": true,
    "nats-other-stream": true,
    "nats-stream-gone": true,
    "nats-log-cut": true,
    "nats-log-back": true,
    "nats-unread": true,
    "nats-newer": true,
    "nats-url-invalid": true,
    "nats-creds-invalid": true,
    "room-invalid": true,
    "certificate-invalid": true,
    "answer-unclear": true,
    "answer-is-talk": true,
    "port-in-use": true,
    "port-privileged": true,
    "address-not-local": true,
    "listen-failed": true,
    "accept-failed": true,
    "closing": true,
    "closed": true,
    "broken": true,
    "silent": true,
    "garbled": true,
    "port-invalid": true,
    "address-invalid": true,
    "ip-invalid": true,
    "minutes-invalid": true,
    "backups-full": true,
    "backup-unknown": true,
    "backup-serves": true,
    "backup-is-self": true,
    "pattern-invalid": true,
    "choice-invalid": true,
    "nick-invalid": true,
    "nick-mixed": true,
    "text-too-long": true,
    "flag-unknown": true,
    "flag-value-missing": true,
    "flag-value-invalid": true,
    "argument-unexpected": true,
    "command-unknown": true,
    "command-mistyped": true,
    "args-missing": true,
    "args-extra": true,
    "input-ended": true,
    "data-busy": true,
    "data-newer": true,
    "data-damaged": true,
    "data-unusable": true,
    "disk-full": true,
    "disk-failed": true,
  };

Deno.test("Both languages have every sentence, with the same placeholders", pure, () => {
  assertEquals(Object.keys(TRANSLATIONS).sort(), [...LANGUAGES].sort());
  assertEquals(Object.keys(TRANSLATIONS.en).sort(), [...KEYS].sort());
  for (const key of KEYS) {
    assertEquals([key, placeholdersOf(TRANSLATIONS.en[key])], [key, placeholdersOf(TRANSLATIONS.es[key])]);
  }
});

Deno.test("Translations are not empty, and say the same thing in two ways", pure, () => {
  const same = KEYS.filter((key) => TRANSLATIONS.es[key] === TRANSLATIONS.en[key]);
  const values = ["IP", "N", "S", "NICK", "URL", "SHA256:..."].map((name) => `value.${name}`);
  assertEquals(same, ["ask.nick", "error.unknown", ...values, "client.no"]);
  for (const key of KEYS) {
    for (const language of LANGUAGES) {
      const sentence = TRANSLATIONS[language][key];
      assert(
        sentence === sentence.trim() && sentence !== "",
        `${language} ${key}: ${JSON.stringify(sentence)}`,
      );
    }
  }
});

Deno.test("Placeholders have names that are found", pure, () => {
  type AnySentence = (key: TranslationKey, values: Record<string, string>) => string;
  for (const key of KEYS) {
    const values = Object.fromEntries(
      placeholdersOf(TRANSLATIONS.es[key]).map((name) => [name, `<${name}>`]),
    );
    for (const language of LANGUAGES) {
      const filled = (translator(language) as AnySentence)(key, values);
      assertEquals(filled, TRANSLATIONS[language][key].replaceAll("{", "<").replaceAll("}", ">"));
    }
  }
});

Deno.test("translator() fills in text as it is", pure, () => {
  const spanish = translator("es");
  assertEquals(spanish("ask.port"), "Puerto");
  assertEquals(
    spanish("client.connection-lost", { server: "$&", why: "{server}" }),
    "Se perdió la conexión con $&: {server}",
  );
  assertEquals(translator("en")("error.choice-invalid", { max: 0 }), "Choose a number from 1 to 0.");
});

Deno.test("Every code has its sentence, and no sentence is about a code that there is not", pure, () => {
  const keysOf = (prefix: string) => KEYS.filter((key) => key.startsWith(prefix)).sort();
  assertEquals(keysOf("wire."), WIRE_CODES.map((code) => `wire.${code}` as TranslationKey).sort());
  const codes = [...Object.keys(CODES), "unknown"];
  assertEquals(keysOf("error."), codes.map((code) => `error.${code}` as TranslationKey).sort());
});

/** What people are told about what they gave, with nothing left open. */
const INPUTS: [() => unknown, string][] = [
  [() => parsePort("0"), 'El puerto "0" no vale: debe ser un número de 1 a 65535.'],
  [() => parseAddress("a b"), '"a b" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".'],
  [() => parseNick("a b"), 'El nick "a b" no vale: de 1 a 20 letras, cifras, "_" o "-", sin espacios.'],
  [
    () => parseText("x".repeat(2_001)),
    "El mensaje tiene 2001 caracteres y el límite es 2000: no se ha enviado.",
  ],
  [() => parseFlags(["--nada"], {}), 'No existe la opción "--nada". Pruebe con --help.'],
  [() => parseFlags(["nada"], {}), 'Sobra "nada". Pruebe con --help.'],
  [
    () => parseFlags(["--port"], { port: { value: "N", help: "flag.help" } }),
    'A la opción "--port" le falta su valor. Pruebe con --help.',
  ],
  [() => parseCount("--grace", "x", 9), 'La opción "--grace" no admite "x". Pruebe con --help.'],
];

Deno.test("errorText() tells what is wrong with what a person gave", pure, () => {
  for (const [act, sentence] of INPUTS) {
    assertEquals(errorText(assertThrows(act, InputError), "es"), sentence);
    assertNotEquals(errorText(assertThrows(act, InputError), "en"), sentence);
  }
});

Deno.test("errorText() fills in what an error is about", pure, () => {
  const refused = new ConnectError("refused", { server: "10.0.0.7:5000" });
  assertEquals(
    errorText(refused, "en"),
    "Nothing is listening on 10.0.0.7:5000: check the address and the port, and that the server is running.",
  );
  const inUse = new ListenError("port-in-use", { host: "10.0.0.7", port: 5_000 });
  assertEquals(errorText(inUse, "es"), "El puerto 5000 ya está en uso en 10.0.0.7: elija otro.");
});

Deno.test("errorText() has words for a reason that nobody gave", pure, () => {
  const kicked = (reason: string) => new ServerError("kicked", { reason });
  assertEquals(errorText(kicked(""), "es").split(": ")[1], "sin decir por qué");
  assertEquals(errorText(kicked(""), "en").split(": ")[1], "no reason given");
  assertEquals(errorText(kicked("por gritar"), "en").split(": ")[1], "por gritar");
});

Deno.test("errorText() tells silence that a server tells us of from a server's own silence", pure, () => {
  assertEquals(errorText(new ConnectionLostError("silent"), "en"), "the server stopped responding");
  assertEquals(errorText(new ServerError("silent"), "en"), "there was no sign of life");
  assertEquals(errorText(new ProtocolError("silent"), "en"), "there was no sign of life");
});

Deno.test("errorText() repeats the reason of what it does not know", pure, () => {
  assertEquals(
    errorText(new ServerError("of-the-future", { reason: "Cannot serve you" }), "es"),
    "Cannot serve you (of-the-future)",
  );
  assertEquals(errorText(new ServerError("__proto__", { reason: "why" }), "es"), "why (__proto__)");
  assertEquals(errorText(new ChatError("unheard-of", { reason: "why" }), "en"), "why (unheard-of)");
  assertEquals(errorText(new TypeError("why"), "en"), "why (internal)");
  assertEquals(errorText("why", "en"), "why (internal)");
});

const CHOICES: [string, string | undefined, (string | undefined)[]][] = [
  ["es", undefined, []],
  ["es", undefined, [undefined, "", "C.UTF-8"]],
  ["es", undefined, ["fr_FR.UTF-8", "english"]],
  ["en", undefined, ["estonian", "en"]],
  ["en", undefined, ["en_GB.UTF-8"]],
  ["en", undefined, ["en"]],
  ["en", undefined, ["C", "EN", "es_ES"]],
  ["es", undefined, [undefined, "es_MX.UTF-8", "en_US"]],
  ["en", "en", ["es_ES"]],
  ["es", "es", ["en_US"]],
  ["en", "fr", ["en_US"]],
];

for (const [language, flag, locales] of CHOICES) {
  Deno.test(
    `chooseLanguage() is ${language} for --lang ${flag} and ${locales.join() || "no locale"}`,
    pure,
    () => {
      assertEquals(chooseLanguage(flag, locales), language);
    },
  );
}
