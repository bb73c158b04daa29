// Ends this process when its parent has ended, even by SIGKILL. The tools import it and preload it into the processes
// that they start.

/** How often to look, in ms. */
const POLL_MS = 500;

const parent = Deno.ppid;
const timer = setInterval(() => {
  if (Deno.ppid !== parent) Deno.exit(1);
}, POLL_MS);
Deno.unrefTimer(timer);
