import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import { startApi, type TestApi } from '../api/api.fixture.ts';
import type { AlertResource } from '../api/contract.ts';
import { generateKey, storeKey } from '../api/keys.ts';
import { listen, type Listening } from '../api/listen.ts';
import { createId } from '../core/ids.ts';

describe('longhaul alerts', () => {
  let service: TestApi;
  let server: Listening;
  let env: Record<string, string>;

  const longhaul = (args: string[], changes: Record<string, string> = {}) =>
    runCommand(['alerts', ...args], { cwd: tmpdir(), env: { ...env, ...changes } });

  beforeAll(async () => {
    service = await startApi('embedded');
    server = await listen({ fetch: service.api.fetch, host: '127.0.0.1', port: 0 });
    const key = generateKey();
    await storeKey(service.database, { key, name: 'operator', scopes: ['admin'] });
    env = { PATH: process.env['PATH'] ?? '', LONGHAUL_URL: server.url, LONGHAUL_API_KEY: key };
  });
  afterAll(async () => {
    await server.close();
    await service.close();
  });

  it('lists what is open, and with --all what is over', async () => {
    expect(await longhaul([])).toMatchObject({
      exitCode: 0,
      stdout: 'No open alerts. See those that are over with --all.\n',
    });
    const at = new Date();
    const facts = { rule: 'drift', severity: 'critical' as const, detail: 'Detail.', data: '{}' };
    const times = { opened_at: at, last_seen_at: at, notified_at: at };
    for (const [title, state] of [
      ['Over\x1b[2J', 'resolved'],
      ['Here', 'open'],
    ] as const) {
      await service.database.sql
        .insertInto('longhaul.alerts')
        .values({ id: createId(), key: `about:${title}`, title, state, ...facts, ...times })
        .execute();
    }
    const open = await longhaul([]);
    expect(open.stdout).toMatch(
      /^SEVERITY +STATE +AGE +TOLD +ABOUT +WHAT\ncritical +open +\d+ s +1 +about:Here +Here. Detail.\n$/,
    );
    const all = await longhaul(['--all']);
    expect(all.stdout).toContain('resolved');
    expect(all.stdout).not.toContain('\x1b');
    const { data } = JSON.parse((await longhaul(['--all', '--json', '--limit', '1'])).stdout) as {
      data: AlertResource[];
    };
    expect(data.map(({ title }) => title)).toEqual(['Here']);
  });

  it('is refused as every command is', async () => {
    expect(await longhaul([], { LONGHAUL_API_KEY: service.plainKey })).toMatchObject({ exitCode: 65 });
    expect(await longhaul([], { LONGHAUL_URL: 'http://127.0.0.1:9' })).toMatchObject({ exitCode: 85 });
    expect(await longhaul(['--limit', '0'])).toMatchObject({ exitCode: 2 });
  });
});
