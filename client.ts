// Entry point of chat-client.

import { runClient } from "./lib/client/main.ts";
import { systemClock } from "./lib/base/time.ts";
import { runProcess } from "./lib/cli/process.ts";

if (import.meta.main) await runProcess(runClient, { configName: "client.conf", clock: systemClock });
