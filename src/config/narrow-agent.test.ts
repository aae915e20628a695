import { describe, expect, it } from 'vitest';
import type { AgentDefinition } from '../core/agent-definition.ts';
import type { Agent } from './config.ts';
import { isAllowedMcpUrl, narrowAgent } from './narrow-agent.ts';
import { resolveConfig } from './resolve.ts';
import { isListedTool } from './resolve-tools.ts';
import type { LonghaulConfig } from './schema.ts';

const HOSTS = ['mcp.example.com', 'localhost'];

const template = toTemplate({
  model: 'claude-opus-4-5',
  tools: ['Read', 'Grep', 'Bash', 'mcp__crm', 'mcp__files__read'],
  ask: ['Bash', 'mcp__crm__delete'],
  mcpServers: {
    crm: { url: 'https://crm.example.com/mcp', headers: { Authorization: 'secret' } },
    files: { command: 'files' },
  },
  subagents: {
    scout: { description: 'Looks around.', prompt: 'Look.', tools: ['Grep', 'Bash', 'mcp__crm'] },
  },
  systemPrompt: { append: 'Be brief.' },
  effort: 'low',
  env: { STAGE: 'test' },
  retry: { maxAttempts: 2 },
  limits: { maxTurns: 200 },
});

function toTemplate(agent: LonghaulConfig['agents'][string]): Agent {
  return resolveConfig({ input: { agents: { managed: agent } }, baseDir: '/app', env: {} }).agents.get('managed')!;
}

function define(parts: Partial<AgentDefinition> = {}): AgentDefinition {
  const plain = { model: 'claude-haiku-4-5', systemPrompt: null, effort: null, tools: [], ask: [], mcpServers: [] };
  return { ...plain, ...parts };
}

const narrow = (parts?: Partial<AgentDefinition>, from = template) => narrowAgent(from, define(parts), HOSTS);

