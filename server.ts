// chat-server: one room for everyone who reaches its port. Everything is in lib/server_program.ts.

import { serverClock } from "./lib/clock.ts";
import { runProcess } from "./lib/program.ts";
import { serve } from "./lib/server_program.ts";

if (import.meta.main) await runProcess(serve, { clock: serverClock });
