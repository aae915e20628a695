import type Anthropic from 'anthropic-1.14';
import { sql } from 'kysely';
import type { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { generateKey, storeKey } from '../../access/keys.ts';
import type { Ticked } from '../../schedule/ticker.ts';
import { fromWireId } from '../ids.ts';
import { readAll, startManaged } from '../managed.fixture.ts';
import { createDeploymentTicker } from './deployment-ticker.ts';

export type Deployment = Anthropic.Beta.BetaManagedAgentsDeployment;
export type CreateParams = Anthropic.Beta.DeploymentCreateParams;

export const toMessage = (text: string) => ({
  type: 'user.message' as const,
  content: [{ type: 'text' as const, text }],
});

export const cron = (expression: string, timezone = 'UTC') => ({ type: 'cron' as const, expression, timezone });

/** Serves the routes on a separate database, with an agent for deployments. A user has money for one run a day. */
export async function startDeployments(kind: (typeof DATABASE_KINDS)[number]) {
  const managed = await startManaged({ limits: { perUser: { runsPerMinute: false, usdPerDay: 1.5 } } }, kind);
  const { database, deps } = managed;
  const client = managed.clients['1.14'];
  const agent = await client.beta.agents.create({ name: 'Reporter', model: 'claude-sonnet-4-5' });

  async function nextOf({ id }: Deployment): Promise<Date | null> {
    const row = await database.sql
      .selectFrom('longhaul.managed_deployments')
      .select('next_at')
      .where('id', '=', fromWireId('depl', id))
      .executeTakeFirstOrThrow();
    return row.next_at;
  }

  return {
    ...managed,
    client,
    agentId: agent.id,
    create: (changes: Partial<CreateParams> = {}, by = client) =>
      by.beta.deployments.create({
        name: 'Report',
        agent: agent.id,
        environment_id: 'env_default',
        initial_events: [toMessage('Report.')],
        ...changes,
      }),
    /** Archives all deployments. */
    archiveAll: () =>
      sql`update longhaul.managed_deployments set archived_at = now(), next_at = null`.execute(database.sql),
    /** Returns a client with a key that is bound to a user. */
    async clientOfUser(user: string): Promise<Anthropic> {
      const key = generateKey();
      await storeKey(database, { key, name: user, scopes: ['runs:read', 'runs:write'], user });
      return managed.clientOf(key);
    },
    runsOf: ({ id }: Deployment) => readAll(client.beta.deploymentRuns.list({ deployment_id: id })),
    sessionIds: async () => (await client.beta.sessions.list({ limit: 100 })).data.map(({ id }) => id),
    nextOf,
    /** Returns the next tick of a deployment, or the time `ms` after it. */
    dueAt: async (deployment: Deployment, ms = 0) => new Date((await nextOf(deployment))!.getTime() + ms),
    ticker: createDeploymentTicker(deps),
    /** Makes all due ticks, as a server does. */
    async tickAll(now: Date, ticker = createDeploymentTicker(deps)): Promise<Ticked[]> {
      const ticked: Ticked[] = [];
      for (;;) {
        const one = await ticker.tickNext(now);
        if (one === null) return ticked;
        ticked.push(one);
      }
    },
  };
}

export type TestDeployments = Awaited<ReturnType<typeof startDeployments>>;
