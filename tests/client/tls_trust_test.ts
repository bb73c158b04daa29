// Joining over TLS: which certificates a client trusts, with a real server and a real client on sockets.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../lib/net/address.ts";
import { runClient } from "../../lib/client/main.ts";
import { InputError } from "../../lib/errors.ts";
import { fingerprint } from "../../lib/net/tls.ts";
import { errorText } from "../../lib/i18n/translate.ts";
import { serve } from "../../lib/server/main.ts";
import { UNLIMITED } from "../../lib/base/limits.ts";
import { selfSignedPair } from "../testing/certificates.ts";
import { flagsFor, newUser, rejections, SECRET, startServer, withPassword } from "../testing/auth_fixture.ts";
import { FakeServer } from "../testing/raw_peer.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { freeAddress, LOOPBACK } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";
import { withTimeout } from "../testing/waiting.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const own = await selfSignedPair();

const other = await selfSignedPair();

Deno.test("A chat over TLS works as without", writing, async () => {
  await using server = await withPassword({ pair: own, messages: UNLIMITED });
  await using folder = new TestFolder();
  const file = await folder.file("password", SECRET);
  const flags = ["--password-file", file, "--tls-fingerprint", fingerprint(own.cert)];
  await using ana = newUser();
  await using beto = newUser();
  const statuses = [
    ana.run(runClient, ...flagsFor(server.address, ...flags)),
    beto.run(runClient, ...flagsFor(server.address, ...flags, "--nick", "beto")),
  ];
  await Promise.all([ana.waitForOutput("Conectado"), beto.waitForOutput("Conectado")]);
  // Longer than a TLS record, and than one write.
  const texts = Array.from({ length: 40 }, (_, i) => `#${i} ${"ñ".repeat(1_900)}`);
  ana.type(texts.map((text) => `${text}\n`).join(""));
  for (const user of [ana, beto]) {
    await user.waitForOutput(texts.at(-1)!);
    for (const text of texts) assertEquals(user.output.split(text).length, 2);
  }
  ana.type("salir\n");
  await beto.waitForOutput("ana (127.0.0.1) se ha desconectado");
  await server.close();
  await beto.waitForOutput("el servidor se ha cerrado");
  beto.endInput();
  assertEquals(await statuses[0], 0);
  assertEquals(await statuses[1], 0);
});

Deno.test(
  "An unknown certificate is shown, and trusted only after a yes, which is remembered",
  writing,
  async () => {
    await using folder = new TestFolder();
    await using server = await startServer({ pair: own });
    const where = formatAddress(server.address);
    await using user = newUser({ configFolder: folder.path, atScreen: true });
    const status = user.run(runClient, ...flagsFor(server.address, "--tls"));
    await user.waitForOutput("¿Confiar en él?");
    assertStringIncludes(user.output, fingerprint(own.cert));
    assert(!user.hasGivenUpFiles);
    user.type("quizá\r");
    await user.waitForOutput("Responda sí o no.");
    user.type("sí\r");
    await user.waitForOutput("Conectado");
    user.type("salir\r");
    assertEquals(await status, 0);
    const known = `${folder.path}/known_servers`;
    assertEquals(await Deno.readTextFile(known), `${where} ${fingerprint(own.cert)}\n`);

    // The next time TLS is used without a prompt, for a pipe as well.
    await using next = newUser({ configFolder: folder.path });
    next.type("hola\n");
    next.endInput();
    assertEquals(await next.run(runClient, ...flagsFor(server.address, "--auto")), 0);
    assertStringIncludes(next.output, "ana: hola");
    assert(next.hasGivenUpFiles);
  },
);

Deno.test("A server whose certificate is not trusted gets no HELLO", writing, async () => {
  await using folder = new TestFolder();
  const { told, onReject } = rejections();
  await using server = await startServer({ pair: own, onReject });
  await using user = newUser({ configFolder: folder.path, atScreen: true });
  const status = user.run(runClient, ...flagsFor(server.address, "--tls"));
  await user.waitForOutput("¿Confiar en él?");
  user.type("no\r");
  await user.waitForOutput("Servidor (IP o nombre)");
  user.type("salir\r");
  assertEquals(await status, 0);
  assertEquals([[...Deno.readDirSync(folder.path)], [...server.members], told], [[], [], []]);
});

Deno.test("Without a user to ask, an unknown certificate is rejected with a hint", async () => {
  await using server = await startServer({ pair: own });
  for (const user of [newUser(), newUser({ atScreen: true })]) {
    await using _ = user;
    assertEquals(await user.run(runClient, ...flagsFor(server.address, "--tls", "--auto")), 1);
    assertStringIncludes(user.output, `añada --tls-fingerprint ${fingerprint(own.cert)}`);
    assert(user.hasGivenUpFiles);
  }
});

