// Addresses as people write them and as the chat prints them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  formatAddress,
  isSameAddress,
  isSelf,
  normalizeHostPort,
  parseAddress,
  parseIP,
  parsePort,
  parsePortOrAddress,
  parseServerAddress,
  unmapIPv4,
} from "../../lib/net/address.ts";
import { InputError } from "../../lib/errors.ts";

const pure = { permissions: "none" } as const;

Deno.test("parsePort() accepts 1 to 65535, with spaces around", pure, () => {
  assertEquals(["1", "5000", "65535", "00080", " 80\n"].map(parsePort), [1, 5_000, 65_535, 80, 80]);
});

Deno.test("parsePort() refuses everything else", pure, () => {
  const texts = ["", " ", "0", "65536", "99999", "100000", "-1", "+1", "80.0", "1e3", "0x50", "8 0", "٨٠"];
  for (const text of texts) {
    const error = assertThrows(() => parsePort(text), InputError);
    assertEquals(error.code, "port-invalid", text);
    assertEquals(error.details, { port: text });
  }
});

Deno.test("parseAddress() reads a host alone", pure, () => {
  const hosts = ["10.0.0.7", "localhost", "aula.uni.es", "sala_3", "ñandú.local"]
    .concat(["::", "::1", "fe80::1%eth0", "2001:0DB8::7", "::ffff:10.0.0.7", "1:2:3:4:5:6:7:8"]);
  for (const host of hosts) assertEquals(parseAddress(` ${host} `), { host });
});

Deno.test("parseAddress() reads a host and a port", pure, () => {
  assertEquals(parseAddress(" 10.0.0.7:5001 "), { host: "10.0.0.7", port: 5_001 });
  assertEquals(parseAddress("aula.uni.es:1"), { host: "aula.uni.es", port: 1 });
  assertEquals(parseAddress("cafe:5001"), { host: "cafe", port: 5_001 });
});

Deno.test("parseAddress() takes the brackets off an IPv6 host", pure, () => {
  assertEquals(parseAddress("[::1]"), { host: "::1" });
  assertEquals(parseAddress(" [::1]:5001 "), { host: "::1", port: 5_001 });
  assertEquals(parseAddress("[fe80::1%wlan-0.1]:5001"), { host: "fe80::1%wlan-0.1", port: 5_001 });
  assertEquals(parseAddress("[::FFFF:10.0.0.7]"), { host: "::FFFF:10.0.0.7" });
});

Deno.test("parseAddress() refuses what no host is written like", pure, () => {
  const texts = ["", " ", ":5000", "a b", "ana@aula", "aula/chat", "-aula"]
    .concat(["[::1", "::1]", "[]", "a[::1]", "[::1]5000", "[::1] :5000"])
    .concat(["[aula.uni.es]:5000", "[cafe]:5000", "[10.0.0.7]", "[fe80::1%]", "[fe80::1%a b]"])
    .concat(["http://aula", "aula:5000:1", "1::2::3", "10.0.0.300", "aula\x1b[2J"]);
  for (const text of texts) {
    const error = assertThrows(() => parseAddress(text), InputError);
    assertEquals(error.code, "address-invalid", text);
    assertEquals(error.details, { address: text });
  }
});

Deno.test("parseAddress() allows the 253 characters of the longest name and no more", pure, () => {
  const host = "a".repeat(253);
  assertEquals(parseAddress(`${host}:5000`), { host, port: 5_000 });
  assertEquals(assertThrows(() => parseAddress(`${host}a:5000`), InputError).code, "address-invalid");
});

Deno.test("parseAddress() refuses a port that is none", pure, () => {
  const ports = ["", "0", "65536", "chat"];
  for (const text of ports.flatMap((port) => [`aula:${port}`, `[::1]:${port}`])) {
    assertEquals(assertThrows(() => parseAddress(text), InputError).code, "port-invalid", text);
  }
});

Deno.test("parseServerAddress() adds the default port to a host without one", pure, () => {
  assertEquals(parseServerAddress("aula"), { host: "aula", port: 5_000 });
  assertEquals(parseServerAddress("::1", 7_000), { host: "::1", port: 7_000 });
  assertEquals(parseServerAddress("aula:5001", 7_000), { host: "aula", port: 5_001 });
});

Deno.test("formatAddress() puts brackets around IPv6 only", pure, () => {
  assertEquals(formatAddress({ host: "aula.uni.es", port: 5_000 }), "aula.uni.es:5000");
  assertEquals(formatAddress({ host: "10.0.0.7", port: 80 }), "10.0.0.7:80");
  assertEquals(formatAddress({ host: "fe80::1%eth0", port: 5_001 }), "[fe80::1%eth0]:5001");
});

Deno.test("parseServerAddress() reads what formatAddress() prints", pure, () => {
  for (const host of ["10.0.0.7", "aula.uni.es", "::1", "fe80::1%eth0", "::ffff:10.0.0.7"]) {
    assertEquals(parseServerAddress(formatAddress({ host, port: 65_535 })), { host, port: 65_535 });
  }
});

