import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { resolveConfig } from '../config/resolve.ts';
import { ownIdentity, readStartTime } from '../core/process-identity.ts';
import { judgeContainment, judgeSandbox } from './checks/machine.ts';
import { judgeRestart } from './checks/restarts.ts';
import { judgeStop } from './checks/supervision.ts';
import { judge } from './doctor.fixture.ts';
import { findServices, readService } from './machine/services.ts';
import { findSupervision, type Supervision } from './machine/supervision.ts';
import { findUnit, parseTimeSpan, parseUnit } from './machine/systemd-unit.ts';

const config = resolveConfig({ input: { agents: { reader: { tools: [] } } }, baseDir: '/', env: {} });
const found = { wrapper: [], drop: [], exposesEnvironment: false } as const;

describe('the checks of the machine', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-doctor-test-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('find this machine in order where they can', async () => {
    expect(await judge('node')).toMatchObject({ verdict: 'ok', found: process.version });
    expect(await judge('init')).toMatchObject({ verdict: 'ok' });
    expect(await judge('memory')).toMatchObject({ verdict: 'ok' });
    expect(await judge('home')).toMatchObject({ found: expect.any(String) as string });
    expect(await judge('root')).toMatchObject({ verdict: process.getuid?.() === 0 ? 'warning' : 'ok' });
    expect((await judge('containment')).found).toMatch(/namespace|signal|mark/);
    expect((await judge('open-files')).found).toMatch(/^\d+ files/);
  });

  it('say which agents have no sandbox, also where none can be held', () => {
    const input = { agents: { coder: { tools: ['Bash'] }, free: { tools: ['Bash'], sandbox: false as const } } };
    const { agents } = resolveConfig({ input, baseDir: '/', env: {} });
    const finding = judgeSandbox({ missing: 'bubblewrap is not installed' }, [...agents.values()]);
    expect(finding.verdict).toBe('warning');
    expect(finding.found).toMatch(/^bubblewrap is not installed: coder can connect.*; free: sandbox: false/);
  });

  it('demand memory for every slot', async () => {
    expect(await judge('memory', { config: { worker: { slots: 256 } } })).toMatchObject({
      verdict: 'warning',
      mend: expect.stringContaining('worker.slots') as string,
    });
  });

  it('judge containment by the agents that can run commands', () => {
    expect(judgeContainment({ ...found, kind: 'mount_namespace', isNamespace: true }, ['doer']).verdict).toBe('ok');
    expect(judgeContainment({ ...found, kind: 'pid_namespace', isNamespace: true }, ['doer']).verdict).toBe('warning');
    expect(judgeContainment({ ...found, kind: 'mark', isNamespace: false }, []).verdict).toBe('warning');
    expect(judgeContainment({ ...found, kind: 'mark', isNamespace: false }, ['doer']).verdict).toBe('failed');
  });

  it('find a home and a temporary directory that do not exist', async () => {
    vi.stubEnv('HOME', path.join(directory, 'none'));
    vi.stubEnv('TMPDIR', path.join(directory, 'none'));
    expect(await judge('home')).toMatchObject({ verdict: 'warning' });
    expect(await judge('temporary-files')).toMatchObject({ verdict: 'failed' });
    vi.unstubAllEnvs();
    expect(await judge('temporary-files')).toMatchObject({ verdict: 'ok' });
  });

  it('find a data directory that others can enter, and a key that others can read', async () => {
    const dataDir = path.join(directory, 'data');
    const env = { LONGHAUL_DATA_DIR: dataDir };
    expect(await judge('data-directory', { env })).toMatchObject({ verdict: 'ok' });
    await mkdir(dataDir, { mode: 0o755 });
    expect(await judge('data-directory', { env })).toMatchObject({ verdict: 'warning' });
    await writeFile(path.join(dataDir, 'admin-key'), 'lh_x', { mode: 0o644 });
    expect(await judge('data-directory', { env })).toMatchObject({ verdict: 'failed' });
    await chmod(path.join(dataDir, 'admin-key'), 0o600);
    await chmod(dataDir, 0o700);
    expect(await judge('data-directory', { env })).toMatchObject({ verdict: 'ok' });
  });

  it.skipIf(!existsSync('/dev/shm'))('refuse a database that is in memory', async () => {
    const inMemory = await mkdtemp('/dev/shm/longhaul-doctor-test-');
    expect(await judge('data-directory', { env: { LONGHAUL_DATA_DIR: inMemory } })).toMatchObject({
      verdict: 'failed',
    });
    await rm(inMemory, { recursive: true });
  });

  it('find the process that holds the embedded database', async () => {
    const dataDir = path.join(directory, 'held');
    await mkdir(dataDir);
    await writeFile(path.join(dataDir, 'lock'), ownIdentity());
    const held = { ...config, dataDir };
    const database = { reason: 'held', isFailure: false };
    const services = await findServices({ config: held, database });
    expect(services).toMatchObject([{ pid: process.pid, uid: process.getuid?.() }]);
    expect(services[0]?.env).toHaveProperty('PATH');
  });
});