Deno.test(
  "A changed certificate is rejected with both fingerprints and a hint",
  writing,
  async () => {
    await using folder = new TestFolder();
    await using server = await startServer({ pair: own });
    const where = formatAddress(server.address);
    const path = await folder.file("known_servers", `${where} ${fingerprint(other.cert)}\n`);
    for (const more of [["--auto"], ["--tls", "--auto"]]) {
      await using user = newUser({ configFolder: folder.path });
      assertEquals(await user.run(runClient, ...flagsFor(server.address, ...more)), 1);
      assertStringIncludes(user.output, "¡CUIDADO!");
      assertStringIncludes(user.output, `borre la línea de ${where} en ${path}`);
      assertStringIncludes(user.output, `Huella que se esperaba: ${fingerprint(other.cert)}`);
      assertStringIncludes(user.output, `Huella que muestra: ${fingerprint(own.cert)}`);
    }
    assertEquals([...server.members], []);
  },
);

Deno.test(
  "A user without --tls at a server with TLS is asked for trust, and the client upgrades",
  writing,
  async () => {
    await using folder = new TestFolder();
    await using server = await startServer({ pair: own });
    await using user = newUser({ configFolder: folder.path, atScreen: true });
    const status = user.run(runClient, ...flagsFor(server.address));
    await user.waitForOutput("¿Confiar en él?");
    assertEquals(/No se pudo entrar|TLS/.test(user.output), false); // the question says all that helps
    assertStringIncludes(user.output, fingerprint(own.cert));
    user.type("sí\r");
    await user.waitForOutput("Conectado");
    user.type("salir\r");
    assertEquals(await status, 0);
    const known = `${folder.path}/known_servers`;
    assertStringIncludes(await Deno.readTextFile(known), fingerprint(own.cert));
  },
);

Deno.test("A client that mixes up TLS and plain text is told so", async () => {
  const { told, onReject } = rejections();
  await using plain = await startServer({ onReject });
  await using secret = await startServer({ pair: own });
  await using ana = newUser();
  assertEquals(await ana.run(runClient, ...flagsFor(secret.address, "--auto")), 1);
  assertStringIncludes(ana.output, "solo habla TLS (opción --tls)");
  await using beto = newUser();
  assertEquals(await beto.run(runClient, ...flagsFor(plain.address, "--auto", "--tls")), 1);
  assertStringIncludes(beto.output, "no habla TLS");
  assertEquals(told, ["tls-unexpected"]);
});

Deno.test(
  "After a failover, only a backup with the announced fingerprint is trusted",
  writing,
  async () => {
    const { told, onReject } = rejections();
    await using plain = await startServer({ onReject });
    await using impostor = await startServer({ pair: own });
    await using second = await startServer({ pair: other });
    const backups = [
      formatAddress(plain.address),
      `${formatAddress(impostor.address)}#${fingerprint(other.cert)}`,
      `${formatAddress(second.address)}#${fingerprint(other.cert)}`,
    ];
    await using first = await startServer({ pair: own, backups });
    await using folder = new TestFolder();
    await folder.file("known_servers", `${formatAddress(first.address)} ${fingerprint(own.cert)}\n`);
    await using user = newUser({ configFolder: folder.path });
    const status = user.run(runClient, ...flagsFor(first.address, "--auto"));
    await user.waitForOutput(`Conectado a ${formatAddress(first.address)}`);
    await first.close();
    await user.waitForOutput(`Conectado a ${formatAddress(second.address)}`);
    assertStringIncludes(user.output, `Lo que hay en ${formatAddress(plain.address)} no habla TLS`);
    assertStringIncludes(user.output, "NO MUESTRA EL CERTIFICADO QUE SE ANUNCIÓ");
    user.type("hola\nsalir\n");
    assertEquals(await status, 0);
    assertEquals([[...plain.members], [...impostor.members], told], [[], [], ["tls-unexpected"]]);
  },
);

Deno.test("Over TLS, a client goes to the next server when a server closes the connection", async () => {
  await using second = await startServer({ pair: own });
  await using first = new FakeServer(() => Promise.resolve());
  await using user = newUser();
  user.type("hola\n");
  user.endInput();
  const more = [
    "--auto",
    "--backup",
    formatAddress(second.address),
    "--tls-fingerprint",
    fingerprint(own.cert),
  ];
  assertEquals(await user.run(runClient, ...flagsFor(first.address, ...more)), 0);
  assertStringIncludes(user.output, "ana: hola");
});

