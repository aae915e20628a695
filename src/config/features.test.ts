import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LonghaulError } from '../core/errors.ts';
import { resolveConfig } from './resolve.ts';

const resolve = (agent: unknown, env: Record<string, string> = {}) =>
  resolveConfig({ input: { agents: { it: agent } }, baseDir: '/app', env }).agents.get('it');

/** Returns the errors of an agent, by path. */
function refusals(agent: unknown, env: Record<string, string> = {}): Record<string, string> {
  try {
    resolve(agent, env);
  } catch (error) {
    if (error instanceof LonghaulError) {
      return Object.fromEntries(error.errors.map(({ path, message }) => [path.replace('agents.it.', ''), message]));
    }
    throw error;
  }
  return {};
}

describe('hooks', () => {
  it('are functions, and stay functions in a frozen configuration', () => {
    const beforeToolUse = () => undefined;
    const agent = resolve({ tools: ['Read'], hooks: { beforeToolUse }, hookTimeoutSeconds: 5 });
    expect(agent?.hooks.beforeToolUse).toBe(beforeToolUse);
    expect(agent?.hookTimeoutSeconds).toBe(5);
    expect(Object.isFrozen(agent?.hooks)).toBe(true);
  });

  it('are rejected when they are not functions, or have an unknown name', () => {
    expect(refusals({ tools: [], hooks: { beforeToolUse: 'check.ts' } })).toEqual({
      'hooks.beforeToolUse': 'must be a function; received "check.ts"',
    });
    expect(refusals({ tools: [], hooks: { onToolUse: () => undefined } })).toEqual({
      'hooks.onToolUse': 'is not a known field',
    });
    expect(refusals({ tools: [], hookTimeoutSeconds: 0 })).toEqual({
      hookTimeoutSeconds: 'must be 1 or more; received 0',
    });
  });
});

describe('tools that ask', () => {
  it('are among the tools', () => {
    const mcpServers = { calc: { command: 'calc' } };
    expect(resolve({ tools: ['Bash', 'mcp__calc'], mcpServers, ask: ['Bash', 'mcp__calc__add'] })?.ask).toEqual([
      'Bash',
      'mcp__calc__add',
    ]);
    expect(refusals({ tools: ['Read'], ask: ['Bash'] })).toEqual({
      ask: "names Bash, which is not in the agent's tools",
    });
  });
});

describe('MCP servers', () => {
  const tools = ['mcp__one'];

  it('have their defaults, and their variables read', () => {
    const env = { TOKEN: 's3cret', HOST: 'mcp.example.com' };
    const remote = { url: 'https://${HOST}/mcp', headers: { Authorization: 'Bearer ${TOKEN}' } };
    expect(resolve({ tools, mcpServers: { one: remote } }, env)?.mcpServers).toEqual([
      {
        name: 'one',
        isRequired: true,
        type: 'http',
        url: 'https://mcp.example.com/mcp',
        headers: { Authorization: 'Bearer s3cret' },
      },
    ]);
    const local = { command: 'server', env: { KEY: '${TOKEN}' }, required: false };
    expect(resolve({ tools, mcpServers: { one: local } }, env)?.mcpServers).toEqual([
      { name: 'one', isRequired: false, type: 'stdio', command: 'server', args: [], env: { KEY: 's3cret' } },
    ]);
  });

  it.each([
    [{}, 'must have one of "command", "url" and "create"'],
    [{ command: 'a', url: 'http://b' }, 'must have one of "command", "url" and "create"'],
    [{ type: 'http', command: 'a' }, 'has a "command" and the type "http"; leave one of them out'],
    [{ type: 'stdio', url: 'http://b' }, 'has the type "stdio" and a "url"; leave one of them out'],
    [{ url: 'http://b', env: {} }, 'has a "url", which does not use "args" or "env"; leave them out'],
    [{ command: 'a', headers: {} }, 'has a "command", which does not use "headers"; leave them out'],
    [{ create: () => undefined, env: {} }, 'has "create", which can be combined only with "required"'],
  ])('are rejected when one is %j', (one, message) => {
    expect(refusals({ tools, mcpServers: { one } })).toEqual({ 'mcpServers.one': message });
  });

  it('are rejected without their variables, and never shown with them', () => {
    expect(refusals({ tools, mcpServers: { one: { command: 'a', env: { KEY: '${NOT_SET}' } } } })).toEqual({
      'mcpServers.one.env.KEY': 'names the variable NOT_SET, which is not set',
    });
    expect(Object.keys(refusals({ tools, mcpServers: { one: { command: 'a', args: ['--key=${TOKEN}'] } } }))).toEqual([
      'mcpServers.one.args',
    ]);
    const wrong = refusals({ tools, mcpServers: { one: { url: 'http://b', headers: { Authorization: ['s3cret'] } } } });
    expect(JSON.stringify(wrong)).not.toContain('s3cret');
    expect(Object.keys(wrong)).toEqual(['mcpServers.one.headers.Authorization']);
    expect(refusals({ tools, mcpServers: { one: { url: 'file:///etc/s3cret' } } })).toEqual({
      'mcpServers.one.url': 'must be an http or https URL',
    });
  });

  it('must be exactly the servers that the tools name', () => {
    expect(refusals({ tools: ['mcp__two__add'], mcpServers: { one: { command: 'a' } } })).toEqual({
      tools: 'names mcp__two__add, and mcpServers has no "two"',
      'mcpServers.one': 'is unused: none of its tools is in tools; add "mcp__one" for all of them, or "mcp__one__TOOL"',
    });
    expect(Object.keys(refusals({ tools: [], mcpServers: { a__b: { command: 'a' } } }))).toEqual(['mcpServers.a__b']);
    expect(refusals({ tools: ['mcp__one__*'], mcpServers: { one: { command: 'a' } } })).toEqual({});
    expect(Object.keys(refusals({ tools: ['Re*'] }))).toEqual(['tools.0']);
  });

  it('over stdio are rejected with a reused process', () => {
    const workspace = { root: './w', mode: 'shared' };
    const agent = { tools, reuse: true, workspace };
    expect(refusals({ ...agent, mcpServers: { one: { command: 'a' } } })['reuse']).toContain('"one" is such a process');
    expect(refusals({ ...agent, mcpServers: { one: { url: 'http://b' } } })).toEqual({});
  });
});

