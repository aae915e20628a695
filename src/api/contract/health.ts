import { z } from '@hono/zod-openapi';
import { instant, usd } from './output-fields.ts';

export const agentHealthSchema = z
  .object({
    status: z
      .enum(['healthy', 'degraded', 'unhealthy'])
      .describe('`degraded`: it answers, but late, or is still being asked. `unhealthy` comes with the status 503.'),
    detail: z.string().describe('In words, safe to show.'),
    code: z.string().nullable().describe('Why the question failed: an error code of runs.'),
    agent: z.string().describe('Whose model and provider are asked.'),
    latencyMs: z.int().nullable().describe('From the question in line to its answer; null without an answer.'),
    costUsd: usd().nullable(),
    checkedAt: instant().nullable().describe('When the answer came.'),
    isBeingChecked: z.boolean().describe('Whether a newer question is under way.'),
    runId: z.uuid().nullable(),
  })
  .openapi('AgentHealth', {
    example: {
      status: 'healthy',
      detail: 'It answered in 1.4 s.',
      code: null,
      agent: 'reader',
      latencyMs: 1_402,
      costUsd: 0.000_912,
      checkedAt: '2026-03-10T12:00:00.000Z',
      isBeingChecked: false,
      runId: '019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11',
    },
  });

export type AgentHealth = z.infer<typeof agentHealthSchema>;
