import type { NewSchedule, QueueResource, RunResource, ScheduleChange, ScheduleResource } from '../api/contract.ts';
import { jsonBody, postOnce } from './json-body.ts';
import type { ScheduleFilter, SchedulePage } from './lists.ts';
import type { Transport } from './transport.ts';

/** Methods for schedules, and for the queues of their runs. */
export interface ScheduleMethods {
  /** Creates a schedule, which submits a run at fixed times. */
  createSchedule(schedule: NewSchedule): Promise<ScheduleResource>;
  /** Lists schedules, newest first, one page at a time. */
  schedules(filter?: ScheduleFilter): Promise<SchedulePage>;
  schedule(id: string): Promise<ScheduleResource>;
  /** Changes the given fields, and leaves the rest unchanged. */
  changeSchedule(id: string, change: ScheduleChange): Promise<ScheduleResource>;
  /** Deletes a schedule and keeps its runs; returns its last state. */
  removeSchedule(id: string): Promise<ScheduleResource>;
  pauseSchedule(id: string): Promise<ScheduleResource>;
  /** Resumes a schedule: it submits runs again from now on. */
  resumeSchedule(id: string): Promise<ScheduleResource>;
  /** Submits the schedule's run now, in addition to its ticks. */
  triggerSchedule(id: string, options?: { idempotencyKey?: string | undefined }): Promise<RunResource>;
  /** Lists the queues, with their waiting runs. */
  queues(): Promise<QueueResource[]>;
  /** Pauses a queue: no further runs start from it; running runs continue. For keys of operators. */
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
