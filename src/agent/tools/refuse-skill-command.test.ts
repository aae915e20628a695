import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { say, startScriptedModel, useTool } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';

test('a command inside a skill does not run, because no tool use of it could be judged or recorded', async () => {
  await using model = await startScriptedModel({ script: [useTool('Skill', { skill: 'greet' }), say('Done.')] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Skill', 'Bash'], settingSources: ['project'] },
  });
  const directory = path.join(attempt.workspaceDir, '.claude/skills/greet');
  await mkdir(directory, { recursive: true });
  const skill = '---\nname: greet\ndescription: Greets.\n---\nThe date is !`touch begun.txt`.\n';
  await writeFile(path.join(directory, 'SKILL.md'), skill);

  expect((await startAgentProcess(attempt.spec).done).outcome).toMatchObject({ status: 'succeeded', result: 'Done.' });
  expect(existsSync(path.join(attempt.workspaceDir, 'begun.txt'))).toBe(false);
  // The rest of the skill reaches the model, with the reason in place of the output.
  expect(JSON.stringify(model.requests[1]?.body.messages)).toContain(
    'The date is [not run: blocked by hook: commands inside a skill are not run',
  );
});