describe('subagents', () => {
  const looker = { description: 'Looks.', prompt: 'Look.' };

  it("have the agent's tools by default, and the agent gets the tool that starts them", () => {
    const agent = resolve({ tools: ['Read', 'Grep'], subagents: { looker } });
    expect(agent?.tools).toEqual(['Read', 'Grep', 'Agent']);
    expect(agent?.subagents).toEqual([
      { name: 'looker', ...looker, tools: ['Read', 'Grep'], model: null, maxTurns: null },
    ]);
  });

  it('have only tools of the agent, and start no other subagents', () => {
    expect(refusals({ tools: ['Read'], subagents: { looker: { ...looker, tools: ['Read', 'Bash'] } } })).toEqual({
      'subagents.looker.tools': "names Bash, which is not in the agent's tools",
    });
    expect(refusals({ tools: ['Read'], subagents: { looker: { ...looker, tools: ['Agent'] } } })).toEqual({
      'subagents.looker.tools': 'names Agent, but a subagent cannot start other subagents',
    });
  });

  it('are required by the tools that start them', () => {
    expect(refusals({ tools: ['Read', 'Task'] })).toEqual({
      tools: 'names Task, which starts subagents; define them in subagents',
    });
  });
});

describe('the form of an answer', () => {
  it('is a zod schema or a JSON schema of an object', () => {
    const zod = resolve({ tools: [], outputSchema: z.object({ n: z.int() }) });
    expect(zod?.outputSchema?.json).toMatchObject({ type: 'object', required: ['n'] });
    expect(zod?.outputSchema?.check({ n: 1 })).toEqual({ value: { n: 1 } });
    const json = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const plain = resolve({ tools: [], outputSchema: json });
    expect(plain?.outputSchema?.check({ n: 'x' })).toEqual({ problems: ['n: must be integer'] });
    // The given schema is not frozen.
    expect(Object.isFrozen(json)).toBe(false);
  });

  it.each([
    [z.array(z.string()), 'must describe an object at the top level'],
    [z.object({ when: z.date() }), 'Date cannot be represented'],
    [{ type: 'array' }, 'must describe an object at the top level'],
    [{ type: 'object', anyOf: [{ required: ['a'] }, { required: ['b'] }] }, 'must not have anyOf at the top level'],
    [{ type: 'object', oneOf: [{ required: ['a'] }] }, 'must not have oneOf at the top level'],
    [{ type: 'object', allOf: [{ required: ['a'] }] }, 'must not have allOf at the top level'],
    [
      z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })]),
      'at the top level',
    ],
    [{ type: 'object', properties: { n: { type: 'whole' } } }, 'is not a valid JSON schema'],
    [{ type: 'object', properties: { n: { $ref: '#/$defs/missing' } } }, 'is not a valid JSON schema'],
    ['review', 'must be a zod schema or a JSON schema'],
  ])('is rejected in another form, %#', (outputSchema, words) => {
    expect(refusals({ tools: [], outputSchema })['outputSchema']).toContain(words);
  });

  it('may refer to itself', () => {
    const Node = z.object({
      name: z.string(),
      get children() {
        return z.array(Node);
      },
    });
    const schema = resolve({ tools: [], outputSchema: Node })?.outputSchema;
    expect(schema?.check({ name: 'a', children: [{ name: 'b', children: [] }] })).toHaveProperty('value');
    expect(schema?.check({ name: 'a', children: [{ name: 1, children: [] }] })).toHaveProperty('problems');
  });
});

describe('options that would keep the system from starting a process', () => {
  it('are rejected by name: an argument or a variable of 128 KiB and more', () => {
    const schema = (length: number) => ({ type: 'object', description: 'x'.repeat(length) });
    const long = (prefix: string, bytes: number) => 'x'.repeat(bytes - prefix.length - 1);
    const most = 131_072;
    expect(refusals({ tools: [], env: { LONG: long('LONG=', most + 1) } })['env.LONG']).toContain('131073 bytes');
    expect(resolve({ tools: [], env: { LONG: long('LONG=', most) } })).toBeDefined();
    expect(refusals({ tools: [], env: { LONG: 'ü'.repeat(70_000) } })['env.LONG']).toContain('is too long');
    expect(refusals({ tools: [], outputSchema: schema(131_072) })['outputSchema']).toContain('is too long');
    expect(resolve({ tools: [], outputSchema: schema(100_000) })).toBeDefined();
  });

  it('are rejected together when they are too large', () => {
    const env = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`V${index}`, 'x'.repeat(110_000)]));
    expect(JSON.stringify(refusals({ tools: [], env }))).toContain('have 2200');
  });
});
