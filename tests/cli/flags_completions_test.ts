// The scripts by which shells complete flags. That the shells understand them is tried end to end.

import { assertEquals } from "@std/assert";
import { COMMON_FLAGS, completions, type FlagTable } from "../../lib/cli/flags.ts";
import { translator } from "../../lib/i18n/translate.ts";

const pure = { permissions: "none" } as const;

const table = {
  host: { value: "HOST", help: "flag.client-host" },
  port: { value: "N", help: "flag.client-port" },
  backup: { value: "HOST:N", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  data: { value: "FILE", help: "flag.data" },
  "tls-dir": { value: "DIR", help: "flag.tls-dir" },
  lang: COMMON_FLAGS.lang,
  help: COMMON_FLAGS.help,
} as const satisfies FlagTable;
const options = { name: "chat-client", table, t: translator("en") };

Deno.test("completions() for bash offers flags, choices, hosts, files and folders", pure, () => {
  assertEquals(completions("bash", options), [
    "_chat_client() {",
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # --flag=value comes as three words.",
    "  if [ \"$current\" = '=' ]; then current=",
    "  elif [ \"$previous\" = '=' ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "  case $previous in",
    '    --host) COMPREPLY=($(compgen -A hostname -- "$current")) ;;',
    "    --port) COMPREPLY=() ;;",
    '    --backup) COMPREPLY=($(compgen -A hostname -- "$current")) ;;',
    "    --data) COMPREPLY=(); compopt -o default 2>/dev/null ;;",
    "    --tls-dir) COMPREPLY=(); compopt -o dirnames 2>/dev/null ;;",
    "    --lang) COMPREPLY=($(compgen -W 'es en' -- \"$current\")) ;;",
    "    *) COMPREPLY=($(compgen -W '--host --port --backup --auto --data --tls-dir --lang -h --help' -- \"$current\")) ;;",
    "  esac",
    "}",
    "complete -F _chat_client chat-client",
  ]);
});

Deno.test("completions() for zsh tells what each flag does as well", pure, () => {
  assertEquals(completions("zsh", options), [
    "#compdef chat-client",
    "_chat-client() {",
    "  _arguments '--host=[IP or name of the server, or HOST\\:N]:HOST:_hosts' \\",
    "    '--port=[port of the server]:N:' \\",
    "    '*--backup=[server to go to when the first falls; may be repeated]:HOST\\:N:_hosts' \\",
    "    '--auto[when the server falls, try the known ones in turn without asking]' \\",
    "    '--data=[file in which the room is kept\\: it goes on there when the server starts again]:FILE:_files' \\",
    "    '--tls-dir=[folder in which its own certificate is kept]:DIR:_files -/' \\",
    "    '--lang=[language\\: es or en]:es|en:(es en)' \\",
    "    '(-h --help)'{-h,--help}'[show this help]'",
    "}",
    "# As a file of $fpath, zsh calls this when it is first needed; by eval, it is told of it.",
    'if [ "$funcstack[1]" = _chat-client ]; then _chat-client "$@"; else compdef _chat-client chat-client; fi',
  ]);
});

Deno.test(
  "completions() for zsh calls values in the reader's language, and finds hosts in each",
  pure,
  () => {
    const [, , line] = completions("zsh", {
      ...options,
      table: { host: table.host },
      t: translator("es"),
    });
    assertEquals(line, "  _arguments '--host=[IP o nombre del servidor, o SERVIDOR\\:N]:SERVIDOR:_hosts'");
  },
);

Deno.test("completions() for zsh keeps quotes and brackets of what flags do", pure, () => {
  const t = (() => "one's [own]: \\") as typeof options.t;
  const [, , line] = completions("zsh", { ...options, table: { auto: table.auto }, t });
  assertEquals(line, "  _arguments '--auto[one'\\''s \\[own\\]\\: \\\\]'");
});
