import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createSdkMcpServer, tool } from '@anthropic-ai/claude-agent-sdk';
import { McpServer as Server } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Agent } from '../../config/config.ts';
import type { McpServer } from '../../config/mcp-server.ts';
import { say, startScriptedModel, useTool, type Script } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';
import { listProcesses } from '../process-tree/process-table.ts';

const commandOf = (pid: number) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');

/** Tests of MCP servers, with the real Claude Code executable. */

const FIXTURE = path.resolve(import.meta.dirname, '../../../test/fixtures/mcp-server.ts');

const calc: McpServer = {
  name: 'calc',
  isRequired: true,
  type: 'stdio',
  command: process.execPath,
  args: [FIXTURE],
  env: { API_TOKEN: 'token-of-the-server' },
};
const missing: McpServer = { ...calc, name: 'missing', command: '/nowhere/server', args: [] };

async function run(script: Script, agent: Partial<Agent>) {
  await using model = await startScriptedModel({ script });
  await using attempt = await createAttempt({ url: model.url, agent });
  const report = await startAgentProcess(attempt.spec).done;
  return {
    report,
    model,
    dataOf: attempt.dataOf,
    results: attempt.dataOf('agent.tool_result'),
    left: await attempt.processes(),
  };
}

const add = useTool('mcp__calc__add', { a: 1, b: 2 });

test('a run uses the tools of a server over stdio, which gets its variables from no command line and ends with the run', async () => {
  const { report, results, dataOf, left } = await run([[add, useTool('mcp__calc__whoami')], say('Done.')], {
    tools: ['mcp__calc'],
    mcpServers: [calc],
  });
  expect(report).toMatchObject({
    outcome: { status: 'succeeded' },
    toolUses: { mcp__calc__add: 1, mcp__calc__whoami: 1 },
  });
  expect(dataOf('agent.init')[0]?.mcpServers).toEqual([{ name: 'calc', status: 'connected' }]);
  expect(results.some(({ content }) => content === '3')).toBe(true);
  const who = JSON.parse(results.find(({ content }) => content.startsWith('{'))?.content ?? '{}') as Record<
    string,
    string
  >;
  expect(who['secret']).toBe('token-of-the-server');
  expect(who['parent']).not.toContain('token-of-the-server');
  expect(left).toEqual([]);
});

test.each<[string, Agent['permissionMode']]>([
  ['the model sees', 'dontAsk'],
  ['the model sees, whatever the permission mode', 'acceptEdits'],
])('only the listed tools are those %s', async (_, permissionMode) => {
  const { report, model, results } = await run(
    [[add, useTool('mcp__calc__whoami'), useTool('mcp__calc__echo', { path: '/etc' })], say('Done.')],
    { tools: ['mcp__calc__add'], mcpServers: [calc], permissionMode },
  );
  expect(report.outcome.status).toBe('succeeded');
  expect(model.requests[0]?.toolNames).toEqual(['mcp__calc__add']);
  expect(results.map(({ isError }) => isError).filter(Boolean)).toHaveLength(2);
});

test("a path in the input of a server's tool is not checked against the workspace", async () => {
  const { results } = await run([useTool('mcp__calc__echo', { path: '/v1/users' }), say('Done.')], {
    tools: ['mcp__calc__*'],
    mcpServers: [calc],
  });
  expect(results).toMatchObject([{ isError: false, content: '/v1/users' }]);
});

test('a run without a server that it needs fails before the model is asked', async () => {
  const { report, model, left } = await run([say('I have no tools.')], {
    tools: ['mcp__missing', 'mcp__calc'],
    mcpServers: [calc, missing],
  });
  expect(report.outcome).toMatchObject({
    status: 'failed',
    code: 'mcp_server_failed',
    detail: expect.stringContaining('missing: failed') as string,
  });
  expect(model.requests).toHaveLength(0);
  expect(left).toEqual([]);
});

test('a server that never answers delays a run no longer than the connection timeout', async () => {
  const silent: McpServer = { ...calc, name: 'silent', command: 'sleep', args: ['600'] };
  const { report, model, left } = await run([say('I have no tools.')], {
    tools: ['mcp__silent'],
    mcpServers: [silent],
    env: { MCP_TIMEOUT: '1000' },
  });
  expect(report.outcome).toMatchObject({ status: 'failed', code: 'mcp_server_failed' });
  expect(report.durationMs).toBeLessThan(15_000);
  expect(model.requests).toHaveLength(0);
  expect(left).toEqual([]);
});

test('a run continues without a server that is not required, and reports it', async () => {
  const { report, dataOf } = await run([say('Done.')], {
    tools: ['mcp__missing'],
    mcpServers: [{ ...missing, isRequired: false }],
  });
  expect(report.outcome.status).toBe('succeeded');
  expect(dataOf('agent.init')[0]?.mcpServers).toEqual([{ name: 'missing', status: 'failed' }]);
});

