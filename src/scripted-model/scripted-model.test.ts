import { afterEach, describe, expect, test, vi } from 'vitest';
import { say, useTool } from './blocks.ts';
import { callModel, readEvents, textOf } from '../../test/support/call-model.ts';
import type { Script, ScriptedModel } from './scripted-model.ts';
import { startScriptedModel } from './scripted-model.ts';
import { cut, fail, failMidStream, hang, turn } from './turns.ts';

let model: ScriptedModel | undefined;
afterEach(async () => {
  await model?.close();
  model = undefined;
});

async function start(script: Script): Promise<string> {
  model = await startScriptedModel({ script });
  return model.url;
}

describe('the choice of the turn', () => {
  const user = { role: 'user', content: 'Hello' };
  const assistant = { role: 'assistant', content: 'So far so good' };

  test('a list answers by the number of answers so far, and its last turn repeats', async () => {
    const url = await start([say('first'), say('second')]);
    expect(await textOf(callModel(url, { messages: [user] }))).toBe('first');
    expect(await textOf(callModel(url, { messages: [user, assistant, user] }))).toBe('second');
    expect(await textOf(callModel(url, { messages: [user, assistant, user, assistant, user] }))).toBe('second');
    expect(await textOf(callModel(url, { messages: [user] }))).toBe('first');
  });

  test('a function may wait and decide by the request', async () => {
    const url = await start(async ({ prompt, model }) => Promise.resolve(say(`${model} heard ${prompt}`)));
    expect(await textOf(callModel(url, { messages: [user] }))).toBe('claude-sonnet-4-5 heard Hello');
  });

  test('a script can be replaced between two requests', async () => {
    const url = await start([say('before')]);
    model?.setScript([say('after')]);
    expect(await textOf(callModel(url))).toBe('after');
  });

  test('a list without a turn is rejected when it is set', async () => {
    await expect(startScriptedModel({ script: [] })).rejects.toThrow('at least one turn');
  });

  test('a function that throws is answered with its message, as an error that is not retried', async () => {
    const url = await start(() => {
      throw new Error('no turn for this prompt');
    });
    const response = await callModel(url);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', message: 'The script failed: no turn for this prompt' },
    });
  });
});

describe('recorded requests', () => {
  test('a request is kept with its prompt, turn, tools and the results of tools', async () => {
    const url = await start([say('fine')]);
    await callModel(url, {
      tools: [{ name: 'Read', input_schema: { type: 'object' } }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '<system-reminder>\nToday is Sunday.\n</system-reminder>' },
            { type: 'text', text: 'Read it' },
          ],
        },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Read', input: {} }] },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              content: [{ type: 'text', text: 'denied' }],
              is_error: true,
            },
          ],
        },
      ],
    });
    expect(model?.requests).toMatchObject([
      {
        method: 'POST',
        path: '/v1/messages?beta=true',
        model: 'claude-sonnet-4-5',
        prompt: 'Read it',
        turn: 1,
        toolNames: ['Read'],
        toolResults: [{ toolUseId: 'toolu_1', content: 'denied', isError: true }],
        headers: { 'x-api-key': 'dummy' },
        body: { max_tokens: 100 },
      },
    ]);
  });

  test('a prompt that looks like a reminder of Claude Code is still the prompt', async () => {
    const url = await start([say('fine')]);
    const content = ['Today is Sunday.', 'Say what day it is.'].map((text) => ({
      type: 'text',
      text: `<system-reminder>${text}</system-reminder>`,
    }));
    await callModel(url, { messages: [{ role: 'user', content }] });
    expect(model?.requests[0]?.prompt).toBe('<system-reminder>Say what day it is.</system-reminder>');
  });

  test('only the newest requests are kept on demand', async () => {
    model = await startScriptedModel({ script: [say('fine')], keepRequests: 2 });
    for (const content of ['one', 'two', 'three']) {
      await callModel(model.url, { messages: [{ role: 'user', content }] });
    }
    expect(model.requests.map((request) => request.prompt)).toEqual(['two', 'three']);
  });
});

describe('other requests than calls of the Messages API', () => {
  test.each([
    ['GET', '/v1/messages'],
    ['POST', '/v1/complete'],
    ['HEAD', '/'],
  ])('%s %s is answered with 404', async (method, path) => {
    const url = await start([say('fine')]);
    const response = await fetch(`${url}${path}`, { method });
    expect(response.status).toBe(404);
    if (method !== 'HEAD')
      expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
    expect(model?.requests).toEqual([]);
  });

  test.each([
    ['{', 'The body is not JSON'],
    ['{"model":"m"}', 'messages: '],
    ['{"model":"m","messages":[]}', 'messages: '],
    ['[]', 'body: '],
  ])('the body %s is rejected as an invalid request', async (body, message) => {
    const url = await start([say('fine')]);
    const response = await fetch(`${url}/v1/messages`, { method: 'POST', body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.stringContaining(message) as string },
    });
  });

  test('a body above the limit of the API is rejected with 413, after it was read', async () => {
    const url = await start([say('fine')]);
    const body = 'x'.repeat(32 * 1024 * 1024 + 1);
    const response = await fetch(`${url}/v1/messages`, { method: 'POST', body });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { type: 'request_too_large' } });
  });

  test('tokens are counted from the size of the request, without playing a turn', async () => {
    const url = await start([say('fine')]);
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(400) }] });
    const response = await fetch(`${url}/v1/messages/count_tokens`, { method: 'POST', body });
    expect(await response.json()).toEqual({ input_tokens: 108 });
    expect(model?.requests).toEqual([]);
  });
});

