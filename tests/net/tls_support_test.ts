// Which releases of Deno can speak TLS.

import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { checkTlsSupport } from "../../lib/net/tls.ts";

const pure = { permissions: "none" } as const;

Deno.test("TLS needs Deno 2.8 or later", pure, () => {
  const runtimes = ["1.46.3", "2.6.10", "2.7.14", "2.8.0", "2.10.1", "3.0.0"].map((version) =>
    `Deno ${version}, here`
  );
  for (const runtime of runtimes.slice(3)) checkTlsSupport(runtime);
  for (const runtime of runtimes.slice(0, 3)) {
    const { code, details } = assertThrows(() => checkTlsSupport(runtime), InputError);
    assertEquals<unknown>([code, details], ["tls-lacking", { runtime }]);
  }
});
