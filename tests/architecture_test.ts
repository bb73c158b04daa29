// Checks the imports and the purity of lib/ against docs/ARCHITECTURE.md, and that no old name is used.

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);
const { state } = await Deno.permissions.query({ name: "read", path: "." });
const reading = { ignore: state !== "granted" };

/** What reaches out of the program, or differs from one run to the next. */
const IMPURE =
  /\bDeno\.|\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\bcrypto\.(?:getRandomValues|randomUUID)\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bfetch\(|\bconsole\.|["']node:(?!(?:buffer|crypto)["'])/;

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
function readSources(folder: string, sources = new Map<string, string>()): Map<string, string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory && !name.startsWith(".")) readSources(`${path}/`, sources);
    else if (/\.(ts|md|sh)$/.test(name)) sources.set(path, Deno.readTextFileSync(new URL(path, ROOT)));
  }
  return sources;
}

const sources = reading.ignore ? new Map<string, string>() : readSources("./");
const doc = sources.get("./docs/ARCHITECTURE.md") ?? "";
/** Code of lib/ by its path in there, without comments. */
const lib = new Map(
  [...sources].filter(([path]) => /^\.\/lib\/.*(?<!\.d)\.ts$/.test(path)).sort()
    .map(([path, source]) => [path.slice("./lib/".length), withoutComments(source)]),
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

function folderOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : file;
}

function isPure(file: string): boolean {
  return pure.has(folderOf(file)) || pure.has(file);
}

/** The file of lib/ that a relative import names. */
function resolve(from: string, file: string): string {
  return new URL(from, `file:///${file}`).pathname.slice(1);
}

/** Every import of one file of lib/ by another. */
function edges(): { file: string; to: string; isType: boolean }[] {
  return [...lib].flatMap(([file, code]) =>
    importsOf(code).filter(({ from }) => from.startsWith("."))
      .map(({ from, isType }) => ({ file, to: resolve(from, file), isType }))
  );
}

/** A way from a name back to itself, if there is one. */
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
  assertEquals([...mayImport.keys()].sort(), [...new Set([...lib.keys()].map(folderOf))].sort());
});

Deno.test("files of lib/ import what docs/ARCHITECTURE.md allows", reading, () => {
  const wrong = edges().filter(({ file, to }) => {
    const allowed = mayImport.get(folderOf(file)) ?? [];
    return folderOf(to) !== folderOf(file) && !allowed.includes(folderOf(to)) && !allowed.includes(to);
  });
  assertEquals(wrong.map(({ file, to }) => `${file} -> ${to}`), []);
});

Deno.test("neither files nor folders of lib/ import each other in a circle", reading, () => {
  const files = Map.groupBy(edges(), ({ file }) => file);
  assertEquals(
    findCycle(new Map([...files].map(([file, list]) => [file, list.map(({ to }) => to)]))),
    undefined,
  );
  assertEquals(
    findCycle(
      new Map([...mayImport].map(([folder, list]) => [
        folder,
        list.map((name) => mayImport.has(name) ? name : folderOf(name)),
      ])),
    ),
    undefined,
  );
});

Deno.test("pure code of lib/ mentions no socket, clock, timer, chance or terminal", reading, () => {
  const wrong = [...lib].flatMap(([file, code]) => {
    const found = isPure(file) ? IMPURE.exec(code) : null;
    return found ? [`${file}: ${found[0]}`] : [];
  });
  assertEquals(wrong, []);
});

Deno.test("pure code of lib/ takes only types from the rest", reading, () => {
  const wrong = edges().filter(({ file, to, isType }) => isPure(file) && !isPure(to) && !isType);
  assertEquals(wrong.map(({ file, to }) => `${file} -> ${to}`), []);
});

Deno.test("every export of lib/ is used by another file", reading, () => {
  const unused: string[] = [];
  for (const [file, code] of lib) {
    // The test of PROTOCOL.md looks constants up by the names that stand in there.
    const others = [...sources].filter(([path]) =>
      path !== `./lib/${file}` && (path.endsWith(".ts") || path.endsWith("/PROTOCOL.md"))
    );
    const names = code.matchAll(
      /^export (?:declare |abstract |async )*(?:const|let|class|interface|type|function\*?|enum) (\w+)/gm,
    );
    for (const [, name] of names) {
      const isUsed = new RegExp(`\\b${name}\\b`);
      if (!others.some(([, source]) => isUsed.test(source))) unused.push(`${file}: ${name}`);
    }
  }
  assertEquals(unused, []);
});

