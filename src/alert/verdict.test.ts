import { describe, expect, it } from 'vitest';
import { judgeFailures } from './verdict.ts';

describe('the verdict on many failures', () => {
  it.each([
    ['provider_outage', { provider_overloaded: 6, provider_error: 5, hung: 10 }],
    ['provider_outage', { provider_error: 1 }],
    ['rate_limit', { provider_rate_limit: 8, provider_overloaded: 7 }],
    ['configuration', { provider_auth: 1, invalid_model: 1, cli_not_found: 1, run_timeout: 2 }],
    ['configuration', { workspace_invalid: 3 }],
    ['configuration', { provider_billing: 3 }],
    ['configuration', { provider_invalid_request: 3 }],
    ['mixed', { provider_rate_limit: 5, provider_auth: 5 }],
    ['mixed', { hung: 9, cli_crashed: 9, provider_auth: 2 }],
    ['mixed', { run_timeout: 4 }],
    ['mixed', {}],
  ])('is %s for %j', (verdict, codes) => {
    expect(judgeFailures(codes)).toBe(verdict);
  });
});
