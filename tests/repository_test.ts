// The files at the top of the project that are no code, and the links of all documents.

import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { PROTOCOL_VERSION } from "../lib/protocol/frames.ts";
import { reading } from "./testing/test_options.ts";

const ROOT = new URL("../", import.meta.url);

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

/** Paths from the top of the project, without those of hidden folders and of what `deno task` makes. */
function pathsIn(folder = ""): string[] {
  return [...Deno.readDirSync(new URL(`./${folder}`, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}${name}`;
    if (!isDirectory) return /^(?:chat-(?:server|client)|\.git|.*\.new|.*\.exe)$/.test(path) ? [] : path;
    return name.startsWith(".") || /^(?:dist|coverage)$/.test(path) ? [] : pathsIn(`${path}/`);
  });
}

Deno.test("LICENSE is the one that deno.json names", reading, async () => {
  assertEquals((await read("LICENSE")).split("\n").slice(0, 3), [
    `${config.license} License`,
    "",
    "Copyright (c) 2026 the chat contributors",
  ]);
});

Deno.test("CHANGELOG.md has deno.json's version, and each its protocol and storage", reading, async () => {
  const [, ...versions] = (await read("CHANGELOG.md")).split(/^## /m);
  assert(versions.some((text) => text.startsWith(`[${config.version}] - 20`)), config.version);
  for (const text of versions) {
    assertMatch(text, new RegExp(`^### Protocol\n\n- Version ${PROTOCOL_VERSION}\\b`, "m"));
    assertMatch(text, /^### Storage\n\n- /m);
  }
});

Deno.test("CONTRIBUTING.md has at most 30 lines, and names tasks that exist", reading, async () => {
  const text = await read("CONTRIBUTING.md");
  assert(text.split("\n").length <= 31, text);
  const tasks = [...text.matchAll(/deno task ([\w:]+)/g)].map(([, task]) => task!);
  assert(tasks.includes("ok"), text);
  assertEquals(tasks.filter((task) => !(task in config.tasks)), []);
});

Deno.test("SECURITY.md leads to docs/SECURITY.md: first versions and reports", reading, async () => {
  assert((await read("SECURITY.md")).includes("(docs/SECURITY.md#report-a-vulnerability)"));
  const headings = (await read("docs/SECURITY.md")).matchAll(/^## (.*)$/gm);
  assertEquals([...headings].slice(0, 2).map(([, heading]) => heading), [
    "Supported versions",
    "Report a vulnerability",
  ]);
});

Deno.test(".editorconfig agrees with deno fmt", reading, async () => {
  const lines = (await read(".editorconfig")).split("\n");
  for (const line of [`max_line_length = ${config.fmt.lineWidth}`, "indent_size = 2", "end_of_line = lf"]) {
    assert(lines.includes(line), line);
  }
});

Deno.test(".gitattributes calls every file binary that is more than lines of text", reading, async () => {
  const attributes = await read(".gitattributes");
  assertMatch(attributes, /^\* text=auto eol=lf$/m);
  const binary = new Set([...attributes.matchAll(/^\*(\.\w+) binary$/gm)].map(([, suffix]) => suffix));
  const wrong = pathsIn().filter((path) => {
    const bytes = Deno.readFileSync(new URL(path, ROOT));
    return (bytes.includes(0) || bytes.includes(13)) && !binary.has(/\.\w+$/.exec(path)?.[0]);
  });
  assertEquals(wrong, []);
});

/** The part of a link behind #, as GitHub makes it from a heading. */
function anchorOf(heading: string): string {
  return heading.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().toLowerCase().replaceAll(" ", "-");
}

Deno.test("Links of documents lead to files and headings that exist", reading, async () => {
  const documents = pathsIn().filter((path) => path.endsWith(".md"));
  const anchors = new Map<string, string[]>();
  for (const path of documents) {
    const headings = (await read(path)).matchAll(/^#+ (.*)$/gm);
    anchors.set(path, [...headings].map(([, heading]) => anchorOf(heading!)));
  }
  const paths = new Set(pathsIn());
  const wrong: string[] = [];
  for (const path of documents) {
    for (const [, link] of (await read(path)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const url = new URL(link!, `file:///${path}`);
      const target = decodeURI(url.pathname.slice(1));
      const isThere = url.hash === ""
        ? paths.has(target) || [...paths].some((other) => other.startsWith(`${target.replace(/\/?$/, "/")}`))
        : anchors.get(target)?.includes(decodeURIComponent(url.hash.slice(1)));
      if (!isThere) wrong.push(`${path}: ${link}`);
    }
  }
  assertEquals(wrong, []);
});
