// parseRequest(), isQuitRequest() and sayText(): the lines that programs write with --json.

import { assertEquals, assertThrows } from "@std/assert";
import { isQuitRequest, parseRequest, sayText } from "../../lib/cli/requests.ts";
import { InputError } from "../../lib/errors.ts";
import { isValid } from "../testing/json_lines.ts";
import { pure } from "../testing/test_options.ts";

const CLIENT = ["say", "to", "nick", "command", "quit"] as const;
const CONSOLE = ["say", "command", "quit"] as const;

for (
  const line of [
    '{"say":"hola"}',
    ' { "to" : "beto" , "say" : "a\\nb \\ud83d\\ude00" } ',
    '{"nick":"anita"}',
    '{"command":"/who"}',
    '{"quit":true}',
  ]
) {
  Deno.test(`parseRequest() takes ${line}`, pure, () => {
    const request = JSON.parse(line);
    assertEquals(parseRequest(line, CLIENT), request);
    assertEquals(isValid(request, "request"), true);
  });
}

for (
  const line of [
    "hola",
    "{",
    "[]",
    "null",
    '"say"',
    "{}",
    '{"say":1}',
    '{"say":"x","too":"beto"}',
    '{"say":"x","to":null}',
    '{"to":"beto"}',
    '{"say":"x","nick":"beto"}',
    '{"nick":"beto","to":"ana"}',
    '{"quit":false}',
    '{"__proto__":"x"}',
    '{"say":"x"} {"say":"y"}',
    "[".repeat(1_000_000),
  ]
) {
  Deno.test(`parseRequest() refuses ${line.slice(0, 40)}`, pure, () => {
    const { code, details } = assertThrows(() => parseRequest(line, CLIENT), InputError);
    assertEquals([code, details.fields], ["request-invalid", "say, to, nick, command, quit"]);
    assertEquals(details.request, line.length > 60 ? `${line.slice(0, 59)}…` : line);
  });
}

Deno.test("parseRequest() refuses fields that the reader does not have", pure, () => {
  for (const line of ['{"nick":"x"}', '{"say":"x","to":"beto"}']) {
    assertThrows(() => parseRequest(line, CONSOLE), InputError);
    assertEquals(isValid(JSON.parse(line), "consoleRequest"), false);
  }
  assertEquals(parseRequest('{"say":"x"}', CONSOLE), { say: "x" });
});

Deno.test("isQuitRequest() knows the request to end, and nothing like it", pure, () => {
  const lines = [
    '{"quit":true}',
    ' { "quit" : true } ',
    "quit",
    '{"quit":false}',
    '{"quit":true,"say":"x"}',
    "{",
  ];
  assertEquals(lines.map(isQuitRequest), [true, true, false, false, false, false]);
});

Deno.test("sayText() makes what is to be said one line", pure, () => {
  assertEquals(sayText({ say: "  a\nb\ud800 " }), "  a␊b�");
  const codeOf = (say: string) => assertThrows(() => sayText({ say }), InputError).code;
  assertEquals([codeOf(" \u200b"), codeOf("x".repeat(2_001))], ["args-missing", "text-too-long"]);
});
