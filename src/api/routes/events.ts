import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { toViewer } from '../../access/caller.ts';
import { followRun as follow, followVisible } from '../../stream/cursor-events.ts';
import { toEventStream } from '../../stream/server-sent-events.ts';
import type { RouteDeps } from '../api-deps.ts';
import type { ApiEnv } from '../authenticate.ts';
import { eventPageSchema, eventTypes, streamPageSchema } from '../contract.ts';
import { seconds, text, wholeNumber } from '../input-fields.ts';
import { route } from '../route.ts';
import { untilGone } from '../until-gone.ts';
import { serveSocket } from '../web-socket/serve-socket.ts';
import { findUpgrade, type Upgrade } from '../web-socket/upgrade.ts';
import { problems } from './answers.ts';
import { limit } from './pages.ts';
import { requireRun, runParams } from './run-id.ts';

const wait = seconds({ min: 0, max: 60 })
  .optional()
  .openapi({ description: 'Seconds to wait for an event when the page is empty.' });
const token = text().optional().openapi({ description: 'A token of `POST /v1/tokens`, for streams to browsers.' });
const types = z
  .preprocess(
    (value) => (value === undefined ? undefined : [value].flat()),
    z.array(z.enum(eventTypes, `must be one of ${eventTypes.join(', ')}`)).optional(),
  )
  .openapi({ description: 'Only events of this type; repeat it for several types. A WebSocket does not accept it.' });
const seq = wholeNumber({ min: 0, max: 2_147_483_647 });
const position = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** Describes the WebSocket in words, because OpenAPI cannot describe one. */
const WEB_SOCKET_ANSWER = {
  description: `A WebSocket, if the request asks for one. A browser sends its token as the sub-protocol \`longhaul.token.TOKEN\`.

The client sends JSON messages: \`{"type":"subscribe","id":"a","runId":"…","after":7}\`, with \`"all":true\` in place of \`runId\` for every run, \`{"type":"unsubscribe","id":"a"}\` and \`{"type":"ping"}\`.

The server sends frames with a \`type\` and the \`id\` of the subscription: \`subscribed\` and \`event\`, each with the \`cursor\` to pass as \`after\`, \`end\`, \`error\` with a \`problem\`, and \`pong\`.

The server closes it with 1001 when the server stops, 1008 when the key or token is no longer valid, and 1013 when the client does not read. It drops a client that answers no ping.`,
};

export const followRun = route(
  {
    method: 'get',
    path: '/v1/runs/{id}/events',
    operationId: 'followRun',
    tag: 'Events',
    access: 'runs:read',
    isStream: true,
    summary: 'Follow a run, or read its log',
    description:
      'With `Accept: text/event-stream`: every event after `Last-Event-ID` or `after`, as it happens, until the final one. Otherwise a page of the log.',
    request: {
      params: runParams,
      headers: z.object({ 'last-event-id': seq.optional() }),
      query: z.strictObject({ after: seq.optional(), limit, wait, token }),
    },
    responses: { 200: events(eventPageSchema), ...problems(400, 401, 403, 404, 429) },
  },
  async (context, { database, hub, log, streams }) => {
    const { id } = context.req.valid('param');
    const { after, limit, wait = 0 } = context.req.valid('query');
    const caller = context.get('caller');
    await requireRun(database, { runId: id, viewer: toViewer(caller) });
    const place = { runId: id, after: context.req.valid('header')['last-event-id'] ?? after ?? 0 };
    const { signal, end } = untilGone(context, streams.enter(caller));
    if (wantsEventStream(context.req.header('accept'))) {
      return toEventStream(follow(hub, { ...place, signal }), { onOver: end, onError: toErrorLogger(log) });
    }
    const page = await hub.page({ ...place, limit, waitMs: wait * 1_000, signal }).finally(end);
    const nextCursor = page.hasMore ? (page.events.at(-1)?.seq ?? null) : null;
    return context.json({ data: [...page.events], nextCursor }, 200);
  },
);

export const followRuns = route(
  {
    method: 'get',
    path: '/v1/stream',
    operationId: 'followRuns',
    tag: 'Events',
    access: 'runs:read',
    isStream: true,
    summary: 'Follow every run the caller may see',
    description:
      'With `Accept: text/event-stream`: every event after `Last-Event-ID` or `after`, or without either every new event, as it happens. Otherwise a page of events. As a WebSocket: the events that the client subscribed to.',
    request: {
      headers: z.object({ 'last-event-id': position.optional() }),
      query: z.strictObject({ after: position.optional(), types, limit, wait, token }),
    },
    responses: { 101: WEB_SOCKET_ANSWER, 200: events(streamPageSchema), ...problems(400, 401, 403, 429) },
  },
  async (context, deps) => {
    const upgrade = findUpgrade(context, deps.config);
    if (upgrade !== null) return serveUpgrade(context, deps, upgrade);
    const { hub, log, streams } = deps;
    const { after, types, limit, wait = 0 } = context.req.valid('query');
    const caller = context.get('caller');
    const lastEventId = context.req.valid('header')['last-event-id'];
    const place = { viewer: toViewer(caller), types, after: lastEventId ?? after ?? null };
    const { signal, end } = untilGone(context, streams.enter(caller));
    if (wantsEventStream(context.req.header('accept'))) {
      return toEventStream(followVisible(hub, { ...place, signal }), { onOver: end, onError: toErrorLogger(log) });
    }
    const { cursor, events } = await hub.pageVisible({ ...place, limit, waitMs: wait * 1_000, signal }).finally(end);
    return context.json({ data: events.map(({ event }) => event), nextCursor: cursor }, 200);
  },
);

/** Responds only after the socket has closed, because a credential is watched while its request is open. */
async function serveUpgrade(
  context: Context<ApiEnv>,
  { database, hub, log, streams }: RouteDeps,
  { accept, stallMs }: Upgrade,
): Promise<Response> {
  const caller = context.get('caller');
  const leave = streams.enter(caller);
  try {
    await serveSocket({
      socket: await accept(),
      viewer: toViewer(caller),
      hub,
      database,
      stallMs,
      revoked: context.get('revoked'),
      onError: toErrorLogger(log),
    });
  } finally {
    leave();
  }
  return context.body(null);
}

function toErrorLogger(log: RouteDeps['log']) {
  return (err: unknown) => log.error({ err }, 'an event stream failed');
}

function events<T extends z.ZodType>(page: T) {
  const content = {
    'application/json': { schema: page },
    'text/event-stream': { schema: z.string() },
  };
  return { description: 'The events.', content };
}

function wantsEventStream(accept: string | undefined): boolean {
  return accept?.split(',').some((type) => type.split(';')[0]?.trim() === 'text/event-stream') ?? false;
}
