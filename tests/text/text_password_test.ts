import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { MAX_PASSWORD_BYTES, parsePassword, PasswordVerifier } from "../../lib/text/text.ts";

function test(name: string, body: () => void): void {
  Deno.test(name, { permissions: "none" }, body);
}

test("parsePassword() takes the first line of a text, without its end", () => {
  assertEquals(parsePassword("hola"), "hola");
  assertEquals(parsePassword("hola\n"), "hola");
  assertEquals(parsePassword("hola\r\nadiós\r\n"), "hola");
});

test("parsePassword() leaves spaces where they are", () => {
  assertEquals(parsePassword(" con espacios \n"), " con espacios ");
});

test("parsePassword() refuses an empty line", () => {
  for (const text of ["", "\n", "\r\nhola"]) {
    assertEquals(assertThrows(() => parsePassword(text), InputError).code, "password-empty");
  }
});

test("parsePassword() refuses what HELLO has no room for, by bytes", () => {
  assertEquals(parsePassword("x".repeat(MAX_PASSWORD_BYTES)).length, MAX_PASSWORD_BYTES);
  const { code } = assertThrows(() => parsePassword("ñ".repeat(MAX_PASSWORD_BYTES / 2 + 1)), InputError);
  assertEquals(code, "password-too-long");
});

test("An error about a password does not say what it was", () => {
  const error = assertThrows(() => parsePassword("secreto".repeat(100)), InputError);
  assert(!Deno.inspect(error).includes("secreto"));
});

test("PasswordVerifier knows its password, and no other of any length", () => {
  const check = new PasswordVerifier("contraseña");
  assert(check.matches("contraseña"));
  for (const other of ["", "contraseñ", "contraseñaa", "Contraseña", "contrasena"]) {
    assert(!check.matches(other), other);
  }
  assert(!Deno.inspect(check, { showHidden: true }).includes("contraseña"));
});
