import { z } from '@hono/zod-openapi';
import type { Config } from '../config/config.ts';
import { RUN_STATUSES } from '../core/states.ts';
import type { RunFilter } from '../run/read/run-filter.ts';
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
  team: text().optional().describe('Only runs of this team.'),
  queue: text().optional().describe('Only runs of agents that use this queue.'),
  sessionId: z.uuid('must be a UUID').optional(),
  scheduleId: z.uuid('must be a UUID').optional().describe('Only runs submitted by this schedule.'),
  errorCode: text().optional().describe('Only runs that ended with this error code.'),
  q: text()
    .min(1, 'must not be empty')
    .max(MAX_QUERY_LENGTH, `must have at most ${MAX_QUERY_LENGTH} characters`)
    .optional()
    .describe(
      'Words to find in the prompt or the result. Each word also matches longer words that begin with it. Quote a phrase: `"two words"`. Put a minus before a word to exclude it.',
    ),
  from: time().optional().describe('Only runs submitted at or after this time.'),
  to: time().optional().describe('Only runs submitted before this time.'),
};

const STATUS_WORDS =
  'Only runs with one of these statuses. Repeat it for several statuses. Used when `status` is not given.';
const METADATA_WORDS =
  'Only runs whose metadata has this entry, as `key=value`, or has the value in a list at `key`. Repeat it to require several entries.';
const COST_WORDS = ['Only runs that cost at least this, in USD.', 'Only runs that cost at most this, in USD.'] as const;
const DURATION_WORDS = [
  'Only runs whose attempts took at least this in total.',
  'Only runs whose attempts took at most this in total.',
] as const;

/** Fields that select runs, as query parameters. */
export const runFilterQuery = {
  ...common,
  status: status.optional(),
  anyStatus: repeated(status, RUN_STATUSES.length).openapi({ description: STATUS_WORDS }),
  retried: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((value) => value === 'true')
    .optional()
    .openapi({
      type: 'boolean',
      description: 'True: only runs that were retried by another run. False: only runs that were not.',
    }),
  metadata: repeated(label, MAX_LABELS).openapi({ description: METADATA_WORDS, example: ['ticket=17'] }),
  minCostUsd: decimal(MAX_USD).openapi({ description: COST_WORDS[0] }),
  maxCostUsd: decimal(MAX_USD).openapi({ description: COST_WORDS[1] }),
  minDurationSeconds: decimal(MAX_SECONDS).openapi({ description: DURATION_WORDS[0] }),
  maxDurationSeconds: decimal(MAX_SECONDS).openapi({ description: DURATION_WORDS[1] }),
};

/** Fields that select runs, in a body. Each route adds its own `status`. */
export const runFilterBody = {
  ...common,
  metadata: z
    .array(label, 'must be a list of key=value')
    .max(MAX_LABELS, `must name at most ${MAX_LABELS}`)
    .optional()
    .describe('Only runs whose metadata has all of these entries, each as `key=value`.'),
  minCostUsd: amount(MAX_USD).describe(COST_WORDS[0]),
  maxCostUsd: amount(MAX_USD).describe(COST_WORDS[1]),
  minDurationSeconds: amount(MAX_SECONDS).describe(DURATION_WORDS[0]),
  maxDurationSeconds: amount(MAX_SECONDS).describe(DURATION_WORDS[1]),
};

const querySchema = z.object(runFilterQuery);
const bodySchema = z.object(runFilterBody);

type Given = Partial<z.output<typeof querySchema>> & Partial<z.output<typeof bodySchema>>;

/** Converts the fields of a request to a filter for the database. */
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
    // An unknown queue has no agents, and so no runs.
    agents: queue === undefined ? undefined : inQueue,
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
    minDurationMs: toMs(minDurationSeconds),
    maxDurationMs: toMs(maxDurationSeconds),
  };
}

/** A query parameter that may be repeated. */
function repeated<T extends z.ZodType>(item: T, most: number) {
  return z.preprocess(
    (value) => (value === undefined ? undefined : [value].flat()),
    z.array(item).max(most, `must be given at most ${most} times`).optional(),
  );
}

/** A number of zero or more in a URL: plain digits, with or without decimals. */
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
