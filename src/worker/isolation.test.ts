import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, type TestContext } from 'vitest';
import { canOtherUsersRead, ORDINARY_UID } from '../../test/support/other-users.ts';
import { createAttempt } from '../agent/attempt.fixture.ts';
import { findContainment } from '../agent/containment/containment.ts';
import { say, startScriptedModel, useTool } from '../testing/index.ts';

/** Tests from inside: the real executable, its real Bash, and a worker in a separate process. */

const { kind } = await findContainment();
const isRoot = process.getuid?.() === 0;

const users = [
  ...(isRoot ? [['root', null] as const] : []),
  ['an ordinary user', isRoot ? ORDINARY_UID : null] as const,
];

interface Machine {
  readonly skip: TestContext['skip'];
  readonly uid: number | null;
  /** True when the attempt has no namespace. */
  readonly isWeak?: boolean;
  readonly visiblePaths?: (root: string) => string[];
  /** The directory in which the worker runs, below its home. */
  readonly application?: string;
}

const SECRET = 'SECRET-OF-THE-WORKER';

/** Files that do not belong to the attempt. Each file contains its own secret. */
const SECRET_FILES = {
  'the admin key': 'home/app/.longhaul/admin-key',
  'the database': 'home/app/.longhaul/db/base',
  "another run's workspace": 'home/app/.longhaul/workspaces/tester/other/notes',
  'the configuration': 'home/app/longhaul.config.ts',
  'the variables beside it': 'home/app/.env',
  'other variables beside it': 'home/app/.env.production',
  'a secret that the configuration names': 'home/app/secrets/oidc',
  "another attempt's home": 'tmp/longhaul-worker-1/other/home/notes',
  "another worker's attempt": 'tmp/longhaul-worker-2/other/config/transcript',
  'a temporary file of somebody else': 'tmp/upload',
  'a secret that a variable names': 'etc/longhaul/provider-key',
  "a key in the worker's home": 'home/.ssh/id_ed25519',
  "another project in the worker's home": 'home/other-project/notes',
};

async function onMachine(machine: Machine, commands: (places: Record<string, string>) => readonly string[]) {
  const { skip, uid, isWeak = false, visiblePaths, application = 'app' } = machine;
  skip(uid !== null && !canOtherUsersRead, 'other users cannot read this checkout');
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-isolation-')));
  try {
    const home = path.join(root, 'home');
    const app = path.join(home, application);
    const temporary = path.join(root, 'tmp');
    const scratchRoot = path.join(temporary, 'longhaul-worker-1');
    const workspaceDir = path.join(home, 'app/.longhaul/workspaces/tester/mine');
    await mkdir(workspaceDir, { recursive: true });
    for (const [what, file] of Object.entries(SECRET_FILES)) {
      await mkdir(path.join(root, path.dirname(file)), { recursive: true });
      await writeFile(path.join(root, file), `${SECRET}: ${what}\n`);
    }
    await writeFile(path.join(home, 'app/package.json'), '{"name":"the-application"}');
    await writeFile(path.join(workspaceDir, 'given'), 'what the run works on\n');
    await using doors = await listenAtDoors(uid);
    const { runtimeDir } = doors;
    const asked = commands({ root, home, app, workspaceDir, scratchRoot, temporary, runtimeDir });
    // In files: Claude Code itself denies some commands that it can read.
    await Promise.all(asked.map((command, index) => writeFile(path.join(workspaceDir, `.ask-${index}`), command)));
    const uses = asked.map((_, index) => useTool('Bash', { command: `sh .ask-${index}`, description: 'look' }));
    const script = [...uses, say('done')];
    await using model = await startScriptedModel({ script });
    await using attempt = await createAttempt({
      url: model.url,
      agent: { tools: ['Bash'] },
      spec: { workspaceDir, scratchRoot },
    });
    const { onEvent: _, providerFailure: __, ...spec } = attempt.spec;
    const places = {
      config: {
        file: path.join(app, 'longhaul.config.ts'),
        dataDir: path.join(home, 'app/.longhaul'),
        secretPlaces: [
          path.join(root, SECRET_FILES['a secret that the configuration names']),
          path.join(root, SECRET_FILES['a secret that a variable names']),
        ],
        worker: { visiblePaths: visiblePaths?.(root) ?? [] },
      },
      homes: [home],
      temporary,
      runtimeDirs: [runtimeDir],
    };
    await giveAway(root, uid);
    const as = uid === null ? [] : ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--'];
    const fixture = path.join(import.meta.dirname, 'isolated-worker.fixture.ts');
    // `env` changes nothing without arguments: the first command is then the same for both.
    const args = [...as, process.execPath, '--conditions=longhaul-source', fixture];
    const { stdout } = await promisify(execFile)('env', args, {
      cwd: import.meta.dirname,
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        TMPDIR: temporary,
        PROVIDER_KEY: SECRET,
        TASK: JSON.stringify({ spec, places, isWeak }),
      },
    });
    const result = JSON.parse(stdout) as { kind: string; outcome: unknown; answers: string[] };
    expect(result.outcome).toMatchObject({ status: 'succeeded' });
    return { ...result, leftInTemporary: await readdir(temporary) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Sockets of engines, as they are in `/run`. A process that connects to a socket gets its secret. */
const DOORS = [
  'docker.sock',
  'containerd/containerd.sock',
  'podman/podman.sock',
  'k3s/containerd/containerd.sock',
  'buildkit/buildkitd.sock',
  'libvirt/libvirt-sock',
  'supervisor.sock',
];
const DOOR_SECRET = `${SECRET} behind a door`;

/** Listens in a directory that is not hidden for another reason, as those in the system's temporary directory are. */
async function listenAtDoors(uid: number | null): Promise<AsyncDisposable & { readonly runtimeDir: string }> {
  const runtimeDir = await mkdtemp('/var/tmp/longhaul-run-');
  const servers = await Promise.all(
    DOORS.map(async (door) => {
      const socket = path.join(runtimeDir, door);
      await mkdir(path.dirname(socket), { recursive: true });
      const server = createServer((connection) => connection.end(`${DOOR_SECRET}: ${door}\n`));
      server.listen(socket);
      await once(server, 'listening');
      return server;
    }),
  );
  await giveAway(runtimeDir, uid);
  return {
    runtimeDir,
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close();
      await rm(runtimeDir, { recursive: true, force: true });
    },
  };
}

/** Connects to each socket. Perl and Python may be missing; Node is there, because the worker runs on it. */
const knock = ({ runtimeDir = '' }) =>
  DOORS.map((door) => {
    const program = `require("net").connect(${JSON.stringify(path.join(runtimeDir, door))}).on("error", (error) => console.log(error.code)).pipe(process.stdout)`;
    return `'${process.execPath}' -e '${program}'`;
  }).join('; ');

async function giveAway(directory: string, uid: number | null): Promise<void> {
  if (uid === null) return;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await chown(path.join(entry.parentPath, entry.name), uid, uid);
  }
  await chown(directory, uid, uid);
}

