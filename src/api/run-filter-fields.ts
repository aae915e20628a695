import { z } from '@hono/zod-openapi';
import type { Config } from '../config/config.ts';
import { RUN_STATUSES } from '../core/states.ts';
import type { RunFilter } from '../run/run-filter.ts';
import { text, time } from './input-fields.ts';

const MAX_QUERY_LENGTH = 500;
const MAX_LABELS = 10;
const MAX_LABEL_LENGTH = 301;
const MAX_USD = 1_000_000;
const MAX_SECONDS = 31_536_000;

const status = z.enum(RUN_STATUSES, `must be one of ${RUN_STATUSES.join(', ')}`);

const label = text()
  .max(MAX_LABEL_LENGTH, `must have at most ${MAX_LABEL_LENGTH} characters`)
  .regex(/^[^=]+=/, 'must be key=value');

const common = {
  agent: text().optional(),
  user: text().optional(),
  team: text().optional().describe('Those of this team alone.'),
  queue: text().optional().describe('Those of the agents that have this queue.'),
  sessionId: z.uuid('must be a UUID').optional(),
  scheduleId: z.uuid('must be a UUID').optional().describe('Made by this schedule.'),
  errorCode: text().optional().describe('Ended with this error code.'),
  q: text()
    .min(1, 'must not be empty')
    .max(MAX_QUERY_LENGTH, `must have at most ${MAX_QUERY_LENGTH} characters`)
    .optional()
    .describe(
      'Words in the prompt or the result, each one or its beginning; "in quotes" in a row, with a minus in front not at all.',
    ),
  from: time().optional().describe('Submitted at or after.'),
  to: time().optional().describe('Submitted before.'),
};

const STATUS_WORDS = 'Those with one of these statuses: given several times, in place of `status`.';
const METADATA_WORDS =
  'Those whose metadata has this entry, as `key=value`, or it in a list at `key`; given several times, all of these.';
const COST_WORDS = ['Those that cost at least this, USD.', 'Those that cost at most this, USD.'] as const;
const DURATION_WORDS = ['Those whose attempts took at least this.', 'Those whose attempts took at most this.'] as const;

/** Which runs are meant, in an address. */
export const runFilterQuery = {
  ...common,
  status: status.optional(),
  anyStatus: repeated(status, RUN_STATUSES.length).openapi({ description: STATUS_WORDS }),
  retried: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((value) => value === 'true')
    .optional()
    .openapi({ type: 'boolean', description: 'Those that another run tries again, or those that none does.' }),
  metadata: repeated(label, MAX_LABELS).openapi({ description: METADATA_WORDS, example: ['ticket=17'] }),
  minCostUsd: decimal(MAX_USD).openapi({ description: COST_WORDS[0] }),
  maxCostUsd: decimal(MAX_USD).openapi({ description: COST_WORDS[1] }),
  minDurationSeconds: decimal(MAX_SECONDS).openapi({ description: DURATION_WORDS[0] }),
  maxDurationSeconds: decimal(MAX_SECONDS).openapi({ description: DURATION_WORDS[1] }),
};

/** The same in a body. Its status is each route's own. */
export const runFilterBody = {
  ...common,
  metadata: z
    .array(label, 'must be a list of key=value')
    .max(MAX_LABELS, `must name at most ${MAX_LABELS}`)
    .optional()
    .describe('Those whose metadata has all of these entries, each as `key=value`.'),
  minCostUsd: amount(MAX_USD).describe(COST_WORDS[0]),
  maxCostUsd: amount(MAX_USD).describe(COST_WORDS[1]),
  minDurationSeconds: amount(MAX_SECONDS).describe(DURATION_WORDS[0]),
  maxDurationSeconds: amount(MAX_SECONDS).describe(DURATION_WORDS[1]),
};

const querySchema = z.object(runFilterQuery);
const bodySchema = z.object(runFilterBody);

type Given = Partial<z.output<typeof querySchema>> & Partial<z.output<typeof bodySchema>>;

/** What was asked for, as the database is asked. */
export function toRunFilter(
  { q, queue, metadata, anyStatus, from, to, retried, minDurationSeconds, maxDurationSeconds, ...same }: Given,
  { agents }: Pick<Config, 'agents'>,
): RunFilter {
  const toMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1_000);
  const inQueue = [...agents.values()].filter((agent) => agent.queue === queue).map(({ name }) => name);
  return {
    ...same,
    status: same.status ?? anyStatus,
    isRetried: retried,
    words: q,
    labels: metadata,
    // A queue that there is not has no agents, and so no runs.
    agents: queue === undefined ? undefined : inQueue,
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
    minDurationMs: toMs(minDurationSeconds),
    maxDurationMs: toMs(maxDurationSeconds),
  };
}

/** A parameter that may stand in an address several times. */
function repeated<T extends z.ZodType>(item: T, most: number) {
  return z.preprocess(
    (value) => (value === undefined ? undefined : [value].flat()),
    z.array(item).max(most, `must be given at most ${most} times`).optional(),
  );
}

/** A number of zero or more in an address: plain digits, with decimals or without. */
function decimal(max: number) {
  const rule = `must be a number from 0 to ${max}`;
  return z
    .string(rule)
    .refine((digits) => /^\d+(\.\d+)?$/.test(digits) && Number(digits) <= max, rule)
    .transform(Number)
    .optional()
    .openapi({ type: 'number', minimum: 0, maximum: max });
}

function amount(max: number) {
  const rule = `must be a number from 0 to ${max}`;
  return z.number(rule).min(0, rule).max(max, rule).optional();
}
