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
    return { claim, sessionLease: toSessionLease(claim) };
  }
  const toSessionLease = ({ run, lease }: Claim) => ({ sessionId: run.sessionId, lease });
  const list = async (sessionId: string) =>
    (await readFiles(bench.database, sessionId)).map(({ name, content }) => [name, Buffer.from(content).toString()]);
  const file = (name: string, content: string | Buffer) => ({ name, content: Buffer.from(content) });

  it("are stored once by their names, whatever bytes they contain, and are deleted with their run's transcript", async () => {
    const { sessionLease } = await begin();
    const binary = Buffer.from([0, 255, 10, 92]);
    expect(
      await keepFiles(bench.database, { sessionLease, files: [file('a.txt', 'one'), file('b.png', binary)] }),
    ).toBe(true);
    expect(await keepFiles(bench.database, { sessionLease, files: [file('a.txt', 'two')] })).toBe(true);
    expect(await list(sessionLease.sessionId)).toEqual([
      ['a.txt', 'one'],
      ['b.png', binary.toString()],
    ]);
    await forgetEntries(bench.database, sessionLease);
    expect(await list(sessionLease.sessionId)).toEqual([]);
  });

  it('are at most 10 MB: the oldest are deleted', async () => {
    const { sessionLease } = await begin();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await keepFiles(bench.database, { sessionLease, files: [file(name, Buffer.alloc(2_000_000, name))] });
    }
    expect((await list(sessionLease.sessionId)).map(([name]) => name)).toEqual(['b', 'c', 'd', 'e', 'f']);
  });

  it('are written only by the attempt that holds the session', async () => {
    const { sessionLease } = await begin();
    const former = { ...sessionLease, lease: { ...sessionLease.lease, fence: sessionLease.lease.fence - 1 } };
    expect(await keepFiles(bench.database, { sessionLease: former, files: [file('a.txt', 'one')] })).toBe(false);
    expect(await list(sessionLease.sessionId)).toEqual([]);
  });

  it('of finished runs are copied to a fork', async () => {
    const { claim, sessionLease } = await begin();
    await keepFiles(bench.database, { sessionLease, files: [file('a.txt', 'one')] });
    await bench.settle(claim);
    await bench.submit({ session: { id: sessionLease.sessionId, isFork: false } });
    const second = await bench.claim();
    await keepFiles(bench.database, { sessionLease: toSessionLease(second), files: [file('b.txt', 'two')] });
    const fork = await bench.submit({ session: { id: sessionLease.sessionId, isFork: true } });
    expect(await list(fork.sessionId)).toEqual([['a.txt', 'one']]);
    expect(await list(sessionLease.sessionId)).toHaveLength(2);
  });
});
