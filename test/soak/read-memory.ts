import { readFile } from 'node:fs/promises';
import type { Supervisor } from '../support/supervisor.ts';

/** The memory of a process at the end of a minute. */
export interface MemorySample {
  readonly minute: number;
  readonly name: string;
  readonly pid: number;
  readonly residentMb: number;
}

const NAMES = ['longhaul-server', 'longhaul-worker:longhaul-worker-00', 'longhaul-worker:longhaul-worker-01'];

export async function readMemory(supervisor: Supervisor, minute: number): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  for (const name of NAMES) {
    const { pid } = await supervisor.status(name);
    if (pid === null) continue;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    if (kilobytes !== undefined) samples.push({ minute, name, pid, residentMb: Math.round(Number(kilobytes) / 1_024) });
  }
  return samples;
}
