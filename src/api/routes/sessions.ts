import { createRoute, z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { toSessionNotFound } from '../../run/fork-session.ts';
import { findRun, listRuns } from '../../run/read-runs.ts';
import { findSession, listSessions, readTranscript, type Session } from '../../run/read-sessions.ts';
import { acceptRun } from '../accept-run.ts';
import type { Api, SubmitDeps } from '../api-deps.ts';
import { messageSchema, acceptedRunSchema, sessionSchema, sessionSummarySchema } from '../contract.ts';
import { id, text, wholeNumber } from '../input-fields.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

const limit = wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 });

/** Adds the routes that read sessions and continue them. */
export function addSessionRoutes(api: Api, deps: SubmitDeps): void {
  const { config, database } = deps;
  const { basePath } = config.http;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{id}/messages',
      summary: "Send a message to a run's session",
      description:
        'Submits a run in the same session, for the same agent and user. While another run of the session is unfinished, the agent’s `whileBusy` decides. With `steer` the message is delivered to the running run, which is returned.',
      request: {
        params: idParams,
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        body: { required: true, content: { 'application/json': { schema: messageSchema } } },
      },
      responses: {
        202: json(acceptedRunSchema, 'The new run, or the running run that receives the message.'),
        ...problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429),
      },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { id } = context.req.valid('param');
      const named = await findRun(database, { runId: id, viewer: toViewer(caller) });
      if (named === null) throw runNotFound(id);
      const { agent, sessionId } = named;
      return context.json(await acceptRun(context, deps, { ...context.req.valid('json'), agent, sessionId }), 202);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sessions',
      summary: 'List sessions, newest first',
      request: {
        query: z.strictObject({
          agent: text().optional(),
          user: text().optional(),
          forkedFrom: id('must be the id of a session')
            .optional()
            .openapi({ description: 'Sessions that were branched from this one.' }),
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit,
        }),
      },
      responses: {
        200: json(
          z.object({ data: z.array(sessionSummarySchema), nextCursor: z.uuid().nullable() }),
          'A page of sessions.',
        ),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const { cursor, limit, ...filter } = context.req.valid('query');
      const viewer = toViewer(context.get('caller'));
      const { sessions, hasMore } = await listSessions(database, { viewer, filter, before: cursor, limit });
      const nextCursor = hasMore ? (sessions.at(-1)?.id ?? null) : null;
      return context.json({ data: sessions.map(toSummary), nextCursor }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sessions/{id}',
      summary: 'Read a session with its runs and messages',
      request: {
        params: idParams,
        query: z.strictObject({
          runsCursor: id('must be the nextCursor of runs').optional(),
          after: wholeNumber({ min: 0, max: 2_147_483_647 })
            .default(0)
            .openapi({ default: 0, description: 'Messages after this cursor: the `nextCursor` of `messages`.' }),
          limit: limit.openapi({ description: 'Maximum number of runs, and of messages, in a page.' }),
        }),
      },
      responses: { 200: json(sessionSchema, 'The current state of the session.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const { id: sessionId } = context.req.valid('param');
      const { runsCursor, after, limit } = context.req.valid('query');
      const caller = context.get('caller');
      const viewer = toViewer(caller);
      const session = await findSession(database, { sessionId, viewer });
      if (session === null) throw toSessionNotFound(sessionId, 'id');
      const [{ runs, hasMore }, { messages, nextCursor }] = await Promise.all([
        listRuns(database, { viewer, filter: { sessionId }, before: runsCursor, limit }),
        readTranscript(database, { sessionId, after, limit }),
      ]);
      return context.json(
        {
          ...toSummary(session),
          runs: {
            data: runs.map((run) => toRunResource(run, { caller, basePath })),
            nextCursor: hasMore ? (runs.at(-1)?.id ?? null) : null,
          },
          messages: { data: messages.map((message) => ({ ...message, content: [...message.content] })), nextCursor },
        },
        200,
      );
    },
  );
}

function toSummary({ tenant: _, createdAt, updatedAt, ...session }: Session) {
  return { ...session, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