Deno.test("A client that completes no handshake, or does not read, is closed after its timeout", async () => {
  await using server = await startServer({ pair: own, connections: { handshakeMs: 200 } });
  const { host: hostname, port } = server.address;
  // Nothing, and half a handshake.
  await Promise.all([[], [22, 3, 1, 0, 200, 1]].map(async (bytes) => {
    using conn = await Deno.connect({ hostname, port });
    await conn.write(Uint8Array.from(bytes));
    const end = withTimeout(conn.read(new Uint8Array(100)).catch(() => null), "the server to hang up");
    assertEquals(await end, null);
  }));
});

Deno.test(
  "chat-server makes its certificate, tells its fingerprint, and warns before it ends",
  writing,
  async () => {
    await using folder = new TestFolder();
    const fingerprints: string[] = [];
    for (const time of ["2026-11-22 12:00:00", "2036-11-01 12:00:00"]) {
      await using user = new FakeUser({ clock: new TestClock(time).now, configFolder: folder.path });
      const status = user.run(serve, "--host", LOOPBACK, "--port", "5987", "--tls-auto");
      await user.waitForOutput("Huella del certificado: ");
      fingerprints.push(/SHA256:\S+/.exec(user.output)![0]);
      assertEquals(user.output.includes("caduca el 2036-11-"), time.startsWith("2036"));
      assert(user.hasGivenUpFiles);
      user.terminate();
      assertEquals(await status, 0);
    }
    assertEquals(new Set(fingerprints).size, 1);
  },
);

Deno.test("A client whose Deno lacks TLS reports that before any prompt if flags need it", async () => {
  const all: [typeof serve, string[]][] = [
    [serve, ["--tls-auto"]],
    [serve, ["--tls-cert", "cert", "--tls-key", "key"]],
    [runClient, ["--tls"]],
    [runClient, ["--ca", "ca"]],
    [runClient, ["--tls-fingerprint", fingerprint(own.cert)]],
  ];
  for (const runtime of ["Deno 2.6.10, here", "Deno 2.7.14, here", "Deno 1.46.3, here"]) {
    for (const [main, flags] of all) {
      await using user = new FakeUser({ runtime });
      const error = await assertRejects(() => user.run(main, ...flags), InputError);
      assertEquals([error.code, user.output], ["tls-lacking", ""]);
      assertStringIncludes(errorText(error, "es"), runtime);
    }
  }
});

Deno.test(
  "A client whose Deno lacks TLS does not dial a server that needs it",
  writing,
  async () => {
    await using folder = new TestFolder();
    const server = freeAddress();
    await folder.file("known_servers", `${formatAddress(server)} ${fingerprint(own.cert)}\n`);
    const options = { configFolder: folder.path, runtime: "Deno 2.6.10, here" };
    await using user = new FakeUser(options);
    const error = await assertRejects(
      () => user.run(runClient, ...flagsFor(server, "--auto")),
      InputError,
    );
    assertEquals(error.code, "tls-lacking");
  },
);

Deno.test(
  "Conflicting flags and unusable files are rejected",
  writing,
  async () => {
    await using folder = new TestFolder();
    const empty = await folder.file("empty", "\n");
    const [cert, key] = [await folder.file("cert", own.cert), await folder.file("key", "hola")];
    const where = ["--host", LOOPBACK, "--port", "5988"];
    const cases: [typeof serve, string[], string][] = [
      [serve, ["--tls-cert", cert], "flag-alone"],
      [serve, ["--tls-key", cert], "flag-alone"],
      [serve, ["--tls-dir", folder.path], "flag-alone"],
      [serve, ["--tls-auto", "--tls-cert", cert, "--tls-key", cert], "flags-contrary"],
      [serve, ["--tls-auto"], "no-folder"],
      [serve, ["--tls-cert", cert, "--tls-key", key], "certificate-invalid"],
      [
        serve,
        ["--tls-cert", cert, "--tls-key", await folder.file("other", other.key)],
        "certificate-invalid",
      ],
      [serve, ["--password-file", empty], "password-empty"],
      [serve, ["--backup", "10.0.0.7#SHA256:no"], "fingerprint-invalid"],
      [runClient, ["--password-file", `${folder.path}/gone`], "file-unreadable"],
      [runClient, ["--ca", cert, "--tls-fingerprint", fingerprint(own.cert)], "flags-contrary"],
      [runClient, ["--ca", key], "certificate-invalid"],
      [runClient, ["--tls-fingerprint", "no"], "fingerprint-invalid"],
    ];
    for (const [main, flags, code] of cases) {
      await using user = newUser();
      const error = await assertRejects(() => user.run(main, ...where, ...flags), InputError);
      assertEquals([flags.join(" "), error.code], [flags.join(" "), code]);
    }
  },
);
