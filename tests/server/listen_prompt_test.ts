// openListener(): what it asks, and where it listens.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { InputError, ListenError } from "../../lib/errors.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { openListener } from "../../lib/server/listen_prompt.ts";
import { freeAddress, LOOPBACK, UNKNOWN_NAME } from "../testing/addresses.ts";
import { FakeUser, type FakeUserOptions } from "../testing/fake_user.ts";
import { testConfig } from "../testing/test_config.ts";

const ALL = "0.0.0.0";
const FOREIGN = "203.0.113.1"; // documentation (RFC 5737): no machine has it
const LOCAL = [{ address: LOOPBACK, name: "lo" }, { address: FOREIGN, name: "eth0" }];
const MENU = `Interfaz:
  1) todas (${ALL})
  2) ${LOOPBACK} (lo)
  3) ${FOREIGN} (eth0)
`;
const { port: free } = freeAddress();
const taken = Deno.listen({ hostname: LOOPBACK, port: 0 }).addr.port;

interface Case extends Pick<FakeUserOptions, "localAddresses" | "isTty"> {
  /** What flags say. */
  readonly listen?: ServerConfig["listen"];
  readonly backups?: readonly string[];
  /** What the user types before the input ends. */
  readonly input?: string;
}

async function run({ listen = {}, backups = [], input = "", ...options }: Case) {
  await using user = new FakeUser({ localAddresses: LOCAL, ...options });
  user.type(input);
  user.endInput();
  let host: string | undefined;
  const opening = user.run(async (process) => {
    using listener = await openListener(testConfig({ listen, backups }), process);
    host = listener?.addr.hostname;
    return listener?.addr.port ?? 0;
  });
  const error = await opening.then(() => undefined, (error) => error);
  return { address: [host, await opening.catch(() => 0)], output: user.output, error };
}

const CASES: Record<string, Case & { output: string; address: [host: string | undefined, port: number] }> = {
  "asks nothing that flags say": {
    listen: { host: LOOPBACK, port: free },
    output: "",
    address: [LOOPBACK, free],
  },
  "listens on all addresses of a machine with one": {
    localAddresses: LOCAL.slice(0, 1),
    input: `${free}\n`,
    output: `Puerto [5000]: ${free}\n`,
    address: [ALL, free],
  },
  "takes an empty answer for all addresses": {
    listen: { port: free },
    input: "\n",
    output: `${MENU}Elija [1]:\n`,
    address: [ALL, free],
  },
  "takes the end of a pipe for the default": {
    listen: { port: free },
    output: `${MENU}Elija [1]:\n`,
    address: [ALL, free],
  },
  "asks again only for what cannot be used": {
    input: `x\n70000\n${taken}\n9\n2\n${free}\n`,
    output: `Puerto [5000]: x
El puerto "x" no es válido: debe ser un número de 1 a 65535.
Puerto [5000]: 70000
El puerto "70000" no es válido: debe ser un número de 1 a 65535.
Puerto [5000]: ${taken}
${MENU}Elija [1]: 9
Elija un número de 1 a 3.
Elija [1]: 2
El puerto ${taken} ya está en uso en 127.0.0.1: elija otro.
Puerto [5000]: ${free}
`,
    address: [LOOPBACK, free],
  },
  "asks again for an address that this machine has no more, and takes one as text": {
    listen: { port: free },
    input: `3\n${LOOPBACK}\n`,
    output: `${MENU}Elija [1]: 3
${FOREIGN} no es una dirección de este equipo: elija una que este equipo tenga.
${MENU}Elija [1]: ${LOOPBACK}
`,
    address: [LOOPBACK, free],
  },
  "takes only whole numbers for a choice": {
    listen: { port: free },
    input: "2.0\n0x2\n2\n",
    output: `${MENU}Elija [1]: 2.0\nElija un número de 1 a 3.\nElija [1]: 0x2
Elija un número de 1 a 3.\nElija [1]: 2\n`,
    address: [LOOPBACK, free],
  },
  "takes the name of an interface": {
    listen: { port: free },
    input: " LO \n",
    output: `${MENU}Elija [1]:  LO \n`,
    address: [LOOPBACK, free],
  },
  "takes a word for all addresses in either language": {
    listen: { port: free },
    input: "eth1\nAll\n",
    output: `${MENU}Elija [1]: eth1\nElija un número de 1 a 3.\nElija [1]: All\n`,
    address: [ALL, free],
  },
  "gives up when the user quits": {
    input: "salir\n",
    output: "Puerto [5000]: salir\n",
    address: [undefined, 0],
  },
  "gives up when the user quits at the second question": {
    input: "\nquit\n",
    output: `Puerto [5000]:\n${MENU}Elija [1]: quit\n`,
    address: [undefined, 0],
  },
  "gives up when the user ends the keyboard": {
    isTty: true,
    output: "Puerto [5000]:\n",
    address: [undefined, 0],
  },
};

for (const [what, { output, address, ...input }] of Object.entries(CASES)) {
  Deno.test(`openListener() ${what}`, async () => {
    assertEquals(await run(input), { output, address, error: undefined });
  });
}

Deno.test("openListener() gives up when the process is terminated", async () => {
  await using user = new FakeUser();
  const opening = user.run(async (process) => await openListener(testConfig(), process) ? 1 : 0);
  await user.waitForOutput("Puerto");
  user.terminate();
  assertEquals(await opening, 0);
});

Deno.test("openListener() asks nothing again when a pipe ends after an unusable answer", async () => {
  const { error, output } = await run({ input: `${taken}\n2\n` });
  assertEquals([error.code, error.details], ["input-ended", { question: "Puerto" }]);
  assertStringIncludes(output, `El puerto ${taken} ya está en uso en 127.0.0.1: elija otro.\n`);
});

const REFUSED: [code: string, Case][] = [
  ["address-not-local", { listen: { host: FOREIGN, port: free }, input: `${LOOPBACK}\n` }],
  ["address-not-local", { listen: { host: UNKNOWN_NAME, port: free }, input: `${LOOPBACK}\n` }],
  ["port-in-use", { listen: { host: LOOPBACK, port: taken }, input: `${free}\n` }],
  ["backup-is-self", { listen: { host: LOOPBACK, port: 5_000 }, backups: [`${LOOPBACK}:5000`] }],
  ["backup-is-self", { listen: { host: ALL, port: 5_000 }, backups: [`${FOREIGN}:5000`] }],
];

for (const [code, input] of REFUSED) {
  const { listen: { host, port } = {}, backups = [] } = input;
  Deno.test(`openListener() does not ask for what flags say: ${code}, ${host}:${port} ${backups}`, async () => {
    const { error, output } = await run(input);
    assertEquals([error.code, output], [code, ""]);
    assertEquals(error instanceof (code === "backup-is-self" ? InputError : ListenError), true);
  });
}
