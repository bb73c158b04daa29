// Flags from a table: parsing, help in columns, and completion scripts. tests/e2e/ tries these in the shells.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  checkCombinations,
  COMMON_FLAGS,
  completions,
  flagHelp,
  type FlagTable,
  formatColumns,
  parseCount,
  parseFlags,
} from "../../lib/cli/flags.ts";
import { DEFAULT_CONFIG as CLIENT } from "../../lib/client/config.ts";
import { InputError } from "../../lib/errors.ts";
import {
  type Language,
  LANGUAGES,
  type TranslationKey,
  TRANSLATIONS,
  translator,
} from "../../lib/i18n/translate.ts";
import { DEFAULT_PORT } from "../../lib/net/address.ts";
import { FULL_PATTERN } from "../../lib/render/timestamps.ts";
import { DEFAULT_CONFIG as SERVER } from "../../lib/server/config.ts";
import { pure } from "../testing/test_options.ts";

const FLAGS = {
  port: { value: "N", alias: "p", help: "flag.client-port" },
  backup: { value: "HOST:PORT", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** The values of flags, without those that were not given. */
function given(args: readonly string[]): Record<string, unknown> {
  const { port, backup, auto, lang, help, version } = parseFlags(args, FLAGS);
  const all = { port, backup, auto, lang, help, version };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value && String(value) !== ""));
}

/** Code and details of the error. */
function refusal(act: () => unknown): unknown[] {
  const { code, details } = assertThrows(act, InputError);
  return [code, details];
}

Deno.test("parseFlags() takes one argument for the flag that is positional", pure, () => {
  const table = { host: { value: "HOST", isPositional: true, help: "flag.client-host" }, ...FLAGS } as const;
  assertEquals(parseFlags(["lab:5000", "--auto"], table).host, "lab:5000");
  assertEquals(parseFlags(["-p", "1", "007"], table).host, "007");
  for (const args of [["a", "b"], ["--host", "a", "b"], ["b", "--host=a"]]) {
    assertEquals(refusal(() => parseFlags(args, table)), ["argument-unexpected", { argument: "b" }]);
  }
});

Deno.test("parseFlags() has a default for each flag that is not given", pure, () => {
  const { port, backup, auto, lang, help, version } = parseFlags([], FLAGS);
  assertEquals([port, backup, auto, lang, help, version], [undefined, [], false, undefined, false, false]);
});

for (
  const [args, values] of [
    ["--port 5001 --auto", { port: "5001", auto: true }],
    ["--auto --port=5001", { port: "5001", auto: true }],
    ["--port=a=b", { port: "a=b" }],
    ["--port 007", { port: "007" }],
    ["--port=-1", { port: "-1" }],
    ["--port 1 --port 2", { port: "2" }],
    ["--backup a:1 --backup=b:2", { backup: ["a:1", "b:2"] }],
    ["--backup a:1", { backup: ["a:1"] }],
    ["-h", { help: true }],
    ["-v", { version: true }],
    ["-p 5001", { port: "5001" }],
    ["-p=5001 -h", { port: "5001", help: true }],
    ["--lang en", { lang: "en" }],
  ] as const
) {
  Deno.test(`parseFlags() parses ${args}`, pure, () => assertEquals<unknown>(given(args.split(" ")), values));
}

const REFUSED: Record<string, string[][]> = {
  "argument-unexpected argument": [["--auto yes", "yes"], ["5000", "5000"], ["-- 5000", "5000"]],
  "flag-unknown flag": [
    ...[["--room 1", "--room"], ["--x=1", "--x=1"], ["-x", "-x"]],
    ...[["--__proto__=x", "--__proto__=x"], ["--constructor", "--constructor"], ["--toString", "--toString"]],
  ],
  "flag-mistyped flag suggestion": [
    ["--prot 1", "--prot", "--port"],
    ["--prot=1", "--prot=1", "--port"],
    ["--no-auto", "--no-auto", "--auto"],
    ["--verson", "--verson", "--version"],
  ],
  "flag-value-missing flag": [
    ...[["--port", "--port"], ["--port=", "--port"], ["--port ", "--port"], ["--port --auto", "--port"]],
    ["-p", "--port"],
    ...[["--backup", "--backup"], ["--backup a --backup", "--backup"]],
  ],
  "flag-value-invalid flag value": [
    ["--auto=yes", "--auto", "yes"],
    ["--auto=", "--auto", ""],
    ["-h=no", "--help", "no"],
    ["--lang fr", "--lang", "fr"],
    ["--port -1", "--port", "-1"],
    ["-p -1", "--port", "-1"],
  ],
};
for (const [error, cases] of Object.entries(REFUSED)) {
  const [code, ...names] = error.split(" ");
  for (const [args, ...values] of cases) {
    Deno.test(`parseFlags() refuses "${args}": ${code}`, pure, () => {
      const details = Object.fromEntries(names.map((name, index) => [name, values[index]]));
      assertEquals(refusal(() => given(args!.split(" "))), [code, details]);
    });
  }
}

