// systemReason() and errorText(): the reason of each system error, and its sentence.

import { assertEquals, assertRejects } from "@std/assert";
import { readUserFile } from "../lib/base/files.ts";
import {
  type ChatError,
  InputError,
  isReset,
  NatsError,
  StoreError,
  type SystemReason,
  systemReason,
} from "../lib/errors.ts";
import { errorText } from "../lib/i18n/translate.ts";
import { connectError, listenError } from "../lib/net/tcp.ts";
import { SqliteStore } from "../lib/storage/sqlite_store.ts";
import { TestFolder, writing } from "./testing/test_folder.ts";
import { pure } from "./testing/test_options.ts";

const makeError = (more: object, cause?: unknown) =>
  Object.assign(new Error("No such luck", { cause }), more);

const REASONS: [more: object, reason: SystemReason | undefined][] = [
  [{ code: "EISDIR" }, "is-folder"],
  [{ code: "EACCES" }, "no-permission"],
  [{ code: "EROFS" }, "read-only"],
  [{ code: "ENOSPC" }, "no-space"],
  // As Deno throws them when it writes to its output.
  [{ message: "Disk quota exceeded (os error 122)" }, "no-space"],
  [{ message: "File too large (os error 27)" }, "size-limit"],
  [{ message: "Stale file handle (os error 116)" }, "disk-broken"],
  [{ message: "No such device or address (os error 6)" }, "no-file"],
  [{ code: "ECONNREFUSED" }, "not-listening"],
  [{ code: "ERR_SQLITE_ERROR", errcode: 10 }, "disk-broken"],
  [{ code: "ERR_SQLITE_ERROR", errcode: 1_034 }, "disk-broken"], // SQLITE_IOERR_FSYNC
  [{ code: "ERR_SQLITE_ERROR", errcode: 14 }, "folder-closed"],
  [{ code: "ERR_SQLITE_ERROR", errcode: 1 }, undefined],
  [{ name: "TimeoutError" }, "no-answer"],
  [{ name: "NotCapable" }, "no-permission"],
  [{ code: "EINVAL" }, undefined],
  [{ code: "toString" }, undefined],
  [{ code: 13, errcode: "13" }, undefined],
  [{ details: { systemReason: "not-nats" }, code: "EACCES" }, "not-nats"],
  [{ details: { systemReason: "EACCES" } }, undefined],
];
for (const [more, reason] of REASONS) {
  Deno.test(`systemReason() of ${JSON.stringify(more)} is ${reason}`, pure, () => {
    assertEquals(systemReason(makeError(more)), reason);
    const outer = makeError({ code: "nats-unreachable" }, makeError({}, makeError(more)));
    assertEquals(systemReason(outer), reason);
  });
}

Deno.test("systemReason() ends in a circle of causes, and has none of what is no error", pure, () => {
  const error = makeError({});
  error.cause = error;
  assertEquals([error, "no", undefined].map(systemReason), [undefined, undefined, undefined]);
});

Deno.test("isReset() is true for codes of a peer that has hung up", pure, () => {
  const codes = ["ECONNRESET", "ECONNABORTED", "EPIPE", "ECONNREFUSED"];
  assertEquals(codes.map((code) => isReset(makeError({ code }))), [true, true, true, false]);
  assertEquals([undefined, new Error("ECONNRESET")].map(isReset), [false, false]);
});

Deno.test("errorText() translates known system errors, and quotes others", pure, () => {
  const details = { servers: "a:4222", reason: "connection refused" };
  const refused = (more: object) => new NatsError("nats-unreachable", details, { cause: makeError(more) });
  const readOnly = new StoreError("disk-failed", { reason: "x" }, { cause: makeError({ errcode: 8 }) });
  const sentences: [Error, "es" | "en", string][] = [
    [
      refused({ code: "ECONNREFUSED" }),
      "es",
      "No se puede llegar a NATS en a:4222: ahí no escucha ningún servidor. Inicie NATS, o revise --nats.",
    ],
    [
      refused({ code: "ECONNREFUSED" }),
      "en",
      "Cannot reach NATS at a:4222: no server listens there. Start it, or check --nats.",
    ],
    [
      refused({}),
      "es",
      "No se puede llegar a NATS en a:4222: connection refused. Inicie NATS, o revise --nats.",
    ],
    [
      readOnly,
      "es",
      "Los mensajes esperan, porque no se pueden guardar (el disco es de solo lectura). Se reintenta cada segundo.",
    ],
  ];
  for (const [error, language, text] of sentences) assertEquals(errorText(error, language), text);
});

const CLASS_BY_ERRNO: Record<string, new (message: string) => Error> = {
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  EACCES: Deno.errors.PermissionDenied,
  EINVAL: TypeError,
};
const ADDRESS = { host: "ff02::1", port: 5_000 };
/** The system errors that a user of the chat may meet, by what meets them. */
const MET: [what: string, codes: string, wrap: (cause: Error) => ChatError][] = [
  [
    "a file",
    "EISDIR ENOENT ENOTDIR EEXIST ENXIO ELOOP ENAMETOOLONG EACCES EPERM EROFS ENOSPC EDQUOT EFBIG EIO ESTALE EMFILE",
    (cause) => new InputError("file-unreadable", { path: "f", reason: cause.message }, { cause }),
  ],
  [
    "a dial",
    "ECONNREFUSED ECONNRESET ETIMEDOUT ENETUNREACH ENETDOWN EHOSTUNREACH EHOSTDOWN EADDRNOTAVAIL EAFNOSUPPORT " +
    "EACCES EPERM EMFILE EINVAL",
    (cause) => connectError(cause, ADDRESS),
  ],
  [
    "a server's own address",
    "EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EACCES EMFILE EINVAL",
    (cause) => listenError(cause, ADDRESS),
  ],
];

for (const [what, codes, wrap] of MET) {
  Deno.test(`errorText() shows no words of the system's for ${what}`, pure, () => {
    const texts = codes.split(" ").flatMap((code) => {
      const cause = new (CLASS_BY_ERRNO[code] ?? Error)(`${code} (os error 1)`);
      const error = wrap(Object.assign(cause, { code }));
      return [errorText(error, "es"), errorText(error, "en")];
    });
    assertEquals(texts.filter((text) => text.includes("os error")), []);
  });
}

Deno.test("errorText() names the file that cannot be used, and the reason", writing, async () => {
  await using folder = new TestFolder();
  const { path } = folder;
  const missing = `${path}/nowhere/room.db`;
  const notes = await folder.file("notes.txt", "long enough to be read as a database. ".repeat(30));
  const sentences: [use: () => Promise<unknown>, text: string][] = [
    [() => SqliteStore.open(path), `No se puede usar ${path}: es una carpeta.`],
    [() => SqliteStore.open(missing), `No se puede usar ${missing}: no existe su carpeta.`],
    [() => readUserFile(path), `No se puede leer ${path}: es una carpeta.`],
    [() => readUserFile(missing), `No se puede leer ${missing}: no existe.`],
    [
      () => SqliteStore.open(notes),
      `${notes} está dañado, o no es el archivo de una sala. ` +
      "No se modificó: restaure una copia, o use otro archivo.",
    ],
  ];
  for (const [use, text] of sentences) {
    assertEquals(errorText(await assertRejects(use, InputError), "es"), text);
  }
});
