// One run of slow_link_test.ts, in a network namespace: servers and clients on both ends of a link with the round trip
// RTT_MS. A TUN device hands out each packet to 10.9.0.2; with source and destination exchanged it goes back in, so that
// this machine's own servers answer at that address, later.

import { PipedProgram } from "../testing/piped_program.ts";
import { delay } from "../../lib/base/time.ts";

/** Of Linux: <fcntl.h> and <linux/if_tun.h>. */
const O_RDWR = 2, TUNSETIFF = 0x4004_54ca, IFF_TUN = 1, IFF_NO_PI = 0x1000;
const LIBC = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;
/** Flags of TCP, at the end of a header without options. */
const SYN = 2, ACK = 16;
/** A server on which a connection has not lasted so long is left if that breaks, in ms. */
const LASTING_MS = 5_000;

/** Runs until the process ends. */
class SlowLink {
  /** SYNs to drop. */
  lostSyns = 0;
  readonly #libc = Deno.dlopen("libc.so.6", LIBC).symbols;
  readonly #device: number;
  readonly #delayMs: number;

  constructor(rttMs: number) {
    this.#delayMs = rttMs / 2;
    this.#device = this.#libc.open(bytesOf("/dev/net/tun\0"), O_RDWR);
    const request = new Uint8Array(40);
    request.set(bytesOf("tun0"));
    new DataView(request.buffer).setUint16(16, IFF_TUN | IFF_NO_PI, true);
    if (this.#libc.ioctl(this.#device, BigInt(TUNSETIFF), request) !== 0) throw new Error("No TUN device");
  }

  async run(): Promise<never> {
    for (;;) {
      const buffer = new Uint8Array(2_048);
      const count = Number(await this.#libc.read(this.#device, buffer, 2_048n));
      const packet = buffer.subarray(0, count);
      if (packet[0]! >> 4 !== 4 || this.#isLost(packet)) continue;
      const source = packet.slice(12, 16);
      packet.copyWithin(12, 16, 20); // the checksums are sums: they stay right
      packet.set(source, 16);
      setTimeout(() => this.#libc.write(this.#device, packet, BigInt(count)), this.#delayMs);
    }
  }

  #isLost(packet: Uint8Array): boolean {
    const flags = packet[(packet[0]! & 15) * 4 + 13]!;
    return (flags & (SYN | ACK)) === SYN && this.lostSyns-- > 0;
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Listens at port 6000, in front of a server. */
class Proxy {
  readonly #listener = Deno.listen({ hostname: "10.9.0.1", port: 6_000 });
  #latest: Deno.TcpConn | undefined;

  async run(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: 5_000 });
      this.#latest = client;
      for (const [from, to] of [[client, server], [server, client]] as const) {
        from.readable.pipeTo(to.writable).catch(() => {});
      }
    }
  }

  /** Breaks the connection that came last. */
  cut(): void {
    this.#latest!.close();
  }
}

const rttMs = Number(Deno.env.get("RTT_MS"));
const link = new SlowLink(rttMs);
const ip = new Deno.Command("ip", { args: ["address", "add", "10.9.0.1/24", "dev", "tun0"] });
const up = new Deno.Command("ip", { args: ["link", "set", "tun0", "up"] });
for (const command of [ip, up]) if (!(await command.output()).success) throw new Error("No addresses");
void link.run();
const proxy = new Proxy();
void proxy.run();
const [here, there] = ["10.9.0.2:6000", "10.9.0.2:7000"];
{
  await using first = new PipedProgram("server", "--host", "127.0.0.1", "--port", "5000", "--backup", there);
  await using second = new PipedProgram("server", "--host", "10.9.0.1", "--port", "7000");
  for (const server of [first, second]) await server.waitForOutput("Escuchando");
  const client = async (nick: string) => {
    const program = new PipedProgram("client", "--host", here, "--nick", nick, "--auto", "--backup", there);
    await program.waitForOutput(`Conectado a ${here}.`);
    return program;
  };
  await using beto = await client("beto");
  await using ana = await client("ana");
  for (const lostSyns of [0, 1]) {
    await delay(LASTING_MS + rttMs);
    link.lostSyns = lostSyns;
    proxy.cut();
    await ana.waitForOutput(`! Se perdió la conexión con ${here}`, `Conectado a ${here}.`);
    await ana.type(`tras perder ${lostSyns}`);
    await beto.waitForOutput(`ana: tras perder ${lostSyns}`);
  }
  if (second.output.includes("ana") || second.output.includes("beto")) throw new Error(second.output);
}
Deno.exit();
