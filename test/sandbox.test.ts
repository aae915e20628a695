import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIP, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSandbox } from '../src/agent/sandbox/sandbox.ts';
import type { EventResource } from '../src/client/client.ts';
import { say, startTestLonghaul, useTool, type TestLonghaul } from '../src/testing/index.ts';
import { makeCertificates } from './support/certificates.ts';

// A sandbox through the whole of Longhaul: spares, conversations, MCP servers, WebFetch.

const bash = (command: string) => useTool('Bash', { command, description: 'look' });

/** Starts an MCP server over HTTP on this machine, with one tool. */
async function startMcpServer() {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const server = new McpServer({ name: 'local', version: '1.0.0' });
    server.registerTool('where', {}, () => ({ content: [{ type: 'text', text: 'on the machine itself' }] }));
    const transport = new StreamableHTTPServerTransport({});
    response.on('close', () => void transport.close());
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    await transport.handleRequest(request, response);
  };
  const web = createServer((request, response) => void answer(request, response));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  return { url: `http://localhost:${(web.address() as AddressInfo).port}/mcp`, stop: () => void web.close() };
}

/** Starts a page over TLS on this machine, under a name or an address; `directory` has its authority, `ca.pem`. */
async function startPage(host: string) {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-page-'));
  const { authority, certificate, key } = await makeCertificates(host);
  await writeFile(path.join(directory, 'ca.pem'), authority);
  const server = createTlsServer({ cert: certificate, key }, (_, response) => response.end('A page over TLS.'));
  server.listen(0, isIP(host) === 0 ? '127.0.0.1' : host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.close();
    await rm(directory, { recursive: true });
  };
  return { url: `https://${host}:${port}/`, authority: path.join(directory, 'ca.pem'), directory, port, stop };
}

