// Clients of other servers: what they answer, and that they count each message once.

import { assertEquals, assertMatch } from "@std/assert";
import { delay } from "../../bench/load_clients.ts";
import { PeerClient, PEERS } from "../../bench/peers.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { waitFor } from "../testing/waiting.ts";

const { protocol } = PEERS.NATS!;
const TEXT = protocol.say.split("\r\n")[1]!.replace("x".repeat(16), "0".repeat(16));
const message = `MSG bench 1 100\r\n${TEXT}\r\n`;

/** Serves one client of NATS: sends the text in pieces of so many bytes. */
async function serve(
  text: string,
  pieceBytes: number,
  check: (client: PeerClient, heard: () => string) => Promise<void>,
) {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const dialled = PeerClient.dial(protocol, {
    port: listener.addr.port,
    index: 0,
    readBytes: 300,
    onLost: () => {},
  });
  using conn = await listener.accept();
  using client = await dialled;
  let heard = "";
  const reading = (async () => {
    const buffer = new Uint8Array(1_000);
    for (let count; (count = await conn.read(buffer)) !== null;) {
      heard += new TextDecoder().decode(buffer.subarray(0, count));
    }
  })();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await conn.write(bytes.subarray(at, at + pieceBytes));
    await delay(0); // or the system joins the pieces
  }
  await check(client, () => heard);
  client.leave();
  await reading;
}

for (const pieceBytes of [1, 7, 118, 1_000]) {
  Deno.test(`PeerClient counts messages that come in pieces of ${pieceBytes} bytes, and answers PING`, async () => {
    const text = `INFO {}\r\nPONG\r\n${message.repeat(3)}PING\r\n${message.repeat(4)}`;
    await serve(text, pieceBytes, async (client, heard) => {
      await waitFor(() => client.received === 7, "all messages");
      assertEquals(client.isIn, true);
      client.say();
      client.flush();
      await waitFor(() => heard().includes("PUB"), "the message");
      assertMatch(
        heard(),
        /^CONNECT .*\r\nSUB bench 1\r\nPING\r\nPONG\r\nPUB bench 100\r\n`~\^`\d{16}x+\r\n$/,
      );
    });
  });
}

Deno.test("PeerClient is in as soon as the server says so, though nothing follows", async () => {
  await serve("INFO {}\r\nPONG\r\n", 1_000, (client) => waitFor(() => client.isIn, "the room"));
});
