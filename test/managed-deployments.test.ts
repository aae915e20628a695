import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from 'anthropic-1.14';
import Anthropic112 from 'anthropic-1.12';
import Anthropic0120 from 'anthropic-0.120';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LonghaulConfig } from '../src/config/schema.ts';
import { createLog } from '../src/core/log.ts';
import { createLonghaul, type Longhaul } from '../src/longhaul.ts';
import { fromWireId } from '../src/managed/ids.ts';
import { say, startTestLonghaul, type TestLonghaul } from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';

const VERSIONS = [
  ['1.14', Anthropic],
  ['1.12', Anthropic112],
  ['0.120', Anthropic0120],
] as const;

const REPORT = [{ type: 'user.message' as const, content: [{ type: 'text' as const, text: 'Report.' }] }];

/** Deployments of the official client on the real Claude Code, and two servers on one database. */
describe('a deployment of the official Anthropic client', () => {
  let postgres: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let database: pg.Client;
  let test: TestLonghaul;
  let second: Longhaul;
  let directory: string;
  beforeAll(async () => {
    postgres = await createPostgresDatabase();
    database = new pg.Client({ connectionString: postgres.url });
    await database.connect();
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-deployments-'));
    const workspace = { root: path.join(directory, 'work'), mode: 'perSession' } as const;
    const config: LonghaulConfig = {
      worker: { slots: 1 },
      agents: { managed: { tools: [], prewarm: false, workspace } },
      managedAgents: { template: 'managed' },
    };
    const shared = { LONGHAUL_DATABASE_URL: postgres.url };
    test = await startTestLonghaul({ config, env: shared, script: () => say('All is well.') });
    second = createLonghaul(config, {
      log: createLog('silent'),
      env: {
        ...shared,
        LONGHAUL_DATA_DIR: path.join(directory, 'data'),
        ANTHROPIC_BASE_URL: test.model.url,
        ANTHROPIC_API_KEY: 'scripted',
      },
    });
    await second.start();
  });
  afterAll(async () => {
    await second.stop();
    await test.stop();
    await database.end();
    await postgres.drop();
    await rm(directory, { recursive: true, force: true });
  });

  function createClient(Client: unknown): Anthropic {
    const { apiKey, longhaul } = test;
    const options = {
      baseURL: 'http://longhaul.test/anthropic',
      apiKey,
      authToken: null,
      fetch: async (url: string | URL | Request, init?: RequestInit) => longhaul.fetch(new Request(url, init)),
    };
    return new (Client as typeof Anthropic)(options);
  }

  /** Reads the answer of a session when it has come to rest. */
  async function answerOf(client: Anthropic, sessionId: string): Promise<string> {
    const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': '0' } });
    let answer = '';
    for await (const event of stream) {
      if (event.type === 'agent.message')
        for (const block of event.content) if (block.type === 'text') answer += block.text;
      if (event.type === 'session.status_idle') return answer;
    }
    throw new Error('The stream ended.');
  }

  it.each(VERSIONS)('starts sessions by the clock and on request: version %s', async (version, Client) => {
    const client = createClient(Client);
    const { deployments, deploymentRuns, sessions } = client.beta;
    const agent = await client.beta.agents.create({ name: 'Reporter', model: 'claude-sonnet-4-5' });
    const deployment = await deployments.create({
      name: `Report ${version}`,
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: REPORT,
      schedule: { type: 'cron', expression: '* * * * *', timezone: 'Europe/Berlin' },
    });
    expect(deployment).toMatchObject({
      id: expect.stringMatching(/^depl_[a-z2-7]{26}$/) as string,
      status: 'active',
      agent: { type: 'agent', id: agent.id, version: 1 },
      initial_events: REPORT,
    });
    // As if a minute had passed: both servers find it due.
    await database.query(
      "update longhaul.managed_deployments set next_at = date_trunc('minute', clock_timestamp()) where id = $1",
      [fromWireId('depl', deployment.id)],
    );
    const readRuns = async () => (await deploymentRuns.list({ deployment_id: deployment.id })).data;
    await expect.poll(async () => (await readRuns()).length, { timeout: 10_000 }).toBe(1);
    expect(await deployments.pause(deployment.id)).toMatchObject({ paused_reason: { type: 'manual' } });
    const [ticked] = await readRuns();
    expect(ticked).toMatchObject({ error: null, trigger_context: { type: 'schedule' } });
    expect(await answerOf(client, ticked!.session_id!)).toBe('All is well.');
    const asked = await deployments.run(deployment.id);
    expect(await answerOf(client, asked.session_id!)).toBe('All is well.');
    expect(await deploymentRuns.retrieve(asked.id)).toEqual(asked);
    expect((await readRuns()).map(({ id }) => id)).toEqual([asked.id, ticked!.id]);
    const started: string[] = [];
    for await (const session of sessions.list({ deployment_id: deployment.id })) {
      expect(session).toMatchObject({ deployment_id: deployment.id, title: `Report ${version}` });
      started.push(session.id);
    }
    expect(started).toEqual([asked.session_id, ticked!.session_id]);
    expect(await deployments.update(deployment.id, { name: 'Renamed' })).toMatchObject({ name: 'Renamed' });
    expect(await deployments.unpause(deployment.id)).toMatchObject({ status: 'active', paused_reason: null });
    const archived = await deployments.archive(deployment.id);
    expect(archived.archived_at).not.toBeNull();
    expect(await deployments.retrieve(deployment.id)).toEqual(archived);
    const listed: string[] = [];
    for await (const { id } of deployments.list({ agent_id: agent.id, include_archived: true })) listed.push(id);
    expect(listed).toEqual([deployment.id]);
  });
});
