import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BedrockProvider } from '../config/config.ts';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import type { ProviderLimit } from './governor.ts';
import { ACCESS_KEY, chunk, exception, findSignatureFault, REGION } from './bedrock.fixture.ts';
import {
  messageDelta,
  messageStart,
  startUpstream,
  textDelta,
  wholeStream,
  WHOLE_STREAM_MICROS,
  type TestUpstream,
  readBroken,
} from './upstream.fixture.ts';

const MODEL = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';

let bedrock: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;
let limits: ProviderLimit[];

async function open(provider: Partial<BedrockProvider> = {}): Promise<void> {
  await gateway?.close();
  gateway = await createGateway({
    providers: new Map([
      [
        'cloud',
        {
          upstream: {
            kind: 'bedrock',
            region: REGION,
            baseUrl: bedrock.url,
            apiKey: null,
            accessKey: ACCESS_KEY,
            profile: null,
            models: { haiku: 'eu.anthropic.claude-haiku-4-5-20251001-v1:0' },
            headers: {},
            proxy: null,
            ...provider,
          },
          governor: { onLimit: (limit) => void limits.push(limit), onAnswer: () => undefined, limitOf: () => null },
        },
      ],
    ]),
    silenceMs: 10_000,
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1', provider: 'cloud' });
}

beforeEach(async () => {
  limits = [];
  bedrock = await startUpstream();
  await open();
});

afterEach(async () => {
  await expect.poll(() => pass.openRequests).toBe(0);
  await gateway.close();
  await bedrock.close();
  vi.unstubAllEnvs();
});

function post(
  body: object,
  { path = '/v1/messages?beta=true', beta = 'effort-2025-11-24, x-1' } = {},
): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: {
      'x-api-key': pass.token,
      'anthropic-beta': beta,
      'anthropic-version': '2023-06-01',
      'x-stainless-os': 'Linux',
    },
    body: JSON.stringify({ model: MODEL, max_tokens: 10, messages: [], ...body }),
  });
}

/** Streams `parts` like Bedrock, cut in the middle of messages. */
function stream(...parts: readonly Buffer[]): void {
  bedrock.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'req-1' });
    const bytes = Buffer.concat(parts);
    for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
    response.end();
  });
}

/** Returns the JSON of each event of a stream in Anthropic's form. */
const dataOf = (events: string): string[] => [...events.matchAll(/^data: (.*)$/gm)].map((match) => match[1] ?? '');

