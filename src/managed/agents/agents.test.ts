import { BadRequestError, ConflictError, NotFoundError, PermissionDeniedError, type Anthropic } from 'anthropic-1.14';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { CLIENT_VERSIONS, readAll, refusalOf, refusalsOf, startManaged, type TestManaged } from '../managed.fixture.ts';
import { findAgent, resolveAgentParams } from './agents.ts';
import { toDefinition } from './to-definition.ts';

let managed: TestManaged;
let client: Anthropic;

beforeAll(async () => {
  managed = await startManaged();
  client = managed.clients['1.14'];
});
afterAll(() => managed.close());

const model = 'claude-opus-5-5';
const allow = { type: 'always_allow' } as const;
const ask = { type: 'always_ask' } as const;
const toolset = { type: 'agent_toolset_20260401' } as const;
const server = { type: 'url', name: 'tickets', url: 'https://mcp.example.com/sse' } as const;

const create = (changes: object = {}) => client.beta.agents.create({ name: 'helper', model, ...changes });
const update = (id: string, change: object) => client.beta.agents.update(id, change);

/** The resolved form of all tools within the template's. */
const resolvedTools = [
  {
    type: 'agent_toolset_20260401',
    default_config: { enabled: true, permission_policy: allow },
    configs: ['write', 'glob', 'grep', 'web_search'].map((name) => ({
      type: name,
      name,
      enabled: false,
      permission_policy: allow,
    })),
  },
];

async function readAudit(subject: string) {
  const rows = await managed.database.sql
    .selectFrom('longhaul.audit')
    .select(['actor', 'action', 'data'])
    .where('subject', '=', subject)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}

describe.each(CLIENT_VERSIONS)('agents with the client %s', (version) => {
  it('are created, read, changed, listed and archived', async () => {
    const { agents } = managed.clients[version].beta;
    const created = await agents.create({ name: version, model, system: 'Be brief.', tools: [toolset] });
    expect(created['_request_id']).toMatch(/^req_[a-z2-7]{26}$/);
    expect(created).toEqual({
      id: expect.stringMatching(/^agent_[a-z2-7]{26}$/),
      type: 'agent',
      version: 1,
      name: version,
      model: { id: model, effort: { type: 'medium' }, speed: 'standard' },
      system: 'Be brief.',
      description: null,
      tools: resolvedTools,
      mcp_servers: [],
      skills: [],
      multiagent: null,
      execution_identity: { type: 'service_account' },
      metadata: {},
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: created.created_at,
      archived_at: null,
    });
    expect(await agents.retrieve(created.id)).toEqual(created);

    const changed = await agents.update(created.id, { version: 1, description: 'A helper' });
    expect(changed).toEqual({ ...created, version: 2, description: 'A helper', updated_at: expect.any(String) });
    expect(await agents.retrieve(created.id, { version: 1 })).toEqual(created);
    const versions = await readAll(agents.versions.list(created.id));
    expect(versions).toEqual([changed, created]);

    const ids = async (params?: object) => (await readAll(agents.list(params))).map(({ id }) => id);
    expect(await ids()).toContain(created.id);
    const archived = await agents.archive(created.id);
    expect(archived).toEqual({ ...changed, updated_at: archived.archived_at, archived_at: expect.any(String) });
    expect(await ids()).not.toContain(created.id);
    expect(await ids({ include_archived: true })).toContain(created.id);
  });
});

