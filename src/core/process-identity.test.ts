import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { findPresence, ownIdentity, readStartTime } from './process-identity.ts';

it('a process is alive under its own name, and gone under the name of an ended process', async () => {
  expect(findPresence(ownIdentity())).toBe('alive');
  const child = spawn('sleep', ['625']);
  const identity = ownIdentity().replace(/^\d+:[^@]+/, `${child.pid}:${readStartTime(child.pid!)}`);
  expect(findPresence(identity)).toBe('alive');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  expect(findPresence(identity)).toBe('gone');
});

it.each([
  ['of another place', '1:1@another-machine'],
  ['without a place, as another version may write it', `${process.pid}:1`],
  ['that is a bare process id', '999999999'],
  ['that is no name at all', 'garbage'],
  ['that was not written yet', ''],
])('a process with a name %s is never judged by its id', (_, identity) => {
  expect(findPresence(identity)).toBe('elsewhere');
});
