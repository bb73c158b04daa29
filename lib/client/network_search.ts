// Servers that announce themselves on the local network: looked for while a question waits, and offered once they have
// answered a PROBE. What the network tells is for people to choose from: it is no reason to trust a server.

import { delay } from "../base/time.ts";
import type { LocalAddress } from "../cli/process.ts";
import { InputError } from "../errors.ts";
import { type Translate, translator } from "../i18n/translate.ts";
import { type Address, formatAddress, isLoopback, isSameAddress } from "../net/address.ts";
import type { Discovery, FoundService } from "../net/dns_sd.ts";
import { PROTOCOL_VERSION } from "../protocol/frames.ts";
import type { PromptDeps } from "../terminal/prompt.ts";
import { printableRoomName } from "../text/text.ts";
import type { ProbeAnswer } from "./failover.ts";
import type { ProbeOptions } from "./prober.ts";

/** How long a question waits for the network, in ms. */
const SEARCH_MS = 300;
/** Limits of a PROBE to a server that was found, in ms. */
export const PROBE_MS = 1_000;

/** A server that was found, and has answered. */
export interface FoundServer extends FoundService {
  readonly answer: ProbeAnswer;
}

/** Looks for servers until the signal is aborted. Fulfilled when those that the network has at the moment have had their
 * time to answer. */
export type NetworkSearch = (
  onFound: (server: FoundServer) => void,
  options: { signal: AbortSignal; probe?: Probe },
) => Promise<void>;

type Probe = (server: Address, options: { signal: AbortSignal }) => Promise<ProbeAnswer | undefined>;

/** Loads the library of multicast DNS, which only a question in a terminal needs. */
const loadLibrary = async (): Promise<Discovery> => (await import("../net/discovery.ts")).discovery;

interface SearchDeps {
  readonly loadDiscovery?: () => Promise<Discovery>;
  readonly localAddresses: () => readonly LocalAddress[];
  /** Without TLS, where a server tells only that it lives: a server that the user has not chosen must not decide whether
   * others need TLS. */
  readonly probePlainly: (server: Address, options: ProbeOptions) => Promise<ProbeAnswer | undefined>;
}

export function networkSearch(
  { loadDiscovery = loadLibrary, localAddresses, probePlainly }: SearchDeps,
): NetworkSearch {
  const limits = { dialTimeoutMs: PROBE_MS, answerTimeoutMs: PROBE_MS };
  const probeDefault: Probe = (server, options) => probePlainly(server, { ...limits, ...options });
  return async (onFound, { signal, probe = probeDefault }) => {
    const localIPs = localAddresses().map(({ address }) => address).filter((ip) => !isLoopback(ip));
    if (localIPs.length === 0) return;
    const onService = async (service: FoundService) => {
      if (service.version !== undefined && service.version !== PROTOCOL_VERSION) return;
      const answer = await probe(service.server, { signal });
      if (answer && !signal.aborted) onFound({ ...service, answer });
    };
    // Without the library nothing is found.
    void loadDiscovery().then((discovery) => {
      if (!signal.aborted) discovery.browse(localIPs, (service) => void onService(service), { signal });
    }, () => {});
    await delay(SEARCH_MS, signal);
  };
}

/** The servers that were found, as a list for a person who answers with a number. A number means the same server for as
 * long as the client runs. */
export class FoundList {
  /** Called when another server is found after the list was shown. */
  onFound = () => {};
  /** The place gives the number. */
  readonly #numbered: FoundServer[] = [];
  /** Found since the question came. */
  #present: FoundServer[] = [];
  readonly #deps: PromptDeps;
  #isShown = false;

  constructor(deps: PromptDeps) {
    this.#deps = deps;
  }