describe('a new agent', () => {
  it('takes its model as an object, and effort as a text or an object', async () => {
    const made = await create({ model: { id: model, effort: 'low', speed: 'standard', inference_geo: null } });
    expect(made.model).toEqual({ id: model, effort: { type: 'low' }, speed: 'standard' });
    expect((await create({ model: { id: model, effort: { type: 'high' } } })).model.effort).toEqual({ type: 'high' });
  });

  it('resolves the settings of tools', async () => {
    const agent = await create({
      tools: [
        {
          ...toolset,
          default_config: { enabled: false, permission_policy: ask },
          configs: [
            { name: 'bash', enabled: true },
            { name: 'web_fetch', enabled: true, permission_policy: allow },
          ],
        },
        {
          type: 'mcp_toolset',
          mcp_server_name: 'tickets',
          configs: [{ name: 'close' }],
        },
      ],
      mcp_servers: [server],
    });
    expect(agent.tools).toEqual([
      {
        ...toolset,
        default_config: { enabled: false, permission_policy: ask },
        configs: [
          { type: 'bash', name: 'bash', enabled: true, permission_policy: ask },
          { type: 'web_fetch', name: 'web_fetch', enabled: true, permission_policy: allow, url_sources: null },
        ],
      },
      {
        type: 'mcp_toolset',
        mcp_server_name: 'tickets',
        default_config: { enabled: true, permission_policy: ask },
        configs: [{ name: 'close', enabled: true, permission_policy: ask }],
      },
    ]);
  });

  it('may be sent again as it was answered', async () => {
    const agent = await create({ tools: [toolset], metadata: { a: '1' }, description: 'x' });
    const { id, type: _, created_at: _c, updated_at: _u, archived_at: _a, ...rest } = agent;
    expect(await update(id, rest)).toEqual(agent);
  });

  it('asks for the tools for which its template asks', async () => {
    const strict = await managed.restart({
      agents: { managed: { tools: ['Read', 'Bash'], ask: ['Bash'] } },
    });
    const { tools } = await strict.beta.agents.create({ name: 'strict', model, tools: [toolset] });
    expect(tools[0]).toMatchObject({
      configs: expect.arrayContaining([{ type: 'bash', name: 'bash', enabled: true, permission_policy: ask }]),
    });
    const loose = { ...toolset, configs: [{ name: 'bash' as const, permission_policy: allow }] };
    const { message } = await refusalOf(strict.beta.agents.create({ name: 'loose', model, tools: [loose] }));
    expect(message).toContain('tools: bash cannot be always_allow here. Allowed: always_ask.');
  });

  it.each([
    ['no name', { name: undefined }, 'name: must be a text of 1 to 256 characters'],
    ['a long name', { name: 'x'.repeat(257) }, 'name: must be a text of 1 to 256 characters'],
    ['no model', { model: null }, 'model: must be the id of a model, or an object with its id'],
    ['an unknown effort', { model: { id: model, effort: 'huge' } }, 'model.effort.type: must be one of low'],
    ['a long system prompt', { system: 'x'.repeat(100_001) }, 'system: must be a text of at most 100000 characters'],
    ['a long description', { description: 'x'.repeat(2_049) }, 'description: must be a text of at most 2048'],
    ['a NUL character', { system: 'a\0b' }, 'system: must have no NUL character'],
    ['an unknown field', { colour: 'red' }, 'colour: is not a known field'],
    ['an unknown field of a tool', { tools: [{ ...toolset, extra: 1 }] }, 'tools[0].extra: is not a known field'],
    [
      'a filter of domains for bash',
      { tools: [{ ...toolset, configs: [{ name: 'bash', allowed_domains: ['a.example'] }] }] },
      'tools[0].configs[0].allowed_domains: is not a known field',
    ],
    ['an unknown type of tool', { tools: [{ type: 'computer' }] }, 'tools[0].type: must have the type'],
    ['an unknown tool', { tools: [{ ...toolset, configs: [{ name: 'rm' }] }] }, 'must have the name of a tool: bash'],
    ['two toolsets', { tools: [toolset, toolset] }, 'tools: has agent_toolset_20260401 twice'],
    [
      'a tool twice',
      { tools: [{ ...toolset, configs: [{ name: 'bash' }, { name: 'bash' }] }] },
      'tools[0].configs: names bash twice',
    ],
    [
      'a toolset without its server',
      { tools: [{ type: 'mcp_toolset', mcp_server_name: 'tickets' }] },
      'an mcp_toolset names "tickets", which is not in mcp_servers',
    ],
    ['a server without its toolset', { mcp_servers: [server] }, 'mcp_servers: "tickets" is unused'],
    ['too much metadata', { metadata: Object.fromEntries(pairs(17)) }, 'metadata: must have at most 16 pairs, not 17'],
  ])('with %s is refused', async (_, changes, message) => {
    const refusal = await refusalOf(create(changes));
    expect(refusal.error).toBeInstanceOf(BadRequestError);
    expect(refusal.type).toBe('invalid_request_error');
    expect(refusal.message).toContain(message);
  });

  it('with metadata beyond the limits is refused with a code', async () => {
    for (const metadata of [{ ['k'.repeat(65)]: 'v' }, { k: 'v'.repeat(513) }, { '': 'v' }, { k: '\0' }]) {
      expect(await refusalOf(create({ metadata }))).toMatchObject({ status: 400, code: 'invalid_metadata' });
    }
  });

  it('may have unknown fields that are null', async () => {
    expect(await create({ colour: null, model: { id: model, shade: null }, tools: null })).toMatchObject({ tools: [] });
  });

  it('needs a body that is JSON', async () => {
    const response = await managed.fetch('/v1/agents', { method: 'POST', body: '{' });
    expect([response.status, response.headers.get('request-id')]).toEqual([400, expect.stringMatching(/^req_/)]);
  });
});

