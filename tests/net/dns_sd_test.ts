// Records of DNS-SD: what a server tells, and what a client reads of it, and of packets from no chat server.

import { assertEquals } from "@std/assert";
import {
  type Announcement,
  type DnsPacket,
  type DnsRecord,
  isAskedFor,
  recordsOf,
  SERVICE_TYPE,
  servicesIn,
} from "../../lib/net/dns_sd.ts";
import { pure } from "../testing/test_options.ts";

const FINGERPRINT = `SHA256:${"A".repeat(43)}`;
const SENDER = "192.168.1.5";
const PLAIN: Announcement = { name: "aula 3", port: 5_000, version: 1, hasPassword: false };
const WHERE = { id: SENDER, ips: [SENDER] };
const RECORDS = recordsOf(PLAIN, WHERE);
const INSTANCE = "aula 3 (192-168-1-5-5000)._chat._tcp.local";
const FOUND = {
  name: "aula 3",
  server: { host: SENDER, port: 5_000 },
  version: 1,
  isTls: false,
  hasPassword: false,
};

/** A response, with texts in bytes as the codec reads them. */
function response(records: readonly DnsRecord[]): DnsPacket {
  const answers = records.map((record) => {
    if (record.type !== "TXT") return record;
    return { ...record, data: (record.data as string[]).map((text) => new TextEncoder().encode(text)) };
  });
  return { questions: [], answers, additionals: [] };
}

/** The records of the plain server, with another value for those of one type. */
function changed(type: string, data: unknown): DnsPacket {
  return response(RECORDS.map((record) => record.type === type ? { ...record, data } : record));
}

function query(type: string, name: string, answers: DnsRecord[] = []): DnsPacket {
  return { questions: [{ type, name }], answers, additionals: [] };
}

Deno.test("servicesIn() reads what recordsOf() tells", pure, () => {
  assertEquals(servicesIn(response(RECORDS), SENDER), [FOUND]);
  const secret = recordsOf({ ...PLAIN, fingerprint: FINGERPRINT, hasPassword: true }, WHERE);
  assertEquals(secret.find(({ type }) => type === "TXT")!.data, [
    "v=1",
    "room=aula 3",
    `tls=${FINGERPRINT}`,
    "password=1",
  ]);
  assertEquals(servicesIn(response(secret), SENDER), [{ ...FOUND, isTls: true, hasPassword: true }]);
});

Deno.test("recordsOf() makes labels that fit, and that no other server has", pure, () => {
  const nameOf = (name: string, id: string, port: number) =>
    recordsOf({ ...PLAIN, name, port }, { id, ips: [] })[0]!.data as string;
  assertEquals(nameOf("aula 3", SENDER, 5_000), INSTANCE);
  assertEquals(nameOf("v. 1.0", "2001:db8::5", 1), `v  1 0 (2001-db8-5-1).${SERVICE_TYPE}`);
  const [label] = nameOf("ñ".repeat(40), "255.255.255.255", 65_535).split(".");
  assertEquals(label, `${"ñ".repeat(19)} (255-255-255-255-65535)`);
});

for (
  const [does, host, ips, sender] of [
    ["prefers the address that sent the packet", "192.168.1.5", ["10.0.0.5", "192.168.1.5"], SENDER],
    ["takes one of another network, as a gateway repeats it", "10.0.0.5", ["10.0.0.5"], SENDER],
    ["takes IPv6", "2001:db8::5", ["fe80::1", "2001:db8::5"], SENDER],
    ["takes no loopback address, group, or address with a zone", undefined, [
      "127.0.0.1",
      "0.0.0.0",
      "224.0.0.251",
      "255.255.255.255",
      "fe80::1",
      "::1",
      "ff02::fb",
    ], "127.0.0.1"],
  ] as const
) {
  Deno.test(`servicesIn() ${does}`, pure, () => {
    const records = recordsOf(PLAIN, { id: SENDER, ips });
    assertEquals(servicesIn(response(records), sender)[0]?.server.host, host);
  });
}

Deno.test("servicesIn() compares names without case, and takes the label for a missing name", pure, () => {
  const upper = RECORDS.map((record) => ({ ...record, name: record.name.toUpperCase() }));
  assertEquals(servicesIn(response(upper), SENDER), [FOUND]);
  const [{ name, version } = FOUND] = servicesIn(changed("TXT", []), SENDER);
  assertEquals([name, version], ["aula 3 (192-168-1-5-5000)", undefined]);
});

Deno.test("servicesIn() reads the first value of a key, and passes over what is no pair", pure, () => {
  const texts = ["", "=x", "ROOM=a=b", "room=c", "v"];
  const [{ name, version } = FOUND] = servicesIn(changed("TXT", texts), SENDER);
  assertEquals([name, version], ["a=b", 0]);
});

Deno.test("servicesIn() finds nothing in what says goodbye, or lacks a part", pure, () => {
  const without = (type: string) => response(RECORDS.filter((record) => record.type !== type));
  for (
    const packet of [
      response(RECORDS.map((record) => ({ ...record, ttl: 0 }))),
      without("PTR"),
      without("SRV"),
      without("A"),
      changed("PTR", 7),
      changed("SRV", { port: 0, target: "chat-192-168-1-5-5000.local" }),
      changed("A", "127.0.0.1"),
    ]
  ) {
    assertEquals(servicesIn(packet, SENDER), []);
  }
});

Deno.test("servicesIn() reads 32 services of a packet", pure, () => {
  const many = Array.from({ length: 100 }, (_, index) => recordsOf({ ...PLAIN, port: index + 1 }, WHERE))
    .flat();
  assertEquals(servicesIn(response(many), SENDER).length, 32);
});

Deno.test("isAskedFor() knows each name, and no other", pure, () => {
  for (
    const [type, name] of [
      ["PTR", SERVICE_TYPE],
      ["PTR", SERVICE_TYPE.toUpperCase()],
      ["ANY", SERVICE_TYPE],
      ["PTR", "_services._dns-sd._udp.local"],
      ["SRV", INSTANCE],
      ["TXT", INSTANCE],
      ["ANY", INSTANCE],
      ["A", "chat-192-168-1-5-5000.local"],
    ] as const
  ) {
    assertEquals(isAskedFor(RECORDS, query(type, name)), true, `${type} ${name}`);
  }
  for (const [type, name] of [["PTR", "_ipp._tcp.local"], ["AAAA", "chat-192-168-1-5-5000.local"]] as const) {
    assertEquals(isAskedFor(RECORDS, query(type, name)), false, `${type} ${name}`);
  }
});

Deno.test("isAskedFor() leaves out an answer that the asker has for a while yet", pure, () => {
  const known = (ttl: number, data: unknown) =>
    query("PTR", SERVICE_TYPE, [{ type: "PTR", name: SERVICE_TYPE, ttl, data }]);
  assertEquals(isAskedFor(RECORDS, known(60, INSTANCE)), false);
  assertEquals(isAskedFor(RECORDS, known(59, INSTANCE)), true);
  assertEquals(isAskedFor(RECORDS, known(120, "another")), true);
});
