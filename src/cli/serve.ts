import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Listening } from '../api/listen.ts';
import type { Config } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import { RESTART_EXIT_CODE } from '../core/exit-codes.ts';
import type { Logger } from '../core/log.ts';
import type { Longhaul } from '../longhaul.ts';
import { announce } from './announce.ts';
import { connect, isLoopback } from './connection.ts';
import { createLink } from './dashboard.ts';
import { parseCount } from './arguments.ts';
import { continueUnderInit } from './init.ts';
import { reportToLog } from './report-error.ts';
import type { Shell } from './shell.ts';
import { listenForStop, type StopSignals } from './stop-signals.ts';
import { listenForUncaught, type Uncaught } from './uncaught.ts';

export interface ServeOptions {
  readonly config?: string;
  readonly port?: number;
  readonly host?: string;
  readonly metricsPort?: number;
  readonly json?: true;
}

type Role = 'server' | 'worker';

interface ServeRoles {
  readonly roles: readonly Role[];
  readonly options: ServeOptions;
  /** Changes the configuration for a drill. Defaults to none. */
  readonly prepare?: (config: Config) => Config;
  /** Makes the process a guest: see `LonghaulOptions`. */
  readonly onlyAgents?: readonly string[] | undefined;
}

/** Adds the options of a long-running process to a command. */
export function addServeOptions(command: Command, roles: readonly Role[]): Command {
  command.option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)');
  if (roles.includes('server')) {
    command
      .option('--port <port>', 'port, 0 for any (default: $LONGHAUL_PORT, else 4400)', parseCount(0, 65_535))
      .option('--host <host>', 'address to listen on (default: $LONGHAUL_HOST, else 127.0.0.1)');
  }
  command.option(
    '--metrics-port <port>',
    'port for /metrics, /livez and /readyz alone, 0 for any (default: $LONGHAUL_METRICS_PORT, else none)',
    parseCount(0, 65_535),
  );
  return command.option('--json', 'report the start as one line of JSON');
}

/**
 * Runs Longhaul until SIGTERM or SIGINT. The first signal lets runs finish; the second ends them immediately, and they
 * are queued again. A process that is only a worker also ends when its worker has stopped: with 0 after a drain request
 * over HTTP, and after it has grown too large with the exit code that makes its supervisor start it again. After an
 * uncaught error every process stops as after SIGTERM, with the same code. Logs go to standard error, output for a person or
 * program to standard output.
 */
export async function serve(shell: Shell, options: ServeRoles): Promise<void> {
  try {
    await serveUntilEnd(shell, options);
  } catch (error) {
    // On a terminal as text, like the errors of other commands; elsewhere standard error is the log.
    if (shell.stderr.isTerminal) throw error;
    reportToLog(shell, error);
  }
}

async function serveUntilEnd(
  shell: Shell,
  { roles, options, prepare = (config) => config, onlyAgents }: ServeRoles,
): Promise<void> {
  const withoutInit = continueUnderInit();
  process.title = `longhaul ${roles.length > 1 ? 'start' : roles[0]}`;
  // Imported here, so that commands that only call a server do not wait for the engine to load.
  const [{ loadConfig }, { createLonghaul }, { createLog }] = await Promise.all([
    import('../config/load.ts'),
    import('../longhaul.ts'),
    import('../core/log.ts'),
  ]);
  const loaded = await loadConfig({ file: options.config, cwd: shell.cwd, env: withOverrides(shell.env, options) });
  const config = prepare(loaded);
  if (roles.length === 1 && config.databaseUrl === null) throw embeddedRefusal(roles[0]!);

  const log = createLog(config.logLevel);
  if (withoutInit !== null) log.warn({}, withoutInit.problem);
  const signals = listenForStop();
  const uncaught = listenForUncaught(log);
  const longhaul = createLonghaul(config, { roles, ownsProcess: true, onlyAgents, log });
  let listening: Listening | null = null;
  try {
    const end = untilEnd({ longhaul, signals, uncaught, isWorkerAlone: !roles.includes('server') });
    const started = await Promise.race([longhaul.start().then(() => null), end]);
    if (started !== null) return toExitCode(shell, started);
    if (roles.includes('server')) listening = await listenFor(longhaul, log);
    announce(shell, { started: longhaul, url: listening?.url ?? null, isJson: options.json === true });
    if (listening !== null && options.json !== true) await announceDashboard(shell, { longhaul, url: listening.url });
    const reason = await end;
    if (reason.why === 'signal' || reason.why === 'uncaught')
      await leave(shell, { longhaul, listening, signals, reason });
    toExitCode(shell, reason);
  } finally {
    await listening?.close();
    await longhaul.stop();
    uncaught.dispose();
    signals.dispose();
  }
}

