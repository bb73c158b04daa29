// Checks imports, purity and exports of the project's files against docs/ARCHITECTURE.md, and that no old name is used.

import { assert, assertEquals } from "@std/assert";
import { reading } from "./testing/test_options.ts";

const ROOT = new URL("../", import.meta.url);

/** What reaches out of the program, or differs from one run to the next. */
const IMPURE =
  /\bDeno\.|\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\bcrypto\.(?:getRandomValues|randomUUID)\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bfetch\(|\bconsole\.|["']node:(?!(?:buffer|crypto)["'])/;
const EXPORT =
  /^export (?:declare |abstract |async )*(?:const|let|class|interface|type|function\*?|enum) (\w+)/gm;

interface Import {
  readonly from: string;
  readonly isType: boolean;
}

function importsOf(code: string): Import[] {
  const statements = code.matchAll(
    /\b(?:import|export)\b(\s+type\b)?(?:[\s\w$*{},]*\bfrom)?\s*\(?\s*["']([^"']+)["']/g,
  );
  return [...statements].map(([, type, from]) => ({ from: from!, isType: type !== undefined }));
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
}

/** Source of every file below `folder` by its path from the project's root. */
function readSources(folder = "", sources = new Map<string, string>()): Map<string, string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(`./${folder}`, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory && !name.startsWith(".")) readSources(`${path}/`, sources);
    else if (/\.(ts|md|sh)$/.test(name)) sources.set(path, Deno.readTextFileSync(new URL(path, ROOT)));
  }
  return sources;
}

const sources = reading.ignore ? new Map<string, string>() : readSources();
const doc = sources.get("docs/ARCHITECTURE.md") ?? "";
/** Code of each module, without comments. */
const modules = new Map(
  [...sources].filter(([path]) => /(?<!\.d)\.ts$/.test(path)).sort()
    .map(([path, source]) => [path, withoutComments(source)]),
);
/** Every import of one module by another. */
const edges = [...modules].flatMap(([path, code]) =>
  importsOf(code).filter(({ from }) => from.startsWith("."))
    .map(({ from, isType }) => ({ path, to: resolve(from, path), isType }))
);

/** What each folder may import, by the table in docs/ARCHITECTURE.md. */
const mayImport = new Map(
  [...doc.matchAll(/^\| `([\w/.]+)` +\|(.*)\|$/gm)].map(([, folder, cell]) => [
    folder!,
    [...cell!.matchAll(/`([\w/.]+)`/g)].map(([, name]) => name!),
  ]),
);
const pureText = /^\*\*Pure\*\*[^]*?\n\n/m.exec(doc)?.[0] ?? doc.slice(doc.indexOf("**Pure**"));
const pure = new Set([...pureText.matchAll(/`([\w/.]+)`/g)].map(([, name]) => name!));

/** Where docs/ARCHITECTURE.md counts a file of lib/: its folder, or the file itself right below lib/. */
function unitOf(path: string): string {
  const file = path.slice("lib/".length);
  return file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : file;
}

function isLib(path: string): boolean {
  return path.startsWith("lib/");
}

function isPure(path: string): boolean {
  return pure.has(unitOf(path)) || pure.has(path.slice("lib/".length));
}

/** The file that a relative import names. */
function resolve(from: string, path: string): string {
  return new URL(from, `file:///${path}`).pathname.slice(1);
}

function importLines(edges: readonly { path: string; to: string }[]): string[] {
  return edges.map(({ path, to }) => `${path} -> ${to}`);
}

/** A path from a name back to itself, if there is one. */
function findCycle(next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  function visit(name: string, path: readonly string[]): string[] | undefined {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const to of next.get(name) ?? []) {
      const cycle = visit(to, [...path, name]);
      if (cycle) return cycle;
    }
    done.add(name);
    return undefined;
  }
  for (const name of next.keys()) {
    const cycle = visit(name, []);
    if (cycle) return cycle;
  }
  return undefined;
}

Deno.test("docs/ARCHITECTURE.md has a row for every folder of lib/, and no other", reading, () => {
  const units = new Set([...modules.keys()].filter(isLib).map(unitOf));
  assertEquals([...mayImport.keys()].sort(), [...units].sort());
});

