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
    delayed: z.int().describe('Those whose time has not come: they start later, are tried again later, or wait.'),
    held: z.int().describe('Queued, but as many of their user, agent or of all run already as may at once.'),
    limitedUntil: instant()
      .nullable()
      .describe('The model provider is at a limit for an agent of this queue; its runs wait until then.'),
    limitReason: z.string().nullable().describe('What the provider said. For keys of operators only.'),
    oldestWaitSeconds: z.number().nullable(),
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
    freeMemoryBytes: z.int().nullable().describe('Memory that new processes may take, by machine and control group.'),
    spares: z.int().describe('Processes that are started and wait for a run.'),
    containment: z
      .string()
      .nullable()
      .describe(
        "What holds an attempt's processes: `mount_namespace`, which also hides what is not theirs, `pid_namespace`, `parent_death_signal` or `mark`.",
      ),
    state: z
      .enum(['working', 'holding', 'draining'])
      .describe('`holding`: it leaves runs queued though it has slots. `draining`: it takes none and leaves.'),
    holdingReason: z.string().nullable().describe('Why runs are left queued, such as memory that is short.'),
    startedAt: instant(),
    heartbeatAt: instant(),
  })
  .openapi('Worker');

export type AgentResource = z.infer<typeof agentSchema>;
export type QueueResource = z.infer<typeof queueSchema>;
export type WorkerResource = z.infer<typeof workerSchema>;
