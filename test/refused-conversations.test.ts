import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESULT_LEFT_OUT } from '../src/core/without-refused.ts';
import { fail, say, startTestLonghaul, turn, useTool, type TestLonghaul } from '../src/testing/index.ts';

// A provider that rejects every request that contains a certain word.

describe('a conversation with content that the provider has rejected', () => {
  let longhaul: TestLonghaul;
  beforeAll(async () => {
    longhaul = await startTestLonghaul({
      config: { agents: { teller: { model: 'claude-sonnet-4-5', tools: ['Bash'], prewarm: false } } },
      script: ({ body }) => {
        const asked = JSON.stringify(body);
        if (asked.includes('poison')) return fail(400, { message: 'messages: this is not allowed' });
        if (asked.includes('use a tool') && !asked.includes('tool_result')) {
          // The word itself must not be in the tool use, which the provider accepted.
          return turn(useTool('Bash', { command: "printf 'poi'; printf 'son'", description: 'print' }));
        }
        return turn(say('fine'));
      },
    });
  });
  afterAll(() => longhaul.stop());

  const ask = async (prompt: string, options: { sessionId?: string; fork?: boolean } = {}) => {
    const { id } = await longhaul.client.submit({ agent: 'teller', prompt, ...options });
    return longhaul.client.run(id, { waitSeconds: 60 });
  };
  const lastBody = () => JSON.stringify(longhaul.model.requests.at(-1)?.body);

  it('continues without a prompt that was rejected, and so does a fork', async () => {
    const { sessionId } = await ask('my name is Ada');
    expect(await ask('poison', { sessionId })).toMatchObject({
      status: 'failed',
      error: { code: 'provider_invalid_request' },
    });
    expect(await ask('who forks?', { sessionId, fork: true })).toMatchObject({ status: 'succeeded' });
    expect(lastBody()).toContain('my name is Ada');
    expect(await ask('who am I?', { sessionId })).toMatchObject({ status: 'succeeded' });
    expect(lastBody()).toContain('my name is Ada');
    expect(lastBody()).not.toContain('who forks?');
    expect(await ask('once more', { sessionId })).toMatchObject({ status: 'succeeded' });
    for (const text of ['my name is Ada', 'who am I?', 'once more']) expect(lastBody()).toContain(text);
  });

  it('continues when its first prompt was rejected', async () => {
    const { sessionId } = await ask('poison');
    expect(await ask('hello', { sessionId })).toMatchObject({ status: 'succeeded' });
    expect(await ask('again', { sessionId })).toMatchObject({ status: 'succeeded' });
    for (const text of ['hello', 'again']) expect(lastBody()).toContain(text);
  });

  it('continues without a rejected tool result, and tells the model so', async () => {
    const first = await ask('use a tool');
    expect(first).toMatchObject({ status: 'failed', error: { code: 'provider_invalid_request' } });
    const { sessionId } = first;
    expect(await ask('what now?', { sessionId })).toMatchObject({ status: 'succeeded' });
    for (const text of ['use a tool', RESULT_LEFT_OUT, 'what now?']) expect(lastBody()).toContain(text);
    expect(lastBody()).not.toContain('outcome is unknown');
    expect(JSON.stringify(await longhaul.client.session(sessionId))).toContain('poison');
  });
});
