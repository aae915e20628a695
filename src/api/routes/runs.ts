import { createRoute, z } from '@hono/zod-openapi';
import { keyActor } from '../../audit/actors.ts';
import { isFinal, RUN_STATUSES } from '../../core/states.ts';
import { cancelRun } from '../../run/cancel.ts';
import { readAttempts } from '../../run/read-attempts.ts';
import { readEvents } from '../../run/read-events.ts';
import { withoutFiguresOfOthers } from '../../run/budget.ts';
import { findRun, listRuns } from '../../run/read-runs.ts';
import type { Run } from '../../run/run.ts';
import { submitRun } from '../../run/submit.ts';
import { toEventStream } from '../../stream/server-sent-events.ts';
import type { Api, SubmitDeps } from '../api-deps.ts';
import { isOperator } from '../authenticate.ts';
import { checkSubmission } from '../check-submission.ts';
import { eventSchema, runSchema, submissionSchema } from '../contract.ts';
import { id, seconds, text, time, wholeNumber } from '../input-fields.ts';
import { toRateLimitError, toRateLimitHeaders } from '../rate-limits.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

const limit = wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 });
const after = wholeNumber({ min: 0, max: 2_147_483_647 });

/** Submitting, reading, following and cancelling runs. */
export function addRunRoutes(api: Api, deps: SubmitDeps): void {
  const { config, database, queue, hub, log, rateLimits } = deps;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs',
      summary: 'Submit a run',
      description: 'Answers at once; the run is executed by a worker. The same `Idempotency-Key` answers the same run.',
      request: {
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        body: { required: true, content: { 'application/json': { schema: submissionSchema } } },
      },
      responses: {
        202: json(runSchema, 'Accepted: it survives the death of any process.'),
        ...problems(400, 401, 402, 404, 413, 415, 422, 429),
      },
    }),
    async (context) => {
      const caller = context.get('caller');
      const submission = checkSubmission({
        body: context.req.valid('json'),
        agents: config.agents,
        idempotencyKey: context.req.valid('header')['idempotency-key'] ?? null,
        createdBy: caller.keyId,
      });
      const { states, isRefused } = await rateLimits.count({ user: submission.user, keyId: caller.keyId });
      for (const [name, value] of Object.entries(toRateLimitHeaders(states))) context.header(name, value);
      if (isRefused) throw toRateLimitError(states);
      const run = await submitRun({ database, queue, rules: config }, submission).catch((error: unknown) => {
        throw isOperator(caller) ? error : withoutFiguresOfOthers(error);
      });
      return context.json(toRunResource(run, { caller }), 202, { location: `/v1/runs/${run.id}` });
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs',
      summary: 'List runs, newest first',
      request: {
        query: z.strictObject({
          status: z.enum(RUN_STATUSES, `must be one of ${RUN_STATUSES.join(', ')}`).optional(),
          agent: text().optional(),
          user: text().optional(),
          sessionId: z.uuid('must be a UUID').optional(),
          errorCode: text().optional().openapi({ description: 'Ended with this error code.' }),
          from: time().optional().openapi({ description: 'Submitted at or after.' }),
          to: time().optional().openapi({ description: 'Submitted before.' }),
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit,
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(runSchema), nextCursor: z.uuid().nullable() }), 'A page of runs.'),
        ...problems(400, 401),
      },
    }),
    async (context) => {
      const { cursor, limit, from, to, ...filter } = context.req.valid('query');
      const { runs, hasMore } = await listRuns(database, {
        filter: {
          ...filter,
          from: from === undefined ? undefined : new Date(from),
          to: to === undefined ? undefined : new Date(to),
        },
        before: cursor,
        limit,
      });
      const data = runs.map((run) => toRunResource(run, { caller: context.get('caller') }));
      return context.json({ data, nextCursor: hasMore ? (runs.at(-1)?.id ?? null) : null }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}',
      summary: 'Read a run, or wait for its end',
      request: {
        params: idParams,
        query: z.strictObject({
          wait: seconds({ min: 0, max: 60 })
            .optional()
            .openapi({ description: 'Seconds to wait for the run to end before answering.' }),
        }),
      },
      responses: { 200: json(runSchema, 'The run as it stands.'), ...problems(400, 401, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const { wait = 0 } = context.req.valid('query');
      const run = await waitForEnd(id, { waitMs: wait * 1_000, signal: context.req.raw.signal });
      const caller = context.get('caller');
      const attempts = isOperator(caller) ? { attempts: await readAttempts(database, id) } : {};
      return context.json(toRunResource(run, { caller, ...attempts }), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}/events',
      summary: 'Follow a run, or read its log',
      description:
        'With `Accept: text/event-stream`: every event from `Last-Event-ID` or `after` on, as it happens, until the final one. Otherwise a page of the log.',
      request: {
        params: idParams,
        headers: z.object({ 'last-event-id': after.optional() }),
        query: z.strictObject({ after: after.optional(), limit }),
      },
      responses: {
        200: {
          description: 'The events.',
          content: {
            'application/json': { schema: z.object({ data: z.array(eventSchema), nextCursor: z.int().nullable() }) },
            'text/event-stream': { schema: z.string() },
          },
        },
        ...problems(400, 401, 404),
      },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const query = context.req.valid('query');
      await findOrThrow(id);
      const cursor = context.req.valid('header')['last-event-id'] ?? query.after ?? 0;
      if (!wantsEventStream(context.req.header('accept'))) {
        const events = await readEvents(database, { runId: id, after: cursor, limit: query.limit });
        const nextCursor = events.length === query.limit ? (events.at(-1)?.seq ?? null) : null;
        return context.json({ data: events, nextCursor }, 200);
      }
      const gone = new AbortController();
      context.req.raw.signal.addEventListener('abort', () => gone.abort());
      const events = hub.follow({ runId: id, after: cursor, signal: gone.signal });
      return toEventStream(events, {
        onGone: () => gone.abort(),
        onError: (err) => log.error({ err, runId: id }, 'a stream of events broke'),
      });
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{id}/cancel',
      summary: 'Cancel a run',
      description:
        'A queued run at once; a running one within seconds, its cost kept. A run that has ended stays as it is.',
      request: { params: idParams },
      responses: { 202: json(runSchema, 'The run as it stands.'), ...problems(400, 401, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const run = await cancelRun({ database, queue, rules: config }, id, keyActor(context.get('caller')));
      if (run === null) throw runNotFound(id);
      return context.json(toRunResource(run, { caller: context.get('caller') }), 202);
    },
  );

  async function findOrThrow(id: string): Promise<Run> {
    const run = await findRun(database, id);
    if (run === null) throw runNotFound(id);
    return run;
  }

  async function waitForEnd(id: string, { waitMs, signal }: { waitMs: number; signal: AbortSignal }): Promise<Run> {
    if (waitMs === 0) return findOrThrow(id);
    const endAt = performance.now() + waitMs;
    const watch = hub.watchEnd(id);
    try {
      for (;;) {
        const run = await findOrThrow(id);
        const timeoutMs = endAt - performance.now();
        if (isFinal(run.status) || timeoutMs <= 0 || signal.aborted) return run;
        await watch.next({ timeoutMs, signal });
      }
    } finally {
      watch.close();
    }
  }
}

function wantsEventStream(accept: string | undefined): boolean {
  return accept?.split(',').some((type) => type.split(';')[0]?.trim() === 'text/event-stream') ?? false;
}
