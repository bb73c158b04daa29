// systemReason() and errorText(): the reason of each system error, and its sentence.

import { assertEquals, assertRejects } from "@std/assert";
import { SqliteStore } from "../lib/storage/sqlite_store.ts";
import { InputError, NatsError, StoreError } from "../lib/errors.ts";
import { errorText } from "../lib/i18n/translate.ts";
import { readUserFile } from "../lib/base/files.ts";
import { type SystemReason, systemReason } from "../lib/errors.ts";
import { TestFolder, writing } from "./testing/test_folder.ts";

const pure = { permissions: "none" } as const;

const failure = (more: object, cause?: unknown) => Object.assign(new Error("No such luck", { cause }), more);

const CASES: [object, SystemReason | undefined][] = [
  [{ code: "EISDIR" }, "is-folder"],
  [{ code: "EACCES" }, "no-permission"],
  [{ code: "EROFS" }, "read-only"],
  [{ code: "ENOSPC" }, "no-space"],
  [{ code: "ECONNREFUSED" }, "nobody-listens"],
  [{ code: "ERR_SQLITE_ERROR", errcode: 10 }, "disk-broken"],
  [{ code: "ERR_SQLITE_ERROR", errcode: 1_034 }, "disk-broken"], // SQLITE_IOERR_FSYNC
  [{ code: "ERR_SQLITE_ERROR", errcode: 14 }, "folder-closed"],
  [{ code: "ERR_SQLITE_ERROR", errcode: 1 }, undefined],
  [{ name: "TimeoutError" }, "no-answer"],
  [{ code: "toString" }, undefined],
  [{ code: 13, errcode: "13" }, undefined],
  [{ details: { systemReason: "foreign" }, code: "EACCES" }, "foreign"],
  [{ details: { systemReason: "EACCES" } }, undefined],
];
for (const [more, reason] of CASES) {
  Deno.test(`systemReason() of ${JSON.stringify(more)} is ${reason}`, pure, () => {
    assertEquals(systemReason(failure(more)), reason);
    assertEquals(systemReason(failure({ code: "nats-unreachable" }, failure({}, failure(more)))), reason);
  });
}

Deno.test("systemReason() ends where causes do not", pure, () => {
  const error = failure({});
  error.cause = error;
  assertEquals([systemReason(error), systemReason("no"), systemReason(undefined)], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test(
  "errorText() translates known system errors, and quotes the others",
  pure,
  () => {
    const refused = failure({ code: "ECONNREFUSED" });
    const details = { servers: "a:4222", reason: "connection refused" };
    const error = (cause: unknown) => new NatsError("nats-unreachable", details, { cause });
    assertEquals(
      errorText(error(refused), "es"),
      "No se pudo hablar con NATS en a:4222: ahí no escucha nadie.",
    );
    assertEquals(errorText(error(refused), "en"), "Could not speak to NATS at a:4222: nobody listens there.");
    assertEquals(
      errorText(error(failure({})), "es"),
      "No se pudo hablar con NATS en a:4222: connection refused.",
    );
    const readOnly = new StoreError("disk-failed", { reason: "x" }, { cause: failure({ errcode: 8 }) });
    assertEquals(
      errorText(readOnly, "es"),
      "No se puede guardar lo que se dice (el disco es de solo lectura), y espera. Se vuelve a intentar cada segundo.",
    );
  },
);

Deno.test("The error of an unusable file names the reason", writing, async () => {
  await using folder = new TestFolder();
  const { path } = folder;
  const told = async (using: Promise<unknown>) =>
    errorText(await assertRejects(() => using, InputError), "es");
  assertEquals(await told(SqliteStore.open(path)), `No se puede usar ${path}: es una carpeta.`);
  const lost = `${path}/nowhere/room.db`;
  assertEquals(await told(SqliteStore.open(lost)), `No se puede usar ${lost}: no existe su carpeta.`);
  assertEquals(await told(readUserFile(path)), `No se puede leer ${path}: es una carpeta.`);
  assertEquals(await told(readUserFile(lost)), `No se puede leer ${lost}: no existe.`);
  const other = await folder.file(
    "notes.txt",
    "not what it should be, and long enough to be read. ".repeat(20),
  );
  assertEquals(
    await told(SqliteStore.open(other)),
    `${other} está dañado, o no es una sala de este programa (no es una base de datos). ` +
      "Queda como estaba: ponga una copia en su lugar, o dé otro archivo.",
  );
});
