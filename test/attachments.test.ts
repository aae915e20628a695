import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, LonghaulInvalidRequestError, LonghaulNotFoundError } from '../src/client/client.ts';
import { fail, say, startTestLonghaul, useTool, type TestLonghaul } from '../src/testing/index.ts';
import { blocksIn, PDF, PNG } from './support/attachments.ts';

// Images, PDFs and texts in prompts: the real executable, the real server and worker, a scripted model.

const image = { name: 'dot.png', mediaType: 'image/png', data: PNG };
const table = {
  name: 'sales.csv',
  mediaType: 'text/csv; charset=utf-8',
  data: Buffer.from('a,b\n1,2\n').toString('base64'),
};
const pdf = { mediaType: 'application/pdf', data: PDF };

describe('a run with attachments', () => {
  let service: TestLonghaul;

  beforeAll(async () => {
    service = await startTestLonghaul({
      config: {
        agents: {
          reader: { tools: ['Bash'], prewarm: false, retry: { maxAttempts: 1 } },
          steered: { tools: ['Bash'], whileBusy: 'steer', prewarm: false },
        },
        limits: { perUser: { runsPerMinute: 1_000 } },
      },
      script({ body }) {
        const blocks = blocksIn(body);
        const isWaiting = blocks.some(({ text }) => text === 'Wait.');
        if (isWaiting && !blocks.some(({ type }) => type === 'tool_result'))
          return useTool('Bash', { command: 'until [ -e gate ]; do sleep 0.1; done', description: 'wait' });
        if (blocks.some(({ text }) => text === 'Break.')) return fail(400);
        return say(`Read ${blocks.map(({ type }) => type).join(', ')}.`);
      },
    });
  });

  afterAll(async () => {
    await service.stop();
  });

  const end = (id: string) => service.client.getRun(id, { waitSeconds: 50 });
  const lastBlocks = () => blocksIn(service.model.requests.at(-1)!.body);

  it('hands them to the model in order, before the prompt', async () => {
    const { id, attachments } = await service.client.submit({
      agent: 'reader',
      prompt: 'What are they?',
      attachments: [image, table, pdf],
    });
    expect(attachments).toEqual([
      { fileId: expect.any(String), name: 'dot.png', mediaType: 'image/png', bytes: Buffer.from(PNG, 'base64').length },
      { fileId: expect.any(String), name: 'sales.csv', mediaType: 'text/csv', bytes: 8 },
      {
        fileId: expect.any(String),
        name: null,
        mediaType: 'application/pdf',
        bytes: Buffer.from(PDF, 'base64').length,
      },
    ]);
    expect(await end(id)).toMatchObject({ status: 'succeeded', prompt: 'What are they?', attachments });
    expect(lastBlocks()).toMatchObject([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
      { type: 'document', title: 'sales.csv', source: { type: 'text', media_type: 'text/plain', data: 'a,b\n1,2\n' } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PDF } },
      { type: 'text', text: 'What are they?' },
    ]);
  });

  it('names a file that was uploaded or attached before', async () => {
    const uploaded = await service.client.uploadFile(table);
    expect((await service.client.listFiles()).data).toContainEqual(uploaded);
    const first = await end(
      (await service.client.submit({ agent: 'reader', prompt: 'One.', attachments: [image] })).id,
    );
    const attachments = [{ fileId: uploaded.id }, { fileId: first.attachments[0]!.fileId }];
    const second = await end((await service.client.submit({ agent: 'reader', prompt: 'Two.', attachments })).id);
    expect(second.result).toBe('Read document, image, text.');
    const content = await service.client.fileContent(uploaded.id);
    expect(await new Response(content).text()).toBe('a,b\n1,2\n');

    expect(await service.client.removeFile(uploaded.id)).toEqual(uploaded);
    await expect(service.client.getFile(uploaded.id)).rejects.toThrow(LonghaulNotFoundError);
    await expect(service.client.submit({ agent: 'reader', prompt: 'Three.', attachments })).rejects.toThrow(
      'attachments[0].fileId names no file',
    );
    // The run that contains it can still be repeated.
    expect((await end(second.id)).attachments).toHaveLength(2);
  });

  it('is the same request only with the same attachments', async () => {
    const submission = { agent: 'reader', prompt: 'Once.', attachments: [image] };
    const idempotencyKey = crypto.randomUUID();
    const first = await service.client.submit(submission, { idempotencyKey });
    expect((await service.client.submit(submission, { idempotencyKey })).id).toBe(first.id);
    await expect(
      service.client.submit({ ...submission, attachments: [table] }, { idempotencyKey }),
    ).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  it('has its attachments again when it is retried', async () => {
    const failed = await end(
      (await service.client.submit({ agent: 'reader', prompt: 'Break.', attachments: [image] })).id,
    );
    expect(failed.status).toBe('failed');
    const again = await service.client.retry(failed.id);
    expect(again.attachments).toEqual(failed.attachments);
    await end(again.id);
    expect(lastBlocks().filter(({ type }) => type === 'image').length).toBeGreaterThan(0);
  });

  it('receives a message with attachments while it runs', async () => {
    const run = await service.client.submit({ agent: 'steered', prompt: 'Wait.' });
    let gate = '';
    for await (const event of service.client.stream(run.id)) {
      if (event.type === 'agent.init') gate = path.join(event.data.cwd, 'gate');
      if (event.type === 'agent.tool_use') break;
    }
    const accepted = await service.client.sendMessage(run.id, { prompt: 'And this one.', attachments: [image] });
    expect(accepted).toMatchObject({ id: run.id, messageId: expect.any(String) });
    await delay(1_000);
    await writeFile(gate, '');
    const parts = [];
    for await (const event of service.client.stream(run.id)) if (event.type === 'run.message') parts.push(event.data);
    expect(parts).toMatchObject([
      {
        text: 'And this one.',
        parts: [
          { type: 'image', name: 'dot.png' },
          { type: 'text', text: 'And this one.' },
        ],
      },
    ]);
    expect(JSON.stringify(service.model.requests.at(-1)!.body)).toContain(PNG);
  });

  it('continues a session that has seen them', async () => {
    const first = await end((await service.client.submit({ agent: 'reader', prompt: 'One.', attachments: [pdf] })).id);
    const { sessionId } = first;
    await end((await service.client.submit({ agent: 'reader', prompt: 'Two.', sessionId })).id);
    expect(lastBlocks().filter(({ type }) => type === 'document')).toHaveLength(1);
  });

  it.each([
    [
      'a type that no model reads',
      { mediaType: 'application/zip', data: 'UEsDBA==' },
      'attachments[0] must be a text, or one of',
    ],
    [
      'another type than it says',
      { mediaType: 'image/png', data: PDF },
      'attachments[0] must be what its media type says, image/png',
    ],
    ['a broken encoding', { mediaType: 'text/plain', data: 'a' }, 'attachments[0] must have its data in base64'],
    ['no content', { mediaType: 'text/plain', data: '' }, 'attachments[0] must not be empty'],
    ['text that is not UTF-8', { mediaType: 'text/plain', data: '/w==' }, 'attachments[0] must be text in UTF-8'],
  ])('refuses %s', async (_, attachment, message) => {
    const refused = service.client.submit({ agent: 'reader', prompt: 'Look.', attachments: [attachment] });
    await expect(refused).rejects.toThrow(LonghaulInvalidRequestError);
    await expect(refused).rejects.toThrow(message);
  });

  it('refuses more than 10 MiB together, and more than 20', async () => {
    const half = { mediaType: 'text/plain', data: Buffer.alloc(5.1 * 1_048_576, 'a').toString('base64') };
    const submit = (attachments: object[]) =>
      service.client.submit({ agent: 'reader', prompt: 'Look.', attachments: attachments as (typeof half)[] });
    await expect(submit([half, half])).rejects.toThrow('attachments must have at most 10485760 bytes together');
    await expect(submit(Array.from({ length: 21 }, () => image))).rejects.toThrow('at most 20 attachments');
  });

  it('shows a file to its owner, and to everyone who sees a run with it', async () => {
    const bind = async (user: string) => {
      const { key } = await service.client.createKey({ name: user, scopes: ['runs:read', 'runs:write'], user });
      return createClient({
        url: 'http://longhaul.test',
        apiKey: key,
        fetch: async (request) => service.longhaul.fetch(request),
      });
    };
    const [ann, bob] = [await bind('ann'), await bind('bob')];
    const own = await ann.uploadFile(table);
    expect((await ann.listFiles()).data).toEqual([own]);
    expect((await bob.listFiles()).data).toEqual([]);
    await expect(bob.getFile(own.id)).rejects.toThrow(LonghaulNotFoundError);
    await expect(bob.removeFile(own.id)).rejects.toThrow(LonghaulNotFoundError);
    await expect(bob.submit({ agent: 'reader', prompt: 'Look.', attachments: [{ fileId: own.id }] })).rejects.toThrow(
      'attachments[0].fileId names no file',
    );

    const shared = await service.client.uploadFile(pdf);
    await expect(ann.getFile(shared.id)).rejects.toThrow(LonghaulNotFoundError);
    const run = await service.client.submit({
      agent: 'reader',
      prompt: 'Hi.',
      user: 'ann',
      attachments: [{ fileId: shared.id }],
    });
    expect(await ann.getFile(shared.id)).toEqual(shared);
    await expect(ann.removeFile(shared.id)).rejects.toThrow(LonghaulNotFoundError);
    await end(run.id);
  });
});
