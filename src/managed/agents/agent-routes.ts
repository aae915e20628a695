import type { Context } from 'hono';
import { z } from 'zod';
import type { ManagedApi, ManagedDeps, ManagedEnv } from '../deps.ts';
import { invalid, notFound } from '../error.ts';
import { fromWireId } from '../ids.ts';
import { readBody, readFlag, readLimit, readPage, readRange, toPage } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import { agentChangeSchema, newAgentSchema } from './agent-schema.ts';
import { findStoredAgent } from './agents.ts';
import { archiveAgent, createAgent, updateAgent } from './change-agents.ts';
import { listAgents } from './list-agents.ts';
import { readVersions } from './read-agents.ts';
import { toWireAgent } from './stored-agent.ts';

const LIMIT = { usual: 20, most: 100 };

const agentsPage = z.union([z.strictObject({ before: z.uuid() }), z.strictObject({ after: z.string() })]);
const versionsPage = z.strictObject({ beforeVersion: z.int() });

/** Adds the routes of agents that clients define. */
export function addAgentRoutes(api: ManagedApi, deps: ManagedDeps): void {
  const mayRead = requireScope('runs:read');
  const mayWrite = requireScope('agents:write');

  api.post('/v1/agents', mayWrite, async (context) => {
    const given = await readBody(context, newAgentSchema);
    return context.json(toWireAgent(await createAgent(deps, { given, keyId: context.get('caller').keyId })));
  });
  api.get('/v1/agents', mayRead, async (context) => {
    const { agents, next } = await listAgents(deps, {
      page: readPage(context, agentsPage),
      createdAt: readRange(context, 'created_at'),
      includeArchived: readFlag(context, 'include_archived'),
      limit: readLimit(context, LIMIT),
    });
    return context.json({ data: agents.map(toWireAgent), next_page: next === null ? null : toPage(next) });
  });
  api.get('/v1/agents/:id', mayRead, async (context) => {
    const [id, version] = [context.req.param('id'), readVersion(context)];
    const agent = await findStoredAgent(deps.database, deps.config, { id, version });
    if (agent === null) throw notFound(version === undefined ? 'agent' : `version ${version} of an agent`, id);
    return context.json(toWireAgent(agent));
  });
  api.post('/v1/agents/:id', mayWrite, async (context) => {
    const change = await readBody(context, agentChangeSchema);
    const meant = { id: context.req.param('id'), keyId: context.get('caller').keyId };
    return context.json(toWireAgent(await updateAgent(deps, { ...meant, change })));
  });
  api.post('/v1/agents/:id/archive', mayWrite, async (context) => {
    const meant = { id: context.req.param('id'), keyId: context.get('caller').keyId };
    return context.json(toWireAgent(await archiveAgent(deps, meant)));
  });
  api.get('/v1/agents/:id/versions', mayRead, async (context) => context.json(await listVersions(context, deps)));
}

async function listVersions(context: Context<ManagedEnv, '/v1/agents/:id/versions'>, deps: ManagedDeps) {
  const id = context.req.param('id');
  const limit = readLimit(context, LIMIT);
  const page = readPage(context, versionsPage);
  const newest = await findStoredAgent(deps.database, deps.config, { id });
  if (newest === null) throw notFound('agent', id);
  const uuid = fromWireId('agent', id);
  if (uuid === null) return { data: [toWireAgent(newest)], next_page: null };
  const read = await readVersions(deps.database.sql, { uuid, before: page?.beforeVersion, limit: limit + 1 });
  const versions = read.slice(0, limit);
  const next = read.length > limit ? toPage({ beforeVersion: versions.at(-1)!.version }) : null;
  return { data: versions.map(toWireAgent), next_page: next };
}

function readVersion(context: Context<ManagedEnv>): number | undefined {
  const value = context.req.query('version');
  if (value === undefined) return undefined;
  // Eight digits: a version is a 32-bit integer in the database.
  if (!/^[1-9]\d{0,7}$/.test(value)) throw invalid('version: must be a whole number from 1 on');
  return Number(value);
}
