// Makes a ChatServer in this process, with an empty room or a given commit log.

import { type Clock, randomId, serverClock } from "../../lib/base/time.ts";
import { listen } from "../../lib/net/tcp.ts";
import { type CommitLog, InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import { ChatServer, type ServerParts } from "../../lib/server/chat_server.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { LOOPBACK } from "./addresses.ts";
import { type DeepPartial, testConfig } from "./test_config.ts";

/** What differs from the defaults. */
export interface TestServerOptions extends DeepPartial<Omit<ServerConfig, "credentials">> {
  readonly clock?: Clock;
  readonly commitLog?: CommitLog;
  readonly credentials?: ServerParts["credentials"];
  readonly onReject?: ChatServer["onReject"];
}

/** A server on this machine, at any free port unless one is given. */
export function makeServer(options: TestServerOptions = {}): ChatServer {
  const {
    clock = serverClock,
    commitLog = new InMemoryCommitLog(randomId()),
    credentials = {},
    onReject = () => {},
    ...overrides
  } = options;
  const config = testConfig(overrides);
  const { host = LOOPBACK, port = 0 } = config.listen;
  const server = new ChatServer({ listener: listen({ host, port }), commitLog, credentials }, config, clock);
  server.onReject = onReject;
  return server;
}
