import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { parseCredentials, parseNats, parseRoom } from "../../lib/cluster/cluster.ts";

const pure = { permissions: "none" } as const;

Deno.test("parseNats() reads what users of NATS write", pure, () => {
  assertEquals(parseNats("nats://10.0.0.7:4333"), {
    servers: ["10.0.0.7:4333"],
    credentials: undefined,
    isTls: false,
  });
  assertEquals(parseNats("nats://a, b:4223 ,nats://[::1]:4224/").servers, ["a:4222", "b:4223", "[::1]:4224"]);
  assertEquals(parseNats("TLS://a,nats://b").isTls, true);
});

Deno.test("parseNats() takes user and password, or a token, out of the address", pure, () => {
  const { servers, credentials } = parseNats("nats://a,nats://ana:p%40ss:w@b:4222");
  assertEquals(servers, ["a:4222", "b:4222"]);
  assertEquals(credentials, { type: "user", user: "ana", password: "p@ss:w" });
  assertEquals(parseNats("s3cret@a").credentials, { type: "token", token: "s3cret" });
});

Deno.test("parseNats() refuses what is no address, and shows no password", pure, () => {
  for (
    const text of [
      "",
      "http://a",
      "nats://",
      "nats://a:0",
      "nats://a,,b",
      "a b",
      "nats://u:secret@a/b",
      "nats://u:x@secret@a/b",
    ]
  ) {
    const error = assertThrows(() => parseNats(text), InputError);
    assertEquals(error.code, "nats-url-invalid");
    assertEquals(`${error.message}${error.details.url}`.includes("secret"), false, text);
  }
});

Deno.test("parseCredentials() knows NATS's own files, passwords and tokens", pure, () => {
  const own = "-----BEGIN NATS USER JWT-----\neyJ\n------END NATS USER JWT------\n";
  assertEquals(parseCredentials(own, "f"), { type: "creds", text: own });
  assertEquals(parseCredentials("ana:p%40:x\r\nmore", "f"), {
    type: "user",
    user: "ana",
    password: "p%40:x",
  });
  assertEquals(parseCredentials("  s3cret \n", "f"), { type: "token", token: "s3cret" });
  for (const text of ["", "\nana:x"]) {
    const error = assertThrows(() => parseCredentials(text, "f"), InputError);
    assertEquals([error.code, error.details.path], ["nats-creds-invalid", "f"]);
  }
});

Deno.test("parseRoom() takes what can be part of a subject", pure, () => {
  for (const room of ["a", "aula-1_B", "x".repeat(32)]) assertEquals(parseRoom(room), room);
  for (const room of ["", "a b", "a.b", "a*", "año", ">", "x".repeat(33)]) {
    assertEquals(assertThrows(() => parseRoom(room), InputError).code, "room-invalid", room);
  }
});
