import { z } from '@hono/zod-openapi';
import { toViewer, type Caller } from '../../access/caller.ts';
import { toCsvLine } from '../../core/csv.ts';
import { listRuns } from '../../run/read/read-runs.ts';
import type { RunFilter } from '../../run/read/run-filter.ts';
import type { ApiDeps } from '../api-deps.ts';
import type { RunResource } from '../contract.ts';
import { runFilterQuery, toRunFilter } from '../run-filter-fields.ts';
import { route } from '../route.ts';
import { toRunResource } from '../to-resource.ts';
import { untilGone, type Presence } from '../until-gone.ts';
import { problems } from './answers.ts';

const PAGE = 200;

export const exportRuns = route(
  {
    method: 'get',
    path: '/v1/runs/export',
    operationId: 'exportRuns',
    tag: 'Runs',
    access: 'runs:read',
    summary: 'Export runs',
    description:
      'Exports all runs that `GET /v1/runs` lists with the same parameters, newest first, as a file: CSV with the fields that fit into cells, or one line of JSON for each run.',
    request: {
      query: z.strictObject({
        ...runFilterQuery,
        format: z
          .enum(['csv', 'jsonl'], 'must be "csv" or "jsonl"')
          .default('csv')
          .openapi({ default: 'csv', description: 'CSV, or lines of JSON.' }),
      }),
    },
    responses: {
      200: {
        description: 'The runs. If the export fails, the server closes the connection before the end of the response.',
        content: {
          'text/csv': { schema: z.string(), example: 'id,agent,status\r\n' },
          'application/jsonl': { schema: z.string(), example: '{"id":"01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f"}\n' },
        },
      },
      ...problems(400, 401, 403, 429),
    },
  },
  (context, deps) => {
    const { format, ...given } = context.req.valid('query');
    const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8';
    const headers = { 'content-type': type, 'content-disposition': `attachment; filename="runs.${format}"` };
    if (context.req.method === 'HEAD') return new Response(null, { headers });
    const caller = context.get('caller');
    const presence = untilGone(context, deps.streams.enter(caller));
    const filter = toRunFilter(given, deps.config);
    const pages = readPages(deps, { caller, filter, signal: presence.signal });
    return new Response(toBody(pages, { format, presence, log: deps.log }), { headers });
  },
);

type Format = 'csv' | 'jsonl';

interface BodyOptions {
  readonly format: Format;
  readonly presence: Presence;
  readonly log: ApiDeps['log'];
}

/** Streams pages of runs as a file: memory holds at most one page. */
function toBody(
  pages: AsyncGenerator<RunResource[] | null, void, void>,
  { format, presence, log }: BodyOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pages.next();
        if (!done) return controller.enqueue(encoder.encode(toText(value, format)));
        presence.end();
        return controller.close();
      } catch (error) {
        presence.end();
        log.warn({ err: error }, 'an export of runs failed');
        return controller.error(error);
      }
    },
    async cancel() {
      presence.end();
      await pages.return();
    },
  });
}

interface ReadOptions {
  readonly caller: Caller;
  readonly filter: RunFilter;
  readonly signal: AbortSignal;
}

/** Reads the runs page by page. The first value is null: it makes the CSV header, even when there are no runs. */
async function* readPages(
  { config, database }: ApiDeps,
  { caller, filter, signal }: ReadOptions,
): AsyncGenerator<RunResource[] | null, void, void> {
  const { basePath } = config.http;
  yield null;
  let before: string | undefined;
  for (let hasMore = true; hasMore;) {
    const page = await listRuns(database, { viewer: toViewer(caller), filter, before, limit: PAGE });
    if (signal.aborted) throw new Error('The key was revoked, or the client disconnected.');
    before = page.runs.at(-1)?.id;
    ({ hasMore } = page);
    if (page.runs.length > 0) yield page.runs.map((run) => toRunResource(run, { caller, basePath }));
  }
}

const COLUMNS: Readonly<Record<string, (run: RunResource) => string | number | boolean | null>> = {
  id: ({ id }) => id,
  agent: ({ agent }) => agent,
  status: ({ status }) => status,
  user: ({ user }) => user,
  team: ({ team }) => team,
  sessionId: ({ sessionId }) => sessionId,
  createdAt: ({ createdAt }) => createdAt,
  startedAt: ({ startedAt }) => startedAt,
  finishedAt: ({ finishedAt }) => finishedAt,
  durationMs: ({ durationMs }) => durationMs,
  attempt: ({ attempt }) => attempt,
  turns: ({ turns }) => turns,
  costUsd: ({ costUsd }) => costUsd,
  inputTokens: ({ usage }) => usage.inputTokens,
  outputTokens: ({ usage }) => usage.outputTokens,
  cacheReadTokens: ({ usage }) => usage.cacheReadTokens,
  cacheCreationTokens: ({ usage }) => usage.cacheCreationTokens,
  errorCode: ({ error }) => error?.code ?? null,
  errorMessage: ({ error }) => error?.message ?? null,
  retryOf: ({ retryOf }) => retryOf,
  scheduleId: ({ scheduleId }) => scheduleId,
  metadata: ({ metadata }) => JSON.stringify(metadata),
  prompt: ({ prompt }) => prompt,
  result: ({ result }) => result,
};

function toText(runs: RunResource[] | null, format: Format): string {
  if (format === 'jsonl') return (runs ?? []).map((run) => `${JSON.stringify(run)}\n`).join('');
  if (runs === null) return toCsvLine(Object.keys(COLUMNS));
  const columns = Object.values(COLUMNS);
  return runs.map((run) => toCsvLine(columns.map((value) => value(run)))).join('');
}
