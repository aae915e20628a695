import type { RunResource } from 'longhaul/client';
import { Status, Tag } from './tag.tsx';
import type { Tone } from './tone.ts';

type RunState = Pick<RunResource, 'status' | 'waitingFor'>;

export const RUN_STATUSES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const;

const TONES: Readonly<Record<RunResource['status'], Tone>> = {
  queued: 'gray',
  running: 'blue',
  waiting: 'amber',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'gray',
};

const WORDS: Readonly<Record<RunResource['status'], string>> = {
  queued: 'Queued',
  running: 'Running',
  waiting: 'Waiting',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const WAITING_FOR: Readonly<Record<string, string>> = {
  approval: 'Waits for a person',
  budget: 'Waits for a budget',
  provider_limit: 'Waits for the provider',
};

export function toStatusWord({ status, waitingFor }: RunState): string {
  return (status === 'waiting' && waitingFor !== null && WAITING_FOR[waitingFor]) || WORDS[status];
}

export function isUnfinished(status: RunResource['status']): boolean {
  return status === 'queued' || status === 'running' || status === 'waiting';
}

/** Status of a run, for lists. */
export function RunStatus({ run }: { readonly run: RunState }) {
  return (
    <Status tone={TONES[run.status]} isLive={run.status === 'running'}>
      {toStatusWord(run)}
    </Status>
  );
}

/** Status of a run as a tag, outside of lists. */
export function RunStatusTag({ run }: { readonly run: RunState }) {
  return <Tag tone={TONES[run.status]}>{toStatusWord(run)}</Tag>;
}
