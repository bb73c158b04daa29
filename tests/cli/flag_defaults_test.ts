// The help of flags repeats their defaults: held against DEFAULT_CONFIG of both programs.

import { assertMatch } from "@std/assert";
import { DEFAULT_CONFIG as CLIENT } from "../../lib/client/config.ts";
import { LANGUAGES, type TranslationKey, TRANSLATIONS } from "../../lib/i18n/translate.ts";
import { DEFAULT_PORT } from "../../lib/net/address.ts";
import { DEFAULT_DISPLAY } from "../../lib/render/renderer.ts";
import { DEFAULT_CONFIG as SERVER } from "../../lib/server/config.ts";

const DAY_MS = 86_400_000;
const DEFAULTS: readonly (readonly [TranslationKey, string | number])[] = [
  ["flag.server-port", DEFAULT_PORT],
  ["flag.grace", SERVER.room.graceMs / 1_000],
  ["flag.burst", SERVER.messages.burst],
  ["flag.rate", SERVER.messages.perSecond],
  ["flag.max-clients", SERVER.limits.maxClients],
  ["flag.max-per-address", SERVER.limits.maxPerAddress],
  ["flag.keep", SERVER.storage.retainEntries],
  ["flag.keep-days", SERVER.storage.retainMs / DAY_MS],
  ["flag.history", CLIENT.historyCount],
  ["flag.time", DEFAULT_DISPLAY.pattern],
];

for (const language of LANGUAGES) {
  Deno.test(`the help of flags has the defaults, in ${language}`, { permissions: "none" }, () => {
    for (const [key, value] of DEFAULTS) {
      assertMatch(TRANSLATIONS[language][key], new RegExp(`\\(${value}\\b`), key);
    }
  });
}
