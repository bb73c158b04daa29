// A client that strays to another server while its own lives, with real servers: it goes home if others are there.

import { assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { probe } from "../../lib/client/probe.ts";
import { ServerSelector } from "../../lib/client/server_selector.ts";
import type { SessionDeps } from "../../lib/client/session.ts";
import { ConnectError } from "../../lib/errors.ts";
import { type Address, formatAddress, isSameAddress } from "../../lib/net/address.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import { FakeUser } from "../testing/fake_user.ts";
import { enterAs } from "../testing/raw_peer.ts";
import { SessionFixture } from "../testing/session_fixture.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { startServer } from "../testing/test_server.ts";
import { TCP } from "../testing/transport.ts";
import { waitFor } from "../testing/waiting.ts";

/** A session with `--auto` that can be cut off from its first server. */
class Stray {
  readonly fixture: SessionFixture;
  readonly notices: string[] = [];
  readonly selector: ServerSelector;
  #break: (cause: Error) => void = () => {};
  #isCut = false;

  constructor(first: Address, second: Address) {
    const dial: SessionDeps["dial"] = async (server, options) => {
      const isFirst = isSameAddress(server, first);
      if (isFirst && this.#isCut) throw new ConnectError("refused", { server: formatAddress(server) });
      const socket = await TCP.dial(server, options);
      return isFirst ? this.#breakable(socket) : socket;
    };
    const failover = { homeProbeMs: 20, homeJitterMs: 0 };
    const config = testClientConfig({ ...first, nick: "ana", isAuto: true, failover });
    this.selector = new ServerSelector(
      {
        terminal: new FakeUser().terminal,
        language: "en",
        notify: ({ text }) => Promise.resolve(void this.notices.push(text)),
        authPrompter: { authenticate: () => Promise.resolve("notApplicable"), canUpgrade: () => false },
        clock: systemClock,
        probe: (server, options) => probe(server, options, dial),
        canResolve: () => Promise.resolve(true),
      },
      { ...config, backups: [{ server: second }] },
      () => 0,
    );
    this.fixture = new SessionFixture("ana", [], {
      dial,
      nextServer: (failure, options) => this.selector.next(failure, options),
      shouldMove: (options) => this.selector.shouldMove(options),
    });
  }

  /** Joins, and returns the server. */
  async joined(): Promise<Address> {
    for (let event = await this.fixture.next();; event = await this.fixture.next()) {
      if (!event) throw new Error("The session has ended");
      if (event.type !== "joined") continue;
      const { server, ip, welcome: { logId } } = event;
      this.selector.onJoined(server, { ip, logId, backups: [] });
      return server;
    }
  }

  #breakable(socket: Socket): Socket {
    const broken = Promise.withResolvers<never>();
    broken.promise.catch(() => {});
    this.#break = broken.reject;
    return {
      localAddr: socket.localAddr,
      remoteAddr: socket.remoteAddr,
      setNoDelay: (noDelay) => socket.setNoDelay(noDelay),
      read: (into) => Promise.race([socket.read(into), broken.promise]),
      write: (bytes) => socket.write(bytes),
      closeWrite: () => socket.closeWrite(),
      close: () => socket.close(),
    };
  }

  /** Breaks the connection, and lets no other through meanwhile. */
  async cutUntil(isOver: () => Promise<unknown>): Promise<void> {
    this.#isCut = true;
    this.#break(new Error("cut"));
    await isOver();
    this.#isCut = false;
  }
}

Deno.test("Session goes home to a server that never died, if others are there, and no message is lost", async () => {
  await using first = startServer({ room: { graceMs: 50 } });
  await using second = startServer({ room: { graceMs: 50 } });
  const beto = await enterAs("beto", first);
  const stray = new Stray(first.address, second.address);
  await using fixture = stray.fixture;
  assertEquals(await stray.joined(), first.address);
  await stray.cutUntil(async () => assertEquals(await stray.joined(), second.address));
  fixture.session.say("away");
  assertEquals(await stray.joined(), first.address);
  fixture.session.say("home");
  assertEquals(await fixture.lines(1), ["ana: home"]);
  assertEquals(stray.notices.length, 1);
  assertEquals([...second.members], []);
  const texts: string[] = [];
  while (texts.length < 2) {
    const entry = await beto.receive();
    if (entry?.type === "said") texts.push(entry.text);
  }
  beto[Symbol.dispose]();
  assertEquals(texts, ["away", "home"]);
});

Deno.test("Session stays where it is while its former server has no members", async () => {
  await using first = startServer({ room: { graceMs: 50 } });
  await using second = startServer({ room: { graceMs: 50 } });
  const stray = new Stray(first.address, second.address);
  await using fixture = stray.fixture;
  await stray.joined();
  await stray.cutUntil(() => stray.joined());
  const moved = stray.joined();
  await waitFor(() => first.stats.memberCount === 0, "the first server to miss the client");
  using _beto = await enterAs("beto", first);
  assertEquals(await moved, first.address);
  assertEquals(fixture.session.unacked, []);
});
