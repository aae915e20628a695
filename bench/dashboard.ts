import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { writeLongRun } from '../test/support/long-run.ts';
import type { Bench } from './bench.ts';
import { openDashboard } from './browser.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, STUB_CLAUDE, type RunningLonghaul } from './start-longhaul.ts';
import { median, percentile } from './statistics.ts';

const EVENTS = 10_000;
const FEW_RUNS = 1_000;
/** `LONGHAUL_BENCH_RUNS` tries it with fewer. */
const MANY_RUNS = Number(process.env['LONGHAUL_BENCH_RUNS'] ?? 1_000_000);
const REPETITIONS = 11;
const SCROLL_SECONDS = 4;
/** Pixels of a conversation whose events are all read: each of 7,500 entries has 40 or more. */
const MIN_HEIGHT = 200_000;
const CONVERSATION_HEIGHT = `document.querySelector('[aria-label=Conversation]').scrollHeight`;

/**
 * Measures the dashboard in Chromium: how soon a run of 10,000 events is shown, the longest frame while a reader scrolls
 * through it, and how much longer the page of runs takes with a million runs than with a thousand.
 */
export async function measureDashboard(bench: Bench): Promise<Measurement> {
  const variables = await bench.createDatabase('postgres');
  const database = new pg.Client({ connectionString: variables['LONGHAUL_DATABASE_URL'] });
  const longhaul = await startLonghaul({ bench, variables: { ...variables, LONGHAUL_CLAUDE_PATH: STUB_CLAUDE } });
  await database.connect();
  bench.onEnd(() => database.end());
  const page = await openDashboard(bench, longhaul);

  const { id } = await longhaul.client.submit({ agent: AGENT, prompt: 'Work for hours' });
  await longhaul.client.wait(id);
  await writeLongRun(database, id, EVENTS);
  const opened: number[] = [];
  for (let index = 0; index < REPETITIONS; index++) opened.push(await timeRun(page, longhaul, id));
  const frames = await scrollThrough(page);

  await writeRuns(database, { id, count: FEW_RUNS });
  const few = await timeRuns(page, longhaul);
  await writeRuns(database, { id, count: MANY_RUNS - FEW_RUNS });
  const many = await timeRuns(page, longhaul);

  return judge(
    'dashboard',
    {
      events: EVENTS,
      openMs: median(opened),
      frames: frames.length,
      frameP50Ms: median(frames),
      longestFrameMs: Math.max(...frames),
      fewRuns: FEW_RUNS,
      fewRunsMs: median(few),
      manyRuns: MANY_RUNS,
      manyRunsMs: median(many),
      manyRunsP95Ms: percentile(many, 95),
      ratio: median(many) / median(few),
    },
    [
      { figure: 'openMs', below: 1_000 },
      { figure: 'longestFrameMs', atMost: 50 },
      { figure: 'ratio', atMost: 1.5 },
    ],
  );
}

/** Milliseconds from opening the run to seeing its first step, with all of its events read. */
async function timeRun(page: Page, { url }: RunningLonghaul, id: string): Promise<number> {
  await page.goto('about:blank');
  const startedAt = performance.now();
  await page.goto(`${url}/runs/${id}`);
  await page.getByText('Step 1 of the work.').waitFor();
  while ((await page.evaluate<number>(CONVERSATION_HEIGHT)) < MIN_HEIGHT) await setTimeout(5);
  return performance.now() - startedAt;
}

/** Milliseconds from opening the page of runs to its first row. */
async function timeRuns(page: Page, { url }: RunningLonghaul): Promise<number[]> {
  const times: number[] = [];
  for (let index = -1; index < REPETITIONS; index++) {
    await page.goto('about:blank');
    const startedAt = performance.now();
    await page.goto(`${url}/runs`);
    await page.locator('[role=row][data-index="0"]').waitFor();
    if (index >= 0) times.push(performance.now() - startedAt);
  }
  return times;
}

/** Scrolls as a reader does, some screens a second; returns the milliseconds of each frame. */
async function scrollThrough(page: Page): Promise<number[]> {
  await page.evaluate(`(() => {
    globalThis.frames = [];
    let last = performance.now();
    const note = (now) => { globalThis.frames.push(now - last); last = now; requestAnimationFrame(note); };
    requestAnimationFrame(note);
  })()`);
  await page.getByRole('region', { name: 'Conversation' }).hover();
  const until = performance.now() + SCROLL_SECONDS * 1_000;
  while (performance.now() < until) {
    await page.mouse.wheel(0, 400);
    await setTimeout(50);
  }
  // The first frame begins before the scrolling.
  return (await page.evaluate<number[]>('globalThis.frames')).slice(1);
}

/** Copies a finished run `count` times, a second apart, each with its words to search for. */
async function writeRuns(database: pg.Client, { id, count }: { id: string; count: number }): Promise<void> {
  const { rows } = await database.query<{ column_name: string }>(
    `select column_name from information_schema.columns
      where table_schema = 'longhaul' and table_name = 'runs' and is_generated = 'NEVER'
        and column_name not in ('id', 'created_at', 'session_id', 'idempotency_key')`,
  );
  const columns = rows.map(({ column_name: name }) => name).join(', ');
  for (let written = 0; written < count; written += 50_000) {
    await database.query(
      `insert into longhaul.runs (id, created_at, session_id, ${columns})
       select uuidv7(-n * interval '1 second'), now() - n * interval '1 second', gen_random_uuid(), ${columns}
         from longhaul.runs, generate_series($2::int + 1, $3::int) as n where id = $1`,
      [id, written, Math.min(count, written + 50_000)],
    );
  }
  await database.query('analyze longhaul.runs');
}
