import { assertEquals, assertThrows } from "@std/assert";
import { parseServerAddress } from "../../lib/net/address.ts";
import { InputError } from "../../lib/errors.ts";
import { knownFingerprint, MAX_KNOWN_SERVERS, upsertServer } from "../../lib/client/trust_store.ts";

const ONE = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const TWO = ONE.replace("un", "nu");
const aula = parseServerAddress("Aula.uni.es:5001");

function test(name: string, body: () => void): void {
  Deno.test(name, { permissions: "none" }, body);
}

test("upsertServer() adds a server that is found in any case", () => {
  const text = upsertServer("", aula, ONE);
  assertEquals(text, `aula.uni.es:5001 ${ONE}\n`);
  assertEquals(knownFingerprint(text, parseServerAddress("aula.UNI.es:5001")), ONE);
  assertEquals(knownFingerprint(text, parseServerAddress("aula.uni.es:5002")), undefined);
  assertEquals(knownFingerprint(text, parseServerAddress("la.uni.es:5001")), undefined);
});

test("upsertServer() replaces the line of a server", () => {
  const text = upsertServer(
    upsertServer(upsertServer("", aula, ONE), parseServerAddress("[::1]:5000"), ONE),
    aula,
    TWO,
  );
  assertEquals(text, `[::1]:5000 ${ONE}\naula.uni.es:5001 ${TWO}\n`);
  assertEquals(knownFingerprint(text, aula), TWO);
});

test("knownFingerprint() takes the last of several lines", () => {
  const text = `aula.uni.es:5001 ${ONE}\r\n\n  aula.uni.es:5001\t${TWO}  comment\n`;
  assertEquals(knownFingerprint(text, aula), TWO);
});

test("knownFingerprint() of a malformed line matches no certificate, and is not undefined", () => {
  assertEquals(knownFingerprint("aula.uni.es:5001", aula), "");
  assertEquals(knownFingerprint("aula.uni.es:5001 quizá", aula), "quizá");
});

test("upsertServer() writes nothing but a fingerprint", () => {
  assertThrows(() => upsertServer("", aula, `${ONE}\nevil:5000 ${TWO}`), InputError);
});

test("upsertServer() drops the oldest line of a full file", () => {
  let text = "";
  for (let port = 1; port <= MAX_KNOWN_SERVERS; port++) text += `h:${port} ${ONE}\n`;
  const lines = upsertServer(text, aula, TWO).trim().split("\n");
  assertEquals([lines.length, lines[0], lines.at(-1)], [
    MAX_KNOWN_SERVERS,
    `h:2 ${ONE}`,
    `aula.uni.es:5001 ${TWO}`,
  ]);
});

test("knownFingerprint() finds a server in any case in the file", () => {
  assertEquals(knownFingerprint(`AULA.uni.ES:5001 ${ONE}`, aula), ONE);
  assertEquals(upsertServer(`AULA.uni.ES:5001 ${ONE}\n`, aula, TWO), `aula.uni.es:5001 ${TWO}\n`);
});
