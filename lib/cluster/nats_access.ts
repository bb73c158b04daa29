// Where NATS is and how to get in, from flags and the text of files. Pure.

import { formatAddress, parseServerAddress } from "../net/address.ts";
import { InputError } from "../errors.ts";

/** Port of NATS where nobody says otherwise. */
const NATS_PORT = 4_222;
/** What can be the name of a room: part of the names of streams and subjects. */
const ROOM = /^[\w-]{1,32}$/;

/** How to get in. */
type NatsCredentials =
  | { readonly type: "user"; readonly user: string; readonly password: string }
  | { readonly type: "token"; readonly token: string }
  /** A file of NATS's own, as `nsc` makes it. */
  | { readonly type: "creds"; readonly text: string };

/** Where NATS is and how to get in. */
export interface NatsConfig {
  /** `host:port`, without a password. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  /** TLS or nothing. */
  readonly isTls: boolean;
  /** PEM of the authorities to trust instead of those of the system. */
  readonly ca?: string;
}

/** Servers of NATS as its users write them: `nats://host:4222`, `tls://user:password@host`, `host`, with commas
 * between them.
 * @throws {InputError} `nats-url-invalid` */
export function parseNats(text: string): NatsConfig {
  const urls = text.split(",").map((url) => parseUrl(url.trim()));
  return {
    servers: urls.map(({ server }) => server),
    credentials: urls.find(({ credentials }) => credentials)?.credentials,
    isTls: urls.some(({ isTls }) => isTls),
  };
}

function parseUrl(text: string): { server: string; isTls: boolean; credentials?: NatsCredentials } {
  const [, scheme = "nats", login, address = ""] =
    /^(?:(nats|tls):\/\/)?(?:(.*)@)?([^@/?#]+)\/?$/i.exec(text) ?? [];
  try {
    const server = formatAddress(parseServerAddress(address, NATS_PORT));
    const credentials = login === undefined ? undefined : credentialsOf(login, decodeURIComponent);
    return { server, isTls: scheme.toLowerCase() === "tls", credentials };
  } catch (cause) {
    // It may hold a password.
    const url = text.replace(/\/\/.*@/, "//***@");
    throw new InputError("nats-url-invalid", { url }, { cause });
  }
}

/** `user:password`, or a token. */
function credentialsOf(text: string, decode: (part: string) => string): NatsCredentials {
  const colon = text.indexOf(":");
  if (colon < 0) return { type: "token", token: decode(text) };
  return { type: "user", user: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) };
}

/** The text of a file: one of NATS's own, or `user:password` or a token in its first line.
 * @throws {InputError} `nats-creds-invalid` */
export function parseCredentials(text: string, path: string): NatsCredentials {
  if (text.includes("BEGIN NATS USER JWT")) return { type: "creds", text };
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line.trim() !== "") return credentialsOf(line.trim(), (part) => part);
  throw new InputError("nats-creds-invalid", { path });
}

/** The name of a room.
 * @throws {InputError} `room-invalid` */
export function parseRoom(text: string): string {
  if (ROOM.test(text)) return text;
  throw new InputError("room-invalid", { room: text });
}
