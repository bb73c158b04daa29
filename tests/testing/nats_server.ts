// Runs nats-server as processes for tests and for chaos: one server, or a cluster on one machine.

import { freePort, LOOPBACK as HOST } from "./addresses.ts";

/** How long a server may take to accept connections, and how often to try, in ms. */
const STARTUP_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

const { state } = await Deno.permissions.query({ name: "run", command: "nats-server" });

async function isInstalled(): Promise<boolean> {
  if (state !== "granted") return false;
  try {
    return (await new Deno.Command("nats-server", { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Options of tests that need nats-server: skips them if it is not installed, or may not be run. */
export const withNats = { ignore: !await isInstalled() };

/** How to start a server. */
interface NatsServerOptions {
  /** Its store directory. */
  readonly folder: string;
  readonly port?: number;
  readonly hasJetStream?: boolean;
  /** Further flags. */
  readonly args?: readonly string[];
}

/** One server, killed at the end of its scope. */
export class NatsServer implements AsyncDisposable {
  /** `host:port`, for clients. */
  readonly address: string;
  readonly #port: number;
  readonly #args: readonly string[];
  #child: Deno.ChildProcess | undefined;

  /** Does not start the server. */
  constructor({ folder, port, hasJetStream = true, args = [] }: NatsServerOptions) {
    this.#port = port ?? freePort();
    this.address = `${HOST}:${this.#port}`;
    const storing = hasJetStream ? ["-js", "-sd", folder] : [];
    this.#args = ["-a", HOST, "-p", `${this.#port}`, ...storing, ...args];
  }

  /** Starts a server and waits until it accepts connections. */
  static async start(options: NatsServerOptions): Promise<NatsServer> {
    const server = new NatsServer(options);
    server.start();
    await server.answers();
    return server;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts the server unless it runs. */
  start(): void {
    this.#child ??= new Deno.Command("nats-server", {
      args: [...this.#args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Fulfilled when the server accepts connections.
   * @throws {Error} if it does not */
  async answers(): Promise<void> {
    for (const endMs = performance.now() + STARTUP_TIMEOUT_MS;;) {
      try {
        return (await Deno.connect({ hostname: HOST, port: this.#port })).close();
      } catch (error) {
        if (performance.now() > endMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  }

  /** Kills the server. Fulfilled when its process has ended. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.sendSignal("SIGKILL");
    this.#child = undefined;
    await child?.status;
  }

  sendSignal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** The servers of one cluster. Does not start them. */
export function natsCluster({ folder, size }: { folder: string; size: number }): NatsServer[] {
  const ports = Array.from({ length: 2 * size }, freePort);
  const routes = ports.slice(size).map((port) => `nats://${HOST}:${port}`);
  return routes.map((route, index) =>
    new NatsServer({
      folder: `${folder}/${index}`,
      port: ports[index]!,
      args: [
        ...["--server_name", `n${index}`, "--cluster_name", "chat"],
        ...["--cluster", route, "--routes", routes.join(",")],
      ],
    })
  );
}
