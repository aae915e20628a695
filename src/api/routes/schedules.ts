import { z } from '@hono/zod-openapi';
import { toOwners, toTenant, toViewer } from '../../access/caller.ts';
import { readNow } from '../../db/read-now.ts';
import {
  changeSchedule as change,
  createSchedule as create,
  removeSchedule as remove,
} from '../../schedule/change-schedules.ts';
import { listSchedules as readSchedules } from '../../schedule/read-schedules.ts';
import { newScheduleSchema, scheduleChangeSchema, scheduleSchema } from '../contract.ts';
import { text } from '../input-fields.ts';
import { route } from '../route.ts';
import { toScheduledSubmission } from '../scheduled-submission.ts';
import { withoutUndefined } from '../without-undefined.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { jsonBody } from './requests.ts';
import {
  checkFields,
  requireFound,
  requireOwnWebhook,
  requireSchedule,
  scheduleParams,
  toNamed,
  toScheduleResource,
} from './schedule-resource.ts';

export const createSchedule = route(
  {
    method: 'post',
    path: '/v1/schedules',
    operationId: 'createSchedule',
    tag: 'Schedules',
    access: 'runs:write',
    summary: 'Create a schedule',
    description:
      'Its runs belong to the API key that creates it, count for budgets like any other run, and are listed by `GET /v1/runs?scheduleId=`. They do not count against the rate limits.',
    request: { body: jsonBody(newScheduleSchema) },
    responses: {
      201: json(scheduleSchema, 'The schedule.', ['Location']),
      ...problems(400, 401, 403, 404, 409, 413, 415),
    },
  },
  async (context, { config, database }) => {
    const caller = context.get('caller');
    const body = context.req.valid('json');
    const { user, team } = toOwners(caller, body);
    checkFields(body, { caller, config });
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
    const created = await create(database, { schedule, now: await readNow(database) });
    return context.json(toScheduleResource(created, caller), 201, { location: `/v1/schedules/${created.id}` });
  },
);

export const listSchedules = route(
  {
    method: 'get',
    path: '/v1/schedules',
    operationId: 'listSchedules',
    tag: 'Schedules',
    access: 'runs:read',
    summary: 'List schedules, newest first',
    request: { query: z.strictObject({ agent: text().optional(), user: text().optional(), ...pageQuery }) },
    responses: { 200: pageOf(scheduleSchema, 'A page of schedules.'), ...problems(400, 401, 403) },
  },
  async (context, { database }) => {
    const { cursor, ...query } = context.req.valid('query');
    const caller = context.get('caller');
    const { schedules, hasMore } = await readSchedules(database, {
      viewer: toViewer(caller),
      before: cursor,
      ...query,
    });
    const data = schedules.map((schedule) => toScheduleResource(schedule, caller));
    return context.json({ data, nextCursor: toNextCursor(schedules, hasMore) }, 200);
  },
);

export const getSchedule = route(
  {
    method: 'get',
    path: '/v1/schedules/{id}',
    operationId: 'getSchedule',
    tag: 'Schedules',
    access: 'runs:read',
    summary: 'Read a schedule',
    request: { params: scheduleParams },
    responses: { 200: json(scheduleSchema, 'The current state of the schedule.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const caller = context.get('caller');
    const schedule = await requireSchedule(database, { id: context.req.valid('param').id, caller });
    return context.json(toScheduleResource(schedule, caller), 200);
  },
);

export const changeSchedule = route(
  {
    method: 'patch',
    path: '/v1/schedules/{id}',
    operationId: 'changeSchedule',
    tag: 'Schedules',
    access: 'runs:write',
    summary: 'Change a schedule',
    description:
      'Fields that are left out do not change; `metadata` and `limits` are replaced as a whole. A change of `cron` or `timeZone` applies to ticks from now on. The user and team cannot change: create another schedule instead. Only the key that created the schedule and operators may change `webhookUrl`.',
    request: { params: scheduleParams, body: jsonBody(scheduleChangeSchema) },
    responses: {
      200: json(scheduleSchema, 'The current state of the schedule.'),
      ...problems(400, 401, 403, 404, 413, 415),
    },
  },
  async (context, { config, database }) => {
    const { limits, ...body } = context.req.valid('json');
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    checkFields(body, { caller, config });
    const changed = await change(database, {
      ...(await toNamed(database, { id, caller })),
      change(schedule) {
        if (body.webhookUrl !== undefined) requireOwnWebhook(schedule, caller);
        const wanted = withoutUndefined({ ...body, limits: limits && withoutUndefined(limits) });
        toScheduledSubmission({ ...schedule, ...wanted }, config.agents);
        return wanted;
      },
    });
    return context.json(toScheduleResource(requireFound(changed, id), caller), 200);
  },
);

export const removeSchedule = route(
  {
    method: 'delete',
    path: '/v1/schedules/{id}',
    operationId: 'removeSchedule',
    tag: 'Schedules',
    access: 'runs:write',
    summary: 'Delete a schedule',
    description: 'Its runs do not change, and queued runs still start.',
    request: { params: scheduleParams },
    responses: { 200: json(scheduleSchema, 'The deleted schedule.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const removed = await remove(database, await toNamed(database, { id, caller }));
    return context.json(toScheduleResource(requireFound(removed, id), caller), 200);
  },
);
