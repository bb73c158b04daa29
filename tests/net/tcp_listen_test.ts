// Listening, and taking connections that come, on this machine.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ListenError } from "../../lib/errors.ts";
import { acceptConnections, listen } from "../../lib/net/tcp.ts";
import { addressOf, LOOPBACK } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";

/** More than Deno would have wait. */
const BATCH = 600;

Deno.test({
  name: "listen() has a whole room wait to be accepted",
  // Others hold fewer than this, whatever they are asked for.
  ignore: Deno.build.os !== "linux",
  permissions: { net: [LOOPBACK] },
  fn: async () => {
    using listener = listen({ host: LOOPBACK, port: 0 });
    const { port } = listener.addr;
    const dialling = Array.from({ length: BATCH }, () => Deno.connect({ hostname: LOOPBACK, port }));
    const conns = await withTimeout(Promise.all(dialling), "everybody to have a place");
    for (const conn of conns) conn.close();
    assertEquals(conns.length, BATCH);
  },
});

Deno.test("listen() says that a port is taken", { permissions: { net: [LOOPBACK] } }, () => {
  using taken = listen({ host: LOOPBACK, port: 0 });
  const { code } = assertThrows(() => listen({ host: LOOPBACK, port: taken.addr.port }), ListenError);
  assertEquals(code, "port-in-use");
});

Deno.test("Connections that come too fast are taken at a pace, and none is lost", async () => {
  using listener = listen({ host: LOOPBACK, port: 0 });
  const { host: hostname, port } = addressOf(listener);
  const comers = await Promise.all(Array.from({ length: 12 }, () => Deno.connect({ hostname, port })));
  const beganMs = performance.now();
  const lastProgressMs: number[] = [];
  for await (
    const conn of acceptConnections(listener, { onError: () => {}, rate: { burst: 4, perSecond: 40 } })
  ) {
    conn.close();
    if (lastProgressMs.push(performance.now() - beganMs) === comers.length) break;
  }
  for (const comer of comers) comer.close();
  // Eight beyond the burst, less what rounding may give.
  assert(lastProgressMs.at(-1)! >= 150, `${lastProgressMs}`);
  assertEquals(lastProgressMs, lastProgressMs.toSorted((one, other) => one - other));
});

Deno.test("The wait of those who come too fast ends with the listener", async () => {
  const listener = listen({ host: LOOPBACK, port: 0 });
  const { host: hostname, port } = addressOf(listener);
  using _one = await Deno.connect({ hostname, port });
  using _two = await Deno.connect({ hostname, port });
  const connections = acceptConnections(listener, {
    onError: () => {},
    rate: { burst: 1, perSecond: 20 },
  });
  (await connections.next()).value!.close();
  const next = connections.next();
  listener.close();
  assertEquals((await next).done, true);
});