describe('a part of an agent that Longhaul cannot keep', () => {
  const config = (changes: object) => ({ tools: [{ ...toolset, configs: [changes] }] });
  const mcp = (changes: object) => ({
    tools: [{ type: 'mcp_toolset', mcp_server_name: 'tickets', ...changes }],
    mcp_servers: [server],
  });

  it.each([
    ['skills', { skills: [{ type: 'anthropic', skill_id: 'xlsx' }] }, '`skills`'],
    ['multiagent', { multiagent: { type: 'coordinator', agents: [] } }, '`multiagent`'],
    ['execution_identity', { execution_identity: { type: 'aws_role', role_arn: 'arn' } }, 'identity "aws_role"'],
    ['model.speed', { model: { id: model, speed: 'fast' } }, 'The speed "fast"'],
    ['model.inference_geo', { model: { id: model, inference_geo: 'eu' } }, '`model.inference_geo`'],
    ['model.effort', { model: { id: model, effort: 'xhigh' } }, 'The effort "xhigh"'],
    ['model.effort', { model: { id: model, effort: { type: 'max' } } }, 'The effort "max"'],
    [
      'tools[0].default_config.permission_policy',
      { tools: [{ ...toolset, default_config: { permission_policy: { type: 'auto' } } }] },
      'The permission policy "auto"',
    ],
    [
      'tools[0].configs[0].permission_policy',
      config({ name: 'bash', permission_policy: { type: 'auto' } }),
      'The permission policy "auto"',
    ],
    ['tools[0].configs[0].allowed_domains', config({ name: 'web_fetch', allowed_domains: ['a.example'] }), 'allowed'],
    ['tools[0].configs[0].blocked_domains', config({ name: 'web_search', blocked_domains: ['a.example'] }), 'blocked'],
    ['tools[0].configs[0].url_sources', config({ name: 'web_fetch', url_sources: { user_input: 'none' } }), 'sources'],
    ['tools[0].configs[0].max_content_tokens', config({ name: 'web_fetch', max_content_tokens: 9 }), 'max_content'],
    ['tools[0].configs[0].user_location', config({ name: 'web_search', user_location: { type: 'x' } }), 'location'],
    ['tools[0].configs[0].enabled', mcp({ configs: [{ name: 'close', enabled: false }] }), 'A disabled tool among'],
    [
      'tools[0].configs[0].permission_policy',
      mcp({ configs: [{ name: 'read', permission_policy: allow }] }),
      'An always allowed tool among',
    ],
  ])('is refused by its name: %s', async (field, changes, message) => {
    const refusal = await refusalOf(create(changes));
    expect(refusal.error).toBeInstanceOf(BadRequestError);
    expect(refusal).toMatchObject({ type: 'invalid_request_error', code: 'not_supported', field });
    expect(refusal.message).toContain(message);
    expect(refusal.message).toContain('is not supported by Longhaul.');
  });

  it('is checked before it is refused', async () => {
    const tool = { type: 'custom', name: 'two words', description: '', input_schema: { type: 'array' } };
    const { code, message } = await refusalOf(create({ tools: [tool] }));
    expect(code).toBeNull();
    for (const field of ['name', 'description', 'input_schema.type']) expect(message).toContain(`tools[0].${field}: `);
  });

  it('may be named with the value that it has anyway', async () => {
    const agent = await create({ skills: [], multiagent: null, execution_identity: { type: 'service_account' } });
    expect(agent).toMatchObject({ skills: [], multiagent: null, execution_identity: { type: 'service_account' } });
  });
});

