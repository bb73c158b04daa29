// Starts a ChatServer in this process, with an empty room or a given commit log.

import { UNLIMITED } from "../../lib/base/limits.ts";
import { type Clock, randomId, serverClock } from "../../lib/base/time.ts";
import { listen } from "../../lib/net/tcp.ts";
import { type CommitLog, InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import { ChatServer, type ServerParts } from "../../lib/server/chat_server.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { LOOPBACK } from "./addresses.ts";
import { type DeepPartial, testConfig } from "./test_config.ts";
import { TCP, type Transport } from "./transport.ts";

/** What differs from the defaults. */
export interface TestServerOptions extends DeepPartial<Omit<ServerConfig, "credentials">> {
  readonly clock?: Clock;
  readonly commitLog?: CommitLog;
  readonly credentials?: ServerParts["credentials"];
  readonly onReject?: ChatServer["onReject"];
}

/** A server on this machine, at any free port unless one is given, and without a rate limit: tests send faster than
 * users. */
export function startServer(options: TestServerOptions = {}, { wrapTls }: Transport = TCP): ChatServer {
  const {
    clock = serverClock,
    commitLog = new InMemoryCommitLog(randomId()),
    credentials = {},
    onReject = () => {},
    ...overrides
  } = options;
  const config = testConfig({ messages: UNLIMITED, ...overrides });
  const { host = LOOPBACK, port = 0 } = config.listen;
  const parts = { listener: listen({ host, port }), commitLog, credentials: { wrapTls, ...credentials } };
  const server = new ChatServer(parts, config, clock);
  server.onReject = onReject;
  return server;
}
