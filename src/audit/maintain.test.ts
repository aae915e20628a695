import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { log, useAuditBench } from './audit.fixture.ts';
import { maintainAudit } from './maintain.ts';
import { removeExpiredAudit } from './remove-expired.ts';
import { sealAudit } from './seal.ts';
import { verifyAudit } from './verify.ts';

describe.each(DATABASE_KINDS)('the audit record, on the %s database', (kind) => {
  const bench = useAuditBench(kind);

  describe('a seal', () => {
    it('is set on each finished day, once', async () => {
      await bench.recordAgo(5, 3);
      await bench.recordAgo(3, 2);
      await bench.recordNumbered(1);
      expect(await sealAudit(bench.database)).toEqual([]);
      await bench.chainAll();
      expect(await sealAudit(bench.database)).toMatchObject([
        { firstSeq: 1, lastSeq: 3, entries: 3 },
        { firstSeq: 4, lastSeq: 5, entries: 2 },
      ]);
      expect(await sealAudit(bench.database)).toEqual([]);
    });

    it('waits for an entry of its day that is not chained', async () => {
      await bench.recordAgo(3);
      await bench.chainAll();
      await bench.recordAgo(3);
      expect(await sealAudit(bench.database)).toEqual([]);
      await bench.chainAll();
      expect(await sealAudit(bench.database)).toMatchObject([{ firstSeq: 1, lastSeq: 2 }]);
    });

    it('of a later day covers an entry that was committed when its own day was already sealed', async () => {
      await bench.recordAgo(5);
      await bench.chainAll();
      await sealAudit(bench.database);
      await bench.recordAgo(5);
      await bench.recordAgo(4);
      await bench.chainAll();
      expect(await sealAudit(bench.database)).toMatchObject([{ firstSeq: 2, lastSeq: 3, entries: 2 }]);
      expect(await bench.findProblems()).toEqual([]);
    });

    it('cannot be changed or deleted by a statement', async () => {
      await bench.recordAgo(3);
      await maintainAudit(bench.database, { retentionDays: null, log });
      for (const statement of [
        `update longhaul.audit_seals set entries = 7`,
        `delete from longhaul.audit_seals`,
        `truncate longhaul.audit_seals`,
      ]) {
        await expect(sql.raw(statement).execute(bench.database.sql)).rejects.toThrow('append-only');
      }
    });
  });

  describe('retention', () => {
    it('deletes whole sealed days, oldest first, and leaves a chain that can be verified', async () => {
      await bench.recordAgo(40, 2_500);
      await bench.recordAgo(20, 3);
      await bench.recordAgo(10, 4);
      await bench.recordNumbered(5);
      await maintainAudit(bench.database, { retentionDays: 30, log });
      expect(await verifyAudit(bench.database)).toMatchObject({
        isIntact: true,
        entries: 12,
        firstSeq: 2_501,
        lastSeq: 2_512,
      });
      await maintainAudit(bench.database, { retentionDays: 15, log });
      expect(await verifyAudit(bench.database)).toMatchObject({ isIntact: true, entries: 9, firstSeq: 2_504 });
      await bench.tamper(`delete from longhaul.audit where seq = 2504`);
      expect(await bench.findProblems()).toEqual(['2504: entry 2504 is missing']);
    });

    it('leaves a day that is not sealed, and a day whose last hour is younger', async () => {
      await bench.recordAgo(30);
      await bench.chainAll();
      expect(await removeExpiredAudit(bench.database, { retentionDays: 1 })).toBe(0);
      await sealAudit(bench.database);
      expect(await removeExpiredAudit(bench.database, { retentionDays: 30 })).toBe(0);
      expect(await removeExpiredAudit(bench.database, { retentionDays: 29 })).toBe(1);
    });

    it('continues where a process died', async () => {
      await bench.recordAgo(40, 3);
      await maintainAudit(bench.database, { retentionDays: null, log });
      await sql`update longhaul.audit_seals set removed_at = now()`.execute(bench.database.sql);
      expect(await verifyAudit(bench.database)).toMatchObject({ isIntact: true, entries: 0, firstSeq: null });
      await maintainAudit(bench.database, { retentionDays: 365, log });
      expect((await bench.list()).entries).toEqual([]);
    });

    it('of everything is followed by a chain that continues', async () => {
      await bench.recordAgo(40, 3);
      await maintainAudit(bench.database, { retentionDays: 7, log });
      await bench.recordNumbered(2);
      await maintainAudit(bench.database, { retentionDays: 7, log });
      expect(await verifyAudit(bench.database)).toMatchObject({ isIntact: true, entries: 2, firstSeq: 4, lastSeq: 5 });
    });

    it('may happen while the chain is verified', async () => {
      for (const days of [9, 8, 7, 6, 5]) await bench.recordAgo(days, 600);
      await bench.recordNumbered(10);
      await maintainAudit(bench.database, { retentionDays: null, log });
      const verified = Promise.all(Array.from({ length: 5 }, () => verifyAudit(bench.database)));
      for (const retentionDays of [8, 7, 6, 5]) await removeExpiredAudit(bench.database, { retentionDays });
      for (const { problems } of await verified) expect(problems).toEqual([]);
    });
  });
});
