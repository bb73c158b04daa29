// `--metrics`: the text that Prometheus reads, and what a server answers over HTTP.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ListenError } from "../../lib/errors.ts";
import { type Figures, MetricsServer, metricsText } from "../../lib/server/metrics.ts";
import { freePort, LOOPBACK } from "../testing/addresses.ts";
import { fakeNats, NATS, RunningServer } from "../testing/running_server.ts";
import { dialPeer, enterAs, makeHello, say } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";
import { startServer } from "../testing/test_server.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";

const FIGURES: Figures = {
  stats: {
    memberCount: 3,
    connectionCount: 4,
    messagesPerSecond: 1.5,
    messageCount: 12,
    delivered: { frames: 345, bytes: 6_789 },
    flushCycleCount: 56,
    startedMs: 1_700_000_000_250,
    residentBytes: 70_000_000,
    logEntries: 20,
    logBytes: 262_144,
    storedBytes: 20_480,
  },
  store: { failureCount: 2, failure: "The disk is full" },
  refusals: new Map([["too-slow", 1], ["room-full", 5]]),
};

/** The samples of a text, by name and labels. */
function samplesOf(text: string): Map<string, number> {
  return new Map(
    [...text.matchAll(/^([^#\s]\S*) (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
  );
}

/** What `promtool check metrics` would find. */
function lint(text: string): string[] {
  const faults: string[] = [];
  const families = text.split(/^(?=# HELP )/m);
  for (const family of families) {
    const [, name = "?", type, samples = ""] =
      /^# HELP (\S+) [^\n]*\w[^\n]*\n# TYPE \1 (counter|gauge)\n([^]*)$/.exec(family) ?? [];
    const line = new RegExp(String.raw`^${name}(?:\{[a-z_]+="[\w-]+"\})? -?[\d.]+(?:e[+-]?\d+)?\n`);
    if (samples === "" || samples.split(/(?<=\n)/).some((sample) => !line.test(sample))) faults.push(family);
    if (name.endsWith("_total") !== (type === "counter")) faults.push(`${name}: is no ${type}`);
    if (/^[^a-z]|[^a-z_]|_(?:count|sum|bucket|ms|milliseconds|kb|mb|megabytes|minutes)(?:_|$)/.test(name)) {
      faults.push(`${name}: is named against the conventions`);
    }
  }
  const names = families.map((family) => family.split(" ")[2]);
  if (new Set(names).size < names.length) faults.push("a metric comes twice");
  return faults;
}

Deno.test("metricsText() keeps to the format and the conventions of Prometheus", pure, () => {
  const text = metricsText(FIGURES);
  assertEquals(lint(text), []);
  assertEquals([...samplesOf(text)], [
    ["chat_members", 3],
    ["chat_connections", 4],
    ["chat_messages_total", 12],
    ["chat_deliveries_total", 345],
    ["chat_delivered_bytes_total", 6_789],
    ["chat_flush_cycles_total", 56],
    ["chat_slow_consumers_total", 1],
    ['chat_refusals_total{code="too-slow"}', 1],
    ['chat_refusals_total{code="room-full"}', 5],
    ["chat_log_entries", 20],
    ["chat_log_bytes", 262_144],
    ["chat_stored_bytes", 20_480],
    ["chat_store_up", 0],
    ["chat_store_failures_total", 2],
    ["process_resident_memory_bytes", 70_000_000],
    ["process_start_time_seconds", 1_700_000_000.25],
  ]);
});

Deno.test("metricsText() leaves out the size of a file that there is not", pure, () => {
  const text = metricsText({ ...FIGURES, stats: { ...FIGURES.stats, storedBytes: undefined } });
  assertEquals([lint(text), text.includes("chat_stored_bytes")], [[], false]);
});

const { state } = await Deno.permissions.query({ name: "read", path: "docs" });

Deno.test("metricsText() has the metrics of docs/MONITORING.md", { ignore: state !== "granted" }, () => {
  const rows = Deno.readTextFileSync("docs/MONITORING.md").matchAll(/^\| `((?:chat|process)_[a-z_]+)/gm);
  const names = metricsText(FIGURES).matchAll(/^# HELP (\S+)/gm);
  assertEquals(Array.from(rows, ([, name]) => name), Array.from(names, ([, name]) => name));
});

/** The metrics at a port, which must be free of faults. */
async function scrape(port: number): Promise<Map<string, number>> {
  const response = await fetch(`http://${LOOPBACK}:${port}/metrics`);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  assertEquals(lint(text), []);
  return samplesOf(text);
}

async function healthOf(port: number): Promise<[status: number, text: string]> {
  const response = await fetch(`http://${LOOPBACK}:${port}/healthz`);
  return [response.status, await response.text()];
}

/** Starts a server with metrics. */
function startMeasured(options: Parameters<typeof startServer>[0] = {}) {
  const server = startServer(options);
  const store = { failureCount: 0, failure: undefined as string | undefined };
  const port = freePort();
  const metrics = new MetricsServer({ host: LOOPBACK, port }, { server, store });
  return {
    server,
    store,
    port,
    metrics,
    async [Symbol.asyncDispose]() {
      metrics[Symbol.dispose]();
      await server.close();
    },
  };
}

Deno.test("MetricsServer counts messages, deliveries and members, and never counts back", async () => {
  await using measured = startMeasured();
  const { server, port } = measured;
  using ana = await enterAs("ana", server); // reads her own JOINED
  {
    using bea = await enterAs("bea", server);
    await ana.expect("joined");
    await ana.send(say(1, "hola"), say(2, "adiós"));
    for (const peer of [ana, bea]) for (let i = 0; i < 2; i++) await peer.expect("said");
    const now = await scrape(port);
    const of = (...names: string[]) => names.map((name) => now.get(`chat_${name}`));
    assertEquals(of("members", "connections", "messages_total", "deliveries_total"), [2, 2, 2, 7]);
    assertEquals(of("log_entries", "store_up", "store_failures_total"), [4, 1, 0]);
    await bea.send({ type: "bye" });
    await bea.receiveAll();
  }
  await ana.expect("left");
  await waitFor(() => server.stats.connectionCount === 1, "the connection of bea to be closed");
  const later = await scrape(port);
  assertEquals([later.get("chat_members"), later.get("chat_messages_total")], [1, 2]);
  assert(later.get("chat_deliveries_total")! >= 8); // LEFT to ana, and to bea
  assert(later.get("chat_delivered_bytes_total")! > 8 * 4);
  assert(later.get("chat_flush_cycles_total")! > 0);
});

Deno.test("MetricsServer counts refusals by code, and passes them on", async () => {
  const codes: unknown[] = [];
  const onReject = (_: unknown, error: Error) => void codes.push((error as { code?: string }).code);
  await using measured = startMeasured({ limits: { maxClients: 1 }, onReject });
  const { server, port } = measured;
  assertEquals((await scrape(port)).get('chat_refusals_total{code="room-full"}'), 0);
  using _ana = await enterAs("ana", server);
  for (let i = 0; i < 2; i++) {
    using peer = await dialPeer(server.address);
    await peer.send(makeHello("bea"));
    await peer.expect("error");
  }
  server.onReject({ address: LOOPBACK }, new TypeError("a mistake of ours"));
  const counts = await scrape(port);
  const of = (code: string) => counts.get(`chat_refusals_total{code="${code}"}`);
  assertEquals(["room-full", "internal", "too-slow", "banned"].map(of), [2, 1, 0, 0]);
  assertEquals(["kicked", "password-needed"].map(of), [undefined, undefined]);
  assertEquals(counts.get("chat_slow_consumers_total"), 0);
  assertEquals(codes, ["room-full", "room-full", undefined]);
});

Deno.test("MetricsServer answers /healthz with 503 and the reason while the store fails", async () => {
  await using measured = startMeasured();
  const { store, port } = measured;
  assertEquals(await healthOf(port), [200, "ok\n"]);
  Object.assign(store, { failure: "The disk is full", failureCount: 1 });
  assertEquals(await healthOf(port), [503, "The disk is full\n"]);
  const down = await scrape(port);
  assertEquals([down.get("chat_store_up"), down.get("chat_store_failures_total")], [0, 1]);
  store.failure = undefined;
  assertEquals(await healthOf(port), [200, "ok\n"]);
});

const REQUESTS: readonly [method: string, path: string, status: number, allow?: string][] = [
  ["HEAD", "/metrics", 200],
  ["HEAD", "/healthz?from=balancer", 200],
  ["GET", "/", 404],
  ["GET", "/metrics/", 404],
  ["POST", "/metrics", 405, "GET, HEAD"],
  ["DELETE", "/healthz", 405, "GET, HEAD"],
];

Deno.test("MetricsServer knows two paths, and GET and HEAD", async () => {
  await using measured = startMeasured();
  for (const [method, path, status, allow = null] of REQUESTS) {
    const response = await fetch(`http://${LOOPBACK}:${measured.port}${path}`, { method });
    const body = await response.text();
    assertEquals([response.status, response.headers.get("allow"), method === "HEAD" && body], [
      status,
      allow,
      method === "HEAD" && "",
    ]);
  }
});

Deno.test("MetricsServer survives a host that cannot be, and what is not HTTP", async () => {
  await using measured = startMeasured();
  for (const request of ["GET /metrics HTTP/1.1\r\nHost: ][\r\n\r\n", "\x16\x03\x01 TLS\r\n\r\n"]) {
    using conn = await Deno.connect({ hostname: LOOPBACK, port: measured.port });
    await conn.write(new TextEncoder().encode(request));
    const answer = new Uint8Array(1_000);
    const length = await withTimeout(conn.read(answer), "an answer");
    assertMatch(new TextDecoder().decode(answer.subarray(0, length ?? 0)), /^HTTP\/1\.1 40[04] /);
  }
  assertEquals((await scrape(measured.port)).get("chat_connections"), 0);
});

Deno.test("MetricsServer closes at once, also connections that ask for nothing or for half", async () => {
  await using measured = startMeasured();
  const { port, metrics } = measured;
  await scrape(port); // its connection is kept
  const address = { hostname: LOOPBACK, port };
  using silent = await Deno.connect(address);
  using slow = await Deno.connect(address);
  await slow.write(new TextEncoder().encode("GET /metr"));
  metrics[Symbol.dispose]();
  for (const conn of [silent, slow]) {
    const end = withTimeout(conn.read(new Uint8Array(1)), "the connection to be closed");
    assertEquals(await end.catch(() => null), null);
  }
  assertEquals(await Deno.connect(address).catch((error) => error.name), "ConnectionRefused");
});

Deno.test("MetricsServer throws ListenError if its address cannot be used", () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const server = { onReject: () => {}, stats: FIGURES.stats };
  const store = FIGURES.store;
  for (const [host, code] of [[LOOPBACK, "port-in-use"], ["192.0.2.1", "address-not-local"]] as const) {
    const listen = () => new MetricsServer({ host, port: listener.addr.port }, { server, store });
    assertEquals(assertThrows(listen, ListenError).code, code);
  }
});

Deno.test("chat-server --metrics says where, and like the console that NATS fails, until it works", async () => {
  const { log, parts } = fakeNats();
  const port = freePort();
  await using server = await RunningServer.start([...NATS, "--metrics", `${port}`], {
    language: "en",
    parts,
  });
  const { operator } = server;
  await operator.waitForOutput(`Metrics at http://${LOOPBACK}:${port}/metrics, health at /healthz.\n`);
  {
    using ana = await enterAs("ana", server);
    log.isDown = true;
    await ana.send(say(1, "hola"));
    assertEquals((await ana.expect("stalled")).resolved, false);
    await operator.waitForOutput("! NATS does not answer: messages wait.\n");
    assertEquals(await healthOf(port), [503, "NATS does not answer: messages wait.\n"]);
    log.isDown = false;
    await operator.waitForOutput("! NATS answers again: the waiting messages were stored.\n");
    assertEquals([(await ana.receive())!.type, (await ana.receive())!.type].sort(), ["said", "stalled"]);
    assertEquals(await healthOf(port), [200, "ok\n"]);
    assertEquals((await scrape(port)).get("chat_store_failures_total"), 1);
  }
  await server.quit();
  assertEquals(await healthOf(port).catch(() => "closed"), "closed");
});