describe('an agent that a client has defined', () => {
  it('has the model, the prompt and the effort of its definition, and all else from its template', () => {
    const defined = narrow({ systemPrompt: 'You sell tea.', effort: 'high', tools: ['Read'] });
    expect(defined).toEqual({
      ...template,
      model: 'claude-haiku-4-5',
      systemPrompt: 'You sell tea.',
      effort: 'high',
      tools: ['Read'],
      ask: [],
      mcpServers: [],
      subagents: [],
    });
  });

  it('keeps the prompt and the effort of its template where the definition has none', () => {
    expect(narrow()).toMatchObject({ systemPrompt: { append: 'Be brief.' }, effort: 'low', tools: [] });
  });

  it('has no process of another, even if its template keeps processes', () => {
    const reused = toTemplate({ tools: [], reuse: true, workspace: { root: './shared', mode: 'shared' } });
    expect(narrow({}, reused).isReused).toBe(false);
  });

  it('has only tools that its template allows', () => {
    const tools = ['Read', 'Write', 'Bash(rm *)', 'Task', 'mcp__crm__find', 'mcp__files', 'mcp__other__x', 'Read'];
    expect(narrow({ tools }).tools).toEqual(['Read', 'mcp__crm__find', 'mcp__files__read']);
    expect(narrow({ tools: ['mcp__crm__find,Bash', 'mcp__files__write'] }).tools).toEqual([]);
  });

  it('asks for what it wants to ask for, and always for what its template asks for', () => {
    const asking = narrow({ tools: ['Read', 'Grep', 'Bash', 'mcp__crm'], ask: ['Read', 'Write'] });
    expect(asking.ask).toEqual(['Read', 'Bash', 'mcp__crm__delete']);
    expect(narrow({ tools: ['mcp__crm__find'], ask: ['mcp__crm'] }).ask).toEqual(['mcp__crm__find']);
    expect(narrow({ tools: ['mcp__crm__delete'] }).ask).toEqual(['mcp__crm__delete']);
  });

  it('has the servers of its tools: those of its template, and its own on allowed hosts', () => {
    const own = [
      { name: 'shop', url: 'https://MCP.example.com:8443/mcp' },
      { name: 'evil', url: 'https://evil.example.com/mcp' },
      { name: 'idle', url: 'https://mcp.example.com/mcp' },
      { name: 'shop', url: 'http://localhost:1/mcp' },
      { name: 'files', url: 'http://localhost:2/mcp' },
      { name: 'a__b', url: 'http://localhost:3/mcp' },
    ];
    const tools = ['mcp__crm__find', 'mcp__shop', 'mcp__evil__x', 'mcp__files__write', 'mcp__a__b'];
    const defined = narrow({ tools, mcpServers: own });
    expect(defined.tools).toEqual(['mcp__crm__find', 'mcp__shop']);
    expect(defined.mcpServers).toEqual([
      template.mcpServers[0],
      { name: 'shop', isRequired: true, type: 'http', url: 'https://MCP.example.com:8443/mcp', headers: {} },
    ]);
    expect(narrowAgent(template, define({ tools, mcpServers: own }), []).tools).toEqual(['mcp__crm__find']);
  });

  it('has the tools that its client runs, whatever its template has, on a server that no other may be', () => {
    const customTools = [{ name: 'pay', description: 'Pays.', inputSchema: { type: 'object' } }];
    const own = [{ name: 'custom', url: 'http://localhost:1/mcp' }];
    const defined = narrow({ tools: ['Read', 'mcp__custom__pay'], ask: ['mcp__custom'], mcpServers: own, customTools });
    expect(defined).toMatchObject({
      tools: ['Read', 'mcp__custom'],
      ask: [],
      mcpServers: [{ name: 'custom', type: 'custom', isRequired: true, tools: customTools }],
    });
    const none = { tools: ['Read', 'mcp__custom__pay'], mcpServers: own };
    for (const definition of [none, { ...none, customTools: [] }])
      expect(narrow(definition)).toMatchObject({ tools: ['Read'], mcpServers: [] });
    const from = toTemplate({
      tools: ['mcp__custom__own', 'Agent'],
      mcpServers: { custom: { url: 'https://own.example.com' } },
      subagents: { scout: { description: 'Looks.', prompt: 'Look.', tools: ['mcp__custom__own'] } },
    });
    const beside = narrow({ tools: ['mcp__custom', 'Agent'], customTools }, from);
    expect(beside).toMatchObject({ tools: ['Agent', 'mcp__custom'], subagents: [{ tools: [] }] });
    expect(beside.mcpServers).toMatchObject([{ type: 'custom' }]);
  });

  it('leaves its subagents only the tools that it has itself', () => {
    const tools = ['Agent', 'Grep', 'mcp__crm__find'];
    expect(narrow({ tools }).subagents).toMatchObject([{ name: 'scout', tools: ['Grep', 'mcp__crm__find'] }]);
    expect(narrow({ tools: ['Grep'] }).subagents).toEqual([]);
  });

  it('can never exceed its template', () => {
    const random = createRandom(42);
    for (let round = 0; round < 1_000; round++) {
      const from = toRandomTemplate(random);
      const definition = toRandomDefinition(random);
      const defined = narrowAgent(from, definition, HOSTS);
      const { model, systemPrompt, effort, tools, ask, mcpServers, subagents, isReused, ...kept } = defined;
      expect(from).toMatchObject(kept);
      expect({ model, systemPrompt, effort, isReused }).toEqual({
        model: definition.model,
        systemPrompt: definition.systemPrompt ?? from.systemPrompt,
        effort: definition.effort ?? from.effort,
        isReused: false,
      });
      const own = mcpServers.filter((server) => !from.mcpServers.includes(server));
      const names = own.map(({ name }) => name);
      expect(names.filter((name) => from.mcpServers.some((server) => server.name === name))).toEqual([]);
      expect(own.every((server) => server.type === 'http' && isAllowedMcpUrl(server.url, HOSTS))).toBe(true);
      const what = JSON.stringify({ round, from, definition, defined });
      for (const tool of CONCRETE) {
        const isUsable = isListedTool(tools, tool);
        const isOwn = isListedTool(
          names.map((name) => `mcp__${name}`),
          tool,
        );
        if (isUsable) expect(isListedTool(definition.tools, tool), what).toBe(true);
        if (isUsable && !isOwn) expect(isListedTool(from.tools, tool), what).toBe(true);
        const isAsked = isListedTool(definition.ask, tool) || (!isOwn && isListedTool(from.ask, tool));
        if (isUsable) expect(isListedTool(ask, tool), what).toBe(isAsked);
        if (subagents.some((subagent) => isListedTool(subagent.tools, tool))) expect(isUsable, what).toBe(true);
      }
    }
  });
});

