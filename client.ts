// chat-client: enters a room, and goes on in another when its server falls. Everything is in lib/chat_client.ts.

import { runClient } from "./lib/chat_client.ts";
import { systemClock } from "./lib/clock.ts";
import { runProcess } from "./lib/program.ts";

if (import.meta.main) await runProcess(runClient, { clock: systemClock });
