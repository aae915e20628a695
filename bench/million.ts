import pg from 'pg';
import { createId } from '../src/core/ids.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { useCostZone } from '../src/run/costs/use-cost-zone.ts';
import { rollUp } from '../src/stats/roll-up.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { measureLives } from './million-lives.ts';
import { listRequests, type Request } from './million-requests.ts';
import { toAgents, writeRuns } from './million-runs.ts';
import { startLonghaul, type RunningLonghaul } from './start-longhaul.ts';
import { median } from './statistics.ts';

const FEW_RUNS = 1_000;
/** `LONGHAUL_BENCH_RUNS` tries it with fewer. */
const MANY_RUNS = Number(process.env['LONGHAUL_BENCH_RUNS'] ?? 1_000_000);
const REPETITIONS = 5;
/** Repetitions of a request that seems slower, before it is called so. */
const MORE_REPETITIONS = 25;

/** The highest ratio that is promised. */
const MOST = 1.5;

/**
 * Difference in ms below which two medians are the same, whatever their ratio: two series of one and the same request
 * differ by that much on two cores that are shared with PostgreSQL and the server.
 */
const SAME_MS = 2;

/** Slowest requests that are figures. */
const NAMED = 12;

/** A Longhaul with a number of finished runs. */
export interface Deployment {
  readonly url: string;
  readonly longhaul: RunningLonghaul;
  readonly client: pg.Client;
}

/**
 * Measures with a million finished runs against a thousand, in turns: every page, filter and pair of filters of
 * `GET /v1/runs`, and the other reads that could grow; then submitting, claiming and settling, with an empty queue and
 * with 20,000 queued runs; then claims while the runs of a day are deleted.
 */
export async function measureMillion(bench: Bench): Promise<Measurement> {
  const few = await deploy(bench, FEW_RUNS);
  const many = await deploy(bench, MANY_RUNS);
  const reads = await compareRequests(few, many);
  const lives = await measureLives(bench, { few, many });
  const figures: Record<string, number> = {
    fewRuns: FEW_RUNS,
    manyRuns: MANY_RUNS,
    ...reads.figures,
    ...lives.figures,
  };
  return judge('million', figures, [...reads.bounds, ...lives.bounds]);
}

async function deploy(bench: Bench, count: number): Promise<Deployment> {
  const variables = await bench.createDatabase('postgres');
  const url = variables['LONGHAUL_DATABASE_URL'] ?? '';
  const longhaul = await startLonghaul({ bench, command: 'server', agents: toAgents(), variables });
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  bench.onEnd(() => client.end());
  const startedAt = performance.now();
  const { limits } = [...longhaul.config.agents.values()][0]!;
  await writeRuns(client, { count, limits, createdBy: createId() });
  const database = await openPostgresDatabase({ url });
  await client.query('delete from longhaul.cost_zone');
  await useCostZone(database, longhaul.config.timeZone);
  while (await rollUp(database, longhaul.config));
  await database.close();
  await client.query('vacuum analyze');
  console.error(`million: ${count} runs written in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  return { url, longhaul, client };
}

interface Compared {
  readonly name: string;
  readonly fewMs: number;
  readonly manyMs: number;
}

async function compareRequests(few: Deployment, many: Deployment) {
  const [ofFew, ofMany] = [await listRequests(few.client), await listRequests(many.client)];
  const found: Compared[] = [];
  for (const [index, request] of ofFew.entries()) {
    const series = await toSeries({ few, many }, [request, ofMany[index]!]);
    let compared = await compare(request.name, series, REPETITIONS);
    if (isSlower(compared)) compared = await compare(request.name, series, MORE_REPETITIONS);
    found.push(compared);
  }
  const slower = found.filter(isSlower);
  const bySlowness = found.toSorted((a, b) => b.manyMs - b.fewMs - (a.manyMs - a.fewMs));
  console.error(`million: ${slower.length} of ${found.length} requests are slower`);
  for (const { name, fewMs, manyMs } of slower)
    console.error(`million: ${fewMs.toFixed(1)} → ${manyMs.toFixed(1)} ms (x${(manyMs / fewMs).toFixed(2)}): ${name}`);
  const worst = slower.toSorted((a, b) => b.manyMs / b.fewMs - a.manyMs / a.fewMs)[0];
  const figures: Record<string, number> = {
    requests: found.length,
    requestsFewMs: median(found.map(({ fewMs }) => fewMs)),
    requestsManyMs: median(found.map(({ manyMs }) => manyMs)),
    slowestManyMs: Math.max(...found.map(({ manyMs }) => manyMs)),
    slowerRequests: slower.length,
    slowerRatio: worst === undefined ? 1 : worst.manyMs / worst.fewMs,
    ...Object.fromEntries(
      bySlowness.slice(0, NAMED).map(({ name, fewMs, manyMs }) => [`${name}, ratio`, manyMs / fewMs]),
    ),
  };
  return { figures, bounds: [{ figure: 'slowerRequests', atMost: 0 }] as const };
}

/** Requests that are compared: with few runs, with many, and a page of as many rows with few. */
type Series = Readonly<Record<'few' | 'many' | 'sameRows', { deployment: Deployment; path: string } | null>>;

/**
 * A filter that a thousand runs match ten times fills a page of a million: the page is also compared with a page of as
 * many rows.
 */
async function toSeries(
  { few, many }: { few: Deployment; many: Deployment },
  [ofFew, ofMany]: readonly [Request, Request],
): Promise<Series> {
  const [fewRows, manyRows] = [await countRows(few, ofFew), await countRows(many, ofMany)];
  return {
    few: { deployment: few, path: ofFew.path },
    many: { deployment: many, path: ofMany.path },
    sameRows: ofFew.isPage && manyRows > fewRows ? { deployment: few, path: `/v1/runs?limit=${manyRows}` } : null,
  };
}

async function countRows({ longhaul }: Deployment, { path, isPage }: Request): Promise<number> {
  const response = await longhaul.request(path);
  const answer = await response.text();
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${answer}`);
  return isPage ? (JSON.parse(answer) as { data: unknown[] }).data.length : 0;
}

async function compare(name: string, series: Series, repetitions: number): Promise<Compared> {
  const times = { few: [] as number[], many: [] as number[], sameRows: [] as number[] };
  for (let index = 0; index < repetitions; index++) {
    for (const kind of ['few', 'many', 'sameRows'] as const) {
      const one = series[kind];
      if (one === null) continue;
      const startedAt = performance.now();
      await (await one.deployment.longhaul.request(one.path)).text();
      times[kind].push(performance.now() - startedAt);
    }
  }
  const sameRowsMs = series.sameRows === null ? 0 : median(times.sameRows);
  return { name, fewMs: Math.max(median(times.few), sameRowsMs), manyMs: median(times.many) };
}

function isSlower({ fewMs, manyMs }: Compared): boolean {
  return manyMs > fewMs * MOST && manyMs - fewMs > SAME_MS;
}
