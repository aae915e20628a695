import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { countQueries } from '../db/count-queries.fixture.ts';
import { entry, exportAudit, useAuditBench } from './audit.fixture.ts';
import { chainAudit } from './chain.ts';
import { hashEntry } from './hash.ts';
import { readAudit } from './read.ts';
import { recordAudit } from './record.ts';
import { sealAudit } from './seal.ts';
import { verifyAudit } from './verify.ts';

describe.each(DATABASE_KINDS)('the audit record, on the %s database', (kind) => {
  const bench = useAuditBench(kind);

  describe('an entry', () => {
    it('is written with the change that it records, or not at all', async () => {
      const failing = bench.database.sql.transaction().execute(async (trx) => {
        await recordAudit(trx, entry());
        throw new Error('The rest failed.');
      });
      await expect(failing).rejects.toThrow('The rest failed.');
      expect((await bench.list()).entries).toEqual([]);
    });

    it('is masked, whatever it contains', async () => {
      const key = `ghp_${'aB3d'.repeat(9)}`;
      await bench.record(
        entry({ data: { prompt: `use ${key}`, SecretAccessKey: 'wJal'.repeat(10), nested: [{ key }] } }),
      );
      expect((await bench.list()).entries[0]?.data).toEqual({
        prompt: 'use [masked: github-token]',
        SecretAccessKey: '[masked: aws-secret-access-key]',
        nested: [{ key: '[masked: github-token]' }],
      });
    });

    it('stores hostile data unchanged, and chains it', async () => {
      const data = {
        nul: 'a\0b',
        escaped: '\\u0000',
        lone: '\ud800',
        emoji: '🚚',
        line: '\u2028\r\n',
        ['__proto__']: { a: 1 },
        huge: 'ä '.repeat(1_500_000),
      };
      await bench.record(entry({ actor: 'key:1 (a\0\ud800b)', subject: `'; drop table longhaul.audit; --`, data }));
      await bench.record(...Array.from({ length: 5 }, () => entry({ data: { text: 'x '.repeat(2_000_000) } })));
      await bench.chainAll();
      const { entries } = await readAudit(bench.database, { filter: {}, order: 'chain', limit: 1 });
      expect(entries[0]).toMatchObject({
        actor: 'key:1 (a\ufffd\ufffdb)',
        subject: `'; drop table longhaul.audit; --`,
      });
      expect(JSON.stringify(entries[0]?.data)).toBe(JSON.stringify(data));
      expect(await bench.findProblems()).toEqual([]);
    });

    it('cannot be changed or deleted by a statement, chained or not', async () => {
      await bench.recordNumbered(3);
      await bench.chainAll();
      await bench.record(entry({ subject: 'unchained' }));
      await bench.recordAgo(2);
      for (const statement of [
        `update longhaul.audit set data = '{}' where seq = 2`,
        `update longhaul.audit set seq = 9 where seq = 2`,
        `update longhaul.audit set seq = null, prev_hash = null, hash = null where seq = 2`,
        `update longhaul.audit set actor = 'nobody' where seq is null`,
        `delete from longhaul.audit where seq = 2`,
        `delete from longhaul.audit where seq is null`,
        `truncate longhaul.audit`,
        `insert into longhaul.audit (seq, actor, action, subject, data, prev_hash, hash) values (9, '', '', '', '', '', '')`,
      ]) {
        await expect(sql.raw(statement).execute(bench.database.sql)).rejects.toThrow('append-only');
      }
      await sealAudit(bench.database);
      expect((await bench.list()).entries).toHaveLength(5);
    });
  });

  describe('the chain', () => {
    it('chains five hundred entries at a time, with at most five statements', async () => {
      await bench.chainAll();
      await bench.recordNumbered(1_000);
      const { counted, queries } = countQueries(bench.database);
      expect(await chainAudit(counted)).toBe(500);
      // Their number, rather than their time, is the same on every machine.
      expect(queries()).toBeLessThanOrEqual(5);
      expect(await chainAudit(bench.database)).toBe(500);
      expect(await verifyAudit(bench.database)).toMatchObject({
        isIntact: true,
        entries: 1_000,
        firstSeq: 1,
        lastSeq: 1_000,
      });
    });

    it('can be verified with only an export', async () => {
      await bench.recordNumbered(450);
      await bench.chainAll();
      await bench.record(entry({ subject: 'not chained yet' }));
      let [prevHash, count] = ['0'.repeat(64), 0];
      for await (const { seq, data, hash, ...parts } of exportAudit(bench.database)) {
        expect(seq).toBe(++count);
        expect(hashEntry(prevHash, { ...parts, seq: count, data: JSON.stringify(data) })).toBe(hash);
        prevHash = hash!;
      }
      expect(count).toBe(450);
    });

    it('stays whole with many writers and many chaining processes', async () => {
      let areWriting = true;
      const chainers = Array.from({ length: 4 }, async () => {
        while (areWriting) await chainAudit(bench.database, { batch: 7 });
      });
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; index < 25; index++) await bench.record(entry({ subject: `${writer}-${index}` }));
      });
      await Promise.all(writers);
      areWriting = false;
      await Promise.all(chainers);
      await bench.chainAll();
      expect(await verifyAudit(bench.database)).toMatchObject({
        isIntact: true,
        entries: 200,
        lastSeq: 200,
        unchained: 0,
      });
    });

    it('gives an entry that was committed late a later place', async () => {
      if (kind === 'embedded') return; // The embedded database allows a single transaction at a time.
      const [isWritten, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const late = bench.database.sql.transaction().execute(async (trx) => {
        await recordAudit(trx, entry({ subject: 'late' }));
        isWritten.resolve();
        await mayCommit.promise;
      });
      await isWritten.promise;
      await bench.record(entry({ subject: 'early' }));
      await bench.chainAll();
      mayCommit.resolve();
      await late;
      expect(await verifyAudit(bench.database)).toMatchObject({ isIntact: true, entries: 1, unchained: 1 });
      await bench.chainAll();
      const { entries } = await readAudit(bench.database, { filter: {}, order: 'chain', limit: 10 });
      expect(entries.map(({ subject }) => subject)).toEqual(['early', 'late']);
    });
  });

  it('is read newest first, filtered, a page at a time', async () => {
    await bench.record(entry({ subject: 'a' }), entry({ subject: 'b', action: 'queue.paused', actor: 'key:1' }));
    await bench.chainAll();
    await bench.record(entry({ subject: 'c' }), entry({ subject: 'b' }));
    const read = async (filter: Parameters<typeof readAudit>[1]['filter']) =>
      (await readAudit(bench.database, { filter, limit: 10 })).entries.map(({ subject }) => subject);
    expect(await read({})).toEqual(['b', 'c', 'b', 'a']);
    expect(await read({ subject: 'b' })).toEqual(['b', 'b']);
    expect(await read({ action: 'queue.paused' })).toEqual(['b']);
    expect(await read({ actor: 'key:1', subject: 'a' })).toEqual([]);
    expect(await read({ from: new Date(Date.now() + 60_000) })).toEqual([]);
    expect(await read({ to: new Date(Date.now() + 60_000) })).toHaveLength(4);

    const first = await readAudit(bench.database, { filter: {}, limit: 3 });
    const second = await readAudit(bench.database, { filter: {}, after: first.nextCursor, limit: 3 });
    expect([...first.entries, ...second.entries].map(({ subject }) => subject)).toEqual(['b', 'c', 'b', 'a']);
    expect(second.nextCursor).toBeNull();
    expect(second.entries[0]).toEqual({
      id: expect.any(Number) as number,
      seq: 1,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string,
      actor: 'system',
      action: 'run.succeeded',
      subject: 'a',
      data: { costUsd: 0.5 },
      prevHash: '0'.repeat(64),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });
});
