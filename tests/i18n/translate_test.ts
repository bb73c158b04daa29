// The catalogues are complete in both languages, and every error has its sentence.

import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { type Command, namesIn } from "../../lib/cli/commands.ts";
import { parseCount, parseFlags } from "../../lib/cli/flags.ts";
import { CHAT_COMMANDS } from "../../lib/client/commands.ts";
import {
  ChatError,
  type ConnectCode,
  ConnectError,
  type ConnectionLostCode,
  ConnectionLostError,
  type HttpRequestError,
  type InputCode,
  InputError,
  type ListenCode,
  ListenError,
  type NatsCode,
  type OutputError,
  ProtocolError,
  ServerError,
  type StoreCode,
  WIRE_CODES,
} from "../../lib/errors.ts";
import {
  chooseLanguage,
  errorText,
  type Language,
  LANGUAGES,
  type TranslationKey,
  TRANSLATIONS,
  translator,
  wireReason,
} from "../../lib/i18n/translate.ts";
import { parseAddress, parsePort } from "../../lib/net/address.ts";
import { ADMIN_COMMANDS } from "../../lib/server/console.ts";
import { parseNick } from "../../lib/text/nick.ts";
import { parseText } from "../../lib/text/text.ts";
import { pure } from "../testing/test_options.ts";

const KEYS = Object.keys(TRANSLATIONS.es) as TranslationKey[];

function placeholdersOf(sentence: string): string[] {
  return [...sentence.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name!).sort();
}

Deno.test("TRANSLATIONS have every sentence in both languages, with the same placeholders", pure, () => {
  assertEquals(Object.keys(TRANSLATIONS).sort(), [...LANGUAGES].sort());
  assertEquals(Object.keys(TRANSLATIONS.en).sort(), [...KEYS].sort());
  for (const key of KEYS) {
    assertEquals([key, placeholdersOf(TRANSLATIONS.en[key])], [key, placeholdersOf(TRANSLATIONS.es[key])]);
  }
});

Deno.test("TRANSLATIONS are not empty, have no spaces around them, and differ by language", pure, () => {
  const same = KEYS.filter((key) => TRANSLATIONS.es[key] === TRANSLATIONS.en[key]);
  const values = ["IP", "[IP:]N", "N", "S", "NICK", "URL", "SHA256:..."].map((name) => `value.${name}`);
  assertEquals(same, ["ask.nick", "backup.fails", "client.no", "error.unknown", ...values]);
  for (const language of LANGUAGES) {
    for (const key of KEYS) assertMatch(TRANSLATIONS[language][key], /^\S(?:[^]*\S)?$/, `${language} ${key}`);
  }
});

Deno.test("TRANSLATIONS name commands as the help of their language does", pure, () => {
  const commands = [...CHAT_COMMANDS.commands, ...ADMIN_COMMANDS.commands] as Command<never>[];
  const firstNames = (language: Language) => commands.map((command) => namesIn(command, language)[0]!);
  const wrong = KEYS.filter((key) =>
    LANGUAGES.some((language) => {
      const others = LANGUAGES.filter((other) => other !== language).flatMap(firstNames);
      return others.some((name) => new RegExp(`(?<![\\w/])${name}\\b`).test(TRANSLATIONS[language][key]));
    })
  );
  assertEquals(wrong, []);
});

type Unprefixed<Key, Prefix extends string> = Key extends `${Prefix}.${infer Code}` ? Code : never;
type Code =
  | ConnectCode
  | ConnectionLostCode
  | InputCode
  | ListenCode
  | NatsCode
  | OutputError["code"]
  | StoreCode
  | HttpRequestError["code"]
  | "unknown";
type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;

Deno.test("TRANSLATIONS have a sentence for each error code, and for no other", pure, () => {
  // Checked by the compiler.
  const isComplete: Same<Unprefixed<TranslationKey, "error">, Code> = true;
  assertEquals(isComplete, true);
  const wireKeys = KEYS.filter((key) => key.startsWith("wire."));
  assertEquals(wireKeys.sort(), WIRE_CODES.map((code) => `wire.${code}` as TranslationKey).sort());
});

Deno.test("translator() fills in every placeholder, as it is", pure, () => {
  type AnySentence = (key: TranslationKey, values: Record<string, string>) => string;
  for (const language of LANGUAGES) {
    const t = translator(language) as AnySentence;
    for (const key of KEYS) {
      const sentence = TRANSLATIONS[language][key];
      const values = Object.fromEntries(placeholdersOf(sentence).map((name) => [name, `<$&${name}{x}>`]));
      assertEquals(t(key, values), sentence.replaceAll(/\{([^}]*)\}/g, "<$$&$1{x}>"));
    }
  }
  assertEquals(translator("en")("error.choice-invalid", { max: 0 }), "Choose a number from 1 to 0.");
});

