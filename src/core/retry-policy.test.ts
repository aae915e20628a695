import { describe, expect, it } from 'vitest';
import { RUN_ERRORS } from './errors.ts';
import { decideRetry, type RetryPolicy } from './retry-policy.ts';

const policy: RetryPolicy = { maxAttempts: 3, delaysSeconds: [10, 30, 60], deadlineSeconds: 600, isContinued: true };

const decide = (changes: Partial<Parameters<typeof decideRetry>[0]> = {}) =>
  decideRetry({
    policy,
    code: 'provider_overloaded',
    failures: 1,
    elapsedSeconds: 5,
    retryAfterSeconds: null,
    random: 0,
    ...changes,
  });

describe('another attempt after a failure', () => {
  it('follows after 10, 30 and 60 seconds, the last wait repeating', () => {
    const waits = [1, 2, 3, 4].map((failures) => decide({ failures, policy: { ...policy, maxAttempts: 9 } }));
    expect(waits).toEqual([10, 30, 60, 60].map((delaySeconds) => ({ retry: true, delaySeconds })));
  });

  it('is spread by up to a fifth of its wait, never earlier', () => {
    expect(decide({ random: 0 })).toEqual({ retry: true, delaySeconds: 10 });
    expect(decide({ random: 0.999 })).toEqual({ retry: true, delaySeconds: 11.998 });
  });

  it('waits as long as the provider asked, if that is longer', () => {
    expect(decide({ retryAfterSeconds: 45 })).toEqual({ retry: true, delaySeconds: 45 });
    expect(decide({ retryAfterSeconds: 3 })).toEqual({ retry: true, delaySeconds: 10 });
  });

  it('does not follow when the attempts are used up: the failure is final', () => {
    expect(decide({ failures: 3 })).toEqual({ retry: false, code: 'provider_overloaded' });
  });

  it('does not follow when it could not start within the deadline', () => {
    expect(decide({ elapsedSeconds: 590 })).toEqual({ retry: true, delaySeconds: 10 });
    expect(decide({ elapsedSeconds: 590.1 })).toEqual({ retry: false, code: 'deadline_exceeded' });
    expect(decide({ retryAfterSeconds: 3_600 })).toEqual({ retry: false, code: 'deadline_exceeded' });
  });

  it('follows at once after a lost worker: its lease was the wait', () => {
    expect(decide({ code: 'worker_lost', random: 1 })).toEqual({ retry: true, delaySeconds: 0 });
  });

  it('never follows a failure that is not retryable', () => {
    for (const code of Object.keys(RUN_ERRORS) as (keyof typeof RUN_ERRORS)[]) {
      expect(decide({ code }).retry).toBe(RUN_ERRORS[code].isRetryable);
    }
    for (const code of [
      'cli_not_found',
      'provider_auth',
      'provider_invalid_request',
      'max_budget',
      'max_turns',
    ] as const) {
      expect(decide({ code })).toEqual({ retry: false, code });
    }
  });
});
