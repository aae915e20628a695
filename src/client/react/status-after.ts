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

/** How a run stands after an event; null: as before. */
export function statusAfter({ type }: Pick<LonghaulEvent, 'type'>): RunResource['status'] | null {
  return STATUSES[type] ?? null;
}