Deno.test("checkCombinations() refuses flags alone and contrary flags", pure, () => {
  const pairs = { requires: [["keep", "data"]], conflicts: [["ca", "trust"]] } as const;
  const alone = ["flag-alone", { flag: "--keep", other: "--data" }];
  assertEquals(refusal(() => checkCombinations({ keep: "9" }, pairs)), alone);
  const contrary = ["flags-contrary", { flag: "--ca", other: "--trust" }];
  assertEquals(refusal(() => checkCombinations({ ca: "f", trust: ["a"] }, pairs)), contrary);
  const allowed = [{}, { data: "f" }, { keep: "9", data: "f" }, { ca: "f", trust: [] }, { trust: ["a"] }];
  for (const values of allowed) checkCombinations(values, pairs);
});

Deno.test("parseCount() reads whole numbers of at most nine digits, up to the limit", pure, () => {
  assertEquals(["0", "10"].map((text) => parseCount("--n", text, 10)), [0, 10]);
  assertEquals(parseCount("--n", "999999999", Infinity), 999_999_999);
  for (const value of ["11", "-1", "1.5", "1e1", "", " 1", "0x1", "9".repeat(30)]) {
    assertEquals(refusal(() => parseCount("--n", value, 10)), ["flag-value-invalid", { flag: "--n", value }]);
  }
  assertEquals(refusal(() => parseCount("--n", "1000000000", 2e9))[0], "flag-value-invalid");
});

Deno.test("flagHelp() shows each flag with its value in the language, in columns", pure, () => {
  assertEquals(flagHelp(FLAGS, translator("en")), [
    "  -p, --port N            port of the server",
    "  --backup HOST:PORT      server to go to when the first fails; may be repeated",
    "  --auto                  when the server fails, try the known ones in turn",
    "                          without asking",
    "  --lang es|en            language: es or en",
    "  --plain                 plain output without line editing, for screen readers",
    "                          and slow links",
    "  --config FILE           file of flags, one per line, instead of the default",
    "                          file; the command line overrides it",
    "  -h, --help              show this help",
    "  -v, --version           show the version",
    "  --licenses              show the licences of the program and of its parts",
    "  --completions bash|zsh  print the completion script for bash or zsh",
  ]);
  const names = flagHelp(FLAGS, translator("es"), 200).map((line) => line.trim().split(/ {2,}/)[0]);
  assertEquals(names.slice(0, 4), ["-p, --port N", "--backup SERVIDOR:PUERTO", "--auto", "--lang es|en"]);
});

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
  ["flag.time", FULL_PATTERN],
];
for (const [key, value] of DEFAULTS) {
  Deno.test(`TRANSLATIONS["${key}"] gives the default ${value} of DEFAULT_CONFIG`, pure, () => {
    for (const language of LANGUAGES) assertMatch(TRANSLATIONS[language][key], new RegExp(`\\(${value}\\b`));
  });
}

const ROWS = [["/x NICK", "uno dos tres cuatro cinco"]] as const;
const LEFT = "x".repeat(70);
const RIGHT = ["123", "567 9", "demasiado"];
const COLUMNS: Record<string, [rows: typeof ROWS | string[][], lines: string[], columns?: number][]> = {
  "aligns the right side": [[[["a", "uno"], ["bcd", "dos tres"]], ["  a    uno", "  bcd  dos tres"]]],
  "wraps the right side on a narrow screen": [
    [ROWS, ["  /x NICK  uno dos tres cuatro", "           cinco"], 35],
    [ROWS, ["  /x NICK  uno dos tres cuatro", "           cinco"], 31],
  ],
  "puts the right side below if it has less than 20 columns": [
    [ROWS, ["  /x NICK", "    uno dos tres cuatro cinco"], 30],
    [ROWS, ["  /x NICK", "    uno dos tres cuatro", "    cinco"], 25],
  ],
  "takes 80 columns if the width is unknown, and keeps words whole": [[
    [[LEFT, "123 56"], ["y", "123 567 9 demasiado"]],
    [`  ${LEFT}  123 56`, ...["y", "", ""].map((left, n) => `  ${left.padEnd(70)}  ${RIGHT[n]}`)],
  ]],
};
for (const [what, cases] of Object.entries(COLUMNS)) {
  Deno.test(`formatColumns() ${what}`, pure, () => {
    for (const [rows, lines, columns] of cases) {
      assertEquals(formatColumns(rows as unknown as typeof ROWS, columns), lines);
    }
  });
}

