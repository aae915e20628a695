import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { LonghaulConfig } from 'longhaul';
import {
  say,
  startTestLonghaul,
  useTool,
  type ModelRequest,
  type Script,
  type TestLonghaul,
  type ToolUseBlock,
} from 'longhaul/testing';
import type { ApprovalResource, RunResource } from 'longhaul/client';

/** Tool uses that wait for a person, from the HTTP API to the real Claude Code executable and back. */

const TIMEOUT_MS = 60_000;
const disposals: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

type AgentConfig = LonghaulConfig['agents'][string];

async function start(script: Script, agent: Partial<AgentConfig> = {}) {
  const workspace = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-approvals-')));
  disposals.push(() => rm(workspace, { recursive: true, force: true }));
  const longhaul = await startTestLonghaul({
    config: {
      agents: {
        doer: {
          model: 'claude-sonnet-4-5',
          tools: ['Bash', 'Read'],
          ask: ['Bash'],
          prewarm: false,
          workspace: { root: workspace, mode: 'shared' },
          ...agent,
        },
      },
    },
    script,
  });
  disposals.push(() => longhaul.stop());
  const readLog = () => readFile(path.join(workspace, 'log.txt'), 'utf8').catch(() => '');
  return { ...longhaul, workspace, readLog };
}

const bash = (command: string): ToolUseBlock => useTool('Bash', { command, description: 'a step' });
const write = bash('echo one >> log.txt; echo written');

/** Uses a tool, again when it reads that the use was allowed meanwhile, and then gives the answer. */
function once(use: ToolUseBlock, words: string): Script {
  return (request) => (request.turn === 0 || lastWords(request).includes(ALLOWED) ? use : say(words));
}

const ALLOWED = 'Allowed: use it again now';

/** Returns the last content that the model received. */
function lastWords({ body }: ModelRequest): string {
  const { messages } = body as { messages: unknown[] };
  return JSON.stringify(messages.at(-1));
}
const GIVEN_UP = { approvals: { holdSeconds: 0 } };

/** Resolves once a run waits for a person, with a process or without. */
async function untilAsked(
  { client }: Pick<TestLonghaul, 'client'>,
  runId: string,
  count = 1,
): Promise<ApprovalResource[]> {
  const list = async () => (await client.approvals({ runId, status: 'pending' })).data;
  await expect.poll(async () => (await list()).length, { timeout: TIMEOUT_MS }).toBe(count);
  return (await list()).toReversed();
}

const untilParked = ({ client }: Pick<TestLonghaul, 'client'>, runId: string) =>
  expect
    .poll(() => client.run(runId), { timeout: TIMEOUT_MS })
    .toMatchObject({ status: 'waiting', waitingFor: 'approval' });

async function untilEnded({ client }: Pick<TestLonghaul, 'client'>, runId: string): Promise<RunResource> {
  const run = await client.run(runId, { waitSeconds: 60 });
  return run;
}

async function typesOf({ client }: Pick<TestLonghaul, 'client'>, runId: string): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of client.stream(runId)) types.push(type);
  return types;
}

test('a tool use that is allowed while its process waits continues in it', { timeout: TIMEOUT_MS }, async () => {
  const world = await start([write, say('Done.')]);
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  expect(approval).toMatchObject({ kind: 'tool', tool: { name: 'Bash' }, status: 'pending', runId: id });
  expect(await world.readLog()).toBe('');
  await world.client.approve(approval!.id);
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'Done.', attempt: 1 });
  expect(await world.readLog()).toBe('one\n');
  const types = await typesOf(world, id);
  const of = (type: string) => types.indexOf(type);
  expect(of('agent.tool_use')).toBeLessThan(of('approval.requested'));
  expect(of('approval.requested')).toBeLessThan(of('approval.resolved'));
  expect(of('approval.resolved')).toBeLessThan(of('agent.tool_result'));
  await expect(world.client.deny(approval!.id)).rejects.toMatchObject({ status: 409 });
});

test(
  'a run waits without a process, and its tool use continues in the same conversation',
  { timeout: TIMEOUT_MS },
  async () => {
    const world = await start(once(write, 'Done.'), { ...GIVEN_UP, retry: { maxAttempts: 1, deadlineSeconds: 1 } });
    const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
    const [approval] = await untilAsked(world, id);
    await untilParked(world, id);
    expect(await world.readLog()).toBe('');
    const asked = world.model.requests.length;
    await world.client.approve(approval!.id);
    expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'Done.', attempt: 2, turns: 3 });
    expect(await world.readLog()).toBe('one\n');
    expect(world.model.requests.length - asked).toBe(2);
    const told = JSON.stringify(world.model.requests[asked]!.body.messages);
    expect(told).toContain('has not begun: a person is asked first');
    expect(told).not.toContain('interrupted: the session ended');
    expect((await world.client.approvals({ runId: id })).data).toMatchObject([
      { takenUpAt: expect.any(String) as string },
    ]);
    const types = await typesOf(world, id);
    expect(types.filter((type) => type.startsWith('approval.') || type.startsWith('run.'))).toEqual([
      'run.queued',
      'run.started',
      'approval.requested',
      'run.waiting',
      'approval.resolved',
      'run.queued',
      'run.started',
      'run.succeeded',
    ]);
  },
);

