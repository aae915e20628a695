import type { Context } from 'hono';
import { toBounds } from '../agents/bounds.ts';
import type { ManagedApi, ManagedDeps, ManagedEnv } from '../deps.ts';
import { invalid, notFound } from '../error.ts';
import { readAll, readLimit } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import { findModel, listModels, toWireModel, type Model } from './models.ts';

const LIMIT = { usual: 20, most: 1_000 };

const LIFECYCLES = ['active', 'deprecated', 'retired'];

/** Adds the routes of the models that an agent may name. */
export function addModelRoutes(api: ManagedApi, { config }: ManagedDeps): void {
  const mayRead = requireScope('runs:read');

  api.get('/v1/models', mayRead, (context) => {
    const { models, hasMore } = cutPage(context, listModels(toBounds(config)).filter(readFilter(context)));
    return context.json({
      data: models.map(toWireModel),
      has_more: hasMore,
      first_id: models[0]?.id ?? null,
      last_id: models.at(-1)?.id ?? null,
    });
  });
  // The names of clouds may contain a slash.
  api.get('/v1/models/:id{.+}', mayRead, (context) => {
    const id = context.req.param('id');
    const model = findModel(toBounds(config), id);
    if (model === null) throw notFound('model', id);
    return context.json(toWireModel(model));
  });
}

function readFilter(context: Context<ManagedEnv>): (model: Model) => boolean {
  const wanted = readAll(context, 'lifecycle');
  if (wanted.some((one) => !LIFECYCLES.includes(one))) throw invalid(`lifecycle: must be of ${LIFECYCLES.join(', ')}`);
  return ({ isDeprecated }) => wanted.length === 0 || wanted.includes(isDeprecated ? 'deprecated' : 'active');
}

/** Cuts the page behind `after_id`, or before `before_id`: there are more in the direction of the page. */
function cutPage(context: Context<ManagedEnv>, models: readonly Model[]): { models: Model[]; hasMore: boolean } {
  const limit = readLimit(context, LIMIT);
  const after = readPlace(context, 'after_id', models);
  const before = readPlace(context, 'before_id', models);
  if (after !== null && before !== null) throw invalid('before_id: must be left out beside after_id');
  if (before !== null) {
    const start = Math.max(0, before - limit);
    return { models: models.slice(start, before), hasMore: start > 0 };
  }
  const start = after === null ? 0 : after + 1;
  return { models: models.slice(start, start + limit), hasMore: models.length > start + limit };
}

function readPlace(context: Context<ManagedEnv>, name: string, models: readonly Model[]): number | null {
  const id = context.req.query(name) ?? '';
  if (id === '') return null;
  const place = models.findIndex((model) => model.id === id);
  if (place === -1) throw invalid(`${name}: ${JSON.stringify(id)} is not in this list`);
  return place;
}
