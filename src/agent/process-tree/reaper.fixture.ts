import { startReaper } from './reaper.ts';

/** A process with a reaper. A line on its standard input makes it block forever. */
const reaper = startReaper({ maxStallSeconds: 1 });
setInterval(() => reaper.beat(), 200);
process.stdin.once('data', () => {
  for (;;);
});
process.stdout.write(`${reaper.pid}\n`);
