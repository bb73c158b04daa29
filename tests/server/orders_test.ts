// What lines typed at a server's console ask for.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { type AdminAction, orderHelp, orderUsage, parseOrder } from "../../lib/server/orders.ts";

const pure = { permissions: "none" } as const;

const ORDERS: Record<string, AdminAction> = {
  "salir": { type: "quit" },
  " /QUIT": { type: "quit" },
  "": { type: "nothing" },
  " \t": { type: "nothing" },
  "hola": { type: "talk" },
  "/help": { type: "help" },
  "/quien": { type: "who" },
  "/stats": { type: "stats" },
  "/kick ana": { type: "kick", nick: "ana", reason: "" },
  "/expulsar  Ana  por  gritar ": { type: "kick", nick: "Ana", reason: "por  gritar" },
  "/ban 10.0.0.7 5": { type: "ban", address: "10.0.0.7", minutes: 5 },
  "/ban 10.0.0.7 0": { type: "ban", address: "10.0.0.7", minutes: 0 },
  "/ban 0:0::1 525600": { type: "ban", address: "::1", minutes: 525_600 },
  "/say  hola a todos ": { type: "say", text: "hola a todos" },
  "/backup 10.0.0.8": { type: "backup", server: "10.0.0.8:5000" },
  "/backup 10.0.0.8 5001": { type: "backup", server: "10.0.0.8:5001" },
  "/backup [::1]:5001": { type: "backup", server: "[::1]:5001" },
  "/backup -10.0.0.8": { type: "withdrawal", server: "10.0.0.8:5000" },
  "/reserva -[::1] 5001": { type: "withdrawal", server: "[::1]:5001" },
  "/backup -abc:1#SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0": {
    type: "withdrawal",
    server: "abc:1",
  },
  "/backup -abc": { type: "incomplete", command: "backup" },
  "/kick": { type: "incomplete", command: "kick" },
  "/ban 10.0.0.7": { type: "incomplete", command: "ban" },
  "/say ": { type: "incomplete", command: "say" },
  "/backup": { type: "incomplete", command: "backup" },
  "/backup abc": { type: "incomplete", command: "backup" },
  "/backup somos 12": { type: "incomplete", command: "backup" },
  "/backup abc:5000": { type: "backup", server: "abc:5000" },
  "/quit when it is over": { type: "surplus", command: "quit" },
  "/kik ana": { type: "unknown", command: "/kik", suggestion: "/kick" },
  "/msg ana": { type: "unknown", command: "/msg" },
};

Deno.test("parseOrder() knows every order, and what is missing or none", pure, () => {
  for (const [line, order] of Object.entries(ORDERS)) assertEquals([line, parseOrder(line)], [line, order]);
});

Deno.test("parseOrder() refuses what an order cannot be about", pure, () => {
  const refused = {
    "/ban ana 5": "ip-invalid",
    "/ban 10.0.0.7 mucho": "minutes-invalid",
    "/ban 10.0.0.7 525601": "minutes-invalid",
    "/ban 10.0.0.7 -1": "minutes-invalid",
    "/backup a b": "address-invalid",
    "/backup a:0": "port-invalid",
    "/backup --a:1": "address-invalid",
    [`/say ${"x".repeat(2_001)}`]: "text-too-long",
  };
  for (const [line, code] of Object.entries(refused)) {
    assertEquals(assertThrows(() => parseOrder(line), InputError).code, code, line);
  }
});

Deno.test("orderHelp() shows every order with what follows it", pure, () => {
  const help = orderHelp(translator("es"));
  assertEquals(help.filter((line) => line.startsWith("  /")).length, 8);
  assert(help.some((line) => line.startsWith("  /ban IP MINUTOS, /vetar ")), help.join("\n"));
  assertEquals(orderUsage("kick", translator("en")), "/kick NICK REASON");
});
