import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import { hasTerminals, startInTerminal } from '../../test/support/terminal-command.ts';
import type { ApprovalResource } from '../api/contract.ts';
import { askPerson } from '../run/approvals/approval.fixture.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul approvals', () => {
  let operator: OperatorServer;

  const longhaul = (...args: string[]) => runCommand(args, { cwd: tmpdir(), env: operator.env });
  const read = async (id: string) =>
    (await (await operator.service.request(`/v1/approvals/${id}`)).json()) as ApprovalResource;

  /** Starts a run with a tool use that waits for a decision. */
  async function ask(changes: Omit<Parameters<typeof askPerson>[1], 'claimed'> = {}, user = 'ann') {
    await operator.service.submit({ user });
    const claimed = await operator.service.claim();
    return { claimed, ...(await askPerson(operator.service.database, { claimed, ...changes })) };
  }

  beforeAll(async () => {
    operator = await startOperatorServer();
  });
  afterAll(() => operator.close());

  it('lists pending approvals in columns, and decided ones on request', async () => {
    expect(await longhaul('approvals')).toMatchObject({
      exitCode: 0,
      stdout: 'No pending approvals. Decided ones are listed with --all.\n',
    });
    const [first, second] = [await ask(), await ask({ tool: 'Write', input: { file_path: 'a.txt' } }, 'robert')];
    const { stdout } = await longhaul('approvals', 'list');
    expect(stdout).toMatch(
      new RegExp(
        `^ID {36}STATUS +AGE {2}AGENT {3}USER {4}REQUEST\n${second.id} {2}pending +\\d+ s {2}reader {2}robert {2}Write a.txt\n${first.id} {2}pending +\\d+ s {2}reader {2}ann {5}Bash ls\n$`,
      ),
    );
    await longhaul('approvals', 'deny', second.id);
    expect((await longhaul('approvals', 'list')).stdout).not.toContain(second.id);
    expect((await longhaul('approvals', 'list', '--all')).stdout).toMatch(new RegExp(`${second.id} {2}denied`));
    const { data } = JSON.parse((await longhaul('approvals', 'list', '--all', '--limit', '1', '--json')).stdout) as {
      data: ApprovalResource[];
    };
    expect(data.map(({ id }) => id)).toEqual([second.id]);
  });

  it('allows a use, also with another input, and denies one for a reason', async () => {
    const allowed = await ask();
    expect(await longhaul('approvals', 'allow', allowed.id)).toMatchObject({
      exitCode: 0,
      stdout: `allowed: Bash ls\nFollow the run with: longhaul tail ${allowed.runId}\n`,
    });
    const changed = await ask();
    const { stdout } = await longhaul('approvals', 'allow', changed.id, '--input', '{"command":"pwd"}', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'allowed', updatedInput: { command: 'pwd' } });
    const denied = await ask();
    expect((await longhaul('approvals', 'deny', denied.id, '--reason', 'not today')).stdout).toMatch(
      /^denied: Bash ls/,
    );
    expect(await read(denied.id)).toMatchObject({ status: 'denied', reason: 'not today' });
    expect(await longhaul('approvals', 'allow', denied.id)).toMatchObject({
      exitCode: 70,
      stderr: expect.stringContaining('is denied already: not today') as string,
    });
  });

  it('answers a question, and shows the offered answers', async () => {
    const input = {
      questions: [{ question: 'Which color?', options: [{ label: 'Blue' }, { label: 'Red' }], multiSelect: false }],
    };
    const { id } = await ask({ kind: 'question', tool: 'AskUserQuestion', input });
    expect((await longhaul('approvals', 'list')).stdout).toContain('Which color? (Blue · Red)');
    expect((await longhaul('approvals', 'allow', id)).exitCode).not.toBe(0);
    const { stdout } = await longhaul('approvals', 'allow', id, '--answer', 'Which color?=Blue');
    expect(stdout).toContain('allowed: Which color?');
    expect(await read(id)).toMatchObject({ updatedInput: { answers: { 'Which color?': 'Blue' } } });
  });

  it('shows the use of a tool that its client runs, which cannot be decided here', async () => {
    const { id } = await ask({ kind: 'custom', tool: 'mcp__custom__weather', input: { city: 'Oslo' } });
    expect((await longhaul('approvals', 'list')).stdout).toContain("client's result of weather");
    const { exitCode, stderr } = await longhaul('approvals', 'allow', id);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('its result decides');
  });

  it.each([
    [['allow', 'x'], /It must be an approval/],
    [['allow', '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f', '--input', '[1]'], /must be a JSON object/],
    [['allow', '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f', '--input', '{'], /must be a JSON object/],
    [['allow', '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f', '--answer', 'Blue'], /must be a question and its answer/],
  ])('rejects %j', async (args, message) => {
    expect(await longhaul('approvals', ...args)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(message) as string,
    });
  });

  describe.runIf(hasTerminals)('approvals of a run followed in a terminal', () => {
    async function follow() {
      const terminal = startInTerminal(['run', 'reader', 'hello', '--follow', '--priority', '100'], {
        cwd: tmpdir(),
        env: operator.env,
      });
      const claimed = await vi.waitUntil(() => operator.service.claim(), { timeout: 20_000 });
      const approval = await askPerson(operator.service.database, { claimed });
      await terminal.shows(/Allow it\? \[y\/n\] /);
      return { terminal, claimed, approval };
    }

    it.each([
      ['y', { status: 'allowed' }],
      ['n', { status: 'denied', reason: 'Denied in the terminal.' }],
    ])('are decided by %s', { timeout: 30_000 }, async (answer, decided) => {
      const { terminal, claimed, approval } = await follow();
      terminal.type(`${answer}\r`);
      await expect.poll(() => read(approval.id), { timeout: 10_000 }).toMatchObject(decided);
      await operator.service.finish({ ...claimed, lastSeq: claimed.lastSeq + 1 });
      expect((await terminal.ended).exitCode).toBe(0);
    });

    it(
      'stay open after any other answer, and after Ctrl-C, which only stops following',
      { timeout: 30_000 },
      async () => {
        const { terminal, approval } = await follow();
        terminal.type('\u0003');
        const { exitCode, screen } = await terminal.ended;
        expect(exitCode).toBe(130);
        expect(screen).toContain('The run continues.');
        expect(await read(approval.id)).toMatchObject({ status: 'pending' });
      },
    );

    it('are no longer asked for after they were decided elsewhere', { timeout: 30_000 }, async () => {
      const { terminal, claimed, approval } = await follow();
      await longhaul('approvals', 'deny', approval.id);
      await operator.service.finish({ ...claimed, lastSeq: claimed.lastSeq + 1 });
      expect((await terminal.ended).exitCode).toBe(0);
    });
  });
});
