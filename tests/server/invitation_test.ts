// How a server tells people to join: on its console, and to a browser that opens its port.

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { loadCredentials } from "../../lib/server/credentials.ts";
import { isHttp, joinMessages } from "../../lib/server/invitation.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { enterAs } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";
import { startServer } from "../testing/test_server.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { tlsWire } from "../testing/transport.ts";
import { waitFor } from "../testing/waiting.ts";

const LOCAL = [LOOPBACK, "::1", "192.168.1.5", "10.0.0.7", "2001:db8::5", "fe80::1%2"];

/** The hosts of the commands. */
function hosts(host: string, localIPs: readonly string[] = LOCAL) {
  const messages = joinMessages(
    { listening: { host, port: 5_000 }, localIPs, isTls: false },
    translator("es"),
  );
  return [
    messages[0]?.code === "join-here",
    ...messages.map(({ values: { command } }) =>
      /^deno task client --host (\S+) --port 5000$/.exec(`${command}`)?.[1]
    ),
  ];
}

Deno.test("joinMessages() has a command for each address at which others reach the server", pure, () => {
  assertEquals(hosts("0.0.0.0"), [false, "192.168.1.5", "10.0.0.7"]);
  assertEquals(hosts("::"), [false, "192.168.1.5", "10.0.0.7", "2001:db8::5"]);
  assertEquals(hosts("10.0.0.7"), [false, "10.0.0.7"]);
  assertEquals(hosts("fe80::1"), [false, "fe80::1%INTERFAZ"]);
  assertEquals(hosts("fe80::1%2"), [false, "fe80::1%INTERFAZ"]);
  assertEquals(hosts("aula.test"), [false, "aula.test"]);
  assertEquals(hosts("0.0.0.0", [LOOPBACK]), [true, LOOPBACK]);
  assertEquals(hosts("0.0.0.0", []), [true, LOOPBACK]);
  assertEquals(hosts("127.0.0.2"), [true, "127.0.0.2"]);
  assertEquals(hosts("::1"), [true, "::1"]);
});

Deno.test("joinMessages() names TLS, and says whose interface a link-local address needs", pure, () => {
  const textOf = (host: string) =>
    joinMessages({ listening: { host, port: 5_001 }, localIPs: [], isTls: true }, translator("en"))[0]?.text;
  assertEquals(textOf("10.0.0.7"), "Clients join with: deno task client --host 10.0.0.7 --port 5001 --tls");
  assertEquals(
    textOf("fe80::1%2"),
    "Clients join with: deno task client --host fe80::1%INTERFACE --port 5001 --tls " +
      "(replace INTERFACE with the client's network interface, such as eth0)",
  );
});

Deno.test("isHttp() knows the methods of HTTP, and no frame is long enough to look like one", pure, () => {
  const start = (text: string) => new DataView(new TextEncoder().encode(text).buffer).getUint32(0);
  for (const method of ["GET /", "HEAD /", "POST /", "PUT /", "OPTIONS *", "DELETE /"]) {
    assertEquals(isHttp(start(method)), true, method);
  }
  for (const other of ["SSH-2.0", "hola", "GETS"]) assertEquals(isHttp(start(other)), false, other);
});

/** All that a server sends to a client of HTTP. */
async function request({ address: { host, port } }: ChatServer, method: string): Promise<string> {
  using conn = await Deno.connect({ hostname: host, port });
  await conn.write(new TextEncoder().encode(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`));
  return await new Response(conn.readable).text().finally(() => conn.readable.cancel().catch(() => {}));
}

/** Checks head and length of an answer. Returns its body. */
function bodyOf(answer: string): string {
  const [head, body] = answer.split("\r\n\r\n");
  const length = new TextEncoder().encode(body).length;
  assertEquals(
    head,
    [
      "HTTP/1.1 400 Bad Request",
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${length}`,
      "Connection: close",
    ].join("\r\n"),
  );
  return body!;
}

Deno.test("ClientHandler tells a browser in both languages how to join, and the console of it", async () => {
  const reports: string[] = [];
  await using server = startServer({ onReject: (_, { message }) => void reports.push(message) });
  using ana = await enterAs("ana", server);
  const { port } = server.address;
  const command = `\n\n    deno task client --host ${LOOPBACK} --port ${port}\n`;
  const [head, body] = (await request(server, "HEAD")).split("\r\n\r\n");
  assertEquals([/Content-Length: [1-9]/.test(head!), body], [true, ""]);
  for (const method of ["GET", "POST"]) {
    const body = bodyOf(await request(server, method));
    assertStringIncludes(body, `Esto es un servidor de chat (${LOOPBACK}:${port}), no una página web.`);
    assertStringIncludes(body, `This is a chat server, not a website (${LOOPBACK}:${port}).`);
    assertEquals(body.split(command).length, 3);
  }
  assertEquals(reports, ["http-request", "http-request", "http-request"]);
  await waitFor(() => server.stats.connectionCount === 1, "the connections of HTTP to close");
  await ana.send({ type: "bye" });
  assertEquals(await ana.receiveTypes(), ["left", "bye"]);
});

Deno.test("loadCredentials() has a server of TLS answer HTTP in plain text too", writing, async () => {
  await using folder = new TestFolder();
  await using user = new FakeUser();
  const answers: string[] = [];
  await user.run(async (process) => {
    const certificate = { type: "self-signed", folder: folder.path } as const;
    await using server = startServer({
      credentials: await loadCredentials({ certificate }, process, () => Promise.resolve()),
    });
    answers.push(await request(server, "GET"));
    return 0;
  });
  assertStringIncludes(bodyOf(answers[0]!), " --tls\n");
});

Deno.test("ClientHandler answers HTTP over TLS with the command that joins by TLS", async () => {
  const wire = await tlsWire(LOOPBACK);
  await using server = startServer({}, wire);
  const socket = await wire.dial(server.address, new AbortController());
  await socket.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  const bytes = new Uint8Array(2_000);
  let length = 0;
  for (let count: number | null = 0; count !== null; count = await socket.read(bytes.subarray(length))) {
    length += count;
  }
  socket.close();
  assertStringIncludes(bodyOf(new TextDecoder().decode(bytes.subarray(0, length))), " --tls\n");
});