Deno.test("docs/ARCHITECTURE.md allows each import of lib/", reading, () => {
  const wrong = edges.filter(({ path, to }) => {
    if (!isLib(path) || (isLib(to) && unitOf(to) === unitOf(path))) return false;
    const allowed = mayImport.get(unitOf(path)) ?? [];
    return !isLib(to) || !allowed.some((name) => name === unitOf(to) || `lib/${name}` === to);
  });
  assertEquals(importLines(wrong), []);
});

Deno.test("Imports have no circle between files of lib/, nor in docs/ARCHITECTURE.md", reading, () => {
  const files = Map.groupBy(edges.filter(({ path }) => isLib(path)), ({ path }) => path);
  assertEquals(
    findCycle(new Map([...files].map(([file, list]) => [file, list.map(({ to }) => to)]))),
    undefined,
  );
  const folders = [...mayImport].map(([folder, names]) =>
    [folder, names.map((name) => mayImport.has(name) ? name : unitOf(`lib/${name}`))] as const
  );
  assertEquals(findCycle(new Map(folders)), undefined);
});

Deno.test("Pure code of lib/ mentions no socket, clock, timer, randomness or terminal", reading, () => {
  const wrong = [...modules].flatMap(([path, code]) => {
    const found = isLib(path) && isPure(path) ? IMPURE.exec(code) : null;
    return found ? [`${path}: ${found[0]}`] : [];
  });
  assertEquals(wrong, []);
});

Deno.test("Pure code of lib/ imports only types from the rest", reading, () => {
  const wrong = edges.filter(({ path, to, isType }) => isLib(path) && isPure(path) && !isPure(to) && !isType);
  assertEquals(importLines(wrong), []);
});

