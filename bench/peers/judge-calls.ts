import type { ModelCall } from './model.ts';

export interface CallsJudgment {
  /** Runs whose last turn the model has answered more than once. */
  readonly runsDoneTwice: number;
  /** Tokens of calls whose turn of the same run the model had answered before. */
  readonly tokensPaidTwice: number;
}

/** Finds the work that was paid for more than once. A run has `turns` turns. */
export function judgeCalls(calls: readonly ModelCall[], turns: number): CallsJudgment {
  const counts = new Map<string, number>();
  let tokensPaidTwice = 0;
  for (const { task, turn, tokens } of calls) {
    const key = `${task.name} ${turn}`;
    const count = counts.get(key) ?? 0;
    if (count > 0) tokensPaidTwice += tokens;
    counts.set(key, count + 1);
  }
  const names = new Set(calls.map(({ task }) => task.name));
  const doneTwice = [...names].filter((name) => (counts.get(`${name} ${turns - 1}`) ?? 0) > 1);
  return { runsDoneTwice: doneTwice.length, tokensPaidTwice };
}
