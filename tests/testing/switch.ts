// A network of machines for tests, in namespaces: see isolation.ts.

/** Runs a command.
 * @throws {Error} with what it wrote, if it fails */
export async function run(command: string): Promise<void> {
  const [program, ...args] = command.split(" ");
  const { success, stderr } = await new Deno.Command(program!, { args }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}

/** A bridge, and machines that are network namespaces with one link to it. */
export class Switch {
  readonly #name: string;
  readonly #network: string;
  readonly #machines: string[] = [];

  /** `network` are the first three numbers of its addresses. */
  private constructor(name: string, network: string) {
    this.#name = name;
    this.#network = network;
  }

  static async install(name: string, network: string): Promise<Switch> {
    await run(`ip link add ${name} type bridge`);
    await run(`ip link set ${name} up`);
    return new Switch(name, network);
  }

  /** Returns the address of a new machine. */
  async connect(machine: string): Promise<string> {
    const address = `${this.#network}.${this.#machines.push(machine)}`;
    await run(`ip netns add ${machine}`);
    await run(`ip link add name ${machine} type veth peer name eth0 netns ${machine}`);
    await run(`ip link set ${machine} up master ${this.#name}`);
    await run(`ip -n ${machine} address add ${address}/24 dev eth0`);
    for (const device of ["lo", "eth0"]) await run(`ip -n ${machine} link set ${device} up`);
    return address;
  }

  /** The machines see that their links have no other end, and keep their routes. */
  async setAll(state: "up" | "down"): Promise<void> {
    for (const machine of this.#machines) await run(`ip link set ${machine} ${state}`);
  }
}