Deno.test("Exports of lib/, tools/, bench/ and tests/testing/ are used by another file", reading, () => {
  const importers = Map.groupBy(edges, ({ to }) => to);
  const unused: string[] = [];
  for (const [path, code] of modules) {
    if (!/^(?:lib|tools|bench|tests\/testing)\//.test(path)) continue;
    // The test of PROTOCOL.md looks constants up by their names there.
    const users = [...(importers.get(path) ?? []).map((edge) => modules.get(edge.path)!)];
    const texts = [...users, sources.get("docs/PROTOCOL.md")!];
    for (const [, name] of code.matchAll(EXPORT)) {
      const isUsed = new RegExp(`\\b${name}\\b`);
      if (!texts.some((text) => isUsed.test(text))) unused.push(`${path}: ${name}`);
    }
  }
  assertEquals(unused, []);
});

Deno.test("Imports of tools/ and bench/ from tests/ are all of tests/testing/", reading, () => {
  const wrong = edges.filter(({ path, to }) =>
    /^(?:tools|bench)\//.test(path) && /^tests\/(?!testing\/)/.test(to)
  );
  assertEquals(importLines(wrong), []);
});

Deno.test("Imports of tests/testing/ are of lib/ or its own", reading, () => {
  const wrong = edges.filter(({ path, to }) =>
    path.startsWith("tests/testing/") &&
    !/^(?:lib\/|tests\/testing\/|deno\.json$|docs\/chat\.schema\.json$)/.test(to)
  );
  assertEquals(importLines(wrong), []);
});

function alternatives(words: string): string {
  return words.trim().split(/\s+/).join("|");
}

/** Old names that docs/GLOSSARY.md's terms replaced, wherever they stand within a word. */
const GONE = new RegExp(
  alternatives(`
  absences anteroom anybody anyone attendance checkpoint chooser crowd doorman farewell hermit journal leash
  linger lookalike mailbox neighbour newcomer nobody outdate patience readdress reception roster somebody
  someone substitute traveller typist unfold villain visitor whoever withdrawal withdrawn
  `),
  "gi",
);
/** Old names that are common within other words: these are whole identifiers. */
const GONE_IDENTIFIERS = new RegExp(
  `(?<![A-Za-z])(?:${
    alternatives(`
  ABSENT_MS ACCEPT_PAUSE_MS acceptedOfGone acceptFailure ACCEPTS_PAUSE_MS addReader Admission AGAIN_ANSWER_MS
  AGAIN_DIAL_MS AGAIN_MS AGEING_MS ageingMs ageingTimer allowanceOf answerBytes apiCode areBegun Arrival
  asItIs askFor askSystem askWhatIsOpen asText asWelcome AWAY_MS backlogStart backMs beginDialogue beginLog
  beginTyping beginWelcome BEHIND_CHECKS behindBytes behindQuestion BlockHead blockOf BlockWriter boss
  breakRows BY_CODE byLook BYTE_MS carryOut catchingUp certificateOf chat_screen ChatScreen checkedMs
  CHECKS_PER_DEATH checkTogether choiceOfSomebodyWhoWasIn chunkBefore ClientAccess ClientSettings CLOSING_MS
  closingMs COMING_MS comingMs command_table connectCode countedBy cutFrames DataCode DataFile DataSync
  DEAD_MS demandOf Desk desk Desks desks DIALLING_AT_ONCE dialMs dialSecurely dieAfter DoorOptions DoorState
  DUPLICATES_MS Edition encodePerson endDialogue endHold endingSignal enteredMs ENTRY_MS erasePrivate
  ErrorOfSome fingerprintOf FIRST_WAIT_MS FlagPairs fold foldJoined folds foldSaid forgetOld forgetOne
  forgetWhatWasWrong framesBefore framesOf Gate gate gaveUp giveBack givenCertificate givenUp givePassword
  giveUpFiles GiveUpReason goesOn goHome GONE_MS goneMs goRound graceEndMs greetingMs Guest guest Guests
  guests hasHungUp hasItsSettings hasPaused hasPlace heardMs hearsNoMore HELD_UP_MS heldUpMs HELLO_MS
  hidesSecrets holdWhileStuck Homed Honest Hub hub hub_room identityOf ifOpen Inbox inbox inColumns inMiB
  insertApart inShort isAboutNick isAloneWithout isAnswerable isAtHead isAwaited isAway isEchoed isFalling
  isForeign isFrameLate isGivenUp isInParts isKeyboard isMarkingPastes isMidLine isNameUnknown isNetworkAway
  isNobodyThere isNotCalled isOfSQLite isOnServer isOpenToOthers isOwnAddress isPendingShown isReadNoMore
  isResendFree isSilence isStuck isSyncLost isToDialAgain isTypedTo isUnfair isUnmarkedBlock isWoken
  isWorthWaiting JetStreamAway keepFresh keepingLines KEEPS_ALL KEPT_ENTRIES KEPT_MS keptCertificate
  keptEntries keptMs knowsNoneBut lackedSinceMs lackMs LacksNothing LARGEST_READ_BYTES LAST_WORDS
  LAST_WORDS_MS lastN lastTickMs layOut learnBackups learnServers LEAST_KEPT leaveRound LEAVING_MS LIMITS_NOTE
  LONG_ROUND_MS LONGEST_WAIT_MS LOOK_MS looksOf loseAll loseServer LossCode lostEnd LostError makeIfMissing
  Manner MAX_ANNOUNCED MAX_BLOCK_BYTES MAX_HEAD_BYTES MAX_HOLD_LATE_MS MAX_JOINED_BYTES MAX_MISTYPED
  MAX_NUMBERS MAX_ONLINE MAX_ONLINE_BYTES MAX_PAST_LINES MAX_PASTED_ANSWERS MAX_PATCHED_BYTES
  MAX_PENDING_LINES MAX_PERSON_BYTES MAX_ROOM_COLUMNS MAX_SINGLE MAX_SURPLUS MAX_SURPLUS_PER_ADDRESS
  MAX_UNASKED_LINES MAX_WAIT_MS MAX_WAITING_BYTES maxWaitingBytes meaningOf MIN_ROOM_COLUMNS mixesScripts
  Moment momentOf MOST_DAYS MOST_KEPT NatsAccess NatsFailure nearestWord needTls NEVER_WHOLE_MS newDay
  newPerson nextClosed NICK_COLOURS nick_wish nickFor nickKey nicksAsked NickWish nobodyAt NOT_OURS noteAway
  noteCome noteDone noteGiven noteGone noteHeard noteNumber noteOpened notePartial noteStored noteTaken
  noteTooLong noteTyping noteWhole OF_CALL OFFERED_MS offeredMs OLDEST_GIVEN_MS onAway onBroken onCome
  onGiveUp onGone onlineCount onLiving onOversized onRefused onTaken onTooLong onTrouble onWork openBook
  openedAt openingMs opensUnasked ORDER_NAMES orderHelp orderUsage OTHER_KEY OVER_MS ownPair Paint paintOf
  pairError parseOrder parseServer partialSinceMs Participant passwordIn PAST_BYTES PASTE_END_BEGUN
  PASTE_MARKS pausedMs PENDING_MS PendingChanges pendingLines pingedMs plainIP PlainSentenceKey PresenceFolder
  problemWith Proposal putBack QUICK_MS readAuthorities ReadEntry READER_MS readerEnds readingMs readKept
  readNamed readOnline readStamp readWho reasonIn reasonOf RECENT_MS recentSinceMs Refusal refusalOf
  refusalsTo RefusedError RefusedPeer REMEMBERED_SESSIONS rendererFor resultOf Rival rival room_log RoomLog
  Rotation rotation rowsAbove runProgram saidBy saysNothing SECURE_ACCEPTS SentenceKey Sentences sentencesIn
  seqOfLast server_console server_data ServerAccess serverClockOf ServerConsole sessionOf setHome settingsOf
  shareBackups sharedLines sharedNews showEntered showFailed SHOWN_SESSIONS shownCertificate showPrompt
  showRead showRefused ShowsAgain showStatus silenceMs Spell spell spellOf STARTING_MS stayedMs steadyRows
  store_reader storeAway storedOf storedSeq StoreReader suffer syncAll takeAllowed takeAnswers takeAround
  takeBefore takePart takePasted Taker takeToTls takeTyped tellShut tellWaiting throwIfThere throwOut tickMs
  tookMs TRUE_RULES tryLink TypedCommand TYPING_PAUSE_MS typingError unlessTls Unnumbered UNSETTLED_MS
  untilAnswered untilItBreaks untilJetStream untilPauseMs UNTOLD_WAIT_MS USUAL_COLUMNS valueWord vouchedPair
  waitingBytes wasEverIn wasIn Weakening WEAKENINGS WelcomeHead WELCOMING_MS whileStuck wholeAtHomeMs wholeMs
  WINDOW_MARGIN_MS withColon withNick withoutTabs wordAfter wordBefore writeAhead writeKept writePerson
  `)
  })(?![A-Za-z])`,
  "g",
);
/** Names of others, and what is written down in rooms, streams and on the wire. */
const KEPT =
  /journalctl|journal_mode|-journal|wal_checkpoint|checkpointWal|\.checkpoint|nick-lookalike|address-crowded|"checkpoint-|`checkpoint|cannot be withdrawn/g;

Deno.test("Old names are gone from files and their names", reading, () => {
  const wrong: string[] = [];
  for (const [path, source] of sources) {
    if (path === "tests/architecture_test.ts") continue;
    const rest = `${path}\n${source}`.replaceAll(KEPT, "");
    for (const [name] of [...rest.matchAll(GONE), ...rest.matchAll(GONE_IDENTIFIERS)]) {
      wrong.push(`${path}: ${name}`);
    }
  }
  assertEquals([...new Set(wrong)], []);
});

Deno.test("Documents and files of lib/ that a text names exist", reading, () => {
  const wrong = [...sources].flatMap(([path, source]) =>
    [...source.matchAll(/\b(?:docs\/[\w/-]+\.md|lib\/[\w/]+\.ts)\b/g)]
      .filter(([name]) => !sources.has(name)).map(([name]) => `${path}: ${name}`)
  );
  assertEquals(wrong, []);
});

Deno.test("importsOf() finds imports however they are written", { permissions: "none" }, () => {
  const code = withoutComments(`
    import { one } from "./one.ts";
    import type { Two } from "./two.ts"; // import "./no.ts";
    import {
      type Three,
    } from "./three.ts";
    /* import "./no.ts"; */
    import "./four.ts";
    export * from "./five.ts";
    export type { Six } from './six.ts';
    const seven = await import("./seven.ts");
    export const help = "/help";
    const url = "https://import";
  `);
  assertEquals(importsOf(code).map(({ from }) => from), [
    "./one.ts",
    "./two.ts",
    "./three.ts",
    "./four.ts",
    "./five.ts",
    "./six.ts",
    "./seven.ts",
  ]);
  assertEquals(importsOf(code).filter(({ isType }) => isType).map(({ from }) => from), [
    "./two.ts",
    "./six.ts",
  ]);
  assert(!IMPURE.test(`import { createHash } from "node:crypto";`));
  assert(IMPURE.test(`import net from "node:net";`));
});

Deno.test("findCycle() finds a circle of imports", { permissions: "none" }, () => {
  assertEquals(findCycle(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), ["b", "c", "b"]);
  assertEquals(findCycle(new Map([["a", ["b", "c"]], ["b", ["c"]]])), undefined);
});
