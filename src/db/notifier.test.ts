import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../test/support/databases.ts';
import { countQueries } from './count-queries.fixture.ts';
import { createNotifier } from './notifier.ts';

describe.each(DATABASE_KINDS)('notifications after a commit, on the %s database', (kind) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase(kind);
  });
  afterAll(() => test.remove());

  it('that are asked for while others are sent go together, and the same one goes once', async () => {
    const { database } = test;
    const heard: string[] = [];
    const last = Promise.withResolvers<void>();
    const stop = await database.listen('longhaul_events', (payload) => {
      heard.push(payload);
      if (payload === 'last') last.resolve();
    });
    const { queries, counted } = countQueries(database);
    const notifier = createNotifier(counted.sql);
    notifier.notify('longhaul_events', 'first');
    for (let index = 0; index < 100; index++) notifier.notify('longhaul_events', `run ${index % 10}`);
    notifier.notify('longhaul_ends', 'run 1');
    notifier.notify('longhaul_events', 'last');
    await notifier.settled();
    await last.promise;
    expect(heard).toEqual(['first', ...Array.from({ length: 10 }, (_, index) => `run ${index}`), 'last']);
    expect(queries()).toBe(2);
    await stop();
  });

  it('are dropped when the database is away, and later ones are sent', async () => {
    const { database } = test;
    const heard = Promise.withResolvers<string>();
    const stop = await database.listen('longhaul_events', heard.resolve);
    let isAway = true;
    const { counted } = countQueries(database, () => {
      if (isAway) throw new Error('The database is away.');
    });
    const notifier = createNotifier(counted.sql);
    notifier.notify('longhaul_events', 'lost');
    await notifier.settled();
    isAway = false;
    notifier.notify('longhaul_events', 'sent');
    expect(await heard.promise).toBe('sent');
    await notifier.settled();
    await stop();
  });
});
