import { createRoute, z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import {
  isOperator,
  mayRead,
  toIdempotencyOwner,
  toMaxPriority,
  toOwners,
  toTenant,
  toViewer,
  type Caller,
} from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import {
  changeSchedule,
  createSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../../schedule/change-schedules.ts';
import { findSchedule, listSchedules } from '../../schedule/read-schedules.ts';
import type { Schedule } from '../../schedule/schedule.ts';
import type { Api, SubmitDeps } from '../api-deps.ts';
import { checkIdempotencyKey, checkPriority } from '../check-submission.ts';
import {
  newScheduleSchema,
  runSchema,
  scheduleChangeSchema,
  scheduleSchema,
  type ScheduleResource,
} from '../contract.ts';
import { id, text, wholeNumber } from '../input-fields.ts';
import { fieldError } from '../problem.ts';
import { toScheduledSubmission } from '../scheduled-submission.ts';
import { submitOnce } from '../submit-once.ts';
import { toRunResource } from '../to-resource.ts';
import { checkWebhookUrl } from '../webhook-access.ts';
import { json, problems } from './answers.ts';

const params = z.object({
  id: id("must be a schedule's id, a UUID").openapi({ format: 'uuid', description: "The schedule's id." }),
});

/** Adds the routes that manage schedules. */
export function addScheduleRoutes(api: Api, deps: SubmitDeps): void {
  const { config, database } = deps;
  const { basePath } = config.http;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/schedules',
      summary: 'Create a schedule',
      description:
        'Its runs belong to the API key that creates it, count for budgets like any other run, and are listed by `GET /v1/runs?scheduleId=`. They do not count against the rate limits.',
      request: { body: { required: true, content: { 'application/json': { schema: newScheduleSchema } } } },
      responses: { 201: json(scheduleSchema, 'The schedule.'), ...problems(400, 401, 403, 404, 409, 413, 415) },
    }),
    async (context) => {
      const caller = context.get('caller');
      const body = context.req.valid('json');
      const { user, team } = toOwners(caller, body);
      if (body.webhookUrl !== undefined) checkUrl(body.webhookUrl, caller);
      refusePriority(body.priority, caller);
      const schedule = {
        name: body.name ?? null,
        agent: body.agent,
        prompt: body.prompt,
        cron: body.cron,
        timeZone: body.timeZone ?? config.timeZone,
        user: user ?? null,
        team: team ?? null,
        tenant: toTenant(caller),
        metadata: body.metadata ?? {},
        priority: body.priority ?? 0,
        limits: withoutUndefined(body.limits ?? {}),
        webhookUrl: body.webhookUrl ?? null,
        missed: body.missed ?? 'once',
        createdBy: caller.keyId,
      } as const;
      toScheduledSubmission(schedule, config.agents);
      const created = await createSchedule(database, { schedule, now: await readNow() });
      return context.json(toResource(created, caller), 201, { location: `/v1/schedules/${created.id}` });
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/schedules',
      summary: 'List schedules, newest first',
      request: {
        query: z.strictObject({
          agent: text().optional(),
          user: text().optional(),
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(scheduleSchema), nextCursor: z.uuid().nullable() }), 'A page of schedules.'),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const { cursor, ...query } = context.req.valid('query');
      const caller = context.get('caller');
      const { schedules, hasMore } = await listSchedules(database, {
        viewer: toViewer(caller),
        before: cursor,
        ...query,
      });
      const data = schedules.map((schedule) => toResource(schedule, caller));
      return context.json({ data, nextCursor: hasMore ? schedules.at(-1)!.id : null }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/schedules/{id}',
      summary: 'Read a schedule',
      request: { params },
      responses: { 200: json(scheduleSchema, 'The current state of the schedule.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const caller = context.get('caller');
      return context.json(toResource(await find(context.req.valid('param').id, caller), caller), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'patch',
      path: '/v1/schedules/{id}',
      summary: 'Change a schedule',
      description:
        'Fields that are left out do not change; `metadata` and `limits` are replaced as a whole. A change of `cron` or `timeZone` applies to ticks from now on. The user and team cannot change: create another schedule instead. Only the key that created the schedule and operators may change `webhookUrl`.',
      request: {
        params,
        body: { required: true, content: { 'application/json': { schema: scheduleChangeSchema } } },
      },
      responses: {
        200: json(scheduleSchema, 'The current state of the schedule.'),
        ...problems(400, 401, 403, 404, 413, 415),
      },
    }),
    async (context) => {
      const { limits, ...body } = context.req.valid('json');
      const { id } = context.req.valid('param');
      const caller = context.get('caller');
      if (body.webhookUrl) checkUrl(body.webhookUrl, caller);
      refusePriority(body.priority, caller);
      const changed = await changeSchedule(database, {
        ...(await mean(id, caller)),
        change(schedule) {
          if (body.webhookUrl !== undefined && !isToldBy(schedule, caller)) throw notItsKey();
          const change = withoutUndefined({ ...body, limits: limits && withoutUndefined(limits) });
          toScheduledSubmission({ ...schedule, ...change }, config.agents);
          return change;
        },
      });
      return context.json(toResource(foundOrThrow(changed, id), caller), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/schedules/{id}',
      summary: 'Delete a schedule',
      description: 'Its runs do not change, and queued runs still start.',
      request: { params },
      responses: { 200: json(scheduleSchema, 'The deleted schedule.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const caller = context.get('caller');
      const removed = await removeSchedule(database, await mean(id, caller));
      return context.json(toResource(foundOrThrow(removed, id), caller), 200);
    },
  );

  const turns = [
    ['pause', pauseSchedule, 'Pause a schedule', 'Idempotent.'],
    [
      'resume',
      resumeSchedule,
      'Resume a schedule',
      'Ticks continue from now on; ticks during the pause are not made up for. Idempotent.',
    ],
  ] as const;
  for (const [action, turn, summary, description] of turns) {
    api.openapi(
      createRoute({
        method: 'post',
        path: `/v1/schedules/{id}/${action}`,
        summary,
        description,
        request: { params },
        responses: { 200: json(scheduleSchema, 'The current state of the schedule.'), ...problems(400, 401, 403, 404) },
      }),
      async (context) => {
        const { id } = context.req.valid('param');
        const caller = context.get('caller');
        const turned = await turn(database, await mean(id, caller));
        return context.json(toResource(foundOrThrow(turned, id), caller), 200);
      },
    );
  }

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/schedules/{id}/trigger',
      summary: 'Trigger a schedule now',
      description:
        'Submits a run in addition to the ticks, even while the schedule is paused. The run counts against the rate limits and belongs to the key of the schedule.',
      request: { params, headers: z.object({ 'idempotency-key': z.string().optional() }) },
      responses: { 202: json(runSchema, 'The run.'), ...problems(400, 401, 402, 403, 404, 422, 429) },
    }),
    async (context) => {
      const caller = context.get('caller');
      const schedule = await find(context.req.valid('param').id, caller);
      const most = toMaxPriority(caller, config.limits) ?? schedule.priority;
      const submission = {
        ...toScheduledSubmission({ ...schedule, priority: Math.min(schedule.priority, most) }, config.agents),
        actor: keyActor(caller),
        schedule: { id: schedule.id, tickAt: null },
        idempotencyKey: checkIdempotencyKey(context.req.valid('header')['idempotency-key'] ?? null),
        idempotencyOwner: toIdempotencyOwner(caller),
      };
      const { run } = await submitOnce(deps, { submission, caller });
      return context.json(toRunResource(run, { caller, basePath }), 202, { location: `/v1/runs/${run.id}` });
    },
  );

  async function find(id: string, caller: Caller): Promise<Schedule> {
    return foundOrThrow(await findSchedule(database, { id, viewer: toViewer(caller) }), id);
  }

  async function mean(id: string, caller: Caller) {
    return { id, viewer: toViewer(caller), keyId: caller.keyId, now: await readNow() };
  }

  function checkUrl(url: string, caller: Caller): void {
    checkWebhookUrl(url, { path: 'webhookUrl', caller, config: config.webhooks });
  }

  function refusePriority(priority: number | undefined, caller: Caller): void {
    const [error] = checkPriority(priority ?? 0, toMaxPriority(caller, config.limits));
    if (error !== undefined) throw fieldError(error.path, error.message);
  }

  /** Reads the clock that decides on ticks. */
  async function readNow(): Promise<Date> {
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(database.sql);
    return rows[0]!.now;
  }
}

function foundOrThrow(schedule: Schedule | null, id: string): Schedule {
  if (schedule !== null) return schedule;
  throw new LonghaulError('not_found', { message: `There is no schedule ${id}.` });
}

/** Returns whether the caller may see and change `webhookUrl`. Posts to it are signed for the schedule's key. */
function isToldBy({ createdBy }: Schedule, caller: Caller): boolean {
  return isOperator(caller) || (caller.kind === 'key' && caller.keyId === createdBy);
}

function notItsKey(): LonghaulError {
  return new LonghaulError('forbidden', {
    message: 'Another API key created this schedule; only that key and operators may change its webhookUrl.',
    errors: [{ path: 'webhookUrl', message: 'must be left out' }],
  });
}

function toResource(whole: Schedule, caller: Caller): ScheduleResource {
  const { createdBy: _, tenant: __, createdAt, pausedAt, nextAt, lastAt, ...schedule } = whole;
  return {
    ...schedule,
    webhookUrl: isToldBy(whole, caller) ? schedule.webhookUrl : null,
    // A caller that may not read runs sees that the schedule exists, but not its prompt.
    prompt: mayRead(caller) ? schedule.prompt : '',
    metadata: mayRead(caller) ? { ...schedule.metadata } : {},
    lastError: mayRead(caller) ? schedule.lastError : null,
    createdAt: createdAt.toISOString(),
    pausedAt: pausedAt?.toISOString() ?? null,
    nextAt: nextAt?.toISOString() ?? null,
    lastAt: lastAt?.toISOString() ?? null,
  };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
