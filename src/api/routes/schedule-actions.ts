import { toIdempotencyOwner, toMaxPriority } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { pauseSchedule as pause, resumeSchedule as resume } from '../../schedule/change-schedules.ts';
import { checkIdempotencyKey } from '../check-submission.ts';
import { runSchema, scheduleSchema } from '../contract.ts';
import { queuedRun } from '../openapi/example-runs.ts';
import { pausedSchedule } from '../openapi/examples.ts';
import { route } from '../route.ts';
import { toScheduledSubmission } from '../scheduled-submission.ts';
import { submitOnce } from '../submit-once.ts';
import { toRunResource } from '../to-resource.ts';
import { toTraceOf } from '../trace-requests.ts';
import { json, problems } from './answers.ts';
import { idempotencyHeaders } from './requests.ts';
import { requireFound, requireSchedule, scheduleParams, toNamed, toScheduleResource } from './schedule-resource.ts';

export const pauseSchedule = route(
  {
    method: 'post',
    path: '/v1/schedules/{id}/pause',
    operationId: 'pauseSchedule',
    tag: 'Schedules',
    access: 'runs:write',
    example: pausedSchedule,
    summary: 'Pause a schedule',
    description: 'Idempotent.',
    request: { params: scheduleParams },
    responses: {
      200: json(scheduleSchema, 'The current state of the schedule.'),
      ...problems(400, 401, 403, 404),
    },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const paused = await pause(database, await toNamed(database, { id, caller }));
    return context.json(toScheduleResource(requireFound(paused, id), caller), 200);
  },
);

export const resumeSchedule = route(
  {
    method: 'post',
    path: '/v1/schedules/{id}/resume',
    operationId: 'resumeSchedule',
    tag: 'Schedules',
    access: 'runs:write',
    summary: 'Resume a schedule',
    description: 'Ticks continue from now on; ticks during the pause are not made up for. Idempotent.',
    request: { params: scheduleParams },
    responses: { 200: json(scheduleSchema, 'The current state of the schedule.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const resumed = await resume(database, await toNamed(database, { id, caller }));
    return context.json(toScheduleResource(requireFound(resumed, id), caller), 200);
  },
);

export const triggerSchedule = route(
  {
    method: 'post',
    path: '/v1/schedules/{id}/trigger',
    operationId: 'triggerSchedule',
    tag: 'Schedules',
    access: 'runs:write',
    example: queuedRun,
    summary: 'Trigger a schedule now',
    description:
      'Submits a run in addition to the ticks, even while the schedule is paused. The run counts against the rate limits and belongs to the key of the schedule.',
    request: { params: scheduleParams, headers: idempotencyHeaders },
    responses: {
      202: json(runSchema, 'The run.', ['Location']),
      ...problems(400, 401, 402, 403, 404, 422, 429),
    },
  },
  async (context, deps) => {
    const { config, database } = deps;
    const caller = context.get('caller');
    const schedule = await requireSchedule(database, { id: context.req.valid('param').id, caller });
    const most = toMaxPriority(caller, config.limits) ?? schedule.priority;
    const submission = {
      ...toScheduledSubmission({ ...schedule, priority: Math.min(schedule.priority, most) }, config.agents),
      actor: keyActor(caller),
      schedule: { id: schedule.id, tickAt: null },
      idempotencyKey: checkIdempotencyKey(context.req.valid('header')['idempotency-key'] ?? null),
      idempotencyOwner: toIdempotencyOwner(caller),
      trace: toTraceOf(context),
    };
    const { run } = await submitOnce(deps, { submission, caller });
    const { basePath } = config.http;
    return context.json(toRunResource(run, { caller, basePath }), 202, { location: `/v1/runs/${run.id}` });
  },
);
