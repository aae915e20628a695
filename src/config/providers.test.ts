import { describe, expect, it } from 'vitest';
import { LonghaulError } from '../core/errors.ts';
import { resolveConfig } from './resolve.ts';

const reader = { tools: ['Read'], model: 'some-model' };

function resolve(input: object, env: Readonly<Record<string, string>> = {}) {
  return resolveConfig({ input: { agents: { reader }, ...input }, baseDir: '/app', env });
}

function refusalOf(input: object, env: Readonly<Record<string, string>> = {}): LonghaulError {
  try {
    resolve(input, env);
  } catch (error) {
    if (error instanceof LonghaulError) return error;
  }
  throw new Error('It was not refused.');
}

const own = { 'some-model': 'some-model' };

describe('the default provider', () => {
  it.each([
    [{}, { kind: 'scripted' }],
    [{ ANTHROPIC_API_KEY: 'k' }, { kind: 'anthropic', baseUrl: 'https://api.anthropic.com', apiKey: 'k' }],
    [
      { ANTHROPIC_BASE_URL: 'http://proxy/x/', ANTHROPIC_AUTH_TOKEN: 't' },
      { kind: 'anthropic', baseUrl: 'http://proxy/x', apiKey: null, authToken: 't' },
    ],
    [{ CLAUDE_CODE_USE_BEDROCK: '0', CLAUDE_CODE_USE_VERTEX: 'false' }, { kind: 'scripted' }],
    [
      { CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'eu-west-1', ANTHROPIC_API_KEY: 'unused' },
      {
        kind: 'bedrock',
        region: 'eu-west-1',
        baseUrl: 'https://bedrock-runtime.eu-west-1.amazonaws.com',
        apiKey: null,
        accessKey: null,
        profile: null,
        models: own,
      },
    ],
    [
      {
        CLAUDE_CODE_USE_BEDROCK: '1',
        AWS_DEFAULT_REGION: 'cn-north-1',
        AWS_BEARER_TOKEN_BEDROCK: 'b',
        AWS_PROFILE: 'p',
      },
      { baseUrl: 'https://bedrock-runtime.cn-north-1.amazonaws.com.cn', apiKey: 'b', profile: null },
    ],
    [
      { CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'i', AWS_SECRET_ACCESS_KEY: 's' },
      { accessKey: { id: 'i', secret: 's', sessionToken: null } },
    ],
    [
      {
        CLAUDE_CODE_USE_VERTEX: '1',
        CLOUD_ML_REGION: 'global',
        GOOGLE_CLOUD_PROJECT: 'p-1',
        GOOGLE_APPLICATION_CREDENTIALS: 'k.json',
      },
      {
        kind: 'vertex',
        region: 'global',
        project: 'p-1',
        baseUrl: 'https://aiplatform.googleapis.com/v1',
        keyFile: '/app/k.json',
      },
    ],
    [
      { CLAUDE_CODE_USE_VERTEX: '1', CLOUD_ML_REGION: 'us-east5', ANTHROPIC_VERTEX_PROJECT_ID: 'p-2' },
      { baseUrl: 'https://us-east5-aiplatform.googleapis.com/v1', keyFile: null },
    ],
    [
      { CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'us-east-1', ANTHROPIC_DEFAULT_HAIKU_MODEL: 'h' },
      { models: { ...own, haiku: 'h' } },
    ],
  ])('is what the variables choose: %j', (env: Record<string, string>, expected) => {
    expect(resolve({}, env).providers.get('default')).toMatchObject(expected);
  });

  it.each([
    [{ CLAUDE_CODE_USE_BEDROCK: '1' }, 'providers.default.region'],
    [{ CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'evil.example/#' }, 'providers.default.region'],
    [{ CLAUDE_CODE_USE_VERTEX: '1', CLOUD_ML_REGION: 'eu' }, 'providers.default.project'],
    [{ CLAUDE_CODE_USE_VERTEX: '1', CLOUD_ML_REGION: 'eu', GOOGLE_CLOUD_PROJECT: '../x' }, 'providers.default.project'],
    [
      { CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'us-east-1', ANTHROPIC_BEDROCK_BASE_URL: 'ftp://x' },
      'ANTHROPIC_BEDROCK_BASE_URL',
    ],
    [{ CLAUDE_CODE_USE_BEDROCK: '1', CLAUDE_CODE_USE_VERTEX: '1', AWS_REGION: 'us-east-1' }, 'CLAUDE_CODE_USE_VERTEX'],
  ])('is refused when %j', (env: Record<string, string>, path) => {
    expect(refusalOf({}, env).errors.map((error) => error.path)).toEqual([path]);
  });

  it("is the file's where the file has one", () => {
    const config = resolve({ providers: { default: { kind: 'scripted' } } }, { ANTHROPIC_API_KEY: 'k' });
    expect(config.providers.get('default')).toEqual({ kind: 'scripted' });
  });
});

