import { expect, it } from 'vitest';
import { toHelperArgs } from './network.ts';

it.each([
  ['no capability for ports that every user may listen on', [3_128, 1_024], false],
  ['the capability for a port that needs it', [3_128, 80], true],
])('asks for %s', (_, ports, isAdded) => {
  for (const isUserNamespace of [true, false]) {
    const args = toHelperArgs(ports, { isUserNamespace });
    expect(args.includes('--cap-add')).toBe(isAdded);
    expect(args.includes('--unshare-user')).toBe(isUserNamespace);
  }
});
