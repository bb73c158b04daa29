// chat-server in this process, and a NATS in memory for it.

import { assertEquals } from "@std/assert";
import type { OpenNatsRoom } from "../../lib/cluster/store.ts";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { serve } from "../../lib/server/main.ts";
import { freeAddress } from "./addresses.ts";
import { FakeLeases, FakeLog, FakeStore } from "./fake_store.ts";
import { FakeUser, type FakeUserOptions } from "./fake_user.ts";
import { testConfig } from "./test_config.ts";

/** A chat-server that listens, and its operator. */
export class RunningServer implements AsyncDisposable {
  readonly address = freeAddress();
  readonly operator: FakeUser;
  readonly status: Promise<number>;

  private constructor(
    flags: readonly string[],
    options: FakeUserOptions,
    parts: Parameters<typeof serve>[1],
  ) {
    const { host, port } = this.address;
    this.operator = new FakeUser(options);
    const main: typeof serve = (process) => serve(process, parts);
    this.status = this.operator.run(main, "--host", host, "--port", `${port}`, ...flags);
  }

  static async start(
    flags: readonly string[] = [],
    { parts, ...options }: FakeUserOptions & { readonly parts?: Parameters<typeof serve>[1] } = {},
  ): Promise<RunningServer> {
    const server = new RunningServer(flags, options, parts);
    await server.operator.waitForOutput(`${server.address.port}`);
    return server;
  }

  /** Types a command that ends the server. Returns all output. */
  async quit(): Promise<string> {
    this.operator.type("salir\n");
    assertEquals(await this.status, 0);
    return this.operator.output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.operator[Symbol.asyncDispose]();
  }
}

/** The flags of a server with {@linkcode fakeNats}. */
export const NATS = ["--nats", "10.0.0.9", "--room", "aula"];

/** NATS in memory. */
export function fakeNats() {
  const log = new FakeLog();
  const store = new FakeStore(log);
  const leases = new FakeLeases();
  const told: unknown[] = [];
  leases.renew = (address?: string) => Promise.resolve(void told.push(address));
  const openNatsRoom: OpenNatsRoom = ({ servers }, { room }) => {
    told.push(...servers, room);
    return Promise.resolve({ store, leases, close: () => Promise.resolve(store.close()) });
  };
  const settings = {
    timeouts: { ...DEFAULT_CONFIG.timeouts, outageClearMs: 1 },
    cluster: testConfig({ cluster: { unavailableAfterMs: 20, snapshotEvents: 2, renewMs: 5 } }).cluster,
  };
  return { log, store, leases, told, parts: { openNatsRoom, settings } };
}
