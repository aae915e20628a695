import { startReaper } from './reaper.ts';

/** A process with a reaper, which stands still for good when it is told to by a line on its standard input. */
const reaper = startReaper({ maxStallSeconds: 1 });
setInterval(() => reaper.beat(), 200);
process.stdin.once('data', () => {
  for (;;);
});
process.stdout.write(`${reaper.pid}\n`);
