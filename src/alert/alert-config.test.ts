import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config/resolve.ts';
import { LonghaulError } from '../core/errors.ts';

const resolve = (alerts: unknown, env: Record<string, string> = {}) =>
  resolveConfig({ input: { agents: { reader: { tools: [] } }, alerts }, baseDir: '/', env }).alerts;

function refusal(alerts: unknown, env: Record<string, string> = {}): LonghaulError {
  try {
    resolve(alerts, env);
  } catch (error) {
    if (error instanceof LonghaulError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

const smtp = { host: 'mail.example.com' };
const mail = { type: 'email', to: 'ops@example.com', from: 'longhaul@example.com', smtp };

describe('the alerts of a configuration', () => {
  it('have every default, and the log', () => {
    const defaults = {
      runCostUsd: 5,
      dailyCostUsd: 100,
      queueDepth: 50,
      errorRate: { share: 0.25, minRuns: 10, windowMinutes: 15 },
      driftShare: 0.1,
      repeatMinutes: 60,
      channels: [{ name: 'log', type: 'log', minSeverity: 'info' }],
    };
    expect(resolve(undefined)).toEqual(defaults);
    expect(resolve({})).toEqual(defaults);
    expect(resolve({ errorRate: { share: 0.5 } })).toEqual({
      ...defaults,
      errorRate: { ...defaults.errorRate, share: 0.5 },
    });
  });

  it('accept false for every figure', () => {
    const figures = ['runCostUsd', 'dailyCostUsd', 'queueDepth', 'errorRate', 'driftShare', 'repeatMinutes'];
    expect(resolve(Object.fromEntries(figures.map((figure) => [figure, false])))).toMatchObject(
      Object.fromEntries(figures.map((figure) => [figure, null])),
    );
  });

  it('name channels by type and order, fill in their ports and read their secrets from variables', () => {
    const env = { HOOK: 'https://hooks.example.com/T0', SIGNING: 'whsec_aHVudGVyMg==', MAIL: 'hunter2' };
    const channels = [
      { type: 'slack', url: { env: 'HOOK' }, minSeverity: 'critical' },
      { type: 'webhook', url: 'http://10.0.0.7/a', secret: { env: 'SIGNING' } },
      { type: 'webhook', url: 'http://10.0.0.7/b' },
      { type: 'log', minSeverity: 'warning' },
      { ...mail, smtp: { ...smtp, user: 'longhaul', password: { env: 'MAIL' } } },
      { ...mail, to: ['a@example.com', 'b@example.com'], smtp: { ...smtp, secure: true } },
    ];
    expect(resolve({ channels }, env).channels).toEqual([
      { name: 'slack', type: 'slack', minSeverity: 'critical', url: 'https://hooks.example.com/T0' },
      { name: 'webhook', type: 'webhook', minSeverity: 'info', url: 'http://10.0.0.7/a', secret: 'whsec_aHVudGVyMg==' },
      { name: 'webhook-2', type: 'webhook', minSeverity: 'info', url: 'http://10.0.0.7/b', secret: null },
      { name: 'log', type: 'log', minSeverity: 'warning' },
      {
        name: 'email',
        type: 'email',
        minSeverity: 'info',
        to: ['ops@example.com'],
        from: mail.from,
        smtp: { host: smtp.host, port: 587, secure: false, user: 'longhaul', password: 'hunter2' },
      },
      {
        name: 'email-2',
        type: 'email',
        minSeverity: 'info',
        to: ['a@example.com', 'b@example.com'],
        from: mail.from,
        smtp: { host: smtp.host, port: 465, secure: true, user: null, password: null },
      },
    ]);
  });

  it.each([
    [{ runCost: 5 }, 'alerts.runCost', 'is not a known field'],
    [{ runCostUsd: 'much' }, 'alerts.runCostUsd', 'must be an amount in USD, or false; received "much"'],
    [{ runCostUsd: true }, 'alerts.runCostUsd', 'must be an amount in USD, or false'],
    [{ errorRate: { share: 2 } }, 'alerts.errorRate.share', 'must be at most 1; received 2'],
    [{ errorRate: 0.5 }, 'alerts.errorRate', 'must be false, or { share'],
    [{ repeatMinutes: 0 }, 'alerts.repeatMinutes', 'must be 1 or more; received 0'],
    [{ channels: [{ type: 'pager' }] }, 'alerts.channels.0.type', 'must be "log", "webhook", "slack" or "email"'],
    [{ channels: [{}] }, 'alerts.channels.0.type', 'must be "log", "webhook", "slack" or "email"'],
    [{ channels: [{ type: 'slack' }] }, 'alerts.channels.0.url', 'must be an http or https URL, or { env: "NAME" }'],
    [{ channels: [{ type: 'log', url: 'x' }] }, 'alerts.channels.0.url', 'is not a known field'],
    [{ channels: [{ type: 'log', minSeverity: 'loud' }] }, 'alerts.channels.0.minSeverity', 'received "loud"'],
    [{ channels: [{ ...mail, smtp: {} }] }, 'alerts.channels.0.smtp.host', 'must be the name of a host'],
  ])('are rejected by path: %j', (alerts, path, message) => {
    expect(refusal(alerts).errors).toContainEqual({ path, message: expect.stringContaining(message) as string });
  });

  it.each([
    [{ type: 'slack', url: 'ftp://hunter2' }, 'alerts.channels.0.url', {}],
    [{ type: 'webhook', url: 'http://x', secret: 'hunter2!' }, 'alerts.channels.0.secret', {}],
    [{ type: 'webhook', url: 'http://x', secret: 'hunter2_' }, 'alerts.channels.0.secret', {}],
    [{ type: 'webhook', url: 'http://x', secret: 'whsec_' }, 'alerts.channels.0.secret', {}],
    [{ type: 'webhook', url: 'http://x', secret: { env: 'S' } }, 'alerts.channels.0.secret', { S: 'hunter2!' }],
    [{ type: 'slack', url: { env: 'S' } }, 'alerts.channels.0.url', { S: 'hunter2' }],
    [{ ...mail, smtp: { ...smtp, password: ['hunter2'] } }, 'alerts.channels.0.smtp.password', {}],
  ])('are rejected without repeating a secret: %j', (channel, path, env) => {
    const error = refusal({ channels: [channel] }, env);
    expect(error.errors[0]?.path).toBe(path);
    expect(error.message).not.toContain('hunter2');
  });

  it('are rejected because of a variable that is not set, by path and name', () => {
    for (const env of [{}, { HOOK: '' }]) {
      expect(
        refusal({ channels: [{ type: 'slack', url: { env: 'HOOK' } }] }, env as Record<string, string>).errors,
      ).toEqual([{ path: 'alerts.channels.0.url', message: 'names the variable HOOK, which is not set' }]);
    }
  });
});
