// What all parts of a run share.

import type { CommitLog } from "../../lib/room/commit_log.ts";
import type { SessionState } from "../../lib/client/session_state.ts";
import type { Room, RoomConfig } from "../../lib/room/room.ts";
import type { Store } from "../../tests/testing/delayed_commit_log.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "../../tests/testing/random.ts";
import type { Timeline } from "./timeline.ts";

export interface Rules {
  newSessionState(resumeToken: Uint8Array): SessionState;
  newRoom(commitLog: CommitLog, config: RoomConfig): Room;
  /** For a server that stores its log. */
  newCommitLog(store: Store): CommitLog;
  /** Whether the end of a replaced connection counts as a disconnect of the member. */
  readonly losesReplaced: boolean;
  /** Whether a client that was suspended for too long reads the bytes that its socket buffered. */
  readonly trustsLateBytes: boolean;
  /** Whether acked messages age until the client notices a disconnect, instead of until it last received data. */
  readonly agesUntilNoticed: boolean;
}

export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly rules: Rules;
}
