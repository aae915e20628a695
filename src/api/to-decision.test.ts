import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askPerson } from '../run/approvals/approval.fixture.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { ApprovalResource, Problem } from './contract.ts';

const QUESTIONS = {
  questions: [
    { question: 'Which color?', options: [{ label: 'Blue' }, { label: 'Red' }], multiSelect: false },
    { question: 'Which sizes?', options: [{ label: 'S' }, { label: 'L' }], multiSelect: true },
  ],
};

describe('a decision', () => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi('embedded');
  });
  afterAll(() => service.close());

  async function ask(asking: Omit<Parameters<typeof askPerson>[1], 'claimed'> = {}) {
    await service.submit();
    return askPerson(service.database, { claimed: await service.claim(), ...asking });
  }

  const decide = (id: string, body: unknown) => service.post(`/v1/approvals/${id}`, body);
  const read = async (id: string) => (await (await service.request(`/v1/approvals/${id}`)).json()) as ApprovalResource;

  async function refuse(id: string, body: unknown): Promise<Problem> {
    const response = await decide(id, body);
    expect(response.status).toBe(400);
    expect(await read(id)).toMatchObject({ status: 'pending' });
    return (await response.json()) as Problem;
  }

  it.each([
    ['nothing', {}, 'decision', 'must be "allow" or "deny"'],
    ['another word', { decision: 'perhaps' }, 'decision', 'must be "allow" or "deny"; received "perhaps"'],
    ['a text as input', { decision: 'allow', updatedInput: 'ls' }, 'updatedInput', 'must be an object; received "ls"'],
    ['a list as input', { decision: 'allow', updatedInput: [1] }, 'updatedInput', 'must be an object; received [1]'],
    ['null as input', { decision: 'allow', updatedInput: null }, 'updatedInput', 'must be an object; received null'],
    [
      'an input with NUL',
      { decision: 'allow', updatedInput: { command: 'a\0b' } },
      'updatedInput.command',
      'must not contain a NUL character',
    ],
    [
      'an input with half a character',
      { decision: 'allow', updatedInput: { list: [{ '\ud800': 1 }] } },
      'updatedInput.list.0',
      'must not contain a lone surrogate',
    ],
    [
      'an input of 30,000 levels',
      `{"decision":"allow","updatedInput":${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}}`,
      'updatedInput',
      'must be nested at most 100 levels deep',
    ],
    [
      'answers to no question',
      { decision: 'allow', answers: { Why: 'so' } },
      'answers',
      'must be left out: the approval',
    ],
    ['a denial with an input', { decision: 'deny', updatedInput: {} }, 'updatedInput', 'must be left out of a denial'],
    ['a denial with answers', { decision: 'deny', answers: {} }, 'answers', 'must be left out of a denial'],
    ['a long reason', { decision: 'deny', reason: 'x'.repeat(2_001) }, 'reason', 'must be at most 2000 characters'],
    ['an unknown field', { decision: 'deny', because: 'x' }, 'because', 'is not a known field'],
  ])('is rejected with %s', async (_, body, path, message) => {
    const { id } = await ask();
    const { code, errors } = await refuse(id, body);
    expect({ code, errors }).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
    expect(errors![0]!.message).toContain(message);
  });

  it('is not possible for a tool that the client runs', async () => {
    const { id } = await ask({ kind: 'custom', tool: 'mcp__custom__weather', input: { city: 'Oslo' } });
    for (const decision of ['allow', 'deny']) {
      const { code, errors } = await refuse(id, { decision });
      expect(code).toBe('invalid_request');
      expect(errors).toMatchObject([
        { path: 'decision', message: expect.stringContaining('its result decides') as string },
      ]);
    }
  });

  it('must answer every question, and nothing else', async () => {
    const { id } = await ask({ kind: 'question', tool: 'AskUserQuestion', input: QUESTIONS });
    for (const [body, path, message] of [
      [{}, 'answers', 'must answer "Which color?", "Which sizes?"'],
      [{ answers: { 'Which color?': 'Blue' } }, 'answers', 'must answer "Which sizes?"'],
      [{ answers: { 'Which color?': 'Blue', 'Which sizes?': ['S'], Why: 'so' } }, 'answers.Why', 'must be one of the'],
      [{ answers: { 'Which color?': 3 } }, 'answers.Which color?', 'must be a text'],
      [{ answers: ['Blue'] }, 'answers', 'must be an object of answers by question'],
      [{ updatedInput: {} }, 'updatedInput', 'must be left out: a question is answered with answers'],
    ] as const) {
      const { errors } = await refuse(id, { decision: 'allow', ...body });
      expect(errors).toContainEqual({ path, message: expect.stringContaining(message) as string });
    }
    const answers = { 'Which color?': 'Green, if there is any', 'Which sizes?': ['S', 'L'] };
    const response = await decide(id, { decision: 'allow', answers });
    expect(await response.json()).toMatchObject({
      status: 'allowed',
      updatedInput: { answers: { 'Which color?': 'Green, if there is any', 'Which sizes?': 'S, L' } },
    });
    const denied = await ask({ kind: 'question', tool: 'AskUserQuestion', input: QUESTIONS });
    expect((await decide(denied.id, { decision: 'deny', reason: 'Decide yourself.' })).status).toBe(200);
  });
});
