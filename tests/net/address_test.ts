// Server addresses, IP addresses, backups and fingerprints as users type them and as the programs print them.

import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import {
  formatAddress,
  formatBackup,
  isSameAddress,
  isSelf,
  normalizeHostPort,
  parseAddress,
  parseBackup,
  parseFingerprint,
  parseIP,
  parsePort,
  parseServerAddress,
  readBackups,
  unmapIPv4,
} from "../../lib/net/address.ts";

/** SHA-256 of "abc" (FIPS 180-4), in base64. */
const FINGERPRINT = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
const LONGEST_HOST = "a".repeat(253);

function test(name: string, check: () => void): void {
  Deno.test(name, { permissions: "none" }, check);
}

/** What a function gives for each text. */
function gives<Value>(parse: (text: string) => Value, expected: Readonly<Record<string, Value>>): void {
  for (const [text, value] of Object.entries(expected)) assertEquals(parse(text), value, text);
}

/** Asserts the code with which each text is refused. */
function refuses(parse: (text: string) => unknown, code: string, texts: readonly string[]): void {
  for (const text of texts) {
    const error = assertThrows(() => parse(text), InputError);
    assertEquals([text, error.code], [text, code]);
  }
}

test("parsePort() accepts 1 to 65535, with spaces around, and refuses everything else", () => {
  gives(parsePort, { "1": 1, "5000": 5_000, "65535": 65_535, "00080": 80, " 80\n": 80 });
  refuses(parsePort, "port-invalid", [
    ...["", " ", "0", "65536", "99999", "100000", "-1", "+1", "80.0", "1e3", "0x50", "8 0", "٨٠"],
  ]);
  assertEquals(assertThrows(() => parsePort("x"), InputError).details, { port: "x" });
});

test("parseAddress() reads a host alone, or with a port", () => {
  const hosts = ["10.0.0.7", "localhost", "aula.uni.es", "sala_3", LONGEST_HOST]
    .concat(["::", "::1", "fe80::1%eth0", "2001:0DB8::7", "::ffff:10.0.0.7", "1:2:3:4:5:6:7:8"]);
  for (const host of hosts) assertEquals(parseAddress(` ${host} `), { host });
  gives(parseAddress, {
    " 10.0.0.7:5001 ": { host: "10.0.0.7", port: 5_001 },
    "aula.uni.es:1": { host: "aula.uni.es", port: 1 },
    "cafe:5001": { host: "cafe", port: 5_001 },
    "[::1]": { host: "::1" },
    " [::1]:5001 ": { host: "::1", port: 5_001 },
    "[fe80::1%wlan-0.1]:5001": { host: "fe80::1%wlan-0.1", port: 5_001 },
    "[::FFFF:10.0.0.7]": { host: "::FFFF:10.0.0.7" },
    [`${LONGEST_HOST}:5000`]: { host: LONGEST_HOST, port: 5_000 },
  });
});

test("parseAddress() gives international names as they are dialled, composed or not", () => {
  gives((text) => parseAddress(text).host, {
    "peña.test:5001": "xn--pea-8ma.test",
    "PEN\u0303A.test": "xn--pea-8ma.test",
    "faß.de": "xn--fa-hia.de",
    "例え。テスト": "xn--r8jz45g.xn--zckzah",
    "１０.０.０.７": "10.0.0.7",
    "xn--pea-8ma.test": "xn--pea-8ma.test",
  });
  refuses(parseAddress, "address-invalid", [
    "a\u200db.es",
    "[peña]",
    "ñ b",
    "ñ/b",
    "ñ@b",
    "ñ\x1b",
    "ñ".repeat(254),
  ]);
  const backup = parseBackup(`peña.test:5001#${FINGERPRINT}`);
  assertEquals(formatBackup(backup), `xn--pea-8ma.test:5001#${FINGERPRINT}`);
});

