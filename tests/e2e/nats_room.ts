// A NATS server with a room in it.

import { openNatsRoom } from "../../lib/cluster/nats/room.ts";
import type { NatsConfig, NatsRoom } from "../../lib/cluster/store.ts";
import { NatsServer } from "../testing/nats_server.ts";
import { TestFolder } from "../testing/test_folder.ts";

/** A text as a record. */
export const bytes = (text: string) => new TextEncoder().encode(text);

/** Opens a room on a NATS server. */
export function openRoom(
  { address }: NatsServer,
  { nodeId = 0xabcn, ...config }: Partial<NatsConfig> & { nodeId?: bigint } = {},
): Promise<NatsRoom> {
  return openNatsRoom({ servers: [address], isTls: false, ...config }, { room: "aula", nodeId });
}

/** Starts a NATS server, and opens a room on it. */
export async function inNats(act: (room: NatsRoom, nats: NatsServer) => Promise<void>): Promise<void> {
  await using folder = new TestFolder();
  await using nats = await NatsServer.start({ folder: folder.path });
  const room = await openRoom(nats);
  try {
    await act(room, nats);
  } finally {
    await room.close();
  }
}