describe('a request', () => {
  it('is sent signed, with the model in the path, and with no header of Claude Code except its betas', async () => {
    stream(...dataOf(wholeStream).map(chunk));
    await (await post({ stream: true, top_k: 1 })).text();
    const [seen] = bedrock.seen;
    expect(seen?.url).toBe('/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream');
    expect(JSON.parse(String(seen?.body))).toEqual({
      anthropic_version: 'bedrock-2023-05-31',
      anthropic_beta: ['effort-2025-11-24', 'x-1'],
      max_tokens: 10,
      messages: [],
      top_k: 1,
    });
    expect(await findSignatureFault(seen!)).toBeNull();
    expect(await findSignatureFault({ ...seen!, url: '/model/other/invoke' })).toBe('another signature');
    expect(Object.keys(seen!.headers)).not.toContain('x-stainless-os');
    expect(JSON.stringify(seen!.headers)).not.toContain(pass.token);
  });

  it('in one piece is an invocation without a stream', async () => {
    bedrock.answerWith(
      (response) =>
        void response.end(
          '{"type":"message","model":"claude-sonnet-4-5","usage":{"input_tokens":7,"output_tokens":3}}',
        ),
    );
    const response = await post({});
    expect(await response.json()).toMatchObject({ type: 'message' });
    expect(bedrock.seen[0]?.url).toMatch(/\/invoke$/);
    expect(pass.meter().usage).toMatchObject({ inputTokens: 7, outputTokens: 3 });
  });

  it('may name an inference profile, or a name in the map of models', async () => {
    stream(...dataOf(wholeStream).map(chunk));
    const arn = 'arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123';
    for (const model of [arn, 'claude-haiku-4-5-20251001']) await (await post({ model, stream: true })).text();
    expect(bedrock.seen.map(({ url }) => decodeURIComponent(url.split('/')[2] ?? ''))).toEqual([
      arn,
      'eu.anthropic.claude-haiku-4-5-20251001-v1:0',
    ]);
    for (const seen of bedrock.seen) expect(await findSignatureFault(seen)).toBeNull();
  });

  it.each(['..', '', '../../guardrail', 'a b', 'm\r\nx: y'])('that names the model %j is not sent', async (model) => {
    expect((await post({ model })).status).toBe(404);
    expect(bedrock.seen).toEqual([]);
  });

  it('to count tokens counts those of the invocation', async () => {
    bedrock.answerWith((response) => void response.end('{"inputTokens":42}'));
    const response = await post({ max_tokens: undefined }, { path: '/v1/messages/count_tokens' });
    expect(await response.json()).toEqual({ input_tokens: 42 });
    const { input } = JSON.parse(String(bedrock.seen[0]?.body)) as { input: { invokeModel: { body: string } } };
    expect(JSON.parse(Buffer.from(input.invokeModel.body, 'base64').toString())).toMatchObject({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 1,
    });
    expect(pass.meter().requestCount).toBe(0);
  });

  it('with a Bedrock API key is sent with that key alone, and an answer does not reveal it', async () => {
    await open({ apiKey: 'bedrock-api-key-1', accessKey: null });
    bedrock.answerWith((response) => {
      response.writeHead(400, { 'x-amzn-errortype': 'ValidationException' });
      response.end('{"message":"not with bedrock-api-key-1"}');
    });
    const response = await post({});
    expect(bedrock.seen[0]?.headers).toMatchObject({ authorization: 'Bearer bedrock-api-key-1' });
    expect(bedrock.seen[0]?.headers).not.toHaveProperty('x-amz-date');
    expect(await response.text()).not.toContain('bedrock-api-key-1');
    expect(pass.failure()?.message).toBe('not with [redacted]');
  });
});

describe('a streamed answer', () => {
  it('arrives in the form of the Messages API, metered to the same amount', async () => {
    stream(...dataOf(wholeStream).map(chunk));
    const response = await post({ stream: true });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('request-id')).toBe('req-1');
    expect(await response.text()).toBe(wholeStream);
    expect(pass.meter()).toMatchObject({ costMicros: WHOLE_STREAM_MICROS, isPriceKnown: true });
    expect(pass.failure()).toBeNull();
  });

  it.each([
    ['throttlingException', { message: 'Too many tokens' }, 'rate_limit'],
    ['serviceUnavailableException', { message: 'x' }, 'overloaded'],
    ['modelStreamErrorException', { message: 'x', originalStatusCode: 529 }, 'overloaded'],
    ['modelStreamErrorException', { message: 'x' }, 'server_error'],
    ['modelTimeoutException', { message: 'x' }, 'server_error'],
    ['internalServerException', { message: 'x' }, 'server_error'],
    ['validationException', { message: 'x' }, 'invalid_request'],
  ])('that breaks off with a %s %j breaks off for the process too', async (name, body, kind) => {
    stream(...dataOf(messageStart + textDelta('Hel')).map(chunk), exception(name, body));
    expect(await readBroken(await post({ stream: true }))).toBe(messageStart + textDelta('Hel'));
    expect(pass.failure()).toMatchObject({ kind, message: body.message });
    expect(limits.map((limit) => limit.kind)).toEqual(['rate_limit', 'overloaded'].filter((one) => one === kind));
    expect(pass.meter().models).toHaveProperty(['claude-sonnet-4-5-20250929', 'isEstimated'], true);
  });

  it.each([
    ['ends within a message', () => chunk(dataOf(messageDelta)[0] ?? '').subarray(0, 40)],
    ['has a wrong checksum', () => chunk(dataOf(messageDelta)[0] ?? '').fill(0, 60, 64)],
    ['is none', () => Buffer.from('<html>Welcome to the proxy</html>')],
  ])('that %s is cut off as unreachable', async (_, last) => {
    stream(...dataOf(messageStart).map(chunk), last());
    await expect((await post({ stream: true })).text()).rejects.toThrow();
    expect(pass.failure()).toMatchObject({ kind: 'unreachable' });
  });

  it('is cut at the cloud as soon as its reader is gone', async () => {
    const left = Promise.withResolvers<void>();
    bedrock.answerWith((response) => {
      response.once('close', left.resolve);
      response.writeHead(200);
      for (const data of dataOf(messageStart)) response.write(chunk(data));
    });
    const response = await post({ stream: true });
    await response.body?.getReader().read();
    pass.close();
    await left.promise;
  });
});

