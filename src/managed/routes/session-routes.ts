import { NIL } from 'uuid';
import { z } from 'zod';
import { toViewer, type Caller } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { wakeAfterEnd } from '../../run/waiting/wake-after-end.ts';
import { resolveAgentParams, findAgent } from '../agents/agents.ts';
import { toDefinition } from '../agents/to-definition.ts';
import type { ManagedApi, ManagedDeps } from '../deps.ts';
import { invalid, notSupported } from '../error.ts';
import { fromWireId, toWireId } from '../ids.ts';
import { fromWireBudget } from '../log/wire-budget.ts';
import { readAll, readBody, readFlag, readLimit, readOrder, readPage, readRange, toPage } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import { archiveSession, changeSession, deleteSession, updateSession } from '../sessions/change-sessions.ts';
import { createSession } from './create-session.ts';
import { checkThread, findSession } from '../sessions/find-session.ts';
import { listManagedSessions, type SessionFilter } from '../sessions/read-sessions.ts';
import { mergeOwnedMetadata } from '../sessions/session-owners.ts';
import { newSessionSchema, sessionChangeSchema } from '../sessions/session-schema.ts';
import { toWireSession, toWireThread, type ManagedSession, type SessionStatus } from '../sessions/session.ts';

const STATUSES: readonly SessionStatus[] = ['idle', 'running', 'rescheduling', 'terminated'];

const pageSchema = z.strictObject({
  order: z.enum(['asc', 'desc']),
  /** The session to go on behind, in the order of the list; `isBack`: in the other direction. */
  after: z.uuid(),
  isBack: z.boolean(),
});

export function addSessionRoutes(api: ManagedApi, deps: ManagedDeps): void {
  const read = requireScope('runs:read');
  const write = requireScope('runs:write');

  async function endSession({ id, caller, end }: { id: string; caller: Caller; end: typeof archiveSession }) {
    const actor = keyActor(caller);
    const cancelled = await changeSession(deps.database, id, (trx, session) => end(trx, { deps, session, actor }));
    for (const run of cancelled) await wakeAfterEnd({ ...deps, rules: deps.config }, run);
  }

  api.post('/v1/sessions', write, async (context) => {
    const body = await readBody(context, newSessionSchema);
    const caller = context.get('caller');
    const id = await createSession(deps, { body, caller });
    return context.json(toWireSession(await findSession(deps, { id: toWireId('sesn', id), caller })));
  });

  api.get('/v1/sessions', read, async (context) => {
    if (context.req.query('memory_store_id') !== undefined) throw notSupported('memory_store_id');
    const limit = readLimit(context, { usual: 20, most: 100 });
    const page = readPage(context, pageSchema);
    const order = readOrder(context, page?.order ?? 'desc');
    if (page !== null && page.order !== order) throw invalid('page: is of a list with another order');
    const isBack = page?.isBack === true;
    const { sessions, hasMore } = await listManagedSessions(deps.database, {
      viewer: toViewer(context.get('caller')),
      filter: readFilter(context),
      order: isBack === (order === 'asc') ? 'desc' : 'asc',
      after: page?.after ?? null,
      limit,
    });
    if (isBack) sessions.reverse();
    const toLink = (session: ManagedSession | undefined, goesBack: boolean) =>
      session === undefined ? null : toPage({ order, after: session.id, isBack: goesBack });
    return context.json({
      data: sessions.map(toWireSession),
      next_page: isBack || hasMore ? toLink(sessions.at(-1), false) : null,
      prev_page: page !== null && (!isBack || hasMore) ? toLink(sessions[0], true) : null,
    });
  });

  api.get('/v1/sessions/:id', read, async (context) =>
    context.json(
      toWireSession(await findSession(deps, { id: context.req.param('id'), caller: context.get('caller') })),
    ),
  );

  api.post('/v1/sessions/:id', write, async (context) => {
    const body = await readBody(context, sessionChangeSchema);
    if (body.vault_ids !== undefined) throw notSupported('vault_ids');
    const caller = context.get('caller');
    const found = await findSession(deps, { id: context.req.param('id'), caller });
    await changeSession(deps.database, found.id, async (trx, session) => {
      if (session.archivedAt !== null) throw invalid('The session is archived.');
      const changes = {
        ...(body.title !== undefined && { title: body.title }),
        ...(body.metadata != null && { metadata: mergeOwnedMetadata(session.metadata, body.metadata) }),
        ...(body.budget !== undefined && { budgetMicros: fromWireBudget(body.budget) }),
        ...(body.agent != null && { agent: await toChangedAgent(deps, session, body.agent) }),
      };
      await updateSession(trx, { deps, session, changes });
    });
    return context.json(toWireSession(await findSession(deps, { id: context.req.param('id'), caller })));
  });

  api.post('/v1/sessions/:id/archive', write, async (context) => {
    const caller = context.get('caller');
    const { id } = await findSession(deps, { id: context.req.param('id'), caller });
    await endSession({ id, caller, end: archiveSession });
    return context.json(toWireSession(await findSession(deps, { id: context.req.param('id'), caller })));
  });

  api.delete('/v1/sessions/:id', write, async (context) => {
    const caller = context.get('caller');
    const { id } = await findSession(deps, { id: context.req.param('id'), caller });
    await endSession({ id, caller, end: deleteSession });
    return context.json({ id: toWireId('sesn', id), type: 'session_deleted' });
  });
}

