import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { AlertResource } from '../api/contract.ts';
import { createId } from '../core/ids.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul alerts', () => {
  let operator: OperatorServer;

  const longhaul = (args: string[], changes: Record<string, string> = {}) =>
    runCommand(['alerts', ...args], { cwd: tmpdir(), env: { ...operator.env, ...changes } });

  beforeAll(async () => {
    operator = await startOperatorServer();
  });
  afterAll(() => operator.close());

  it('lists open alerts, and with --all resolved alerts', async () => {
    expect(await longhaul([])).toMatchObject({
      exitCode: 0,
      stdout: 'No open alerts. Resolved alerts are listed with --all.\n',
    });
    const at = new Date();
    const facts = { rule: 'drift', severity: 'critical' as const, detail: 'Detail.', data: '{}' };
    const times = { opened_at: at, last_seen_at: at, notified_at: at };
    for (const [title, state] of [
      ['Over\x1b[2J', 'resolved'],
      ['Here', 'open'],
    ] as const) {
      await operator.service.database.sql
        .insertInto('longhaul.alerts')
        .values({ id: createId(), key: `about:${title}`, title, state, ...facts, ...times })
        .execute();
    }
    const open = await longhaul([]);
    expect(open.stdout).toMatch(
      /^SEVERITY +STATE +AGE +SENT +SUBJECT +ALERT\ncritical +open +\d+ s +1 +about:Here +Here. Detail.\n$/,
    );
    const all = await longhaul(['--all']);
    expect(all.stdout).toContain('resolved');
    expect(all.stdout).not.toContain('\x1b');
    const { data } = JSON.parse((await longhaul(['--all', '--json', '--limit', '1'])).stdout) as {
      data: AlertResource[];
    };
    expect(data.map(({ title }) => title)).toEqual(['Here']);
  });

  it('fails like every command', async () => {
    expect(await longhaul([], { LONGHAUL_API_KEY: operator.service.plainKey })).toMatchObject({ exitCode: 65 });
    expect(await longhaul([], { LONGHAUL_URL: 'http://127.0.0.1:9' })).toMatchObject({ exitCode: 85 });
    expect(await longhaul(['--limit', '0'])).toMatchObject({ exitCode: 2 });
  });
});
