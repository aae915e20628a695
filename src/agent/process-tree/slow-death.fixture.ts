import { spawn } from 'node:child_process';
import { ownIdentity } from '../../core/process-identity.ts';
import { startReaper } from './reaper.ts';

// A worker with a tool, and so much memory that the system takes long to end it. Prints the tool's id.
const memory = Buffer.alloc(300_000_000, 1);
const reaper = startReaper({ maxStallSeconds: 1 });
setInterval(() => reaper.beat(), 200);
const tool = spawn('sleep', ['300'], {
  stdio: 'ignore',
  detached: true,
  env: { ...process.env, LONGHAUL_ATTEMPT: 'a', LONGHAUL_WORKER: ownIdentity() },
});
process.stdout.write(`${tool.pid} ${memory.length}\n`);
