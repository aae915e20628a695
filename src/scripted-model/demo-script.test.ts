import type { Options, SDKResultMessage } from '@anthropic-ai/claude-agent-sdk';
import { describe, expect, test } from 'vitest';
import { createBareClaude, watch } from '../../test/support/bare-claude.ts';
import { demoScript } from './demo-script.ts';
import { parseModelRequest } from './model-request.ts';
import type { ModelRequest } from './model-request.ts';
import { startScriptedModel } from './scripted-model.ts';

const DENIAL = { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'deny' } } as const;
const LAST_SENTENCE = /a scripted model wrote these words\.$/;

describe('with the real Claude Code', () => {
  test('it lists the workspace, reads up to three text files at once and describes them', async () => {
    const { answer, toolUses } = await run('What is sold here?', {
      'README.md': '# Tea shop\n\nWe sell tea\nby the cup. And cake.\n',
      'menu.csv': 'tea,4\ncake,5',
      'docs/hours.txt': '',
      'docs/old/notes.txt': 'Not among the first three.\n',
      'logo.png': 'no image at all',
      '.env': 'SECRET=1',
      'node_modules/x/index.js': '// not ours',
    });
    expect(toolUses).toEqual([
      ['Glob', { pattern: '**/*' }],
      ...['README.md', 'menu.csv', 'docs/hours.txt'].map(toRead),
    ]);
    expect(answer).toContain('You asked: “What is sold here?”');
    expect(answer).toContain('found 7 files: ');
    expect(answer).toContain(
      '- README.md has 4 lines. Its heading is “Tea shop”. It begins: “We sell tea by the cup.”',
    );
    expect(answer).toContain('- menu.csv has 2 lines. It begins: “tea,4 cake,5”');
    expect(answer).toContain('- docs/hours.txt has no lines I could read.');
    expect(answer).not.toContain('.env');
    expect(answer).toMatch(LAST_SENTENCE);
  });

  test('an empty workspace is reported as empty', async () => {
    const { answer } = await run('Hello', {});
    expect(answer).toContain('it is empty.');
    expect(answer).toMatch(LAST_SENTENCE);
  });

  test('a workspace of hundreds of files is counted whole', async () => {
    const files = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`notes/${index}.txt`, 'A line.']));
    const { answer } = await run('Hello', files);
    expect(answer).toContain('found 130 files: ');
    expect(answer).toContain('and 122 more.');
  });

  test('denied tools are reported as denied', async () => {
    const { answer } = await run(
      'Hello',
      { 'README.md': '# Tea' },
      {
        hooks: { PreToolUse: [{ matcher: 'Read', hooks: [async () => Promise.resolve(DENIAL)] }] },
      },
    );
    expect(answer).toContain('README.md could not be read.');
    expect(answer).toMatch(LAST_SENTENCE);
  });

  test.each([{ tools: [] }, { tools: ['Read'] }, { tools: ['Bash'] }])(
    'it answers at once with $tools',
    async ({ tools }) => {
      const { answer, toolUses } = await run('Hello', { 'README.md': '# Tea' }, { tools });
      expect(toolUses).toEqual([]);
      expect(answer).toContain('I could not list the workspace');
      expect(answer).toMatch(LAST_SENTENCE);
    },
  );

  test('without Read it reports only the names', async () => {
    const { answer, toolUses } = await run('Hello', { 'README.md': '# Tea' }, { tools: ['Glob'] });
    expect(toolUses).toHaveLength(1);
    expect(answer).toContain('found 1 file: README.md.');
  });

  test('it thinks only if thinking is turned on', async () => {
    await using model = await startScriptedModel();
    await using claude = await createBareClaude(model.url);
    const { messages } = await watch(claude.start('Hello', { thinking: { type: 'enabled', budgetTokens: 1024 } }));
    const kinds = messages.flatMap((each) =>
      each.type === 'assistant' ? each.message.content.map(({ type }) => type) : [],
    );
    expect(kinds).toEqual(['thinking', 'tool_use', 'text']);
  });
});

describe('odd conversations', () => {
  test.each([
    ['empty', ''],
    ['blank', ' \n\t'],
    ['of escape sequences', '\u001b[31mred\u001b[0m\u0007'],
    ['of markup', '</script><script>'],
    ['of five thousand emoji', '🤔'.repeat(5000)],
    ['of five thousand emoji after a letter', `a${'🤔'.repeat(5000)}`],
  ])('a prompt %s is quoted on one short line, without control characters', (_, prompt) => {
    const answer = toAnswer(demoScript(toRequest([{ role: 'user', content: prompt }])));
    const [opening = ''] = answer.split(' I could not');
    expect(opening.length).toBeLessThan(260);
    expect(answer.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(answer.isWellFormed()).toBe(true);
    expect(answer).toMatch(LAST_SENTENCE);
  });

  test('a second prompt in the same conversation starts over', () => {
    const messages = [
      { role: 'user', content: 'First' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'Glob', input: { pattern: '**/*' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'No files found' }] },
      { role: 'assistant', content: 'It is empty.' },
      { role: 'user', content: 'Second' },
    ];
    expect(demoScript(toRequest(messages, ['Glob']))).toMatchObject([
      { type: 'text' },
      { type: 'tool_use', name: 'Glob' },
    ]);
  });

  test('a failed listing ends in an answer, not in a retry', () => {
    const messages = [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'Glob', input: { pattern: '**/*' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'denied', is_error: true }] },
    ];
    expect(toAnswer(demoScript(toRequest(messages, ['Glob', 'Read'])))).toContain('I could not list the workspace');
  });
});

async function run(prompt: string, files: Record<string, string>, options: Options = {}) {
  await using model = await startScriptedModel();
  await using claude = await createBareClaude(model.url, files);
  const { messages, result } = await watch(claude.start(prompt, options));
  const blocks = messages.flatMap((each) => (each.type === 'assistant' ? each.message.content : []));
  const toolUses = blocks.flatMap((block) => (block.type === 'tool_use' ? [[block.name, block.input]] : []));
  return { answer: toText(result), toolUses };
}

function toText(result: SDKResultMessage | undefined): string {
  if (result?.subtype !== 'success' || result.is_error) throw new Error(`The run failed: ${JSON.stringify(result)}`);
  return result.result;
}

function toRead(path: string): [string, { file_path: string }] {
  return ['Read', { file_path: path }];
}

function toRequest(messages: readonly unknown[], toolNames: readonly string[] = []): ModelRequest {
  const body = { model: 'm', messages, tools: toolNames.map((name) => ({ name })) };
  const request = parseModelRequest({ method: 'POST', path: '/v1/messages', headers: {}, body });
  if (typeof request === 'string') throw new Error(request);
  return request;
}

function toAnswer(given: ReturnType<typeof demoScript>): string {
  if (!('type' in given) || given.type !== 'text') throw new Error(`Not an answer in text: ${JSON.stringify(given)}`);
  return given.chunks.join('');
}
