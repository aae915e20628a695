import type { Context } from 'hono';
import { z } from 'zod';
import { wakeAfterEnd } from '../../run/waiting/wake-after-end.ts';
import type { ManagedApi, ManagedDeps, ManagedEnv } from '../deps.ts';
import { invalid } from '../error.ts';
import type { ManagedEvent } from '../log/managed-event.ts';
import { toThread } from '../sessions/to-thread.ts';
import {
  readAll,
  readBody,
  readLimit,
  readOrder,
  readPage,
  readRange,
  toPage,
  type TimeRange,
} from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import { changeSession } from '../sessions/change-sessions.ts';
import { checkThread, findSession } from '../sessions/find-session.ts';
import type { ManagedSession } from '../sessions/session.ts';
import { listEvents, type EventFilter } from '../events/list-events.ts';
import { createSender } from '../events/send.ts';
import { answerStream } from '../events/answer-stream.ts';
import { findStart } from '../events/stream-events.ts';

const MOST_EVENTS = 50;

const sendSchema = z.strictObject({
  events: z.array(z.unknown(), 'must be a list of events').min(1, 'must have an event').max(MOST_EVENTS),
});

const pageSchema = z.strictObject({ order: z.enum(['asc', 'desc']), after: z.string() });

const DELTAS: readonly string[] = ['agent.message', 'agent.thinking'];

/** The routes of a session's events, and those of its only thread, which has the same events. */
export function addEventRoutes(api: ManagedApi, deps: ManagedDeps): void {
  const read = requireScope('runs:read');

  api.post('/v1/sessions/:id/events', requireScope('runs:write', 'approvals'), async (context) => {
    const { events } = await readBody(context, sendSchema);
    const caller = context.get('caller');
    const sender = createSender(deps, caller);
    const checked = sender.check(events);
    const found = await findSession(deps, { id: context.req.param('id'), caller });
    await sender.count(checked, found);
    const stored = await sender.store(deps.database, { events: checked, session: found });
    const sent = await changeSession(deps.database, found.id, (trx, session) =>
      sender.send(trx, { session, events: stored }),
    );
    for (const run of sent.cancelled) await wakeAfterEnd({ ...deps, rules: deps.config }, run);
    return context.json({ data: sent.events });
  });

  for (const path of ['/v1/sessions/:id/events', '/v1/sessions/:id/threads/:threadId/events']) {
    api.get(path, read, async (context) => {
      const session = await findOwn(deps, context);
      const limit = readLimit(context, { usual: 1_000, most: 1_000 });
      const page = readPage(context, pageSchema);
      const order = readOrder(context, page?.order ?? 'asc');
      if (page !== null && page.order !== order) throw invalid('page: is of a list with another order');
      const { events, next } = await listEvents(deps.database, {
        session: { id: session.id, thread: toThread(session) },
        order,
        after: page?.after ?? null,
        isWanted: toFilter(readAll(context, 'types'), readRange(context, 'created_at')),
        limit,
      });
      return context.json({ data: events, next_page: next === null ? null : toPage({ order, after: next }) });
    });
  }

  for (const path of ['/v1/sessions/:id/events/stream', '/v1/sessions/:id/threads/:threadId/stream']) {
    api.get(path, read, async (context) => {
      const session = await findOwn(deps, context);
      const deltas = readAll(context, 'event_deltas');
      const unknown = deltas.find((type) => !DELTAS.includes(type));
      if (unknown !== undefined) throw invalid(`event_deltas: must be of ${DELTAS.join(', ')}`);
      const logged = { id: session.id, thread: toThread(session) };
      const start = await findStart(deps.database, {
        session: logged,
        lastEventId: context.req.header('last-event-id') ?? null,
      });
      return answerStream(context, deps, { session: logged, start, hasPreviews: deltas.includes('agent.message') });
    });
  }
}

/** Finds the session of a request, and checks its thread if the path names one. */
async function findOwn(deps: ManagedDeps, context: Context<ManagedEnv>): Promise<ManagedSession> {
  const session = await findSession(deps, { id: context.req.param('id') ?? '', caller: context.get('caller') });
  const threadId = context.req.param('threadId');
  if (threadId !== undefined) checkThread(session, threadId);
  return session;
}

/** Times are those of `processed_at`; a message that waits has none. */
function toFilter(types: readonly string[], { gt, gte, lt, lte }: TimeRange): EventFilter {
  const hasRange = [gt, gte, lt, lte].some((end) => end !== undefined);
  return ({ type, processed_at: processedAt }: ManagedEvent) => {
    if (types.length > 0 && !types.includes(type)) return false;
    if (!hasRange) return true;
    if (processedAt === null) return false;
    const at = new Date(processedAt);
    return !(
      (gt !== undefined && at <= gt) ||
      (gte !== undefined && at < gte) ||
      (lt !== undefined && at >= lt) ||
      (lte !== undefined && at > lte)
    );
  };
}
