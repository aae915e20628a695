import { inTurn, type Rows, type Setup } from './setup.ts';
import type { Stack } from './peer.ts';
import { toPrompt } from './task.ts';

const SUBMITTERS = 50;
const BUDGET_USD = 1;
const CEILING_USD = 0.1;

/** Fifty submitters at once against a budget of a dollar a day, with runs that would each exceed their ceiling. */
export async function measureBudget(setup: Setup): Promise<Rows> {
  const { model } = setup;
  const options = { isWarm: false, runBudgetUsd: CEILING_USD, dayBudgetUsd: BUDGET_USD };
  return inTurn(setup, options, async (contender, stack) => {
    await stack.startWorker('budget');
    const name = `spend-${contender}`;
    const submitters = Array.from({ length: SUBMITTERS }, (_, index) => keepSubmitting(stack, name, `user-${index}`));
    await Promise.all(submitters);
    const spent = model.calls.filter(({ task }) => task.name === name).reduce((sum, { costUsd }) => sum + costUsd, 0);
    return { budgetSpentUsd: spent, budgetOverUsd: Math.max(0, spent - BUDGET_USD) };
  });
}

/** Submits one run after another until one is refused. */
async function keepSubmitting(stack: Stack, name: string, user: string): Promise<void> {
  for (;;) {
    const run = await stack.submit(toPrompt({ kind: 'spend', name }), user);
    if (run === null) return;
    await run.follow();
  }
}