const readAll = ({ root = '' }) =>
  [
    ...Object.values(SECRET_FILES).map((file) => `cat '${path.join(root, file)}'`),
    // Without errors: a line for each process of the machine would push the answer out of the event.
    'cat /proc/[0-9]*/environ 2> /dev/null | tr "\\0" "\\n" | grep PROVIDER_KEY',
  ].join('; ');

/** Searches for the secrets through other paths. */
const lookAround = () =>
  `grep -rhs --exclude='.ask-*' ${SECRET} .. ../../../.. /proc/driver /proc/[0-9]*/cwd/../.. /proc/[0-9]*/root/proc/driver; echo looked around`;

/** Harmless where it works: a mount is undone in the attempt's own namespace, a setting is written unchanged. */
const undo = ({ home = '', app = '', temporary = '' }) =>
  [
    ...[temporary, home, `${app}/.longhaul`, `${app}/.env`, '/proc/driver'].flatMap((place) => [
      `umount '${place}'`,
      `umount -l '${place}'`,
      `unshare --user --map-root-user --mount umount -l '${place}'`,
      `unshare --user --mount umount -l '${place}'`,
    ]),
    'nsenter -t 1 -m true && echo UNDONE nsenter',
    'mount -t tmpfs none /mnt && echo UNDONE mount',
    'for block in $(find /dev -type b); do head -c 1 $block > /dev/null && echo UNDONE $block; done',
    'for setting in /proc/sys/kernel/core_pattern /proc/sys/kernel/panic /sys/kernel/uevent_helper; do [ -e $setting ] && value=$(cat $setting) && echo "$value" > $setting && echo UNDONE $setting; done',
    'find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs -exec sh -c "echo 0 > {} && echo UNDONE {}" ";"',
    'grep -E "^Cap(Eff|Prm|Inh|Amb)" /proc/self/status | grep -v "0000000000000000$" && echo UNDONE capabilities',
    'grep NoNewPrivs /proc/self/status',
  ]
    .map((command) => `(${command}) 2> /dev/null`)
    .join('; ');

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
