import type { LonghaulEvent, RunResource } from '../client.ts';

const STATUSES: Readonly<Partial<Record<LonghaulEvent['type'], RunResource['status']>>> = {
  'run.queued': 'queued',
  'run.started': 'running',
  'run.waiting': 'waiting',
  'run.retrying': 'queued',
  'run.succeeded': 'succeeded',
  'run.failed': 'failed',
  'run.cancelled': 'cancelled',
};

/** Returns the status of a run after an event; null for no change. */
export function statusAfter({ type }: Pick<LonghaulEvent, 'type'>): RunResource['status'] | null {
  return STATUSES[type] ?? null;
}
