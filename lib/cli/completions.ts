// Scripts by which shells complete a program's flags, from the same table as its help. Pure.

import { type Flag, type FlagTable, type Shell, takesValue, valueLabel } from "./flags.ts";
import type { Translate } from "../i18n/translate.ts";

/** What a script is about. */
interface CompletionsOptions {
  /** Name of the program. */
  readonly name: string;
  readonly table: FlagTable;
  readonly t: Translate;
}

/** The script, line by line. `eval "$(NAME --completions SHELL)"` makes it work in a shell that runs. */
export function completions(shell: Shell, options: CompletionsOptions): string[] {
  return { bash: bashScript, zsh: zshScript }[shell](options);
}

function bashScript({ name, table }: CompletionsOptions): string[] {
  const own = `_${name.replaceAll("-", "_")}`;
  const cases = Object.entries(table).filter(([, about]) => takesValue(about)).map(([flag, about]) =>
    `    --${flag}) ${bashValues(about)} ;;`
  );
  const flags = Object.entries(table).flatMap(([flag, { alias }]) =>
    alias ? [`-${alias}`, `--${flag}`] : `--${flag}`
  );
  return [
    `${own}() {`,
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # --flag=value comes as three words.",
    "  if [ \"$current\" = '=' ]; then current=",
    "  elif [ \"$previous\" = '=' ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "  case $previous in",
    ...cases,
    `    *) COMPREPLY=($(compgen -W '${flags.join(" ")}' -- "$current")) ;;`,
    "  esac",
    "}",
    `complete -F ${own} ${name}`,
  ];
}

function bashValues(about: Flag): string {
  const { choices, value } = about;
  if (choices) return `COMPREPLY=($(compgen -W '${choices.join(" ")}' -- "$current"))`;
  if (completesHost(about)) return 'COMPREPLY=($(compgen -A hostname -- "$current"))';
  // Bash itself knows best about names with blanks and the like, from its release 4 on.
  const own = value === "FILE" ? "default" : value === "DIR" ? "dirnames" : undefined;
  return own ? `COMPREPLY=(); compopt -o ${own} 2>/dev/null` : "COMPREPLY=()";
}

function zshScript({ name, table, t }: CompletionsOptions): string[] {
  const specs = Object.entries(table).map(([flag, about]) => {
    const { alias, isRepeatable, help } = about;
    const text = `[${t(help).replaceAll(/[[\]\\:]/g, "\\$&")}]`;
    if (!takesValue(about)) {
      return alias
        ? `'(-${alias} --${flag})'{-${alias},--${flag}}${shellQuote(text)}`
        : shellQuote(`--${flag}${text}`);
    }
    const word = valueLabel(about, t).replaceAll(":", "\\:");
    return shellQuote(`${isRepeatable ? "*" : ""}--${flag}=${text}:${word}:${zshValues(about)}`);
  });
  const own = `_${name}`; // as the file that it may become must be called
  return [
    `#compdef ${name}`,
    `${own}() {`,
    `  _arguments ${specs.join(" \\\n    ")}`,
    "}",
    `# As a file of $fpath, zsh calls this when it is first needed; by eval, it is told of it.`,
    `if [ "$funcstack[1]" = ${own} ]; then ${own} "$@"; else compdef ${own} ${name}; fi`,
  ].join("\n").split("\n");
}

function zshValues(about: Flag): string {
  const { choices, value } = about;
  if (choices) return `(${choices.join(" ")})`;
  if (completesHost(about)) return "_hosts";
  return value === "FILE" ? "_files" : value === "DIR" ? "_files -/" : "";
}

function completesHost({ value }: Flag): boolean {
  return value?.startsWith("HOST") === true;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
