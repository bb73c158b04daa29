// Measures the effect of a slow consumer on the other clients: a conversation without and one with a reader that never
// reads, in turn, on one server. The second lasts until the server has disconnected the reader.
//
//   deno task bench:stalled [--clients 200] [--rounds 5] [--seconds 3]

import { parseOptions } from "../tools/options.ts";
import { SERVER_FRAMES } from "../lib/protocol/frames.ts";
import { RETAINED_BYTES } from "../lib/room/event_log.ts";
import { delay, LoadClients } from "./load_clients.ts";
import { formatMiB, median, tableHeading, tableRow } from "./statistics.ts";
import { MeasuredServer } from "./measured_server.ts";
import { runBench } from "./program.ts";
import { connect, helloOf } from "./raw_client.ts";

const WINDOW = 100;
const READ_BYTES = 65_536;

/** What a round shows. */
interface Round {
  readonly withoutMs: number;
  readonly withMs: number;
  /** From its HELLO until everyone has read that it is gone. */
  readonly deletedMs: number;
  /** What every other client read meanwhile. */
  readonly readBytes: number;
}

/** `number` counts the rounds from 1. */
async function measure(
  batch: LoadClients,
  port: number,
  { number, seconds }: { number: number; seconds: number },
) {
  const talk = (waitUntil: Promise<unknown>) =>
    batch.runConversation({ senders: 1, window: WINDOW, waitUntil });
  const { p99Ms: withoutMs } = await talk(delay(seconds * 1_000));
  const [witness] = batch.clients;
  const bytesBefore = witness!.bytesRead;
  const startedMs = performance.now();
  using stalled = await connect(port);
  await stalled.write(helloOf(batch.clients.length + number));
  let deletedMs = NaN;
  // Each round has one departure.
  const isGone = batch.waitUntil(
    "for the stalled reader to go",
    ({ counts }) => counts[SERVER_FRAMES.left.code]! >= number,
  )
    .then(() => void (deletedMs = performance.now() - startedMs));
  const { p99Ms: withMs } = await talk(isGone);
  const readBytes = witness!.bytesRead - bytesBefore;
  await readToEnd(stalled);
  return { withoutMs, withMs, deletedMs, readBytes };
}

/** Reads what lies in the socket; fulfilled when the connection is over, which it must be. */
async function readToEnd(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  try {
    while (await conn.read(buffer) !== null);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

async function stalled(): Promise<void> {
  const options = parseOptions({ clients: 200, rounds: 5, seconds: 3 });
  await using server = await MeasuredServer.start();
  using batch = await LoadClients.open({ port: server.port, size: options.clients });
  console.log(
    tableHeading("round", "p99 without it", "p99 with it", "ratio", "gone after", "read by the others"),
  );
  const rounds: Round[] = [];
  const show = (name: string, { withoutMs, withMs, deletedMs, readBytes }: Round) => {
    const ratio = (withMs / withoutMs).toFixed(2);
    const times = [
      `${withoutMs.toFixed(1)} ms`,
      `${withMs.toFixed(1)} ms`,
      ratio,
      `${(deletedMs / 1_000).toFixed(1)} s`,
    ];
    console.log(tableRow(name, ...times, formatMiB(readBytes)));
  };
  while (rounds.length < options.rounds) {
    const number = rounds.length + 1;
    rounds.push(await measure(batch, server.port, { number, seconds: options.seconds }));
    show(`${number}`, rounds.at(-1)!);
  }
  const middle = (name: keyof Round) => median(rounds.map((round) => round[name]));
  show("median", {
    withoutMs: middle("withoutMs"),
    withMs: middle("withMs"),
    deletedMs: middle("deletedMs"),
    readBytes: middle("readBytes"),
  });
  console.log(`The log keeps ${formatMiB(RETAINED_BYTES)}.`);
}

if (import.meta.main) await runBench(stalled);