Deno.test("isSameAddress() compares hosts without case, and ports", pure, () => {
  const aula = { host: "Aula.uni.es", port: 5_000 };
  assert(isSameAddress(aula, { host: "aula.UNI.es", port: 5_000 }));
  assert(!isSameAddress(aula, { host: "aula.uni.es", port: 5_001 }));
  assert(!isSameAddress(aula, { host: "aula2.uni.es", port: 5_000 }));
});

Deno.test("unmapIPv4() gives the IPv4 address inside an IPv6 one, and any other as it is", pure, () => {
  assertEquals(unmapIPv4("::ffff:192.168.1.7"), "192.168.1.7");
  assertEquals(unmapIPv4("::FFFF:10.0.0.7"), "10.0.0.7");
  for (const ip of ["10.0.0.7", "::1", "::10.0.0.7", "fe80::ffff:10.0.0.7", "::ffff:10.0.0.7%eth0"]) {
    assertEquals(unmapIPv4(ip), ip);
  }
});

Deno.test("parseIP() gives an address the form in which sockets give it", pure, () => {
  const forms = {
    "10.0.0.7": "10.0.0.7",
    " ::1 ": "::1",
    "0:0:0:0:0:0:0:1": "::1",
    "FE80::0001": "fe80::1",
    "fe80::1%eth0": "fe80::1%eth0",
    "::ffff:10.0.0.7": "10.0.0.7",
  };
  for (const [text, address] of Object.entries(forms)) assertEquals(parseIP(text), address);
});

Deno.test("parseIP() refuses what is no address of its own", pure, () => {
  for (
    const text of [
      "",
      "ana",
      "10.0.0",
      "10.0.0.256",
      "010.0.0.1",
      "10.0.0.7:5000",
      "[::1]",
      "::g",
      "1.2.3.4%eth0",
      "a%::1",
    ]
  ) {
    assertEquals([text, assertThrows(() => parseIP(text), InputError).code], [text, "ip-invalid"]);
  }
});

Deno.test("isSelf() knows by which addresses a server is reached", pure, () => {
  const localIPs = ["127.0.0.1", "10.0.0.7", "::1"];
  const isOwn = (text: string, own: string) =>
    isSelf(parseServerAddress(text), { listening: parseServerAddress(own), localIPs });
  for (const text of ["10.0.0.7:5000", "localhost:5000", "127.0.0.2:5000", "[::1]:5000", "0.0.0.0:5000"]) {
    assertEquals([text, isOwn(text, "0.0.0.0:5000"), isOwn(text, "0.0.0.0:5001")], [text, true, false]);
  }
  assertEquals(isOwn("10.0.0.8:5000", "0.0.0.0:5000"), false);
  assertEquals(isOwn("10.0.0.7:5000", "[::]:5000"), true);
  // Somebody else may listen at another address of the machine.
  assertEquals(isOwn("127.0.0.1:5000", "10.0.0.7:5000"), false);
  assertEquals(isOwn("10.0.0.7:5000", "10.0.0.7:5000"), true);
  assertEquals(isOwn("localhost:5000", "127.0.0.1:5000"), true);
});

Deno.test("parseAddress() refuses an IPv4 address that is not given in full", pure, () => {
  for (const text of ["10.7", "10.0.7", "7", "10.0.0.7.1", "0.0.0"]) {
    assertEquals(assertThrows(() => parseAddress(text), InputError).code, "address-invalid");
  }
});

Deno.test("formatAddress() puts every IPv6 address into brackets, be it shortened or not", pure, () => {
  assertEquals(formatAddress({ host: "1:2:3:4:5:6:7:8", port: 5_001 }), "[1:2:3:4:5:6:7:8]:5001");
});

Deno.test(
  "parsePortOrAddress() tells a port from an address, with or without a port of its own",
  pure,
  () => {
    const typed = ["5001", "10.0.0.7", "aula.uni.es:5001", "::1", "10.0.0.7 5001", "aula 5001"];
    assertEquals(typed.map(parsePortOrAddress), [
      { port: 5_001 },
      { host: "10.0.0.7" },
      { host: "aula.uni.es", port: 5_001 },
      { host: "::1" },
      { host: "10.0.0.7", port: 5_001 },
      { host: "aula", port: 5_001 },
    ]);
    assertEquals(assertThrows(() => parsePortOrAddress("aula"), InputError).code, "port-invalid");
  },
);

Deno.test(
  "normalizeHostPort() joins a host and the port behind a blank, and leaves all else as it is",
  pure,
  () => {
    for (
      const [typed, expected] of [
        [" 10.0.0.7  5001 ", "10.0.0.7:5001"],
        ["aula 5001", "aula:5001"],
        ["::1 5001", "[::1]:5001"],
        ["[::1] 5001", "[::1]:5001"],
        ["10.0.0.7 5001#SHA256:x", "10.0.0.7:5001#SHA256:x"],
        ...["aula", "50 00", "aula 5 6", "aula cinco", "aula:5 6", "[::1]:5 6"].map((text) =>
          [text, text] as const
        ),
      ] as const
    ) assertEquals(normalizeHostPort(typed), expected);
  },
);
