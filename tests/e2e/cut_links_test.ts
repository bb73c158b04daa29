// Several clients lose the network at once: a pulled cable, a restarted switch. Needs network namespaces, else it is
// skipped. The timeouts are real, so both happen beside each other.

import { isolatedTest, MACHINES } from "../testing/isolation.ts";

await isolatedTest(
  "chat-client goes back to a server behind a pulled cable or a restarted switch: one room",
  { script: new URL("./cut_links.ts", import.meta.url), needs: MACHINES },
);
