// The rooms of the house, as docs/MODULES.md lists them: imports point only to lower levels, and what is pure
// stays so.

import { assert, assertEquals } from "@std/assert";

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

const folder = new URL("../lib/", import.meta.url);

/** Code of every file of lib/ by its name, without comments. */
function readLib(): Map<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const modules = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts")).sort();
  return new Map(
    modules.map((name) => [name, withoutComments(Deno.readTextFileSync(new URL(name, folder)))]),
  );
}

const { state } = await Deno.permissions.query({ name: "read", path: "." });
const reading = { ignore: state !== "granted" };

const levelOf = new Map<string, number>();
const impureFiles = new Set<string>();
if (!reading.ignore) {
  const table = Deno.readTextFileSync(new URL("../docs/MODULES.md", import.meta.url));
  for (const [, level, name, io] of table.matchAll(/^\| (\d+) +\| (\w+)( \(I\/O\))? +\|/gm)) {
    levelOf.set(`${name}.ts`, Number(level));
    if (io) impureFiles.add(`${name}.ts`);
  }
}

Deno.test("The table lists every file of lib/, and no other", reading, () => {
  assertEquals([...levelOf.keys()].sort(), [...readLib().keys()]);
});

Deno.test("Imports point only to lower levels", reading, () => {
  const wrong: string[] = [];
  for (const [file, code] of readLib()) {
    for (const { from } of importsOf(code)) {
      if (!from.startsWith(".")) continue; // of the standard library
      const level = levelOf.get(from.replace("./", "")) ?? Infinity;
      if (level >= levelOf.get(file)!) wrong.push(`${file} -> ${from}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("Pure files mention no socket, clock, timer, chance or terminal", reading, () => {
  const wrong: string[] = [];
  for (const [file, code] of readLib()) {
    const found = impureFiles.has(file) ? null : IMPURE.exec(code);
    if (found) wrong.push(`${file}: ${found[0]}`);
  }
  assertEquals(wrong, []);
});

Deno.test("Pure files take no more than types from the others", reading, () => {
  const wrong: string[] = [];
  for (const [file, code] of readLib()) {
    if (impureFiles.has(file)) continue;
    for (const { from, isType } of importsOf(code)) {
      if (impureFiles.has(from.replace("./", "")) && !isType) wrong.push(`${file} -> ${from}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("Imports are found however they are written", { permissions: "none" }, () => {
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
