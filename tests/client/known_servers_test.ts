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

test("A server that was put in is found, in whatever case it is written", () => {
  const text = upsertServer("", aula, ONE);
  assertEquals(text, `aula.uni.es:5001 ${ONE}\n`);
  assertEquals(knownFingerprint(text, parseServerAddress("aula.UNI.es:5001")), ONE);
  assertEquals(knownFingerprint(text, parseServerAddress("aula.uni.es:5002")), undefined);
  assertEquals(knownFingerprint(text, parseServerAddress("la.uni.es:5001")), undefined);
});

test("A server has one line: a new fingerprint takes the place of the old one", () => {
  const text = upsertServer(
    upsertServer(upsertServer("", aula, ONE), parseServerAddress("[::1]:5000"), ONE),
    aula,
    TWO,
  );
  assertEquals(text, `[::1]:5000 ${ONE}\naula.uni.es:5001 ${TWO}\n`);
  assertEquals(knownFingerprint(text, aula), TWO);
});

test("Of several lines that a person wrote, the last one counts", () => {
  const text = `aula.uni.es:5001 ${ONE}\r\n\n  aula.uni.es:5001\t${TWO}  comment\n`;
  assertEquals(knownFingerprint(text, aula), TWO);
});

test("A line that cannot be read trusts no certificate, and is not taken for none", () => {
  assertEquals(knownFingerprint("aula.uni.es:5001", aula), "");
  assertEquals(knownFingerprint("aula.uni.es:5001 quizá", aula), "quizá");
});

test("Nothing but a fingerprint is written", () => {
  assertThrows(() => upsertServer("", aula, `${ONE}\nevil:5000 ${TWO}`), InputError);
});

test("The file does not grow forever: the oldest line goes", () => {
  let text = "";
  for (let port = 1; port <= MAX_KNOWN_SERVERS; port++) text += `h:${port} ${ONE}\n`;
  const lines = upsertServer(text, aula, TWO).trim().split("\n");
  assertEquals([lines.length, lines[0], lines.at(-1)], [
    MAX_KNOWN_SERVERS,
    `h:2 ${ONE}`,
    `aula.uni.es:5001 ${TWO}`,
  ]);
});

test("A server is known whatever the case in which somebody wrote it into the file", () => {
  assertEquals(knownFingerprint(`AULA.uni.ES:5001 ${ONE}`, aula), ONE);
  assertEquals(upsertServer(`AULA.uni.ES:5001 ${ONE}\n`, aula, TWO), `aula.uni.es:5001 ${TWO}\n`);
});
