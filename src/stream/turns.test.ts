import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('limits how many callers run at once, in the order of their calls', async () => {
  const turns = createTurns(2);
  const entered: number[] = [];
  const enter = async (index: number) => {
    const turn = await turns.enter();
    entered.push(index);
    return turn;
  };
  const [first, second] = [await enter(0), await enter(1)];
  const rest = [enter(2), enter(3)];
  await Promise.resolve();
  expect(entered).toEqual([0, 1]);
  second();
  const third = await rest[0]!;
  expect(entered).toEqual([0, 1, 2]);
  first();
  third();
  (await rest[1]!)();
  expect(entered).toEqual([0, 1, 2, 3]);
});
