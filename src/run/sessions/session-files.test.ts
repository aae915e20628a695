import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { Claim } from '../claim/claim.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { keepFiles, readFiles } from './session-files.ts';
import { forgetEntries } from './sessions.ts';

describe.each(DATABASE_KINDS)('the files of a session on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  async function begin() {
    await bench.submit();
    const claim = await bench.claim();
    return { claim, hold: toHold(claim) };
  }
  const toHold = ({ run, lease }: Claim) => ({ sessionId: run.sessionId, lease });
  const list = async (sessionId: string) =>
    (await readFiles(bench.database, sessionId)).map(({ name, content }) => [name, Buffer.from(content).toString()]);
  const file = (name: string, content: string | Buffer) => ({ name, content: Buffer.from(content) });

  it("are stored once by their names, whatever bytes they hold, and are deleted with their run's transcript", async () => {
    const { hold } = await begin();
    const binary = Buffer.from([0, 255, 10, 92]);
    expect(await keepFiles(bench.database, { hold, files: [file('a.txt', 'one'), file('b.png', binary)] })).toBe(true);
    expect(await keepFiles(bench.database, { hold, files: [file('a.txt', 'two')] })).toBe(true);
    expect(await list(hold.sessionId)).toEqual([
      ['a.txt', 'one'],
      ['b.png', binary.toString()],
    ]);
    await forgetEntries(bench.database, hold);
    expect(await list(hold.sessionId)).toEqual([]);
  });

  it('are at most 10 MB: the oldest are deleted', async () => {
    const { hold } = await begin();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await keepFiles(bench.database, { hold, files: [file(name, Buffer.alloc(2_000_000, name))] });
    }
    expect((await list(hold.sessionId)).map(([name]) => name)).toEqual(['b', 'c', 'd', 'e', 'f']);
  });

  it('are written only by the attempt that holds the session', async () => {
    const { hold } = await begin();
    const former = { ...hold, lease: { ...hold.lease, fence: hold.lease.fence - 1 } };
    expect(await keepFiles(bench.database, { hold: former, files: [file('a.txt', 'one')] })).toBe(false);
    expect(await list(hold.sessionId)).toEqual([]);
  });

  it('of finished runs are copied to a fork', async () => {
    const { claim, hold } = await begin();
    await keepFiles(bench.database, { hold, files: [file('a.txt', 'one')] });
    await bench.settle(claim);
    await bench.submit({ session: { id: hold.sessionId, isFork: false } });
    const second = await bench.claim();
    await keepFiles(bench.database, { hold: toHold(second), files: [file('b.txt', 'two')] });
    const fork = await bench.submit({ session: { id: hold.sessionId, isFork: true } });
    expect(await list(fork.sessionId)).toEqual([['a.txt', 'one']]);
    expect(await list(hold.sessionId)).toHaveLength(2);
  });
});
