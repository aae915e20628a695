import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';
import { say, startTestLonghaul, turn } from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';

const POOL_SIZE = 6;

it('are never more than documented for a process, and enough for many requests beside runs', async () => {
  const allowed = await readBudget(POOL_SIZE);
  expect(sum(allowed.values())).toBe(POOL_SIZE);
  const postgres = await createPostgresDatabase();
  const longhaul = await startTestLonghaul({
    config: {
      agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } },
      database: { poolSize: POOL_SIZE },
    },
    script: () => turn(say('word '.repeat(40), { chunks: 40, chunkDelayMs: 25 })),
    env: { LONGHAUL_DATABASE_URL: postgres.url },
  });
  const observer = new pg.Client({ connectionString: postgres.url, application_name: 'observer' });
  await observer.connect();
  const most = new Map<string, number>();
  let isDone = false;
  const observe = async () => {
    while (!isDone) {
      const { rows } = await observer.query<{ name: string; count: number }>(
        `select application_name as name, count(*)::int as count from pg_stat_activity
          where datname = current_database() and application_name <> 'observer' group by application_name`,
      );
      for (const { name, count } of rows) most.set(name, Math.max(most.get(name) ?? 0, count));
      expect(sum(rows.map(({ count }) => count))).toBeLessThanOrEqual(POOL_SIZE);
      await delay(5);
    }
  };
  const countOf = async (name: string) => {
    const { rows } = await observer.query(
      'select from pg_stat_activity where datname = current_database() and application_name = $1',
      [name],
    );
    return rows.length;
  };
  const observing = observe();
  const { client } = longhaul;
  const submitted = await client.submitMany(
    Array.from({ length: 4 }, () => ({ agent: 'teller', prompt: 'speak', user: 'ada' })),
  );
  const asked = Array.from({ length: 300 }, () => client.runs({ limit: 5 }));
  expect(await Promise.all(asked)).toHaveLength(300);
  for (const { id } of submitted)
    expect(await client.run(id, { waitSeconds: 60 })).toMatchObject({ attempt: 1, status: 'succeeded' });
  isDone = true;
  await observing;
  expect(most.get('longhaul')).toBe(allowed.get('longhaul'));
  for (const [name, count] of most) expect(count, name).toBeLessThanOrEqual(allowed.get(name) ?? 0);
  // Maintenance needs its connections for a moment each minute, and gives them back.
  await expect.poll(() => countOf('longhaul maintenance'), { timeout: 20_000 }).toBe(0);
  await longhaul.stop();
  await observer.end();
  await postgres.drop();
});

/** The table of `docs/operations.md`: connections by `application_name`. */
async function readBudget(poolSize: number): Promise<Map<string, number>> {
  const text = await readFile(path.resolve(import.meta.dirname, '../docs/operations.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(longhaul[ \w]*)` \| (?:(\d+)|`poolSize` − (\d+)) \|/gm)];
  return new Map(rows.map(([, name = '', fixed, less]) => [name, fixed ? Number(fixed) : poolSize - Number(less)]));
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}
