import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { openPostgresDatabase } from '../../db/postgres.ts';
import { STEADY, type DrillFleet } from '../drill-fleet.ts';
import { QUICK, SLOW_ANSWER } from '../drill-script.ts';
import { failed, passed, skipped, startClock, type Drill } from '../drill.ts';
import { startSlowRun } from './processes.ts';

/** Events after which the stream is cut. */
const CUT_AFTER = 8;
const AWAY_MS = 300;

export const streamCut: Drill = {
  id: 'stream-cut',
  title: 'A cut stream resumes without loss',
  async perform(fleet, signal) {
    const user = 'longhaul-drill-stream';
    await fleet.startSteadyWorker();
    const runId = await startSlowRun(fleet, { agent: STEADY, user, signal });
    const before = await readStream(fleet, { user, runId, after: 0, most: CUT_AFTER, signal });
    await delay(AWAY_MS);
    const after = await readStream(fleet, { user, runId, after: before.at(-1) ?? 0, most: Infinity, signal });
    const seen = [...before, ...after];
    const run = await fleet.client.wait(runId, { signal });
    const gap = seen.findIndex((seq, index) => seq !== index + 1);
    if (gap !== -1) return failed(`event ${gap + 1} was lost or came twice: received ${seen[gap]} in its place`);
    if (run.result !== SLOW_ANSWER) return failed(`the run ${run.status} with another answer`);
    return passed(
      `the connection was cut after ${before.length} events; the next one continued with the other ${after.length}, each once`,
    );
  },
};

interface ReadOptions {
  readonly user: string;
  readonly runId: string;
  readonly after: number;
  /** Number of events after which the connection is cut. */
  readonly most: number;
  readonly signal: AbortSignal;
}

/** Reads the numbers of events over HTTP, as any client in any language does. */
async function readStream(fleet: DrillFleet, { user, runId, after, most, signal }: ReadOptions): Promise<number[]> {
  const { url, authorization } = await fleet.address(user);
  const cutting = new AbortController();
  const response = await fetch(new URL(`/v1/runs/${runId}/events`, url), {
    headers: { accept: 'text/event-stream', authorization, 'last-event-id': String(after) },
    signal: AbortSignal.any([signal, cutting.signal]),
  });
  if (!response.ok || response.body === null) throw new Error(`the stream was refused with ${response.status}`);
  const seen: number[] = [];
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const id = /^id: ?(\d+)/.exec(line)?.[1];
      if (id !== undefined && seen.length < most) seen.push(Number(id));
    }
    if (seen.length >= most) break;
  }
  cutting.abort();
  return seen;
}

export const listenerCut: Drill = {
  id: 'listener-cut',
  title: 'A lost listening connection is replaced',
  async perform(fleet, signal) {
    const { databaseUrl } = fleet.config;
    if (databaseUrl === null || fleet.applicationName === null)
      return skipped('The embedded database has no connections.');
    await fleet.startSteadyWorker();
    const database = await openPostgresDatabase({ url: databaseUrl, poolSize: 5 });
    try {
      // The last statement of the listening connection; no other connection has one of these.
      const cut = await sql<{ isCut: boolean }>`
        select pg_terminate_backend(pid) as "isCut" from pg_stat_activity
         where application_name = ${fleet.applicationName}
           and (query ilike 'listen %' or query ilike 'unlisten %' or query = 'show transaction_read_only')`.execute(
        database.sql,
      );
      if (cut.rows.length === 0) return failed('the listening connection was not found');
    } finally {
      await database.close();
    }
    const clock = startClock();
    const { id } = await fleet.submit(STEADY, { prompt: QUICK, user: 'longhaul-drill-listener' });
    let events = 0;
    for await (const _ of fleet.client.stream(id, { signal })) events++;
    const run = await fleet.client.run(id);
    if (run.status !== 'succeeded') return failed(`a run after the cut ${run.status}`);
    return passed(
      `pg_terminate_backend on the connection that listens: the next run was followed to its end, ${events} events in ${clock()}`,
    );
  },
};
