import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { AuditEntryResource } from '../api/contract.ts';
import { emptyAudit, tamperWith } from '../audit/audit.fixture.ts';
import { chainAudit } from '../audit/chain.ts';
import { recordAuditMany } from '../audit/record.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul audit', () => {
  let operator: OperatorServer;
  let cwd: string;

  const longhaul = (...args: string[]) => runCommand(['audit', ...args], { cwd, env: operator.env });
  const parseLines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEntryResource);

  beforeAll(async () => {
    cwd = await mkdtemp(path.join(tmpdir(), 'longhaul-audit-'));
    operator = await startOperatorServer();
    await emptyAudit(operator.service.database); // The record contains the created keys.
  });
  afterAll(async () => {
    await operator.close();
    await rm(cwd, { recursive: true });
  });

  it('reports an empty record', async () => {
    expect(await longhaul()).toMatchObject({ exitCode: 0, stdout: 'No entries.\n' });
    expect(await longhaul('verify')).toMatchObject({
      exitCode: 0,
      stdout: 'Checked 0 entries; no day is sealed yet.\nThe chain is intact.\n',
    });
  });

  it('shows the newest entries, verifies the chain, and exports it', async () => {
    await operator.service.database.sql.transaction().execute((trx) =>
      recordAuditMany(
        trx,
        Array.from({ length: 300 }, (_, index) => ({
          actor: 'worker:7',
          action: 'run.succeeded' as const,
          subject: `run-${index + 1}\x1b[2J`,
          data: { result: 'done\u202e' },
        })),
      ),
    );
    await chainAudit(operator.service.database);
    const listed = await longhaul('--limit', '2');
    expect(listed.stdout).toMatch(
      /^SEQ +AGE +ACTION +SUBJECT +ACTOR +DATA\n300 +\d+ s +run\.succeeded +run-300\\x1b\[2J +worker:7/,
    );
    expect(listed.stderr).toContain('Only the newest 2 are shown');
    expect(await longhaul('verify')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^Checked 300 entries \(1 to 300\); no day is sealed yet\.\nLast hash: [0-9a-f]{64}\nThe chain is intact\.\n$/,
      ) as string,
    });

    const printed = await longhaul('export');
    expect(parseLines(printed.stdout).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
    expect(printed.stdout).not.toContain('\u202e');

    const written = await longhaul('export', '--out', 'audit.jsonl', '--from', '2020-01-01');
    expect(written).toMatchObject({ exitCode: 0, stdout: '' });
    expect(written.stderr).toContain('Wrote 300 entries');
    const file = path.join(cwd, 'audit.jsonl');
    expect(parseLines(await readFile(file, 'utf8'))).toHaveLength(300);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await longhaul('export', '--out', 'audit.jsonl')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Name a file that does not exist yet.') as string,
    });

    const exports = JSON.parse((await longhaul('--action', 'audit.exported', '--json')).stdout) as {
      data: AuditEntryResource[];
    };
    expect(exports.data).toMatchObject([
      { actor: expect.stringMatching(/^key:.* \(operator\)$/) as string, data: { from: '2020-01-01T00:00:00.000Z' } },
      { data: {} },
    ]);
  });

  it('names each place where the chain is broken, and exits 1', async () => {
    await tamperWith(operator.service.database, `update longhaul.audit set data = '{}' where seq = 17`);
    await tamperWith(operator.service.database, 'delete from longhaul.audit where seq = 20');
    const { exitCode, stdout } = await longhaul('verify');
    expect(exitCode).toBe(1);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^Checked 299 entries \(1 to 300\); no day is sealed yet; 2 more are not chained yet\.$/),
      expect.stringMatching(/^✗ 17: entry 17 was changed: .* Compare it with an earlier export/),
      expect.stringMatching(/^✗ 20: entry 20 is missing\. Compare it/),
      'The chain is broken: 2 problems.',
      '',
    ]);
    const asJson = await longhaul('verify', '--json');
    expect(asJson.exitCode).toBe(1);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ isIntact: false, problems: [{ seq: 17 }, { seq: 20 }] });
  });

  it('rejects invalid options', async () => {
    expect(await longhaul('--action', 'run.eaten')).toMatchObject({
      exitCode: 60,
      stderr: expect.stringContaining('must be one of run.submitted') as string,
    });
    expect((await longhaul('export', '--from', 'yesterday')).stderr).toContain('must be an ISO 8601 time');
  });
});
