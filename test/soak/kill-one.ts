import { readFile } from 'node:fs/promises';
import { findProcessesOf } from '../support/run-command.ts';
import type { Supervisor } from '../support/supervisor.ts';

const SERVER = 'longhaul-server';
const WORKERS = [0, 1].map((number) => `longhaul-worker:longhaul-worker-0${number}`);

/** Kills a worker, a Claude Code process or the server without a warning. Returns its name. */
export async function killOne(supervisor: Supervisor): Promise<string> {
  const chance = Math.random();
  if (chance < 0.4) {
    const pid = await findClaude(supervisor.directory);
    if (pid !== null) return kill('Claude Code', pid);
  }
  const name = chance < 0.85 ? WORKERS[Math.floor(Math.random() * WORKERS.length)]! : SERVER;
  const { pid } = await supervisor.status(name);
  return pid === null ? 'nothing' : kill(name, pid);
}

function kill(name: string, pid: number): string {
  try {
    process.kill(pid, 'SIGKILL');
    return name;
  } catch {
    return `nothing: ${name} had just ended`;
  }
}

async function findClaude(directory: string): Promise<number | null> {
  for (const pid of await findProcessesOf(directory)) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'claude') return pid;
  }
  return null;
}
