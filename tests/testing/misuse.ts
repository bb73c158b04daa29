// Usage errors of commands in short, for tests of the commands of both programs.

import type { InputError } from "../../lib/errors.ts";

/** What is wrong with a line, unless an argument is: rethrows the errors of those. */
export function misuse(error: InputError): Record<string, unknown> {
  const { command, suggestion, usage } = error.details;
  const name = /\w+/.exec(String(usage))?.[0];
  switch (error.code) {
    case "args-missing":
      return { type: "incomplete", command: name };
    case "args-extra":
      return { type: "surplus", command: name };
    case "command-of-console":
      return { type: "elsewhere", command };
    case "command-unknown":
      return { type: "unknown", command };
    case "command-mistyped":
      return { type: "unknown", command, suggestion };
    default:
      throw error;
  }
}
