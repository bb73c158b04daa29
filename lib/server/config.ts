// Whom a server lets in, and how it proves who it is: the flags about passwords and TLS, and what they give.

import { InputError, ProtocolError } from "../errors.ts";
import { checkCombinations, type FlagTable, type FlagValues } from "../cli/flags.ts";
import {
  checkTlsSupport,
  loadCertificate,
  loadOrCreateCertificate,
  type ServerCertificate,
  tlsServer,
} from "../net/tls.ts";
import { translator } from "../i18n/translate.ts";
import { parsePassword, PasswordVerifier } from "../text/text.ts";
import { isReadableByOthers, readUserFile } from "../base/files.ts";
import type { ProcessContext } from "../cli/process.ts";
import { errorFrame } from "./sessions.ts";
import type { Socket } from "../net/tls_socket.ts";

/** Flags about letting in. */
export const SERVER_ACCESS_FLAGS = {
  "password-file": { value: "FILE", help: "flag.server-password" },
  "tls-auto": { help: "flag.tls-auto" },
  "tls-dir": { value: "DIR", help: "flag.tls-dir" },
  "tls-cert": { value: "FILE", help: "flag.tls-cert" },
  "tls-key": { value: "FILE", help: "flag.tls-key" },
} as const satisfies FlagTable;

/** What a server needs to let somebody in. */
interface ServerConfig {
  readonly password?: PasswordVerifier;
  readonly certificate?: ServerCertificate;
  /** Makes TLS of a connection, with that certificate. */
  readonly wrapTls?: (conn: Deno.TcpConn) => Socket;
}

/** Reads what the flags name, or makes it; from then on the program has nothing to do with files.
 * @throws {InputError} about flags and files */
export async function serverAccess(
  flags: FlagValues<typeof SERVER_ACCESS_FLAGS>,
  program: ProcessContext,
): Promise<ServerConfig> {
  checkCombinations(flags, {
    requires: [["tls-cert", "tls-key"], ["tls-key", "tls-cert"], ["tls-dir", "tls-auto"]],
    conflicts: [["tls-auto", "tls-cert"]],
  });
  if (flags["tls-auto"] || flags["tls-cert"] !== undefined) checkTlsSupport(program.buildInfo.runtime);
  const password = await readPassword(flags["password-file"], program);
  const certificate = await loadServerCertificate(flags, program);
  program.dropFilePermissions();
  if (!certificate) return { password };
  const plaintextReply = errorFrame(new ProtocolError("tls-needed"));
  return { password, certificate, wrapTls: await tlsServer({ ...certificate, plaintextReply }) };
}

async function readPassword(
  path: string | undefined,
  { terminal, language }: ProcessContext,
): Promise<PasswordVerifier | undefined> {
  if (path === undefined) return undefined;
  const password = parsePassword(await readUserFile(path));
  if (await isReadableByOthers(path)) {
    await terminal.print(translator(language)("server.password-open", { path }));
  }
  return new PasswordVerifier(password);
}

async function loadServerCertificate(
  flags: FlagValues<typeof SERVER_ACCESS_FLAGS>,
  { configFolder, clock }: ProcessContext,
): Promise<ServerCertificate | undefined> {
  const { "tls-cert": cert, "tls-key": key, "tls-dir": folder = configFolder } = flags;
  if (cert !== undefined && key !== undefined) return await loadCertificate(cert, key);
  if (!flags["tls-auto"]) return undefined;
  if (folder === undefined) throw new InputError("no-folder");
  return await loadOrCreateCertificate(folder, clock().wallMs);
}
