// Whether the Deno that a program runs on can speak TLS as the chat does.

import type { Edition } from "./about.ts";
import { InputError } from "./errors.ts";

/** Before, node:tls hangs when it is to serve over a connection that is open already (up to 2.7.12), and cannot tell
 * which certificate the other side of one shows (2.6). */
const [FIRST_MAJOR, FIRST_MINOR] = [2, 8];

/** Lets pass who can speak TLS.
 * @throws {InputError} `tls-lacking` */
export function needTls({ runtime }: Edition): void {
  const [, major, minor] = /^Deno (\d+)\.(\d+)/.exec(runtime)!;
  if (Number(major) > FIRST_MAJOR || (Number(major) === FIRST_MAJOR && Number(minor) >= FIRST_MINOR)) return;
  throw new InputError("tls-lacking", `Cannot speak TLS on ${runtime}`, { details: { runtime } });
}
