import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from './resolve.ts';
import { SECRET_VARIABLES, findNamedVariables, readSecretFiles } from './read-secret-files.ts';

let directory: string;
const place = (name: string) => path.join(directory, name);
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-secrets-'));
  await writeFile(place('url'), 'postgres://u:p@db/longhaul\n');
  await writeFile(place('slack'), 'https://hooks.slack.com/x\r\n\n');
  await writeFile(place('token'), ' spaces are kept ');
  await writeFile(place('bad-key'), 'not-an-admin-key');
  await writeFile(place('empty'), '\n');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const agents = { reader: { tools: [] } };
const resolve = (env: Record<string, string>, more: object = {}) =>
  resolveConfig({ input: { agents, ...more }, baseDir: directory, env });

describe('secrets from files', () => {
  it.each(SECRET_VARIABLES)('supply %s', (name) => {
    const { env, files, errors } = readSecretFiles({
      env: { [`${name}_FILE`]: 'token' },
      names: SECRET_VARIABLES,
      baseDir: directory,
    });
    expect(env[name]).toBe(' spaces are kept ');
    expect({ files, errors }).toEqual({ files: [place('token')], errors: [] });
  });

  it('supply what Longhaul reads itself, and every variable that the configuration names', () => {
    const config = resolve(
      {
        LONGHAUL_DATABASE_URL_FILE: place('url'),
        SLACK_FILE: 'slack',
        KEY_FILE: 'token',
        TRACKER_FILE: 'token',
        HTTP_PROXY_FILE: '',
      },
      {
        agents: {
          reader: { tools: ['mcp__t'], mcpServers: { t: { url: 'https://t.test', headers: { a: 'b${TRACKER}' } } } },
        },
        providers: { default: { kind: 'anthropic', apiKey: { env: 'KEY' } } },
        alerts: { channels: [{ type: 'slack', url: { env: 'SLACK' } }] },
      },
    );
    expect(config.databaseUrl).toBe('postgres://u:p@db/longhaul');
    expect(config.alerts.channels).toContainEqual(expect.objectContaining({ url: 'https://hooks.slack.com/x' }));
    expect(config.providers.get('default')).toMatchObject({ apiKey: ' spaces are kept ' });
    expect(config.agents.get('reader')?.mcpServers).toMatchObject([{ headers: { a: 'b spaces are kept ' } }]);
    expect(new Set(config.secretPlaces)).toEqual(new Set([place('url'), place('slack'), place('token')]));
    expect(new Set(config.secretVariables)).toEqual(new Set(['LONGHAUL_DATABASE_URL', 'SLACK', 'KEY', 'TRACKER']));
  });

  it.each([
    [
      { ANTHROPIC_API_KEY: 'x', ANTHROPIC_API_KEY_FILE: 'token' },
      'ANTHROPIC_API_KEY_FILE and ANTHROPIC_API_KEY are both',
    ],
    [{ ANTHROPIC_API_KEY_FILE: 'nowhere' }, 'nowhere, which cannot be read: ENOENT'],
    [{ ANTHROPIC_API_KEY_FILE: '.' }, 'which cannot be read: EISDIR'],
    [{ ANTHROPIC_API_KEY_FILE: 'empty' }, 'empty, which is empty'],
    [{ LONGHAUL_ADMIN_KEY_FILE: 'bad-key' }, 'LONGHAUL_ADMIN_KEY must be "lh_"'],
    [{ LONGHAUL_DATABASE_URL_FILE: 'token' }, 'LONGHAUL_DATABASE_URL must be a PostgreSQL URL'],
  ])('are refused with the variable, and without their content: %j', (env, words) => {
    expect(() => resolve(env)).toThrow(words);
    expect(() => resolve(env)).not.toThrow(/not-an-admin-key|spaces are kept/);
  });

  it('are looked for in no object of a class, which may refer to itself', () => {
    const circle = new (class {
      self = this;
      env = 'NO';
    })();
    expect(findNamedVariables([circle, { a: { env: 'YES' }, b: { env: 'NO', more: 1 }, c: '${ALSO}' }])).toEqual([
      'YES',
      'ALSO',
    ]);
  });
});
