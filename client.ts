// chat-client: enters a room, and goes on in another when its server falls. Everything is in lib/chat_client.ts.

import { runClient } from "./lib/client/main.ts";
import { systemClock } from "./lib/base/time.ts";
import { runProcess } from "./lib/cli/process.ts";

if (import.meta.main) await runProcess(runClient, { clock: systemClock });
