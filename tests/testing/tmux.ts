// Real terminals: panes of a private tmux server, where tests press keys and read the screen.

import { assertEquals } from "@std/assert";
import { EXECUTABLES_FOLDER, normalize } from "./piped_program.ts";
import { commandOf, type Task } from "./program.ts";
import { TEST_TIMEOUT_MS } from "./waiting.ts";

/** How often to read a screen, in ms. */
const POLL_MS = 20;
const COLUMNS = 100;
const ROWS = 30;
const SHELL_PROMPT = "$ ";
/** Longer commands are refused by tmux. */
const PASTE_PART = /[^]{1,4000}/gu;
const CRASHING = [
  Deno.execPath(),
  "run",
  "--no-prompt",
  "--allow-env=LC_ALL,LC_MESSAGES,LANG,HOME,XDG_CONFIG_HOME,APPDATA,TERM,TERM_PROGRAM",
  new URL("crashing.ts", import.meta.url).pathname,
];

/** Terminals with a shell in each, closed at the end of their scope. */
export class Terminals implements AsyncDisposable {
  readonly #socket = `chat-e2e-${crypto.randomUUID()}`;
  readonly #configFolder = `/tmp/${this.#socket}.config`;
  #isOpen = false;

  /** Opens a terminal whose shell knows the programs as `server`, `client` and `crashing`. `enter` is a command that runs
   * the shell elsewhere. */
  async open(
    name: string,
    { columns = COLUMNS, rows = ROWS, enter = [] as readonly string[] } = {},
  ): Promise<TerminalScreen> {
    // Tests ask no real network for servers.
    const denoFlags = enter.length > 0 ? [] : ["--deny-sys=networkInterfaces"];
    const programs = [
      ...["-e", shellFunction("server", commandOf("server", { folder: EXECUTABLES_FOLDER }))],
      ...["-e", shellFunction("client", commandOf("client", { folder: EXECUTABLES_FOLDER, denoFlags }))],
      ...["-e", shellFunction("crashing", CRASHING)],
    ];
    await this.#tmux(
      ...["new-session", "-d", "-s", name, "-x", `${columns}`, "-y", `${rows}`, "-e", `PS1=${SHELL_PROMPT}`],
      // Not the folder of the user who runs the tests, nor one that another test has filled.
      ...["-e", `XDG_CONFIG_HOME=${this.#configFolder}/${name}`],
      ...[...programs, ...enter, "bash", "--noprofile", "--norc"],
    );
    this.#isOpen = true;
    const screen = new TerminalScreen(name, (...args) => this.#tmux(...args));
    await screen.waitForScreen(SHELL_PROMPT.trimEnd());
    return screen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    // tmux would leave its socket behind.
    await this.#tmux(
      "run-shell",
      `rm -rf #{socket_path} #{socket_path}.lock ${this.#configFolder}`,
      ";",
      "kill-server",
    );
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const command = new Deno.Command("tmux", {
      args: ["-u", "-L", this.#socket, "-f", "/dev/null", ...args],
    });
    let output: Deno.CommandOutput;
    try {
      output = await command.output();
    } catch (cause) {
      throw new Error("Cannot open terminals: install tmux, for example with apt-get install tmux", {
        cause,
      });
    }
    const { success, stdout, stderr } = output;
    if (!success) throw new Error(`Cannot ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}

/** One terminal. */
export class TerminalScreen {
  readonly #name: string;
  readonly #tmux: (...args: readonly string[]) => Promise<string>;

  constructor(name: string, tmux: (...args: readonly string[]) => Promise<string>) {
    this.#name = name;
    this.#tmux = tmux;
  }

  /** Types text, without Enter. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-t", this.#name, "-l", "--", text);
  }

  /** Presses keys by their names in tmux: Enter, Left, BSpace, C-c... */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", "-t", this.#name, ...keys);
  }

  /** Pastes text, bracketed if the program asks for it, unless `isMarked` is false. */
  async paste(text: string, { isMarked = true } = {}): Promise<void> {
    for (const part of text.match(PASTE_PART)!) {
      await this.#tmux("set-buffer", "-a", "-b", this.#name, "--", part);
    }
    const flags = ["-r", ...isMarked ? ["-p"] : []];
    await this.#tmux("paste-buffer", ...flags, "-d", "-b", this.#name, "-t", this.#name);
  }

  /** The title of the window. */
  async title(): Promise<string> {
    return (await this.#tmux("display-message", "-p", "-t", this.#name, "#{pane_title}")).trimEnd();
  }

  /** Types a line and enters it. */
  async enterLine(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** Changes the size, and waits until the program can see it. */
  async resize(columns: number, rows = ROWS): Promise<void> {
    await this.#tmux("resize-window", "-t", this.#name, "-x", `${columns}`, "-y", `${rows}`);
    // tmux draws what is there in the new size at once, but takes its time to tell the program.
    const isTold = `[ "$(stty size < #{pane_tty})" = "${rows} ${columns}" ]`;
    await this.#tmux(
      "run-shell",
      "-t",
      this.#name,
      `for _ in $(seq 1500); do ${isTold} && break; sleep 0.02; done`,
    );
  }

  /** Runs a command without output, and waits until the screen is empty. */
  async runCommand(command: string): Promise<void> {
    // A prompt alone may be the previous one.
    await this.enterLine(`${command}; clear; echo done`);
    await this.waitForScreen("done", SHELL_PROMPT.trimEnd());
    await this.press("C-l");
    await this.waitForScreen(SHELL_PROMPT.trimEnd());
  }

  /** Stores the settings of the terminal in the shell: echo, line editing, keys that send signals. */
  async rememberSettings(): Promise<void> {
    await this.runCommand("settings=$(stty -g)");
  }

  /** Waits until bracketed paste is off, and the settings are those of {@linkcode rememberSettings}. */
  async expectRestoredSettings(): Promise<void> {
    // Not the prompt of the shell, which turns bracketed paste on.
    await this.enterLine("clear; head -1 | cat -v");
    await this.waitForScreen("");
    await this.paste("pasted\n");
    await this.waitForScreen("pasted", "pasted", SHELL_PROMPT.trimEnd());
    await this.enterLine('clear; [ "$(stty -g)" = "$settings" ] && echo "as it was" || stty -a');
    await this.waitForScreen("as it was", SHELL_PROMPT.trimEnd());
  }

  /** Closes the terminal. */
  async close(): Promise<void> {
    await this.#tmux("kill-session", "-t", this.#name);
  }

  /** Sends a signal to the program in the foreground of the shell. */
  async terminate(signal: "KILL" | "TERM" | "STOP" | "CONT" | "HUP"): Promise<void> {
    await this.#tmux("run-shell", "-t", this.#name, `kill -${signal} $(pgrep -P #{pane_pid})`);
  }

  /** Waits until the screen has exactly these rows. Blanks at the end of a row do not count. */
  async waitForScreen(...rows: readonly string[]): Promise<void> {
    await this.#until((screen) => screen.join("\n") === rows.join("\n"), rows);
  }

  /** Waits until these are the last rows on the screen. */
  async waitForLastRows(...rows: readonly string[]): Promise<void> {
    await this.#until((screen) => screen.slice(-rows.length).join("\n") === rows.join("\n"), rows);
  }

  /** Waits until a row has this text. */
  async waitForText(text: string): Promise<void> {
    await this.#until((screen) => screen.some((row) => row.includes(text)), [text]);
  }

  /** Waits for a match, and returns it. */
  async waitForMatch(pattern: RegExp): Promise<string> {
    let found: string | undefined;
    const isFound = (screen: string[]) => (found = pattern.exec(screen.join("\n"))?.[0]) !== undefined;
    await this.#until(isFound, [`${pattern}`]);
    return found!;
  }

  /** Waits until the cursor is in this column and row, from 0. */
  async waitForCursor(column: number, row: number): Promise<void> {
    const read = () => this.#tmux("display-message", "-p", "-t", this.#name, "#{cursor_x},#{cursor_y}");
    for (const endMs = performance.now() + TEST_TIMEOUT_MS;;) {
      const position = (await read()).trim();
      if (position === `${column},${row}`) return;
      if (performance.now() > endMs) assertEquals(position, `${column},${row}`, "The cursor");
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #until(isReached: (screen: string[]) => boolean, expected: readonly string[]): Promise<void> {
    const endMs = performance.now() + TEST_TIMEOUT_MS;
    for (;;) {
      const screen = await this.#stableRows();
      if (isReached(screen)) return;
      if (performance.now() > endMs) assertEquals(screen, [...expected], `The screen of ${this.#name}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** What the screen shows, row by row. */
  async rows({ withColors = false } = {}): Promise<string[]> {
    const text = await this.#tmux("capture-pane", "-p", ...withColors ? ["-e"] : [], "-t", this.#name);
    return text.trimEnd().split("\n").map((row) => row.trimEnd());
  }

  async #stableRows(): Promise<string[]> {
    return normalize((await this.rows()).join("\n")).split("\n");
  }
}

/** An exported function of bash, which runs a program of the project. */
function shellFunction(program: Task | "crashing", command: readonly string[]): string {
  return `BASH_FUNC_${program}%%=() { LC_ALL=es "${command.join('" "')}" "$@"; }`;
}
