import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { contain, findContainment } from '../src/agent/containment/containment.ts';
import { findControlGroups } from '../src/agent/sandbox/control-groups.ts';
import { openNetwork } from '../src/agent/sandbox/network.ts';
import { writeEtc } from '../src/agent/sandbox/sandbox-root.ts';
import { findSandbox, toSandboxCommand } from '../src/agent/sandbox/sandbox.ts';
import { sendFilter, withFilterPipe } from '../src/agent/sandbox/system-call-filter.ts';

/**
 * `npm run measure-sandbox`: tries from inside which walls of a sandbox hold, on the kinds of machine that this one can
 * be made to resemble, and prints the table of `docs/sandbox.md`. Run it as root to measure all of them. With
 * `--here TITLE` it prints the row of the process that it is, under a service manager or in a container.
 */

const ORDINARY = ['setpriv', '--reuid', '61234', '--regid', '61234', '--clear-groups'];
const NO_PRIVILEGES = ['--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all'];

const NO_NAMESPACES = ['bwrap', '--unshare-user', '--disable-userns', '--dev-bind', '/', '/', '--'];

/** The kinds of machine: the command that starts a worker there. */
const MACHINES: Readonly<Record<string, readonly string[]>> = {
  root: [],
  'an ordinary user': [...ORDINARY, '--'],
  'a user in a container whose profile allows namespaces': [...ORDINARY, ...NO_PRIVILEGES, '--'],
  // The kernel then refuses namespaces, as the default profiles of containers do.
  'a user in a container with the default profile': [...ORDINARY, ...NO_PRIVILEGES, '--', ...NO_NAMESPACES],
};

const SECRET = 'a file of another run';

interface Probe {
  readonly title: string;
  /** The command to try from inside; `$1` is the file of another run, `$2` the port of a service on this machine. */
  readonly command: string;
  /** Returns the cell for its output. */
  readonly judge: (output: string) => string;
}

const yesOrNo = (holds: boolean) => (holds ? 'yes' : '**no**');

const PROBES: readonly Probe[] = [
  {
    title: 'other files hidden',
    command: 'cat "$1" 2> /dev/null; echo tried',
    judge: (output) => yesOrNo(!output.includes(SECRET)),
  },
  {
    title: 'system read-only',
    command: '[ -w /usr/lib ] && echo writable; echo tried',
    judge: (output) => yesOrNo(!output.includes('writable')),
  },
  {
    title: 'network closed',
    // Sockets of family 40 lead from a virtual machine to its host, past every network. Perl is part of every Debian.
    command:
      '(exec 3<> "/dev/tcp/127.0.0.1/$2" && echo reached; perl -e "socket(S, 40, 1, 0) and print q(reached)") 2> /dev/null; echo tried',
    judge: (output) => yesOrNo(!output.includes('reached')),
  },
  {
    title: 'other processes hidden',
    command: 'ls -d /proc/[0-9]* | wc -l',
    judge: (output) => yesOrNo(Number(output) < 8),
  },
  {
    title: 'no capability',
    command: 'grep -c "^CapEff:[[:space:]]*0*$" /proc/self/status',
    judge: (output) => yesOrNo(output.trim() === '1'),
  },
  {
    title: 'no new namespace',
    command: 'unshare --user true 2> /dev/null && echo made; echo tried',
    judge: (output) => yesOrNo(!output.includes('made')),
  },
  {
    title: 'processes',
    // The count needs no process that the limit could refuse.
    command: '(sleep 2; set -- /proc/[0-9]*; echo $#) & for i in $(seq 80); do sleep 4 & done 2> /dev/null; wait',
    judge: (output) => (Number.parseInt(output, 10) <= LIMITS.pids ? 'kernel and watched' : 'watched'),
  },
];

const LIMITS = { pids: 60, openFiles: 1_024, diskMb: 10 };

if (process.argv[2] === '--inside') console.log(JSON.stringify(await tryAll(process.argv.slice(3))));
else if (process.argv[2] === '--here') await printTable({ [process.argv[3] ?? 'here']: [] });
else await printTable(process.getuid?.() === 0 ? MACHINES : { 'an ordinary user': [] });

/** Tries every probe on this machine, in a sandbox, or in the containment that the machine allows instead. */
async function tryAll([secret = '', port = '']: readonly string[]): Promise<string[]> {
  const found = await findSandbox();
  const outputs: string[] = [];
  for (const { command } of PROBES) {
    const asked = ['/bin/bash', '-c', command, 'probe', secret, port];
    outputs.push('kind' in found ? await inSandbox(found.kind, asked) : await inContainment(asked));
  }
  const controllers = (await findControlGroups())?.controllers ?? [];
  const kind = 'kind' in found ? `sandbox (\`${found.kind}\`)` : `\`${(await findContainment()).kind}\` only`;
  const limits = 'kind' in found ? 'watched' : '**no**';
  const cells = PROBES.map(({ title, judge }, index) =>
    title === 'processes' && !('kind' in found) ? '**no**' : judge(outputs[index] ?? ''),
  );
  const shares = ['memory', 'cpu'].map((controller) => {
    if (controllers.some((one) => one === controller)) return 'kernel';
    return controller === 'memory' ? 'watched' : '**no**';
  });
  return [kind, ...cells, limits, ...shares];
}

async function inSandbox(kind: Parameters<typeof toSandboxCommand>[0]['kind'], command: string[]): Promise<string> {
  const workspace = await mkdtemp(path.join(tmpdir(), 'longhaul-measure-'));
  const network = await openNetwork([1_024], { isUserNamespace: kind !== 'root' });
  const groups = await findControlGroups();
  const group = (await groups?.open('measure', { pids: LIMITS.pids, memoryBytes: null, cpus: null })) ?? null;
  try {
    await writeEtc(workspace, workspace);
    const whole = toSandboxCommand({
      kind,
      group,
      network,
      entries: [],
      tmpDir: workspace,
      etcDir: workspace,
      cwd: '/tmp',
      limits: LIMITS,
      command,
    });
    return await run(whole);
  } finally {
    network.close();
    await group?.close();
    await rm(workspace, { recursive: true, force: true });
  }
}

async function inContainment(command: string[]): Promise<string> {
  return run(contain(await findContainment(), { command, cwd: '/', mountTable: null }));
}

function run([program = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: withFilterPipe('ignore', 'pipe', 'ignore'), timeout: 30_000 });
  sendFilter(child);
  return child.stdout === null ? Promise.resolve('') : text(child.stdout);
}

async function printTable(machines: typeof MACHINES): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-others-'));
  const secret = path.join(directory, 'notes');
  await writeFile(secret, SECRET, { mode: 0o644 });
  await chmod(directory, 0o755);
  const service = createServer((socket) => socket.destroy());
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const { port } = service.address() as AddressInfo;
  const inside = [...process.execArgv, import.meta.filename, '--inside', secret, String(port)];

  const titles = ['worker', 'held by', ...PROBES.map(({ title }) => title), 'open files, disk', 'memory', '`cpus`'];
  console.log(`| ${titles.join(' | ')} |\n|${'---|'.repeat(titles.length)}`);
  for (const [machine, wrapper] of Object.entries(machines)) {
    const [program = '', ...args] = [...wrapper, process.execPath, ...inside];
    const { stdout, stderr, status } = spawnSync(program, args, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
    });
    if (status !== 0) throw new Error(`${machine} could not be measured: ${stderr}`);
    console.log(`| ${[machine, ...(JSON.parse(stdout) as string[])].join(' | ')} |`);
  }
  service.close();
  await rm(directory, { recursive: true, force: true });
}
