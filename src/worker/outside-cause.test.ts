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
  /** The result of a probe of the machine. */
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
      probe: async () => {
        looks += 1;
        return found ?? null;
      },
    },
    leaving: isLeaving ? Promise.resolve() : new Promise(() => {}),
  });
  return { cause, noted, looks };
}

describe('the cause of a failed attempt', () => {
  it('is the attempt itself if nothing indicates another cause', async () => {
    expect(await judge(failed('cli_crashed', { exitCode: 1 }))).toEqual({ cause: null, noted: [], looks: 1 });
    expect(await judge(failed('max_turns'))).toEqual({ cause: null, noted: [], looks: 0 });
    const succeeded = { ...failed('hung'), outcome: { status: 'succeeded', result: '' } } as const;
    expect(await judge(succeeded, { isLeaving: true, found: FULL })).toEqual({ cause: null, noted: [], looks: 0 });
  });

  it.each([
    ['by a signal', { signal: 'SIGTERM' }],
    ['with the number of a signal', { exitCode: 143 }],
    ['at Ctrl-C', { exitCode: 130 }],
  ])('is the stopping worker when the process ended %s', async (_, ended) => {
    expect((await judge(failed('cli_crashed', ended), { isLeaving: true, hasAsked: true })).cause).toMatch(
      /asked to end/,
    );
    expect((await judge(failed('cli_start_failed', ended), { isLeaving: true })).cause).toMatch(/asked to end/);
    // Without a stopping worker: an agent may end its own process, and would do so forever.
    expect((await judge(failed('cli_crashed', ended))).cause).toBeNull();
  });

  it('is the stopping worker even if it receives the signal a moment later', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const judged = findOutsideCause({
      report: failed('cli_crashed', { signal: 'SIGTERM' }),
      agent: createReader(),
      hasAsked: true,
      machine: { note: () => expect.unreachable(), probe: () => expect.unreachable() },
      leaving: promise,
    });
    setTimeout(resolve, 100);
    expect(await judged).toMatch(/asked to end/);
  });

  it('is the attempt itself when it crashed while its worker stops', async () => {
    expect((await judge(failed('cli_crashed', { signal: 'SIGSEGV' }), { isLeaving: true })).cause).toBeNull();
    expect((await judge(failed('cli_crashed', { exitCode: 1 }), { isLeaving: true })).cause).toBeNull();
  });

  it('is a fault of the machine only before a model was asked; the worker stops claiming in both cases', async () => {
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

  it('names the agent of the workspace, and does not treat a missing workspace as a fault of the machine', async () => {
    const cause = Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC' });
    const full = toFailedReport(new LonghaulError('workspace_invalid', { message: 'cannot be used', cause }));
    expect((await judge(full)).noted).toEqual([['ENOSPC', 'reader']]);
    const missing = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
    const wrong = toFailedReport(new LonghaulError('workspace_invalid', { message: 'is not there', cause: missing }));
    expect(await judge(wrong)).toEqual({ cause: null, noted: [], looks: 0 });
  });
});