/** The routes of a session's threads and resources: there is one thread, and no resource. */
export function addThreadRoutes(api: ManagedApi, deps: ManagedDeps): void {
  const read = requireScope('runs:read');

  api.get('/v1/sessions/:id/threads', read, async (context) => {
    const session = await findSession(deps, { id: context.req.param('id'), caller: context.get('caller') });
    const statuses = readAll(context, 'statuses');
    const isShown = statuses.length === 0 || statuses.includes(session.status);
    return context.json({ data: isShown ? [toWireThread(session)] : [], next_page: null });
  });

  api.get('/v1/sessions/:id/threads/:threadId', read, async (context) => {
    const { id, threadId } = context.req.param();
    const session = await findSession(deps, { id, caller: context.get('caller') });
    checkThread(session, threadId);
    return context.json(toWireThread(session));
  });

  api.post('/v1/sessions/:id/threads/:threadId/archive', requireScope('runs:write'), async (context) => {
    const { id, threadId } = context.req.param();
    const session = await findSession(deps, { id, caller: context.get('caller') });
    checkThread(session, threadId);
    throw invalid('The primary thread cannot be archived. Archive the session.');
  });

  api.get('/v1/sessions/:id/resources', read, async (context) => {
    await findSession(deps, { id: context.req.param('id'), caller: context.get('caller') });
    return context.json({ data: [], next_page: null });
  });

  api.post('/v1/sessions/:id/resources', requireScope('runs:write'), async (context) => {
    await findSession(deps, { id: context.req.param('id'), caller: context.get('caller') });
    throw notSupported('resources', 'A resource of a session');
  });
}

function readFilter(context: Parameters<typeof readAll>[0]): SessionFilter {
  const statuses = readAll(context, 'statuses');
  const unknown = statuses.find((status) => !STATUSES.some((known) => known === status));
  if (unknown !== undefined) throw invalid(`statuses: must be of ${STATUSES.join(', ')}`);
  const version = context.req.query('agent_version');
  if (version !== undefined && !/^\d{1,9}$/.test(version)) throw invalid('agent_version: must be a whole number');
  return {
    agentId: context.req.query('agent_id') ?? null,
    agentVersion: version === undefined ? null : Number(version),
    statuses: statuses.length === 0 ? null : (statuses as SessionStatus[]),
    hasArchived: readFlag(context, 'include_archived'),
    createdAt: readRange(context, 'created_at'),
    deploymentId: readDeploymentId(context.req.query('deployment_id')),
  };
}

/** The id of no deployment finds no session. */
function readDeploymentId(id: string | undefined): string | null {
  return id === undefined ? null : (fromWireId('depl', id) ?? NIL);
}

async function toChangedAgent(
  { config, database }: ManagedDeps,
  session: ManagedSession,
  overrides: Pick<z.output<typeof sessionChangeSchema>, 'agent'>['agent'] & object,
) {
  if (session.isWorking) throw invalid('The agent of a session can be changed only while the session is idle.');
  const found = await findAgent(database, config, { id: session.agentId, version: session.agentVersion });
  const configName = found?.configName ?? null;
  const snapshot = resolveAgentParams(config, { found: { agent: session.agent, configName }, overrides });
  return { snapshot, definition: configName === null ? toDefinition(snapshot) : null };
}
