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
  ])('is the choice of the variables: %j', (env: Record<string, string>, expected) => {
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
  ])('is rejected when %j', (env: Record<string, string>, path) => {
    expect(refusalOf({}, env).errors.map((error) => error.path)).toEqual([path]);
  });

  it("is the file's if the file has one", () => {
    const config = resolve({ providers: { default: { kind: 'scripted' } } }, { ANTHROPIC_API_KEY: 'k' });
    expect(config.providers.get('default')).toEqual({ kind: 'scripted' });
  });
});

describe('a provider in the file', () => {
  it('may have its own prices, whatever its kind', () => {
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

  it('serves the agents that name it; other agents use the default', () => {
    const config = resolve({
      agents: { reader, cloud: { ...reader, provider: 'google' } },
      providers: { google: { kind: 'vertex', region: 'eu', project: 'p-1' } },
    });
    expect(config.agents.get('cloud')).toMatchObject({ provider: 'google', model: 'some-model' });
    expect(config.agents.get('cloud')?.env).toEqual({ CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS: '1' });
    expect(config.agents.get('reader')).toMatchObject({ provider: 'default', env: {} });
    expect([...config.providers.keys()].toSorted()).toEqual(['default', 'google']);
  });

  it("gets the variables' key only with the variables' address", () => {
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

  it('maps the models of agents that name none; models that agents and subagents name stay unchanged', () => {
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
    [{ agents: { reader: { ...reader, provider: 'nowhere' } } }, 'agents.reader.provider', 'not one of "default"'],
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
  ])('is rejected, without a secret in the message: %j', (input, path, message) => {
    const refusal = refusalOf(input);
    expect(refusal.errors).toEqual([{ path, message: expect.stringContaining(message) as string }]);
    expect(refusal.message).not.toContain('hush');
  });
});

describe('headers of a provider', () => {
  const anthropic = { kind: 'anthropic', baseUrl: 'https://gateway.example.com', apiKey: 'k' };
  const headersOf = (input: object, env: Readonly<Record<string, string>> = {}, name = 'default') =>
    (resolve(input, env).providers.get(name) as { headers?: unknown }).headers;

  it('are sent by names in lower case, with values from variables', () => {
    const headers = { 'X-Gateway-Key': { env: 'GATEWAY_KEY' }, 'x-team': ' payments ' };
    const input = { providers: { default: { ...anthropic, headers } } };
    expect(headersOf(input, { GATEWAY_KEY: 's3cret' })).toEqual({ 'x-gateway-key': 's3cret', 'x-team': 'payments' });
    expect(refusalOf(input).message).toContain(
      'providers.default.headers.X-Gateway-Key names the variable GATEWAY_KEY, which is not set',
    );
  });

  it.each([
    [{ ANTHROPIC_API_KEY: 'k' }, {}],
    [{ CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'us-east-1' }, {}],
    [{ ANTHROPIC_API_KEY: 'k' }, { providers: { default: { kind: 'anthropic' } } }],
  ])('come from ANTHROPIC_CUSTOM_HEADERS if the variables choose the address: %j', (env, input) => {
    const variable = { ANTHROPIC_CUSTOM_HEADERS: 'X-Gateway-Key: a:b\r\n\n x-team : payments' };
    expect(headersOf(input, { ...(env as Record<string, string>), ...variable })).toEqual({
      'x-gateway-key': 'a:b',
      'x-team': 'payments',
    });
  });

  it('of the file take precedence over the variable, which applies to no other address, with a warning', () => {
    const env = { ANTHROPIC_API_KEY: 'k', ANTHROPIC_CUSTOM_HEADERS: 'x-team: variable\nx-other: 1' };
    const own = { providers: { default: { kind: 'anthropic', headers: { 'X-Team': 'file' } } } };
    expect(headersOf(own, env)).toEqual({ 'x-team': 'file', 'x-other': '1' });
    expect(resolve(own, env).warnings).toEqual([]);
    const elsewhere = { providers: { default: anthropic } };
    expect(headersOf(elsewhere, env)).toEqual({});
    expect(resolve(elsewhere, env).warnings).toEqual([
      expect.stringContaining('ANTHROPIC_CUSTOM_HEADERS has no effect'),
    ]);
    expect(resolve({}, { ANTHROPIC_CUSTOM_HEADERS: 'x-team: 1' }).warnings).toHaveLength(1);
  });

  it.each([
    [{ host: 'other' }, 'anthropic', 'headers.host is set by the connection itself'],
    [{ 'Content-Length': '1' }, 'anthropic', 'headers.Content-Length is set by the connection itself'],
    [{ 'x-key': 'one\ntwo' }, 'anthropic', 'headers.x-key must be one line of printable latin1 characters'],
    [{ 'x key': 'v' }, 'anthropic', 'must be the name of a header'],
    [{ Authorization: 'x' }, 'bedrock', 'headers.Authorization contains the cloud credentials'],
    [{ 'X-Amz-Date': 'x' }, 'bedrock', 'headers.X-Amz-Date contains the cloud credentials'],
  ])('are rejected if they cannot be sent: %j to %s', (headers, kind, message) => {
    const provider = kind === 'anthropic' ? anthropic : { kind, region: 'us-east-1' };
    expect(refusalOf({ providers: { default: { ...provider, headers } } }).message).toContain(message);
  });

  it('of the variable are rejected without showing them when they are not headers', () => {
    const refusal = refusalOf({}, { ANTHROPIC_API_KEY: 'k', ANTHROPIC_CUSTOM_HEADERS: 's3cret without a colon' });
    expect(refusal.message).toContain('ANTHROPIC_CUSTOM_HEADERS must be lines of the form "Name: value"');
    expect(refusal.message).not.toContain('s3cret');
    const forbidden = refusalOf({}, { ANTHROPIC_API_KEY: 'k', ANTHROPIC_CUSTOM_HEADERS: 'Host: s3cret' });
    expect(forbidden.message).toContain(
      'ANTHROPIC_CUSTOM_HEADERS contains Host, which is set by the connection itself',
    );
  });
});

describe('the proxy of a provider', () => {
  const proxyOf = (env: Readonly<Record<string, string>>, baseUrl = 'https://api.example.com') =>
    (
      resolve({}, { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: baseUrl, ...env }).providers.get('default') as {
        proxy?: string | null;
      }
    ).proxy;
  const HTTPS_PROXY = 'http://ada:s3cret@proxy.internal:3128';

  it.each([
    [{}, 'https://api.example.com', null],
    [{ HTTPS_PROXY }, 'https://api.example.com', `${HTTPS_PROXY}/`],
    [{ HTTPS_PROXY }, 'http://api.example.com', null],
    [{ HTTP_PROXY: 'proxy:80' }, 'http://api.example.com', 'http://proxy/'],
    [{ HTTPS_PROXY, https_proxy: 'https://small' }, 'https://api.example.com', 'https://small/'],
    [{ HTTPS_PROXY: '' }, 'https://api.example.com', null],
    [{ HTTPS_PROXY }, 'https://localhost:8443', null],
    [{ HTTPS_PROXY }, 'https://127.0.0.2', null],
    [{ HTTPS_PROXY }, 'https://[::1]:8443', null],
  ])('by %j to %s is %s', (env, baseUrl, expected) => {
    expect(proxyOf(env as Record<string, string>, baseUrl)).toBe(expected);
  });

  it.each([
    ['*', 'https://api.example.com', true],
    ['api.example.com', 'https://api.example.com', true],
    ['API.example.com', 'https://api.example.com', true],
    ['example.com', 'https://api.example.com', true],
    ['.example.com, other', 'https://api.example.com', true],
    ['*.example.com', 'https://api.example.com', true],
    ['other example.com', 'https://api.example.com', true],
    ['ample.com', 'https://api.example.com', false],
    ['example.com:443', 'https://api.example.com', true],
    ['example.com:8443', 'https://api.example.com', false],
    ['example.com:8443', 'https://api.example.com:8443', true],
    ['10.0.0.0/8', 'https://10.1.2.3', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.1.2.3', 'https://10.1.2.3:8443', true],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['[fd12::1]:8443', 'https://[fd12::1]:8443', true],
    ['[fd12::1]:8443', 'https://[fd12::1]', false],
    ['fd12::1', 'https://[fd12:0:0::1]', true],
    ['not/a/network,,', 'https://10.1.2.3', false],
  ])('is skipped for NO_PROXY=%s and %s: %s', (list, baseUrl, isLeftOut) => {
    expect(proxyOf({ HTTPS_PROXY, NO_PROXY: list }, baseUrl)).toBe(isLeftOut ? null : `${HTTPS_PROXY}/`);
    expect(proxyOf({ HTTPS_PROXY, NO_PROXY: 'else', no_proxy: list }, baseUrl)).toBe(
      isLeftOut ? null : `${HTTPS_PROXY}/`,
    );
  });

  it('is rejected without showing it when it is not a URL', () => {
    const refusal = refusalOf({}, { ANTHROPIC_API_KEY: 'k', HTTPS_PROXY: 'socks5://ada:s3cret@proxy' });
    expect(refusal.message).toContain('HTTPS_PROXY must be an http or https URL, such as http://proxy.internal:3128');
    expect(refusal.message).not.toContain('s3cret');
  });
});
