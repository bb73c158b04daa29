// Whether the Deno that a program runs on can speak TLS as the chat does.

import type { BuildInfo } from "../cli/about.ts";
import { InputError } from "../errors.ts";
import { isAtLeast } from "../base/release.ts";

/** Before, node:tls hangs when it is to serve over a connection that is open already (up to 2.7.12), and cannot tell
 * which certificate the other side of one shows (2.6). */
const MIN_RUNTIME = [2, 8] as const;

/** Lets pass who can speak TLS.
 * @throws {InputError} `tls-lacking` */
export function requireTls({ runtime }: BuildInfo): void {
  if (isAtLeast(/^Deno ([\d.]+)/.exec(runtime)![1]!, MIN_RUNTIME)) return;
  throw new InputError("tls-lacking", { runtime });
}