test("parseAddress() refuses what is no host", () => {
  refuses(parseAddress, "address-invalid", [
    ...[
      "",
      " ",
      ":5000",
      "a b",
      "ana@aula",
      "aula/chat",
      "-aula",
      "aula..es",
      "0x7f.1",
      "0x7f000001",
      ".aula",
      `${LONGEST_HOST}a:5000`,
    ],
    ...["[::1", "::1]", "[]", "a[::1]", "[::1]5000", "[::1] :5000"],
    ...["[aula.uni.es]:5000", "[cafe]:5000", "[10.0.0.7]", "[fe80::1%]", "[fe80::1%a b]"],
    ...["http://aula", "aula:5000:1", "1::2::3", "10.0.0.300", "aula\x1b[2J"],
    ...["10.7", "10.0.7", "7", "10.0.0.7.1", "0.0.0"], // no full IPv4 address
  ]);
  assertEquals(assertThrows(() => parseAddress("a b"), InputError).details, { address: "a b" });
});

test("parseAddress() refuses an invalid port", () => {
  const ports = ["", "0", "65536", "chat"];
  refuses(parseAddress, "port-invalid", ports.flatMap((port) => [`aula:${port}`, `[::1]:${port}`]));
});

test("parseServerAddress() adds the default port to a host without one", () => {
  assertEquals(parseServerAddress("aula"), { host: "aula", port: 5_000 });
  assertEquals(parseServerAddress("::1", 7_000), { host: "::1", port: 7_000 });
  assertEquals(parseServerAddress("aula:5001", 7_000), { host: "aula", port: 5_001 });
});

test("formatAddress() puts brackets around IPv6 only, and parseServerAddress() reads it", () => {
  const formatted = {
    "aula.uni.es": "aula.uni.es:5001",
    "10.0.0.7": "10.0.0.7:5001",
    "fe80::1%eth0": "[fe80::1%eth0]:5001",
    "1:2:3:4:5:6:7:8": "[1:2:3:4:5:6:7:8]:5001",
    "::ffff:10.0.0.7": "[::ffff:10.0.0.7]:5001",
  };
  for (const [host, text] of Object.entries(formatted)) {
    assertEquals(formatAddress({ host, port: 5_001 }), text);
    assertEquals(parseServerAddress(text), { host, port: 5_001 });
  }
});

test("isSameAddress() compares hosts without case, and ports", () => {
  const isSame = (text: string) =>
    isSameAddress(parseServerAddress("Aula.uni.es:5000"), parseServerAddress(text));
  gives(isSame, { "aula.UNI.es:5000": true, "aula.uni.es:5001": false, "aula2.uni.es:5000": false });
});

test("unmapIPv4() gives the IPv4 address inside an IPv6 one, and any other as it is", () => {
  gives(unmapIPv4, { "::ffff:192.168.1.7": "192.168.1.7", "::FFFF:10.0.0.7": "10.0.0.7" });
  for (const ip of ["10.0.0.7", "::1", "::10.0.0.7", "fe80::ffff:10.0.0.7", "::ffff:10.0.0.7%eth0"]) {
    assertEquals(unmapIPv4(ip), ip);
  }
});