describe('the settings of a supervisor', () => {
  const program = {
    group: 'worker',
    name: 'worker',
    stopWaitSeconds: 210,
    exitCodes: [0, 80, 81, 84],
    startSeconds: 10,
    startRetries: 1e6,
    stopSignal: 15,
    killsGroup: true,
  };
  const unit = parseUnit(
    'longhaul.service',
    'TimeoutStopUSec=3min 30s\nKillMode=mixed\nRestart=on-failure\nRestartPreventExitStatus=80 81 84\nStartLimitIntervalUSec=0\n',
  );
  const ofSupervisor = (changes: object): Supervision => ({
    kind: 'supervisor',
    program: { ...program, ...changes },
    service: null,
  });
  const ofSystemd = (changes: object): Supervision => ({ kind: 'systemd', unit: { ...unit, ...changes } });

  it('are in order when runs drain and exit 75 is restarted', () => {
    for (const good of [ofSupervisor({}), ofSystemd({})]) {
      expect(judgeStop(good, config).verdict).toBe('ok');
      expect(judgeRestart(good).verdict).toBe('ok');
    }
  });

  it.each([
    ['a stop wait that is too short', ofSupervisor({ stopWaitSeconds: 10 }), 'failed', 'ok'],
    ['another signal', ofSupervisor({ stopSignal: 2 }), 'failed', 'ok'],
    ['children that are left behind', ofSupervisor({ killsGroup: false }), 'warning', 'ok'],
    ['exit 75 that is expected', ofSupervisor({ exitCodes: [0, 75, 80, 81, 84] }), 'ok', 'failed'],
    ['a wrong configuration that is restarted', ofSupervisor({ exitCodes: [0] }), 'ok', 'warning'],
    ['few retries at boot', ofSupervisor({ startRetries: 3 }), 'ok', 'warning'],
    [
      'a service of Supervisor that is killed earlier',
      { ...ofSupervisor({}), service: { ...unit, stopSeconds: 90 } } as Supervision,
      'failed',
      'ok',
    ],
    ['a unit that is killed earlier', ofSystemd({ stopSeconds: 90 }), 'failed', 'ok'],
    ['a unit that signals every process', ofSystemd({ killMode: 'control-group' }), 'failed', 'ok'],
    ['a unit that is not restarted', ofSystemd({ restart: 'no' }), 'ok', 'failed'],
    ['a unit with a start limit', ofSystemd({ hasStartLimit: true }), 'ok', 'warning'],
    [
      'settings that cannot be read',
      { kind: 'unreadable', name: 'Kubernetes', reason: 'a pod' } as const,
      'skipped',
      'skipped',
    ],
  ] as const)('are judged: %s', (_, supervision, stop, restart) => {
    expect(judgeStop(supervision, config).verdict).toBe(stop);
    expect(judgeRestart(supervision).verdict).toBe(restart);
  });

  it('of systemd are parsed', () => {
    expect(unit).toEqual({
      unit: 'longhaul.service',
      stopSeconds: 210,
      killMode: 'mixed',
      restart: 'on-failure',
      finalCodes: [80, 81, 84],
      hasStartLimit: false,
    });
    expect(parseTimeSpan('infinity')).toBe(Infinity);
    expect(parseTimeSpan('1h 2min 500ms')).toBe(3_720.5);
    expect(findUnit('1:name=systemd:/system.slice/longhaul-worker.service\n0::/init.scope')).toBe(
      'longhaul-worker.service',
    );
    expect(findUnit('0::/user.slice/user-0.slice')).toBeNull();
  });
});

/** Debian's own. */
const SUPERVISORD = '/usr/bin/supervisord';

describe.skipIf(!existsSync(SUPERVISORD))('a real Supervisor', () => {
  let directory: string;
  let supervisor: ChildProcess;
  let pid: number;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-supervisor-'));
    const command = `${process.execPath} -e "setInterval(() => {}, 1000)"`;
    await writeFile(
      path.join(directory, 'supervisord.conf'),
      `[unix_http_server]
file=${directory}/supervisor.sock
[supervisord]
nodaemon=true
logfile=${directory}/supervisord.log
pidfile=${directory}/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:longhaul-worker]
command=${command}
startsecs=0
stopwaitsecs=33
exitcodes=0,80
stdout_logfile=NONE
`,
    );
    supervisor = spawn(SUPERVISORD, ['-c', path.join(directory, 'supervisord.conf')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { promise, resolve } = Promise.withResolvers<number>();
    let output = '';
    supervisor.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const spawned = /spawned: 'longhaul-worker' with pid (\d+)/.exec(output)?.[1];
      if (spawned !== undefined) resolve(Number(spawned));
    });
    pid = await promise;
  });
  afterAll(async () => {
    supervisor.kill('SIGTERM');
    await once(supervisor, 'exit');
    await rm(directory, { recursive: true, force: true });
  });

  it('is asked for the settings in force of the program that a process belongs to', async () => {
    expect(readStartTime(pid)).not.toBeNull();
    await expect.poll(async () => (await readService(pid))?.env?.['SUPERVISOR_ENABLED']).toBe('1');
    const service = await readService(pid);
    const [supervision] = await findSupervision({
      findServices: () => Promise.resolve(service === null ? [] : [service]),
      signal: AbortSignal.timeout(5_000),
    });
    expect(supervision).toMatchObject({
      kind: 'supervisor',
      program: { group: 'longhaul-worker', stopWaitSeconds: 33, exitCodes: [0, 80], stopSignal: 15, killsGroup: false },
    });
    expect(judgeStop(supervision!, config)).toMatchObject({
      verdict: 'failed',
      found: expect.stringContaining('stopwaitsecs=33') as string,
    });
  });
});
