import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Subagent } from '../config/subagent.ts';
import { say, startScriptedModel, turn, useTool } from '../testing/index.ts';
import type { ModelRequest } from '../testing/index.ts';
import { startAgentProcess } from './agent-process.ts';
import { createAttempt } from './attempt.fixture.ts';

/** Tests of subagents, with the real Claude Code executable. */

const looker: Subagent = {
  name: 'looker',
  description: 'Looks things up.',
  prompt: 'You look things up. You are the SUBAGENT.',
  tools: ['Read'],
  model: 'claude-haiku-4-5',
  maxTurns: null,
};

const isFromSubagent = ({ body }: ModelRequest) => JSON.stringify(body).includes('You are the SUBAGENT');
const usage = { inputTokens: 1_000, outputTokens: 10 };

test('a subagent works with its own tools and model, and its events name the tool use that started it', async () => {
  const subagents: string[] = [];
  await using model = await startScriptedModel({
    script: (request) => {
      const isDone = request.toolResults.length > 0;
      if (isFromSubagent(request)) {
        if (isDone) return turn(say('It says AAA.'), { usage });
        return turn([useTool('Read', { file_path: 'a.txt' }), useTool('Glob', { pattern: '*' })], { usage });
      }
      if (isDone) return turn(say('Done.'), { usage });
      return turn(useTool('Agent', { description: 'look', prompt: 'Look at a.txt.', subagent_type: 'looker' }), {
        usage,
      });
    },
  });
  await using attempt = await createAttempt({
    url: model.url,
    agent: {
      tools: ['Read', 'Glob', 'Agent'],
      subagents: [looker],
      hooks: { beforeToolUse: ({ tool }) => void subagents.push(`${tool.subagent}: ${tool.name}`) },
    },
  });
  await writeFile(path.join(attempt.workspaceDir, 'a.txt'), 'AAA');
  const report = await startAgentProcess(attempt.spec).done;

  expect(report).toMatchObject({
    outcome: { status: 'succeeded', result: 'Done.' },
    toolUses: { Agent: 1, Read: 1, Glob: 1 },
  });
  expect(report.modelUsage).toMatchObject({
    'claude-haiku-4-5': { inputTokens: 2_000, outputTokens: 20 },
    'claude-sonnet-4-5': { inputTokens: 2_000, outputTokens: 20 },
  });
  expect(subagents).toEqual(['null: Agent', 'looker: Read']);
  const requests = model.requests.filter(isFromSubagent);
  expect(requests.map(({ model: name, toolNames }) => [name, toolNames])).toEqual([
    ['claude-haiku-4-5', ['Read']],
    ['claude-haiku-4-5', ['Read']],
  ]);
  const uses = attempt.dataOf('agent.tool_use');
  const start = uses.find(({ name }) => name === 'Agent');
  expect(start?.parentToolUseId).toBeUndefined();
  expect(uses.find(({ name }) => name === 'Read')?.parentToolUseId).toBe(start?.toolUseId);
  expect(attempt.dataOf('agent.text').find(({ text }) => text === 'It says AAA.')).toMatchObject({
    parentToolUseId: start?.toolUseId,
  });
  expect(attempt.dataOf('agent.other')).toEqual([]);
});

test("Claude Code's own subagents do not exist, and only subagents of the config can start", async () => {
  const start = (type: string) => useTool('Agent', { description: 'x', prompt: 'x', subagent_type: type });
  for (const agent of [
    { tools: ['Read', 'Agent'], subagents: [looker] },
    { tools: ['Read'], subagents: [] },
  ]) {
    await using model = await startScriptedModel({ script: [start('general-purpose'), say('Done.')] });
    await using attempt = await createAttempt({ url: model.url, agent });
    await startAgentProcess(attempt.spec).done;
    expect(model.requests).toHaveLength(2);
    expect(attempt.dataOf('agent.tool_result')).toMatchObject([{ isError: true }]);
  }
});
