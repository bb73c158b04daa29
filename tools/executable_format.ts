// Tells from the first bytes of an executable which machine it is for. Pure.

/** Machines that files are handed out for, by the names that `deno compile --target` has for them: how names of
 * files end, what people call it, and the package of the npm registry in which Deno's makers hand Deno out. */
export const TARGETS = {
  "x86_64-unknown-linux-gnu": {
    suffix: "linux-x64",
    machine: "Linux x86_64 (glibc)",
    denoPackage: "@deno/linux-x64-glibc",
  },
  "aarch64-unknown-linux-gnu": {
    suffix: "linux-arm64",
    machine: "Linux aarch64 (glibc)",
    denoPackage: "@deno/linux-arm64-glibc",
  },
  "x86_64-apple-darwin": {
    suffix: "macos-x64",
    machine: "macOS x86_64",
    denoPackage: "@deno/darwin-x64",
  },
  "aarch64-apple-darwin": {
    suffix: "macos-arm64",
    machine: "macOS aarch64",
    denoPackage: "@deno/darwin-arm64",
  },
  "x86_64-pc-windows-msvc": {
    suffix: "windows-x64.exe",
    machine: "Windows x86_64",
    denoPackage: "@deno/win32-x64",
  },
} as const;

/** A machine that files are handed out for. */
export type Target = keyof typeof TARGETS;

/** The machine that an executable is for, by its first 4,096 bytes or more; undefined if it is none of ours.
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
