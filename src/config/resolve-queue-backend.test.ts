import { describe, expect, it } from 'vitest';
import { LonghaulError } from '../core/errors.ts';
import { resolveConfig } from './resolve.ts';

const resolve = (env: Record<string, string>, queue?: { url: string }) =>
  resolveConfig({
    input: { agents: { reader: { tools: [] } }, ...(queue && { queue }) },
    baseDir: '/app',
    env: { LONGHAUL_DATABASE_URL: 'postgres://db/x', ...env },
  }).queueBackend;

const refusalOf = (env: Record<string, string>, queue?: { url: string }) => {
  try {
    resolve(env, queue);
  } catch (error) {
    if (error instanceof LonghaulError) return error.message;
  }
  return expect.unreachable();
};

describe('the queue backend', () => {
  it('is the database by default', () => {
    expect(resolve({})).toBeNull();
    expect(resolve({ LONGHAUL_QUEUE_URL: '' })).toBeNull();
  });

  it.each([
    ['redis://cache', { kind: 'redis', url: 'redis://cache' }],
    ['rediss://user:p%23ss@cache:6380/3', { kind: 'redis', url: 'rediss://user:p%23ss@cache:6380/3' }],
    ['sqs://eu-west-1', { kind: 'sqs', region: 'eu-west-1', endpoint: null }],
    ['sqs://us-gov-west-1/', { kind: 'sqs', region: 'us-gov-west-1', endpoint: null }],
    [
      'sqs://eu-west-1?endpoint=https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com',
      { kind: 'sqs', region: 'eu-west-1', endpoint: 'https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com' },
    ],
  ])('is read from a URL: %s', (url, value) => {
    expect(resolve({ LONGHAUL_QUEUE_URL: url })).toEqual(value);
  });

  it('comes from the variable rather than from the file', () => {
    expect(resolve({}, { url: 'redis://file' })).toMatchObject({ url: 'redis://file' });
    expect(resolve({ LONGHAUL_QUEUE_URL: 'redis://variable' }, { url: 'redis://file' })).toMatchObject({
      url: 'redis://variable',
    });
  });

  it.each([
    ['cache:6379', 'must be redis://HOST, rediss://HOST or sqs://REGION'],
    ['redis://:pass#word@cache', 'is no valid URL'],
    ['redis:///1', 'names no host'],
    ['redis://cache/prod', 'not the number of a database'],
    ['redis://cache?tls=true', 'options after "?"'],
    ['sqs://europe', 'must be sqs://REGION'],
    ['sqs://sqs.eu-west-1.amazonaws.com/123/x', 'must be sqs://REGION'],
    ['sqs://AKIA:secret@eu-west-1', 'contains credentials'],
    ['sqs://eu-west-1?endpoint=vpce', 'endpoint that is no http or https URL'],
    ['sqs://eu-west-1?queue=x', 'option that Longhaul does not know'],
  ])('is rejected with the next step: %s', (url, words) => {
    expect(refusalOf({ LONGHAUL_QUEUE_URL: url })).toContain(words);
  });

  it('is rejected beside the embedded database', () => {
    const message = refusalOf({ LONGHAUL_DATABASE_URL: '', LONGHAUL_QUEUE_URL: 'redis://cache' });
    expect(message).toContain('the embedded database serves only one; unset it, or set LONGHAUL_DATABASE_URL');
  });

  it('is rejected with a password in the file', () => {
    const message = refusalOf({}, { url: 'redis://:hunter2@cache' });
    expect(message).toContain('queue.url contains a password');
    expect(message).not.toContain('hunter2');
  });
});
