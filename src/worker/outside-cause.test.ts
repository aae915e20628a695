import { describe, expect, it } from 'vitest';
import { NOTHING_DONE, type AgentReport } from '../agent/agent-process.ts';
import { LonghaulError, type RunErrorCode } from '../core/errors.ts';
import type { MachineFault } from '../core/machine-fault.ts';
import { createReader } from '../run/run.fixture.ts';
import { findOutsideCause } from './outside-cause.ts';
import { toFailedReport } from './settlement.ts';

const FULL: MachineFault = { code: 'ENOSPC', message: 'ENOSPC: no space left on device' };

const failed = (code: RunErrorCode, rest: Partial<AgentReport> = {}, fault?: MachineFault): AgentReport => ({
  ...NOTHING_DONE,
  durationMs: 1,
  ...rest,
  outcome: { status: 'failed', code, detail: 'x', ...(fault && { fault }) },
});

interface Circumstances {
  readonly hasAsked?: boolean;
  readonly isLeaving?: boolean;
  /** What a look at the machine finds. */
  readonly found?: MachineFault;
}

async function judge(report: AgentReport, { hasAsked = false, isLeaving = false, found }: Circumstances = {}) {
  const noted: unknown[] = [];
  let looks = 0;
  const cause = await findOutsideCause({
    report,
    agent: createReader(),
    hasAsked,
    machine: {
      note: (fault, workspace) => noted.push([fault.code, workspace?.agent ?? null]),
      look: async () => {
        looks += 1;
        return found ?? null;
      },
    },
    leaving: isLeaving ? Promise.resolve() : new Promise(() => {}),
  });
  return { cause, noted, looks };
}

describe('why an attempt has failed', () => {
  it('is its own doing where nothing speaks for another cause', async () => {
    expect(await judge(failed('cli_crashed', { exitCode: 1 }))).toEqual({ cause: null, noted: [], looks: 1 });
    expect(await judge(failed('max_turns'))).toEqual({ cause: null, noted: [], looks: 0 });
    const succeeded = { ...failed('hung'), outcome: { status: 'succeeded', result: '' } } as const;
    expect(await judge(succeeded, { isLeaving: true, found: FULL })).toEqual({ cause: null, noted: [], looks: 0 });
  });

  it.each([
    ['by a signal', { signal: 'SIGTERM' }],
    ['with the number of one', { exitCode: 143 }],
    ['at Ctrl-C', { exitCode: 130 }],
  ])('is its worker’s, which leaves, when its process ended %s', async (_, ended) => {
    expect((await judge(failed('cli_crashed', ended), { isLeaving: true, hasAsked: true })).cause).toMatch(
      /told to end/,
    );
    expect((await judge(failed('cli_start_failed', ended), { isLeaving: true })).cause).toMatch(/told to end/);
    // Ended by whoever it was: an agent may end its own process, and would for ever.
    expect((await judge(failed('cli_crashed', ended))).cause).toBeNull();
  });

  it('is its worker’s too when that hears of the signal a moment later', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const judged = findOutsideCause({
      report: failed('cli_crashed', { signal: 'SIGTERM' }),
      agent: createReader(),
      hasAsked: true,
      machine: { note: () => expect.unreachable(), look: () => expect.unreachable() },
      leaving: promise,
    });
    setTimeout(resolve, 100);
    expect(await judged).toMatch(/told to end/);
  });

  it('is its own when it crashed by itself while its worker leaves', async () => {
    expect((await judge(failed('cli_crashed', { signal: 'SIGSEGV' }), { isLeaving: true })).cause).toBeNull();
    expect((await judge(failed('cli_crashed', { exitCode: 1 }), { isLeaving: true })).cause).toBeNull();
  });

  it('is the machine’s where that lacked something, but only before a model was asked; the worker holds either way', async () => {
    const launch = failed('cli_start_failed', {}, FULL);
    expect(await judge(launch)).toMatchObject({
      cause: expect.stringContaining('ENOSPC') as string,
      noted: [['ENOSPC', null]],
    });
    expect(await judge(launch, { hasAsked: true })).toMatchObject({ cause: null, noted: [['ENOSPC', null]] });
    const silent = failed('cli_crashed', { exitCode: 1 });
    expect((await judge(silent, { found: FULL })).cause).toContain('ENOSPC');
    expect(await judge(silent, { found: FULL, hasAsked: true })).toMatchObject({ cause: null, looks: 1 });
  });

  it('names the agent whose workspace it was, and takes a workspace that is not there for what it is', async () => {
    const cause = Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC' });
    const full = toFailedReport(new LonghaulError('workspace_invalid', { message: 'cannot be used', cause }));
    expect((await judge(full)).noted).toEqual([['ENOSPC', 'reader']]);
    const missing = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
    const wrong = toFailedReport(new LonghaulError('workspace_invalid', { message: 'is not there', cause: missing }));
    expect(await judge(wrong)).toEqual({ cause: null, noted: [], looks: 0 });
  });
});
