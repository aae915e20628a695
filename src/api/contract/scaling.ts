import { z } from '@hono/zod-openapi';

const need = {
  wantedSlots: z.int().describe('Slots that would be in use if there were enough of them: `running` and `ready`.'),
  running: z.int().describe('Runs in progress.'),
  ready: z
    .int()
    .describe(
      'Runs that another slot would let begin. Leaves out runs that more workers would not help: runs of paused queues, and runs that are delayed, held by a concurrency limit or their session, limited by the provider, or waiting for a budget or an approval.',
    ),
  oldestWaitSeconds: z.number().nullable().describe('Time for which the oldest ready run waits; null when none does.'),
};

const queueNeedSchema = z
  .object({
    ...need,
    states: z
      .object({
        ready: z.int(),
        delayed: z.int(),
        held: z.int(),
        limited: z.int(),
        paused: z.int(),
        budget: z.int(),
        approval: z.int(),
      })
      .describe('Queued and waiting runs, by the reason why they wait.'),
  })
  .openapi('QueueScaling');

export const scalingSchema = z
  .object({
    ...need,
    wantedWorkers: z.int().describe('Workers with `slotsPerWorker` slots each for `wantedSlots`.'),
    slotsPerWorker: z.int().describe('`worker.slots` in the configuration of the server that answers.'),
    workers: z.int().describe('Live workers that are not draining.'),
    slots: z.int().describe('Slots of these workers.'),
    freeSlots: z.int().describe('Free slots of the workers that claim runs now.'),
    queues: z.record(z.string(), queueNeedSchema).describe('The need of each queue, by its name.'),
    memory: z
      .object({
        slotBytes: z
          .int()
          .describe('Memory of a slot: the most that an attempt of the hungriest agent held in its last 50 attempts.'),
        isMeasured: z.boolean().describe('False until an attempt was measured: `slotBytes` is then an assumption.'),
        workerBytes: z.int().describe('Memory of a worker without its slots.'),
      })
      .describe('The memory that a worker needs, from what attempts really held.'),
    machine: z
      .object({ memoryGb: z.number(), slots: z.int().describe('Slots that one worker on the machine carries.') })
      .nullable()
      .describe('The machine that `memoryGb` in the request describes; null without it.'),
  })
  .openapi('Scaling');

export type ScalingResource = z.infer<typeof scalingSchema>;
