import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { CHANNELS } from '../db/database.ts';
import { createPostgresNotifier } from './postgres-notifier.ts';
import { createRunRow } from '../db/run-row.fixture.ts';

describe('the workers that an announcement chooses', () => {
  let bench: TestDatabase;
  beforeAll(async () => {
    bench = await createTestDatabase('postgres');
  });
  afterAll(() => bench.remove());

  async function addWorker(queue: string, values: { slots: number; agents: string[] | null }): Promise<string> {
    const worker = { id: createId(), host: 'here', pid: 1, version: 'test', queues: [queue], ...values };
    await bench.database.sql.insertInto('longhaul.workers').values(worker).execute();
    return worker.id;
  }

  async function addRun(queue: string, agent: string): Promise<string> {
    const id = createId();
    await bench.database.sql
      .insertInto('longhaul.runs')
      .values(createRunRow({ id, agent, queue, status: 'queued' }))
      .execute();
    return id;
  }

  /** Announces runs, and returns the workers that are chosen. */
  async function announce(queue: string, runIds: readonly string[]): Promise<string[] | undefined> {
    const announced = Promise.withResolvers<string>();
    const stop = await bench.database.listen(CHANNELS.queue, announced.resolve);
    await createPostgresNotifier(bench.database).announce(null, { queue, runIds, count: runIds.length, dueAt: null });
    const { chosen } = JSON.parse(await announced.promise) as { chosen?: string[] };
    await stop();
    return chosen;
  }

  it('know the agent of the run, also where a worker that does not know it is emptier', async () => {
    const queue = 'shared';
    const stranger = await addWorker(queue, { slots: 20, agents: ['other'] });
    const knowing = await addWorker(queue, { slots: 1, agents: ['writer', 'other'] });
    expect(await announce(queue, [await addRun(queue, 'writer')])).toEqual([knowing]);
    expect(await announce(queue, [await addRun(queue, 'other')])).toEqual([stranger]);
    expect(await announce(queue, [await addRun(queue, 'writer'), await addRun(queue, 'other')])).toContain(knowing);
  });

  it('are the emptiest where no worker names the agent, as that of the health check', async () => {
    const queue = 'unnamed';
    await addWorker(queue, { slots: 1, agents: ['writer'] });
    const emptiest = await addWorker(queue, { slots: 2, agents: ['writer'] });
    expect(await announce(queue, [await addRun(queue, 'nameless')])).toEqual([emptiest]);
  });
});
