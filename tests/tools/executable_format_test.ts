// For which machine an executable is: heads as real ones begin.

import { assertEquals } from "@std/assert";
import { targetOf } from "../../tools/executable_format.ts";
import { pure } from "../testing/test_options.ts";

/** The first bytes of an executable: these, in hex, each at its place, and zeros. */
function head(parts: Readonly<Record<number, string>>, length = 4_096): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [at, hex] of Object.entries(parts)) bytes.set(Uint8Array.fromHex(hex), Number(at));
  return bytes;
}

const ELF = "7f454c46020101";
const HEADS: [target: string | undefined, what: string, head: Uint8Array][] = [
  ["x86_64-unknown-linux-gnu", "ELF for x86-64", head({ 0: ELF, 16: "03003e00" })],
  ["aarch64-unknown-linux-gnu", "ELF for AArch64", head({ 0: ELF, 16: "0300b700" })],
  [undefined, "ELF for RISC-V", head({ 0: ELF, 16: "0300f300" })],
  ["x86_64-apple-darwin", "Mach-O for x86-64", head({ 0: "cffaedfe07000001" })],
  ["aarch64-apple-darwin", "Mach-O for ARM64", head({ 0: "cffaedfe0c000001" })],
  [undefined, "Mach-O for PowerPC", head({ 0: "cffaedfe12000001" })],
  ["x86_64-pc-windows-msvc", "PE for x86-64", head({ 0: "4d5a", 60: "80000000", 128: "504500006486" })],
  [undefined, "PE for ARM64", head({ 0: "4d5a", 60: "80000000", 128: "5045000064aa" })],
  [undefined, "a program of MS-DOS", head({ 0: "4d5a", 60: "80000000" })],
  [undefined, "PE that begins beyond what is seen", head({ 0: "4d5a", 60: "ffffffff" })],
  [undefined, "a script", head({ 0: "23212f62696e2f7368" })],
  [undefined, "a file that is cut off", head({ 0: ELF, 16: "03003e00" }, 63)],
  [undefined, "nothing", head({}, 0)],
];

for (const [target, what, bytes] of HEADS) {
  Deno.test(`targetOf() finds ${target} in ${what}`, pure, () => assertEquals(targetOf(bytes), target));
}
