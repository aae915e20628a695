import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { RunResource, SessionResource, SessionSummaryResource } from '../api/contract.ts';
import { createId } from '../core/ids.ts';
import type { Claim } from '../run/claim/claim.ts';
import { appendEntries } from '../run/sessions/sessions.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

const UNKNOWN_ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';

describe('conversations', () => {
  let operator: OperatorServer;

  const longhaul = (...args: string[]) => runCommand(args, { cwd: tmpdir(), env: operator.env });
  const parse = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as unknown;

  beforeAll(async () => {
    operator = await startOperatorServer();
  });
  afterAll(() => operator.close());

  /** Adds a message to the session of a running run, in the form of Claude Code's notes. */
  const note = ({ run, lease }: Claim, type: 'user' | 'assistant', content: unknown) =>
    appendEntries(operator.service.database, {
      sessionLease: { sessionId: run.sessionId, lease },
      claudeSessionId: run.sessionId,
      subpath: '',
      entries: [{ type, uuid: createId(), message: { role: type, content } }],
    });

  it('continue with run --session, and are listed and shown with their messages', async () => {
    expect((await longhaul('sessions')).stdout).toBe('No sessions.\n');
    const first = parse(await longhaul('run', 'reader', 'What is late?', '--user', 'ann', '--json')) as RunResource;
    const claimed = await operator.service.claim();
    await note(claimed, 'user', 'What is late?');
    await note(claimed, 'assistant', [
      { type: 'tool_use', id: 'toolu_1', name: 'Read', input: { file_path: 'a.txt' } },
      { type: 'text', text: 'Two of them:\none and \u001b[2Jtwo.' },
    ]);
    await operator.service.finish(claimed);
    const next = await longhaul('run', 'reader', 'Since when?', '--session', first.sessionId);
    expect(next).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Follow it with: longhaul tail') as string,
    });
    await operator.service.submit();
    const shown = await longhaul('sessions', first.sessionId);
    expect(shown).toMatchObject({
      exitCode: 0,
      stdout: 'reader, for ann\n> What is late?\n· Read {"file_path":"a.txt"}\nTwo of them:\none and \\x1b[2Jtwo.\n',
      stderr: '',
    });
    const listed = await longhaul('sessions', '--user', 'ann');
    expect(listed.stdout).toMatch(
      new RegExp(`^ID {36}AGENT {3}USER {2}STARTED {2} *LAST\n${first.sessionId} {2}reader {2}ann +\\d+ s +\\d+ s\n$`),
    );
    const page = await longhaul('sessions', first.sessionId, '--limit', '1', '--json');
    const session = parse(page) as SessionResource;
    expect(session.runs.data).toMatchObject([{ prompt: 'Since when?', user: 'ann' }]);
    expect(session.messages).toMatchObject({ data: [{ role: 'user' }], nextCursor: expect.any(Number) as number });
    expect((await longhaul('sessions', first.sessionId, '--limit', '1')).stderr).toBe(
      'Only the first 1 messages are shown; show more with --limit.\n',
    );
  });

  it('branch with run --fork, while a run is running in them', async () => {
    const base = await operator.service.submit({ user: 'bob' });
    const fork = parse(
      await longhaul('run', 'reader', 'Or else?', '--session', base.sessionId, '--fork', '--json'),
    ) as RunResource;
    expect(fork).toMatchObject({ status: 'queued', user: 'bob' });
    expect(fork.sessionId).not.toBe(base.sessionId);
    const { data } = parse(await longhaul('sessions', '--limit', '1', '--json')) as { data: SessionSummaryResource[] };
    expect(data).toMatchObject([{ id: fork.sessionId, forkedFrom: base.sessionId }]);
    const listed = await longhaul('sessions', '--limit', '1');
    expect(listed.stderr).toBe('Only the newest 1 are shown; show more with --limit.\n');
  });

  it.each([
    [['run', 'reader', 'x', '--session', 'x'], 2, /must be the sessionId of a run/],
    [['run', 'reader', 'x', '--fork'], 2, /--fork needs --session/],
    [['run', 'reader', 'x', '--session', UNKNOWN_ID], 77, /There is no session/],
    [['sessions', 'x'], 2, /must be the sessionId of a run/],
    [['sessions', UNKNOWN_ID], 77, /There is no session/],
  ])('reject %j', async (args, exitCode, message) => {
    expect(await longhaul(...args)).toMatchObject({
      exitCode,
      stdout: '',
      stderr: expect.stringMatching(message) as string,
    });
  });

  it('reject another agent and another user', async () => {
    const { sessionId } = await operator.service.submit({ user: 'ann' });
    expect(await longhaul('run', 'brief', 'x', '--session', sessionId)).toMatchObject({
      exitCode: 78,
      stderr: expect.stringContaining('must be a session of agent brief; this one is of reader') as string,
    });
    expect(await longhaul('run', 'reader', 'x', '--session', sessionId, '--user', 'bob')).toMatchObject({
      exitCode: 77,
    });
  });
});
