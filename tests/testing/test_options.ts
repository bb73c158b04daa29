// Options of tests, by what they need.

const { state } = await Deno.permissions.query({ name: "read", path: "." });

/** Of tests that need no permission. */
export const pure = { permissions: "none" } as const;

/** Of tests that read files of the repository: skips them without the permission. */
export const reading = { ignore: state !== "granted" };
