import { expect, it } from 'vitest';
import { createInOrder } from './in-order.ts';

it('does work with the same key in order, also when one piece fails, and other work at once', async () => {
  const inOrder = createInOrder();
  const said: string[] = [];
  const [first, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const works = [
    inOrder('a', async () => {
      said.push('a1 begins');
      await first.promise;
      said.push('a1 fails');
      throw new Error('a1');
    }),
    inOrder('a', async () => void said.push('a2')),
    inOrder('b', async () => void said.push('b')),
    inOrder(null, async () => {
      await other.promise;
      said.push('none');
    }),
    inOrder(null, async () => void said.push('none either')),
  ];
  await Promise.all([works[2], works[4]]);
  first.resolve();
  await expect(works[0]).rejects.toThrow('a1');
  await works[1];
  other.resolve();
  await works[3];
  expect(said).toEqual(['a1 begins', 'b', 'none either', 'a1 fails', 'a2', 'none']);
  expect(await inOrder('a', async () => 'again')).toBe('again');
});
