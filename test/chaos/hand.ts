import { setTimeout as delay } from 'node:timers/promises';
import { readStartTime } from '../../src/core/process-identity.ts';
import type { Fleet } from './fleet.ts';
import { findAttemptProcesses, findExecutableProcesses } from '../support/marked-processes.ts';
import type { PlannedDeed } from './plan.ts';
import type { Incarnation, Supervised } from './supervised.ts';

/** A hand that carries out its plan. */
export interface Hand {
  /** Resolves when every deed is done and undone: no process is stopped, and the database is up. */
  readonly done: Promise<void>;
  /** Milliseconds from the KILL of a worker to the end of its attempts' last process. */
  readonly afterlivesMs: readonly number[];
  readonly deedCount: number;
}

interface HandOptions {
  readonly fleet: Fleet;
  readonly deeds: readonly PlannedDeed[];
  /** Called for every deed as it happens. */
  readonly onDeed: (kind: string, what: string) => void;
  readonly signal: AbortSignal;
}

/** Milliseconds for which the processes of a killed worker are watched. */
const AFTERLIFE_LIMIT_MS = 10_000;

/** Carries out the deeds of a plan, each at its time. */
export function startHand({ fleet, deeds, onDeed, signal }: HandOptions): Hand {
  const afterlivesMs: number[] = [];
  const beganAt = performance.now();
  /** The database stops and starts once at a time. */
  let databaseDeed: Promise<void> = Promise.resolve();
  /** So does the backend that wakes workers. */
  let backendDeed: Promise<void> = Promise.resolve();
  let deedCount = 0;
  /** The end of a short stop does not wake a process that is stopped for longer. */
  const stopped = new Set<Incarnation>();

  const pause = (durationMs: number) => delay(Math.max(0, durationMs), undefined, { signal }).catch(() => {});

  async function perform(deed: PlannedDeed): Promise<void> {
    await pause(deed.atMs - (performance.now() - beganAt));
    if (signal.aborted) return;
    deedCount += 1;
    await act(deed);
  }

  async function act(deed: PlannedDeed): Promise<void> {
    const { kind, target, durationMs } = deed;
    const tell = (what: string) => onDeed(kind, what);
    const place = Math.floor(target * fleet.workers.length);
    const worker = fleet.workers[place]!;
    switch (kind) {
      case 'kill-worker':
        return killWorker(worker, tell);
      case 'term-worker':
        return tell(signalTo(worker, 'SIGTERM'));
      case 'term-worker-twice':
        tell(signalTo(worker, 'SIGTERM'));
        await pause(300);
        return void signalTo(worker, 'SIGTERM');
      case 'stop-worker':
      case 'stop-worker-over-lease': {
        const { current } = worker;
        if (current === null || stopped.has(current)) return tell(`${worker.name} was not there, or stopped already`);
        stopped.add(current);
        tell(`${signalTo(worker, 'SIGSTOP')} for ${toSeconds(durationMs)}`);
        await pause(durationMs);
        stopped.delete(current);
        if (worker.current === current) tell(signalTo(worker, 'SIGCONT'));
        return;
      }
      case 'kill-executable':
        return signalExecutable(deed, { signal: 'SIGKILL', tell });
      case 'term-executable':
        return signalExecutable(deed, { signal: 'SIGTERM', tell });
      case 'stop-executable':
        return signalExecutable(deed, { signal: 'SIGSTOP', tell });
      case 'restart-database':
      case 'crash-database':
      case 'database-away-over-lease': {
        databaseDeed = databaseDeed.then(() => takeDatabase(deed, tell));
        return databaseDeed;
      }
      case 'backend-away':
      case 'flush-backend':
      case 'silence-backend': {
        backendDeed = backendDeed.then(() => breakBackend(deed, tell));
        return backendDeed;
      }
      case 'cut-worker-off':
      case 'cut-worker-off-over-lease':
        return cutOff(place, { durationMs, tell });
      case 'kill-server':
        return tell(signalTo(fleet.server, 'SIGKILL'));
      case 'term-server':
        return tell(signalTo(fleet.server, 'SIGTERM'));
      case 'cut-streams': {
        const isHalf = target < 0.5;
        return tell(`${fleet.proxy.cut((index) => !isHalf || index % 2 === 0)} connections`);
      }
    }
  }

  async function killWorker(worker: Supervised, tell: (what: string) => void): Promise<void> {
    const { current } = worker;
    if (current === null) return tell(`${worker.name} was not there`);
    const count = (await findAttemptProcesses([current.pid])).length;
    tell(`${signalTo(worker, 'SIGKILL')} with ${count} processes of attempts`);
    const killedAt = performance.now();
    while (performance.now() - killedAt < AFTERLIFE_LIMIT_MS) {
      if ((await findAttemptProcesses([current.pid])).length === 0) break;
      await delay(50);
    }
    if (count > 0) afterlivesMs.push(Math.round(performance.now() - killedAt));
  }

  async function cutOff(place: number, { durationMs, tell }: { durationMs: number; tell: (what: string) => void }) {
    const name = fleet.workers[place]?.name;
    const proxy = fleet.databaseProxies[place]!;
    if (proxy.isShut) return tell(`${name} was cut off already`);
    tell(`${name} does not reach PostgreSQL for ${toSeconds(durationMs)}`);
    proxy.shut();
    await pause(durationMs);
    proxy.reopen();
    tell(`${name} reaches PostgreSQL again`);
  }

  async function signalExecutable(
    { target, durationMs }: PlannedDeed,
    { signal: name, tell }: { signal: NodeJS.Signals; tell: (what: string) => void },
  ): Promise<void> {
    const workerPids = fleet.workers.flatMap(({ current }) => (current === null ? [] : [current.pid]));
    const found = await findExecutableProcesses(workerPids, fleet.executables);
    const victim = found[Math.floor(target * found.length)];
    if (victim === undefined) return tell('nobody was there');
    const isSent = () => readStartTime(victim.pid) === victim.startTime && kill(victim.pid, name);
    const lasts = name === 'SIGSTOP' ? ` for ${toSeconds(durationMs)}` : '';
    tell(`pid ${victim.pid} ${isSent() ? `got ${name}` : 'was gone'}${lasts}`);
    if (name !== 'SIGSTOP') return;
    await pause(durationMs);
    if (readStartTime(victim.pid) === victim.startTime) kill(victim.pid, 'SIGCONT');
  }

  async function takeDatabase({ kind, durationMs }: PlannedDeed, tell: (what: string) => void): Promise<void> {
    if (signal.aborted) return;
    const mode = kind === 'crash-database' ? 'immediate' : 'fast';
    tell(`PostgreSQL ends, ${mode}, for ${toSeconds(durationMs)}`);
    await fleet.postgres.stop(mode);
    await pause(durationMs);
    if (signal.aborted) return;
    await fleet.postgres.start();
    tell('PostgreSQL is back');
  }

  async function breakBackend({ kind, durationMs }: PlannedDeed, tell: (what: string) => void): Promise<void> {
    const { backend } = fleet;
    if (signal.aborted || backend === null) return;
    if (kind === 'flush-backend') {
      await backend.flush();
      return tell('all wake-ups are removed');
    }
    tell(`the backend ${kind === 'backend-away' ? 'ends' : 'is silent'} for ${toSeconds(durationMs)}`);
    if (kind === 'backend-away') await backend.kill();
    else backend.freeze();
    await pause(durationMs);
    if (kind === 'backend-away') await backend.start();
    else backend.thaw();
    tell('the backend is back');
  }

  return {
    done: Promise.all(deeds.map(perform)).then(() => {}),
    afterlivesMs,
    get deedCount() {
      return deedCount;
    },
  };
}

function signalTo(supervised: Supervised, signal: NodeJS.Signals): string {
  const { current } = supervised;
  if (current === null || !supervised.signal(signal)) return `${supervised.name} was not there`;
  return `${supervised.name} (pid ${current.pid}) got ${signal}`;
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function toSeconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
