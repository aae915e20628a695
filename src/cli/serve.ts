import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { Listening } from '../api/listen.ts';
import { LonghaulError } from '../core/errors.ts';
import { RESTART_EXIT_CODE } from '../core/exit-codes.ts';
import type { Longhaul } from '../longhaul.ts';
import { parseCount } from './arguments.ts';
import type { Shell } from './shell.ts';
import { listenForStop, type StopSignals } from './stop-signals.ts';
import { toTerminalJson, toTerminalText } from './terminal-text.ts';

const SCRIPTED_NOTICE =
  'No provider is configured: answers come from the built-in scripted model. Set ANTHROPIC_API_KEY to use Claude.';

export interface ServeOptions {
  readonly config?: string;
  readonly port?: number;
  readonly host?: string;
  readonly json?: true;
}

type Role = 'server' | 'worker';

/** Gives a command the options of a process that stays. */
export function addServeOptions(command: Command, roles: readonly Role[]): Command {
  command.option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)');
  if (roles.includes('server')) {
    command
      .option('--port <port>', 'port, 0 for any (default: $LONGHAUL_PORT, else 4400)', parseCount(0, 65_535))
      .option('--host <host>', 'address to listen on (default: $LONGHAUL_HOST, else 127.0.0.1)');
  }
  return command.option('--json', 'say what was started as one line of JSON');
}

/**
 * Runs Longhaul until SIGTERM or SIGINT. The first lets runs finish, the second ends them at once; they are
 * then put in line again. A process that is only a worker also ends when that has left: asked to over HTTP, with 0;
 * grown too large, with the exit code its supervisor starts it again on. Logs go to standard error, what a person or
 * program waits for to standard output.
 */
export async function serve(shell: Shell, { roles, options }: { roles: readonly Role[]; options: ServeOptions }) {
  // Loaded here: a command that only asks a server is not to wait for the engine.
  const [{ loadConfig }, { createLonghaul }] = await Promise.all([
    import('../config/load.ts'),
    import('../longhaul.ts'),
  ]);
  const config = await loadConfig({ file: options.config, cwd: shell.cwd, env: withOverrides(shell.env, options) });
  if (roles.length === 1 && config.databaseUrl === null) throw embeddedRefusal(roles[0]!);

  const signals = listenForStop();
  const longhaul = createLonghaul(config, { roles, ownsProcess: true });
  let listening: Listening | null = null;
  try {
    const isStarted = await Promise.race([longhaul.start().then(() => true), signals.first.then(() => false)]);
    if (!isStarted) return;
    if (roles.includes('server')) {
      const { listen } = await import('../api/listen.ts');
      listening = await listen({
        fetch: (request) => longhaul.fetch(request),
        sockets: longhaul,
        host: config.host,
        port: config.port,
        limits: { keepAliveMs: config.http.keepAliveSeconds * 1_000 },
      });
    }
    announce(shell, { longhaul, url: listening?.url ?? null, isJson: options.json === true });
    const workerLeft = roles.includes('server') ? new Promise<never>(() => {}) : longhaul.workerLeft;
    const leaveReason = await Promise.race([signals.first.then(() => null), workerLeft]);
    if (leaveReason === null) await drain(shell, { longhaul, signals, isJson: options.json === true });
    if (leaveReason === 'memory') shell.exitCode = RESTART_EXIT_CODE;
  } finally {
    await listening?.close();
    await longhaul.stop();
    signals.dispose();
  }
}

function withOverrides(env: Shell['env'], { port, host }: ServeOptions): Shell['env'] {
  return {
    ...env,
    ...(port !== undefined && { LONGHAUL_PORT: String(port) }),
    ...(host !== undefined && { LONGHAUL_HOST: host }),
  };
}

function embeddedRefusal(role: Role): LonghaulError {
  return new LonghaulError('config_invalid', {
    message: `A ${role} alone needs LONGHAUL_DATABASE_URL, a PostgreSQL that it shares with the others: the embedded database takes one process only. To run server and worker in one process: longhaul start`,
  });
}

/** Whoever follows a run that has just finished is still to be sent its last event, and may then ask for the run. */
const LAST_WORDS_MS = 500;

interface Announcement {
  readonly longhaul: Longhaul;
  /** Null for a worker alone. */
  readonly url: string | null;
  readonly isJson: boolean;
}

function announce({ stdout, cwd }: Shell, { longhaul, url, isJson }: Announcement): void {
  const { config, newAdminKey } = longhaul;
  const isScripted = [...config.agents.values()].some(
    ({ provider }) => config.providers.get(provider)?.kind === 'scripted',
  );
  if (isJson) {
    stdout.line(toTerminalJson({ url, dataDir: config.dataDir, newAdminKey, isScripted }));
    return;
  }
  stdout.line(
    url === null ? `Longhaul is working with ${config.worker.slots} slots` : `Longhaul is listening on ${url}`,
  );
  if (newAdminKey !== null) stdout.line(`Admin key: ${newAdminKey} (kept in ${toTerminalText(keyFile(config, cwd))})`);
  if (isScripted) stdout.line(SCRIPTED_NOTICE);
}

function keyFile(config: Config, cwd: string): string {
  const file = path.join(config.dataDir, 'admin-key');
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}

/** Waits until the runs are finished, time is up or a second signal comes. */
async function drain(
  { stdout, stderr }: Shell,
  { longhaul, signals, isJson }: { longhaul: Longhaul; signals: StopSignals; isJson: boolean },
): Promise<void> {
  const { runningCount } = longhaul;
  const { drainTimeoutSeconds } = longhaul.config.worker;
  if (runningCount > 0) {
    const runs = runningCount === 1 ? '1 run' : `${runningCount} runs`;
    (isJson ? stderr : stdout).line(
      `Stopping: waiting up to ${drainTimeoutSeconds} s for ${runs} to finish. Signal again (Ctrl-C) to stop at once.`,
    );
  }
  // Also when none is running: a claim may be under way.
  const drained = longhaul.drain(drainTimeoutSeconds * 1_000);
  const saidLast = drained.then(() => (runningCount > 0 ? setTimeout(LAST_WORDS_MS) : undefined));
  await Promise.race([saidLast, signals.second]);
}
