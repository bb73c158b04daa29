// Why a client failed to join a server or lost it, and what the table says to do next.

import { assertEquals, assertThrows } from "@std/assert";
import {
  type ConnectCode,
  ConnectError,
  ConnectionLostError,
  ProtocolError,
  ServerError,
} from "../../lib/errors.ts";
import { closeReason, RECOVERY, recoveryFor, toDisconnect } from "../../lib/client/recovery.ts";
import { pure } from "../testing/test_options.ts";

const server = { host: "10.0.0.7", port: 5_000 };
const VIOLATION = new ProtocolError("frame-malformed");

function broken(code?: string): ConnectionLostError {
  return new ConnectionLostError("broken", {}, { cause: Object.assign(new Error("why"), { code }) });
}

const HANG_UPS = [new ConnectionLostError("closed"), ...["ECONNRESET", "ECONNABORTED", "EPIPE"].map(broken)];
/** Of these, no peer is to blame. */
const BREAKS = [broken(), broken("ENETDOWN"), new ConnectionLostError("broken")];

Deno.test("toDisconnect() takes a server that hangs up before WELCOME for no chat server", pure, () => {
  for (const cause of [...HANG_UPS, VIOLATION]) {
    const { name, code, details } = toDisconnect(cause, { server, wasJoined: false });
    assertEquals([name, code, details], ["ConnectError", "not-a-chat-server", { server: "10.0.0.7:5000" }]);
  }
});

Deno.test("toDisconnect() words every way in which a server hangs up alike", pure, () => {
  for (const cause of HANG_UPS) {
    const { name, code } = toDisconnect(cause, { server, wasJoined: true });
    assertEquals([name, code], ["ConnectionLostError", "closed"]);
  }
});

Deno.test("toDisconnect() returns other errors as they are", pure, () => {
  for (const cause of [...BREAKS, new ConnectError("refused"), new ServerError("banned")]) {
    assertEquals(toDisconnect(cause, { server, wasJoined: false }), cause);
  }
});

Deno.test("toDisconnect() tells a violation after WELCOME from another version", pure, () => {
  const { name, code } = toDisconnect(VIOLATION, { server, wasJoined: true });
  assertEquals([name, code], ["ConnectionLostError", "garbled"]);
  const other = toDisconnect(new ProtocolError("version-unsupported"), { server, wasJoined: false });
  assertEquals([other.name, other.code], ["ServerError", "version-unsupported"]);
});

Deno.test("toDisconnect() throws a bug", pure, () => {
  assertThrows(() => toDisconnect(new RangeError("bug"), { server, wasJoined: false }), RangeError, "bug");
});

Deno.test("closeReason() keeps the code, the reason and the details of ERROR", pure, () => {
  const { code, details } = closeReason(
    { type: "error", code: "nick-taken", reason: "why" },
    { nick: "ana" },
  ) as ServerError;
  assertEquals([code, details], ["nick-taken", { nick: "ana", reason: "why" }]);
});

/** Each code by its action, as `Class code`. */
const ACTIONS: Record<string, string[]> = {
  redial: [
    "Connect not-a-chat-server",
    "Lost closed",
    "Lost broken",
    "Lost silent",
    "Server frame-late",
    "Server too-slow",
    "Server silent",
    "Server replaced",
  ],
  stay: ["Connect network-away", "Server store-away"],
  askNick: ["Server nick-invalid", "Server nick-mixed", "Server nick-taken", "Server nick-lookalike"],
  askPassword: ["Server password-needed", "Server password-wrong"],
  askTrust: ["Connect certificate-unknown"],
  askForget: ["Connect tls-gone"],
  upgradeTls: ["Server tls-needed"],
  warnMismatch: ["Connect certificate-changed", "Connect certificate-other"],
  deny: [
    ...["Connect not-tls", "Connect tls-failed", "Connect certificate-refused"],
    ...["Connect certificate-unfit", "Connect certificate-early", "Connect certificate-expired"],
  ],
  giveUp: ["Server kicked", "Server banned"],
  exclude: [
    ...["Lost garbled", "Server frame-too-long", "Server frame-malformed", "Server frame-unknown"],
    ...["Server frame-unexpected", "Server version-unsupported", "Server counter-backwards"],
    "Server text-invalid",
  ],
};

Deno.test("RECOVERY goes to the next server, but for these codes", pure, () => {
  const actions: Record<string, string[]> = {};
  for (const [name, rows] of Object.entries(RECOVERY)) {
    for (const [code, { action }] of Object.entries(rows)) {
      if (action !== "next") {
        (actions[action] ??= []).push(`${name.replace(/Connection|Error/g, "")} ${code}`);
      }
    }
  }
  for (const codes of [...Object.values(actions), ...Object.values(ACTIONS)]) codes.sort();
  assertEquals(actions, ACTIONS);
});

Deno.test("RECOVERY takes a server that answers for alive, but for these codes", pure, () => {
  const statuses = Object.entries(RECOVERY.ConnectError).map(([code, row]) => `${code}: ${row.serverStatus}`);
  assertEquals(statuses.filter((status) => !status.endsWith("alive")), [
    "name-unknown: unreachable",
    "refused: down",
    "unreachable: unreachable",
    "network-away: unknown",
    "no-answer: down",
    "name-late: down",
    "no-welcome: down",
    "not-a-chat-server: down",
  ]);
  assertEquals(Object.values(RECOVERY.ConnectionLostError).every((row) => row.serverStatus === "down"), true);
  assertEquals(Object.values(RECOVERY.ServerError).every((row) => row.serverStatus === "alive"), true);
});

Deno.test("RECOVERY leaves the report of these codes to AuthPrompter", pure, () => {
  const rows = [...Object.entries(RECOVERY.ConnectError), ...Object.entries(RECOVERY.ServerError)];
  const own = rows.flatMap(([code, row]) => "hasOwnReport" in row ? [code] : []);
  assertEquals(own, ["certificate-unknown", "certificate-changed", "certificate-other", "password-needed"]);
});

Deno.test("recoveryFor() goes to the next server at a code that is not in the table", pure, () => {
  for (const code of ["of-the-future", "certificate-unknown", "constructor", "__proto__", ""]) {
    assertEquals(recoveryFor(new ServerError(code)), { action: "next", serverStatus: "alive" });
  }
  assertEquals(recoveryFor(new ServerError("nick-of-the-future")).action, "askNick");
});

Deno.test("recoveryFor() excludes a server that broke the protocol, whatever the code", pure, () => {
  for (const code of Object.keys(RECOVERY.ConnectError) as ConnectCode[]) {
    assertEquals(recoveryFor(new ConnectError(code, {}, { cause: VIOLATION })).action, "exclude");
  }
});
