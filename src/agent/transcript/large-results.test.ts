import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createSdkMcpServer, tool } from '@anthropic-ai/claude-agent-sdk';
import { expect, test } from 'vitest';
import type { McpServer } from '../../config/mcp-server.ts';
import { hang, say, startScriptedModel, useTool, type ModelRequest, type Turn } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';
import { RESULTS_PATH } from './tool-results.ts';
import { createTranscript } from './transcript.fixture.ts';

/** Tests of tool results that are too large for the model, with the real Claude Code executable. */

/** 100,000 characters, of which Claude Code shows the first 2,000. */
const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index} ${'x'.repeat(40)}`).join('\n');
const bash = useTool('Bash', { command: 'cat big.txt', description: 'look' });
const server: McpServer = {
  name: 'big',
  isRequired: true,
  type: 'inProcess',
  create: () =>
    createSdkMcpServer({
      name: 'big',
      tools: [tool('text', 'Much text.', {}, () => Promise.resolve({ content: [{ type: 'text', text: lines }] }))],
    }),
};

/** Finds the file that the model should read, whatever the wording. */
function findFile({ body }: ModelRequest): string {
  const found = /[^\s"]+\/tool-results\/[^\s"]+?\.txt/.exec(JSON.stringify(body['messages']).replace(/\\n/g, ' '));
  return found?.[0] ?? 'none';
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const TOOLS = ['Bash', 'Read', 'Grep', 'Write', 'mcp__big'];

test.each<[string, Turn]>([
  ['Bash', bash],
  ['Grep', useTool('Grep', { pattern: 'line', output_mode: 'content', head_limit: 0 })],
  ['an MCP server', useTool('mcp__big__text')],
])('the model can read a large result of %s at the path it receives', async (_, use) => {
  await using model = await startScriptedModel({
    script: (request) => {
      const file = findFile(request);
      if (request.turn === 0) return use;
      if (request.turn === 1) return useTool('Read', { file_path: file, offset: 1_500, limit: 1 });
      if (request.turn === 2) return useTool('Grep', { pattern: 'line 1700 ', path: file, output_mode: 'content' });
      if (request.turn === 3) return useTool('Write', { file_path: file, content: 'mine' });
      if (request.turn === 4) return useTool('Read', { file_path: path.resolve(file, '../../../../../.claude.json') });
      return say('Done.');
    },
  });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: TOOLS, mcpServers: [server] } });
  await writeFile(path.join(attempt.workspaceDir, 'big.txt'), lines);
  const { outcome } = await startAgentProcess(attempt.spec).done;
  expect(outcome.status).toBe('succeeded');
  const told = attempt.dataOf('agent.tool_result').map(({ content }) => content);
  expect(told[0]).toContain(RESULTS_PATH);
  expect(told[1]).toMatch(/line 1(499|500) /);
  expect(told[2]).toContain('line 1700 ');
  expect(attempt.dataOf('agent.permission_denied').map(({ name }) => name)).toEqual(['Write', 'Read']);
  // No watcher of the run can read its location on the worker.
  const ofTools = attempt.events.filter(
    ({ type }) => type.startsWith('agent.tool') && type !== 'agent.permission_denied',
  );
  expect(JSON.stringify(ofTools.slice(0, 6))).not.toContain(attempt.root);
});

test('the event of an image from a tool does not contain its path', async () => {
  const image: McpServer = {
    ...server,
    create: () =>
      createSdkMcpServer({
        name: 'big',
        tools: [
          tool('image', 'An image.', {}, () =>
            Promise.resolve({ content: [{ type: 'image', mimeType: 'image/png', data: PIXEL }] }),
          ),
        ],
      }),
  };
  await using model = await startScriptedModel({ script: [useTool('mcp__big__image'), say('Done.')] });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: TOOLS, mcpServers: [image] } });
  await startAgentProcess(attempt.spec).done;
  const [result] = attempt.dataOf('agent.tool_result');
  expect(result?.content).toContain('[image: image/png');
  expect(result?.content).toContain(RESULTS_PATH);
  expect(result?.content).not.toContain(attempt.root);
});

test('an attempt that continues can read a large result, also after an earlier continuation', async () => {
  const keeper = createTranscript();
  const files: string[] = [];
  await using model = await startScriptedModel({
    script(request) {
      files.push(findFile(request));
      const reads = useTool('Read', { file_path: files.at(-1)!, offset: 1_500, limit: 1 });
      return [bash, hang(), hang(), reads, say('Done.')][files.length - 1]!;
    },
  });
  const ids: { runId?: string; sessionId?: string } = {};
  for (const place of ['first', 'second']) {
    await using attempt = await createAttempt({
      url: model.url,
      agent: { tools: TOOLS },
      spec: { transcript: keeper.transcript, isResumed: place === 'second', ...ids },
    });
    Object.assign(ids, { runId: attempt.spec.runId, sessionId: attempt.spec.sessionId });
    await writeFile(path.join(attempt.workspaceDir, 'big.txt'), lines);
    const process = startAgentProcess(attempt.spec);
    await attempt.untilEvent(place === 'first' ? 'agent.tool_result' : 'agent.init');
    while (model.requests.length < (place === 'first' ? 2 : 3)) await new Promise((resolve) => setTimeout(resolve, 20));
    // Claude Code writes the result to the transcript a tenth of a second later, often after it asks the model.
    await keeper.untilKept((entry) => JSON.stringify(entry).includes('"tool_result"'));
    for (const { pid } of await attempt.processes()) globalThis.process.kill(pid, 'SIGKILL');
    await process.done;
  }
  expect(keeper.files.size).toBe(1);
  expect(JSON.stringify(keeper.kept)).not.toContain('/config/projects/');

  await using third = await createAttempt({
    url: model.url,
    agent: { tools: TOOLS },
    spec: { transcript: keeper.transcript, isResumed: true, ...ids },
  });
  const { outcome } = await startAgentProcess(third.spec).done;
  expect(outcome).toMatchObject({ status: 'succeeded' });
  expect(third.dataOf('agent.permission_denied')).toEqual([]);
  expect(files.at(-2)).toContain(third.spec.scratchRoot);
  expect(third.dataOf('agent.tool_result').at(-1)?.content).toMatch(/line 1(499|500) /);
  expect(third.dataOf('agent.tool_use').at(-1)?.input).toMatchObject({
    file_path: expect.stringContaining(RESULTS_PATH) as string,
  });
});