  /** Looks for servers until the signal is aborted. Fulfilled when those found are shown, or as soon as the user enters
   * something; later ones are shown as they come. */
  async begin(search: NetworkSearch, { signal }: { signal: AbortSignal }): Promise<void> {
    const { terminal } = this.#deps;
    const waited = new AbortController();
    const over = AbortSignal.any([signal, waited.signal]);
    this.#present = [];
    this.#isShown = false;
    const searched = search((server) => this.#add(server), { signal });
    await Promise.race([searched, terminal.untilEntered(() => true, { signal: over })]);
    waited.abort();
    if (signal.aborted) return;
    this.#isShown = true;
    // A backup waits without members: the server that names it comes first.
    const address = ({ server }: FoundServer) => formatAddress(server);
    this.#present.sort((one, other) =>
      memberCount(other) - memberCount(one) ||
      address(one).localeCompare(address(other), undefined, { numeric: true })
    );
    for (const server of this.#present) this.#number(server);
    this.#present.sort((one, other) => this.#indexOf(one.server) - this.#indexOf(other.server));
    await this.#print(this.#present);
  }

  /** Whether nothing was found since the question came. */
  get isEmpty(): boolean {
    return this.#present.length === 0;
  }

  /** The number of the first server that was found. */
  get firstNumber(): string | undefined {
    return this.isEmpty ? undefined : `${this.#indexOf(this.#present[0]!.server) + 1}`;
  }

  /** The number of the server with the most people, if this one was found without any. */
  busierThan(server: Address): string | undefined {
    const own = this.#present.find((found) => isSameAddress(found.server, server));
    const [busiest] = this.#present.toSorted((one, other) => memberCount(other) - memberCount(one));
    const isBusier = own?.answer.heardCount === 0 && memberCount(busiest!) > 0;
    return isBusier ? this.numberOf(busiest!.server) : undefined;
  }

  /** The server that an answer means by its number; undefined if the answer is none, or there is no list.
   * @throws {InputError} `choice-invalid` */
  at(answer: string): Address | undefined {
    if (this.isEmpty || !/^\d{1,2}$/.test(answer)) return undefined;
    const found = this.#numbered[Number(answer) - 1];
    if (!found) throw new InputError("choice-invalid", { max: this.#numbered.length });
    return found.server;
  }

  /** The number of a server; undefined if it was not found. */
  numberOf(server: Address): string | undefined {
    const isPresent = this.#present.some((found) => isSameAddress(found.server, server));
    return isPresent ? `${this.#indexOf(server) + 1}` : undefined;
  }

  /** The port of the first server in the list that this host has. */
  portOf(host: string): number | undefined {
    return this.#present.find(({ server }) => server.host === host)?.server.port;
  }

  /** A machine in several networks announces one room at several addresses: the first is shown. */
  #add(server: FoundServer): void {
    const { name, answer: { logId } } = server;
    const isKnown = this.#present.some((known) => known.name === name && known.answer.logId === logId);
    if (logId !== undefined && isKnown) return;
    this.#present.push(server);
    if (!this.#isShown) return;
    this.#number(server);
    this.onFound();
    void this.#print([server]);
  }

  #number(server: FoundServer): void {
    if (this.#indexOf(server.server) < 0) this.#numbered.push(server);
  }

  #indexOf(server: Address): number {
    return this.#numbered.findIndex((found) => isSameAddress(found.server, server));
  }

  async #print(servers: readonly FoundServer[]): Promise<void> {
    const t = translator(this.#deps.language);
    if (servers.length === 0) return;
    const lines = servers.map((found) => `  ${this.#indexOf(found.server) + 1}) ${describe(found, t)}`);
    const isFirst = this.#present[0] === servers[0];
    await this.#deps.terminal.print(...(isFirst ? [t("found.heading")] : []), ...lines);
  }
}

function memberCount({ answer }: FoundServer): number {
  return answer.heardCount ?? 0;
}

/** `aula 3 · 192.168.1.5:5000 · 12 members · TLS`. */
function describe({ name, server, answer, isTls, hasPassword }: FoundServer, t: Translate): string {
  const { heardCount: count } = answer;
  return [
    printableRoomName(name),
    formatAddress(server),
    ...(count === undefined ? [] : [count === 1 ? t("found.one") : t("found.many", { count })]),
    ...(isTls ? ["TLS"] : []),
    ...(hasPassword ? [t("found.password")] : []),
  ].join(" · ");
}
