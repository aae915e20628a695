import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { openDashboard, readHeapBytes } from './browser.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, STUB_CLAUDE } from './start-longhaul.ts';

/** `LONGHAUL_BENCH_MINUTES` tries it for a shorter or longer time. */
const MINUTES = Number(process.env['LONGHAUL_BENCH_MINUTES'] ?? 10);
/** Time in which the page loads everything it will need. */
const WARM_SECONDS = 30;
/** Clock ticks a second in /proc (sysconf(_SC_CLK_TCK), 100 on Linux). */
const TICKS = 100;
const MIB = 1_024 ** 2;

/**
 * Measures a dashboard that is left open on its overview while a run ends every ten seconds: the share of a core that it
 * costs the server, against the same time without a dashboard, and how much the browser's heap grows.
 */
export async function measureDashboardOpen(bench: Bench): Promise<Measurement> {
  const variables = await bench.createDatabase('postgres');
  const longhaul = await startLonghaul({ bench, variables: { ...variables, LONGHAUL_CLAUDE_PATH: STUB_CLAUDE } });
  const watch = async () => {
    const before = await readCpuSeconds(longhaul.pid);
    const startedAt = performance.now();
    while (performance.now() - startedAt < MINUTES * 60_000) {
      await longhaul.client.submit({ agent: AGENT, prompt: 'Say something.' });
      await setTimeout(10_000);
    }
    return (await readCpuSeconds(longhaul.pid)) - before;
  };

  await setTimeout(WARM_SECONDS * 1_000);
  const withoutSeconds = await watch();
  const page = await openDashboard(bench, longhaul);
  await setTimeout(WARM_SECONDS * 1_000);
  const heapBefore = await readHeapBytes(page);
  const withSeconds = await watch();
  const heapAfter = await readHeapBytes(page);

  return judge(
    'dashboard-open',
    {
      minutes: MINUTES,
      serverSharePercent: (100 * (withSeconds - withoutSeconds)) / (MINUTES * 60),
      heapMib: heapAfter / MIB,
      heapGrowthMib: (heapAfter - heapBefore) / MIB,
      heapGrowthMibPerHour: ((heapAfter - heapBefore) / MIB) * (60 / MINUTES),
    },
    [
      { figure: 'serverSharePercent', below: 1 },
      { figure: 'heapGrowthMib', below: 2 },
    ],
  );
}

/** Processor time that a process has used, in user and kernel mode. */
async function readCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may contain spaces. The 14th and 15th fields are user and system time (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
