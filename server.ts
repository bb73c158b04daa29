// Entry point of chat-server.

import { serverClock } from "./lib/base/time.ts";
import { runProcess } from "./lib/cli/process.ts";
import { serve } from "./lib/server/main.ts";

if (import.meta.main) await runProcess(serve, { configName: "server.conf", clock: serverClock });
