import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from 'anthropic-1.14';
import Anthropic112 from 'anthropic-1.12';
import Anthropic0120 from 'anthropic-0.120';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say, startTestLonghaul, type TestLonghaul } from '../src/testing/index.ts';
import { blocksIn, PDF, PNG } from './support/attachments.ts';

type Content = Anthropic.Beta.Sessions.BetaManagedAgentsUserMessageEventParams['content'];

const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } } as const;
const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PDF } } as const;

/** Images and documents from the official client, on the real Claude Code. */
describe('messages with images and documents', () => {
  let test: TestLonghaul;
  let client: Anthropic;

  beforeAll(async () => {
    test = await startTestLonghaul({
      config: {
        agents: {
          managed: {
            prewarm: false,
            tools: [],
            workspace: { root: await mkdtemp(path.join(tmpdir(), 'longhaul-managed-')), mode: 'perSession' },
          },
        },
        managedAgents: { template: 'managed' },
        limits: { perUser: { runsPerMinute: 1_000 } },
      },
      script: [say('Seen.')],
    });
    client = createClient(Anthropic);
  });
  afterAll(() => test.stop());

  function createClient(Client: unknown, apiKey = test.apiKey): Anthropic {
    const options = {
      baseURL: 'http://longhaul.test/anthropic',
      apiKey,
      authToken: null,
      maxRetries: 0,
      fetch: async (url: string | URL | Request, init?: RequestInit) => test.longhaul.fetch(new Request(url, init)),
    };
    return new (Client as typeof Anthropic)(options);
  }

  const createSession = async (given: Anthropic, content: Content, more: object = {}) => {
    const agent = await given.beta.agents.create({ name: 'Seer', model: 'claude-sonnet-4-5' });
    return given.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: [{ type: 'user.message', content }],
      ...more,
    });
  };
  const untilIdle = async (given: Anthropic, id: string) => {
    const events = [];
    const stream = await given.beta.sessions.events.stream(id, {}, { headers: { 'Last-Event-ID': '0' } });
    for await (const event of stream) {
      events.push(event);
      if (event.type === 'session.status_idle') break;
    }
    return events;
  };
  const lastBlocks = () => blocksIn(test.model.requests.at(-1)!.body);

  it.each([
    ['1.14', Anthropic],
    ['1.12', Anthropic112],
    ['0.120', Anthropic0120],
  ])('are read by the model as they were sent, and shown by ids of files: version %s', async (_, Client) => {
    const given = createClient(Client);
    const csv = new File(['a,b\n1,2\n'], 'sales.csv', { type: 'text/csv' });
    const file = await given.beta.files.upload({ file: csv });
    expect(file).toMatchObject({ type: 'file', filename: 'sales.csv', mime_type: 'text/csv', size_bytes: 8 });
    const { id } = await createSession(given, [
      { type: 'text', text: 'First picture:' },
      image,
      pdf,
      {
        type: 'document',
        title: 'Notes',
        context: 'Mine',
        source: { type: 'text', media_type: 'text/plain', data: 'Hi.' },
      },
      { type: 'document', source: { type: 'file', file_id: file.id } },
      { type: 'text', text: 'What are they?' },
    ]);
    const events = await untilIdle(given, id);
    expect(lastBlocks()).toMatchObject([
      { type: 'text', text: 'First picture:' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PDF } },
      { type: 'document', title: 'Notes', context: 'Mine', source: { type: 'text', data: 'Hi.' } },
      { type: 'document', title: 'sales.csv', source: { type: 'text', data: 'a,b\n1,2\n' } },
      { type: 'text', text: 'What are they?' },
    ]);
    const said = events.find(({ type }) => type === 'user.message') as { content: typeof shown };
    const shown = [
      { type: 'text', text: 'First picture:' },
      { type: 'image', source: { type: 'file', file_id: expect.stringMatching(/^file_/) as string } },
      { type: 'document', source: { type: 'file', file_id: expect.stringMatching(/^file_/) as string } },
      {
        type: 'document',
        title: 'Notes',
        context: 'Mine',
        source: { type: 'file', file_id: expect.any(String) as string },
      },
      { type: 'document', source: { type: 'file', file_id: file.id } },
      { type: 'text', text: 'What are they?' },
    ];
    expect(said.content).toEqual(shown);
    const picture = said.content[1]!.source!.file_id;
    const content = await (await given.beta.files.download(picture)).arrayBuffer();
    expect(Buffer.from(content).toString('base64')).toBe(PNG);
    expect(await given.beta.files.retrieveMetadata(picture)).toMatchObject({ id: picture, mime_type: 'image/png' });
  });

  it.each([
    ['1.14', Anthropic],
    ['0.120', Anthropic0120],
  ])('names files that are listed until they are deleted: version %s', async (_, Client) => {
    const given = createClient(Client);
    const names = ['one.md', 'two.json', 'three'];
    const uploaded = [];
    // A stream says no media type.
    for (const name of names) uploaded.push(await given.beta.files.upload({ file: new File(['{}'], name) }));
    expect(uploaded.map(({ mime_type: type }) => type)).toEqual(['text/markdown', 'application/json', 'text/plain']);
    const listed = [];
    for await (const file of given.beta.files.list({ limit: 2 })) listed.push(file);
    expect(listed.slice(0, 3)).toEqual(uploaded.toReversed());
    const { id } = uploaded[0]!;
    expect(await given.beta.files.delete(id)).toEqual({ id, type: 'file_deleted' });
    await expect(given.beta.files.retrieveMetadata(id)).rejects.toMatchObject({ status: 404 });
    await expect(given.beta.files.delete(id)).rejects.toMatchObject({ status: 404 });
    await expect(
      createSession(given, [{ type: 'document', source: { type: 'file', file_id: id } }]),
    ).rejects.toMatchObject({ status: 400, message: expect.stringContaining(`there is no file ${id}`) as string });
  });

  it('may be an image alone', async () => {
    const { id } = await createSession(client, [image]);
    expect((await untilIdle(client, id)).at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    expect(lastBlocks()).toMatchObject([{ type: 'image' }]);
  });

  it.each([
    ['an address', { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }, 'is not supported'],
    ['another type than it says', { ...image, source: { ...image.source, media_type: 'image/gif' } }, 'image/gif'],
    [
      'a drawing as an image',
      { ...image, source: { ...image.source, media_type: 'image/svg+xml' } },
      'media_type: must be one of',
    ],
    ['an image as a document', { type: 'document', source: image.source }, 'media_type: must be'],
    ['a broken encoding', { ...image, source: { ...image.source, data: '?' } }, 'must be base64'],
    ['a result of a search', { type: 'search_result', source: 'a', title: 'b', content: [] }, 'is not supported'],
  ])('refuses %s', async (_, block, message) => {
    await expect(createSession(client, [block] as Content)).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining(message) as string,
    });
  });

  it('belongs to its user', async () => {
    const bind = async (user: string) => {
      const { key } = await test.client.createKey({
        name: user,
        scopes: ['runs:read', 'runs:write', 'agents:write'],
        user,
      });
      return createClient(Anthropic, key);
    };
    const [ann, bob] = [await bind('ann'), await bind('bob')];
    const file = await ann.beta.files.upload({ file: new File(['Hi.'], 'hi.txt') });
    await expect(bob.beta.files.download(file.id)).rejects.toMatchObject({ status: 404 });
    await expect(bob.beta.files.delete(file.id)).rejects.toMatchObject({ status: 404 });
    await expect(
      createSession(bob, [{ type: 'document', source: { type: 'file', file_id: file.id } }]),
    ).rejects.toMatchObject({ status: 400 });
    const listed = [];
    for await (const one of bob.beta.files.list()) listed.push(one);
    expect(listed).toEqual([]);
  });
});