describe('a custom tool', () => {
  const tool = { type: 'custom', name: 'pay', description: 'Pays.', input_schema: { type: 'object' } };
  const createWith = (changes: object) => create({ tools: [{ ...tool, ...changes }] });

  it('is kept as it is, and becomes part of the definition without what is null', async () => {
    const schema = { type: 'object', properties: { sum: { type: 'number' } }, required: null, $defs: { a: true } };
    const agent = await createWith({ name: 'pay__now', input_schema: schema });
    expect(agent.tools).toEqual([{ ...tool, name: 'pay__now', input_schema: schema }]);
    const { customTools, tools } = toDefinition((await findAgent(managed.database, managed.config, agent))!.agent);
    const { required: _, ...inputSchema } = schema;
    expect(customTools).toEqual([{ name: 'pay__now', description: 'Pays.', inputSchema }]);
    expect(tools).toEqual([]);
  });

  it.each([
    [{ name: 'p'.repeat(116) }, 'tools[0].name: must have 1 to 115 letters'],
    [{ description: 'p'.repeat(4_097) }, 'tools[0].description: must be a text of 1 to 4096 characters'],
    [{ input_schema: { type: 'object', anyOf: [] } }, 'input_schema: must not have anyOf at its top'],
    [{ input_schema: { type: 'object', properties: { 'a b': {} } } }, 'received "a b"'],
    [
      { input_schema: { type: 'object', properties: { a: { type: 'text' } } } },
      'input_schema: is not a valid JSON schema: properties.a.type must be equal to one of the allowed values',
    ],
    [{ input_schema: { type: 'object', properties: { a: 5 } } }, 'properties.a must be object,boolean'],
    [{ input_schema: { type: 'object', properties: { a: { items: [{}] } } } }, 'properties.a.items must be'],
  ])('is refused when the model would not get it as it is: %j', async (changes, message) => {
    const refusal = await refusalOf(createWith(changes));
    expect(refusal.error).toBeInstanceOf(BadRequestError);
    expect(refusal.message).toContain(message);
  });

  it('may have a schema of draft 7', async () => {
    const $schema = 'http://json-schema.org/draft-07/schema#';
    const agent = await createWith({ input_schema: { type: 'object', $schema, properties: { a: { items: [{}] } } } });
    expect(agent.tools).toHaveLength(1);
  });

  it('counts among the tools of its agent', async () => {
    const many = Array.from({ length: 125 }, (_, index) => ({ ...tool, name: `tool_${index}` }));
    const { message } = await refusalOf(create({ tools: [toolset, ...many] }));
    expect(message).toContain('tools: has 129 tools in all. Allowed: 128.');
    expect((await create({ tools: [toolset, ...many.slice(1)] })).tools).toHaveLength(125);
  });
});

