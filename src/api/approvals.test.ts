import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { askPerson } from '../run/approvals/approval.fixture.ts';
import { expireApprovals } from '../run/approvals/decide-approval.ts';
import { settlement } from '../run/run.fixture.ts';
import { settleAttempt, type Settlement } from '../run/end/settle.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type {
  ApprovalResource,
  AuditEntryResource,
  EventResource,
  Problem,
  RunResource,
  TokenResource,
} from './contract.ts';

const UNKNOWN_ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';

// Concatenated here, so that scanners for keys do not find it.
const SECRET = ['ghp', 'a8Zk3LmQ0vXc7RtY2uWn5BdE9hJf1GsK4pTi'].join('_');

const JSON_ALONE = { accept: 'application/json' };

const HANDED_BACK: Settlement = { ...settlement, outcome: { status: 'handed_back' } };

describe.each(DATABASE_KINDS)('approvals on the %s database', (kind) => {
  let service: TestApi;
  /** Callers by name: keys and tokens. */
  const callers: Record<string, string> = {};

  const makeToken = async (body: object) => {
    const issued = await service.post('/v1/tokens', body, { authorization: `Bearer ${service.plainKey}` });
    return ((await issued.json()) as TokenResource).token;
  };

  beforeAll(async () => {
    service = await startApi(kind);
    callers['application'] = service.plainKey;
    callers['reader'] = await service.makeKey({ scopes: ['runs:read', 'runs:write'] });
    callers['annKey'] = await service.makeKey({ user: 'ann' });
    callers['opsKey'] = await service.makeKey({ team: 'ops' });
    callers['annToken'] = await makeToken({ user: 'ann', scopes: ['runs:read', 'approvals'] });
    callers['readingToken'] = await makeToken({ user: 'ann', scopes: ['runs:read'] });
  });
  afterAll(() => service.close());

  type Asking = Omit<Parameters<typeof askPerson>[1], 'claimed'> & { user?: string; team?: string };

  /** A running run with a tool use that waits for a person. */
  async function ask({ user = 'ann', team = 'ops', ...asking }: Asking = {}) {
    const { id: runId } = await service.submit({ user, team });
    // Includes runs that earlier tests left queued.
    const claimed = (await service.claimUpTo(100)).find(({ run }) => run.id === runId)!;
    return { claimed, ...(await askPerson(service.database, { claimed, ...asking })) };
  }

  /** A run that waits for a person without a process. */
  async function askParked(asking?: Asking) {
    const asked = await ask(asking);
    await settleAttempt(deps(), { lease: asked.claimed.lease, settlement: HANDED_BACK });
    expect(await readRun(asked.runId)).toMatchObject({
      status: 'waiting',
      waitingFor: 'approval',
      attempts: [{ number: 1, outcome: 'waiting' }],
    });
    return asked;
  }

  const deps = () => ({ ...service.deps, rules: service.rules });
  const readRun = async (id: string) => (await (await service.request(`/v1/runs/${id}`)).json()) as RunResource;
  const read = (id: string, caller = 'application') =>
    service.request(`/v1/approvals/${id}`, { key: callers[caller]! });
  const decide = (id: string, body: unknown, caller = 'application') =>
    service.post(`/v1/approvals/${id}`, body, { authorization: `Bearer ${callers[caller]}` });

  async function list(query = '', caller = 'application') {
    const response = await service.request(`/v1/approvals${query}`, { key: callers[caller]! });
    const page = (await response.json()) as { data: ApprovalResource[]; nextCursor: string | null };
    return { ids: page.data.map(({ id }) => id), nextCursor: page.nextCursor };
  }

  async function eventsOf(runId: string) {
    const { data } = (await (await service.request(`/v1/runs/${runId}/events`, { headers: JSON_ALONE })).json()) as {
      data: EventResource[];
    };
    return data;
  }

  async function expectProblem(response: Response, status: number): Promise<Problem> {
    const problem = (await response.json()) as Problem;
    expect({ status: response.status, problem }).toMatchObject({ status });
    return problem;
  }

  it.each(['annKey', 'annToken', 'opsKey'])('are visible to %s for its own runs only', async (caller) => {
    const own = await ask();
    const others = [await ask({ user: 'bob', team: 'dev' }), await ask({ user: 'bob', team: 'dev', kind: 'question' })];
    const { ids } = await list('', caller);
    expect(ids).toContain(own.id);
    expect((await list('?user=bob', caller)).ids).toEqual([]);
    expect((await read(own.id, caller)).status).toBe(200);
    for (const { id, runId } of others) {
      expect(ids).not.toContain(id);
      expect((await list(`?runId=${runId}`, caller)).ids).toEqual([]);
      for (const response of [await read(id, caller), await decide(id, { decision: 'allow' }, caller)]) {
        expect(await expectProblem(response, 404)).toMatchObject({
          code: 'not_found',
          detail: `There is no approval ${id}.`,
        });
      }
      expect(await (await read(id)).json()).toMatchObject({ status: 'pending' });
    }
    expect((await decide(own.id, { decision: 'deny' }, caller)).status).toBe(200);
  });

  it.each(['reader', 'readingToken'])('are forbidden to a %s, which lacks the scope', async (caller) => {
    const { id } = await ask();
    const listed = await service.request('/v1/approvals', { key: callers[caller]! });
    for (const response of [listed, await read(id, caller), await decide(id, { decision: 'allow' }, caller)]) {
      expect((await expectProblem(response, 403)).detail).toContain('lacks the scope approvals');
    }
    expect(await (await read(id)).json()).toMatchObject({ status: 'pending' });
  });

  it('are decided once: of two concurrent decisions, the second receives the first', async () => {
    for (const asked of [await ask(), await askParked()]) {
      const answers = await Promise.all([
        decide(asked.id, { decision: 'allow' }),
        decide(asked.id, { decision: 'deny', reason: 'too late' }, 'annToken'),
      ]);
      const [first, second] = answers.toSorted((a, b) => a.status - b.status);
      expect([first!.status, second!.status]).toEqual([200, 409]);
      const decided = (await first!.json()) as ApprovalResource;
      const problem = (await second!.json()) as Problem;
      expect(problem).toMatchObject({ code: 'conflict', approval: decided });
      expect(problem.detail).toContain(`is ${decided.status} already`);
      expect(await (await read(asked.id)).json()).toEqual(decided);
    }
  });

  it('queue their run when all its approvals are decided, and add events', async () => {
    const asked = await ask();
    const second = await askPerson(service.database, {
      claimed: { ...asked.claimed, lastSeq: asked.claimed.lastSeq + 1 },
      toolUseId: 'toolu_2',
      input: { command: 'pwd' },
    });
    await settleAttempt(deps(), { lease: asked.claimed.lease, settlement: HANDED_BACK });
    await decide(asked.id, { decision: 'allow', updatedInput: { command: `echo ${SECRET}` } });
    expect(await readRun(asked.runId)).toMatchObject({ status: 'waiting', waitingFor: 'approval' });
    await decide(second.id, { decision: 'deny', reason: `not with ${SECRET}` });
    expect(await readRun(asked.runId)).toMatchObject({ status: 'queued', waitingFor: null });
    const events = await eventsOf(asked.runId);
    expect(events.map(({ type }) => type).slice(2)).toEqual([
      'approval.requested',
      'approval.requested',
      'run.waiting',
      'approval.resolved',
      'approval.resolved',
      'run.queued',
    ]);
    expect(events.filter(({ type }) => type === 'approval.resolved').map(({ data }) => data)).toMatchObject([
      { approvalId: asked.id, decision: 'allow', updatedInput: { command: 'echo [masked: github-token]' } },
      { approvalId: second.id, decision: 'deny', reason: 'not with [masked: github-token]' },
    ]);
  });

  it('reject a decision after they have expired, with the reason', async () => {
    const [running, parked, swept] = [await ask(), await askParked(), await askParked()];
    for (const { id } of [running, parked, swept]) {
      await sql`update longhaul.approvals set expires_at = now() where id = ${id}`.execute(service.database.sql);
    }
    for (const { id } of [running, parked]) {
      const { approval, detail } = await expectProblem(await decide(id, { decision: 'allow' }), 409);
      expect(approval).toMatchObject({ id, status: 'expired', decidedBy: 'system', updatedInput: null });
      expect(detail).toContain('is expired already: Nobody has decided in time.');
    }
    expect(await expireApprovals(deps())).toBe(1);
    expect((await expectProblem(await decide(swept.id, { decision: 'allow' }), 409)).approval?.status).toBe('expired');
    for (const { runId } of [parked, swept]) expect(await readRun(runId)).toMatchObject({ status: 'queued' });
    expect(await readRun(running.runId)).toMatchObject({ status: 'running' });
  });

  it('reject a decision once their run has ended or is being cancelled', async () => {
    const ended = await ask();
    await service.finish({ ...ended.claimed, lastSeq: ended.claimed.lastSeq + 1 });
    const problem = await expectProblem(await decide(ended.id, { decision: 'allow' }), 409);
    expect(problem.approval).toMatchObject({ status: 'cancelled', decidedBy: null });
    const cancelling = await ask();
    await service.post(`/v1/runs/${cancelling.runId}/cancel`, {});
    const { approval, detail } = await expectProblem(await decide(cancelling.id, { decision: 'allow' }), 409);
    expect(approval).toMatchObject({ status: 'pending' });
    expect(detail).toContain('is being cancelled');
    const parked = await askParked();
    await service.post(`/v1/runs/${parked.runId}/cancel`, {});
    expect((await expectProblem(await decide(parked.id, { decision: 'allow' }), 409)).approval?.status).toBe(
      'cancelled',
    );
  });

  it('allow a changed input, which is shown with its keys masked', async () => {
    const { id } = await ask();
    const updatedInput = { command: 'pwd', env: { GITHUB: SECRET }, list: [1, null, { deep: true }] };
    const response = await decide(id, { decision: 'allow', updatedInput, reason: 'rather this' });
    expect(response.status).toBe(200);
    const shown = { ...updatedInput, env: { GITHUB: '[masked: github-token]' } };
    expect(await response.json()).toMatchObject({ status: 'allowed', updatedInput: shown, reason: 'rather this' });
    // The tool gets the input unmasked.
    const { rows } = await sql<{ given: unknown }>`
      select updated_input as given from longhaul.approvals where id = ${id}`.execute(service.database.sql);
    expect(rows).toEqual([{ given: updatedInput }]);
  });

  it('return 404 for an unknown id, and 400 for an invalid id', async () => {
    for (const response of [await read(UNKNOWN_ID), await decide(UNKNOWN_ID, { decision: 'allow' })]) {
      expect(await expectProblem(response, 404)).toMatchObject({ detail: `There is no approval ${UNKNOWN_ID}.` });
    }
    for (const response of [await read('x'), await decide('x', { decision: 'allow' })]) {
      expect((await expectProblem(response, 400)).errors).toMatchObject([{ path: 'id' }]);
    }
  });

  it('are listed newest first, in pages and filtered', async () => {
    const asked = [];
    for (const kindOfIt of ['tool', 'question', 'tool'] as const) {
      asked.unshift(await ask({ user: 'carl', kind: kindOfIt }));
    }
    const [third, second, first] = asked.map(({ id }) => id);
    await decide(third!, { decision: 'deny' });
    expect((await list('?user=carl')).ids).toEqual([third, second, first]);
    const page = await list('?user=carl&limit=2');
    expect(page).toEqual({ ids: [third, second], nextCursor: second });
    expect(await list(`?user=carl&limit=2&cursor=${page.nextCursor}`)).toEqual({ ids: [first], nextCursor: null });
    expect(await list('?user=carl&limit=3')).toMatchObject({ nextCursor: null });
    expect((await list('?user=carl&status=pending')).ids).toEqual([second, first]);
    expect((await list('?user=carl&status=pending&kind=tool')).ids).toEqual([first]);
    expect((await list(`?runId=${asked[1]!.runId}`)).ids).toEqual([second]);
    expect((await list('?user=nobody')).ids).toEqual([]);
    for (const query of ['status=open', 'kind=x', 'runId=x', 'cursor=x', 'limit=0', 'limit=201', 'agent=reader']) {
      const { errors } = await expectProblem(await service.request(`/v1/approvals?${query}`), 400);
      expect(errors).toMatchObject([{ path: query.split('=')[0] }]);
    }
  });

  it('record who decided, what and why, also in the audit record', async () => {
    const { id, runId } = await ask();
    const response = await decide(id, { decision: 'deny', reason: 'not today' }, 'annToken');
    const { decidedBy, decidedAt, ...decided } = (await response.json()) as ApprovalResource;
    expect(decided).toMatchObject({ id, runId, user: 'ann', team: 'ops', status: 'denied', reason: 'not today' });
    expect(decidedBy).toMatch(/^key:[0-9a-f-]{36}$/);
    expect(Date.parse(decidedAt!)).toBeGreaterThanOrEqual(Date.parse(decided.requestedAt));
    const audit = await service.request(`/v1/audit?action=approval.decided&subject=${id}`);
    const { data } = (await audit.json()) as { data: AuditEntryResource[] };
    expect(data).toMatchObject([
      {
        actor: decidedBy,
        action: 'approval.decided',
        subject: id,
        data: { runId, user: 'ann', kind: 'tool', tool: 'Bash', decision: 'denied', reason: 'not today' },
      },
    ]);
    // Rejected decisions are not recorded.
    await decide(id, { decision: 'allow' });
    const again = await service.request(`/v1/audit?subject=${id}`);
    expect(((await again.json()) as { data: unknown[] }).data).toHaveLength(1);
  });
});
