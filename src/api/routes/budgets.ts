import { createRoute, z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import { toMicros, toUsd } from '../../core/money.ts';
import { changeBudget, readBudgets, type BudgetState } from '../../run/budgets.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { budgetChangeSchema, budgetSchema, type BudgetResource } from '../contract.ts';
import { text, wholeNumber } from '../input-fields.ts';
import { fieldError } from '../problem.ts';
import { json, problems } from './answers.ts';

const scopeField = z.enum(['user', 'team', 'global'], 'must be "user", "team" or "global"');
const list = (description: string) => json(z.object({ data: z.array(budgetSchema) }), description);

/** What may be spent, what was, and changing it. */
export function addBudgetRoutes(api: Api, { config, database, queue }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/budgets',
      summary: 'List the budgets of today and of this month, the fullest first',
      description: 'For operators. Who is bound to a user or a team sees that one’s own.',
      request: {
        query: z.strictObject({
          scope: scopeField.optional(),
          key: text().optional().openapi({ description: 'The user or team.' }),
          limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
        }),
      },
      responses: { 200: list('Budgets in which money was spent or set aside.'), ...problems(400, 401, 403) },
    }),
    async (context) => {
      const budgets = await readBudgets(database, {
        viewer: toViewer(context.get('caller')),
        rules: config,
        ...context.req.valid('query'),
      });
      return context.json({ data: budgets.map(toResource) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'put',
      path: '/v1/budgets',
      summary: 'Change a budget, over the configuration',
      description: 'At once and on every server. Runs that have waited for it are put in line.',
      request: { body: { required: true, content: { 'application/json': { schema: budgetChangeSchema } } } },
      responses: { 200: list('The budget as it stands.'), ...problems(400, 401, 403, 413, 415) },
    }),
    async (context) => {
      const { scope, key, usdPerDay, usdPerMonth } = context.req.valid('json');
      if ((scope === 'global') !== (key === undefined)) {
        throw fieldError('key', scope === 'global' ? 'must be left out for "global"' : `must name the ${scope}`);
      }
      const change = {
        dayMicros: toLimit('usdPerDay', usdPerDay),
        monthMicros: toLimit('usdPerMonth', usdPerMonth),
      };
      const actor = keyActor(context.get('caller'));
      const data = { scope, key: key ?? null, usdPerDay, usdPerMonth };
      await changeBudget(
        { database, queue, rules: config },
        {
          scope,
          key: key ?? '',
          ...change,
          alongside: (trx) =>
            recordAudit(trx, { actor, action: 'budget.changed', subject: `${scope}:${key ?? ''}`, data }),
        },
      );
      const budgets = await readBudgets(database, { viewer: SEES_ALL, rules: config, scope, key: key ?? '', limit: 2 });
      return context.json({ data: budgets.map(toResource) }, 200);
    },
  );
}

function toLimit(path: string, usd: number | null | undefined): number | null | undefined {
  if (typeof usd !== 'number') return usd;
  const micros = toMicros(usd);
  if (micros === 0 && usd > 0) throw fieldError(path, 'must be 0, or at least 0.000001');
  return micros;
}

function toResource({ key, capMicros, spentMicros, reservedMicros, resetsAt, ...budget }: BudgetState): BudgetResource {
  return {
    ...budget,
    key: key === '' ? null : key,
    limitUsd: capMicros === null ? null : toUsd(capMicros),
    spentUsd: toUsd(spentMicros),
    reservedUsd: toUsd(reservedMicros),
    resetsAt: resetsAt.toISOString(),
  };
}
