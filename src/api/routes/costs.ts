import { z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { LonghaulError } from '../../core/errors.ts';
import { findUnstorable } from '../../core/text.ts';
import { COST_GROUPINGS, type CostGrouping } from '../../run/costs/add-up-costs.ts';
import { readForecast } from '../../run/costs/cost-forecast.ts';
import { toCostRange } from '../../run/costs/cost-range.ts';
import { readCosts, type CostCursor } from '../../run/costs/costs.ts';
import { describe } from '../check-submission.ts';
import { costsSchema } from '../contract.ts';
import { time } from '../input-fields.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { limit } from './pages.ts';

const DAY = /^\d{4}-\d\d-\d\d$/;
const CURSOR_RULE = 'must be the nextCursor of an earlier page with the same groupBy';

export const getCosts = route(
  {
    method: 'get',
    path: '/v1/costs',
    operationId: 'getCosts',
    tag: 'Money',
    access: 'own',
    summary: 'Read costs and their forecast',
    description:
      'For operators. A caller bound to a user or a team sees only the costs of that user or team. Days and months are sorted newest first, other groups most expensive first. An attempt counts when it ends, in the configured time zone; failed and cancelled attempts are included. While runs end, rows of an unfinished period may move between two pages.',
    request: {
      query: z.strictObject({
        groupBy: z
          .enum(COST_GROUPINGS, `must be one of ${COST_GROUPINGS.join(', ')}`)
          .default('day')
          .openapi({ default: 'day' }),
        from: costInstant().openapi({
          description:
            'Inclusive: an ISO 8601 time, or a day of the time zone, such as 2026-01-31, from its beginning. Defaults to the beginning of the month that `to` ends, which is by default the current month.',
        }),
        to: costInstant().openapi({
          description:
            'Exclusive: an ISO 8601 time, or a day of the time zone, up to its beginning. Defaults to the end of the current month.',
        }),
        cursor: z.string(CURSOR_RULE).optional(),
        limit,
      }),
    },
    responses: {
      200: json(costsSchema, 'A page of rows, with the totals of all pages.'),
      ...problems(400, 401, 403),
    },
  },
  async (context, { config, database }) => {
    const { timeZone } = config;
    const viewer = toViewer(context.get('caller'));
    const { groupBy, from, to, cursor, limit } = context.req.valid('query');
    const after = cursor === undefined ? undefined : parseCursor(cursor, groupBy);
    const [range, forecast] = await Promise.all([
      toCostRange(database, { from: toCostInstant(from), to: toCostInstant(to), timeZone }),
      readForecast(database, { viewer, timeZone }),
    ]);
    const [fromText, toText] = [range.from.toISOString(), range.to.toISOString()];
    if (range.from >= range.to) {
      throw refuse('to', `must be after from, ${fromText}; received ${toText}`);
    }
    const { rows, next, totals } = await readCosts(database, { viewer, groupBy, range, limit, after });
    return context.json(
      {
        data: rows,
        nextCursor: next && toCursor(next, groupBy),
        totals,
        forecast,
        from: fromText,
        to: toText,
        timeZone,
      },
      200,
    );
  },
);

/**
 * Accepts a time, or a day that exists. Rejects 9999, the last year with four digits, because the next year begins in
 * it.
 */
function costInstant() {
  const rule = 'must be an ISO 8601 time, such as 2026-01-31T09:00:00Z, or a day, such as 2026-01-31';
  const isAllowed = (value: string) => (DAY.test(value) ? isDay(value) : time().safeParse(value).success);
  return z
    .string(rule)
    .refine((value) => isAllowed(value) && !value.startsWith('9999'), `${rule}, in the years 1970 to 9998`)
    .optional();
}

function isDay(value: string): boolean {
  const at = new Date(`${value}T00:00:00Z`);
  // JavaScript reads the 31st of a shorter month as a day of the next month.
  return at.getTime() >= 0 && at.toISOString().startsWith(value);
}

function toCostInstant(value: string | undefined): Date | string | undefined {
  return value === undefined || DAY.test(value) ? value : new Date(value);
}

function toCursor({ key, costMicros }: CostCursor, groupBy: CostGrouping): string {
  return Buffer.from(JSON.stringify([groupBy, key, costMicros])).toString('base64url');
}

const cursorSchema = z.tuple([z.enum(COST_GROUPINGS), z.string(), z.int()]);

function parseCursor(cursor: string, groupBy: CostGrouping): CostCursor {
  try {
    const [grouping, key, costMicros] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (grouping === groupBy && findUnstorable(key) === null) return { key, costMicros };
  } catch {
    // Rejected below, like a cursor of another grouping.
  }
  throw refuse('cursor', CURSOR_RULE);
}

function refuse(path: string, message: string): LonghaulError {
  const errors = [{ path, message }];
  return new LonghaulError('invalid_request', { message: describe(errors), errors });
}
