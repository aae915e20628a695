import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../test/support/certificates.ts';
import { collectLog } from '../core/log.fixture.ts';
import { startForwardProxy, type ForwardProxy } from './forward-proxy.fixture.ts';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import { messageStart, sse, startUpstream, type TestUpstream } from './upstream.fixture.ts';

// The provider is on a host that only the proxy can reach.
const HOST = 'provider.test';
const AUTHORIZATION = `Basic ${Buffer.from('ada:s ecret').toString('base64')}`;

describe.each(['http', 'https'])('a provider over %s behind a forward proxy', (protocol) => {
  let certificates: Awaited<ReturnType<typeof makeCertificates>>;
  let upstream: TestUpstream;
  let proxy: ForwardProxy;
  let gateway: Gateway;
  let pass: GatewayPass;
  let base: string;
  const { log, lines } = collectLog();
  const before = tls.getCACertificates('default');

  beforeAll(async () => {
    certificates = await makeCertificates(HOST);
    // Like with NODE_EXTRA_CA_CERTS.
    tls.setDefaultCACertificates([...before, certificates.authority]);
  });
  afterAll(() => tls.setDefaultCACertificates(before));
  beforeEach(async () => {
    const { certificate: cert, key } = certificates;
    upstream = await startUpstream(protocol === 'https' ? { cert, key } : undefined);
    const { port } = new URL(upstream.url);
    proxy = await startForwardProxy(Number(port));
    base = `${protocol}://${HOST}:${port}`;
    gateway = await createGateway({
      providers: new Map([
        [
          'default',
          {
            upstream: {
              baseUrl: base,
              headers: { 'x-api-key': 'provider-key', 'x-gateway': 'team' },
              proxy: proxy.url,
            },
          },
        ],
      ]),
      silenceMs: 10_000,
      log,
    });
    pass = gateway.openLane().open({ attemptId: 'attempt-1' });
  });
  afterEach(async () => {
    await gateway.close();
    await proxy.close();
    await upstream.close();
  });

  const post = () =>
    fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': pass.token },
      body: '{"model":"claude-sonnet-4-5","stream":true}',
    });

  it('is reached through it, with its own headers, over a kept connection', async () => {
    upstream.answerWith((response) => void response.end('{"usage":{"input_tokens":3,"output_tokens":4}}'));
    for (let count = 0; count < 3; count++) expect(await (await post()).json()).toHaveProperty('usage');
    expect(upstream.seen).toHaveLength(3);
    expect(upstream.seen[0]).toMatchObject({
      url: '/v1/messages',
      headers: { host: base.replace(/^\w+:\/\//, ''), 'x-api-key': 'provider-key', 'x-gateway': 'team' },
    });
    expect(upstream.seen[0]?.headers).not.toHaveProperty('proxy-authorization');
    const target = protocol === 'https' ? base.replace('https://', '') : `${base}/v1/messages`;
    const one = { method: protocol === 'https' ? 'CONNECT' : 'POST', target, authorization: AUTHORIZATION };
    expect(proxy.passed).toEqual(protocol === 'https' ? [one] : [one, one, one]);
    expect(pass.meter().usage).toMatchObject({ inputTokens: 9, outputTokens: 12 });
  });

  it('streams through it, event by event', async () => {
    const rest = Promise.withResolvers<void>();
    upstream.answerWith(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(messageStart);
      await rest.promise;
      response.end(sse('message_delta', { usage: { output_tokens: 7 } }));
    });
    const reader = (await post()).body!.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe(messageStart);
    rest.resolve();
    while (!(await reader.read()).done);
    expect(pass.meter().usage).toMatchObject({ inputTokens: 1_000, outputTokens: 7 });
  });

  it('is unreachable, with the proxy’s status, when the proxy refuses', async () => {
    proxy.refuseWith(407);
    const response = await post();
    if (protocol === 'https') {
      expect(response.status).toBe(502);
      expect(await response.text()).toContain('ERR_PROXY_407');
      expect(pass.failure()).toMatchObject({ kind: 'unreachable' });
    } else {
      // Over HTTP the proxy's answer cannot be distinguished from the provider's.
      expect(response.status).toBe(403);
      expect(pass.failure()).toMatchObject({ kind: 'auth', status: 407 });
    }
    expect(JSON.stringify(lines)).not.toContain('s ecret');
    expect(upstream.seen).toEqual([]);
  });

  it('that the proxy cuts off in the middle of an answer counts as breaking off', async () => {
    upstream.answerWith(
      (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(messageStart),
    );
    const response = await post();
    const reader = response.body!.getReader();
    await reader.read();
    if (protocol === 'https') proxy.cut();
    else await upstream.close();
    await expect(reader.read()).rejects.toThrow();
    expect(pass.failure()).toMatchObject({ kind: 'unreachable' });
    if (protocol === 'http') upstream = await startUpstream();
  });
});
