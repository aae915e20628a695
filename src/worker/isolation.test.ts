import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findContainment } from '../agent/containment/containment.ts';
import {
  DOOR_SECRET,
  DOORS,
  isRoot,
  knock,
  lookAround,
  onMachine,
  readAll,
  SECRET,
  SECRET_FILES,
  undo,
  users,
} from './isolated-machine.fixture.ts';

/** Tests from inside of what every attempt has, without a sandbox. */

const { kind } = await findContainment();

describe.runIf(kind === 'mount_namespace')('the files outside an attempt', () => {
  it.for(users)('cannot be read by the Bash of a worker that is %s', async ([, uid], { skip }) => {
    const { kind: found, answers } = await onMachine({ skip, uid }, (places) => [readAll(places), lookAround()]);
    expect(found).toBe('mount_namespace');
    expect(answers.join('\n')).not.toContain(SECRET);
    expect(answers[1]).toContain('looked around');
  });

  it.for(users)(
    'can all be read by the Bash of %s if nothing is hidden, so the test is meaningful',
    async ([, uid], { skip }) => {
      const { answers } = await onMachine({ skip, uid, isWeak: true }, (places) => [readAll(places)]);
      for (const what of Object.keys(SECRET_FILES)) expect(answers[0]).toContain(`${SECRET}: ${what}`);
      // Root without capabilities may not look into a process that has some.
      expect(answers[0]?.includes(`PROVIDER_KEY=${SECRET}`)).toBe(uid !== null || !isRoot);
    },
  );

  it.for(users)(
    'include the sockets of engines and services, to which the Bash of %s cannot connect',
    async ([, uid], { skip }) => {
      const { answers } = await onMachine({ skip, uid }, (places) => [knock(places)]);
      expect(answers[0]?.trim().split('\n')).toEqual(DOORS.map(() => expect.stringMatching(/^E[A-Z]+$/) as string));
    },
  );

  it.for(users)(
    'include sockets to which the Bash of %s can connect if nothing is hidden',
    async ([, uid], { skip }) => {
      const { answers } = await onMachine({ skip, uid, isWeak: true }, (places) => [knock(places)]);
      expect(answers[0]?.trim().split('\n')).toEqual(DOORS.map((door) => `${DOOR_SECRET}: ${door}`));
    },
  );

  it.for(users)('cannot be revealed from inside by %s', async ([, uid], { skip }) => {
    const { answers } = await onMachine({ skip, uid }, (places) => [
      undo(places),
      `${readAll(places)}; ${lookAround()}`,
    ]);
    expect(answers[0]).toContain('NoNewPrivs:\t1');
    expect(answers[0]).not.toContain('UNDONE');
    expect(answers.join('\n')).not.toContain(SECRET);
  });

  it.for(users)('are hidden, and everything else works as usual, for %s', async ([, uid], { skip }) => {
    const { answers, leftInTemporary } = await onMachine({ skip, uid }, ({ app = '', temporary = '' }) => [
      `pwd; cat given; echo new > made; ls; cat '${app}/package.json'`,
      `echo mine > '${temporary}/mine' && ls '${temporary}'; echo x > $TMPDIR/y && cat $TMPDIR/y`,
      'echo hello > /dev/null; head -c 4 /dev/urandom | wc -c; script -qec "echo on a terminal" /dev/null; git init -q . && git status --short | wc -l',
      'sleep 0.1 & wait; id -u; claude=$(cat /proc/1/comm); echo "first: $claude"; ls -d /proc/[0-9]* | wc -l',
    ]);
    expect(answers[0]).toMatch(
      /workspaces\/tester\/mine\nwhat the run works on\ngiven\nmade\n\{"name":"the-application"\}/,
    );
    // Its own directories are in there, and its executable may be.
    expect(answers[1]).toMatch(/^(.*\n)*mine\n(.*\n)*x$/);
    expect(answers[2]).toMatch(/^4\n(on a terminal\r?\n)\d/);
    expect(answers[3]).toContain(`${uid ?? process.getuid?.()}\nfirst: claude`);
    expect(leftInTemporary.sort()).toEqual(['longhaul-worker-1', 'longhaul-worker-2', 'upload']);
  });

  it.for(users)(
    'stay hidden if the home of %s is the application’s directory, except for that directory',
    async ([, uid], { skip }) => {
      const { answers } = await onMachine({ skip, uid, application: '.' }, (places) => [
        `${readAll(places)}; cat '${places['home']}/app/package.json'`,
      ]);
      expect(answers[0]).toContain('the-application');
      // Only the application's neighbouring files are visible.
      const seen = answers[0]?.match(new RegExp(`${SECRET}: .*`, 'g'));
      expect(seen?.sort()).toEqual(
        [
          'the configuration',
          'the variables beside it',
          'other variables beside it',
          "another project in the worker's home",
        ]
          .map((what) => `${SECRET}: ${what}`)
          .sort(),
      );
    },
  );

  it.for(users)('are visible to %s if the configuration says so', async ([, uid], { skip }) => {
    const visiblePaths = (root: string) => [path.join(root, 'home/other-project'), path.join(root, 'home/not-there')];
    const { answers } = await onMachine({ skip, uid, visiblePaths }, (places) => [readAll(places)]);
    expect(answers[0]?.match(new RegExp(SECRET, 'g'))).toHaveLength(1);
    expect(answers[0]).toContain("another project in the worker's home");
  });
});
