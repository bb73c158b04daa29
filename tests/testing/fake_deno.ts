// FakeDeno: the parts of Deno that a process and its terminal use.

import type { ProcessApi } from "../../lib/cli/process.ts";

/** What the system of a process is like. */
export interface FakeDenoOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly os?: string;
  readonly isStandalone?: boolean;
  readonly version?: string;
  readonly noColor?: boolean;
  readonly isStdinTty?: boolean;
  readonly isStdoutTty?: boolean;
  readonly size?: { readonly columns: number; readonly rows: number };
  /** What is typed. The input ends after it, but for a terminal. */
  readonly typed?: string;
  /** With what the next writes fail; undefined writes. */
  readonly writeErrors?: (Error | undefined)[];
  /** Whether the system refuses all calls but asynchronous writes. */
  readonly isRefusing?: boolean;
}

/** Thrown by {@linkcode FakeDeno.exit}. */
export class FakeExit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** A system of the test's own, and the calls that are made of it. */
export class FakeDeno {
  readonly calls: (readonly unknown[])[] = [];
  readonly listeners = new Map<string, () => void>();
  output = "";
  /** Most bytes that a write takes. */
  maxWriteBytes = 2;
  readonly args: readonly string[];
  readonly noColor: boolean;
  readonly build: object;
  readonly version: object;
  readonly env: object;
  readonly permissions = { revokeSync: ({ name }: { name: string }) => this.#call("revoke", name) };
  readonly stdin: object;
  readonly stdout: object;
  readonly #size: { readonly columns: number; readonly rows: number };
  readonly #isRefusing: boolean;

  constructor(options: FakeDenoOptions = {}) {
    const { isStdinTty = false, isStdoutTty = false, typed = "", env = {} } = options;
    this.#size = options.size ?? { columns: 132, rows: 50 };
    this.#isRefusing = options.isRefusing ?? false;
    this.args = options.args ?? [];
    this.noColor = options.noColor ?? false;
    this.build = { os: options.os ?? "linux", target: "a-target", standalone: options.isStandalone ?? false };
    this.version = { deno: options.version ?? "2.9.6" };
    this.env = { get: (name: string) => env[name] };
    this.stdin = {
      isTerminal: () => isStdinTty,
      readable: new ReadableStream({
        start: (input) => {
          input.enqueue(new TextEncoder().encode(typed));
          if (!isStdinTty) input.close();
        },
      }),
      setRaw: (isRaw: boolean) => this.#call("setRaw", isRaw),
    };
    this.stdout = {
      isTerminal: () => isStdoutTty,
      write: (bytes: Uint8Array) => {
        const error = options.writeErrors?.shift();
        if (error) return Promise.reject(error);
        this.output += new TextDecoder().decode(bytes.subarray(0, this.maxWriteBytes));
        return Promise.resolve(Math.min(this.maxWriteBytes, bytes.length));
      },
      writeSync: (bytes: Uint8Array) => this.#call("writeSync", new TextDecoder().decode(bytes)),
    };
  }

  /** The first arguments of the calls of one function. */
  callsOf(name: string): unknown[] {
    return this.calls.filter(([called]) => called === name).map(([, argument]) => argument);
  }

  /** For functions that take Deno. */
  get api(): ProcessApi {
    return this as unknown as ProcessApi;
  }

  readonly consoleSize = () => {
    this.#call("consoleSize");
    return this.#size;
  };

  readonly networkInterfaces = () => [
    { name: "lo", address: "127.0.0.1", scopeid: null },
    { name: "eth0", address: "fe80::1", scopeid: 2 },
  ];

  readonly hostname = () => "maquina.uni.es";

  addSignalListener(signal: string, listener: () => void): void {
    this.#call("add", signal);
    this.listeners.set(signal, listener);
  }

  removeSignalListener(signal: string, listener: () => void): void {
    this.#call("remove", signal);
    if (this.listeners.get(signal) === listener) this.listeners.delete(signal);
  }

  /** No timer outlives the test: `unref` cancels it. */
  unrefTimer(timer: number): void {
    this.#call("unrefTimer");
    clearTimeout(timer);
  }

  exit(status: number): never {
    throw new FakeExit(status);
  }

  #call(...call: readonly unknown[]): void {
    this.calls.push(call);
    if (this.#isRefusing) throw new Deno.errors.NotSupported(String(call[0]));
  }
}
