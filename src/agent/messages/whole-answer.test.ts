import { expect, test } from 'vitest';
import { textOf } from '../../client/text-of.ts';
import type { NewEvent } from '../../core/events.ts';
import {
  cut,
  failMidStream,
  hang,
  say,
  startScriptedModel,
  think,
  turn,
  useTool,
  type Turn,
} from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';
import type { SaidBlock } from '../transcript/progress.ts';
import { createTranscript } from '../transcript/transcript.fixture.ts';

/** Tests of answers that come in several pieces, with the real Claude Code executable. */

/** Runs an attempt. Its model calls get the answers one after the other; the last answer repeats. */
async function answer(turns: readonly Turn[]) {
  let calls = 0;
  await using model = await startScriptedModel({ script: () => turns[Math.min(calls++, turns.length - 1)]! });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Read'] } });
  const { outcome } = await startAgentProcess(attempt.spec).done;
  const types = attempt.events.map(({ type }) => type);
  return { outcome, calls, types, text: textOf(attempt.events) };
}

/** A cut comes after the text: the executable must have read the text before. */
const slowly = { chunks: 4, chunkDelayMs: 30 };
const cutOff = { stopReason: 'max_tokens' } as const;

test.each<[string, Turn[], string]>([
  [
    'cut by its length, twice',
    [turn(say('First, '), cutOff), turn(say('second, '), cutOff), say('third.')],
    'First, second, third.',
  ],
  ['of two blocks', [turn([say('Block one.'), say('Block two.')])], 'Block one.\n\nBlock two.'],
  [
    'whose stream broke within its second block',
    [cut([say('Part 1.', slowly), say('Half of pa', slowly)], { midBlock: true }), say('Part 2.')],
    'Part 1.\n\nPart 2.',
  ],
  [
    'that an error stopped after a whole block',
    [failMidStream(say('The first half, ', slowly), { type: 'api_error', message: 'Broken' }), say('the second.')],
    'The first half, the second.',
  ],
  ['whose last piece is empty', [turn(say('All of it.'), cutOff), turn([])], 'All of it.'],
  ['after a tool use', [turn([say('Let me look.'), useTool('Read', { file_path: 'x' })]), say('So.')], 'So.'],
])('the result of an answer %s is complete', async (_, turns, result) => {
  const { outcome, text } = await answer(turns);
  expect(outcome).toEqual({ status: 'succeeded', result });
  // The text for readers ends the same, after the text from before the tool use.
  expect(text.endsWith(result)).toBe(true);
});

test.each<[string, Turn]>([
  ['', cut(say('The income ta', slowly), { midBlock: true })],
  [', with thinking before it,', cut([think('Hm.'), say('The income ta', slowly)], { midBlock: true })],
])('an abandoned first block%s is neither in the result nor in the text', async (_, broken) => {
  const { outcome, types, text } = await answer([broken, say('The income tax.')]);
  expect(outcome).toEqual({ status: 'succeeded', result: 'The income tax.' });
  expect(text).toBe('The income tax.');
  expect(types.filter((type) => type === 'agent.text.abandoned')).toHaveLength(1);
});

/** Returns the blocks that a log has of an attempt. */
function toSaid(events: readonly NewEvent[]): SaidBlock[] {
  const whole = new Map<string, boolean>();
  for (const event of events) {
    if (event.type === 'agent.text.delta') whole.set(event.data.blockId, false);
    if (event.type === 'agent.text') whole.set(event.data.blockId, true);
  }
  return [...whole].map(([blockId, isWhole]) => ({ blockId, isWhole }));
}

/** Runs an attempt that ends in some way while it says `first`, and the next attempt, which says `second`. */
async function takeOver(
  { first, second }: { first: Turn; second: Turn },
  end: (attempt: Awaited<ReturnType<typeof createAttempt>>, process: ReturnType<typeof startAgentProcess>) => unknown,
) {
  const keeper = createTranscript();
  let script = first;
  await using model = await startScriptedModel({ script: () => script });
  await using before = await createAttempt({ url: model.url, spec: { transcript: keeper.transcript } });
  const process = startAgentProcess(before.spec);
  await end(before, process);
  await process.done;
  script = second;
  const { runId, sessionId } = before.spec;
  const saidBefore = toSaid(before.events);
  await using after = await createAttempt({
    url: model.url,
    spec: { runId, sessionId, transcript: keeper.transcript, isResumed: true, saidBefore },
  });
  const { outcome } = await startAgentProcess(after.spec).done;
  return { outcome, text: textOf([...before.events, ...after.events]) };
}

test('an attempt that continues in the middle of a text has the whole text as its result', async () => {
  const turns = { first: hang({ after: say('The first half, ', slowly), midBlock: true }), second: say('the second.') };
  const { outcome, text } = await takeOver(turns, async (attempt, process) => {
    await attempt.untilEvent('agent.text.delta');
    await process.stop('handed_back');
  });
  expect(outcome).toMatchObject({ status: 'succeeded' });
  expect(text).toBe(outcome.status === 'succeeded' ? outcome.result : '');
  expect(text).toMatch(/^The.+the second\.$/);
});

test('an answer that was complete when its attempt was lost is in the result of the next attempt', async () => {
  const turns = { first: turn(say('The whole answer.'), { stopReason: 'pause_turn' }), second: say('No more to say.') };
  const { outcome, text } = await takeOver(turns, (attempt) => attempt.untilEvent('agent.text'));
  expect(outcome).toEqual({ status: 'succeeded', result: 'The whole answer.\n\nNo more to say.' });
  expect(text).toBe('The whole answer.\n\nNo more to say.');
});

test('text that was streamed but is missing in the conversation is abandoned by the next attempt, which writes it again', async () => {
  const first = hang({ after: [say('Part 1.', slowly), say('Half of pa', slowly)], midBlock: true });
  const { outcome, text } = await takeOver(
    { first, second: turn([say('Part 1.'), say('Part 2.')]) },
    async (attempt) => {
      await attempt.untilEvent('agent.text');
      for (const { pid } of await attempt.processes()) globalThis.process.kill(pid, 'SIGKILL');
    },
  );
  expect(outcome).toEqual({ status: 'succeeded', result: 'Part 1.\n\nPart 2.' });
  expect(text).toBe('Part 1.\n\nPart 2.');
});
