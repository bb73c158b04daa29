// What a server has from files: the room's password and its TLS certificate.

import { LENGTH_BYTES } from "../codec.ts";
import { InputError, ProtocolError } from "../errors.ts";
import { checkTlsSupport } from "../net/tls.ts";
import {
  loadCertificate,
  loadOrCreateCertificate,
  type ServerCertificate,
  tlsServer,
} from "../net/tls_server.ts";
import { parsePassword, PasswordVerifier } from "../text/text.ts";
import { isReadableByOthers, readUserFile } from "../base/files.ts";
import type { ProcessContext } from "../cli/process.ts";
import { httpAnswer, isHttp } from "./invitation.ts";
import { errorFrame } from "./sessions.ts";
import type { Socket } from "../net/tls_socket.ts";

export interface CredentialsConfig {
  readonly passwordFile?: string;
  /** Undefined: no TLS. */
  readonly certificate?:
    | { readonly type: "files"; readonly cert: string; readonly key: string }
    /** Made at the first start; in the programs' folder unless another is given. */
    | { readonly type: "self-signed"; readonly folder?: string };
}

export interface Credentials {
  readonly password?: PasswordVerifier;
  readonly certificate?: ServerCertificate;
  readonly wrapTls?: (conn: Deno.TcpConn) => Socket;
}

/** Reads the files, or makes the certificate, then drops the permission to use files. `onPasswordOpen` is called if other
 * users can read the file of the password.
 * @throws {InputError}
 * @throws the reason of `process.terminated` */
export async function loadCredentials(
  config: CredentialsConfig,
  process: ProcessContext,
  onPasswordOpen: (path: string) => Promise<void>,
): Promise<Credentials> {
  const { passwordFile } = config;
  if (config.certificate) checkTlsSupport(process.buildInfo.runtime);
  const password = passwordFile === undefined
    ? undefined
    : await readPassword(passwordFile, { process, onOpen: onPasswordOpen });
  const certificate = config.certificate && await loadServerCertificate(config.certificate, process);
  process.dropFilePermissions();
  if (!certificate) return { password };
  const tlsNeeded = errorFrame(new ProtocolError("tls-needed"));
  const plaintextReply = (first: Uint8Array, local: Deno.NetAddr) => {
    if (first.length < LENGTH_BYTES) return tlsNeeded;
    const start = new DataView(first.buffer, first.byteOffset).getUint32(0);
    return isHttp(start) ? httpAnswer(start, local, true) : tlsNeeded;
  };
  return { password, certificate, wrapTls: await tlsServer({ ...certificate, plaintextReply }) };
}

async function readPassword(
  path: string,
  { process: { terminated }, onOpen }: { process: ProcessContext; onOpen: (path: string) => Promise<void> },
): Promise<PasswordVerifier> {
  const password = parsePassword(await readUserFile(path, terminated), path);
  if (await isReadableByOthers(path)) await onOpen(path);
  return new PasswordVerifier(password);
}

async function loadServerCertificate(
  config: NonNullable<CredentialsConfig["certificate"]>,
  { configFolder, clock, terminated }: ProcessContext,
): Promise<ServerCertificate> {
  if (config.type === "files") return await loadCertificate(config.cert, config.key, terminated);
  const { folder = configFolder } = config;
  if (folder === undefined) throw new InputError("no-folder");
  return await loadOrCreateCertificate(folder, clock().wallMs);
}