/** Shows the link to the dashboard at a terminal. A link that signs in must not reach a log. */
async function announceDashboard(shell: Shell, { longhaul, url }: { longhaul: Longhaul; url: string }): Promise<void> {
  if (!shell.stdout.isTerminal || !isLoopback(url) || longhaul.config.dashboard === null) return;
  try {
    const client = await connect(shell, { url });
    const link = await createLink(client, url);
    shell.stdout.line(`Dashboard: ${link.url} (signs in once, within ten minutes; then: longhaul dashboard)`);
  } catch {
    // The key may be kept elsewhere. The server works without.
    shell.stdout.line(`Dashboard: ${new URL(longhaul.config.dashboard.path, url).href}`);
  }
}

/** Reasons for the end of a process. `memory`, `drain_requested`: its worker has already stopped. */
type EndReason =
  | { readonly why: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly why: 'uncaught' | 'memory' | 'drain_requested' };

async function untilEnd(options: {
  longhaul: Longhaul;
  signals: StopSignals;
  uncaught: Uncaught;
  isWorkerAlone: boolean;
}): Promise<EndReason> {
  const { longhaul, signals, uncaught, isWorkerAlone } = options;
  const ends: Promise<EndReason>[] = [
    signals.first.then((signal) => ({ why: 'signal', signal }) as const),
    uncaught.first.then(() => ({ why: 'uncaught' }) as const),
  ];
  // A process that is also a server continues without its worker.
  if (isWorkerAlone) ends.push(longhaul.workerLeft.then((why) => ({ why })));
  return Promise.race(ends);
}

function toExitCode(shell: Shell, { why }: EndReason): void {
  if (why === 'memory' || why === 'uncaught') shell.exitCode = RESTART_EXIT_CODE;
}

async function listenFor(longhaul: Longhaul, log: Pick<Logger, 'warn'>): Promise<Listening> {
  const { listen } = await import('../api/listen.ts');
  const { host, port, http } = longhaul.config;
  return listen({
    fetch: (request) => longhaul.fetch(request),
    sockets: longhaul,
    host,
    port,
    limits: { keepAliveMs: http.keepAliveSeconds * 1_000 },
    onWarning: (facts, message) => log.warn(facts, message),
  });
}

function withOverrides(env: Shell['env'], { port, host, metricsPort }: ServeOptions): Shell['env'] {
  return {
    ...env,
    ...(port !== undefined && { LONGHAUL_PORT: String(port) }),
    ...(host !== undefined && { LONGHAUL_HOST: host }),
    ...(metricsPort !== undefined && { LONGHAUL_METRICS_PORT: String(metricsPort) }),
  };
}

function embeddedRefusal(role: Role): LonghaulError {
  return new LonghaulError('config_invalid', {
    message: `A separate ${role} needs LONGHAUL_DATABASE_URL, a PostgreSQL database shared by all processes: only one process can use the embedded database. To run server and worker in one process: longhaul start`,
  });
}

/** Time for clients that follow a finished run to receive its last event and then request the run. */
const LAST_WORDS_MS = 500;

interface Leaving {
  readonly longhaul: Longhaul;
  /** Null for a worker alone. */
  readonly listening: Listening | null;
  readonly signals: StopSignals;
  readonly reason: EndReason;
}

/**
 * Waits until the runs are finished and clients have had time to notice that this server is stopping, or until a second
 * signal.
 */
async function leave({ stdout, stderr }: Shell, { longhaul, listening, signals, reason }: Leaving): Promise<void> {
  const { runningCount } = longhaul;
  const { drainTimeoutSeconds } = longhaul.config.worker;
  const isAtTerminal = stdout.isTerminal || stderr.isTerminal;
  // Without a terminal, the worker's own log line reports it.
  if (runningCount > 0 && isAtTerminal) {
    const runs = runningCount === 1 ? '1 run' : `${runningCount} runs`;
    (stdout.isTerminal ? stdout : stderr).line(
      `Stopping: waiting up to ${drainTimeoutSeconds} s for ${runs} to finish. Signal again (Ctrl-C) to stop at once.`,
    );
  }
  const isCtrlC = isAtTerminal && reason.why === 'signal' && reason.signal === 'SIGINT';
  const isServing = listening !== null && !isCtrlC;
  // Also when no run is running: a claim may be in progress.
  const drained = longhaul
    .drain(drainTimeoutSeconds * 1_000)
    .then(() => (runningCount > 0 ? delay(LAST_WORDS_MS) : null));
  const leaving = new AbortController();
  const { signal } = leaving;
  listening?.announceEnd();
  const { shutdownDelaySeconds } = longhaul.config.http;
  const noticed = isServing ? delay(shutdownDelaySeconds * 1_000, undefined, { signal }).catch(() => {}) : null;
  await Promise.race([Promise.all([drained, noticed]), signals.second]);
  leaving.abort();
}
