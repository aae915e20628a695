import type { LookupAddress } from 'node:dns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebhooksConfig } from '../config/config.ts';
import { postWebhook, type PostEnvironment } from './post.ts';
import { CERTIFICATE, startReceiver, type Receiver } from './receiver.fixture.ts';

const strict: WebhooksConfig = { allowHttp: false, allowPrivateAddresses: false, allow: [] };
const open: WebhooksConfig = { allowHttp: true, allowPrivateAddresses: true, allow: [] };
const never = new AbortController().signal;

/** Answers each query with the next of `answers`; the last repeats. Records the queries. */
function resolver(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const resolve = async (host: string): Promise<LookupAddress[]> => {
    asked.push(host);
    const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? [];
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { resolve, asked };
}

describe('a post to a webhook', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const post = (
    url: string,
    {
      config = open,
      signal = never,
      ...environment
    }: PostEnvironment & { config?: WebhooksConfig; signal?: AbortSignal } = {},
  ) => postWebhook({ url, config, headers: { 'webhook-id': 'x' }, body: '{"a":"ü"}', signal, ...environment });

  it('has the given headers and body, on a separate connection', async () => {
    expect(await post(receiver.url)).toEqual({ isAccepted: true, status: 204, error: null, text: null });
    await post(receiver.url);
    expect(receiver.received).toMatchObject([
      {
        path: '/hook',
        body: '{"a":"ü"}',
        headers: { 'webhook-id': 'x', 'content-type': 'application/json', connection: 'close' },
      },
      {},
    ]);
  });

  it('goes over TLS, to the holder of the certificate of its host', async () => {
    const secure = await startReceiver({ isSecure: true });
    try {
      const { resolve, asked } = resolver(['127.0.0.1']);
      const named = { ...strict, allow: ['127.0.0.1'] };
      const url = `https://hooks.example.com:${secure.port}/hook`;
      expect(await post(url, { config: named, resolve, ca: CERTIFICATE })).toMatchObject({ isAccepted: true });
      expect(asked).toEqual(['hooks.example.com']);
      expect(await post(url, { config: named, resolve })).toMatchObject({
        error: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) as string,
      });
      const other = `https://other.example.com:${secure.port}/hook`;
      expect(await post(other, { config: named, resolve, ca: CERTIFICATE })).toMatchObject({
        error: 'no answer: ERR_TLS_CERT_ALTNAME_INVALID',
      });
      expect(secure.received).toHaveLength(1);
    } finally {
      await secure.close();
    }
  });

  it.each([['127.0.0.1'], ['::1'], ['10.0.0.7'], ['169.254.169.254'], ['::ffff:127.0.0.1'], ['64:ff9b::7f00:1']])(
    'goes to no host that leads to %s',
    async (address) => {
      const { resolve } = resolver([address]);
      const config = { ...strict, allowHttp: true };
      expect(await post(`http://evil.example.com:${receiver.port}`, { config, resolve })).toEqual({
        isAccepted: false,
        status: null,
        error: 'refused: the address leads to a private network or to this machine',
        text: null,
      });
      expect(receiver.received).toEqual([]);
    },
  );

  it('is made to the addresses that were checked, whatever the name resolves to the next time', async () => {
    // Stands for a public address.
    const config = { ...strict, allowHttp: true, allow: ['127.0.0.1'] };
    const { resolve, asked } = resolver(['127.0.0.1'], ['127.0.0.2']);
    const url = `http://evil.example.com:${receiver.port}`;
    expect(await post(url, { config, resolve })).toMatchObject({ isAccepted: true });
    expect(asked).toHaveLength(1);
    expect((await post(url, { config, resolve })).error).toContain('refused');
    expect(asked).toHaveLength(2);
    expect(receiver.received).toHaveLength(1);
  });

  it('goes only to those addresses of a host that are allowed', async () => {
    const { resolve } = resolver(['169.254.169.254', '127.0.0.1']);
    expect(await post(`http://hooks.example.com:${receiver.port}`, { resolve })).toMatchObject({ isAccepted: true });
  });

  it('goes to every address of a host that the configuration names', async () => {
    const { resolve } = resolver(['127.0.0.1']);
    const config = { ...strict, allowHttp: true, allow: ['hooks.internal'] };
    expect(await post(`http://hooks.internal:${receiver.port}`, { config, resolve })).toMatchObject({
      isAccepted: true,
    });
    expect((await post(`http://other.internal:${receiver.port}`, { config, resolve })).error).toContain('refused');
  });

  it.each([301, 302, 307, 308])('follows no redirect: %i', async (status) => {
    receiver.state.answer = (response) =>
      response.writeHead(status, { location: `http://127.0.0.1:${receiver.port}/inside` }).end();
    expect(await post(receiver.url)).toMatchObject({
      isAccepted: false,
      status,
      error: `answered ${status}: a redirect, and redirects are not followed`,
    });
    expect(receiver.received).toHaveLength(1);
  });

  it('keeps the beginning of an error response, with keys masked and no control characters', async () => {
    const key = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`;
    receiver.state.answer = (response) =>
      response.writeHead(500).end(`down\x1b[2J\r\n key=${key} ${'x'.repeat(100_000)}`);
    const { status, text } = await post(receiver.url);
    expect(status).toBe(500);
    expect(text).toHaveLength(200);
    expect(text).toMatch(/^down \[2J key=\[masked: /);
    expect(text).not.toContain(key);
  });

  it('does not wait for the rest of a response that never ends', async () => {
    receiver.state.answer = (response) => response.writeHead(200).write('a');
    expect(await post(receiver.url)).toMatchObject({ isAccepted: true, status: 200 });
    receiver.state.answer = (response) => response.writeHead(503).write('busy');
    expect(await post(receiver.url, { signal: AbortSignal.timeout(300) })).toMatchObject({
      isAccepted: false,
      status: 503,
    });
  });

  it('ends at its time limit, at any stage, and when the connection ends without an answer', async () => {
    const silent = () => new Promise<never>(() => {});
    const unresolved = await post('http://hooks.example.com', { resolve: silent, signal: AbortSignal.timeout(50) });
    expect(unresolved).toMatchObject({ isAccepted: false, status: null });
    receiver.state.answer = () => {};
    expect(await post(receiver.url, { signal: AbortSignal.timeout(50) })).toMatchObject({ status: null });
    receiver.state.answer = (response) =>
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
    expect(await post(receiver.url)).toMatchObject({ isAccepted: false, error: 'no answer: ECONNRESET' });
    expect(await post(receiver.url, { signal: AbortSignal.abort() })).toMatchObject({ isAccepted: false });
  });

  it('gives the reason for a missing answer without the address', async () => {
    const { url } = receiver;
    await receiver.close();
    expect(await post(`${url}?key=hunter2`)).toEqual({
      isAccepted: false,
      status: null,
      error: 'no answer: ECONNREFUSED',
      text: null,
    });
    receiver = await startReceiver();
    const failing = () =>
      Promise.reject(Object.assign(new Error('queryA ENOTFOUND secret.example.com'), { code: 'ENOTFOUND' }));
    expect(await post('http://secret.example.com', { resolve: failing })).toMatchObject({
      error: 'no answer: ENOTFOUND',
    });
    expect(await post('http://secret.example.com', resolver([]))).toMatchObject({ error: 'no answer: ENOTFOUND' });
    receiver.state.answer = (response) => response.destroy();
    expect(await post(receiver.url)).toMatchObject({ error: 'no answer: ECONNRESET' });
  });
});
