// What everything in one run shares.

import type { CommitLog } from "../../lib/room/commit_log.ts";
import type { SessionState } from "../../lib/client/session_state.ts";
import type { Room, RoomConfig } from "../../lib/room/room.ts";
import type { Store } from "../room/delayed_commit_log.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** The rules that clients and servers go by. */
export interface Rules {
  newSessionState(resumeToken: Uint8Array): SessionState;
  newRoom(commitLog: CommitLog, config: RoomConfig): Room;
  /** Of a server that keeps its log. */
  newCommitLog(store: Store): CommitLog;
  /** Whether a server takes the loss of a connection that was replaced for the loss of the client. */
  readonly losesReplaced: boolean;
  /** Whether a client that was silent for too long itself believes what it then finds in its socket. */
  readonly trustsLateBytes: boolean;
  /** Whether what a client has sent ages until it notices a loss, not only until it last heard the server. */
  readonly agesUntilNoticed: boolean;
}

/** One run. */
export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly rules: Rules;
}