const port = { port: { value: "N", help: "flag.help" } } as const;
const INPUTS: [act: () => unknown, sentence: string][] = [
  [() => parsePort("0"), 'El puerto "0" no es válido: debe ser un número de 1 a 65535.'],
  [() => parseAddress("a b"), '"a b" no es una dirección: escriba IP o nombre, con o sin ":puerto".'],
  [
    () => parseNick("a b"),
    'El nick "a b" no es válido: use solo letras, números, "_" y "-" (hasta 20).',
  ],
  [() => parseNick(" "), 'Escriba un nick de 1 a 20 letras, números, "_" o "-".'],
  [() => parseText("x".repeat(2_001)), "No se envió: el mensaje tiene 2001 caracteres; acórtelo a 2000."],
  [() => parseFlags(["--nada"], {}), 'La opción "--nada" no existe. Pruebe con --help.'],
  [() => parseFlags(["nada"], {}), 'No se esperaba "nada". Pruebe con --help.'],
  [() => parseFlags(["--port"], port), 'La opción "--port" necesita un valor. Pruebe con --help.'],
  [() => parseCount("--grace", "x", 9), 'La opción "--grace" no admite "x". Pruebe con --help.'],
];
for (const [act, sentence] of INPUTS) {
  Deno.test(`errorText() of a user's error is: ${sentence}`, pure, () => {
    assertEquals(errorText(assertThrows(act, InputError), "es"), sentence);
    assertNotEquals(errorText(assertThrows(act, InputError), "en"), sentence);
  });
}

const ERRORS: Record<string, [error: unknown, language: "es" | "en", text: string][]> = {
  "leaves out details that are missing": [
    [new ListenError("port-in-use", { port: 1 }), "es", "El puerto 1 ya está en uso en : elija otro."],
  ],
  "fills in the details": [
    [
      new ConnectError("refused", { server: "10.0.0.7:5000" }),
      "en",
      "No server listens on 10.0.0.7:5000: check the address and the port.",
    ],
    [
      new ListenError("port-in-use", { host: "10.0.0.7", port: 5_000 }),
      "es",
      "El puerto 5000 ya está en uso en 10.0.0.7: elija otro.",
    ],
  ],
  "says so if a kick has no reason": [
    [new ServerError("kicked", { reason: "" }), "es", "Se le expulsó."],
    [new ServerError("kicked", { reason: "" }), "en", "You were kicked."],
    [new ServerError("kicked", { reason: "x" }), "en", "You were kicked: x"],
  ],
  "tells a silent server from a server that calls its client silent": [
    [new ConnectionLostError("silent"), "en", "the server stopped responding"],
    [new ServerError("silent"), "en", "the client stopped responding"],
    [new ProtocolError("silent"), "en", "the client stopped responding"],
  ],
  "quotes the reason of an unknown error": [
    [
      new ServerError("of-the-future", { reason: "Cannot serve you" }),
      "es",
      "Cannot serve you (of-the-future)",
    ],
    [new ServerError("__proto__", { reason: "why" }), "es", "why (__proto__)"],
    [new ChatError("unheard-of", { reason: "why" }), "en", "why (unheard-of)"],
    [new TypeError("why"), "en", "why (internal)"],
    ["why", "en", "why (internal)"],
  ],
};
for (const [what, cases] of Object.entries(ERRORS)) {
  Deno.test(`errorText() ${what}`, pure, () => {
    for (const [error, language, text] of cases) assertEquals(errorText(error, language), text);
  });
}

Deno.test("errorText() asks for a nick where none was written", pure, () => {
  const text = errorText(new InputError("nick-invalid", { nick: " ", max: 20 }), "es");
  assertEquals(text, 'Escriba un nick de 1 a 20 letras, números, "_" o "-".');
});

Deno.test("errorText() shows the control characters that it quotes", pure, () => {
  const flag = new InputError("flag-unknown", { flag: "\x1b" });
  const errors = [
    flag,
    new InputError("config-line", { path: "chat.conf", line: 1 }, { cause: flag }),
    new ServerError("\x1b", { reason: "why" }),
    new TypeError("\x1b"),
  ];
  for (const error of errors) {
    const text = errorText(error, "es");
    assertEquals([text.includes("\u241b"), text.includes("\x1b")], [true, false]);
  }
});

Deno.test("wireReason() is the English sentence of an error, or the admin's reason of a kick", pure, () => {
  assertEquals(wireReason(new ProtocolError("silent")), "the client stopped responding");
  assertEquals(wireReason(new ProtocolError("kicked", { reason: "por gritar" })), "por gritar");
  assertEquals(wireReason(new ProtocolError("kicked")), "");
});

const CHOICES: [language: string, flag: string | undefined, locales: (string | undefined)[]][] = [
  ["es", undefined, []],
  ["es", undefined, [undefined, "", "C.UTF-8"]],
  ["es", undefined, ["fr_FR.UTF-8", "english"]],
  ["en", undefined, ["estonian", "en"]],
  ["en", undefined, ["en_GB.UTF-8"]],
  ["en", undefined, ["C", "EN", "es_ES"]],
  ["es", undefined, [undefined, "es_MX.UTF-8", "en_US"]],
  ["en", "en", ["es_ES"]],
  ["es", "es", ["en_US"]],
  ["en", "fr", ["en_US"]],
];
for (const [language, flag, locales] of CHOICES) {
  const given = `--lang ${flag} and ${locales.join() || "no locale"}`;
  Deno.test(`chooseLanguage() is ${language} for ${given}`, pure, () => {
    assertEquals(chooseLanguage(flag, locales), language);
  });
}

Deno.test("errorText() does not tell the length of a text that a line editor may have cut", pure, () => {
  const texts = [20_000, 65_536].map((length) => {
    return errorText(new InputError("text-too-long", { length, max: 2_000 }), "es").replace(/^.*tiene /, "");
  });
  assertEquals(texts, ["20000 caracteres; acórtelo a 2000.", "más de 20000 caracteres; acórtelo a 2000."]);
});
