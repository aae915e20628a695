import { z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import { toMicros, toUsd } from '../../core/money.ts';
import { parseUserKey, toUserKey } from '../../core/user-key.ts';
import { readBudgets, type BudgetState } from '../../run/money/read-budgets.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import { changeBudget as change } from '../../run/waiting/change-budget.ts';
import { budgetChangeSchema, budgetSchema, type BudgetResource } from '../contract.ts';
import { text } from '../input-fields.ts';
import { fieldError } from '../problem.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { limit } from './pages.ts';
import { jsonBody } from './requests.ts';

const scopeField = z.enum(['user', 'team', 'global'], 'must be "user", "team" or "global"');
const list = (description: string) => json(z.object({ data: z.array(budgetSchema) }), description);

export const listBudgets = route(
  {
    method: 'get',
    path: '/v1/budgets',
    operationId: 'listBudgets',
    tag: 'Money',
    access: 'own',
    summary: 'List the budgets of today and this month, fullest first',
    description: 'For operators. A caller bound to a user or a team sees only the budgets of that user or team.',
    request: {
      query: z.strictObject({
        scope: scopeField.optional(),
        key: text().optional().openapi({ description: 'The user or team.' }),
        team: text().optional().openapi({
          description:
            'With the `key` of a user: the team that owns the user. Defaults to none: the user belongs to the application.',
        }),
        limit,
      }),
    },
    responses: { 200: list('Budgets in which money was spent or reserved.'), ...problems(400, 401, 403) },
  },
  async (context, { config, database }) => {
    const { scope, key, team, limit } = context.req.valid('query');
    if (team !== undefined && key === undefined) throw fieldError('team', 'must be sent with key, a user of the team');
    const budgets = await readBudgets(database, {
      viewer: toViewer(context.get('caller')),
      rules: config,
      // With a team, the key is a user; without, it may be a user or a team.
      scope: team === undefined ? scope : 'user',
      ...(key !== undefined && { key, userKey: toKey(key, team) }),
      limit,
    });
    return context.json({ data: budgets.map(toResource) }, 200);
  },
);

export const changeBudget = route(
  {
    method: 'put',
    path: '/v1/budgets',
    operationId: 'changeBudget',
    tag: 'Money',
    access: 'admin',
    summary: 'Change a budget',
    description:
      'Overrides the configuration, at once and on every server. Runs that waited for the budget are queued.',
    request: { body: jsonBody(budgetChangeSchema) },
    responses: { 200: list('The changed budget.'), ...problems(400, 401, 403, 413, 415) },
  },
  async (context, { config, database, queue }) => {
    const { scope, key, team, usdPerDay, usdPerMonth } = context.req.valid('json');
    if ((scope === 'global') !== (key === undefined)) {
      throw fieldError('key', scope === 'global' ? 'must be left out for "global"' : `must name the ${scope}`);
    }
    if (team !== undefined && scope !== 'user') throw fieldError('team', `must be left out for "${scope}"`);
    const accountKey = scope === 'user' && key !== undefined ? toKey(key, team) : (key ?? '');
    const actor = keyActor(context.get('caller'));
    const data = { scope, key: key ?? null, ...(team !== undefined && { team }), usdPerDay, usdPerMonth };
    await change(
      { database, queue, rules: config },
      {
        scope,
        key: accountKey,
        dayMicros: toLimit('usdPerDay', usdPerDay),
        monthMicros: toLimit('usdPerMonth', usdPerMonth),
        alongside: (trx) =>
          recordAudit(trx, { actor, action: 'budget.changed', subject: `${scope}:${accountKey}`, data }),
      },
    );
    const budgets = await readBudgets(database, { viewer: SEES_ALL, rules: config, scope, key: accountKey, limit: 2 });
    return context.json({ data: budgets.map(toResource) }, 200);
  },
);

function toLimit(path: string, usd: number | null | undefined): number | null | undefined {
  if (typeof usd !== 'number') return usd;
  const micros = toMicros(usd);
  if (micros === 0 && usd > 0) throw fieldError(path, 'must be 0, or at least 0.000001');
  return micros;
}

function toKey(user: string, tenant: string | undefined): string {
  return toUserKey({ user, tenant: tenant ?? null });
}

function toResource({ key, capMicros, spentMicros, reservedMicros, resetsAt, ...budget }: BudgetState): BudgetResource {
  const { user, tenant } = budget.scope === 'user' ? parseUserKey(key) : { user: key, tenant: null };
  return {
    ...budget,
    key: user === '' ? null : user,
    team: tenant,
    limitUsd: capMicros === null ? null : toUsd(capMicros),
    spentUsd: toUsd(spentMicros),
    reservedUsd: toUsd(reservedMicros),
    resetsAt: resetsAt.toISOString(),
  };
}
