// All of NATS that a room needs, in one module: it is loaded where a room is kept there, and nowhere else, because
// the library behind it is bigger than the whole program.

import type { NatsRoom, NatsRoomOptions } from "../store.ts";
import { NatsLeases } from "./leases.ts";
import { connectNats } from "./connection.ts";
import { NatsStream } from "./stream.ts";

/** Connects, and makes what is not there yet.
 * @throws {NatsModuleError} */
export async function openNatsRoom({ room, nodeId, address, ...access }: NatsRoomOptions): Promise<NatsRoom> {
  const link = await connectNats(access);
  try {
    const store = await NatsStream.open(link, room, access);
    const leases = new NatsLeases(link, { room, nodeId, address, replicas: store.replicas });
    return {
      store,
      leases,
      close: async () => {
        store.close();
        await link.nc.close();
      },
    };
  } catch (error) {
    await link.nc.close();
    throw error;
  }
}
