import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textOf, type LonghaulEvent, type RunResource } from '../src/client/client.ts';
import {
  cut,
  say,
  startTestLonghaul,
  turn,
  useServerTool,
  useTool,
  type ModelRequest,
  type TestLonghaul,
  type Turn,
} from '../src/testing/index.ts';

// Answers that are not one text from beginning to end, through the whole of Longhaul and the real Claude Code: the
// run's result, the events that readers see, and the outcome of a run without an answer.

const isContinued = ({ body }: ModelRequest) =>
  JSON.stringify(body.messages).includes('was interrupted before it was finished');
const isRefusedOnce = ({ body }: ModelRequest) =>
  JSON.stringify(body.messages).includes('stopped by a safety classifier');
const refusal = {
  stopReason: 'refusal',
  stopDetails: { category: 'cyber', explanation: 'It looks like an attack.' },
} as const;
const slowly = { chunks: 3, chunkDelayMs: 40 };

/** Returns the file of a large result that the conversation names. */
const findResultFile = ({ body }: ModelRequest) =>
  /\/[^\s"]+\/tool-results\/[^\s"]+?\.txt/.exec(JSON.stringify(body.messages).replace(/\\n/g, ' '))?.[0] ?? 'none';

const SCRIPTS: Record<string, (request: ModelRequest) => Turn> = {
  'cut by length': ({ turn: count }) =>
    count === 0 ? turn(say('The first half, '), { stopReason: 'max_tokens' }) : say('the second.'),
  'always cut by length': () => turn(say('on and on '), { stopReason: 'max_tokens' }),
  'broken within a block': ({ turn: count }) =>
    count === 0 ? cut([say('First.', slowly), say('Half of tax.inc', slowly)], { midBlock: true }) : say('Two.'),
  refused: () => turn(say('I can tell that'), refusal),
  'refused by one model': (request) =>
    request.model.includes('fable') ? turn(say('I can'), refusal) : say('Here it is.'),
  'refused once': (request) => (isRefusedOnce(request) ? say('I cannot say that.') : turn(say('I can'), refusal)),
  paused: (request) => (isContinued(request) ? say('The rest.') : turn(say('So far.'), { stopReason: 'pause_turn' })),
  'paused in a search': (request) =>
    isContinued(request)
      ? say('Found it.')
      : turn([say('Let me search.'), useServerTool('web_search', { query: 'x' })], { stopReason: 'pause_turn' }),
  'always paused': () => turn(say('Hm.'), { stopReason: 'pause_turn' }),
  'window full': () => turn(say('So far'), { stopReason: 'model_context_window_exceeded' }),
  empty: () => turn([]),
  'large result': (request) => {
    const isSecond = JSON.stringify(request.body.messages).includes('read it again');
    if (request.toolResults.length > 0) return say(isSecond ? 'It says so.' : 'Read it.');
    return isSecond
      ? useTool('Read', { file_path: findResultFile(request), offset: 15_000, limit: 1 })
      : useTool('Bash', { command: `seq -f 'line %g' 20000`, description: 'count' });
  },
  'a long tool': () => useTool('Bash', { command: 'sleep 600', description: 'wait' }),
  'white space': () => turn(say(' \n')),
  'empty behind a tool': ({ turn: count }) => (count === 0 ? useTool('Read', { file_path: 'notes.md' }) : turn([])),
};

