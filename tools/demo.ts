// Shows a failover: clients talk, their server is killed, and on the backup every message is shown exactly once. Each
// program is a process. On a terminal they are seen while they run; with --fast, to a pipe and in CI, at the end.

import { blue, bold, green, magenta, red, yellow } from "@std/fmt/colors";
import { EXIT } from "../lib/cli/process.ts";
import { mismatches, NICKS, scriptFor } from "./conversation.ts";
import { DEMO_TEXTS, type DemoTexts } from "./demo_texts.ts";
import { hasPanes, isLargeEnough, LIVE_NICKS, LiveDemo, LiveScreen } from "./live.ts";
import { MIN_SIZE } from "./panes.ts";
import { layOutScreens, type Screen } from "./screens.ts";
import { Mishap, Stage } from "./stage.ts";
import { runTool, type Tool } from "./tool.ts";

/** How long it may take from the first process to the last line, in ms. */
const LIMIT_MS = { fast: 11_000, live: 90_000 };

/** Has all of it happen at once. `tell` gets what comes next. */
async function play(
  stage: Stage,
  { language }: Tool,
  tell: (step: keyof DemoTexts["steps"]) => void,
): Promise<void> {
  const { beforeFailover, burst, unackedAtCrash, afterFailover } = scriptFor(stage.nicks, language);
  tell("opening");
  await stage.open();
  tell("entering");
  await stage.enter();
  tell("talking");
  for (const remark of beforeFailover) {
    await stage.say(remark);
    await stage.see(remark);
  }
  await stage.say(...burst);
  await stage.see(burst[0]!);
  tell("killing");
  stage.freeze();
  await stage.say(...unackedAtCrash);
  stage.kill();
  await stage.see(...burst, ...unackedAtCrash);
  tell("goingOn");
  for (const remark of afterFailover) {
    await stage.say(remark);
    await stage.see(remark);
  }
  tell("leaving");
  for (const nick of stage.nicks.toReversed()) await stage.leave(nick);
  await stage.close();
}

/** Plays, shows, and gives the verdict. Returns the exit status. */
async function demo(tool: Tool): Promise<number> {
  const texts = DEMO_TEXTS[tool.language];
  const canBeLive = hasPanes() && !tool.isGiven("fast");
  if (canBeLive && isLargeEnough()) return await liveDemo(tool, texts);
  if (canBeLive) console.log(texts.live.tooSmall(`${MIN_SIZE.columns}×${MIN_SIZE.rows}`));
  const { language, signal } = tool;
  const startedMs = performance.now();
  const timeout = AbortSignal.timeout(LIMIT_MS.fast);
  await using stage = new Stage({ language, signal: AbortSignal.any([signal, timeout]), nicks: NICKS });
  console.log(`${bold(texts.title)}\n`);
  let count = 0;
  const problems = await problemsOf(
    () => play(stage, tool, (step) => console.log(`  ${++count}. ${texts.steps[step]}`)),
    { stage, tool, texts },
  );
  showAll(stage, texts);
  return verdict(problems, { stage, tool, texts, startedMs });
}

/** The same with pauses, in panes. Their last state stays on the screen. */
async function liveDemo(tool: Tool, texts: DemoTexts): Promise<number> {
  const { language, isGiven } = tool;
  const startedMs = performance.now();
  const interrupted = new AbortController();
  const signal = AbortSignal.any([tool.signal, interrupted.signal]);
  await using stage = new Stage({
    language,
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS.live)]),
    nicks: LIVE_NICKS,
    args: ["--time=HH:mm:ss"],
  });
  const live = new LiveDemo(stage, { language, signal, isGiven });
  let problems: string[];
  {
    using _screen = new LiveScreen((size) => live.rows(size), () => interrupted.abort());
    problems = await problemsOf(() => live.play(), { stage, tool: { language, signal, isGiven }, texts });
  }
  if (problems.length === 0) console.log(live.lastRows(Deno.consoleSize()).join("\n"));
  else if (!signal.aborted) showAll(stage, texts);
  return verdict(problems, { stage, tool, texts, startedMs });
}

interface Played {
  readonly stage: Stage;
  readonly tool: Tool;
  readonly texts: DemoTexts;
}

/** What did not happen as it should. */
async function problemsOf(play: () => Promise<void>, { stage, tool, texts }: Played): Promise<string[]> {
  try {
    await play();
    return misquotes(stage, texts);
  } catch (error) {
    if (!(error instanceof Mishap)) throw error;
    return [tool.signal.aborted ? texts.interrupted : error.message];
  }
}

/** Prints how it went. Returns the exit status. */
function verdict(
  problems: readonly string[],
  { stage, tool, texts, startedMs }: Played & { readonly startedMs: number },
): number {
  if (problems.length > 0) {
    console.log(bold(red(texts.failure(problems.join("; ")))));
    return EXIT.failure;
  }
  const elapsed = (performance.now() - startedMs) / 1_000;
  const seconds = elapsed.toLocaleString(tool.language, {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
  console.log(bold(green(texts.success(stage.said.length, stage.inFlight, seconds))));
  return EXIT.ok;
}

/** Who did not see what was said as it was said. */
function misquotes(stage: Stage, texts: DemoTexts): string[] {
  return stage.nicks.flatMap((reader) => {
    const nicks = mismatches(stage.linesOf(reader), stage.said);
    return nicks.length > 0 ? [texts.misquoted(reader, nicks.join(", "))] : [];
  });
}

/** Prints what every program showed. */
function showAll(stage: Stage, texts: DemoTexts): void {
  const columns = (Deno.stdout.isTerminal() && Deno.consoleSize().columns) || Infinity;
  const { primary, backup } = stage.addresses;
  const servers: Screen[] = [
    {
      title: `${texts.primary}, ${primary}`,
      titleTheme: red,
      lines: stage.linesOf("primary"),
      statusLine: stage.isKilled ? texts.killed : undefined,
    },
    { title: `${texts.backup}, ${backup}`, titleTheme: yellow, lines: stage.linesOf("backup") },
  ];
  const colours = [green, magenta, blue];
  const people = stage.nicks.map((nick, index): Screen => {
    return { title: nick, titleTheme: colours[index]!, lines: stage.linesOf(nick) };
  });
  console.log(["", ...layOutScreens(servers, columns), ...layOutScreens(people, columns)].join("\n"));
}

if (import.meta.main) await runTool(demo, { fast: { help: "flag.fast" } });
