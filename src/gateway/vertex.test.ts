import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { collectLog } from '../core/log.fixture.ts';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import { wholeStream, WHOLE_STREAM_MICROS } from './upstream.fixture.ts';
import { PROJECT, REGION, startVertex, type TestVertex } from './vertex.fixture.ts';

const MODEL = 'claude-sonnet-4-5@20250929';
const MODELS = `/v1/projects/${PROJECT}/locations/${REGION}/publishers/anthropic/models`;

let vertex: TestVertex;
let gateway: Gateway;
let pass: GatewayPass;
let logged: ReturnType<typeof collectLog>;

beforeEach(async () => {
  vertex = await startVertex();
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', vertex.keyFile);
  logged = collectLog();
  gateway = await createGateway({
    providers: new Map([
      [
        'default',
        {
          upstream: {
            kind: 'vertex',
            region: REGION,
            project: PROJECT,
            baseUrl: `${vertex.url}/v1`,
            keyFile: vertex.keyFile,
            models: { opus: 'claude-opus-4-8' },
            headers: {},
            proxy: null,
          },
        },
      ],
    ]),
    silenceMs: 10_000,
    log: logged.log,
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1' });
});

afterEach(async () => {
  await expect.poll(() => pass.openRequests).toBe(0);
  await gateway.close();
  await vertex.close();
  vi.unstubAllEnvs();
});

function post(body: object, path = '/v1/messages?beta=true'): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'x-api-key': pass.token, 'anthropic-beta': 'effort-2025-11-24', 'x-stainless-os': 'Linux' },
    body: JSON.stringify({ model: MODEL, max_tokens: 10, messages: [], ...body }),
  });
}

describe('a request', () => {
  it('is sent with a Google token and the model in the path, and its answer is returned byte for byte', async () => {
    vertex.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(wholeStream);
    });
    expect(await (await post({ stream: true })).text()).toBe(wholeStream);
    const [seen] = vertex.seen;
    expect(seen?.url).toBe(`${MODELS}/${MODEL}:streamRawPredict`);
    expect(JSON.parse(String(seen?.body))).toEqual({
      anthropic_version: 'vertex-2023-10-16',
      max_tokens: 10,
      messages: [],
      stream: true,
    });
    expect(seen?.headers).toMatchObject({
      authorization: 'Bearer google-token-1',
      'anthropic-beta': 'effort-2025-11-24',
    });
    expect(JSON.stringify(seen?.headers)).not.toContain(pass.token);
    expect(Object.keys(seen!.headers)).not.toContain('x-stainless-os');
    expect(pass.meter().costMicros).toBe(WHOLE_STREAM_MICROS);
  });

  it('in one piece, for a dated model or for a family, reaches the right address; the token is kept', async () => {
    for (const model of [MODEL, 'claude-haiku-4-5-20251001', 'claude-opus-4-6']) await post({ model });
    expect(vertex.seen.map(({ url }) => url)).toEqual([
      `${MODELS}/${MODEL}:rawPredict`,
      `${MODELS}/claude-haiku-4-5@20251001:rawPredict`,
      `${MODELS}/claude-opus-4-8:rawPredict`,
    ]);
    expect(vertex.tokenCalls).toBe(1);
  });

  it('also uses the credentials of a file that the config names', async () => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '/nowhere/key.json');
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    await post({});
    warn.mockRestore();
    expect(vertex.seen[0]?.headers.authorization).toBe('Bearer google-token-1');
  });

  it('to count tokens names the model in its body', async () => {
    await post({}, '/v1/messages/count_tokens');
    expect(vertex.seen[0]?.url).toBe(`${MODELS}/count-tokens:rawPredict`);
    expect(JSON.parse(String(vertex.seen[0]?.body))).toMatchObject({ model: MODEL });
  });

  it.each(['../../../other', 'x:predict?y=', '', 'a b'])(
    'that names the model %j reaches no other address',
    async (model) => {
      await post({ model });
      for (const { url } of vertex.seen) expect(url.slice(MODELS.length)).toMatch(/^\/[^/?]+:rawPredict$/);
    },
  );
});

describe('a refused call', () => {
  it.each([
    [429, { error: { code: 429, message: 'Quota exceeded.', status: 'RESOURCE_EXHAUSTED' } }, 429, 'rate_limit'],
    [429, [{ error: { code: 429, message: 'Quota exceeded.' } }], 429, 'rate_limit'],
    [503, { error: { code: 503, message: 'Quota exceeded.', status: 'UNAVAILABLE' } }, 529, 'overloaded'],
    [403, { error: { code: 403, message: 'Quota exceeded.' } }, 403, 'auth'],
    [404, { type: 'error', error: { type: 'not_found_error', message: 'Quota exceeded.' } }, 404, 'not_found'],
    [500, { error: { code: 500, message: 'Quota exceeded.' } }, 500, 'server_error'],
  ])('with %i %j becomes an error of the Messages API', async (status, body, expected, kind) => {
    vertex.answerWith((response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    const response = await post({ stream: true });
    expect(response.status).toBe(expected);
    expect(await response.json()).toMatchObject({ type: 'error', error: { message: 'Quota exceeded.' } });
    expect(pass.failure()).toMatchObject({ kind, message: 'Quota exceeded.' });
  });

  it('with an expired token makes the next attempt request another', async () => {
    vertex.answerWith((response, { headers }) => {
      response.writeHead(headers.authorization === 'Bearer google-token-1' ? 401 : 200);
      response.end(JSON.stringify({ error: { message: `no: ${headers.authorization}` } }));
    });
    const refused = await post({});
    expect(refused.status).toBe(403);
    expect(await refused.text()).not.toContain('google-token');
    expect(pass.failure()).toMatchObject({ kind: 'auth' });
    pass = gateway.openLane().open({ attemptId: 'attempt-2' });
    expect((await post({})).status).toBe(200);
  });

  it('without credentials is a failed sign-in; only the log has the reason', async () => {
    await rm(vertex.keyFile);
    const response = await post({});
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain('key.json');
    expect(pass.failure()).toMatchObject({ kind: 'auth' });
    expect(JSON.stringify(logged.lines)).toContain('key.json');
    expect(vertex.seen).toEqual([]);
  });

  it('with a rejected token is a failed sign-in', async () => {
    vertex.tokenStatus = 400;
    expect((await post({})).status).toBe(403);
    expect(pass.failure()).toMatchObject({ kind: 'auth' });
  });

  it('while Google issues no tokens is retried', async () => {
    vertex.tokenStatus = 503;
    expect((await post({})).status).toBe(503);
    expect(pass.failure()).toMatchObject({ kind: 'server_error' });
    vertex.tokenStatus = 200;
    expect((await post({})).status).toBe(200);
  }, 20_000);
});