describe('an answer', () => {
  let longhaul: TestLonghaul;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-answers-'));
    await writeFile(path.join(directory, 'notes.md'), 'Drive far.\n');
    const reader = {
      model: 'claude-sonnet-4-5',
      tools: ['Read'],
      workspace: directory,
      retry: { maxAttempts: 2 },
      prewarm: false as const,
      limits: { maxThinkingTokens: 0 },
    };
    longhaul = await startTestLonghaul({
      baseDir: directory,
      // To an empty answer Claude Code adds a line to the prompt.
      script: (request) => SCRIPTS[request.prompt.split('\n')[0]!.trim()]!(request),
      config: {
        agents: { reader, doer: { ...reader, tools: ['Bash', 'Read'] }, fable: { ...reader, model: 'claude-fable-5' } },
      },
    });
  });

  afterAll(async () => {
    await longhaul.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function run(
    prompt: string,
    agent = 'reader',
    sessionId?: string,
  ): Promise<{ run: RunResource; events: LonghaulEvent[] }> {
    const { id } = await longhaul.client.submit({ agent, prompt, ...(sessionId !== undefined && { sessionId }) });
    const events: LonghaulEvent[] = [];
    for await (const event of longhaul.client.stream(id)) events.push(event);
    return { run: await longhaul.client.run(id), events };
  }

  it.each([
    ['cut by length', 'The first half, the second.', 1],
    ['broken within a block', 'First.\n\nTwo.', 1],
    ['refused once', 'I can\n\nI cannot say that.', 1],
    ['paused', 'So far.\n\nThe rest.', 2],
  ])('that is %s is whole in the result, and the same to readers', async (prompt, result, attempt) => {
    const { run: ended, events } = await run(prompt);
    expect(ended).toMatchObject({ status: 'succeeded', result, attempt, error: null });
    expect(textOf(events)).toBe(result);
    expect(events.at(-1)).toMatchObject({ type: 'run.succeeded', data: { result } });
  });

  it('that is paused in a tool of the provider continues in another attempt', async () => {
    const { run: ended, events } = await run('paused in a search');
    expect(ended).toMatchObject({ status: 'succeeded', result: 'Found it.', attempt: 2 });
    expect(events.find(({ type }) => type === 'run.retrying')?.data).toMatchObject({
      error: { code: 'answer_unfinished' },
      delaySeconds: 0,
    });
  });

  it.each([
    ['always cut by length', 'max_output_tokens', 'on and on on and on on and on on and on '],
    ['always paused', 'answer_unfinished', 'Hm.\n\nHm.'],
    ['window full', 'request_too_large', 'So farSo farSo farSo far'],
    ['empty', 'empty_answer', null],
    ['white space', 'empty_answer', null],
    ['refused', 'model_refused', 'I can tell that\n\nI can tell that'],
  ])('that is %s fails as %s, and keeps its text', async (prompt, code, result) => {
    const { run: ended, events } = await run(prompt);
    expect(ended).toMatchObject({ status: 'failed', error: { code }, result });
    expect(textOf(events)).toBe(result ?? '');
  });

  it('that is refused has the category of the refusal', async () => {
    const { run: ended, events } = await run('refused');
    expect(ended.error).toMatchObject({ code: 'model_refused', category: 'cyber', retryable: false });
    expect(events.at(-1)).toMatchObject({ data: { error: { code: 'model_refused', category: 'cyber' } } });
  });

  it('of another model says so, without the beginning of the first answer', async () => {
    const { run: ended, events } = await run('refused by one model', 'fable');
    expect(ended).toMatchObject({ status: 'succeeded' });
    expect(ended.result).toMatch(/Here it is\.$/);
    expect(textOf(events)).toBe(ended.result);
    expect(events.filter(({ type }) => type === 'agent.model_changed').map(({ data }) => data)).toEqual([
      { from: 'claude-fable-5', to: expect.stringContaining('opus') as string, reason: 'refusal', category: 'cyber' },
    ]);
  });

  it('without text is an answer if a tool was used', async () => {
    expect((await run('empty behind a tool')).run).toMatchObject({ status: 'succeeded', result: '' });
  });

  it('of a later run reads the large result of an earlier run', async () => {
    const first = await run('large result', 'doer');
    const { run: ended, events } = await run('read it again', 'doer', first.run.sessionId);
    expect(ended).toMatchObject({ status: 'succeeded', result: 'It says so.' });
    const results = events.filter(({ type }) => type === 'agent.tool_result').map(({ data }) => data);
    expect(results).toMatchObject([{ isError: false, content: expect.stringContaining('line 15000') as string }]);
    // Its path on the worker stays private.
    const told = JSON.stringify([...first.events, ...events].filter(({ type }) => type.startsWith('agent.tool')));
    expect(told).toContain('/longhaul/tool-results/');
    expect(told).not.toContain('/config/projects/');
  });

  it('that is cancelled while a tool is in progress leaves no tool use without a result', async () => {
    const { id } = await longhaul.client.submit({ agent: 'doer', prompt: 'a long tool' });
    const events: LonghaulEvent[] = [];
    for await (const event of longhaul.client.stream(id)) {
      events.push(event);
      if (event.type === 'agent.tool_use') await longhaul.client.cancel(id);
    }
    expect(events.at(-1)?.type).toBe('run.cancelled');
    const used = events.find(({ type }) => type === 'agent.tool_use')!.data as { toolUseId: string };
    expect(events.filter(({ type }) => type === 'agent.tool_result').map(({ data }) => data)).toMatchObject([
      { toolUseId: used.toolUseId, isError: true },
    ]);
  });

  it('has nothing of an abandoned block after its end', async () => {
    const { events } = await run('broken within a block');
    const shown = events.map(({ type, data }) => [type, (data as { text?: string }).text]);
    const abandonedAt = shown.findIndex(([type]) => type === 'agent.text.abandoned');
    expect(abandonedAt).toBeGreaterThan(0);
    expect(JSON.stringify(shown.slice(abandonedAt))).not.toContain('tax.inc');
    expect(shown.slice(-3).map(([type]) => type)).toEqual(['agent.text', 'agent.usage', 'run.succeeded']);
  });
});
