import { setTimeout as delay } from 'node:timers/promises';
import { findPresence } from '../../core/process-identity.ts';
import { sweepOrphans } from './sweep.ts';

// A reaper runs this when its worker has ended or stands still: see `reaper.ts`.
const [identity = ''] = process.argv.slice(2);
if (findPresence(identity) === 'alive') {
  const pid = Number.parseInt(identity, 10);
  process.kill(pid, 'SIGKILL');
  const msg = "this process's event loop stood still for longer than worker.maxStallSeconds; its reaper has ended it";
  process.stderr.write(`${JSON.stringify({ level: 60, time: Date.now(), pid, msg })}\n`);
  // Until it has ended, the sweep spares its processes.
  const deadline = performance.now() + 5_000;
  while (findPresence(identity) === 'alive' && performance.now() < deadline) await delay(10);
}
await sweepOrphans();