describe('the life of the model', () => {
  test('close() ends a hanging request and may be called twice', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    const url = await start(() => {
      onAsked();
      return hang();
    });
    const hanging = expect(callModel(url)).rejects.toThrow('fetch failed');
    await asked;
    await model?.close();
    await model?.close();
    await hanging;
    await expect(callModel(url)).rejects.toThrow('fetch failed');
  });

  test('`await using` closes it', async () => {
    let url: string;
    {
      await using scoped = await startScriptedModel({ script: [say('fine')] });
      ({ url } = scoped);
      expect(await textOf(callModel(url))).toBe('fine');
    }
    await expect(callModel(url)).rejects.toThrow('fetch failed');
  });

  test('a port that is in use is an error that names it', async () => {
    const url = await start([say('fine')]);
    const port = Number(new URL(url).port);
    await expect(startScriptedModel({ port })).rejects.toThrow(`EADDRINUSE: address already in use 127.0.0.1:${port}`);
  });

  test('a client that goes away ends its pending answer', async () => {
    const clients = 40;
    const url = await start([turn(say('late'), { firstByteDelayMs: 3_600_000 })]);
    const gone = new AbortController();
    const calls = Array.from({ length: clients }, () => callModel(url, {}, gone.signal).catch(() => 'gone'));
    await vi.waitFor(() => expect(model?.requests).toHaveLength(clients));
    expect(countTimers()).toBeGreaterThanOrEqual(clients);
    gone.abort();
    await Promise.all(calls);
    await vi.waitFor(() => expect(countTimers()).toBeLessThan(clients));
  });
});

describe('the endings of an answer', () => {
  test('a failure has the status, its type and the time to wait', async () => {
    const url = await start([fail(529, { retryAfterSeconds: 7 })]);
    const response = await callModel(url);
    expect(response.status).toBe(529);
    expect(response.headers.get('retry-after')).toBe('7');
    const requestId = response.headers.get('request-id');
    expect(await response.json()).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'The script answers this request with 529.' },
      request_id: requestId,
    });
  });

  test.each([200, 399, 600, 429.5])('a failure with status %s is rejected', (status) => {
    expect(() => fail(status)).toThrow(RangeError);
  });

  test('an error in mid-stream follows the blocks as an event', async () => {
    const url = await start([failMidStream(say('half'), { type: 'overloaded_error', message: 'Too busy' })]);
    const events = await readEvents(callModel(url, { stream: true }));
    expect(events.map((event) => event.type).slice(-2)).toEqual(['content_block_stop', 'error']);
    expect(events.at(-1)).toEqual({ type: 'error', error: { type: 'overloaded_error', message: 'Too busy' } });
  });

  test('without streaming, an error in mid-stream is an error with its status', async () => {
    const url = await start([failMidStream(say('half'), { type: 'overloaded_error', message: 'Too busy' })]);
    expect((await callModel(url)).status).toBe(529);
  });

  test.each([true, false])('a cut reaches the client as a broken connection (stream: %s)', async (stream) => {
    const url = await start([cut([say('half')])]);
    const response = await callModel(url, { stream });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
  });

  test('everything before a cut arrives, in any amount', async () => {
    const text = 'x'.repeat(5_000_000);
    const url = await start([cut([say(text, { chunks: 1 }), useTool('Read', { file_path: '/a' })])]);
    const received = await readUntilBroken(await callModel(url, { stream: true }));
    expect(received).toContain(text);
    expect(received).toMatch(/event: content_block_stop\ndata: \{"type":"content_block_stop","index":1\}\n\n$/);
  });

  test('a hang after the headers sends them and nothing else', async () => {
    const url = await start([hang('after_headers')]);
    const response = await callModel(url, { stream: true });
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    const body = readUntilBroken(response);
    await model?.close();
    expect(await body).toBe('');
  });

  test('a hang after blocks sends them first', async () => {
    const url = await start([hang({ after: [say('half')] })]);
    const response = await callModel(url, { stream: true });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toContain('half');
    await reader?.cancel();
  });
});

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

async function readUntilBroken(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const part of response.body ?? []) text += decoder.decode(part, { stream: true });
  } catch {
    return text;
  }
  throw new Error('The connection was not broken.');
}