test("parseIP() gives an address the form in which sockets give it, and refuses all else", () => {
  gives(parseIP, {
    "10.0.0.7": "10.0.0.7",
    " ::1 ": "::1",
    "0:0:0:0:0:0:0:1": "::1",
    "FE80::0001": "fe80::1",
    "FE80::1%vb": "fe80::1",
    "::ffff:10.0.0.7": "10.0.0.7",
    "::ffff:7f00:1": "127.0.0.1",
    "0:0:0:0:0:ffff:127.0.0.1": "127.0.0.1",
    "::FFFF:c0a8:ff": "192.168.0.255",
    "::fffe:7f00:1": "::fffe:7f00:1",
  });
  refuses(parseIP, "ip-invalid", [
    ...["", "ana", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.7:5000", "[::1]", "::g", "1.2.3.4%eth0"],
    "a%::1",
  ]);
});

test("normalizeHostPort() joins a host and the port behind a blank, and leaves all else as it is", () => {
  gives(normalizeHostPort, {
    " 10.0.0.7  5001 ": "10.0.0.7:5001",
    "aula 5001": "aula:5001",
    "::1 5001": "[::1]:5001",
    "[::1] 5001": "[::1]:5001",
    "10.0.0.7 5001#SHA256:x": "10.0.0.7:5001#SHA256:x",
  });
  for (const text of ["aula", "50 00", "aula 5 6", "aula cinco", "aula:5 6", "[::1]:5 6"]) {
    assertEquals(normalizeHostPort(text), text);
  }
});

const LISTENERS: [own: string, self: string[], others: string[]][] = [
  [
    "0.0.0.0:5000",
    [
      ...[
        "10.0.0.7:5000",
        "localhost:5000",
        "LOCALHOST:5000",
        "127.0.0.2:5000",
        "[::1]:5000",
        "0.0.0.0:5000",
      ],
      ...["[::ffff:10.0.0.7]:5000", "[::ffff:7f00:1]:5000"],
    ],
    ["10.0.0.8:5000", "10.0.0.7:5001", "localhost:5001"],
  ],
  ["[::]:5000", ["10.0.0.7:5000"], ["10.0.0.8:5000"]],
  // Another program may listen at another address of the machine.
  ["10.0.0.7:5000", ["10.0.0.7:5000"], ["127.0.0.1:5000", "localhost:5000"]],
  ["127.0.0.1:5000", ["localhost:5000", "[::ffff:127.0.0.1]:5000"], [
    "10.0.0.7:5000",
    "[::ffff:10.0.0.7]:5000",
  ]],
  ["[::1]:5000", ["localhost:5000"], ["127.0.0.1:5000"]],
];

for (const [own, self, others] of LISTENERS) {
  test(`isSelf() knows the addresses of a server that listens at ${own}`, () => {
    const listening = parseServerAddress(own);
    const localIPs = ["127.0.0.1", "10.0.0.7", "::1"];
    const isOwn = (text: string) => isSelf(parseServerAddress(text), { listening, localIPs });
    assertEquals([...self, ...others].filter(isOwn), self);
  });
}

test("parseBackup() reads what formatBackup() prints", () => {
  const texts = ["10.0.0.7:5001", "[::1]:5000", `aula.uni.es:5001#${FINGERPRINT}`, `[::1]:1#${FINGERPRINT}`];
  for (const text of texts) assertEquals(formatBackup(parseBackup(text)), text);
  assertEquals(parseBackup("10.0.0.7"), { server: { host: "10.0.0.7", port: 5_000 } });
});

test("parseBackup() refuses an invalid fingerprint, and what follows one", () => {
  refuses(parseBackup, "fingerprint-invalid", ["10.0.0.7#", "10.0.0.7#SHA256:abc"]);
  const more = ["#", "x", "\nx", "\n10.0.0.8:1"];
  refuses(parseBackup, "fingerprint-invalid", more.map((it) => `10.0.0.7:1#${FINGERPRINT}${it}`));
  refuses(parseBackup, "address-invalid", [`#${FINGERPRINT}`]);
});

test("readBackups() leaves out invalid backups", () => {
  const texts = ["10.0.0.7:5001", "", "10.0.0.7:0", "10.0.0.8#SHA256:short", `10.0.0.9:1#${FINGERPRINT}`];
  assertEquals(readBackups(texts).map(formatBackup), ["10.0.0.7:5001", `10.0.0.9:1#${FINGERPRINT}`]);
});

test("parseFingerprint() accepts 256 bits in base64, also with spaces or a full stop, and refuses all else", () => {
  for (const typed of [` ${FINGERPRINT}\n`, `${FINGERPRINT}.`]) {
    assertEquals(parseFingerprint(typed), FINGERPRINT);
  }
  refuses(parseFingerprint, "fingerprint-invalid", [
    ...[
      "",
      "SHA256:",
      FINGERPRINT.slice(0, -1),
      `${FINGERPRINT}A`,
      `${FINGERPRINT}..`,
      FINGERPRINT.replace("ung", "ug"),
    ],
    ...[FINGERPRINT.slice(7), FINGERPRINT.replace("SHA256", "SHA1"), "9F:86:D0"],
    `${FINGERPRINT.slice(0, -1)}1`, // two bits more than 256
  ]);
});
