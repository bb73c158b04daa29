// A NATS server with a room in it.

import { openNatsRoom } from "../../lib/cluster/nats/room.ts";
import type { NatsRoom } from "../../lib/cluster/store.ts";
import { NatsServer } from "../nats_server.ts";
import { TestFolder } from "../test_folder.ts";

/** What is stored of a text. */
export const bytes = (text: string) => new TextEncoder().encode(text);

/** A room on a NATS server. */
export function openRoom(
  { address }: NatsServer,
  options: Partial<Parameters<typeof openNatsRoom>[0]> = {},
): Promise<NatsRoom> {
  return openNatsRoom({
    ...{ servers: [address], isTls: false, room: "aula", nodeId: 0xabcn, address: () => "a:1" },
    ...options,
  });
}

/** A NATS server, and a room in it. */
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
