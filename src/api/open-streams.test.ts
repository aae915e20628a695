import { expect, it } from 'vitest';
import type { Caller } from '../access/caller.ts';
import { createOpenStreams, MOST_STREAMS_OF_USER } from './open-streams.ts';

const token = (user: string): Caller => ({ kind: 'token', keyId: 'k', scopes: ['runs:read'], user, team: null });

it('limits the open streams of each user, but not those of an application', () => {
  const streams = createOpenStreams();
  const leaves = Array.from({ length: MOST_STREAMS_OF_USER }, () => streams.enter(token('ann')));
  expect(() => streams.enter(token('ann'))).toThrow(/50 streams open/);
  streams.enter(token('bob'));
  for (let count = 0; count < 100; count++) streams.enter({ ...token('ann'), kind: 'key' });
  leaves[0]!();
  streams.enter(token('ann'));
  expect(() => streams.enter(token('ann'))).toThrow(/50 streams open/);
});
