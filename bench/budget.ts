import { LonghaulApiError } from '../src/client/errors.ts';
import { say, startScriptedModel, turn } from '../src/testing/index.ts';
import type { Bench } from './bench.ts';
import { queryPostgres } from './postgres-server.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';

const SUBMITTERS = 50;
const BUDGET_USD = 1;
/** The ceiling of a run, and the larger cost of its answer, at 15 dollars a million tokens. */
const CEILING_USD = 0.1;
const WANTED_TOKENS = 12_000;
const INPUT_TOKENS = 100;
const GIVE_UP_AFTER_MS = 60_000;

/** Fifty submitters at once against a budget of a dollar, with runs that would each exceed their ceiling. */
export async function measureBudget(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({
    // As a provider does: no more tokens than requested.
    script: ({ body }) =>
      turn(say('Spent.'), {
        usage: { inputTokens: INPUT_TOKENS, outputTokens: Math.min(WANTED_TOKENS, Number(body['max_tokens'])) },
      }),
    keepRequests: 0,
  });
  bench.onEnd(() => model.close());
  const variables = await bench.createDatabase('postgres');
  const { client } = await startLonghaul({
    bench,
    agent: { limits: { maxBudgetUsd: CEILING_USD } },
    limits: { perUser: { runsPerMinute: false }, global: { usdPerDay: BUDGET_USD } },
    variables: { ...variables, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'dummy' },
  });
  let accepted = 0;
  let refused = 0;
  let unfinished = 0;
  let isSpent = false;
  const endAt = performance.now() + GIVE_UP_AFTER_MS;

  /** Submits until no run in progress could leave money for another. */
  async function keepSubmitting(user: string): Promise<void> {
    while (!isSpent && performance.now() < endAt) {
      try {
        const { id } = await client.submit({ agent: AGENT, prompt: 'Spend.', user });
        accepted += 1;
        unfinished += 1;
        await client.getRun(id, { waitSeconds: 60 });
        unfinished -= 1;
      } catch (error) {
        if (!(error instanceof LonghaulApiError) || error.code !== 'global_budget') throw error;
        refused += 1;
        if (unfinished === 0) isSpent = true;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
  await Promise.all(Array.from({ length: SUBMITTERS }, (_, index) => keepSubmitting(`user-${index}`)));
  const [row] = await queryPostgres(
    variables['LONGHAUL_DATABASE_URL'] ?? '',
    `select sum(cost_micros)::float / 1e6 as spent from longhaul.ledger_entries`,
  );
  const spentUsd = Number(row?.['spent']);
  return judge(
    'budget',
    {
      submitters: SUBMITTERS,
      budgetUsd: BUDGET_USD,
      accepted,
      refused,
      spentUsd,
      overUsd: Math.max(0, spentUsd - BUDGET_USD),
    },
    [{ figure: 'overUsd', atMost: 0 }],
  );
}
