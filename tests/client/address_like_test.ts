// What looks like an address, and what a chat says.

import { assert, assertEquals } from "@std/assert";
import {
  endsWithIP,
  isLikeAddress,
  isLikeIP,
  isLikePort,
  isMostOfIP,
  isPartOfAddress,
  isURLOfHost,
} from "../../lib/client/address_like.ts";
import { pure } from "../testing/test_options.ts";

const CASES: [check: (text: string) => boolean, like: readonly string[], unlike: readonly string[]][] = [
  [isLikeIP, ["10.0.0.300", " 10.0.0.7 99999", "[::1]:x"], ["cpu:93", "1.2.3", "v1.2.3.4", "sí"]],
  [isLikeAddress, ["10.0.0.300", "aula:5o00", "peña:1"], ["12:30", "12:30:15", "aula:si", "aula:5 o"]],
  [isLikePort, ["9001", ":99999"], ["42", ":3", "123456"]],
  [isURLOfHost, ["http://10.0.0.7:5000"], ["http://aula/nota"]],
  [isPartOfAddress, ["10.", "1500", "12:30", "aula-3:50"], ["", "10.0.0.x", "aula"]],
  [isMostOfIP, ["10.0.0", ".0.7:5000", "10.0.0.7", "192.168.1.6:5000"], [
    "12:30:15",
    "29.11.2026",
    "3.5",
    "12:30",
    "10.0.0.7 ya",
  ]],
  [endsWithIP, ["¿seguimos?10.0.0.7:5000", "ya. 10.0.0.7"], ["usa la v1.2.3.4", "usa la 1.2.3.4", "hola"]],
];

for (const [check, like, unlike] of CASES) {
  Deno.test(`${check.name}() tells what is like it from what a chat says`, pure, () => {
    assertEquals(like.filter((text) => !check(text)), []);
    assertEquals(unlike.filter(check), []);
  });
}

Deno.test("isLikeAddress() reads a line of 200,000 characters in a moment", pure, () => {
  const digits = "1".repeat(200_000);
  const startMs = performance.now();
  for (const text of [`a:${digits}!`, `1.1.1.${digits}!`, `[${digits}`, `?${" ".repeat(200_000)}`]) {
    for (const [check] of CASES) assert(!check(text));
  }
  assert(performance.now() - startMs < 5_000); // a quadratic pattern takes minutes
});