describe('a provider in the file', () => {
  it('may have prices of its own, whatever kind it is', () => {
    const prices = { 'claude-sonnet-4-5': { inputUsdPerMTok: 3.3, outputUsdPerMTok: 16.5 } };
    const { providers } = resolve({
      providers: {
        proxy: { kind: 'anthropic', baseUrl: 'https://proxy', prices },
        aws: { kind: 'bedrock', region: 'eu-west-1', prices },
        google: { kind: 'vertex', region: 'eu', project: 'p-1', prices },
        plain: { kind: 'anthropic', baseUrl: 'https://proxy' },
      },
    });
    for (const name of ['proxy', 'aws', 'google']) expect(providers.get(name)).toMatchObject({ prices });
    expect(providers.get('plain')).toMatchObject({ prices: {} });
    const half = { proxy: { kind: 'anthropic', prices: { m: { inputUsdPerMTok: 1 } } } };
    expect(refusalOf({ providers: half }).errors.map(({ path }) => path)).toEqual([
      'providers.proxy.prices.m.outputUsdPerMTok',
    ]);
  });

  it('is chosen by the agent that names it; other agents have the default', () => {
    const config = resolve({
      agents: { reader, cloud: { ...reader, provider: 'google' } },
      providers: { google: { kind: 'vertex', region: 'eu', project: 'p-1' } },
    });
    expect(config.agents.get('cloud')).toMatchObject({ provider: 'google', model: 'some-model' });
    expect(config.agents.get('cloud')?.env).toEqual({ CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS: '1' });
    expect(config.agents.get('reader')).toMatchObject({ provider: 'default', env: {} });
    expect([...config.providers.keys()].toSorted()).toEqual(['default', 'google']);
  });

  it("is given the variables' key only where that belongs", () => {
    const { providers } = resolve(
      {
        providers: {
          same: { kind: 'anthropic' },
          proxy: { kind: 'anthropic', baseUrl: 'https://proxy' },
          other: { kind: 'anthropic', apiKey: { env: 'OTHER_KEY' } },
        },
      },
      { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'https://own', OTHER_KEY: 'o' },
    );
    expect(providers.get('same')).toMatchObject({ baseUrl: 'https://own', apiKey: 'k' });
    expect(providers.get('proxy')).toMatchObject({ baseUrl: 'https://proxy', apiKey: null, authToken: null });
    expect(providers.get('other')).toMatchObject({ baseUrl: 'https://api.anthropic.com', apiKey: 'o' });
  });

  it('says what agents are called that name no model; what agents and subagents name stays as it is', () => {
    const subagents = { helper: { description: 'Helps.', prompt: 'Help.', model: 'claude-haiku-4-5' } };
    const { agents, providers } = resolve({
      agents: { free: { tools: [], provider: 'aws' }, fixed: { ...reader, provider: 'aws', subagents } },
      providers: { aws: { kind: 'bedrock', region: 'us-east-1', models: { default: 'm-1', haiku: 'h-1' } } },
    });
    expect(agents.get('free')?.model).toBe('m-1');
    expect(providers.get('aws')).toMatchObject({
      models: { default: 'm-1', haiku: 'h-1', 'claude-haiku-4-5': 'claude-haiku-4-5', ...own },
    });
  });

  it.each([
    [{ agents: { reader: { ...reader, provider: 'nowhere' } } }, 'agents.reader.provider', 'none of "default"'],
    [
      { agents: { a: { tools: [], provider: 'aws' } }, providers: { aws: { kind: 'bedrock', region: 'us-east-1' } } },
      'agents.a.model',
      'providers.aws.models.default',
    ],
    [{ providers: { p: { kind: 'azure' } } }, 'providers.p.kind', '"bedrock"'],
    [{ providers: { p: { kind: 'vertex', keyfile: 'x' } } }, 'providers.p.keyfile', ''],
    [{ providers: { p: { kind: 'bedrock', region: 'x.evil/' } } }, 'providers.p.region', 'us-east-1'],
    [
      { providers: { p: { kind: 'bedrock', region: 'us-east-1', accessKeyId: 'hush' } } },
      'providers.p.secretAccessKey',
      'together',
    ],
    [{ providers: { p: { kind: 'anthropic', apiKey: { env: 'NOT_SET' } } } }, 'providers.p.apiKey', 'NOT_SET'],
    [{ providers: { p: { kind: 'anthropic', baseUrl: 'ftp://hush@x' } } }, 'providers.p.baseUrl', 'http'],
    [{ providers: { p: { kind: 'anthropic', apiKey: ['hush'] } } }, 'providers.p.apiKey', 'text'],
  ])('is refused, without a secret in the words: %j', (input, path, message) => {
    const refusal = refusalOf(input);
    expect(refusal.errors).toEqual([{ path, message: expect.stringContaining(message) as string }]);
    expect(refusal.message).not.toContain('hush');
  });
});