describe('the bounds of agents', () => {
  it('reject a tool that the template lacks, when it is enabled by name', async () => {
    const tools = [{ ...toolset, configs: [{ name: 'write', enabled: true }] }];
    const { message, code } = await refusalOf(create({ tools }));
    expect(message).toContain('tools: write cannot be enabled here. Allowed: bash, read, edit, web_fetch.');
    expect(code).toBeNull();
  });

  it('reject a model without a known price, and with a list every other model', async () => {
    expect((await refusalOf(create({ model: 'gpt-9' }))).message).toContain('the price of "gpt-9" is unknown');
    expect((await refusalOf(create({ model: 'claude opus' }))).message).toContain('model.id: must have no spaces');
    const priced = await managed.restart({ prices: { 'gpt-9': { inputUsdPerMTok: 1, outputUsdPerMTok: 2 } } });
    expect((await priced.beta.agents.create({ name: 'a', model: 'gpt-9' })).model.id).toBe('gpt-9');
    const models = ['claude-haiku-5-5'];
    const narrow = await managed.restart({ managedAgents: { template: 'managed', models } });
    const { message } = await refusalOf(narrow.beta.agents.create({ name: 'a', model }));
    expect(message).toContain(`model: "${model}" is not allowed here. Allowed: claude-haiku-5-5.`);
    expect((await narrow.beta.agents.create({ name: 'a', model: models[0]! })).model.id).toBe(models[0]);
  });

  it.each([
    [
      { ...server, url: 'https://evil.example/' },
      'the host evil.example is not allowed here. Allowed: mcp.example.com.',
    ],
    [{ ...server, url: 'https://mcp.example.com.evil.example/' }, 'is not allowed here'],
    [{ ...server, url: 'file:///etc/passwd' }, 'mcp_servers[0].url: must be an http or https URL'],
    [{ ...server, url: 'https://ann:secret@mcp.example.com/' }, 'must have no user and password'],
    [{ ...server, url: 'https://mcp.example.com/${HOME}' }, 'must have no variables'],
    [{ ...server, name: 'a__b' }, 'mcp_servers[0].name: must be a letter'],
    [{ ...server, name: 'custom' }, 'mcp_servers[0].name: "custom" is taken'],
  ])('reject the MCP server %j', async (given, message) => {
    const tools = [{ type: 'mcp_toolset', mcp_server_name: given.name }];
    expect((await refusalOf(create({ tools, mcp_servers: [given] }))).message).toContain(message);
  });

  it('reject every agent when the configuration has no managedAgents', async () => {
    const off = await managed.restart({ managedAgents: undefined });
    for (const refusal of await refusalsOf([off.beta.agents.create({ name: 'a', model }), off.beta.agents.list()]))
      expect(refusal.message).toContain('name the template of its agents as `managedAgents`');
  });
});

describe('an update of an agent', () => {
  it('keeps what it leaves out, replaces lists, and clears with null or the empty text', async () => {
    const { id } = await create({
      system: 'Be brief.',
      description: 'A helper',
      tools: [toolset, { type: 'mcp_toolset', mcp_server_name: 'tickets' }],
      mcp_servers: [server],
      metadata: { team: 'a', tier: '1' },
    });
    const second = await update(id, { name: 'other', metadata: { tier: null, region: 'eu' } });
    expect(second).toMatchObject({ version: 2, name: 'other', system: 'Be brief.', description: 'A helper' });
    expect(second.metadata).toEqual({ team: 'a', region: 'eu' });
    expect(second.tools).toHaveLength(2);
    const third = await update(id, { system: '', description: null, tools: [toolset], mcp_servers: [] });
    expect(third).toMatchObject({ version: 3, system: null, description: null, mcp_servers: [] });
    expect(third.tools).toEqual(resolvedTools);
    expect(await update(id, { tools: null, metadata: null })).toMatchObject({ version: 4, tools: [] });
    expect(await client.beta.agents.retrieve(id, { version: 2 })).toEqual(second);
  });

  it('keeps the effort while the id of the model stays', async () => {
    const { id } = await create({ model: { id: model, effort: 'high' } });
    const effort = async (model: unknown) => (await update(id, { model })).model.effort?.type;
    expect(await effort(model)).toBe('high');
    expect(await effort({ id: model, speed: 'standard' })).toBe('high');
    expect(await effort({ id: model, effort: null })).toBe('medium');
    expect(await effort({ id: model, effort: 'low' })).toBe('low');
    expect(await effort('claude-sonnet-5-5')).toBe('medium');
  });

  it('that changes nothing returns the version there is', async () => {
    const created = await create({ system: 'Be brief.', metadata: { a: '1' } });
    for (const change of [{}, { version: 1 }, { system: 'Be brief.', metadata: { a: '1', b: null } }]) {
      expect(await update(created.id, change)).toEqual(created);
    }
  });

  it('of a stale version is a conflict, also if nothing would change, and is not repeated', async () => {
    const { id } = await create();
    await update(id, { description: 'x' });
    for (const change of [{ version: 1 }, { version: 1, name: 'other' }, { version: 3 }]) {
      const refusal = await refusalOf(update(id, change));
      expect(refusal.error).toBeInstanceOf(ConflictError);
      expect(refusal).toMatchObject({ status: 409, type: 'conflict_error' });
      expect(refusal.error.headers?.get('x-should-retry')).toBe('false');
    }
    expect((await refusalOf(update(id, { version: 0 }))).message).toContain('version: must be 1 or more');
  });

  it('cannot clear the name or the model, nor add what a new agent could not have', async () => {
    const { id } = await create();
    for (const change of [{ name: null }, { name: '' }, { model: null }, { colour: 'red' }, { metadata: { a: 1 } }]) {
      expect(await refusalOf(update(id, change))).toMatchObject({ status: 400, type: 'invalid_request_error' });
    }
    expect(await refusalOf(update(id, { skills: [{}] }))).toMatchObject({ code: 'not_supported', field: 'skills' });
    expect((await refusalOf(update(id, { model: 'gpt-9' }))).message).toContain('unknown');
    expect(await client.beta.agents.retrieve(id)).toMatchObject({ version: 1 });
  });

  it('of an archived agent is refused, and a second archival changes nothing', async () => {
    const { id } = await create();
    const archived = await client.beta.agents.archive(id);
    const refusal = await refusalOf(update(id, { name: 'other' }));
    expect(refusal).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(refusal.message).toContain('is archived');
    expect(await client.beta.agents.archive(id)).toEqual(archived);
  });
});