describe.runIf('kind' in (await findSandbox()))('an agent in a sandbox', () => {
  let longhaul: TestLonghaul;
  let local: Awaited<ReturnType<typeof startMcpServer>>;
  let page: Awaited<ReturnType<typeof startPage>>;
  /** Not on the loopback that clients reach without the proxy. */
  let other: Awaited<ReturnType<typeof startPage>>;

  beforeAll(async () => {
    local = await startMcpServer();
    page = await startPage('localhost');
    other = await startPage('127.0.0.2');
    longhaul = await startTestLonghaul({
      config: {
        limits: { perUser: { runsPerMinute: false } },
        agents: {
          coder: {
            tools: ['Bash', 'Edit'],
            workspace: { root: '/tmp', mode: 'perRun' },
            prewarm: 1,
            sandbox: 'required',
          },
          visitor: {
            tools: ['Bash'],
            workspace: { root: '/tmp', mode: 'perRun' },
            sandbox: {
              required: true,
              network: { allow: [`localhost:${page.port}`, '127.0.0.0/8'] },
              files: { read: [page.directory] },
            },
          },
          fetcher: { tools: ['WebFetch'], sandbox: { required: true } },
          reader: {
            tools: ['Bash', 'WebFetch', 'mcp__web'],
            workspace: { root: '/tmp', mode: 'perRun' },
            env: { NODE_EXTRA_CA_CERTS: other.authority },
            sandbox: {
              required: true,
              network: { allow: [`127.0.0.2:${other.port}`] },
              files: { read: [other.directory] },
            },
            mcpServers: {
              web: {
                command: process.execPath,
                args: [path.resolve('test/fixtures/fetching-server.ts')],
                env: { NODE_EXTRA_CA_CERTS: other.authority },
              },
            },
          },
          helper: {
            tools: ['mcp__calc', 'mcp__local', 'mcp__same'],
            sandbox: { required: true },
            mcpServers: {
              calc: { command: process.execPath, args: [path.resolve('test/fixtures/mcp-server.ts')] },
              local: { url: local.url },
              same: { url: `${local.url}?again` },
            },
          },
        },
      },
      script: ({ prompt, toolResults }) => {
        if (prompt.includes('A page over TLS.')) return say('It was a page over TLS.');
        if (toolResults.length > 0) return say('Done.');
        if (prompt === 'Read.') {
          const node = `node -e 'fetch("${other.url}").then(async (it) => console.log(it.status, await it.text()))'`;
          return [
            bash(node),
            useTool('mcp__web__read', { url: other.url }),
            useTool('WebFetch', { url: other.url, prompt: 'What is it?' }),
          ];
        }
        if (prompt === 'Add.')
          return [
            useTool('mcp__calc__add', { a: 1, b: 2 }),
            useTool('mcp__local__where', {}),
            useTool('mcp__same__where', {}),
          ];
        if (prompt === 'Fetch.') return useTool('WebFetch', { url: 'https://page.example/', prompt: 'What is it?' });
        return bash(prompt);
      },
    });
  });
  afterAll(async () => {
    await longhaul.stop();
    local.stop();
    await page.stop();
    await other.stop();
  });

  async function run(agent: string, prompt: string, more: { sessionId?: string } = {}) {
    const { client } = longhaul;
    const submitted = await client.submit({ agent, prompt, user: 'ada', ...more });
    const done = await client.run(submitted.id, { waitSeconds: 60 });
    const events: EventResource[] = [];
    for await (const event of client.stream(done.id)) events.push(event);
    const dataOf = <T extends EventResource['type']>(type: T) =>
      events
        .filter((event) => event.type === type)
        .map(({ data }) => data as Extract<EventResource, { type: T }>['data']);
    return { run: done, dataOf, results: dataOf('agent.tool_result').map(({ content }) => content) };
  }

  it('works in a process that was started in advance, and in the next run of its conversation', async () => {
    const look = 'cat /proc/1/comm; ls /work /home /root 2>&1 | wc -l; curl -sS -m 5 https://away.example/';
    const first = await run('coder', look);
    expect(first.run.status).toBe('succeeded');
    expect(first.results[0]).toMatch(/claude\n/);
    expect(first.dataOf('agent.connection')).toEqual([
      { host: 'away.example', port: 443, decision: 'refused', reason: 'host', sentBytes: 0, receivedBytes: 0 },
    ]);
    const second = await run('coder', `: again; ${look}`, { sessionId: first.run.sessionId });
    expect(second.run.status).toBe('succeeded');
    expect(second.dataOf('agent.connection')).toHaveLength(1);
  });

  it('fetches a page over TLS of a host that is in its list, and of no other port', async () => {
    const { directory, port } = page;
    // Without --noproxy, localhost is the sandbox's own.
    const get = (of: number) =>
      `curl -sS -m 10 --noproxy '' --cacert ${directory}/ca.pem -w ' %{http_code}\n' https://localhost:${of}/`;
    const { run: done, results, dataOf } = await run('visitor', `${get(port)}; ${get(8_443)} 2> /dev/null; true`);
    expect(done.status).toBe('succeeded');
    expect(results[0]).toMatch(/^A page over TLS\. 200\n/);
    const [allowed, ...refused] = dataOf('agent.connection');
    expect(allowed).toMatchObject({ host: 'localhost', port, decision: 'allowed' });
    expect(allowed!.receivedBytes).toBeGreaterThan(500);
    expect(refused).toMatchObject([{ host: 'localhost', port: 8_443, decision: 'refused', reason: 'port' }]);
  });

  it('fetches it by Bash, by an MCP server that is a program, and by WebFetch alike', async () => {
    const { run: done, results, dataOf } = await run('reader', 'Read.');
    expect(done.status).toBe('succeeded');
    const page = '200 A page over TLS.';
    expect(results.toSorted()).toEqual([page, page, 'It was a page over TLS.']);
    const { port } = other;
    const connections = dataOf('agent.connection');
    expect(connections).toHaveLength(3);
    for (const connection of connections) {
      expect(connection).toMatchObject({ host: '127.0.0.2', port, decision: 'allowed' });
    }
  });

  it('reaches no host through the provider', async () => {
    const call = JSON.stringify({
      model: 'claude-sonnet-4-5',
      max_tokens: 10,
      messages: [{ role: 'user', content: 'Hello.' }],
      mcp_servers: [{ type: 'url', url: 'https://away.example/mcp', name: 'away' }],
    });
    const asked = longhaul.model.requests.length;
    const { results } = await run(
      'coder',
      `eval "$(tr '\\0' '\\n' < /proc/1/environ | grep ^ANTHROPIC_)";
      curl -sS -m 10 -H "x-api-key: $ANTHROPIC_API_KEY$ANTHROPIC_AUTH_TOKEN" -d '${call}' "$ANTHROPIC_BASE_URL/v1/messages"`,
    );
    expect(results[0]).toContain('With mcp_servers the provider would connect to other hosts');
    expect(longhaul.model.requests.slice(asked).some(({ body }) => 'mcp_servers' in body)).toBe(false);
  });

  it('fetches no page of a host that is not in its list', async () => {
    const fetched = await run('fetcher', 'Fetch.');
    expect(fetched.run.status).toBe('succeeded');
    expect(fetched.dataOf('agent.connection')).toMatchObject([
      { host: 'page.example', port: 443, decision: 'refused' },
    ]);
  });

  it('uses MCP servers that are programs inside it, and servers of the machine outside', async () => {
    const helped = await run('helper', 'Add.');
    expect(helped.run.status).toBe('succeeded');
    expect(helped.results.toSorted()).toEqual(['3', 'on the machine itself', 'on the machine itself']);
    const { port } = new URL(local.url);
    const connections = helped.dataOf('agent.connection');
    expect(connections.length).toBeGreaterThan(0);
    for (const connection of connections) {
      expect(connection).toMatchObject({ host: 'localhost', port: Number(port), decision: 'allowed' });
    }
  });
});
