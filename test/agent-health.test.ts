import { expect, it } from 'vitest';
import type { AgentHealth } from '../src/api/contract.ts';
import { fail, say, startTestLonghaul, turn } from '../src/testing/index.ts';

it('asks the model of an agent a short question through Claude Code, for a fraction of a cent', async () => {
  let isDown = false;
  const longhaul = await startTestLonghaul({
    config: {
      agents: { reader: { tools: ['Read'], model: 'claude-sonnet-4-5', systemPrompt: 'Be long. '.repeat(500) } },
    },
    script: () => (isDown ? fail(401) : turn(say('OK'), { usage: { inputTokens: 300, outputTokens: 4 } })),
  });
  try {
    const check = async () => {
      const response = await longhaul.longhaul.fetch(
        new Request('http://longhaul.test/v1/health/agent?wait=60', {
          headers: { authorization: `Bearer ${longhaul.longhaul.newAdminKey!}` },
        }),
      );
      return { status: response.status, health: (await response.json()) as AgentHealth };
    };
    const { status, health } = await check();
    expect(health).toMatchObject({ status: 'healthy', agent: 'reader', code: null });
    expect(status).toBe(200);
    expect(health.costUsd).toBeLessThan(0.01);
    const [request] = longhaul.model.requests;
    expect(JSON.stringify(request!.body).length).toBeLessThan(8_000);
    expect(request!.body).not.toHaveProperty('tools.0');
    isDown = true;
    expect((await check()).health.runId).toBe(health.runId);
    expect(longhaul.model.requests).toHaveLength(1);
  } finally {
    await longhaul.stop();
  }
});
