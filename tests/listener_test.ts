// Listening, on this machine.

import { assertEquals, assertThrows } from "@std/assert";
import { ListenError } from "../lib/errors.ts";
import { listen } from "../lib/listener.ts";
import { LOOPBACK, soon } from "./support.ts";

/** More than Deno would have wait. */
const CROWD = 600;

Deno.test({
  name: "listen() has a whole room wait to be accepted",
  // Others hold fewer than this, whatever they are asked for.
  ignore: Deno.build.os !== "linux",
  permissions: { net: [LOOPBACK] },
  fn: async () => {
    using listener = listen({ host: LOOPBACK, port: 0 });
    const { port } = listener.addr;
    const dialling = Array.from({ length: CROWD }, () => Deno.connect({ hostname: LOOPBACK, port }));
    const conns = await soon(Promise.all(dialling), "everybody to have a place");
    for (const conn of conns) conn.close();
    assertEquals(conns.length, CROWD);
  },
});

Deno.test("listen() says that a port is taken", { permissions: { net: [LOOPBACK] } }, () => {
  using taken = listen({ host: LOOPBACK, port: 0 });
  const { code } = assertThrows(() => listen({ host: LOOPBACK, port: taken.addr.port }), ListenError);
  assertEquals(code, "port-in-use");
});
