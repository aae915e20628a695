import { z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { toSessionNotFound } from '../../run/accept/fork-session.ts';
import { listRuns } from '../../run/read/read-runs.ts';
import {
  findSession,
  listSessions as readSessions,
  readTranscript,
  type Session,
} from '../../run/sessions/read-sessions.ts';
import { answerSubmission } from '../answer-submission.ts';
import { messageSchema, acceptedRunSchema, sessionSchema, sessionSummarySchema } from '../contract.ts';
import { id, text, wholeNumber } from '../input-fields.ts';
import { COUNTED_HEADERS } from '../openapi/headers.ts';
import { MAX_BODY_BYTES } from '../declaration.ts';
import { route } from '../route.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { limit, pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idempotencyHeaders, jsonBody } from './requests.ts';
import { requireRun, runParams } from './run-id.ts';

export const sendMessage = route(
  {
    method: 'post',
    path: '/v1/runs/{id}/messages',
    operationId: 'sendMessage',
    tag: 'Sessions',
    access: 'runs:write',
    maxBodyBytes: 16 * MAX_BODY_BYTES,
    summary: "Send a message to a run's session",
    description:
      'Submits a run in the same session, for the same agent and user. While another run of the session is unfinished, the agent’s `whileBusy` decides. With `steer` the message is delivered to the running run, which is returned.',
    request: { params: runParams, headers: idempotencyHeaders, body: jsonBody(messageSchema) },
    responses: {
      202: json(acceptedRunSchema, 'The new run, or the running run that receives the message.', [
        'Location',
        ...COUNTED_HEADERS,
      ]),
      ...problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429),
    },
  },
  async (context, deps) => {
    const viewer = toViewer(context.get('caller'));
    const { agent, sessionId } = await requireRun(deps.database, { runId: context.req.valid('param').id, viewer });
    return context.json(await answerSubmission(context, deps, { ...context.req.valid('json'), agent, sessionId }), 202);
  },
);

export const listSessions = route(
  {
    method: 'get',
    path: '/v1/sessions',
    operationId: 'listSessions',
    tag: 'Sessions',
    access: 'runs:read',
    summary: 'List sessions, newest first',
    request: {
      query: z.strictObject({
        agent: text().optional(),
        user: text().optional(),
        forkedFrom: id('must be the id of a session')
          .optional()
          .openapi({ description: 'Sessions that were branched from this one.' }),
        ...pageQuery,
      }),
    },
    responses: { 200: pageOf(sessionSummarySchema, 'A page of sessions.'), ...problems(400, 401, 403) },
  },
  async (context, { database }) => {
    const { cursor, limit, ...filter } = context.req.valid('query');
    const viewer = toViewer(context.get('caller'));
    const { sessions, hasMore } = await readSessions(database, { viewer, filter, before: cursor, limit });
    return context.json({ data: sessions.map(toSummary), nextCursor: toNextCursor(sessions, hasMore) }, 200);
  },
);

export const getSession = route(
  {
    method: 'get',
    path: '/v1/sessions/{id}',
    operationId: 'getSession',
    tag: 'Sessions',
    access: 'runs:read',
    summary: 'Read a session with its runs and messages',
    request: {
      params: runParams,
      query: z.strictObject({
        runsCursor: id('must be the nextCursor of runs').optional(),
        after: wholeNumber({ min: 0, max: 2_147_483_647 })
          .default(0)
          .openapi({ default: 0, description: 'Messages after this cursor: the `nextCursor` of `messages`.' }),
        limit: limit.openapi({ description: 'Maximum number of runs, and of messages, in a page.' }),
      }),
    },
    responses: { 200: json(sessionSchema, 'The current state of the session.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { config, database }) => {
    const { id: sessionId } = context.req.valid('param');
    const { runsCursor, after, limit } = context.req.valid('query');
    const caller = context.get('caller');
    const { basePath } = config.http;
    const viewer = toViewer(caller);
    const session = await findSession(database, { sessionId, viewer });
    if (session === null) throw toSessionNotFound(sessionId, 'id');
    const [{ runs, hasMore }, { messages, nextCursor }] = await Promise.all([
      listRuns(database, { viewer, filter: { sessionId }, before: runsCursor, limit }),
      readTranscript(database, { sessionId, after, limit }),
    ]);
    const whole = {
      ...toSummary(session),
      runs: {
        data: runs.map((run) => toRunResource(run, { caller, basePath })),
        nextCursor: toNextCursor(runs, hasMore),
      },
      messages: { data: messages.map((message) => ({ ...message, content: [...message.content] })), nextCursor },
    };
    return context.json(whole, 200);
  },
);

function toSummary({ tenant: _, createdAt, updatedAt, ...session }: Session) {
  return { ...session, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
