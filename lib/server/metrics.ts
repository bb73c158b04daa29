// `--metrics`: the figures of a server as Prometheus reads them, and whether it is healthy, over HTTP.

import { ChatError, errorMessage, WIRE_CODES } from "../errors.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { listenError } from "../net/tcp.ts";
import type { ChatServer } from "./chat_server.ts";
import { UNREPORTED } from "./client_handler.ts";

/** Of Prometheus's text format (prometheus.io/docs/instrumenting/exposition_formats). */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";
const MS_PER_SECOND = 1_000;
/** Codes that never reach {@linkcode ChatServer.onReject}. */
const UNCOUNTED: readonly string[] = [...UNREPORTED, "kicked", "tls-needed"];

/** Of the commit log. */
interface StoreHealth {
  /** How often storing began to fail. */
  readonly failureCount: number;
  /** Why nothing can be stored at the moment. */
  readonly failure: string | undefined;
}

export interface Figures {
  readonly stats: ChatServer["stats"];
  readonly store: StoreHealth;
  readonly refusals: ReadonlyMap<string, number>;
}

interface Metric {
  readonly help: string;
  /** One value, or one for each code; undefined leaves the metric out. */
  readonly value: (figures: Figures) => number | ReadonlyMap<string, number> | undefined;
}

/** By name, in the order of docs/MONITORING.md. What ends in `_total` is a counter since the start, all else a gauge. */
const METRICS: Readonly<Record<string, Metric>> = {
  chat_members: {
    help: "Members of the room, on all nodes.",
    value: ({ stats }) => stats.memberCount,
  },
  chat_connections: {
    help: "Connections of this server, also those that have not joined.",
    value: ({ stats }) => stats.connectionCount,
  },
  chat_messages_total: {
    help: "Messages in the room, from all nodes.",
    value: ({ stats }) => stats.messageCount,
  },
  chat_deliveries_total: {
    help: "Entries of the log written to connections, each once for each connection.",
    value: ({ stats }) => stats.delivered.frames,
  },
  chat_delivered_bytes_total: {
    help: "Bytes of the entries written to connections.",
    value: ({ stats }) => stats.delivered.bytes,
  },
  chat_flush_cycles_total: {
    help: "Flush cycles, each one write for each connection.",
    value: ({ stats }) => stats.flushCycleCount,
  },
  chat_slow_consumers_total: {
    help: "Connections closed because they did not read fast enough.",
    value: ({ refusals }) => refusals.get("too-slow"),
  },
  chat_refusals_total: {
    help: "Connections refused or closed by this server, by error code.",
    value: ({ refusals }) => refusals,
  },
  chat_log_entries: {
    help: "Entries of the log in memory.",
    value: ({ stats }) => stats.logEntries,
  },
  chat_log_bytes: {
    help: "Memory of the log in bytes.",
    value: ({ stats }) => stats.logBytes,
  },
  chat_stored_bytes: {
    help: "Size of the room's file in bytes.",
    value: ({ stats }) => stats.storedBytes,
  },
  chat_store_up: {
    help: "Whether messages can be stored: 1 or 0.",
    value: ({ store }) => store.failure === undefined ? 1 : 0,
  },
  chat_store_failures_total: {
    help: "How often storing began to fail.",
    value: ({ store }) => store.failureCount,
  },
  process_resident_memory_bytes: {
    help: "Resident memory size in bytes.",
    value: ({ stats }) => stats.residentBytes,
  },
  process_start_time_seconds: {
    help: "Start time of the server since unix epoch in seconds.",
    value: ({ stats }) => stats.startedMs / MS_PER_SECOND,
  },
};

export function metricsText(figures: Figures): string {
  return Object.entries(METRICS).flatMap(([name, { help, value }]) => {
    const values = value(figures);
    if (values === undefined) return [];
    const samples = typeof values === "number"
      ? [`${name} ${values}\n`]
      : Array.from(values, ([code, count]) => `${name}{code="${code}"} ${count}\n`);
    const type = name.endsWith("_total") ? "counter" : "gauge";
    return [`# HELP ${name} ${help}\n`, `# TYPE ${name} ${type}\n`, ...samples];
  }).join("");
}

/** Counts what the server refuses from now on. All codes are there from the start: Prometheus does not see a counter
 * rise that begins at 1. */
function countRefusals(server: Pick<ChatServer, "onReject">): ReadonlyMap<string, number> {
  const codes = [...WIRE_CODES, "http-request", "internal"].filter((code) => !UNCOUNTED.includes(code));
  const counts = new Map(codes.map((code) => [code, 0]));
  const { onReject } = server;
  server.onReject = (client, error) => {
    const code = error instanceof ChatError ? error.code : "internal";
    counts.set(code, (counts.get(code) ?? 0) + 1);
    onReject(client, error);
  };
  return counts;
}

/** Answers at `/metrics` and `/healthz` until it is disposed of. */
export class MetricsServer implements Disposable {
  readonly #ending = new AbortController();
  readonly #http: Deno.HttpServer<Deno.NetAddr>;

  /** @throws {ListenError} */
  constructor(
    address: Address,
    { server, store }: { server: Pick<ChatServer, "stats" | "onReject">; store: StoreHealth },
  ) {
    const refusals = countRefusals(server);
    const options = {
      hostname: address.host,
      port: address.port,
      signal: this.#ending.signal,
      onListen: () => {}, // it would print
      onError: (error: unknown) => answer(500, `${errorMessage(error)}\n`),
    };
    try {
      this.#http = Deno.serve(options, (request) => respond(request, { server, store, refusals }));
    } catch (cause) {
      throw listenError(cause, address);
    }
  }

  /** `host:port`. */
  get address(): string {
    const { hostname, port } = this.#http.addr;
    return formatAddress({ host: hostname, port });
  }

  /** Closes all connections at once, whatever they wait for. */
  [Symbol.dispose](): void {
    this.#ending.abort();
  }
}

function respond(
  { method, url }: Request,
  { server, store, refusals }: Omit<Figures, "stats"> & { readonly server: Pick<ChatServer, "stats"> },
): Response {
  const pathname = URL.parse(url)?.pathname; // the request names the host, perhaps one that cannot be
  if (pathname !== "/metrics" && pathname !== "/healthz") return answer(404, "/metrics, /healthz\n");
  if (method !== "GET" && method !== "HEAD") return answer(405, "GET, HEAD\n", { allow: "GET, HEAD" });
  if (pathname === "/metrics") {
    const text = metricsText({ stats: server.stats, store, refusals });
    return answer(200, text, { "content-type": METRICS_TYPE });
  }
  return store.failure === undefined ? answer(200, "ok\n") : answer(503, `${store.failure}\n`);
}

function answer(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: { "content-type": TEXT_TYPE, "cache-control": "no-store", ...headers },
  });
}
