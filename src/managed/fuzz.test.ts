import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostileValue, HOSTILE_BODIES, HOSTILE_TEXTS } from '../../test/fuzz/hostile-values.ts';
import { expectNoInternals } from '../../test/fuzz/judge.ts';
import { startManaged, type TestManaged } from './managed.fixture.ts';

/** Requests to each route. `npm run fuzz` sends many more. */
const RUNS = Number(process.env['LONGHAUL_FUZZ_RUNS'] ?? 25);

/** A new seed each time, printed; set it to repeat a failure. */
const SEED = Number(process.env['LONGHAUL_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const ROUTES = [
  'POST /v1/agents',
  'GET /v1/agents',
  'GET /v1/agents/AGENT',
  'POST /v1/agents/AGENT',
  'POST /v1/agents/AGENT/archive',
  'GET /v1/agents/AGENT/versions',
  'POST /v1/environments',
  'GET /v1/environments',
  'POST /v1/environments/ENVIRONMENT',
  'DELETE /v1/environments/ENVIRONMENT',
  'POST /v1/sessions',
  'GET /v1/sessions',
  'GET /v1/sessions/SESSION',
  'POST /v1/sessions/SESSION',
  'POST /v1/sessions/SESSION/archive',
  'DELETE /v1/sessions/SESSION',
  'POST /v1/sessions/SESSION/events',
  'GET /v1/sessions/SESSION/events',
  'GET /v1/sessions/SESSION/threads',
  'GET /v1/sessions/SESSION/threads/THREAD',
  'GET /v1/sessions/SESSION/threads/THREAD/events',
  'GET /v1/sessions/SESSION/resources',
  'POST /v1/deployments',
  'GET /v1/deployments',
  'GET /v1/deployments/DEPLOYMENT',
  'POST /v1/deployments/DEPLOYMENT',
  'POST /v1/deployments/DEPLOYMENT/pause',
  'POST /v1/deployments/DEPLOYMENT/unpause',
  'POST /v1/deployments/DEPLOYMENT/run',
  'POST /v1/deployments/DEPLOYMENT/archive',
  'GET /v1/deployment_runs',
  'GET /v1/deployment_runs/ATTEMPT',
  'GET /v1/models',
  'GET /v1/models/MODEL',
  'POST /v1/vaults',
] as const;

const FIELDS =
  'agent environment_id title metadata budget initial_events events name model system tools mcp_servers config description version vault_ids type content tool_use_id schedule'.split(
    ' ',
  );

const QUERIES = [
  'after_id',
  'before_id',
  'lifecycle[]',
  'limit',
  'page',
  'order',
  'types[]',
  'statuses[]',
  'created_at[gte]',
  'version',
  'include_archived',
  'status',
  'deployment_id',
  'has_error',
  'trigger_type',
  'agent_id',
];

describe(`hostile requests of Anthropic's form (LONGHAUL_FUZZ_SEED=${SEED})`, () => {
  let test: TestManaged;
  let ids: Record<string, string>;
  beforeAll(async () => {
    test = await startManaged();
    const client = test.clients['1.14'];
    const agent = await client.beta.agents.create({ name: 'One', model: 'claude-sonnet-4-5' });
    const environment = await client.beta.environments.create({ name: 'One' });
    const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
    const [thread] = (await client.beta.sessions.threads.list(session.id)).data;
    const deployment = await client.beta.deployments.create({
      name: 'One',
      agent: 'agent_config_reader',
      environment_id: 'env_default',
      initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'hello' }] }],
      schedule: { type: 'cron', expression: '0 0 1 1 *', timezone: 'UTC' },
    });
    const attempt = await client.beta.deployments.run(deployment.id);
    ids = {
      AGENT: agent.id,
      ENVIRONMENT: environment.id,
      SESSION: session.id,
      THREAD: thread!.id,
      DEPLOYMENT: deployment.id,
      ATTEMPT: attempt.id,
      MODEL: 'sonnet',
    };
  });
  afterAll(() => test.close());

  const text = fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), fc.string());
  const value = fc.oneof(
    hostileValue,
    fc.constantFrom({ type: 'user.message', content: [{ type: 'text', text: '\u0000' }] }, [
      { type: 'user.interrupt' },
    ]),
    fc.record({ type: fc.constant('cron'), expression: text, timezone: fc.oneof(fc.constant('UTC'), text) }),
    fc.array(
      fc.record(
        {
          type: fc.constantFrom('user.message', 'user.tool_confirmation', 'custom', 'mcp_toolset'),
          content: hostileValue,
          tool_use_id: text,
          result: text,
        },
        { requiredKeys: ['type'] },
      ),
    ),
  );
  const body = fc.oneof(
    fc.dictionary(fc.constantFrom(...FIELDS), value).map((fields) => JSON.stringify(fields)),
    fc.constantFrom(...HOSTILE_BODIES),
  );
  const query = fc.dictionary(fc.constantFrom(...QUERIES), text);

  it.each(ROUTES)('%s answers in words', async (route) => {
    const [method = '', pattern = ''] = route.split(' ');
    const place = fc.record({ isOwn: fc.boolean(), id: text, body, query });
    await fc.assert(
      fc.asyncProperty(place, async ({ isOwn, id, body: sent, query: asked }) => {
        const path = pattern.replaceAll(/[A-Z]+/g, (name) =>
          isOwn ? ids[name]! : encodeURIComponent(toShort(id)) || 'x',
        );
        const search = new URLSearchParams(
          Object.fromEntries(Object.entries(asked).map(([key, text]) => [key, toShort(text)])),
        );
        const init = method === 'POST' ? { body: sent as string } : {};
        const response = await test.fetch(`${path}?${search.toString()}`, { method, ...init });
        const answer = await response.text();
        expect(response.headers.get('request-id')).toMatch(/^req_[a-z2-7]{26}$/);
        if (response.ok) return;
        expectNoInternals(answer);
        expect(response.status === 501 || response.status < 500, `${response.status} ${answer}`).toBe(true);
        expect(JSON.parse(answer)).toMatchObject({
          type: 'error',
          error: { type: expect.any(String), message: expect.any(String) },
        });
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(test.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

function toShort(text: string): string {
  // Short enough for the server to read the head of the request.
  return text.toWellFormed().slice(0, 300).toWellFormed();
}
