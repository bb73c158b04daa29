// Ends this process when the one that started it is gone, however that ended. Preloaded into the processes
// that the tools start, and part of the tools: even a SIGKILL leaves nothing behind.

/** How often to look, in ms. */
const LOOK_MS = 500;

const parent = Deno.ppid;
const timer = setInterval(() => {
  if (Deno.ppid !== parent) Deno.exit(1);
}, LOOK_MS);
Deno.unrefTimer(timer);