describe.each(DATABASE_KINDS)('two updates of an agent at once (%s)', (kind) => {
  let raced: TestManaged;

  beforeAll(async () => {
    raced = await startManaged({}, kind);
  });
  afterAll(() => raced.close());

  it('with the same version are one change and one conflict', async () => {
    const { agents } = raced.clients['1.14'].beta;
    const { id } = await agents.create({ name: 'helper', model });
    const names = ['left', 'right'];
    const results = await Promise.allSettled(names.map((name) => agents.update(id, { version: 1, name })));
    const [refused] = results.filter((result) => result.status === 'rejected');
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(refused?.reason).toBeInstanceOf(ConflictError);
    expect((await readAll(agents.versions.list(id))).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('without a version are two changes', async () => {
    const { agents } = raced.clients['1.14'].beta;
    const { id } = await agents.create({ name: 'helper', model });
    await Promise.all([agents.update(id, { description: 'x' }), agents.update(id, { system: 'y' })]);
    expect(await agents.retrieve(id)).toMatchObject({ version: 3, description: 'x', system: 'y' });
  });
});

describe('agents', () => {
  it('are recorded in the audit record', async () => {
    const { id } = await create({ tools: [toolset] });
    await update(id, { description: 'x' });
    await update(id, { description: 'x' });
    await client.beta.agents.archive(id);
    await client.beta.agents.archive(id);
    const entries = await readAudit(id);
    expect(entries.map(({ action, data }) => [action, data['version']])).toEqual([
      ['agent.created', 1],
      ['agent.updated', 2],
      ['agent.archived', 2],
    ]);
    expect(entries[0]).toMatchObject({
      actor: expect.stringMatching(/^key:/),
      data: { name: 'helper', model, tools: ['Bash', 'Read', 'Edit', 'WebFetch'], ask: [], mcpServers: [] },
    });
  });

  it('that do not exist are not found', async () => {
    const { id } = await create();
    const { agents } = client.beta;
    for (const unknown of ['agent_nothing', `agent_${'a'.repeat(26)}`, 'agent_config_nobody', 'x', `${id}x`]) {
      for (const refusal of await refusalsOf([
        agents.retrieve(unknown),
        agents.update(unknown, { name: 'a' }),
        agents.archive(unknown),
        agents.versions.list(unknown),
      ])) {
        expect(refusal.error).toBeInstanceOf(NotFoundError);
        expect(refusal.type).toBe('not_found_error');
      }
    }
    expect(await refusalOf(agents.retrieve(id, { version: 2 }))).toMatchObject({ status: 404 });
    expect(await refusalOf(agents.retrieve(id, { version: 0 }))).toMatchObject({ status: 400 });
  });

  it('are listed in pages, newest first, then the agents of the configuration', async () => {
    const made = [await create(), await create(), await create()].map(({ id }) => id).reverse();
    const first = await client.beta.agents.list({ limit: 2 });
    expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 2));
    const all = await readAll(client.beta.agents.list({ limit: 1 }));
    expect(all.slice(0, 3).map(({ id }) => id)).toEqual(made);
    expect(all.slice(-2).map(({ id }) => id)).toEqual(['agent_config_managed', 'agent_config_reader']);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(await readAll(client.beta.agents.list({ limit: 100 }))).toEqual(all);
    // The clients' agents fill the first page.
    expect(await readAll(client.beta.agents.list({ limit: all.length - 2 }))).toEqual(all);
    for (const params of [{ limit: 0 }, { limit: 101 }, { page: 'page_x' }, { page: 'x' }]) {
      expect(await refusalOf(client.beta.agents.list(params))).toMatchObject({ status: 400 });
    }
  });

  it('are listed by the time of their creation', async () => {
    const { id, created_at: at } = await create();
    const ids = async (params: object) => (await readAll(client.beta.agents.list(params))).map(({ id }) => id);
    const later = new Date(new Date(at).getTime() + 1).toISOString();
    const earlier = new Date(new Date(at).getTime() - 1).toISOString();
    expect(await ids({ 'created_at[gte]': at, 'created_at[lte]': at })).toContain(id);
    expect(await ids({ 'created_at[gte]': later })).toEqual([]);
    expect(await ids({ 'created_at[lte]': earlier })).not.toContain(id);
    expect(await ids({ 'created_at[lte]': '1970-01-01T00:00:00Z' })).toEqual([
      'agent_config_managed',
      'agent_config_reader',
    ]);
    expect(await refusalOf(client.beta.agents.list({ 'created_at[gte]': 'noon' }))).toMatchObject({ status: 400 });
  });

  it('have pages of versions', async () => {
    const { id } = await create();
    for (const name of ['a', 'b', 'c', 'd']) await update(id, { name });
    const page = await client.beta.agents.versions.list(id, { limit: 2 });
    expect(page.data.map(({ version }) => version)).toEqual([5, 4]);
    const versions = await readAll(client.beta.agents.versions.list(id, { limit: 2 }));
    expect(versions.map(({ version, name }) => [version, name])).toEqual([
      [5, 'd'],
      [4, 'c'],
      [3, 'b'],
      [2, 'a'],
      [1, 'helper'],
    ]);
  });

  it('are read with runs:read and written with agents:write', async () => {
    const { id } = await create();
    const reader = managed.clientOf(await managed.makeKey(['runs:read'])).beta.agents;
    expect((await reader.retrieve(id)).id).toBe(id);
    expect((await reader.list()).data).not.toEqual([]);
    for (const refusal of await refusalsOf([
      reader.create({ name: 'a', model }),
      reader.update(id, { name: 'a' }),
      reader.archive(id),
    ])) {
      expect(refusal.error).toBeInstanceOf(PermissionDeniedError);
      expect(refusal.message).toContain('agents:write');
    }
    const writer = managed.clientOf(await managed.makeKey(['agents:write'])).beta.agents;
    expect((await writer.update(id, { name: 'mine' })).name).toBe('mine');
    for (const refusal of await refusalsOf([writer.retrieve(id), writer.list(), writer.versions.list(id)])) {
      expect(refusal).toMatchObject({ status: 403, type: 'permission_error' });
    }
  });
});

describe('an agent of the configuration', () => {
  const id = 'agent_config_reader';

  it('is shown without the secrets of the operator', async () => {
    const agent = await client.beta.agents.retrieve(id);
    expect(agent).toMatchObject({
      id,
      version: 1,
      name: 'reader',
      system: null,
      created_at: '1970-01-01T00:00:00.000Z',
    });
    expect(agent.tools).toEqual([
      {
        ...toolset,
        default_config: { enabled: false, permission_policy: allow },
        configs: [
          { type: 'read', name: 'read', enabled: true, permission_policy: allow },
          { type: 'grep', name: 'grep', enabled: true, permission_policy: ask },
        ],
      },
    ]);
    expect(await client.beta.agents.retrieve(id, { version: 1 })).toEqual(agent);
    expect(await refusalOf(client.beta.agents.retrieve(id, { version: 2 }))).toMatchObject({ status: 404 });
    expect(await readAll(client.beta.agents.versions.list(id))).toEqual([agent]);
  });

  it('cannot be changed or archived', async () => {
    for (const refusal of await refusalsOf([update(id, { name: 'mine' }), client.beta.agents.archive(id)])) {
      expect(refusal).toMatchObject({ status: 400, type: 'invalid_request_error' });
      expect(refusal.message).toContain('defined in the configuration');
    }
  });

  it('is never the agent of the health check', async () => {
    expect(await refusalOf(client.beta.agents.retrieve('agent_config_longhaul-health'))).toMatchObject({ status: 404 });
  });
});

describe('the agent of a session', () => {
  const find = (id: string, version?: number) => findAgent(managed.database, managed.config, { id, version });

  it('is found in the newest version or the named version', async () => {
    const { id } = await create({ system: 'one' });
    await update(id, { system: 'two' });
    expect(await find(id)).toMatchObject({
      id,
      version: 2,
      isArchived: false,
      configName: null,
      agent: { system: 'two' },
    });
    expect(await find(id, 1)).toMatchObject({ version: 1, agent: { system: 'one' } });
    expect(await find(id, 3)).toBeNull();
    await client.beta.agents.archive(id);
    expect(await find(id)).toMatchObject({ isArchived: true });
    expect(await find('agent_config_reader')).toMatchObject({ version: 1, configName: 'reader' });
    expect(await find('agent_config_reader', 2)).toBeNull();
  });

  it('inherits what is left out, clears with null or an empty list, and replaces the rest whole', async () => {
    const { id } = await create({ system: 'one', model: { id: model, effort: 'high' }, tools: [toolset] });
    const found = (await find(id))!;
    const resolve = (overrides: Parameters<typeof resolveAgentParams>[1]['overrides']) =>
      resolveAgentParams(managed.config, { found, overrides });
    expect(resolve({})).toEqual(found.agent);
    expect(resolve({ system: null, tools: [], mcp_servers: null, skills: [] })).toEqual({
      ...found.agent,
      system: null,
      tools: [],
    });
    expect(resolve({ model: { id: model } }).model.effort).toEqual({ type: 'medium' });
    expect(() => resolve({ skills: [{}] })).toThrow('`skills` is not supported');
    expect(() => resolve({ model: { id: 'gpt-9' } })).toThrow('unknown');
  });

  it('is used as it is when it is one of the configuration', async () => {
    const found = (await find('agent_config_reader'))!;
    expect(resolveAgentParams(managed.config, { found, overrides: {} })).toEqual(found.agent);
    expect(() => resolveAgentParams(managed.config, { found, overrides: { system: 'x' } })).toThrow('not supported');
  });

  it('stays within bounds that have become narrower', async () => {
    const { id } = await create({ tools: [{ ...toolset, configs: [{ name: 'bash', enabled: true }] }] });
    const found = (await find(id))!;
    const { agents } = managed.config;
    const narrower = { ...agents.get('managed')!, tools: ['Read'] };
    const config = { ...managed.config, agents: new Map([...agents, ['managed', narrower]]) };
    expect(() => resolveAgentParams(config, { found, overrides: {} })).toThrow(
      'cannot be enabled here. Allowed: read.',
    );
  });

  it('becomes a definition', async () => {
    const { id } = await create({
      system: 'Be brief.',
      model: { id: model, effort: 'low' },
      tools: [
        {
          ...toolset,
          configs: [
            { name: 'bash', permission_policy: ask },
            { name: 'edit', enabled: false },
          ],
        },
        { type: 'mcp_toolset', mcp_server_name: 'tickets' },
        {
          type: 'mcp_toolset',
          mcp_server_name: 'wiki',
          default_config: { enabled: false },
          configs: [
            { name: 'page.read', enabled: true, permission_policy: allow },
            { name: 'page.write', enabled: true },
            { name: 'page.delete' },
          ],
        },
      ],
      mcp_servers: [server, { ...server, name: 'wiki' }],
    });
    expect(toDefinition((await find(id))!.agent)).toEqual({
      model,
      systemPrompt: 'Be brief.',
      customTools: [],
      effort: 'low',
      tools: ['Bash', 'Read', 'WebFetch', 'mcp__tickets', 'mcp__wiki__page_read', 'mcp__wiki__page_write'],
      ask: ['Bash', 'mcp__tickets', 'mcp__wiki__page_write'],
      mcpServers: [
        { name: 'tickets', url: server.url },
        { name: 'wiki', url: server.url },
      ],
    });
  });
});

function pairs(count: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [`key${index}`, 'value']);
}
