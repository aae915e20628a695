import { expect, it } from 'vitest';
import { parseUserKey, toUserKey } from './user-key.ts';

const owners = [
  { user: 'ann', tenant: null },
  { user: '[5]northann', tenant: null },
  { user: '[]ann', tenant: null },
  { user: '[', tenant: null },
  { user: 'ann', tenant: 'north' },
  { user: 'hann', tenant: 'nort' },
  { user: '5]x', tenant: '[' },
  { user: '3', tenant: '🧭🧭' },
  { user: '🧭3', tenant: '🧭' },
];

it.each(owners)('a key distinguishes a user from every other, and contains the user: %o', (owner) => {
  const key = toUserKey(owner);
  expect(parseUserKey(key)).toEqual(owner);
  for (const other of owners) if (other !== owner) expect(toUserKey(other)).not.toBe(key);
});

it('an application’s user has its name as its key', () => {
  expect(toUserKey({ user: 'ann', tenant: null })).toBe('ann');
  expect(toUserKey({ user: null, tenant: 'north' })).toBeNull();
});
