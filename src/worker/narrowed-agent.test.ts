import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import type { Config } from '../config/config.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { AgentDefinition } from '../core/agent-definition.ts';
import { createId } from '../core/ids.ts';
import { collectLog } from '../core/log.fixture.ts';
import { onReport } from '../core/process-events.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { createAcceptRuns } from '../run/accept/accept-runs.ts';
import { findRun } from '../run/read/read-runs.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { say, startScriptedModel, turn, useTool, type ScriptedModel } from '../testing/index.ts';
import { createWorker, type Worker } from './worker.ts';

/** Runs of agents that clients have defined, with the real Claude Code executable. */

describe('a run of a session with a definition', () => {
  let directory: string;
  let store: Awaited<ReturnType<typeof createQueueDatabase>>;
  let model: ScriptedModel;
  let gateway: Gateway;
  let config: Config;
  let worker: Worker;
  let shop: Awaited<ReturnType<typeof startShop>>;
  const starts: string[] = [];
  let waitingSpares = 0;
  const stopListening = [
    onReport('process.started', ({ kind }) => {
      if (kind === 'spare') waitingSpares += 1;
    }),
    onReport('attempt.answered', ({ start }) => {
      starts.push(start);
      if (start === 'spare') waitingSpares -= 1;
    }),
  ];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-narrowed-'));
    config = resolveConfig({
      input: {
        agents: {
          managed: {
            model: 'claude-sonnet-4-5',
            tools: ['Read', 'Grep'],
            systemPrompt: 'You are the template.',
            prewarm: 1,
            approvals: { holdSeconds: 0 },
            retry: { maxAttempts: 1 },
          },
        },
        managedAgents: {
          template: 'managed',
          models: ['claude-haiku-4-5', 'claude-opus-4-5'],
          mcpHosts: ['127.0.0.1'],
        },
      },
      baseDir: directory,
      env: { LONGHAUL_DATA_DIR: path.join(directory, 'data') },
    });
    store = await createQueueDatabase('postgres', [...config.agents.keys()]);
    shop = await startShop();
    model = await startScriptedModel({
      script({ prompt, turn: said }) {
        if (prompt === 'try' && said === 0) return turn(useTool('Bash', { command: 'id' }));
        if (prompt === 'try' && said === 1) return turn(useTool('mcp__shop__ping'));
        if (prompt === 'ask' && said === 0) return turn(useTool('Read', { file_path: 'a.txt' }));
        return turn(say('done'));
      },
    });
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: model.url, headers: {} } }]]),
      silenceMs: 45_000,
    });
    const { database, queue } = store;
    worker = createWorker({ config, database, queue, gateway, version: '1.2.3', isAlone: true, log: collectLog().log });
    await worker.start();
  });

  afterAll(async () => {
    for (const stop of stopListening) stop();
    await worker.stop();
    await gateway.close();
    await model.close();
    await shop.stop();
    await store.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const define = (parts: Partial<AgentDefinition> = {}): AgentDefinition => ({
    model: 'claude-haiku-4-5',
    systemPrompt: 'You sell tea.',
    effort: null,
    tools: ['Read'],
    ask: [],
    mcpServers: [],
    ...parts,
  });

  async function createSession(definition: AgentDefinition | null): Promise<string> {
    const id = createId();
    const agent = config.managedAgents!.template;
    await sql`insert into longhaul.sessions (id, agent, is_managed) values (${id}, ${agent}, true)`.execute(
      store.database.sql,
    );
    await sql`
      insert into longhaul.managed_sessions (id, agent_id, agent_version, agent, definition, environment_id, metadata)
      values (${id}, 'agent_x', 1, '{}', ${definition && JSON.stringify(definition)}, 'env_default', '{}')`.execute(
      store.database.sql,
    );
    return id;
  }

  async function submit(prompt: string, sessionId: string | null): Promise<string> {
    const agent = config.agents.get('managed')!;
    const { runs } = await createAcceptRuns({ ...store, rules: config, log: collectLog().log })({
      submission: {
        agent,
        prompt,
        user: 'ann',
        team: null,
        metadata: {},
        priority: 0,
        startAfter: null,
        limits: agent.limits,
        requestedLimits: {},
        session: sessionId === null ? null : { id: sessionId, isFork: false },
        retryOf: null,
        idempotencyKey: null,
        createdBy: createId(),
      },
    });
    return runs[0]!.id;
  }

  const read = (id: string) => findRun(store.database, { runId: id, viewer: SEES_ALL });

  /** Executes a run, and returns it with the requests that the model received from it. */
  async function run(prompt: string, sessionId: string | null) {
    const before = { requests: model.requests.length, starts: starts.length };
    const id = await submit(prompt, sessionId);
    await expect.poll(async () => (await read(id))?.finishedAt ?? null, { timeout: 30_000 }).not.toBeNull();
    const requests = model.requests.slice(before.requests);
    return { run: (await read(id))!, requests, first: requests[0]!, starts: starts.slice(before.starts) };
  }

  const untilSpareWaits = () => expect.poll(() => waitingSpares, { timeout: 30_000 }).toBeGreaterThan(0);

  it('has the model, the prompt and the servers of its definition, and only tools of its template', async () => {
    await untilSpareWaits();
    const sessionId = await createSession(
      define({
        tools: ['Read', 'Bash', 'mcp__shop', 'mcp__evil'],
        mcpServers: [
          { name: 'shop', url: shop.url },
          { name: 'evil', url: shop.url.replace('127.0.0.1', 'localhost') },
        ],
      }),
    );
    const done = await run('try', sessionId);
    expect(done.run).toMatchObject({ status: 'succeeded', sessionId });
    expect(done.first.model).toBe('claude-haiku-4-5');
    expect(done.first.toolNames.toSorted()).toEqual(['Read', 'mcp__shop__ping']);
    expect(systemOf(done.first)).toContain('You sell tea.');
    expect(systemOf(done.first)).not.toContain('You are the template.');
    const results = done.requests.flatMap(({ toolResults }) => toolResults);
    expect(results).toMatchObject([
      { isError: true, content: expect.stringContaining('No such tool available: Bash') as string },
      { isError: false, content: expect.stringMatching(/^pong/) as string },
    ]);
    // The process that waits was started with the settings of the template.
    expect(done.starts).toEqual(['cold']);
  });

  it('takes each turn with the definition of that time', async () => {
    const sessionId = await createSession(define());
    await run('hello', sessionId);
    const definition = JSON.stringify(define({ model: 'claude-opus-4-5', tools: ['Grep'] }));
    await sql`update longhaul.managed_sessions set definition = ${definition} where id = ${sessionId}`.execute(
      store.database.sql,
    );
    const second = await run('and again', sessionId);
    expect(second.run).toMatchObject({ status: 'succeeded', sessionTurn: 2 });
    expect(second.first).toMatchObject({ model: 'claude-opus-4-5', toolNames: ['Grep'], turn: 1 });
  });

  it('waits for an approval of a tool that only its definition asks for', async () => {
    const id = await submit('ask', await createSession(define({ ask: ['Read'] })));
    await expect.poll(() => read(id), { timeout: 30_000 }).toMatchObject({ status: 'waiting', waitingFor: 'approval' });
  });

  it('fails without a model call when the configuration no longer allows its model', async () => {
    const { run: failed, requests } = await run('hello', await createSession(define({ model: 'claude-sonnet-4-5' })));
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'invalid_model' } });
    expect(failed.errorDetail).toContain('managedAgents.models');
    expect(requests).toEqual([]);
  });

  it('has the template as it is, and a process that waits for it, when the session has no definition', async () => {
    for (const sessionId of [null, await createSession(null)]) {
      await untilSpareWaits();
      const done = await run('hello', sessionId);
      expect(done.run).toMatchObject({ status: 'succeeded' });
      expect(done.first.model).toBe('claude-sonnet-4-5');
      expect(done.first.toolNames.toSorted()).toEqual(['Grep', 'Read']);
      expect(systemOf(done.first)).toContain('You are the template.');
      expect(done.starts).toEqual(['spare']);
    }
  });
});

function systemOf({ body }: ScriptedModel['requests'][number]): string {
  return JSON.stringify(body['system']);
}

/** Starts an MCP server over HTTP with one tool. */
async function startShop() {
  const http = createServer((request, response) => {
    void (async () => {
      const server = new McpServer({ name: 'shop', version: '1.0.0' });
      server.registerTool('ping', { description: 'Pings.' }, async () => ({
        content: [{ type: 'text', text: 'pong' }],
      }));
      const transport = new StreamableHTTPServerTransport({});
      await server.connect(transport as Parameters<typeof server.connect>[0]);
      await transport.handleRequest(request, response);
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async stop() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
