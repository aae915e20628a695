import { expect, it } from 'vitest';
import { findContainment, PARENT_DEATH_SIGNAL } from '../agent/containment/containment.ts';
import { collectLog } from '../core/log.fixture.ts';
import { listUnprotected, logUnprotected } from './unprotected.ts';

const OPEN = { ...PARENT_DEATH_SIGNAL, exposesEnvironment: true };

it('a worker logs in one line, as a warning, what an agent can reach if nothing is hidden', () => {
  const { log, lines } = collectLog();
  logUnprotected(log, OPEN);
  expect(lines).toEqual([
    {
      level: 'warn',
      text: expect.stringContaining('the data directory with the admin key') as string,
      containment: 'parent_death_signal',
      unprotected: expect.arrayContaining([expect.stringContaining("the provider's key")]) as string[],
    },
  ]);
});

it.each([
  [{ kind: 'mount_namespace', exposesEnvironment: false }, false, []],
  [{ kind: 'mount_namespace', exposesEnvironment: false }, true, ['root']],
  [{ kind: 'pid_namespace', exposesEnvironment: false }, false, ['no mount namespace']],
  [{ kind: 'parent_death_signal', exposesEnvironment: true }, false, ['no mount namespace', "worker's environment"]],
  [{ kind: 'parent_death_signal', exposesEnvironment: false }, true, ['no mount namespace', 'root']],
  [{ kind: 'mark', exposesEnvironment: true }, false, ['no mount namespace', "worker's environment", 'mark']],
] as const)('of %o, as root: %s, it lists exactly what applies', (parts, isRoot, expected) => {
  const said = listUnprotected({ ...OPEN, ...parts }, { isRoot });
  expect(said).toEqual(expected.map((words) => expect.stringContaining(words) as string));
});

it('the containment that was found is as strong as it claims', async () => {
  const found = await findContainment();
  // In its own namespace a process sees no other.
  if (found.isNamespace) expect(found.exposesEnvironment).toBe(false);
});
