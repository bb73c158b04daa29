// Announces a server on the local network, by multicast DNS.

import type { ProcessContext } from "../cli/process.ts";
import type { Address } from "../net/address.ts";
import type { Discovery } from "../net/dns_sd.ts";
import { PROTOCOL_VERSION } from "../protocol/frames.ts";
import type { ServerConfig } from "./config.ts";
import type { Credentials } from "./credentials.ts";
import { reachableHosts } from "./invitation.ts";
import { localIPs } from "./listen_prompt.ts";

export type LoadDiscovery = () => Promise<Discovery>;

/** Loads the library of multicast DNS, which no other part needs. */
const loadLibrary: LoadDiscovery = async () => (await import("../net/discovery.ts")).discovery;

interface AnnouncementOptions {
  readonly listening: Address;
  readonly credentials: Credentials;
  readonly process: ProcessContext;
  readonly loadDiscovery?: LoadDiscovery;
}

/** An announcement that lasts until it is disposed of. */
export class ServerAnnouncement implements AsyncDisposable {
  /** Of the room, for people. */
  readonly name: string;
  readonly #announced: Promise<ReturnType<Discovery["announce"]> | undefined>;

  private constructor(
    name: string,
    { listening, credentials, process, loadDiscovery = loadLibrary }: AnnouncementOptions,
  ) {
    this.name = name;
    const { certificate, password } = credentials;
    const announcement = {
      name,
      port: listening.port,
      version: PROTOCOL_VERSION,
      fingerprint: certificate?.fingerprint,
      hasPassword: password !== undefined,
    };
    const addresses = {
      hosts: () => reachableHosts(listening, localIPs(process)),
      localIPs: () => localIPs(process),
    };
    // The server serves without it.
    this.#announced = loadDiscovery().then((discovery) => discovery.announce(announcement, addresses))
      .catch(() => undefined);
  }

  /** Undefined if the operator does not want one, or only this machine reaches the server. */
  static begin(
    { isAnnounced, name, nats }: Pick<ServerConfig, "isAnnounced" | "name" | "nats">,
    options: AnnouncementOptions,
  ): ServerAnnouncement | undefined {
    const { listening, process } = options;
    if (!isAnnounced || reachableHosts(listening, localIPs(process)).length === 0) return undefined;
    return new ServerAnnouncement(name ?? nats?.room ?? (process.hostName() || "chat"), options);
  }

  /** Says goodbye. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#announced)?.end();
  }
}
