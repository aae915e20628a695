import { z } from '@hono/zod-openapi';
import { instant, usd } from './output-fields.ts';

export const agentHealthSchema = z
  .object({
    status: z
      .enum(['healthy', 'degraded', 'unhealthy'])
      .describe(
        '`degraded`: the agent answers late, or its answer is still pending. `unhealthy` comes with status 503.',
      ),
    detail: z.string().describe('The state in words, safe to show.'),
    code: z.string().nullable().describe('Why the check failed: an error code of runs.'),
    agent: z.string().describe('The agent whose model and provider are checked.'),
    latencyMs: z.int().nullable().describe('From queuing the question to the answer; null without an answer.'),
    costUsd: usd().nullable(),
    checkedAt: instant().nullable().describe('When the answer came.'),
    isBeingChecked: z.boolean().describe('True when a newer check is in progress.'),
    runId: z.uuid().nullable(),
  })
  .openapi('AgentHealth', {
    example: {
      status: 'healthy',
      detail: 'The agent answered in 1.4 s.',
      code: null,
      agent: 'reader',
      latencyMs: 1_402,
      costUsd: 0.000_912,
      checkedAt: '2026-03-10T12:00:00.000Z',
      isBeingChecked: false,
      runId: '019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11',
    },
  });

export const serverHealthSchema = z
  .object({
    version: z.string().describe('Version of Longhaul.'),
    nodeVersion: z.string(),
    database: z.object({
      kind: z.enum(['embedded', 'postgres']),
      version: z.string().describe('Version of PostgreSQL.'),
      schemaVersion: z.int().describe('Number of the last migration.'),
      sizeBytes: z.int(),
      latencyMs: z.number().describe('Time of one query.'),
    }),
    queue: z.object({
      backend: z.enum(['database', 'redis', 'sqs']).describe('The part that wakes workers.'),
      isAway: z
        .boolean()
        .describe(
          'True while workers are not woken: they check the database every 2 s, and runs begin that much later.',
        ),
    }),
  })
  .openapi('ServerHealth', {
    example: {
      version: '0.1.0',
      nodeVersion: '24.21.0',
      database: { kind: 'postgres', version: '18.1', schemaVersion: 30, sizeBytes: 73_400_320, latencyMs: 0.9 },
      queue: { backend: 'database', isAway: false },
    },
  });

export type ServerHealth = z.infer<typeof serverHealthSchema>;
export type AgentHealth = z.infer<typeof agentHealthSchema>;
