import { createRoute, z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { findRun } from '../../run/read/read-runs.ts';
import { followRun, followVisible } from '../../stream/cursor-events.ts';
import { toEventStream } from '../../stream/server-sent-events.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { eventPageSchema, eventTypes, streamPageSchema } from '../contract.ts';
import { seconds, text, wholeNumber } from '../input-fields.ts';
import { createOpenStreams } from '../open-streams.ts';
import { untilGone } from '../until-gone.ts';
import { serveSocket } from '../web-socket/serve-socket.ts';
import { findUpgrade } from '../web-socket/upgrade.ts';
import { problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

const limit = wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 });
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

/** Adds the routes that follow runs and read their logs. */
export function addEventRoutes(api: Api, { config, database, hub, log }: ApiDeps): void {
  const onError = (err: unknown) => log.error({ err }, 'an event stream failed');
  const streams = createOpenStreams();

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}/events',
      summary: 'Follow a run, or read its log',
      description:
        'With `Accept: text/event-stream`: every event after `Last-Event-ID` or `after`, as it happens, until the final one. Otherwise a page of the log.',
      request: {
        params: idParams,
        headers: z.object({ 'last-event-id': seq.optional() }),
        query: z.strictObject({ after: seq.optional(), limit, wait, token }),
      },
      responses: { 200: events(eventPageSchema), ...problems(400, 401, 403, 404, 429) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const { after, limit, wait = 0 } = context.req.valid('query');
      const viewer = toViewer(context.get('caller'));
      if ((await findRun(database, { runId: id, viewer })) === null) throw runNotFound(id);
      const place = { runId: id, after: context.req.valid('header')['last-event-id'] ?? after ?? 0 };
      const { signal, end } = untilGone(context, streams.enter(context.get('caller')));
      if (wantsEventStream(context.req.header('accept'))) {
        return toEventStream(followRun(hub, { ...place, signal }), { onOver: end, onError });
      }
      const page = await hub.page({ ...place, limit, waitMs: wait * 1_000, signal }).finally(end);
      const nextCursor = page.hasMore ? (page.events.at(-1)?.seq ?? null) : null;
      return context.json({ data: [...page.events], nextCursor }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/stream',
      summary: 'Follow every run the caller may see',
      description:
        'With `Accept: text/event-stream`: every event after `Last-Event-ID` or `after`, or without either every new event, as it happens. Otherwise a page of events. As a WebSocket: the events that the client subscribed to.',
      request: {
        headers: z.object({ 'last-event-id': position.optional() }),
        query: z.strictObject({ after: position.optional(), types, limit, wait, token }),
      },
      responses: { 200: events(streamPageSchema), ...problems(400, 401, 403, 429) },
    }),
    async (context) => {
      const { after, types, limit, wait = 0 } = context.req.valid('query');
      const viewer = toViewer(context.get('caller'));
      const upgrade = findUpgrade(context, config);
      if (upgrade !== null) {
        const leave = streams.enter(context.get('caller'));
        try {
          const socket = await upgrade.accept();
          // Responds only after the socket has closed, because a credential is watched while its request is open.
          const { stallMs } = upgrade;
          await serveSocket({ socket, viewer, hub, database, stallMs, revoked: context.get('revoked'), onError });
        } finally {
          leave();
        }
        return context.body(null);
      }
      const place = { viewer, types, after: context.req.valid('header')['last-event-id'] ?? after ?? null };
      const { signal, end } = untilGone(context, streams.enter(context.get('caller')));
      if (wantsEventStream(context.req.header('accept'))) {
        return toEventStream(followVisible(hub, { ...place, signal }), { onOver: end, onError });
      }
      const { cursor, events } = await hub.pageVisible({ ...place, limit, waitMs: wait * 1_000, signal }).finally(end);
      return context.json({ data: events.map(({ event }) => event), nextCursor: cursor }, 200);
    },
  );
}

function events<T extends z.ZodType>(page: T) {
  const content = { 'application/json': { schema: page }, 'text/event-stream': { schema: z.string() } };
  return { description: 'The events.', content };
}

function wantsEventStream(accept: string | undefined): boolean {
  return accept?.split(',').some((type) => type.split(';')[0]?.trim() === 'text/event-stream') ?? false;
}
