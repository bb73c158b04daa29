// For which machine an executable is, by its first bytes. Pure.

/** Machines that files are handed out for, by the names that `deno compile --target` has for them. */
export const TARGETS = {
  "x86_64-unknown-linux-gnu": "linux-x64",
  "aarch64-unknown-linux-gnu": "linux-arm64",
  "x86_64-apple-darwin": "macos-x64",
  "aarch64-apple-darwin": "macos-arm64",
  "x86_64-pc-windows-msvc": "windows-x64.exe",
} as const;

/** A machine that files are handed out for. */
export type Target = keyof typeof TARGETS;

/** The machine that an executable is for, by its first 4,096 bytes; undefined if it is none of ours.
 * Sources: System V ABI (ELF header), Apple's mach-o/loader.h, Microsoft's PE format. */
export function targetOf(head: Uint8Array): Target | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.byteLength < 64) return undefined;
  if (view.getUint32(0) === 0x7f454c46) {
    return ({ 0x3e: "x86_64-unknown-linux-gnu", 0xb7: "aarch64-unknown-linux-gnu" } as const)[
      view.getUint16(18, true)
    ];
  }
  if (view.getUint32(0, true) === 0xfeedfacf) {
    return ({ 0x0100_0007: "x86_64-apple-darwin", 0x0100_000c: "aarch64-apple-darwin" } as const)[
      view.getUint32(4, true)
    ];
  }
  if (view.getUint16(0) !== 0x4d5a) return undefined;
  const at = view.getUint32(60, true);
  const isWindows = at + 6 <= head.byteLength && view.getUint32(at) === 0x50450000 &&
    view.getUint16(at + 4, true) === 0x8664;
  return isWindows ? "x86_64-pc-windows-msvc" : undefined;
}