describe('the URL of an MCP server that a client adds', () => {
  it.each([
    ['https://mcp.example.com/mcp', true],
    ['http://LOCALHOST:8080', true],
    ['https://user:password@mcp.example.com', true],
    ['http://[::1]:99/mcp', true],
    ['https://mcp.example.com@evil.example.com', false],
    ['https://mcp.example.com.evil.example.com', false],
    ['https://sub.mcp.example.com', false],
    ['file://localhost/etc/passwd', false],
    ['https://${HOST}@mcp.example.com', false],
    ['mcp.example.com', false],
    ['', false],
  ])('%s: %s', (url, isAllowed) => {
    expect(isAllowedMcpUrl(url, [...HOSTS, '::1'])).toBe(isAllowed);
  });
});

/** Names that agents of the test list, and names that Claude Code would use for their tools. */
const CONCRETE = [
  'Read',
  'Write',
  'Bash',
  'Agent',
  'Task',
  ...['a', 'b', 'c', 'd'].flatMap((server) => [`mcp__${server}__x`, `mcp__${server}__y`]),
];
const SERVER_NAMES = ['a', 'b', 'c', 'd'];
const LISTED = [...CONCRETE, ...SERVER_NAMES.flatMap((name) => [`mcp__${name}`, `mcp__${name}__*`])];
const URLS = ['https://mcp.example.com/', 'http://localhost:99', 'https://evil.example.com', 'nonsense'];

type Random = <T>(values: readonly T[]) => T;

/** Creates a repeatable choice of values (the generator "mulberry32"). */
function createRandom(seed: number): Random {
  let state = seed;
  return (values) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return values[((mixed ^ (mixed >>> 14)) >>> 0) % values.length]!;
  };
}

function some<T>(random: Random, values: readonly T[]): T[] {
  return values.filter(() => random([true, false, false]));
}

function toRandomTemplate(random: Random): Agent {
  const tools = some(random, LISTED);
  const mcpServers = some(random, SERVER_NAMES).map((name) => ({
    name,
    isRequired: true,
    type: 'stdio' as const,
    command: name,
    args: [],
    env: {},
  }));
  const known = new Set(mcpServers.map(({ name }) => name));
  const listed = tools.filter((tool) => !tool.startsWith('mcp__') || known.has(tool.split('__')[1]!));
  return {
    ...template,
    tools: listed,
    ask: some(random, LISTED).filter((tool) => isListedTool(listed, tool)),
    mcpServers,
    subagents: [{ ...template.subagents[0]!, tools: some(random, listed) }],
    isReused: random([true, false]),
  };
}

function toRandomDefinition(random: Random): AgentDefinition {
  return {
    model: random(['claude-haiku-4-5', 'claude-opus-4-5']),
    systemPrompt: random([null, 'You sell tea.']),
    effort: random([null, 'low', 'high'] as const),
    tools: some(random, LISTED),
    ask: some(random, LISTED),
    mcpServers: some(random, [...SERVER_NAMES, 'a']).map((name) => ({ name, url: random(URLS) })),
  };
}