test(
  'a use that is allowed after its process was released, and not made again, is reported as unused',
  { timeout: TIMEOUT_MS },
  async () => {
    const world = await start(({ turn }) => (turn === 0 ? write : say('I did not.')), GIVEN_UP);
    const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
    const [approval] = await untilAsked(world, id);
    await untilParked(world, id);
    await world.client.approve(approval!.id);
    expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'I did not.' });
    expect(await world.readLog()).toBe('');
    const { data: events } = await world.client.eventPage(id, { limit: 200 });
    const toolUseId = approval!.tool.useId;
    expect(events.find(({ type }) => type === 'approval.unused')?.data).toEqual({
      approvalId: approval!.id,
      tool: { name: 'Bash', toolUseId },
    });
    expect(events.filter(({ type }) => type === 'agent.tool_result').map(({ data }) => data)).toMatchObject([
      { toolUseId, isError: true, isUnfinished: true, content: expect.stringContaining('never run') as string },
    ]);
    expect((await world.client.approvals({ runId: id })).data).toMatchObject([{ status: 'allowed', takenUpAt: null }]);
  },
);

test.each([
  ['while its process waits', {}],
  ['when its process is gone', GIVEN_UP],
])(
  'a tool use that is denied %s does not take place, and the model reads the reason',
  { timeout: TIMEOUT_MS },
  async (_, agent) => {
    const world = await start(once(write, 'As you wish.'), agent);
    const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
    const [approval] = await untilAsked(world, id);
    if (agent === GIVEN_UP) await untilParked(world, id);
    await world.client.deny(approval!.id, 'not on a Sunday');
    expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'As you wish.' });
    expect(await world.readLog()).toBe('');
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain('not on a Sunday');
  },
);

test.each([
  ['while its process waits', {}],
  ['when its process is gone', GIVEN_UP],
])('a tool does what its input was changed to %s', { timeout: TIMEOUT_MS }, async (_, agent) => {
  const world = await start(once(write, 'Done.'), agent);
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  if (agent === GIVEN_UP) await untilParked(world, id);
  const updatedInput = { command: 'echo changed >> log.txt', description: 'a step' };
  await world.client.approve(approval!.id, { updatedInput });
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded' });
  expect(await world.readLog()).toBe('changed\n');
});

test('a changed input cannot lead a tool out of the workspace', { timeout: TIMEOUT_MS }, async () => {
  const world = await start(once(useTool('Read', { file_path: 'a.txt' }), 'Done.'), { ask: ['Read'], ...GIVEN_UP });
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  await untilParked(world, id);
  await world.client.approve(approval!.id, { updatedInput: { file_path: '/etc/hostname' } });
  await untilEnded(world, id);
  expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain('may not leave the workspace');
});

test.each([
  ['while its process waits', {}],
  ['when its process is gone', { holdSeconds: 0 }],
])('a use without a decision is denied %s', { timeout: TIMEOUT_MS }, async (_, approvals) => {
  const world = await start([write, say('As you wish.')], { approvals: { ...approvals, expireSeconds: 1 } });
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'As you wish.' });
  expect(await world.readLog()).toBe('');
  const { data } = await world.client.approvals({ runId: id });
  expect(data).toMatchObject([{ status: 'expired', decidedBy: 'system' }]);
  expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain('Nobody has decided in time');
});

const QUESTION = useTool('AskUserQuestion', {
  questions: [
    {
      question: 'Which color?',
      header: 'Color',
      multiSelect: false,
      options: [
        { label: 'Red', description: 'like fire' },
        { label: 'Blue', description: 'like the sea' },
      ],
    },
  ],
});

test.each([
  ['while its process waits', {}],
  ['when its process is gone', GIVEN_UP],
])('a question is answered %s', { timeout: TIMEOUT_MS }, async (_, agent) => {
  const world = await start([QUESTION, say('Blue it is.')], { tools: ['AskUserQuestion'], ask: [], ...agent });
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  expect(approval).toMatchObject({ kind: 'question', tool: { input: { questions: [{ question: 'Which color?' }] } } });
  if (agent === GIVEN_UP) await untilParked(world, id);
  await expect(world.client.approve(approval!.id)).rejects.toMatchObject({ status: 400 });
  await world.client.approve(approval!.id, { answers: { 'Which color?': 'Blue' } });
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'Blue it is.' });
  expect(JSON.stringify(world.model.requests.at(-1)?.body)).toMatch(/Blue/);
});

