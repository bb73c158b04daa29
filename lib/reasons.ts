// What the system, SQLite or a library means when something does not work, where a person can do something about it.
// Pure; the words for it are in spanish.ts and english.ts.

/** Codes of errors, of the system's calls (man 3 errno), and of TLS as Node has them. */
const REASON_BY_ERRNO = {
  EISDIR: "is-folder",
  ENOENT: "missing",
  ENOTDIR: "missing",
  EACCES: "no-permission",
  EPERM: "no-permission",
  EROFS: "read-only",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EIO: "disk-broken",
  EMFILE: "too-many-open",
  ENFILE: "too-many-open",
  ECONNREFUSED: "nobody-listens",
  ENOTFOUND: "name-unknown",
  EAI_AGAIN: "name-unknown",
  EHOSTUNREACH: "no-way",
  ENETUNREACH: "no-way",
  ETIMEDOUT: "no-answer",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate-stranger",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate-stranger",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate-stranger",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate-stranger",
  CERT_HAS_EXPIRED: "certificate-over",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate-other",
} as const;

/** SQLite's result codes without their upper bits (sqlite.org/rescode.html). */
const REASON_BY_SQLITE_CODE = {
  8: "read-only",
  10: "disk-broken",
  13: "no-space",
  14: "folder-closed",
  26: "no-database",
} as const;

/** Those that only the code that knows what it was about can tell. */
const TRANSLATED_CODES = [
  "is-folder",
  "folder-missing",
  "folder-closed",
  "foreign",
  "incomplete",
  "garbled",
  "no-tls",
] as const;

/** Why something does not work. */
export type SystemReason =
  | typeof REASON_BY_ERRNO[keyof typeof REASON_BY_ERRNO]
  | typeof REASON_BY_SQLITE_CODE[keyof typeof REASON_BY_SQLITE_CODE]
  | typeof TRANSLATED_CODES[number];

/** What errors may have, of whoever they are. */
interface SystemError extends Error {
  readonly code?: unknown;
  readonly errcode?: unknown;
  readonly details?: { readonly why?: unknown };
}

/** How deep causes are looked into. */
const MAX_CAUSES = 8;

/** Why something does not work: what the error's details say in `why`, or what the first of its causes that is known
 * means; undefined if that is for the words of the error itself. */
export function systemReason(error: unknown): SystemReason | undefined {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const { code, errcode, details, name } = cause as SystemError;
    const told = TRANSLATED_CODES.find((reason) => reason === details?.why);
    const meant = told ?? own(REASON_BY_ERRNO, code) ?? own(REASON_BY_SQLITE_CODE, sqliteResultCode(errcode));
    if (meant) return meant;
    if (name === "TimeoutError") return "no-answer";
    cause = cause.cause;
  }
  return undefined;
}

function sqliteResultCode(errcode: unknown): unknown {
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

function own<Meanings extends object>(
  meanings: Meanings,
  key: unknown,
): Meanings[keyof Meanings] | undefined {
  return Object.hasOwn(meanings, key as PropertyKey) ? meanings[key as keyof Meanings] : undefined;
}
