import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS } from '../../test/support/databases.ts';
import { resolveConfig } from '../config/resolve.ts';
import { createId } from '../core/ids.ts';
import { createLog } from '../core/log.ts';
import { ASSUMED_BYTES } from '../run/read/read-memory-use.ts';
import { watchMemoryEstimates } from './memory-estimate.ts';
import { createRunRow } from '../db/run-row.fixture.ts';

const MB = 1_000_000;
const log = createLog('silent');
const { agents } = resolveConfig({
  input: { agents: { coder: { tools: [] }, reader: { tools: [] }, tiny: { tools: [], limits: { maxMemoryMb: 200 } } } },
  baseDir: '/',
  env: {},
});

describe.each(DATABASE_KINDS)('the memory that agents are expected to need, on the %s database', (kind) => {
  let store: Awaited<ReturnType<typeof createTestDatabase>>;

  beforeAll(async () => {
    store = await createTestDatabase(kind);
  });
  afterAll(() => store.remove());

  const record = async (agent: string, ...peaksMb: (number | null)[]) => {
    const runId = createId();
    const { sql } = store.database;
    await sql
      .insertInto('longhaul.runs')
      .values(createRunRow({ id: runId, agent, status: 'succeeded' }))
      .execute();
    for (const [index, peakMb] of peaksMb.entries()) {
      await sql
        .insertInto('longhaul.attempts')
        .values({
          id: createId(),
          run_id: runId,
          number: index + 1,
          worker_id: createId(),
          fence: index + 1,
          agent,
          peak_memory_bytes: peakMb === null ? null : peakMb * MB,
        })
        .execute();
    }
  };

  it('is the highest use in the last 50 attempts of an agent', async () => {
    await record('coder', 1_900, 300, ...Array.from({ length: 48 }, () => 100), null, null);
    const before = await watchMemoryEstimates({ database: store.database, agents, log });
    expect(before.of('coder')).toEqual({ bytes: 1_900 * MB, isMeasured: true });
    await before.stop();
    await record('coder', 100);
    const after = await watchMemoryEstimates({ database: store.database, agents, log });
    expect(after.of('coder')).toEqual({ bytes: 300 * MB, isMeasured: true });
    expect(after.of('reader')).toEqual({ bytes: ASSUMED_BYTES, isMeasured: false });
    await after.stop();
  });

  it("is raised at once by this worker's measurements, and never above the limit of the agent's runs", async () => {
    const estimates = await watchMemoryEstimates({ database: store.database, agents, log });
    expect(estimates.of('tiny')).toEqual({ bytes: 200 * MB, isMeasured: false });
    estimates.raise('reader', 0);
    expect(estimates.of('reader').isMeasured).toBe(false);
    estimates.raise('reader', 180 * MB);
    estimates.raise('reader', 170 * MB);
    expect(estimates.of('reader')).toEqual({ bytes: 180 * MB, isMeasured: true });
    estimates.raise('tiny', 500 * MB);
    expect(estimates.of('tiny')).toEqual({ bytes: 200 * MB, isMeasured: true });
    await estimates.stop();
  });
});
