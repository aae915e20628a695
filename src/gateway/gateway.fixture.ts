import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect } from 'vitest';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import type { OpenOptions } from './lane.ts';
import { startUpstream, type TestUpstream } from './upstream.fixture.ts';

/** The model that is requested, and answers, unless a test says otherwise. */
export const MODEL = 'claude-sonnet-4-5';

interface PostOptions {
  readonly path?: string;
  readonly signal?: AbortSignal;
}

/** Gives each test of the file a gateway with its own provider, and a way to make calls of one attempt. */
export function useGatewayBench() {
  let upstream: TestUpstream;
  let gateway: Gateway;
  let pass: GatewayPass | undefined;

  beforeEach(async () => {
    pass = undefined;
    upstream = await startUpstream();
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
      silenceMs: 10_000,
    });
  });

  // No request may be left open.
  afterEach(async () => {
    await expect.poll(() => pass?.openRequests ?? 0).toBe(0);
    await gateway.close();
    await upstream.close();
  });

  const passOf = (): GatewayPass => {
    if (pass === undefined) throw new Error('Open an attempt first.');
    return pass;
  };

  return {
    get upstream() {
      return upstream;
    },
    /** The attempt that was opened last. */
    get pass() {
      return passOf();
    },
    open(limits: Omit<OpenOptions, 'attemptId'>): void {
      pass = gateway.openLane().open({ attemptId: 'attempt-1', ...limits });
    },
    /** Sends a body as the attempt that was opened last: a text unchanged, an object with a model. */
    post: (body: object | string, { path = '/v1/messages', signal }: PostOptions = {}): Promise<Response> =>
      fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'x-api-key': passOf().token },
        body: typeof body === 'string' ? body : JSON.stringify({ model: MODEL, ...body }),
        signal: signal ?? null,
      }),
  };
}

/** Answers a call like a provider, with the given usage: no prompt is empty. */
export function answer(response: ServerResponse, { inputTokens = 1, outputTokens = 0 } = {}): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ model: MODEL, usage: { input_tokens: inputTokens, output_tokens: outputTokens } }));
}
