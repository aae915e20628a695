import { LonghaulBudgetError } from '../../client/errors.ts';
import { CEILING_USD } from '../drill-config.ts';
import { STEADY } from '../drill-fleet.ts';
import { QUICK } from '../drill-script.ts';
import { failed, passed, type Drill } from '../drill.ts';

/** Less than any call of a model may cost. */
const TINY_USD = 0.000_001;

export const ceiling: Drill = {
  id: 'ceiling',
  title: 'A run stops at its cost ceiling',
  async perform(fleet, signal) {
    await fleet.startSteadyWorker();
    const { id } = await fleet.submit(STEADY, {
      prompt: QUICK,
      user: 'longhaul-drill-ceiling',
      maxBudgetUsd: TINY_USD,
    });
    const { status, error, costUsd } = await fleet.client.wait(id, { signal });
    if (error?.code !== 'max_budget')
      return failed(`a run with a ceiling of $${TINY_USD} ${status} (${error?.code ?? 'no error'})`);
    return passed(`a run with a ceiling of $${TINY_USD} ended with max_budget and cost $${costUsd}`);
  },
};

export const budget: Drill = {
  id: 'budget',
  title: 'A submission stops at the budget of its user',
  async perform({ client, submit }) {
    const user = 'longhaul-drill-budget';
    const change = { scope: 'user', key: user } as const;
    const usd = CEILING_USD / 5;
    await client.changeBudget({ ...change, usdPerDay: usd });
    try {
      const { id, status } = await submit(STEADY, { prompt: QUICK, user });
      // With `whenReached: "wait"` it is accepted, and waits.
      await client.cancel(id);
      if (status !== 'waiting') return failed(`a run of up to $${CEILING_USD} was ${status} under a budget of $${usd}`);
      return passed(
        `a run of up to $${CEILING_USD} waits under a budget of $${usd}, as limits.perUser.whenReached says`,
      );
    } catch (error) {
      if (!(error instanceof LonghaulBudgetError)) throw error;
      return passed(`a run of up to $${CEILING_USD} was refused with ${error.code} under a budget of $${usd}`);
    } finally {
      await client.changeBudget({ ...change, usdPerDay: null });
    }
  },
};
