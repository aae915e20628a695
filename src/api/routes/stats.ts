import { z } from '@hono/zod-openapi';
import { isBound, isOperator, toViewer } from '../../access/caller.ts';
import { LonghaulError } from '../../core/errors.ts';
import { countUnfinished } from '../../run/count-unfinished.ts';
import { readSamples, readStats, STAT_STEPS, type StatStep } from '../../stats/read-stats.ts';
import { statsSchema } from '../contract.ts';
import { text, time } from '../input-fields.ts';
import { route } from '../route.ts';
import { toStatsResource } from '../to-stats-resource.ts';
import { json, problems } from './answers.ts';

const STEP_MS: Readonly<Record<StatStep, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const MOST_STEPS = 1_500;
const MINUTES_LAST_MS = 48 * STEP_MS.hour;
const DEFAULT_RANGE_MS = 24 * STEP_MS.hour;

export const getStats = route(
  {
    method: 'get',
    path: '/v1/stats',
    operationId: 'getStats',
    tag: 'Service',
    access: 'runs:read',
    summary: 'Read statistics: runs, failures, cost, waits and durations over time',
    description:
      'Returns one point for each step. A run counts at its submission and at its end, the cost of an attempt at the end of the attempt. A caller bound to a user or a team gets the statistics of that user or team. Minutes are kept for 2 days, hours and days for 400 days, the state of queues and workers for 32 days.',
    request: {
      query: z.strictObject({
        from: time().optional().openapi({ description: 'Start (inclusive). Defaults to one day before `to`.' }),
        to: time().optional().openapi({ description: 'End (exclusive). Defaults to now.' }),
        step: z
          .enum(STAT_STEPS, `must be one of ${STAT_STEPS.join(', ')}`)
          .default('hour')
          .openapi({ default: 'hour', description: 'Length of a step.' }),
        agent: text().optional(),
      }),
    },
    responses: { 200: json(statsSchema, 'The statistics.'), ...problems(400, 401, 403) },
  },
  async (context, { config, database }) => {
    const { timeZone } = config;
    const caller = context.get('caller');
    const viewer = toViewer(caller);
    const { step, agent, ...given } = context.req.valid('query');
    const range = { ...toRange(given, step), step, timeZone };
    const seesAll = !isBound(caller);
    const [stats, samples, now] = await Promise.all([
      readStats(database, { ...range, viewer, agent: agent ?? null }),
      seesAll ? readSamples(database, range) : { queues: [], slots: [] },
      countUnfinished(database, { viewer, agent }),
    ]);
    const queue = agent === undefined ? null : (config.agents.get(agent)?.queue ?? '');
    const answer = toStatsResource({
      ...range,
      stats,
      now,
      showsCost: !seesAll || isOperator(caller),
      samples: { ...samples, queues: samples.queues.filter((one) => queue === null || one.queue === queue) },
    });
    return context.json(answer, 200);
  },
);

/** @throws {LonghaulError} `invalid_request` for a range that is empty, too old, or has too many steps. */
function toRange(given: { from?: string | undefined; to?: string | undefined }, step: StatStep) {
  const now = Date.now();
  const to = given.to === undefined ? now : Date.parse(given.to);
  const from = given.from === undefined ? to - DEFAULT_RANGE_MS : Date.parse(given.from);
  if (from >= to) throw refuse('from', `must be before to, ${new Date(to).toISOString()}`);
  if ((to - from) / STEP_MS[step] > MOST_STEPS) {
    throw refuse('step', `must be longer: the range has more than ${MOST_STEPS} steps of a ${step}`);
  }
  if (step === 'minute' && from < now - MINUTES_LAST_MS) {
    throw refuse('step', 'must be hour or day: minutes are kept for two days');
  }
  return { from: new Date(from), to: new Date(to) };
}

function refuse(path: string, message: string): LonghaulError {
  return new LonghaulError('invalid_request', { message: `${path} ${message}.`, errors: [{ path, message }] });
}
