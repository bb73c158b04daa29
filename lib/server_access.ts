// Whom a server lets in, and how it proves who it is: the flags about passwords and TLS, and what they give.

import { InputError } from "./errors.ts";
import { checkTogether, type FlagTable, type FlagValues } from "./flags.ts";
import { givenCertificate, keptCertificate, type ServerCertificate } from "./certificate.ts";
import { sentencesIn } from "./i18n.ts";
import { parsePassword, PasswordCheck } from "./password.ts";
import { isOpenToOthers, readNamed } from "./private_files.ts";
import type { Program } from "./program.ts";
import { encodeServer } from "./protocol.ts";
import type { Socket } from "./socket.ts";
import { tlsServer } from "./tls_server.ts";
import { needTls } from "./tls_support.ts";
import { tlsNeeded } from "./violations.ts";

/** Flags about letting in. */
export const SERVER_ACCESS_FLAGS = {
  "password-file": { value: "FILE", help: "flag.server-password" },
  "tls-auto": { help: "flag.tls-auto" },
  "tls-dir": { value: "DIR", help: "flag.tls-dir" },
  "tls-cert": { value: "FILE", help: "flag.tls-cert" },
  "tls-key": { value: "FILE", help: "flag.tls-key" },
} as const satisfies FlagTable;

/** What a server needs to let somebody in. */
export interface ServerAccess {
  readonly password?: PasswordCheck;
  readonly certificate?: ServerCertificate;
  /** Makes TLS of a connection, with that certificate. */
  readonly secure?: (conn: Deno.TcpConn) => Socket;
}

/** Reads what the flags name, or makes it; from then on the program has nothing to do with files.
 * @throws {InputError} about flags and files */
export async function serverAccess(
  flags: FlagValues<typeof SERVER_ACCESS_FLAGS>,
  program: Program,
): Promise<ServerAccess> {
  checkTogether(flags, {
    needed: [["tls-cert", "tls-key"], ["tls-key", "tls-cert"], ["tls-dir", "tls-auto"]],
    contrary: [["tls-auto", "tls-cert"]],
  });
  if (flags["tls-auto"] || flags["tls-cert"] !== undefined) needTls(program.edition);
  const password = await passwordIn(flags["password-file"], program);
  const certificate = await certificateFor(flags, program);
  program.giveUpFiles();
  if (!certificate) return { password };
  const { code, message: reason } = tlsNeeded();
  const refusal = encodeServer({ type: "error", code, reason });
  return { password, certificate, secure: await tlsServer({ ...certificate, refusal }) };
}

async function passwordIn(
  path: string | undefined,
  { terminal, language }: Program,
): Promise<PasswordCheck | undefined> {
  if (path === undefined) return undefined;
  const password = parsePassword(await readNamed(path));
  if (await isOpenToOthers(path)) {
    await terminal.print(sentencesIn(language)("server.password-open", { path }));
  }
  return new PasswordCheck(password);
}

async function certificateFor(
  flags: FlagValues<typeof SERVER_ACCESS_FLAGS>,
  { configFolder, clock }: Program,
): Promise<ServerCertificate | undefined> {
  const { "tls-cert": cert, "tls-key": key, "tls-dir": folder = configFolder } = flags;
  if (cert !== undefined && key !== undefined) return await givenCertificate(cert, key);
  if (!flags["tls-auto"]) return undefined;
  if (folder === undefined) throw new InputError("no-folder", "Cannot tell where to keep the certificate");
  return await keptCertificate(folder, clock().wallMs);
}
