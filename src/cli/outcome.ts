import type { RunResource } from '../client/client.ts';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { formatDuration } from './durations.ts';
import type { Output } from './shell.ts';
import { toTerminalLine } from './terminal-text.ts';

const SIGNS: Readonly<Record<string, string>> = { succeeded: '✓', failed: '✗', cancelled: '✗' };
const STYLES = { succeeded: 'green', failed: 'red', cancelled: 'yellow' } as const;

/** Describes the state of a run on one line: `✓ succeeded   $0.0123   3 turns   4.2 s`. */
export function describeOutcome(run: RunResource, output: Pick<Output, 'style'>): string {
  const { status, error, costUsd, turns, durationMs } = run;
  const style = STYLES[status as keyof typeof STYLES] ?? 'cyan';
  const parts = [
    output.style(style, `${SIGNS[status] ?? '…'} ${toTerminalLine(status)}`),
    ...(status === 'failed' && error !== null
      ? [`${toTerminalLine(error.code)}: ${toTerminalLine(error.message)}`]
      : []),
    formatUsd(toMicros(costUsd)),
    `${turns} ${turns === 1 ? 'turn' : 'turns'}`,
    ...(durationMs === null ? [] : [formatDuration(durationMs)]),
  ];
  return parts.join('   ');
}

/** Returns the exit code of a command that followed a run. */
export function toExitCode({ status, error }: Pick<RunResource, 'status' | 'error'>): number {
  if (status === 'cancelled') return ERRORS.cancelled.exitCode;
  if (status !== 'failed') return 0;
  const code = error?.code ?? '';
  return ERRORS[(Object.hasOwn(ERRORS, code) ? code : 'internal_error') as ErrorCode].exitCode;
}
