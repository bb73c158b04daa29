// The released programs, with the permissions that the tasks in deno.json give them.

import config from "../deno.json" with { type: "json" };

/** A program of the project. */
export interface ProgramSource {
  readonly name: "chat-server" | "chat-client";
  /** Flags of Deno that say what it may do, and how much memory V8 may take before it looks for garbage. */
  readonly permissions: readonly string[];
  /** Its main module, from the folder of the project. */
  readonly entry: string;
}

function programOf(name: ProgramSource["name"], task: "server" | "client"): ProgramSource {
  const [_deno, _run, _quiet, ...permissions] = config.tasks[task].command.split(" ");
  const entry = permissions.pop()!;
  return { name, permissions, entry };
}

/** Both programs. */
export const PROGRAMS: readonly ProgramSource[] = [
  programOf("chat-server", "server"),
  programOf("chat-client", "client"),
];
