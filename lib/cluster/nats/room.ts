// All of NATS that a room needs, in one module: it is loaded where a room is kept there, and nowhere else, because
// the library behind it is bigger than the whole program.

import type { NatsConfig } from "../nats_access.ts";
import { NatsLeases } from "./leases.ts";
import { connectNats } from "./connection.ts";
import type { Leases, StreamStore } from "../store.ts";
import { NatsStream } from "./stream.ts";

/** What to open. */
interface NatsRoomOptions extends NatsConfig {
  /** Name of the room. */
  readonly room: string;
  /** Id of this server. */
  readonly nodeId: bigint;
  /** Where clients reach this server, `host:port`; empty if nobody knows. */
  readonly address: () => string;
}

/** A room in NATS. */
export interface NatsRoom {
  readonly store: StreamStore;
  readonly leases: Leases;
  /** Ends the connection. */
  close(): Promise<void>;
}

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
