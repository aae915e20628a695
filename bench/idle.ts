import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { startLonghaul } from './start-longhaul.ts';

const IDLE_MS = 5_000;

/** Measures an idle `longhaul start`: server, worker and embedded database, at its first start and its second. */
export async function measureIdle(bench: Bench): Promise<Measurement> {
  const variables = await bench.createDatabase('embedded');
  const first = await measureStart({ bench, variables });
  const second = await measureStart({ bench, variables });
  return judge('idle', {
    idleSeconds: IDLE_MS / 1_000,
    processes: second.processes,
    firstStartSeconds: first.startMs / 1_000,
    firstStartResidentMb: first.residentMb,
    secondStartSeconds: second.startMs / 1_000,
    secondStartResidentMb: second.residentMb,
  });
}

async function measureStart(options: { bench: Bench; variables: Record<string, string> }) {
  const startedAt = performance.now();
  const { pid, stop } = await startLonghaul(options);
  const startMs = performance.now() - startedAt;
  await sleep(IDLE_MS);
  const tree = await readTree(pid);
  await stop();
  const residentMb = tree.reduce((sum, { residentKb }) => sum + residentKb, 0) / 1_024;
  return { startMs, processes: tree.length, residentMb };
}

/** Returns a process and all of its descendants. */
async function readTree(root: number): Promise<{ pid: number; residentKb: number }[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss=']);
  const all = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parentPid = 0, residentKb = 0]) => ({ pid, parentPid, residentKb }));
  const collect = (pid: number): typeof all => [
    ...all.filter((entry) => entry.pid === pid),
    ...all.filter((entry) => entry.parentPid === pid).flatMap((entry) => collect(entry.pid)),
  ];
  return collect(root);
}
