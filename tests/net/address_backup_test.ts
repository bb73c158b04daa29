import { assertEquals, assertThrows } from "@std/assert";
import { formatBackup, parseBackup, readBackups } from "../../lib/net/address.ts";
import { InputError } from "../../lib/errors.ts";

const FINGERPRINT = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";

function test(name: string, body: () => void): void {
  Deno.test(name, { permissions: "none" }, body);
}

test("parseBackup() and formatBackup() undo each other", () => {
  for (
    const text of ["10.0.0.7:5001", "[::1]:5000", `aula.uni.es:5001#${FINGERPRINT}`, `[::1]:1#${FINGERPRINT}`]
  ) {
    assertEquals(formatBackup(parseBackup(text)), text);
  }
  assertEquals(parseBackup("10.0.0.7"), { server: { host: "10.0.0.7", port: 5_000 } });
});

test("parseBackup() refuses half a fingerprint, and none behind its mark", () => {
  for (const text of ["10.0.0.7#", "10.0.0.7#SHA256:abc", `10.0.0.7#${FINGERPRINT}#`]) {
    assertEquals(assertThrows(() => parseBackup(text), InputError).code, "fingerprint-invalid");
  }
  assertEquals(assertThrows(() => parseBackup(`#${FINGERPRINT}`), InputError).code, "address-invalid");
});

test("readBackups() leaves out what cannot be understood", () => {
  const texts = ["10.0.0.7:5001", "", "10.0.0.7:0", "10.0.0.8#SHA256:short", `10.0.0.9:1#${FINGERPRINT}`];
  assertEquals(readBackups(texts).map(formatBackup), ["10.0.0.7:5001", `10.0.0.9:1#${FINGERPRINT}`]);
});

test("parseBackup() refuses what stands behind a fingerprint, on whatever line", () => {
  for (const more of ["x", "\nx", "\n10.0.0.8:1"]) {
    const error = assertThrows(() => parseBackup(`10.0.0.7:1#${FINGERPRINT}${more}`), InputError);
    assertEquals(error.code, "fingerprint-invalid");
  }
});
