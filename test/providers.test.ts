import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ACCESS_KEY, findSignatureFault, REGION, startBedrock } from '../src/gateway/bedrock.fixture.ts';
import type { TestUpstream } from '../src/gateway/upstream.fixture.ts';
import * as google from '../src/gateway/vertex.fixture.ts';
import {
  say,
  startScriptedModel,
  startTestLonghaul,
  useTool,
  type ScriptedModel,
  type TestLonghaul,
} from '../src/testing/index.ts';

// Every kind of provider through the whole of Longhaul, with the real executable. The clouds are on loopback: they
// validate requests as the real ones do, and get their answers from a scripted model.

let longhaul: TestLonghaul;
let cloudModel: ScriptedModel;
let bedrock: TestUpstream;
let vertex: google.TestVertex;

const SECRETS = [
  ACCESS_KEY.id,
  ACCESS_KEY.secret,
  ACCESS_KEY.sessionToken,
  'google-token',
  'sk-direct',
  'subject-token',
];
const CLOUD_MODELS = {
  cloud: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
  google: 'claude-sonnet-4-5@20250929',
};

beforeEach(async () => {
  cloudModel = await startScriptedModel({
    script: ({ toolResults }) =>
      toolResults.length === 0 ? useTool('Bash', { command: 'env', description: 'env' }) : say('Done.'),
  });
  bedrock = await startBedrock(cloudModel.url);
  vertex = await google.startVertex();
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', vertex.keyFile);
  vertex.answerWith(google.answerFrom(cloudModel.url));
  const common = { tools: ['Bash'], prewarm: false as const };
  longhaul = await startTestLonghaul({
    script: [say('Directly.')],
    env: { ANTHROPIC_API_KEY: 'sk-direct' },
    config: {
      agents: {
        direct: { ...common, model: 'claude-sonnet-4-5' },
        cloud: { ...common, model: CLOUD_MODELS.cloud, provider: 'bedrock' },
        google: { ...common, model: CLOUD_MODELS.google, provider: 'vertex' },
        family: { ...common, model: 'haiku', provider: 'bedrock' },
      },
      providers: {
        bedrock: {
          kind: 'bedrock',
          region: REGION,
          baseUrl: bedrock.url,
          accessKeyId: ACCESS_KEY.id,
          secretAccessKey: ACCESS_KEY.secret,
          sessionToken: ACCESS_KEY.sessionToken,
          models: { haiku: 'eu.anthropic.claude-haiku-4-5-20251001-v1:0' },
        },
        vertex: {
          kind: 'vertex',
          region: google.REGION,
          project: google.PROJECT,
          baseUrl: `${vertex.url}/v1`,
          keyFile: vertex.keyFile,
          prices: { 'claude-sonnet-4-5': { inputUsdPerMTok: 0, outputUsdPerMTok: 1_000 } },
        },
      },
    },
  });
});

afterEach(async () => {
  await longhaul.stop();
  await bedrock.close();
  await vertex.close();
  await cloudModel.close();
  vi.unstubAllEnvs();
});

async function finish(agent: string) {
  const { id } = await longhaul.client.submit({ agent, prompt: 'Look around.' });
  return longhaul.client.run(id, { waitSeconds: 60 });
}

it.each(['cloud', 'google'] as const)(
  'an agent of %s runs with its tools, is priced, and finds no credential',
  async (agent) => {
    const run = await finish(agent);
    expect(run).toMatchObject({
      status: 'succeeded',
      result: 'Done.',
      toolUses: { Bash: 1 },
      costUsd: expect.any(Number) as number,
    });
    // Claude Code's name and the cloud's name mean the same model, in any spelling.
    expect(Object.keys(run.modelUsage)).toEqual(['claude-sonnet-4-5']);
    const { requests } = cloudModel;
    expect(requests).toHaveLength(2);
    const environment = requests[1]?.toolResults[0]?.content ?? '';
    expect(environment).toContain('LONGHAUL_ATTEMPT');
    for (const secret of SECRETS) expect(environment).not.toContain(secret);
    // A cloud rejects unknown fields.
    const [call] = agent === 'cloud' ? bedrock.seen : vertex.seen;
    expect(JSON.parse(String(call?.body))).not.toHaveProperty('context_management');
    expect(requests.map(({ model }) => model)).toEqual([CLOUD_MODELS[agent], CLOUD_MODELS[agent]]);
    for (const seen of bedrock.seen) expect(await findSignatureFault(seen)).toBeNull();
    expect(longhaul.model.requests).toEqual([]);
  },
  60_000,
);

it('agents of several providers run side by side; a family name means the model of its provider', async () => {
  const [direct, family] = await Promise.all([finish('direct'), finish('family')]);
  expect(direct).toMatchObject({ status: 'succeeded', result: 'Directly.' });
  expect(family).toMatchObject({ status: 'succeeded', result: 'Done.' });
  expect(longhaul.model.requests.map(({ headers }) => headers['x-api-key'])).toEqual(['sk-direct']);
  expect(cloudModel.requests[0]?.model).toBe('eu.anthropic.claude-haiku-4-5-20251001-v1:0');
}, 60_000);

it('each provider has its own prices', async () => {
  const { usage, costUsd } = await finish('google');
  expect(usage.outputTokens).toBeGreaterThan(0);
  expect(costUsd).toBeCloseTo(usage.outputTokens / 1_000, 6);
}, 60_000);

it('credentials that a cloud rejects end the run at once', async () => {
  bedrock.answerWith((response) => {
    response.writeHead(403, { 'x-amzn-errortype': 'UnrecognizedClientException' });
    response.end('{"message":"The security token included in the request is invalid."}');
  });
  expect(await finish('cloud')).toMatchObject({ status: 'failed', error: { code: 'provider_auth' } });
  expect(bedrock.seen).toHaveLength(1);
}, 60_000);

it('a throttled cloud parks only its own runs', async () => {
  bedrock.answerWith((response) => {
    response.writeHead(429, { 'x-amzn-errortype': 'ThrottlingException', 'retry-after': '60' });
    response.end('{"message":"Too many tokens, please wait."}');
  });
  const { id } = await longhaul.client.submit({ agent: 'cloud', prompt: 'Look around.' });
  await expect.poll(async () => (await longhaul.client.run(id)).status, { timeout: 20_000 }).toBe('waiting');
  expect(await longhaul.client.run(id)).toMatchObject({ waitingFor: 'provider_limit', error: null });
  expect(await finish('google')).toMatchObject({ status: 'succeeded' });
}, 60_000);