Deno.test("formatColumns() takes the width of a wider screen, up to 80 columns on the right", pure, () => {
  const rows = [["a", "uno ".repeat(40).trim()]] as const;
  const widths = (columns?: number) => formatColumns(rows, columns).map((line) => line.length);
  assertEquals([undefined, 84, 85, 200].map(widths), [[80, 80, 12], [84, 84], [84, 84], [84, 84]]);
});

const table = {
  host: { value: "HOST", help: "flag.client-host" },
  port: { value: "N", alias: "p", help: "flag.client-port" },
  backup: { value: "HOST:PORT", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  data: { value: "FILE", help: "flag.data" },
  "tls-dir": { value: "DIR", help: "flag.tls-dir" },
  lang: COMMON_FLAGS.lang,
  help: COMMON_FLAGS.help,
} as const satisfies FlagTable;
const options = { name: "chat-client", table, t: translator("en") };

Deno.test("completions() for bash offer flags, choices, hosts, files and folders", pure, () => {
  assertEquals(completions("bash", options), [
    "_chat_client() {",
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # --flag=value comes as three words.",
    "  if [ \"$current\" = '=' ]; then current=",
    "  elif [ \"$previous\" = '=' ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "  case $previous in",
    '    --host) COMPREPLY=($(compgen -A hostname -- "$current")) ;;',
    "    -p|--port) COMPREPLY=() ;;",
    '    --backup) COMPREPLY=($(compgen -A hostname -- "$current")) ;;',
    "    --data) COMPREPLY=(); compopt -o default 2>/dev/null ;;",
    "    --tls-dir) COMPREPLY=(); compopt -o dirnames 2>/dev/null ;;",
    "    --lang) COMPREPLY=($(compgen -W 'es en' -- \"$current\")) ;;",
    "    *) COMPREPLY=($(compgen -W '--host -p --port --backup --auto --data --tls-dir --lang -h --help' -- \"$current\")) ;;",
    "  esac",
    "}",
    "complete -F _chat_client chat-client",
  ]);
});

Deno.test("completions() for zsh also tell what each flag does", pure, () => {
  assertEquals(completions("zsh", options), [
    "#compdef chat-client",
    "_chat-client() {",
    "  _arguments '--host=[IP or name of the server, or HOST\\:PORT]:HOST:_hosts' \\",
    "    '(-p --port)'{-p+,--port=}'[port of the server]:N:' \\",
    "    '*--backup=[server to go to when the first fails; may be repeated]:HOST\\:PORT:_hosts' \\",
    "    '--auto[when the server fails, try the known ones in turn without asking]' \\",
    "    '--data=[file that stores the room\\: a restarted server continues with it]:FILE:_files' \\",
    "    '--tls-dir=[folder of the certificate of --tls-auto]:DIR:_files -/' \\",
    "    '--lang=[language\\: es or en]:es|en:(es en)' \\",
    "    '(-h --help)'{-h,--help}'[show this help]'",
    "}",
    "# As a file of $fpath, zsh calls this when it is first needed; by eval, it is told of it.",
    'if [ "$funcstack[1]" = _chat-client ]; then _chat-client "$@"; else compdef _chat-client chat-client; fi',
  ]);
});

Deno.test("completions() for zsh translate values, and escape quotes and brackets", pure, () => {
  const line = (only: FlagTable, t = translator("es" as Language)) =>
    completions("zsh", { ...options, table: only, t })[2];
  const host = "  _arguments '--host=[IP o nombre del servidor, o SERVIDOR\\:PUERTO]:SERVIDOR:_hosts'";
  assertEquals(line({ host: table.host }), host);
  const t = Object.assign(() => "one's [own]: \\", { message: options.t.message, error: options.t.error });
  assertEquals(line({ auto: table.auto }, t), "  _arguments '--auto[one'\\''s \\[own\\]\\: \\\\]'");
});
