// Servers with a password or a certificate, and users who join them.

import { type Address, formatAddress } from "../../lib/net/address.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { startServer as startTestServer, type TestServerOptions } from "./test_server.ts";
import { type ChatError, ProtocolError } from "../../lib/errors.ts";
import { PasswordVerifier } from "../../lib/text/text.ts";
import type { RejectedClient } from "../../lib/server/client_handler.ts";
import { tlsServer } from "../../lib/net/tls_server.ts";
import { errorFrame } from "../../lib/server/sessions.ts";
import type { CertificatePair } from "./certificates.ts";
import { FakeScreen } from "./fake_screen.ts";
import { FakeUser } from "./fake_user.ts";
import { TestClock } from "./test_clock.ts";

/** The time on the clocks of all servers and clients. */
export const NOON = "2026-11-22 12:00:00";

export const SECRET = "ábrete sésamo";

type Options = TestServerOptions & { readonly pair?: CertificatePair };

/** A server, with TLS if there is a certificate. */
export async function startServer({ pair, ...options }: Options = {}): Promise<ChatServer> {
  const plaintextReply = errorFrame(new ProtocolError("tls-needed"));
  const wrapTls = pair && await tlsServer({ ...pair, plaintextReply });
  const credentials = { ...options.credentials, wrapTls };
  return startTestServer({ clock: new TestClock(NOON).now, ...options, credentials });
}

export function withPassword(options: Options = {}): Promise<ChatServer> {
  return startServer({ credentials: { password: new PasswordVerifier(SECRET) }, ...options });
}

/** A user at a pipe, or at a terminal with line editing. */
export function newUser(options: { configFolder?: string; atScreen?: boolean } = {}): FakeUser {
  const { configFolder, atScreen } = options;
  const tty = atScreen ? new FakeScreen({ columns: 400 }) : undefined;
  return new FakeUser({ clock: new TestClock(NOON).now, configFolder, isTty: atScreen, tty });
}

/** Flags that leave only the password and the trust to ask for. */
export function flagsFor(server: Address, ...more: string[]): string[] {
  return ["--host", formatAddress(server), "--nick", "ana", ...more];
}

/** Collects the codes of the clients that the server rejects. */
export function rejections(): { told: string[]; onReject: (peer: RejectedClient, error: Error) => void } {
  const told: string[] = [];
  return { told, onReject: (_, error) => void told.push((error as ChatError).code) };
}
