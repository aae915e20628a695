import type { NewSchedule, QueueResource, RunResource, ScheduleChange, ScheduleResource } from '../api/contract.ts';
import { jsonBody, postOnce } from './json-body.ts';
import type { ScheduleFilter, SchedulePage } from './lists.ts';
import type { Transport } from './transport.ts';

/** Runs that are submitted by the clock, and the queues they stand in. */
export interface ScheduleMethods {
  /** Makes a schedule: a run that is submitted again and again, by the clock. */
  createSchedule(schedule: NewSchedule): Promise<ScheduleResource>;
  /** Lists schedules, newest first, a page at a time. */
  schedules(filter?: ScheduleFilter): Promise<SchedulePage>;
  schedule(id: string): Promise<ScheduleResource>;
  /** Changes what is named, and leaves the rest as it is. */
  changeSchedule(id: string, change: ScheduleChange): Promise<ScheduleResource>;
  /** Removes a schedule and keeps its runs; returns it as it stood. */
  removeSchedule(id: string): Promise<ScheduleResource>;
  pauseSchedule(id: string): Promise<ScheduleResource>;
  /** Lets it submit runs again, from now on. */
  resumeSchedule(id: string): Promise<ScheduleResource>;
  /** Submits its run now, beside its ticks. */
  triggerSchedule(id: string, options?: { idempotencyKey?: string | undefined }): Promise<RunResource>;
  /** The queues, with what waits in them. */
  queues(): Promise<QueueResource[]>;
  /** Lets no more runs start from a queue; those at work go on. For keys of operators. */
  pauseQueue(name: string): Promise<QueueResource>;
  resumeQueue(name: string): Promise<QueueResource>;
}

export function createScheduleMethods({ requestJson, toQuery }: Transport): ScheduleMethods {
  const pathOf = (id: string) => `/v1/schedules/${encodeURIComponent(id)}`;
  return {
    createSchedule: (schedule) => requestJson('/v1/schedules', jsonBody('POST', schedule)),
    schedules: (filter = {}) => requestJson(`/v1/schedules${toQuery({ ...filter })}`),
    schedule: (id) => requestJson(pathOf(id)),
    changeSchedule: (id, change) => requestJson(pathOf(id), jsonBody('PATCH', change)),
    removeSchedule: (id) => requestJson(pathOf(id), { method: 'DELETE' }),
    pauseSchedule: (id) => requestJson(`${pathOf(id)}/pause`, { method: 'POST' }),
    resumeSchedule: (id) => requestJson(`${pathOf(id)}/resume`, { method: 'POST' }),
    triggerSchedule: (id, { idempotencyKey } = {}) =>
      requestJson(`${pathOf(id)}/trigger`, postOnce(undefined, idempotencyKey)),
    async queues() {
      const { data } = await requestJson<{ data: QueueResource[] }>('/v1/queues');
      return data;
    },
    pauseQueue: (name) => requestJson(`/v1/queues/${encodeURIComponent(name)}/pause`, { method: 'POST' }),
    resumeQueue: (name) => requestJson(`/v1/queues/${encodeURIComponent(name)}/resume`, { method: 'POST' }),
  };
}