test('a run uses a server over HTTP, with the headers it asks for', async () => {
  const seen: (string | undefined)[] = [];
  const http = createServer((request, response) => {
    void (async () => {
      seen.push(request.headers.authorization);
      const server = new Server({ name: 'remote', version: '1.0.0' });
      server.registerTool('ping', { description: 'Pings.' }, async () => ({
        content: [{ type: 'text', text: 'pong' }],
      }));
      const transport = new StreamableHTTPServerTransport({});
      await server.connect(transport as Parameters<typeof server.connect>[0]);
      await transport.handleRequest(request, response);
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = http.address() as AddressInfo;
    const { report, results } = await run([useTool('mcp__remote__ping'), say('Done.')], {
      tools: ['mcp__remote__ping'],
      mcpServers: [
        {
          name: 'remote',
          isRequired: true,
          type: 'http',
          url: `http://127.0.0.1:${port}/mcp`,
          headers: { Authorization: 'Bearer secret' },
        },
      ],
    });
    expect(report.outcome.status).toBe('succeeded');
    expect(results).toMatchObject([{ content: 'pong', isError: false }]);
    expect(new Set(seen)).toEqual(new Set(['Bearer secret']));
  } finally {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
});

const inProcess: McpServer = {
  name: 'shop',
  isRequired: true,
  type: 'inProcess',
  create: ({ run: current }) =>
    createSdkMcpServer({
      name: 'shop',
      tools: [
        tool('orders', 'Lists the orders of the user.', { since: z.string() }, async ({ since }) => ({
          content: [{ type: 'text', text: `orders of ${current().user} since ${since}` }],
        })),
      ],
    }),
};
const orders = useTool('mcp__shop__orders', { since: 'May' });

test('an in-process tool knows the run that calls it, among runs at the same time and one after another', async () => {
  await using model = await startScriptedModel({
    script: ({ toolResults }) => (toolResults.length > 0 ? say('Done.') : orders),
  });
  const agent = { tools: ['mcp__shop__orders'], mcpServers: [inProcess], isReused: true };
  const facts = (user: string) => ({ user, team: null, metadata: {}, attempt: 1 });
  await using ada = await createAttempt({ url: model.url, agent, spec: { facts: facts('ada'), keepProcess: true } });
  await using ben = await createAttempt({ url: model.url, agent, spec: { facts: facts('ben') } });
  const [first] = await Promise.all([startAgentProcess(ada.spec).done, startAgentProcess(ben.spec).done]);
  expect(ada.dataOf('agent.tool_result')).toMatchObject([{ content: 'orders of ada since May' }]);
  expect(ben.dataOf('agent.tool_result')).toMatchObject([{ content: 'orders of ben since May' }]);
  expect(first.keptProcess).not.toBeNull();
  const again = {
    ...ada.spec,
    runId: ben.spec.runId,
    process: first.keptProcess,
    keepProcess: false,
    facts: facts('cy'),
  };
  expect((await startAgentProcess(again).done).outcome.status).toBe('succeeded');
  expect(ada.dataOf('agent.tool_result').at(-1)?.content).toBe('orders of cy since May');
});

test('a server that cannot be created fails the run with its reason', async () => {
  const create = () => {
    throw new Error('no database');
  };
  const { report } = await run([say('x')], { tools: ['mcp__shop'], mcpServers: [{ ...inProcess, create }] });
  expect(report.outcome).toMatchObject({
    status: 'failed',
    code: 'mcp_server_failed',
    detail: expect.stringContaining('no database') as string,
  });
});

test('a waiting process has started its servers, and is not usable without them', async () => {
  await using model = await startScriptedModel({ script: [add, say('Done.')] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['mcp__calc__add'], mcpServers: [calc] },
  });
  const spare = attempt.startSpare();
  expect(await spare.ready).toBeNull();
  expect(spare.isFree).toBe(true);
  const waiting = (await listProcesses()).filter(({ attemptId }) => attemptId === spare.id);
  expect(waiting.length).toBeGreaterThan(1);
  const report = await startAgentProcess({ ...attempt.spec, process: spare }).done;
  expect(report.outcome.status).toBe('succeeded');
  expect(attempt.dataOf('agent.tool_result')).toMatchObject([{ content: '3' }]);
  expect(model.requests[0]?.toolNames).toEqual(['mcp__calc__add']);
  expect((await listProcesses()).filter(({ attemptId }) => attemptId === spare.id)).toEqual([]);

  await using other = await createAttempt({
    url: model.url,
    agent: { tools: ['mcp__missing'], mcpServers: [missing] },
  });
  const broken = other.startSpare();
  expect(await broken.ready).toMatchObject({ status: 'failed', code: 'mcp_server_failed' });
  expect(broken.isFree).toBe(false);
});

test('a server that died while its process waited is available again for the run', async () => {
  await using model = await startScriptedModel({ script: [add, say('Done.')] });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['mcp__calc'], mcpServers: [calc] } });
  const spare = attempt.startSpare();
  expect(await spare.ready).toBeNull();
  const commands = await Promise.all(
    (await listProcesses())
      .filter(({ attemptId }) => attemptId === spare.id)
      .map(async ({ pid }) => ({ pid, command: await commandOf(pid) })),
  );
  const server = commands.find(({ command }) => command.includes('mcp-server.ts'));
  process.kill(server?.pid ?? 0, 'SIGKILL');
  const report = await startAgentProcess({ ...attempt.spec, process: spare }).done;
  expect(report.outcome.status).toBe('succeeded');
  expect(attempt.dataOf('agent.tool_result')).toMatchObject([{ isError: false, content: '3' }]);
});