describe('a refused call', () => {
  it.each([
    [429, 'ThrottlingException:http://internal.amazon.com/coral/', {}, 429, 'rate_limit'],
    [400, 'ServiceQuotaExceededException', {}, 429, 'rate_limit'],
    [503, 'ServiceUnavailableException', {}, 529, 'overloaded'],
    [429, 'ModelNotReadyException', {}, 529, 'overloaded'],
    [424, 'ModelErrorException', {}, 500, 'server_error'],
    [424, 'ModelErrorException', { originalStatusCode: 429 }, 429, 'rate_limit'],
    [408, 'ModelTimeoutException', {}, 504, 'server_error'],
    [500, 'InternalServerException', {}, 500, 'server_error'],
    [400, 'ValidationException', {}, 400, 'invalid_request'],
    [400, 'ValidationException', { message: 'The provided model identifier is invalid.' }, 404, 'not_found'],
    [404, 'ResourceNotFoundException', {}, 404, 'not_found'],
    [403, 'UnrecognizedClientException', {}, 403, 'auth'],
    [403, 'ExpiredTokenException', {}, 403, 'auth'],
    [403, 'AccessDeniedException', {}, 403, 'auth'],
  ])('with %i %s %j becomes an error of the Messages API', async (status, name, body, expected, kind) => {
    bedrock.answerWith((response) => {
      response.writeHead(status, { 'x-amzn-errortype': name });
      response.end(JSON.stringify({ message: 'No.', ...body }));
    });
    const response = await post({ stream: true });
    expect(response.status).toBe(expected);
    expect(await response.json()).toMatchObject({ type: 'error', error: { message: expect.any(String) as string } });
    expect(pass.failure()).toMatchObject({ kind });
  });

  it('without credentials is a failed sign-in, and its message reveals no more', async () => {
    // A machine at AWS would have some.
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    await open({ accessKey: null, profile: 'a-profile-that-is-nowhere' });
    const response = await post({});
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain('a-profile-that-is-nowhere');
    expect(pass.failure()).toMatchObject({ kind: 'auth' });
    expect(bedrock.seen).toEqual([]);
  });

  it("with a profile's credentials makes the next attempt read them again", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-aws-'));
    const file = path.join(directory, 'credentials');
    const write = (secret: string): Promise<void> =>
      writeFile(
        file,
        `[team]\naws_access_key_id=${ACCESS_KEY.id}\naws_secret_access_key=${secret}\naws_session_token=${ACCESS_KEY.sessionToken}\n`,
      );
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    vi.stubEnv('AWS_CONFIG_FILE', path.join(directory, 'none'));
    await write('the-old-secret');
    await open({ accessKey: null, profile: 'team' });
    bedrock.answerWith(async (response, request) => {
      const fault = await findSignatureFault(request);
      response.writeHead(fault === null ? 200 : 403, { 'x-amzn-errortype': 'InvalidSignatureException' });
      response.end(JSON.stringify({ type: 'message', message: fault ?? '' }));
    });
    expect((await post({})).status).toBe(403);
    await write(ACCESS_KEY.secret);
    pass = gateway.openLane().open({ attemptId: 'attempt-2', provider: 'cloud' });
    expect((await post({})).status).toBe(200);
    await rm(directory, { recursive: true });
  });
});
