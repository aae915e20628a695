import { z } from '@hono/zod-openapi';
import { instant } from './output-fields.ts';
import { runSchema } from './runs.ts';

export const agentSchema = z
  .object({
    name: z.string(),
    model: z.string(),
    tools: z.array(z.string()),
    permissionMode: z.string(),
    queue: z.string(),
    limits: runSchema.shape.limits,
  })
  .openapi('Agent');

export const queueSchema = z
  .object({
    name: z.string(),
    waiting: z.int(),
    delayed: z.int().describe('Runs that are not due yet: they start later, are retried later, or wait.'),
    held: z.int().describe('Runs that are queued because a concurrency limit (user, agent or global) is reached.'),
    limitedUntil: instant()
      .nullable()
      .describe('Set when the model provider limits an agent of this queue: its runs wait until then.'),
    limitReason: z.string().nullable().describe('The message of the provider. For operator keys only.'),
    oldestWaitSeconds: z.number().nullable(),
    undelivered: z
      .int()
      .nullable()
      .describe(
        'About how many wake-ups for this queue Redis or SQS stores. Null when the database wakes the workers, or when the backend is away.',
      ),
    pausedAt: instant().nullable(),
  })
  .openapi('Queue');

export const workerSchema = z
  .object({
    id: z.uuid(),
    host: z.string(),
    pid: z.int(),
    version: z.string(),
    slots: z.int(),
    running: z.int(),
    freeMemoryBytes: z
      .int()
      .nullable()
      .describe('Memory available to new processes, within the limits of the machine and the control group.'),
    spares: z.int().describe('Pre-started processes that wait for a run.'),
    containment: z
      .string()
      .nullable()
      .describe(
        'The containment of the processes of an attempt: `mount_namespace`, which also hides other files from them, `pid_namespace`, `parent_death_signal` or `mark`.',
      ),
    state: z
      .enum(['working', 'holding', 'draining'])
      .describe(
        '`holding`: the worker leaves runs queued although it has free slots. `draining`: it takes no more runs and stops.',
      ),
    holdingReason: z.string().nullable().describe('Why the worker leaves runs queued, such as low memory.'),
    startedAt: instant(),
    heartbeatAt: instant(),
  })
  .openapi('Worker');

export type AgentResource = z.infer<typeof agentSchema>;
export type QueueResource = z.infer<typeof queueSchema>;
export type WorkerResource = z.infer<typeof workerSchema>;
