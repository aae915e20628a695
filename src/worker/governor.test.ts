import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../config/config.ts';
import { collectLog } from '../core/log.fixture.ts';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { createGovernor } from './governor.ts';
import { toAccount } from './provider-account.ts';

const common = { models: {}, headers: {}, proxy: null };
const anthropic = { kind: 'anthropic', baseUrl: 'https://api', apiKey: 'sk-1', authToken: null, ...common } as const;
const bedrock = {
  kind: 'bedrock',
  region: 'us-east-1',
  baseUrl: 'https://bedrock',
  apiKey: null,
  accessKey: { id: 'AKID', secret: 'hush', sessionToken: 'one' },
  profile: null,
  ...common,
} as const;
const vertex = {
  kind: 'vertex',
  region: 'eu',
  project: 'p',
  baseUrl: 'https://vertex',
  keyFile: null,
  ...common,
} as const;

describe.each(DATABASE_KINDS)('the limits of several providers, on the %s database', (kind) => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  it('delay only the agents of the same account, whatever its names', async () => {
    const model = 'claude-sonnet-4-5';
    const governor = await createGovernor({
      database: bench.database,
      queue: bench.queue,
      agents: new Map([
        ['direct', { provider: 'default', model }],
        ['cloud', { provider: 'bedrock', model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' }],
        ['same', { provider: 'again', model: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0' }],
        ['google', { provider: 'vertex', model: 'claude-sonnet-4-5@20250929' }],
      ]),
      providers: new Map<string, Provider>([
        ['default', anthropic],
        ['bedrock', bedrock],
        ['again', { ...bedrock, models: { haiku: 'x' } }],
        ['vertex', vertex],
      ]),
      log: collectLog().log,
    });
    const limit = {
      kind: 'rate_limit',
      resetAt: Date.now() + 60_000,
      message: 'Slow down.',
      isAccountWide: false,
    } as const;
    governor.of('bedrock').onLimit({ ...limit, model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' });
    await expect.poll(() => governor.of('bedrock').limitOf(model)?.code).toBe('provider_rate_limit');
    const held = (agent: string): Promise<Date | null> =>
      bench.database.sql.transaction().execute((trx) => governor.findProviderLimit(trx, agent));
    expect(await held('cloud')).toBeInstanceOf(Date);
    expect(await held('same')).toBeInstanceOf(Date);
    expect(await held('direct')).toBeNull();
    expect(await held('google')).toBeNull();
    expect(await held('unknown')).toBeNull();
    expect(() => governor.of('nobody')).toThrow('nobody');
    await governor.close();
  });
});

describe('an account', () => {
  it.each([
    ['another key', anthropic, { ...anthropic, apiKey: 'sk-2' }],
    ['another header', anthropic, { ...anthropic, headers: { 'x-gateway-key': 'other' } }],
    ['another region', bedrock, { ...bedrock, region: 'eu-west-1' }],
    ['another access key', bedrock, { ...bedrock, accessKey: { ...bedrock.accessKey, id: 'AKOTHER' } }],
    ['another profile', { ...bedrock, accessKey: null }, { ...bedrock, accessKey: null, profile: 'other' }],
    ['another project', vertex, { ...vertex, project: 'q' }],
    ['another cloud', { ...bedrock, baseUrl: 'https://x' }, { ...vertex, baseUrl: 'https://x' }],
  ] as const)('differs from an account with %s', (_, one, other) => {
    expect(toAccount(one)).not.toBe(toAccount(other));
  });

  it.each([
    ['another map of models', bedrock, { ...bedrock, models: { haiku: 'x' } }],
    ['newer temporary credentials', bedrock, { ...bedrock, accessKey: { ...bedrock.accessKey, sessionToken: 'two' } }],
    ['another proxy', anthropic, { ...anthropic, proxy: 'http://proxy/' }],
    ['another file of credentials', vertex, { ...vertex, keyFile: '/key.json' }],
  ] as const)('is the same with %s', (_, one, other) => {
    expect(toAccount(one)).toBe(toAccount(other));
  });

  it('contains no secret', () => {
    for (const provider of [anthropic, bedrock, vertex]) expect(toAccount(provider)).toMatch(/^[0-9a-f]{16}$/);
  });
});
