import { afterEach, describe, expect, it } from 'vitest';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { startMaintenance } from './maintenance.ts';

describe('the maintenance of a worker', () => {
  let bench: RunBench;
  afterEach(() => bench.remove());

  it('vacuums the embedded database', async () => {
    bench = await createRunBench('embedded');
    const { database, queue, rules: config, log } = bench;
    await database.runScript(`
      create table public.grown as select n from generate_series(1, 3000) as n;
      delete from public.grown;
      select pg_stat_force_next_flush()`);
    const stop = startMaintenance({ config, database, queue, log });
    const countVacuums = async () =>
      (await database.runScript(`select vacuum_count from pg_stat_user_tables where relname = 'grown'`))[0];
    await expect.poll(countVacuums).toEqual({ vacuum_count: 1 });
    await stop();
  });
});