test('two uses that wait at once are each decided, and done once', { timeout: TIMEOUT_MS }, async () => {
  const reads = ['a.txt', 'b.txt'].map((file) => useTool('Read', { file_path: file }));
  const world = await start(
    (request) => (request.turn === 0 ? reads : lastWords(request).includes(ALLOWED) ? reads[0]! : say('Done.')),
    { ask: ['Read'], approvals: { holdSeconds: 2 } },
  );
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const approvals = await untilAsked(world, id, 2);
  await untilParked(world, id);
  await world.client.approve(approvals[0]!.id);
  expect(await world.client.run(id)).toMatchObject({ status: 'waiting' });
  await world.client.deny(approvals[1]!.id, 'not the second');
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'Done.' });
  expect((await world.client.approvals({ runId: id })).data).toHaveLength(2);
  expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain('not the second');
});

test('the second of two successive uses waits for the first', { timeout: TIMEOUT_MS }, async () => {
  const second = bash('echo two >> log.txt');
  const world = await start((request) => {
    const words = lastWords(request);
    if (request.turn === 0) return [write, second];
    if (words.includes(ALLOWED)) return words.includes('echo two') ? second : write;
    return words.includes('written') ? second : say('Done.');
  }, GIVEN_UP);
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [first] = await untilAsked(world, id);
  await untilParked(world, id);
  await world.client.approve(first!.id);
  const [next] = await untilAsked(world, id);
  await untilParked(world, id);
  expect(await world.readLog()).toBe('one\n');
  await world.client.approve(next!.id);
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded' });
  expect(await world.readLog()).toBe('one\ntwo\n');
});

test("a subagent's use waits without a process too", { timeout: TIMEOUT_MS }, async () => {
  const world = await start(
    ({ body, turn }) => {
      const isSubagent = !JSON.stringify(body['tools'] ?? []).includes('subagent_type');
      if (isSubagent) return turn === 0 ? write : say('The part is done.');
      const isDone = JSON.stringify(body).includes('The part is done.');
      return isDone
        ? say('Done.')
        : useTool('Agent', { description: 'a part', prompt: 'Go.', subagent_type: 'helper' });
    },
    { ...GIVEN_UP, subagents: { helper: { description: 'helps', prompt: 'You help.', tools: ['Bash'] } } },
  );
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  expect(approval).toMatchObject({ subagent: 'helper' });
  await untilParked(world, id);
  await world.client.approve(approval!.id);
  expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'Done.' });
  expect(await world.readLog()).toBe('one\n');
});

test(
  "a subagent's use keeps its process beyond holdSeconds, with what it has done",
  { timeout: TIMEOUT_MS },
  async () => {
    let asked = 0;
    const world = await start(
      ({ body, turn }) => {
        const isSubagent = !JSON.stringify(body['tools'] ?? []).includes('subagent_type');
        if (isSubagent) {
          asked += 1;
          return turn === 0 ? write : say('The part is done.');
        }
        const isDone = JSON.stringify(body).includes('The part is done.');
        return isDone
          ? say('Done.')
          : useTool('Agent', { description: 'a part', prompt: 'Go.', subagent_type: 'helper' });
      },
      {
        approvals: { holdSeconds: 0.5 },
        subagents: { helper: { description: 'helps', prompt: 'You help.', tools: ['Bash'] } },
      },
    );
    const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
    const [approval] = await untilAsked(world, id);
    await delay(3_000);
    expect(await world.client.run(id)).toMatchObject({ status: 'running' });
    await world.client.approve(approval!.id);
    expect(await untilEnded(world, id)).toMatchObject({ status: 'succeeded', result: 'Done.', attempt: 1 });
    expect(asked).toBe(2);
  },
);

test.each([
  ['with its process', {}],
  ['without one', GIVEN_UP],
])('a run that is cancelled while it waits %s cancels its approvals', { timeout: TIMEOUT_MS }, async (_, agent) => {
  const world = await start([write, say('Done.')], agent);
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  if (agent === GIVEN_UP) await untilParked(world, id);
  await world.client.cancel(id);
  expect(await untilEnded(world, id)).toMatchObject({ status: 'cancelled' });
  expect((await world.client.approvals({ runId: id })).data).toMatchObject([{ status: 'cancelled' }]);
  await expect(world.client.approve(approval!.id)).rejects.toMatchObject({ status: 409 });
  const types = await typesOf(world, id);
  expect(types.slice(types.indexOf('approval.requested') + 1)).toContain('approval.resolved');
  expect(types.filter((type) => type === 'agent.tool_result')).toHaveLength(1);
  expect(types.at(-1)).toBe('run.cancelled');
  expect(await world.readLog()).toBe('');
});

test('the first of two decisions at once counts, and the second gets it', { timeout: TIMEOUT_MS }, async () => {
  const world = await start([write, say('Done.')], GIVEN_UP);
  const { id } = await world.client.submit({ agent: 'doer', prompt: 'Go.' });
  const [approval] = await untilAsked(world, id);
  await untilParked(world, id);
  const settled = await Promise.allSettled([
    world.client.approve(approval!.id),
    world.client.deny(approval!.id, 'no'),
    world.client.approve(approval!.id),
  ]);
  expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
  const [lost] = settled.filter(({ status }) => status === 'rejected');
  expect(lost).toMatchObject({ reason: { status: 409, problem: { approval: { id: approval!.id } } } });
  await untilEnded(world, id);
});
