import { beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { exportAudit, log, useAuditBench } from './audit.fixture.ts';
import { hashEntry } from './hash.ts';
import { maintainAudit } from './maintain.ts';
import { verifyAudit } from './verify.ts';

describe.each(DATABASE_KINDS)('the audit record, on the %s database', (kind) => {
  const bench = useAuditBench(kind);

  describe('verification', () => {
    beforeEach(async () => {
      await bench.recordAgo(3, 4);
      await bench.recordAgo(2, 4);
      await bench.recordNumbered(4);
      await maintainAudit(bench.database, { retentionDays: null, log });
      expect(await bench.findProblems()).toEqual([]);
    });

    it.each([
      [
        'an entry whose data was changed',
        `update longhaul.audit set data = '{"a":1}' where seq = 6`,
        ['6: entry 6 was changed'],
      ],
      [
        'an entry changed by a microsecond',
        `update longhaul.audit set at = at + interval '1 microsecond' where seq = 6`,
        ['6: entry 6 was changed'],
      ],
      [
        'an entry whose actor was changed',
        `update longhaul.audit set actor = 'nobody' where seq = 10`,
        ['10: entry 10 was changed'],
      ],
      ['a missing entry', `delete from longhaul.audit where seq = 6`, ['6: entry 6 is missing']],
      [
        'missing entries at the beginning',
        `delete from longhaul.audit where seq < 3`,
        ['1: entries 1 to 2 are missing'],
      ],
      [
        'a missing entry at the end',
        `delete from longhaul.audit where seq = 12`,
        ['12: entry 12 is missing from the end'],
      ],
      [
        'a missing day',
        `delete from longhaul.audit where seq <= 4`,
        ['4: the seal of DAY does not match entry 4, its last', '1: entries 1 to 4 are missing'],
      ],
      [
        'two entries that changed places',
        `update longhaul.audit set seq = case seq when 10 then -11 when 11 then -10 else seq end where seq in (10, 11);
         update longhaul.audit set seq = -seq where seq < 0`,
        [
          '10: entry 10 does not follow the one before it',
          '10: entry 10 was changed',
          '11: entry 11 does not follow the one before it',
          '11: entry 11 was changed',
          '12: entry 12 does not follow the one before it',
        ],
      ],
      [
        'an entry rewritten with its hash',
        `update longhaul.audit set actor = 'nobody', hash = REHASH where seq = 6`,
        ['7: entry 7 does not follow the one before it'],
      ],
      [
        'an entry rewritten with its hash where a seal ends',
        `update longhaul.audit set actor = 'nobody', hash = REHASH where seq = 8`,
        ['8: the seal of DAY does not match entry 8, its last', '9: entry 9 does not follow the one before it'],
      ],
      [
        'the last entry rewritten with its hash',
        `update longhaul.audit set actor = 'nobody', hash = REHASH where seq = 12`,
        ['12: entry 12 is not the last entry that Longhaul chained'],
      ],
      [
        'an additional entry',
        `insert into longhaul.audit (seq, actor, action, subject, data, prev_hash, hash)
         select 13, 'nobody', 'run.failed', '', '{}', hash, hash from longhaul.audit where seq = 12`,
        ['13: entry 13 was changed', '13: entry 13 is beyond the head of the chain, so not chained by Longhaul'],
      ],
      [
        'a changed seal',
        `update longhaul.audit_seals set entries = 3 where last_seq = 4`,
        ['4: the seal of DAY was changed'],
      ],
      [
        'a missing seal',
        `delete from longhaul.audit_seals where last_seq = 4`,
        ['8: the seal of DAY does not follow the one before it'],
      ],
      [
        'a seal that was marked as removed out of turn',
        `update longhaul.audit_seals set removed_at = now() where last_seq = 8`,
        ['8: the seal of DAY is marked as removed, and the one before it is not'],
      ],
      ['a lost head', `delete from longhaul.audit_head`, ['12: the head of the chain is gone']],
    ])('finds %s', async (_, statement, problems) => {
      const rehash = `encode(sha256('rewritten'), 'hex')`;
      for (const part of statement.split(';')) {
        await bench.tamper(part.replace('REHASH', rehash));
      }
      if (statement.includes('REHASH')) await rehashRewritten();
      expect((await bench.findProblems()).map((problem) => problem.replace(/\d{4}-\d\d-\d\d/, 'DAY'))).toEqual(
        problems,
      );
    });

    /** Replaces the hash of the rewritten entry by the hash of its new content. */
    async function rehashRewritten() {
      for await (const { actor, seq, at, action, subject, data, prevHash } of exportAudit(bench.database)) {
        if (actor !== 'nobody') continue;
        const hash = hashEntry(prevHash!, { seq: seq!, at, actor, action, subject, data: JSON.stringify(data) });
        await bench.tamper(`update longhaul.audit set hash = '${hash}' where seq = ${seq}`);
      }
    }

    it('reports an entry that was unchained by hand as missing, even if it is chained again', async () => {
      await bench.tamper(`update longhaul.audit set seq = null, prev_hash = null, hash = null where seq = 10`);
      await bench.chainAll();
      expect(await bench.findProblems()).toEqual(['10: entry 10 is missing']);
    });

    it('lists at most a thousand problems, and counts them all', async () => {
      await bench.recordNumbered(1_100);
      await bench.chainAll();
      await bench.tamper(`update longhaul.audit set actor = 'nobody'`);
      const { problems, problemCount } = await verifyAudit(bench.database);
      expect(problems).toHaveLength(1_000);
      expect(problemCount).toBe(1_112);
    });

    it('shows an entry that is no longer JSON', async () => {
      await bench.tamper(`update longhaul.audit set data = 'gone' where seq = 12`);
      expect((await bench.list()).entries[0]?.data).toBe('gone');
    });
  });
});
