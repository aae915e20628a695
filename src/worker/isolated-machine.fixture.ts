import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { canOtherUsersRead, ORDINARY_UID } from '../../test/support/other-users.ts';
import { createAttempt } from '../agent/attempt.fixture.ts';
import type { Sandbox } from '../config/config.ts';
import type { EventData } from '../core/events.ts';
import { say, startScriptedModel, useTool } from '../testing/index.ts';

/** A machine with secrets, on which one attempt runs: the real executable, its real Bash, a separate worker. */

export const isRoot = process.getuid?.() === 0;

export const users = [
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
  /** The sandbox of the attempt. Defaults to none. */
  readonly sandbox?: Partial<Sandbox>;
  /** Time limit of the attempt. Defaults to 60. */
  readonly timeoutSeconds?: number;
}

const SANDBOX: Sandbox = {
  isRequired: true,
  allow: [],
  read: [],
  write: [],
  pids: 512,
  cpus: null,
  openFiles: 16_384,
  diskMb: 2_048,
};

interface MachineResult {
  readonly kind: string;
  readonly outcome: { readonly status: string; readonly code?: string; readonly detail?: string };
  /** The results of the tools. */
  readonly answers: string[];
  readonly connections: EventData['agent.connection'][];
  readonly leftInTemporary: string[];
  /** The files named `written` that the attempt has left on the machine, outside its own directories. */
  readonly written: string[];
}

export const SECRET = 'SECRET-OF-THE-WORKER';

/** Files that do not belong to the attempt. Each file contains its own secret. */
export const SECRET_FILES = {
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

export async function onMachine(
  machine: Machine,
  commands: (places: Record<string, string>) => readonly string[],
): Promise<MachineResult> {
  const { skip, uid, isWeak = false, visiblePaths, application = 'app', sandbox = null } = machine;
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
      agent: { tools: ['Bash'], sandbox: sandbox && { ...SANDBOX, ...sandbox } },
      limits: { timeoutSeconds: machine.timeoutSeconds ?? 60 },
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
    const result = JSON.parse(stdout) as Omit<MachineResult, 'leftInTemporary' | 'written'>;
    return { ...result, leftInTemporary: await readdir(temporary), written: await findWritten(root) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function findWritten(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true });
  return found.filter((file) => path.basename(file) === 'written');
}

/** Sockets of engines, as they are in `/run`. A process that connects to a socket gets its secret. */
export const DOORS = [
  'docker.sock',
  'containerd/containerd.sock',
  'podman/podman.sock',
  'k3s/containerd/containerd.sock',
  'buildkit/buildkitd.sock',
  'libvirt/libvirt-sock',
  'supervisor.sock',
];
export const DOOR_SECRET = `${SECRET} behind a door`;

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
export const knock = ({ runtimeDir = '' }) =>
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

export const readAll = ({ root = '' }) =>
  [
    ...Object.values(SECRET_FILES).map((file) => `cat '${path.join(root, file)}'`),
    // Without errors: a line for each process of the machine would push the answer out of the event.
    'cat /proc/[0-9]*/environ 2> /dev/null | tr "\\0" "\\n" | grep PROVIDER_KEY',
  ].join('; ');

/** Searches for the secrets through other paths. */
export const lookAround = () =>
  `grep -rhs --exclude='.ask-*' ${SECRET} .. ../../../.. /proc/driver /proc/[0-9]*/cwd/../.. /proc/[0-9]*/root/proc/driver; echo looked around`;

/** Harmless where it works: a mount is undone in the attempt's own namespace, a setting is written unchanged. */
export const undo = ({ home = '', app = '', temporary = '' }) =>
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
