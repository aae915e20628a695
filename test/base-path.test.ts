import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApprovalResource, RunResource } from '../src/client/client.ts';
import { say, startTestLonghaul, useTool, type TestLonghaul } from '../src/testing/index.ts';

const BASE = '/team/longhaul';

describe('a Longhaul that a proxy serves under a path', () => {
  let kit: TestLonghaul;
  let authorization: string;
  beforeAll(async () => {
    kit = await startTestLonghaul({
      config: {
        agents: { doer: { tools: ['Bash'], ask: ['Bash'], prewarm: false }, mute: { tools: [], prewarm: false } },
        http: { basePath: BASE },
      },
      script: ({ turn }) => (turn === 0 ? useTool('Bash', { command: 'true', description: 'nothing' }) : say('done')),
    });
    authorization = `Bearer ${kit.longhaul.newAdminKey}`;
  });
  afterAll(() => kit.stop());

  const ask = async (path: string, body?: object) => {
    const response = await kit.longhaul.fetch(
      new Request(`http://longhaul.test${path}`, {
        headers: { authorization, 'content-type': 'application/json' },
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      }),
    );
    return { response, answer: await response.json() };
  };
  const submission = { agent: 'doer', prompt: 'Go.' };

  // A proxy may remove its path before it forwards a request, or keep it.
  it.each([BASE, ''])('begins every address in its answers with that path, called under "%s"', async (prefix) => {
    const { response, answer } = await ask(`${prefix}/v1/runs`, submission);
    const { id, sessionId, links } = answer as RunResource;
    const self = `${BASE}/v1/runs/${id}`;
    expect(response.headers.get('location')).toBe(self);
    const all = {
      self,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      approvals: `${BASE}/v1/approvals?runId=${id}`,
    };
    expect(links).toEqual(all);
    expect((await ask(links.self)).answer).toMatchObject({ id, links: all });
    expect(((await ask(`${prefix}/v1/runs`)).answer as { data: unknown[] }).data[0]).toMatchObject({ links: all });
    expect((await ask(`${prefix}/v1/sessions/${sessionId}`)).answer).toMatchObject({
      runs: { data: [{ links: all }] },
    });
    await expect
      .poll(async () => ((await ask(links.approvals)).answer as { data: unknown[] }).data.length, { timeout: 30_000 })
      .toBe(1);
    const [approval] = ((await ask(links.approvals)).answer as { data: ApprovalResource[] }).data;
    expect(approval?.links).toEqual({ self: `${BASE}/v1/approvals/${approval?.id}`, run: self });
    const { answer: cancelled } = await ask(links.cancel, {});
    expect(cancelled).toMatchObject({ links: all });
    await kit.client.run(id, { waitSeconds: 30 });
    const { response: retried, answer: retry } = await ask(links.retry, {});
    expect(retried.headers.get('location')).toBe((retry as RunResource).links.self);
    await kit.client.cancel((retry as RunResource).id);
    const { answer: batch } = await ask(`${prefix}/v1/runs/batch`, { runs: [{ agent: 'mute', prompt: 'hi' }] });
    const [one] = (batch as { data: RunResource[] }).data;
    expect(one?.links.self).toBe(`${BASE}/v1/runs/${one?.id}`);
    await kit.client.cancel(one!.id);
    expect((await ask(`${prefix}/openapi.json`)).answer).toMatchObject({ servers: [{ url: BASE }] });
  });
});