/** Old names that docs/GLOSSARY.md's terms replaced, wherever they stand within a word. */
const GONE = new RegExp(
  [
    ...[
      "absences",
      "anteroom",
      "attendance",
      "checkpoint",
      "chooser",
      "crowd",
      "doorman",
      "farewell",
      "hermit",
    ],
    ...["journal", "leash", "linger", "lookalike", "mailbox", "neighbour", "newcomer", "outdate", "patience"],
    ...[
      "readdress",
      "reception",
      "roster",
      "substitute",
      "traveller",
      "typist",
      "unfold",
      "villain",
      "visitor",
    ],
    ...["withdrawal", "withdrawn"],
  ].join("|"),
  "gi",
);
/** Old names that are common within other words: these are whole identifiers. */
const GONE_IDENTIFIERS = new RegExp(
  `(?<![A-Za-z])(?:${
    [
      ...[
        "Admission",
        "Arrival",
        "askFor",
        "boss",
        "chunkBefore",
        "Desk",
        "desk",
        "Desks",
        "desks",
        "Edition",
      ],
      ...[
        "fold",
        "folds",
        "foldSaid",
        "gate",
        "Gate",
        "giveBack",
        "givenUp",
        "goneMs",
        "graceEndMs",
        "guest",
      ],
      ...[
        "Guest",
        "guests",
        "Guests",
        "hasPaused",
        "heardMs",
        "heldUpMs",
        "Homed",
        "Honest",
        "hub",
        "Hub",
        "inbox",
      ],
      ...[
        "Inbox",
        "isAway",
        "isForeign",
        "isKeyboard",
        "isStuck",
        "keptEntries",
        "lackMs",
        "looksOf",
        "loseAll",
      ],
      ...["loseServer", "lostEnd", "Manner", "Moment", "newDay", "NEVER_WHOLE_MS", "NickWish", "noteTaken"],
      ...["onGiveUp", "onTaken", "Paint", "Participant", "Proposal", "Refusal", "rival", "Rival", "rotation"],
      ...[
        "Rotation",
        "Sentences",
        "sentencesIn",
        "silenceMs",
        "spell",
        "Spell",
        "stayedMs",
        "suffer",
        "takePart",
      ],
      ...["Taker", "tellWaiting", "throwOut", "tickMs", "tookMs", "TRUE_RULES", "Unnumbered", "wasIn"],
      ...["WEAKENINGS", "wholeMs", "wordAfter", "wordBefore"],
    ].join("|")
  })(?![A-Za-z])`,
  "g",
);
/** Names of others, and what is written down in rooms, streams and on the wire. */
const KEPT =
  /journalctl|journal_mode|-journal|wal_checkpoint|checkpointWal|\.checkpoint|nick-lookalike|address-crowded|"checkpoint-|`checkpoint|cannot be withdrawn/g;

Deno.test("old names are gone from files and their names", reading, () => {
  const wrong: string[] = [];
  for (const [path, source] of sources) {
    if (path === "./tests/architecture_test.ts") continue;
    for (const text of [path, source]) {
      const rest = text.replaceAll(KEPT, "");
      for (const [name] of [...rest.matchAll(GONE), ...rest.matchAll(GONE_IDENTIFIERS)]) {
        wrong.push(`${path}: ${name}`);
      }
    }
  }
  assertEquals([...new Set(wrong)], []);
});

Deno.test("documents and files of lib/ that a text names exist", reading, () => {
  const wrong = [...sources].flatMap(([path, source]) =>
    [...source.matchAll(/\b(?:docs\/[\w/-]+\.md|lib\/[\w/]+\.ts)\b/g)]
      .filter(([name]) => !sources.has(`./${name}`)).map(([name]) => `${path}: ${name}`)
  );
  assertEquals(wrong, []);
});

Deno.test("imports are found however they are written", { permissions: "none" }, () => {
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

Deno.test("a circle of imports is found", { permissions: "none" }, () => {
  assertEquals(findCycle(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), ["b", "c", "b"]);
  assertEquals(findCycle(new Map([["a", ["b", "c"]], ["b", ["c"]]])), undefined);
});
